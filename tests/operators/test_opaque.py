"""Functions with a linear map of their own: `custom_jvp`, `checkpoint`, `linearize`."""

from __future__ import annotations

from typing import Any

import awkward as ak
import numpy as np
import pytest

import awkward_dual as ad
from awkward_dual.testing import assert_equal, check_grads

X = ak.Array([[1.0, 2.0], [], [3.0]])


def slope(func: Any) -> Any:
    return lambda x: ad.jvp(func, (x,), (1.0,))[1]


@ad.custom_jvp
def cube(x: Any) -> Any:
    """A cube."""
    return x**3


@cube.defjvp
def cube_rule(primals: Any, tangents: Any) -> Any:
    (x,), (dx,) = primals, tangents
    return cube(x), 3 * x**2 * dx


saved_cube = ad.checkpoint(lambda x: x**3)
each = pytest.mark.parametrize("func", [cube, saved_cube], ids=["custom_jvp", "checkpoint"])


@each
class TestBoth:
    @pytest.mark.parametrize("first", [slope, ad.grad])
    @pytest.mark.parametrize("second", [slope, ad.grad])
    @pytest.mark.parametrize("third", [slope, ad.grad])
    def test_all_modes(self, func: Any, first: Any, second: Any, third: Any) -> None:
        assert func(2.0) == 8.0
        assert first(func)(2.0) == 12.0
        assert second(first(func))(2.0) == 12.0
        assert third(second(first(func)))(2.0) == 6.0

    def test_jacobians(self, func: Any) -> None:
        at = np.array([1.0, 2.0])
        for operator in (ad.jacfwd, ad.jacrev):
            np.testing.assert_array_equal(operator(func)(at), np.diag([3.0, 12.0]))
        hessian = ad.hessian(lambda x: np.sum(func(x)))(at)
        np.testing.assert_array_equal(hessian, np.diag([6.0, 12.0]))

    def test_ragged_arrays(self, func: Any) -> None:
        check_grads(func, (X,), order=3)
        check_grads(lambda x: ak.sum(func(x[:, ::-1]) * x), (X,), order=2)

    def test_linearize(self, func: Any) -> None:
        value, push = ad.linearize(func, 2.0)
        assert (value, push(1.0), push(2.0)) == (8.0, 12.0, 24.0)

    def test_types_stay(self, func: Any) -> None:
        single = ak.values_astype(X, np.float32)
        value, tangent = ad.jvp(lambda x, a: x * func(a), (single, 1.5), (single, 1.0))
        assert value.type == tangent.type == single.type
        value, _ = ad.vjp(lambda x, a: x * func(a), single, 1.5)
        assert value.type == single.type


def test_checkpoint_with_records_and_closures_of_outer_calls() -> None:
    records = ak.Array([{"a": 1.5, "n": 2, "s": "x"}, {"a": 2.5, "n": 3, "s": "y"}])
    func = ad.checkpoint(lambda r, p: ak.zip({"y": r.a ** p["k"] * r.n, "s": r.s}))
    gradient, _dp = ad.grad(lambda r, p: ak.sum(func(r, p).y), (0, 1))(records, {"k": 2.0})
    assert gradient.a.to_list() == [6.0, 15.0]
    assert gradient.n.to_list() == [0, 0]
    check_grads(lambda r, k: func(r, {"k": k}), (records, 2.0), order=2)

    def outer(operator: Any) -> Any:
        inner = lambda a: ad.grad(ad.checkpoint(lambda z: z * z * a))(3.0)
        return operator(inner)(2.0)

    assert outer(slope) == outer(ad.grad) == 6.0


def test_a_checkpoint_in_a_checkpoint() -> None:
    inner = ad.checkpoint(lambda x: x**2)
    assert ad.grad(ad.checkpoint(lambda x: inner(x) ** 2))(3.0) == 108.0


def test_a_checkpoint_evaluates_again_in_the_pullback() -> None:
    calls = []

    def func(x: Any) -> Any:
        calls.append(1)
        return x**2

    _, pullback = ad.vjp(ad.checkpoint(func), 3.0)
    assert len(calls) == 1
    pullback(1.0)
    assert len(calls) == 2
    ad.jvp(ad.checkpoint(func), (3.0,), (1.0,))
    assert len(calls) == 3


@pytest.mark.parametrize("operator", [slope, ad.grad])
class TestClosures:
    """A closed-over dual would lose its tangent: what is differentiated is an argument."""

    def test_of_the_same_call(self, operator: Any) -> None:
        def closing(x: Any) -> Any:
            func = ad.custom_jvp(lambda y: x * y)
            func.defjvp(lambda p, t: (func(*p), x * t[0]))
            return func(x)

        with pytest.raises(ad.LevelError, match="pass it as an argument"):
            operator(closing)(3.0)

    def test_of_an_inner_call(self, operator: Any) -> None:
        def inner(a: Any, b: Any) -> Any:
            func = ad.custom_jvp(lambda z: z * b)
            func.defjvp(lambda p, t: (func(*p), t[0] * b))
            return func(a)

        with pytest.raises(ad.LevelError):
            operator(lambda a: operator(lambda b: inner(a, b))(3.0))(2.0)

    def test_in_the_rule_only(self, operator: Any) -> None:
        def closing(x: Any) -> Any:
            func = ad.custom_jvp(lambda y: 2.0 * y)
            func.defjvp(lambda p, t: (func(*p), x * t[0]))
            return func(x)

        with pytest.raises(ad.LevelError):
            operator(closing)(3.0)

    def test_through_nondiff_argnums(self, operator: Any) -> None:
        func = ad.custom_jvp(lambda n, x: x * n, nondiff_argnums=(0,))
        func.defjvp(lambda n, p, t: (func(n, *p), n * t[0]))
        with pytest.raises(ad.LevelError):
            operator(lambda x: func(x, x))(3.0)


class TestClosuresOfCheckpoints:
    """What is no argument is recorded as without a checkpoint: it counts, too."""

    @pytest.mark.parametrize("first", [slope, ad.grad])
    @pytest.mark.parametrize("second", [slope, ad.grad])
    @pytest.mark.parametrize("third", [slope, ad.grad])
    def test_all_modes(self, first: Any, second: Any, third: Any) -> None:
        closing = lambda x: ad.checkpoint(lambda y: x**2 * y)(x)
        assert first(closing)(3.0) == 27.0
        assert second(first(closing))(3.0) == 18.0
        assert third(second(first(closing)))(3.0) == 6.0

    @pytest.mark.parametrize("outer", [slope, ad.grad])
    @pytest.mark.parametrize("inner", [slope, ad.grad])
    def test_of_an_inner_and_an_outer_call(self, outer: Any, inner: Any) -> None:
        def func(a: Any) -> Any:
            # the argument belongs to the outer call, what it closes over to the inner
            return inner(lambda b: ad.checkpoint(lambda z: z**2 * b**3)(a))(2.0)

        assert outer(func)(5.0) == 2 * 5.0 * 3 * 2.0**2

    def test_ragged_arrays_and_trees(self) -> None:
        def func(x: Any, p: Any) -> Any:
            inner = ad.checkpoint(lambda x: {"y": x**2 * p["k"], "n": ak.num(x)})
            return inner(x)["y"] * p["k"]

        check_grads(lambda x, k: func(x, {"k": k}), (X, 1.5), order=2)

    def test_a_constant_closure_is_evaluated_again(self) -> None:
        calls = []
        constant = X * 2

        def func(x: Any) -> Any:
            calls.append(1)
            return ak.sum(x * constant)

        assert ad.grad(ad.checkpoint(func))(X).to_list() == constant.to_list()
        assert len(calls) == 2


class TestCustomJvp:
    def test_the_rule_is_what_counts(self) -> None:
        func = ad.custom_jvp(lambda x: x**2)
        func.defjvp(lambda p, t: (func(*p), 100.0 * t[0]))
        assert slope(func)(3.0) == ad.grad(func)(3.0) == 100.0
        assert ad.linearize(func, 3.0)[1](1.0) == 100.0
        assert ad.grad(ad.checkpoint(func))(3.0) == 100.0

    def test_nondiff_argnums(self) -> None:
        func = ad.custom_jvp(lambda n, x, scale: scale * x**n, nondiff_argnums=(0,))

        @func.defjvp
        def rule(n: int, primals: Any, tangents: Any) -> Any:
            (x, scale), (dx, dscale) = primals, tangents
            return func(n, x, scale), scale * n * x ** (n - 1) * dx + x**n * dscale

        assert ad.grad(lambda x: func(3, x, x))(2.0) == 32.0
        check_grads(lambda x, s: func(3, x, s), (X, 2.0), order=3)
        last = ad.custom_jvp(lambda x, mode: x * len(mode), nondiff_argnums=(-1,))
        last.defjvp(lambda mode, p, t: (last(*p, mode), t[0] * len(mode)))
        assert ad.grad(lambda x: last(x, "abc"))(2.0) == 3.0

    def test_trees_records_and_integers(self) -> None:
        @ad.custom_jvp
        def func(r: Any, p: Any) -> Any:
            return {"y": r.a * p["k"] * r.n, "n": r.n}

        @func.defjvp
        def rule(primals: Any, tangents: Any) -> Any:
            (r, p), (dr, dp) = primals, tangents
            assert dr.n.to_list() == [2, 3]
            return func(r, p), {"y": (dr.a * p["k"] + r.a * dp["k"]) * r.n, "n": r.n}

        records = ak.Array([{"a": 1.5, "n": 2}, {"a": 2.5, "n": 3}])
        _value, tangent = ad.jvp(func, (records, {"k": 2.0}), (records, {"k": 1.0}))
        assert tangent["y"].to_list() == [3.0 + 6.0, 7.5 + 15.0]
        assert tangent["n"].to_list() == [0, 0]
        check_grads(lambda r, k: func(r, {"k": k})["y"], (records, 2.0), order=2)

    def test_constants_have_zeros(self) -> None:
        func = ad.custom_jvp(lambda x, y: x * y)

        @func.defjvp
        def rule(primals: Any, tangents: Any) -> Any:
            (x, y), (dx, dy) = primals, tangents
            assert dy == 0.0
            return func(x, y), dx * y + x * dy

        assert ad.grad(lambda x: func(x, 3.0))(2.0) == 3.0

    def test_several_directions(self) -> None:
        x = ad.DualArray(np.array([1.0, 2.0]), np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]]))
        np.testing.assert_array_equal(cube(x).tangent, [[3.0, 0.0], [0.0, 12.0], [3.0, 12.0]])

    def test_without_derivatives_it_is_the_function(self) -> None:
        assert cube(3) == 27
        assert cube(X).to_list() == (X**3).to_list()
        assert (cube.__name__, cube.__doc__) == ("cube", "A cube.")

    def test_without_a_rule(self) -> None:
        @ad.custom_jvp
        def halved(x: Any) -> Any:
            return x / 2

        with pytest.raises(TypeError, match=r"'halved' has no rule.*defjvp"):
            halved(1.0)

    @pytest.mark.parametrize("wrong", [X, 1.0, ak.Array([1.0]), None, "text"])
    def test_a_rule_with_a_tangent_of_another_type(self, wrong: Any) -> None:
        func = ad.custom_jvp(lambda x: ak.sum(x, axis=1))
        func.defjvp(lambda p, t: (func(*p), wrong))
        if wrong is None:
            assert_equal(ad.jvp(func, (X,), (X,))[1], ak.sum(X, axis=1) * 0)
            return
        with pytest.raises(ad.TangentMismatch):
            ad.jvp(func, (X,), (X,))


class TestLinearize:
    def test_the_function_is_called_once(self) -> None:
        calls = []

        def func(x: Any) -> Any:
            calls.append(1)
            return ak.sum(x**2, axis=1)

        _value, push = ad.linearize(func, X)
        for scale in (1.0, 2.0):
            assert push(X * scale).to_list() == (2 * scale * ak.sum(X**2, axis=1)).to_list()
        assert len(calls) == 1

    def test_none_and_integers(self) -> None:
        records = ak.Array([{"a": 1.5, "n": 2, "s": "x"}])
        _value, push = ad.linearize(lambda r, y: (r, 3, y), records, 2.0)
        tangent, three, dy = push(records, None)
        assert tangent.to_list() == [{"a": 1.5, "n": 0, "s": ""}]
        assert (three, dy) == (0, 0.0)
        assert_equal(push(None, None)[0].a, records.a * 0)

    def test_under_other_operators(self) -> None:
        inner = lambda x: ad.linearize(lambda y: y**3 * x, x)[1](1.0)
        assert slope(inner)(2.0) == ad.grad(inner)(2.0) == 36.0
        outer = ad.linearize(lambda y: y**3, 2.0)[1]
        assert slope(outer)(5.0) == ad.grad(outer)(5.0) == 12.0

    def test_tangents_are_checked(self) -> None:
        _, push = ad.linearize(lambda x: x, X)
        with pytest.raises(ad.TangentMismatch):
            push(X[:2])


@pytest.mark.parametrize("zero", [0, 0.0, None])
def test_rules_that_give_no_tangent(zero: Any) -> None:
    """The number 0 and ``None`` stand for zeros, of a part of the result too."""
    step = ad.custom_jvp(lambda x: {"sign": np.sign(x), "twice": 2 * x})
    step.defjvp(lambda p, t: (step(*p), {"sign": zero, "twice": 2 * t[0]}))
    for x in (1.5, np.array([1.5, -2.0]), ak.Array([1.5, -2.0])):
        total = lambda x: np.sum(step(x)["sign"]) + np.sum(step(x)["twice"])
        assert np.all(ad.elementwise_grad(total)(x) == 2.0)
        assert np.sum(ad.jvp(total, (x,), (x * 0 + 1,))[1]) == 2.0 * np.size(x)
    none = ad.custom_jvp(np.sign)
    none.defjvp(lambda p, t: (none(*p), zero))
    assert ad.grad(none)(1.5) == 0.0
    assert ad.hessian(lambda x: none(x) * x * x)(1.5) == 2.0


def test_pushed_integers_are_those_of_the_backend() -> None:
    x = np.array([0.5, 1.5])
    program = lambda x: (x * 2, np.floor(x).astype(int), x > 1)
    found = ad.linearize(program, x)[1](x)
    for part, expected in zip(found, ad.jvp(program, (x,), (x,))[1], strict=True):
        assert type(part) is type(expected) is np.ndarray
        np.testing.assert_array_equal(part, expected)


@pytest.mark.parametrize(
    "rule",
    [lambda x, dx: (x[0] ** 2, 2 * x[0]), lambda x, dx: (x[0] ** 2, 2 * x[0] * dx[0] + 1)],
)
@pytest.mark.parametrize("x", [3.0, np.array([1.0, 2.0]), ak.Array([[1.0], [2.0]])], ids=type)
def test_rules_that_are_not_linear_in_their_tangents(rule: Any, x: Any) -> None:
    square = ad.custom_jvp(lambda x: x**2)
    square.defjvp(rule)
    with pytest.raises(TypeError, match=r"not linear in its tangents"):
        ad.grad(lambda x: ak.sum(square(x)) if isinstance(x, ak.Array) else np.sum(square(x)))(x)
