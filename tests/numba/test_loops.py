"""Loops of an analysis against central differences, and against array programs."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import awkward as ak
import numpy as np
import pytest

numba = pytest.importorskip("numba")

import awkward_dual as ad  # noqa: E402
from awkward_dual.numba import zeros  # noqa: E402
from awkward_dual.testing import assert_equal  # noqa: E402
from benchmarks.loops import cluster, dimuon  # noqa: E402
from benchmarks.programs import events  # noqa: E402
from vertex_loop import vertex  # noqa: E402


def thrust(particles: Any) -> Any:
    """The largest projection on the direction of any particle: nested loops, a choice."""
    out = zeros(len(particles), like=particles)
    for i, event in enumerate(particles):
        best = 0.0
        for a in event:
            nx, ny = math.cos(a.phi), math.sin(a.phi)
            projected = 0.0
            for b in event:
                projected += abs(b.pt * (nx * math.cos(b.phi) + ny * math.sin(b.phi)))
            best = max(best, projected)
        out[i] = best
    return out


def muons(count: int) -> Any:
    out = events(count)
    charge = np.random.default_rng(1).choice([-1, 1], int(ak.sum(ak.num(out))))
    return ak.with_field(out, ak.unflatten(charge, ak.num(out)), "charge")


def tracks(count: int) -> Any:
    rng = np.random.default_rng(2)
    lengths = rng.poisson(6, count)
    total = int(lengths.sum())
    flat = {"z": rng.normal(0, 5, total), "sigma": rng.uniform(0.05, 0.3, total)}
    return ak.unflatten(ak.Array(flat), lengths)


CASES = [
    pytest.param(dimuon, muons, id="dimuon"),
    pytest.param(cluster, muons, id="cluster"),
    pytest.param(vertex, tracks, id="vertex"),
    pytest.param(thrust, muons, id="thrust"),
]


def moved(x: Any, dx: Any, step: float) -> Any:
    fields = {f: x[f] + step * dx[f] if f != "charge" else x[f] for f in ak.fields(x)}
    return ak.zip(fields)


@pytest.mark.parametrize(("loop", "make"), CASES)
def test_central_differences(loop: Callable[..., Any], make: Callable[[int], Any]) -> None:
    """Every event at one step at least: at others it may cross a kink, or round."""
    x = make(300)
    rng = np.random.default_rng(3)
    counts = ak.num(x)
    dx = ak.zip(
        {f: ak.unflatten(rng.normal(size=int(ak.sum(counts))), counts) for f in ak.fields(x)}
    )
    dx = ak.with_field(dx, x.charge, "charge") if "charge" in ak.fields(x) else dx
    compiled = numba.njit(loop)
    value, tangent = ad.jvp(compiled, (x,), (dx,))
    np.testing.assert_array_equal(value, compiled(x))
    agrees = np.zeros(len(x), bool)
    for step in (1e-4, 1e-5, 1e-6, 1e-7):
        ahead, behind = (compiled(moved(x, dx, s)) for s in (step, -step))
        agrees |= np.isclose((ahead - behind) / (2 * step), tangent, rtol=1e-5, atol=1e-6)
    assert agrees.all()


def test_an_array_program_and_several_directions() -> None:
    x = muons(50)

    def by_arrays(p: Any) -> Any:
        scaled = ak.with_field(x, x.pt * (1 + p[0] + p[1] * x.eta + p[2] * x.phi), "pt")
        a, b = ak.unzip(ak.combinations(scaled, 2))
        mass = np.sqrt(2 * a.pt * b.pt * (np.cosh(a.eta - b.eta) - np.cos(a.phi - b.phi)))
        return ak.sum(ak.where(a.charge * b.charge < 0, mass, 0), axis=1)

    compiled = numba.njit(dimuon)

    def by_loop(p: Any) -> Any:
        pt = x.pt * (1 + p[0] + p[1] * x.eta + p[2] * x.phi)
        return ak.Array(compiled(ak.with_field(x, pt, "pt")))

    p = np.array([0.01, -0.02, 0.003])
    assert_equal(ad.jacfwd(by_loop)(p), ad.jacfwd(by_arrays)(p), rtol=1e-11)
    total = lambda f: lambda p: ak.sum(f(p) ** 2)
    np.testing.assert_allclose(ad.grad(total(by_loop))(p), ad.grad(total(by_arrays))(p), rtol=1e-11)
