"""What derivatives cost in compiled loops, relative to the plain loop.

python -m benchmarks.loops [events]
"""

from __future__ import annotations

import math
import statistics
import sys
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import awkward as ak
import numba
import numpy as np

import awkward_dual as ad
from awkward_dual.numba import zeros
from benchmarks.measure import pin_allocator, seconds, table
from benchmarks.programs import events


def dimuon(muons: Any) -> Any:
    """The masses of the pairs of opposite charge, summed over each event."""
    out = zeros(len(muons), like=muons)
    for i, event in enumerate(muons):
        for j in range(len(event)):
            for k in range(j + 1, len(event)):
                a, b = event[j], event[k]
                if a.charge * b.charge < 0:
                    cosh = math.cosh(a.eta - b.eta)
                    out[i] += math.sqrt(2 * a.pt * b.pt * (cosh - math.cos(a.phi - b.phi)))
    return out


def cluster(jets: Any) -> Any:
    """The smallest distance of a pair of each event, in the measure of the kt algorithm."""
    out = zeros(len(jets), like=jets)
    for i, event in enumerate(jets):
        best = 1e9
        for j in range(len(event)):
            a = event[j]
            for k in range(j + 1, len(event)):
                b = event[k]
                eta, phi = a.eta - b.eta, a.phi - b.phi
                distance = min(a.pt * a.pt, b.pt * b.pt) * (eta * eta + phi * phi)
                # a branch: tangents are computed where there is a new minimum
                if distance < best:  # noqa: PLR1730
                    best = distance
                if best < 1.0:
                    break
            if best < 1.0:
                break
        out[i] = best
    return out


def build(muons: Any, builder: Any) -> Any:
    """A list of scaled momenta for each event."""
    for event in muons:
        builder.begin_list()
        for muon in event:
            builder.real(1.5 * muon.pt)
        builder.end_list()
    return builder


def with_directions(muons: Any, k: int) -> Any:
    """The momenta, eta and phi with random tangents; the charge stays as it is."""
    rng = np.random.default_rng(1)

    def live(field: str) -> Any:
        counts = ak.num(muons)
        tangent = rng.normal(size=(int(ak.sum(counts)), k))
        tangent = ak.unflatten(tangent[:, 0] if k == 1 else ak.from_numpy(tangent), counts)
        return ad.dual(muons[field], tangent)

    return ak.zip({field: live(field) for field in ("pt", "eta", "phi")} | {"charge": muons.charge})


def running(muons: Any) -> list[list[str]]:
    """Each loop on plain arrays, and on arrays with one and with eight directions."""
    inputs = {k: with_directions(muons, k) for k in (1, 8)}
    rows = []
    for name, function, limits in (
        ("dimuon", dimuon, (1.5, 2.0)),
        ("clustering, with early exit", cluster, (1.8, 4.0)),
    ):
        loop = numba.njit(function)
        calls = {"plain": partial(loop, muons)}
        calls |= {f"k = {k}": partial(loop, x) for k, x in inputs.items()}
        rows.append(_row(name, seconds(calls), limits))
    loop = numba.njit(build)
    calls = {"plain": lambda: loop(muons, ak.ArrayBuilder()).snapshot()}
    calls |= {
        f"k = {k}": lambda x=x: loop(x, ak.ArrayBuilder()).snapshot() for k, x in inputs.items()
    }
    rows.append(_row("`ArrayBuilder`, with its snapshot", seconds(calls), (1.4, None)))
    return rows


def _row(name: str, times: dict[str, float], limits: tuple[float | None, ...]) -> list[str]:
    plain, *duals = times.values()
    cells = [
        f"{dual / plain:.2f}" + ("" if limit is None else f" (at most {limit})")
        for dual, limit in zip(duals, limits, strict=True)
    ]
    return [name, f"{1e3 * plain:.1f} ms", *cells]


def compiling(muons: Any, repeats: int = 9) -> list[list[str]]:
    """The time to compile each loop: medians, for now and then one takes longer."""
    arguments = {"plain": muons} | {k: with_directions(muons[:10], k) for k in (1, 8)}
    rows = []
    ratios: list[float] = []
    for function in (dimuon, cluster):
        times = {key: _median_compile(function, x, repeats) for key, x in arguments.items()}
        plain, *duals = times.values()
        ratios += [t / plain for t in duals]
        name = function.__name__
        rows.append([name, f"{1e3 * plain:.0f} ms", *(f"{t / plain:.2f}" for t in duals)])
    rows.append(["median", "", f"{statistics.median(ratios):.2f} (at most 1.6)", ""])
    return rows


def _median_compile(function: Callable[..., Any], x: Any, repeats: int) -> float:
    times = []
    for round_ in range(repeats + 1):
        loop = numba.njit(function)
        start = time.perf_counter()
        loop.compile((numba.typeof(x),))
        if round_:
            times.append(time.perf_counter() - start)
    return statistics.median(times)


def main() -> None:
    """Measure and print the tables."""
    pin_allocator()
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    muons = events(count)
    charge = np.random.default_rng(2).choice([-1, 1], int(ak.sum(ak.num(muons))))
    muons = ak.with_field(muons, ak.unflatten(charge, ak.num(muons)), "charge")
    columns = ["loop", "plain", "k = 1", "k = 8"]
    out = table(
        f"Compiled loops, {count} events, relative to the plain loop", columns, running(muons)
    )
    out += "\n" + table("Compilation, relative to the plain function", columns, compiling(muons))
    sys.stdout.write(out)


if __name__ == "__main__":
    main()
