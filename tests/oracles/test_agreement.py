"""Where the oracles are right, they and `jvp` agree, and `vjp` with them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import awkward as ak
import numpy as np
import pytest

import awkward_dual as ad
from awkward_dual.trees import map_tree
from tests.oracles.oracles import awkward_on_jax, complex_step, jax, numbers, plain_jax
from tests.oracles.programs import EVERY, NOT_ANALYTIC, NOT_ON_JAX, PADDED, Padded
from tests.programs import Program

ROOT = Path(__file__).resolve().parents[2]
ANALYTIC = [program for program in EVERY if program.name not in NOT_ANALYTIC]
ON_JAX = [program for program in EVERY if program.name not in NOT_ON_JAX]


def direction(args: Any, rng: Any) -> Any:
    """Random numbers in place of the floating ones, zeros in place of the integers."""

    def of_layout(layout: Any, **_: Any) -> Any:
        if not layout.is_numpy:
            return None
        random = rng.uniform(-1, 1, layout.data.shape)
        return ak.contents.NumpyArray(random if layout.dtype.kind == "f" else layout.data * 0)

    def one(x: Any, path: str) -> Any:
        if isinstance(x, ak.Array):
            return ak.transform(of_layout, x)
        return rng.uniform(-1, 1, np.shape(x))[()]

    return map_tree(one, args)


def agree(found: Any, expected: Any) -> None:
    assert len(found) == len(expected) > 0
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-13)


def check(oracle: Any, program: Program, rng: Any) -> None:
    tangents = direction(program.args, rng)
    _value, tangent = ad.jvp(program.function, program.args, tangents)
    agree(numbers(tangent), numbers(oracle(program.function, program.args, tangents)))


def test_there_are_many() -> None:
    names = [program.name for program in EVERY]
    assert len(set(names)) == len(names) >= 40
    assert set(NOT_ANALYTIC) | set(NOT_ON_JAX) <= set(names)
    assert len(ANALYTIC) >= 25
    assert len(ON_JAX) >= 25
    assert len(PADDED) >= 12


@pytest.mark.parametrize("program", ANALYTIC, ids=str)
def test_complex_step(program: Program, rng: Any) -> None:
    check(complex_step, program, rng)


@pytest.mark.parametrize("program", ON_JAX, ids=str)
def test_jax_backend_of_awkward(program: Program, rng: Any) -> None:
    check(awkward_on_jax, program, rng)


@pytest.mark.parametrize("program", PADDED, ids=str)
def test_jax_on_rectangles(program: Padded, rng: Any) -> None:
    jnp = jax().numpy
    there = program.there()
    padded = [np.zeros(there.shape) for _ in program.args]
    dpadded = [np.zeros(there.shape) for _ in program.args]
    tangents = []
    for x, rectangle, drectangle in zip(program.args, padded, dpadded, strict=True):
        dx = ak.unflatten(rng.uniform(-1, 1, len(ak.flatten(x))), ak.num(x))
        tangents.append(dx)
        rectangle[there], drectangle[there] = ak.flatten(x), ak.flatten(dx)

    def func(*x: Any) -> Any:
        return program.padded(jnp, there, *x)

    _value, tangent = ad.jvp(program.ragged, program.args, tuple(tangents))
    agree(numbers(tangent), plain_jax(func, padded, dpadded))
    # the transposed: <c, J v> is the same number for the gradient of <c, y>
    value, pullback = ad.vjp(program.ragged, *program.args)
    gradient = pullback(ak.ones_like(value))
    inner = sum(float(ak.sum(g * dx)) for g, dx in zip(gradient, tangents, strict=True))
    assert inner == pytest.approx(numbers(tangent).sum(), rel=1e-10)


@pytest.mark.parametrize("name", NOT_ANALYTIC)
def test_the_complex_step_is_wrong_or_fails_elsewhere(name: str, rng: Any) -> None:
    (program,) = (p for p in EVERY if p.name == name)
    with pytest.raises((AssertionError, KeyError, TypeError)):
        check(complex_step, program, rng)


@pytest.mark.parametrize("name", NOT_ON_JAX)
def test_the_jax_backend_is_wrong_or_fails_elsewhere(name: str, rng: Any) -> None:
    jax()
    (program,) = (p for p in EVERY if p.name == name)
    with pytest.raises((AssertionError, TypeError, ValueError)):
        check(awkward_on_jax, program, rng)


def test_without_jax_it_is_skipped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "jax", None)
    with pytest.raises(pytest.skip.Exception, match="an oracle only"):
        jax()


def test_collecting_these_tests_does_not_import_jax() -> None:
    code = (
        "import sys; import tests.oracles.test_agreement, tests.oracles.test_disagreement; "
        "assert 'jax' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)
