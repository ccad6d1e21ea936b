"""`vjp`, `grad` and `value_and_grad`: pullbacks, tapes, and what has no gradient."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator
from typing import Any

import awkward as ak
import numpy as np
import pytest

import awkward_dual as ad
from awkward_dual import engine, tape
from awkward_dual.testing import assert_equal

X = ak.Array([[1.0, 2.0], [], [3.0]])


@pytest.fixture
def nodes(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[weakref.ref[Any]]]:
    """Weak references to all nodes made, with the garbage collector off."""
    found: list[weakref.ref[Any]] = []
    original = tape.Node.__init__

    def init(self: Any, *args: Any, **kwargs: Any) -> None:
        original(self, *args, **kwargs)
        found.append(weakref.ref(self))

    monkeypatch.setattr(tape.Node, "__init__", init)
    gc.collect()
    gc.disable()
    yield found
    gc.enable()


def alive(nodes: list[weakref.ref[Any]]) -> int:
    return sum(node() is not None for node in nodes)


class TestPullback:
    def test_it_gives_a_tuple_like_the_arguments(self) -> None:
        _value, pullback = ad.vjp(lambda x, p: ak.sum(x * p["a"], axis=1), X, {"a": 2.0, "n": 3})
        dx, dp = pullback(ak.Array([1.0, 1.0, 10.0]))
        assert dx.to_list() == [[2.0, 2.0], [], [20.0]]
        assert dp == {"a": 33.0, "n": 0}

    def test_it_can_be_called_again(self) -> None:
        _, pullback = ad.vjp(lambda x: x**2, 3.0)
        assert [pullback(w)[0] for w in (1.0, 2.0, 1.0)] == [6.0, 12.0, 6.0]

    def test_parts_may_be_none(self) -> None:
        _, pullback = ad.vjp(lambda x: {"a": x, "b": 2 * x}, 2.0)
        assert pullback({"a": 1.0, "b": None}) == (1.0,)
        assert pullback(None) == (0.0,)

    def test_the_cotangent_is_checked(self) -> None:
        _, pullback = ad.vjp(lambda x: ak.sum(x, axis=1), X)
        for wrong in (X, 1.0, ak.Array([1.0]), ak.Array([1, 2, 3])):
            with pytest.raises(ad.TangentMismatch):
                pullback(wrong)
        _, pullback = ad.vjp(lambda x: {"a": x}, 2.0)
        with pytest.raises(TypeError, match="differ"):
            pullback({"b": 1.0})

    def test_integer_arguments_have_zeros(self) -> None:
        _, pullback = ad.vjp(lambda *x: x[0] * 1, np.ones(1), np.array([2]), 3, True, "text", None)
        zeros = pullback(np.ones(1))[1:]
        np.testing.assert_array_equal(zeros[0], np.array([0]))
        assert zeros[0].dtype == np.array([2]).dtype
        assert zeros[1:] == (0, False, None, None)

    def test_results_without_derivatives(self) -> None:
        _value, pullback = ad.vjp(lambda x: (ak.num(x), "text", None, ak.sum(x)), X)
        assert_equal(pullback((ak.num(X), "text", None, 1.0))[0], ak.ones_like(X))

    def test_a_constant_function_has_zeros(self) -> None:
        assert_equal(ad.vjp(lambda x: X * 2, X)[1](X)[0], X * 0)
        assert_equal(ad.grad(lambda x: 1.5)(X), X * 0)

    def test_auxiliary_results(self) -> None:
        _value, _pullback, aux = ad.vjp(lambda x: (ak.sum(x), x[1:]), X, has_aux=True)
        assert aux.to_list() == X[1:].to_list()
        assert not ad.is_live(aux)

    def test_it_is_computed_in_an_enclosing_call_too(self) -> None:
        assert ad.jvp(lambda w: ad.vjp(lambda x: x**3, 2.0)[1](w)[0], (5.0,), (1.0,)) == (
            60.0,
            12.0,
        )
        assert ad.grad(lambda x: ad.vjp(lambda y: y**3, x)[1](x)[0])(2.0) == 36.0

    def test_copies_allow_changes_in_place(self) -> None:
        x = np.array([1.0, 2.0])
        _, pullback = ad.vjp(lambda x: np.sum(x**3), x, copy=True)
        x[:] = 100.0
        np.testing.assert_array_equal(pullback(1.0)[0], [3.0, 12.0])

    def test_typetracers(self) -> None:
        tracer = ak.Array(X.layout.to_typetracer(forget_length=True))
        value, pullback = ad.vjp(lambda x, a: ak.sum(a * x, axis=1), tracer, 2.0)
        gradient, number = pullback(value)
        assert ak.backend(value, gradient) == "typetracer"
        assert gradient.layout.form.type == tracer.layout.form.type
        assert number == 0.0
        assert ak.backend(ad.grad(lambda x: ak.sum(x**2))(tracer)) == "typetracer"


class TestTape:
    def test_it_dies_with_its_gradient(self, nodes: Any) -> None:
        ad.grad(lambda x: ak.sum(np.exp(x) * ak.max(x, axis=1)))(X)
        assert nodes
        assert alive(nodes) == 0

    def test_it_lives_as_long_as_its_pullback(self, nodes: Any) -> None:
        _value, pullback = ad.vjp(lambda x: ak.sum(np.exp(x)), X)
        assert alive(nodes) > 1
        del pullback
        assert alive(nodes) == 0

    @pytest.mark.usefixtures("default_engine")
    def test_branches_that_reach_no_output_are_freed_at_once(self, nodes: Any) -> None:
        counts = []

        def func(x: Any) -> Any:
            np.exp(x) * 2
            counts.append((len(nodes), alive(nodes)))
            return ak.sum(x)

        ad.vjp(func, X)
        assert counts == [(3, 1)]

    def test_a_checkpoint_keeps_its_arguments_only(self, nodes: Any) -> None:
        def func(x: Any) -> Any:
            for _ in range(20):
                x = np.sin(x)
            return x

        pullbacks = [ad.vjp(f, X)[1] for f in (func, ad.checkpoint(func))]
        assert len(pullbacks) == 2
        first = [node for node in nodes if node() is not None]
        assert len(first) < 20 + 15

    @pytest.mark.parametrize("program", ["elements", "slices", "sum"])
    def test_the_pullback_of_a_loop_is_linear(
        self, program: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        loops = {
            "elements": lambda x: sum((e * e for e in x), 0.0),
            "slices": lambda x: sum((ak.sum(x[i : i + 2]) ** 2 for i in range(len(x))), 0.0),
            "sum": lambda x: sum((x[i] * x[-i] for i in range(len(x))), 0.0),
        }
        written = 0

        def counted(original: Any) -> Any:
            def function(t: Any, shape: Any) -> Any:
                nonlocal written
                written += int(np.prod(shape))
                return original(t, shape)

            return function

        for name in ("zeros_like", "owned"):
            monkeypatch.setattr(engine, name, counted(getattr(engine, name)))
        costs = []
        for n in (40, 80):
            _, pullback = ad.vjp(loops[program], ak.Array(np.linspace(0.0, 1.0, n)))
            written = 0
            pullback(1.0)
            costs.append(written)
        assert costs[1] <= 2.2 * costs[0]


class TestGrad:
    def test_the_kind_of_the_argument(self) -> None:
        def square(x: Any) -> Any:
            return ak.sum(x**2) if isinstance(x, ak.Array) else np.sum(x**2)

        assert type(ad.grad(square)(3.0)) is np.float64
        assert type(ad.grad(square)(np.float32(3.0))) is np.float32
        assert type(ad.grad(square)(np.ones(2))) is np.ndarray
        assert ad.grad(square)(np.ones(2, dtype=np.float32)).dtype == np.float32
        assert ad.grad(square)(X).type == X.type
        assert ak.backend(ad.grad(square)(ak.to_backend(X, "dual"))) == "dual"
        record = ak.Array([{"a": 1.5, "n": 3}])[0]
        gradient = ad.grad(lambda r: r.a**2 * r.n)(record)
        assert gradient.to_list() == {"a": 9.0, "n": 0}

    def test_argnums(self) -> None:
        def func(x: Any, y: Any, power: int = 2) -> Any:
            return x**power * y

        assert ad.grad(func)(3.0, 5.0) == 30.0
        assert ad.grad(func, 1)(3.0, 5.0) == 9.0
        assert ad.grad(func, -1)(3.0, 5.0) == 9.0
        assert ad.grad(func, (0, 1))(3.0, 5.0, power=3) == (135.0, 27.0)
        assert ad.grad(func, [1])(3.0, 5.0) == (9.0,)

    def test_value_and_auxiliary(self) -> None:
        func = lambda x: (x**2, {"twice": 2 * x})
        assert ad.value_and_grad(lambda x: x**2)(3.0) == (9.0, 6.0)
        assert ad.value_and_grad(func, has_aux=True)(3.0) == ((9.0, {"twice": 6.0}), 6.0)
        assert ad.grad(func, has_aux=True)(3.0) == (6.0, {"twice": 6.0})

    def test_gradients_of_gradients(self) -> None:
        quintic = lambda x: x**5
        for order, expected in enumerate([5 * 16.0, 20 * 8.0, 60 * 4.0, 120 * 2.0], start=1):
            derivative = quintic
            for _ in range(order):
                derivative = ad.grad(derivative)
            assert derivative(2.0) == expected

    @pytest.mark.parametrize("result", [X, X[0], np.ones(1), 1j, 3, "text", None, (1.0, 2.0)])
    def test_a_result_that_is_no_real_number(self, result: Any) -> None:
        with pytest.raises(TypeError, match="one real number"):
            ad.grad(lambda x: result)(1.0)

    @pytest.mark.parametrize("result", [lambda x: x, lambda x: x * 1j, lambda x: x.copy()])
    def test_a_live_result_that_is_no_real_number(self, result: Any) -> None:
        with pytest.raises(TypeError, match="one real number"):
            ad.grad(result)(np.ones(1))

    @pytest.mark.parametrize(
        "argument",
        [3, True, np.int64(3), np.array([1, 2]), "text", ak.Array([1, 2]), ak.Array(["a"]),
         {"n": 3}, [1, 2], ak.Array([{"n": 1}])[0], None],
        ids=str,
    )  # fmt: skip
    def test_an_argument_without_derivatives(self, argument: Any) -> None:
        for operator in (ad.grad, ad.jacfwd, ad.jacrev, ad.hessian, ad.elementwise_grad):
            with pytest.raises(TypeError, match=r"of argument 0.*only floating"):
                operator(lambda x: 1.0)(argument)

    def test_mixed_and_empty_arguments_are_fine(self) -> None:
        p = {"a": 2.0, "flag": True, "name": "x", "none": None}
        assert ad.grad(lambda p: p["a"] * p["flag"])(p)["a"] == 1.0
        counts = ak.Array([1, 2])
        found = ad.grad(lambda p: p["a"] * ak.sum(p["n"]))({"a": 2.0, "n": counts})
        assert found["a"] == 3.0
        assert found["n"].to_list() == [0, 0]
        assert ad.grad(ak.sum)(ak.Array([])).to_list() == []

    @pytest.mark.parametrize("n", [3, np.int64(3), np.array([3, 4])])
    def test_an_integer_among_floats_is_loud(self, n: Any) -> None:
        """Its derivative would be zero in silence."""
        f = lambda p: np.sum(p["a"] * p["n"])
        for operator in (ad.grad, ad.value_and_grad, ad.jacfwd, ad.jacrev, ad.hessian):
            with pytest.raises(TypeError, match=r"argument 0\['n'\], which is int.*pass a float"):
                operator(f)({"a": 2.0, "n": n})

    @pytest.mark.parametrize("argnums", [1, -2, (0, 1), 7])
    def test_wrong_argnums(self, argnums: Any) -> None:
        with pytest.raises(TypeError, match="called with 1 arguments"):
            ad.grad(lambda x: x, argnums)(1.0)

    def test_an_argument_named_twice(self) -> None:
        with pytest.raises(TypeError, match="twice"):
            ad.grad(lambda x, y: x * y, (0, -2))(1.0, 2.0)
