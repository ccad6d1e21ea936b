"""Invariant 9: levels never mix."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import awkward as ak
import numpy as np
import pytest

import awkward_dual as ad

X = ak.Array([[1.0, 2.0, 3.0], [], [4.0, 5.0]])


def slope(func: Any) -> Any:
    return lambda x: ad.jvp(func, (x,), (1.0,))[1]


modes = pytest.mark.parametrize("inner", [slope, ad.grad, ad.jacfwd, ad.jacrev])
outer_modes = pytest.mark.parametrize("outer", [slope, ad.grad, ad.jacfwd, ad.jacrev])


@modes
@outer_modes
class TestLevelsNeverMix:
    def test_perturbation_confusion(self, inner: Any, outer: Any) -> None:
        # Siskind and Pearlmutter, IFL 2005
        assert outer(lambda x: x * inner(lambda y: x + y)(1.0))(1.0) == 1.0
        assert outer(lambda x: x * inner(lambda y: x * y)(1.0))(3.0) == 6.0
        assert outer(lambda x: inner(lambda y: x * y * y)(2.0))(5.0) == 4.0
        assert outer(lambda x: inner(lambda y: x)(2.0))(5.0) == 0.0
        assert outer(inner(lambda y: y**3))(2.0) == 12.0
        assert outer(lambda x: x * inner(lambda x: x**2)(x) ** 2)(2.0) == 48.0

    def test_three_levels(self, inner: Any, outer: Any) -> None:
        func = lambda x: inner(lambda y: outer(lambda z: x * y**2 * z**3)(y))(x)
        # d/dy of 3 x y**2 z**2 at z = y is 3 x * 4 y**3, at y = x; its slope at 1 is 48
        assert outer(func)(1.0) == pytest.approx(48.0, rel=1e-14)

    def test_ragged_arrays(self, inner: Any, outer: Any) -> None:
        def func(a: Any) -> Any:
            return ak.sum(X * a * inner(lambda b: ak.sum(X * a * b**2, axis=None))(2.0), axis=None)

        # 4 S a * S a, with S the sum of X
        assert outer(func)(1.0) == pytest.approx(8 * ak.sum(X) ** 2, rel=1e-14)

    def test_recursion(self, inner: Any, outer: Any) -> None:
        def power(n: int) -> Any:
            return lambda x: x if n == 0 else x * inner(power(n - 1))(x)

        # each step takes x**k to k * x**k
        assert outer(power(3))(2.0) == 1.0

    def test_closures_that_leave(self, inner: Any, outer: Any) -> None:
        kept: list[Any] = []
        inner(lambda x: kept.append(x) or x * 1.0)(2.0)
        with pytest.raises(ad.LevelError, match="call that has ended"):
            outer(lambda y: y * kept[0])(1.0)


class TestEndedCalls:
    @pytest.fixture(params=["jvp", "vjp"])
    def leaked(self, request: pytest.FixtureRequest) -> list[Any]:
        kept: list[Any] = []

        def func(x: Any) -> Any:
            records = ak.zip({"a": x, "n": ak.num(x)})
            kept.extend(
                [x, x[1:], x[0], x[0][0], ak.mask(x, ad.primal(x) > 1.5), records, records[0]]
            )
            return x

        if request.param == "jvp":
            ad.jvp(func, (X,), (X,))
        else:
            ad.vjp(func, X)
        return kept

    def test_operations_raise(self, leaked: list[Any]) -> None:
        for x in leaked:
            value = x.a if isinstance(x, ak.Array | ak.Record) and x.fields else x
            for operation in (
                lambda v: v + 1,
                lambda v: 1 / v,
                np.exp,
                lambda v: v > 1,
                lambda v: ak.sum(v, axis=-1) if isinstance(v, ak.Array) else abs(v),
                lambda v: ak.Array([v]) * 2,
                lambda v: v[:1] * 1 if isinstance(v, ak.Array) else v * v,
            ):
                with pytest.raises(ad.LevelError, match=r"ended.*awkward_dual\.primal"):
                    operation(value)

    def test_it_can_still_be_looked_at(self, leaked: list[Any]) -> None:
        for x in leaked:
            assert "ε" in str(x)
            assert repr(x).startswith(("<Array", "<Record", "DualArray"))
            assert ad.is_live(x)
            assert not ad.is_live(ad.primal(x))
        assert ad.primal(leaked[0]).to_list() == X.to_list()
        assert ad.primal(leaked[4])[0].to_list() == [None, 2.0, 3.0]

    def test_tangents_can_be_taken(self) -> None:
        kept: list[Any] = []
        ad.jvp(lambda x: kept.extend([x, x[1:], ak.mask(x, ad.primal(x) > 1.5)]) or x, (X,), (-X,))
        assert [ad.tangent(x).to_list() for x in kept] == [
            (-X).to_list(),
            (-X[1:]).to_list(),
            [[None, -2.0, -3.0], [], [-4.0, -5.0]],
        ]

    def test_primals_can_be_used(self, leaked: list[Any]) -> None:
        assert ad.jvp(lambda y: y * ad.primal(leaked[3]), (3.0,), (1.0,)) == (3.0, 1.0)

    def test_duals_in_a_generator(self) -> None:
        def squares(x: Any) -> Iterator[Any]:
            for e in ak.flatten(x):
                yield e * e

        assert ak.flatten(ad.grad(lambda x: sum(squares(x)))(X)).to_list() == [
            2.0,
            4.0,
            6.0,
            8.0,
            10.0,
        ]
        _, _, late = ad.jvp(lambda x: (ak.sum(x), squares(x)), (X,), (X,), has_aux=True)
        with pytest.raises(ad.LevelError):
            next(late)

    @pytest.mark.parametrize("depth", [1, 2, 3])
    def test_exceptions_leave_no_state(self, depth: int) -> None:
        class OwnError(Exception):
            pass

        kept = []

        def failing(x: Any) -> Any:
            kept.append(x * 2)
            raise OwnError

        func = failing
        for _ in range(depth - 1):
            func = lambda x, func=func: ad.jvp(ad.grad(func), (x,), (x,))
        expected = ad.grad(lambda x: ak.sum(x**3))(X).to_list()
        for operator in (
            lambda: ad.jvp(func, (X,), (X,)),
            lambda: ad.grad(func)(X),
            lambda: ad.jacfwd(func)(X),
            lambda: ad.linearize(func, X),
        ):
            with pytest.raises(OwnError):
                operator()
            with pytest.raises(ad.LevelError):
                kept[-1] + 1
            assert ad.grad(lambda x: ak.sum(x**3))(X).to_list() == expected


class TestThreads:
    def test_mixed_calls_in_sixteen_threads(self) -> None:
        def func(x: Any) -> Any:
            return ak.sum(np.sin(x) ** 2 * ak.max(x, axis=1), axis=None)

        def second(x: Any) -> Any:
            return ad.jvp(lambda x: ad.jvp(func, (x,), (X,))[1], (x,), (X,))

        calls = [
            lambda: ad.grad(func)(X).to_list(),
            lambda: second(X),
            lambda: ad.jacfwd(func)(X).tolist(),
            lambda: ad.hvp(func, (X,), (X,)).to_list(),
        ]
        expected = [call() for call in calls]
        barrier = threading.Barrier(16)

        def work(i: int) -> bool:
            barrier.wait()
            return all(calls[(i + j) % 4]() == expected[(i + j) % 4] for j in range(8))

        with ThreadPoolExecutor(16) as pool:
            assert all(pool.map(work, range(16)))

    @pytest.mark.parametrize("operator", [slope, ad.grad])
    def test_workers_use_the_duals_of_the_call_that_started_them(self, operator: Any) -> None:
        def func(a: Any) -> Any:
            with ThreadPoolExecutor(4) as pool:
                return sum(pool.map(lambda i: ak.sum((a * X) ** i, axis=None), range(1, 4)))

        expected = sum(i * ak.sum(X**i) for i in range(1, 4))
        assert operator(func)(1.0) == pytest.approx(expected, rel=1e-14)

    def test_levels_of_threads_do_not_mix(self) -> None:
        def func(a: Any) -> Any:
            with ThreadPoolExecutor(4) as pool:
                inner = slope(lambda y: y * y * a)
                return sum(pool.map(inner, [1.0, 2.0, 3.0]))

        assert slope(func)(1.0) == ad.grad(func)(1.0) == 12.0
