"""Invariants 1, 2 and 6: the same value, absent is zero, k directions are k passes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import awkward as ak
import numpy as np
import pytest

import awkward_dual as ad
from awkward_dual.operators.leaves import attach, leaf_values
from awkward_dual.testing import assert_equal
from awkward_dual.trees import map_tree
from tests.programs import PROGRAMS, Program

X = ak.Array([[1.1, -2.2, 3.3], [], [0.4, 5.5], [-0.7]])
SINGLE = np.array([1.1, 2.2], dtype=np.float32)


def same_bits(expected: Any, found: Any) -> None:
    a, b = np.asarray(expected), np.asarray(found)
    assert a.dtype == b.dtype
    assert a.tobytes() == b.tobytes()


def values(func: Callable[..., Any], args: Any) -> list[Any]:
    """The value by each operator, the arguments with and without tangents."""
    return [
        ad.jvp(func, args, args)[0],
        ad.jvp(func, args, (None,) * len(args))[0],
        ad.jvp(func, args, (None, *args[1:]))[0],
        ad.vjp(func, *args)[0],
        ad.jvp(lambda *a: ad.jvp(func, a, args)[0], args, args)[0],
        ad.vjp(lambda *a: ad.vjp(func, *a)[0], *args)[0],
        ad.linearize(func, *args)[0],
    ]


NUMBERS: dict[str, Callable[[Any, Any], Any]] = {
    "+": lambda a, b: a + b,
    "*": lambda a, b: a * b - 2 * b,
    "/": lambda a, b: 1 / a / b,
    "**": lambda a, b: a**b,
    "** 2": lambda a, b: a**2 + b**3.3,
    "reflected **": lambda a, b: 1.7**a + 2**b,
    "%": lambda a, b: a % b,
    "//": lambda a, b: a // b + 0.5 * a,
    "divmod": lambda a, b: divmod(a, b)[1] * divmod(a, b)[0],
    "round": lambda a, b: round(a, 1) * b,
    "abs": lambda a, b: abs(-a) + +b,
    "sum": lambda a, b: sum([a, b, a]),
    "max": lambda a, b: max(a, b, 0.0) * min(a, 1.0),
    "ufuncs": lambda a, b: np.exp(a) * np.arctan2(a, b) + np.hypot(a, b),
    "branch": lambda a, b: a * b if a > b else a / b,
    "a gradient": lambda a, b: abs(ad.grad(lambda x: np.sin(x) * x**b)(a)) ** 3.3,
}


class TestSameValue:
    @pytest.mark.parametrize("name", NUMBERS)
    @pytest.mark.parametrize("kind", [float, np.float64, np.float32])
    def test_numbers(self, name: str, kind: Any, rng: np.random.Generator) -> None:
        for a, b in rng.uniform(0.3, 3.0, size=(10, 2)):
            args = (kind(a), kind(b))
            for value in values(NUMBERS[name], args):
                same_bits(NUMBERS[name](*args), value)

    @pytest.mark.parametrize("name", NUMBERS)
    @pytest.mark.parametrize("array", [SINGLE, ak.Array(SINGLE)], ids=["numpy", "awkward"])
    def test_python_numbers_stay_weak(self, name: str, array: Any) -> None:
        if name == "a gradient":
            pytest.skip("its plain value is a NumPy scalar, which is not weak")

        def func(x: Any, a: Any, b: Any) -> Any:
            return x * NUMBERS[name](a, b) + a

        args = (array, 1.7, 0.4)
        assert np.asarray(func(*args)).dtype == (np.float64 if name == "ufuncs" else np.float32)
        for value in values(func, args):
            same_bits(func(*args), value)

    def test_complex_numbers_stay_weak(self) -> None:
        func = lambda x, z: x * (z * z.conjugate() + abs(z)) * z
        args = (SINGLE, 0.3 + 0.4j)
        for value in values(func, args):
            same_bits(func(*args), value)

    def test_tangents_have_the_type_of_values(self) -> None:
        for array in (SINGLE, ak.Array(SINGLE)):
            value, tangent = ad.jvp(lambda x, a: x * (2 * a + 1), (array, 1.7), (None, 1.0))
            assert np.asarray(value).dtype == np.asarray(tangent).dtype == np.float32
            assert type(ad.grad(lambda a, x=array: ak.sum(x * a))(1.7)) is np.float64

    @pytest.mark.parametrize("axis", [None, 0, 1])
    @pytest.mark.parametrize("function", [ak.std, ak.var, ak.mean, ak.sum, ak.prod, ak.max])
    @pytest.mark.parametrize("dtype", [np.float64, np.float32])
    def test_reducers(self, function: Any, axis: Any, dtype: Any, rng: np.random.Generator) -> None:
        x = ak.unflatten(ak.Array(rng.normal(1e3, 1.0, 50).astype(dtype)), [20, 0, 17, 13])
        func = lambda x: ak.fill_none(function(x, axis=axis), 0.0)
        plain = func(x)
        for value in values(func, (x,)):
            assert str(getattr(value, "type", "")) == str(getattr(plain, "type", ""))
            same_bits(plain, value)

    @pytest.mark.parametrize("program", PROGRAMS, ids=str)
    def test_under_nested_operators(self, program: Program) -> None:
        plain = program.function(*program.args)
        nested = ad.jvp(
            lambda *args: ad.vjp(program.function, *args)[0], program.args, program.args
        )[0]

        def compare(x: Any, y: Any, path: str) -> None:
            for a, b in zip(leaf_values(x), leaf_values(y), strict=True):
                same_bits(a, b)

        map_tree(compare, plain, nested)


class TestAbsentIsZero:
    @pytest.mark.parametrize("program", PROGRAMS, ids=str)
    def test_in_each_argument(self, program: Program) -> None:
        zeros = map_tree(lambda x, path: ad.tangent(x), program.args)
        for i in range(len(program.args)):
            absent, explicit = list(program.args), list(program.args)
            absent[i], explicit[i] = None, zeros[i]
            for tangents in ((absent, explicit),):
                results = [ad.jvp(program.function, program.args, tuple(t)) for t in tangents]
                for a, b in zip(*results, strict=True):
                    assert_equal(a, b)

    def test_an_explicit_tangent_is_live_whatever_it_holds(self) -> None:
        with pytest.raises(ad.TangentLost):
            np.asarray(ad.DualArray(np.ones(2), np.zeros(2)))
        assert np.asarray(ad.DualArray(np.ones(2))).tolist() == [1.0, 1.0]


class TestKDirectionsAreKPasses:
    @pytest.mark.parametrize("program", PROGRAMS, ids=str)
    def test_k_directions_are_k_passes(self, program: Program, rng: np.random.Generator) -> None:
        k = 3
        drawn: list[Any] = []

        def seed(value: Any, _other: Any) -> Any:
            drawn.append(rng.normal(size=(k, *np.shape(value))).astype(value.dtype))
            return ad.DualArray(value, drawn[-1])

        together = program.function(
            *map_tree(lambda x, path: attach(x, None, seed, path), program.args)
        )
        for i in range(k):
            rows = iter(drawn)
            direction = map_tree(
                lambda x, path, rows=rows, i=i: ad.primal(
                    attach(x, None, lambda value, _: next(rows)[i][()], path)
                ),
                program.args,
            )
            _, alone = ad.jvp(program.function, program.args, direction)

            def compare(x: Any, y: Any, path: str, i: int = i) -> None:
                for a, b in zip(leaf_values(x), leaf_values(y), strict=True):
                    tangent = a.tangent[i] if isinstance(a, ad.DualArray) else a * 0
                    np.testing.assert_allclose(tangent, b, rtol=1e-12, atol=1e-14)

            map_tree(compare, together, alone)

    def test_two_different_k_in_one_level(self) -> None:
        x = ad.DualArray(np.ones(2), np.ones((3, 2)))
        y = ad.DualArray(np.ones(2), np.ones((2, 2)))
        a, b = (ak.Array(ak.contents.NumpyArray(z)) for z in (x, y))
        for mix in (
            lambda: x * y,
            lambda: x + y,
            lambda: np.concatenate([x, y]),
            lambda: np.where([True, False], x, y),
            lambda: np.maximum(x, y),
            lambda: x[0] ** y[0],
            lambda: x.copy().__setitem__(0, y[0]),
            lambda: a * b,
            lambda: ak.concatenate([a, b]),
            lambda: ak.where([True, False], a, b),
            lambda: ak.Array([x[0], y[0]]),
        ):
            with pytest.raises(ad.DirectionMismatch, match="numbers of directions"):
                mix()
