"""Rules of a user's own: loud without one, right in all modes with one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import awkward as ak
import numpy as np
import pytest

import awkward_dual as ad
from awkward_dual.rules.table import forget
from awkward_dual.testing import check_grads

EVENTS = ak.Array([[1.0, 2.0, -0.5], [], [0.3, 1.7]])
ONE = ad.DualArray(np.array([0.5, 2.0]), np.ones(2))


def frompyfunc() -> Any:
    # Awkward wants numbers, not objects
    return np.frompyfunc(lambda x, y: x * x * y, 2, 1)


def vectorized() -> Any:
    numba = pytest.importorskip("numba")

    @numba.vectorize(["float64(float64, float64)"])
    def eager(x: Any, y: Any) -> Any:
        return x * x * y

    return eager


def dynamic() -> Any:
    numba = pytest.importorskip("numba")

    @numba.vectorize
    def lazy(x: Any, y: Any) -> Any:
        return x * x * y

    return lazy


def partials(xp: Any, y: Any, a: Any, b: Any) -> tuple[Any, Any]:
    return 2 * a * b, a * a


def parallel() -> Any:
    """A ufunc that keeps no Python function; others of Numba differentiate by themselves."""
    numba = pytest.importorskip("numba")

    @numba.vectorize(["float64(float64, float64)"], target="parallel")
    def threaded(x: Any, y: Any) -> Any:
        return x * x * y

    return threaded


@pytest.fixture(params=[frompyfunc, parallel])
def ufunc(request: Any) -> Iterator[Any]:
    made = request.param()
    yield made
    forget(made)


@pytest.fixture(params=[vectorized, dynamic])
def numeric(request: Any) -> Iterator[Any]:
    """A ufunc whose result is not an array of objects."""
    made = request.param()
    yield made
    forget(made)


@pytest.mark.parametrize("make", [lambda: ONE, lambda: ad.dual(0.5, 1.0), lambda: ak.Array(ONE)])
def test_loud_without_a_rule(ufunc: Any, make: Any) -> None:
    with pytest.raises(ad.MissingTangentRule, match=r"def_ufunc_rule.*custom_jvp.*primal"):
        ufunc(make(), 3.0)
    with pytest.raises(ad.MissingTangentRule, match=r"argument 1"):
        ufunc(3.0, make())


def test_loud_in_every_operator() -> None:
    threaded = parallel()

    def f(x: Any) -> Any:
        return ak.sum(threaded(x, 2.0))

    for call in (lambda: ad.jvp(f, (EVENTS,), (EVENTS,)), lambda: ad.grad(f)(EVENTS)):
        with pytest.raises(ad.MissingTangentRule, match="def_ufunc_rule"):
            call()


def test_constants_pass(numeric: Any) -> None:
    x = ak.to_backend(EVENTS, "dual")
    assert ak.array_equal(ak.to_backend(numeric(x, 3.0), "cpu"), numeric(EVENTS, 3.0))


@pytest.mark.parametrize("make", [vectorized, dynamic])
def test_all_modes_with_a_rule(make: Any) -> None:
    ufunc = make()
    ad.def_ufunc_rule(ufunc, partials)
    try:
        check_grads(ufunc, (EVENTS, EVENTS + 0.5), order=2)
        check_grads(lambda x: ufunc(x, 3.0), (np.array([0.4, 1.2]),), order=2)
        check_grads(lambda x: ufunc(x, 3.0), (0.4,), order=2)
        expected = ak.Array([[12.0, 24.0, -6.0], [], [3.6, 20.4]])
        found = ad.grad(lambda x: ak.sum(ufunc(x, 6.0)))(EVENTS)
        assert ak.all(ak.isclose(found, expected), axis=None)
    finally:
        forget(ufunc)


def test_frompyfunc_with_a_rule() -> None:
    """Its objects become numbers of the arguments' type where they carry a tangent."""
    cube = np.frompyfunc(lambda x: float(x) ** 3, 1, 1)
    ad.def_ufunc_rule(cube, lambda xp, y, x: (3 * x**2,))
    try:
        x = ak.Array([[0.5, 3.0], [], [2.0]])
        for backend in ("cpu", "dual"):
            value, slope = ad.jvp(cube, (ak.to_backend(x, backend),), (ak.ones_like(x),))
            assert ak.to_list(value) == [[0.125, 27.0], [], [8.0]]
            assert ak.to_list(slope) == [[0.75, 27.0], [], [12.0]]
        assert ak.to_list(ad.grad(lambda x: ak.sum(cube(x)))(x)) == [[0.75, 27.0], [], [12.0]]
        assert ad.hvp(lambda x: ak.sum(cube(x)), (x,), (ak.ones_like(x),)).tolist() == [
            [3.0, 18.0], [], [12.0]]  # fmt: skip
        single = ad.jvp(cube, (np.float32([2.0]),), (np.float32([1.0]),))
        assert [part.dtype for part in single] == [np.float32] * 2
        check_grads(cube, (3.0,), order=2)
    finally:
        forget(cube)


def test_frompyfunc_with_an_integer_result() -> None:
    steps = np.frompyfunc(lambda x: 1 if x > 1 else x, 1, 1)
    ad.def_ufunc_rule(steps, lambda xp, y, x: (xp.where(x > 1, 0.0, 1.0),))
    try:
        assert ad.jvp(steps, (3.0,), (1.0,)) == (1.0, 0.0)
    finally:
        forget(steps)


def test_behaviors(numeric: Any) -> None:
    """A behavior that calls the ufunc from a property of a record."""
    ad.def_ufunc_rule(numeric, partials)

    class Cut(ak.Record):
        pass

    class CutArray(ak.Array):
        @property
        def weight(self) -> Any:
            return numeric(self["x"], self["y"])

    behavior = {"cut": Cut, ("*", "cut"): CutArray}
    cuts = ak.zip({"x": EVENTS, "y": EVENTS + 1}, with_name="cut", behavior=behavior)
    check_grads(lambda a: a.weight, (cuts,), order=2)


def test_overload_in_a_behavior(numeric: Any) -> None:
    """A behavior that gives the ufunc a meaning for records: what it calls has rules."""
    point = {(numeric, "point", "point"): lambda a, b: a["x"] * a["x"] * b["x"]}
    points = ak.zip({"x": EVENTS}, with_name="point", behavior=point)
    check_grads(lambda a: numeric(a, a), (points,), order=2)


def test_step(numeric: Any) -> None:
    ad.def_ufunc_rule(numeric, step=True)
    assert not ad.is_live(numeric(ak.Array(ONE), 1.0))


def test_integer_results_need_no_rule() -> None:
    numba = pytest.importorskip("numba")

    @numba.vectorize(["int64(float64)"])
    def bin_of(x: Any) -> Any:
        return int(x // 1)

    assert ak.to_list(bin_of(ak.Array(ONE))) == [0, 2]


def test_decorator_and_replacement(numeric: Any) -> None:
    @ad.def_ufunc_rule(numeric)
    def wrong(xp: Any, y: Any, a: Any, b: Any) -> Any:
        return 0 * a, None

    assert numeric(ONE, 2.0).tangent[0, 1] == 0.0
    ad.def_ufunc_rule(numeric, partials)
    assert numeric(ONE, 2.0).tangent[0, 1] == 8.0


def test_lazy_partials(numeric: Any) -> None:
    def refuse() -> Any:
        raise AssertionError("not needed")

    ad.def_ufunc_rule(numeric, lambda xp, y, a, b: (2 * a * b, refuse))
    assert numeric(ONE, 2.0).tangent[0, 1] == 8.0
    with pytest.raises(AssertionError, match="not needed"):
        numeric(2.0, ONE)


def test_a_rule_of_this_package_stays() -> None:
    with pytest.raises(ValueError, match="already"):
        ad.def_ufunc_rule(np.exp, lambda xp, y, x: (1,))


def test_numbers_at_a_pole_do_not_raise() -> None:
    """A Python float inside a dual number would raise where the partial divides by zero."""
    with np.errstate(divide="ignore"):
        assert ad.grad(ad.grad(np.log))(0.0) == -np.inf
