"""`to_jax` under JAX's operators, against the operators of this package."""

from __future__ import annotations

from typing import Any

import awkward as ak
import numpy as np
import pytest

import awkward_dual as ad
from tests.bridges.programs import EVENTS, PARAMS, loss, per_event, spectrum

jax = pytest.importorskip("jax", reason="jax is not installed")
jnp = jax.numpy
pytest.importorskip("scipy")

AT = np.array([0.8, 0.6])
SPEC = jax.ShapeDtypeStruct((3,), "float64")


@pytest.fixture(autouse=True)
def double_precision() -> Any:
    """JAX's types with 64 bits, for the time of a test."""
    before = jax.config.jax_enable_x64
    jax.config.update("jax_enable_x64", True)
    yield
    jax.config.update("jax_enable_x64", before)


def close(a: Any, b: Any, rtol: float = 1e-12) -> None:
    flat_a, tree_a = jax.tree_util.tree_flatten(a)
    flat_b, tree_b = jax.tree_util.tree_flatten(b)
    assert tree_a == tree_b
    for x, y in zip(flat_a, flat_b, strict=True):
        np.testing.assert_allclose(np.asarray(x), np.asarray(y), rtol=rtol, atol=1e-12)


@pytest.mark.parametrize("mode", ["jacobian", "products"])
@pytest.mark.parametrize("jit", [False, True])
class TestFirstOrder:
    def test_value_and_grad(self, mode: str, jit: bool) -> None:
        f = jax.value_and_grad(ad.to_jax(loss, mode=mode))
        found = (jax.jit(f) if jit else f)(PARAMS)
        close(found, ad.value_and_grad(loss)(PARAMS))

    def test_jvp_and_vjp(self, mode: str, jit: bool) -> None:
        bridged = ad.to_jax(spectrum, SPEC, mode=mode)

        def both(x: Any, dx: Any, w: Any) -> Any:
            return jax.jvp(bridged, (x,), (dx,)), jax.vjp(bridged, x)[1](w)

        dx, w = np.array([0.3, -1.0]), np.array([1.0, 2.0, -1.0])
        found = (jax.jit(both) if jit else both)(AT, dx, w)
        expected = ad.jvp(spectrum, (AT,), (dx,)), ad.vjp(spectrum, AT)[1](w)
        close(found, expected)

    def test_around_it(self, mode: str, jit: bool) -> None:
        """JAX on both sides of the ragged stage."""
        bridged = ad.to_jax(spectrum, SPEC, mode=mode)

        def whole(x: Any) -> Any:
            return jnp.sum(jnp.log(bridged(jnp.exp(x))) ** 2)

        def ours(x: Any) -> Any:
            return np.sum(np.log(spectrum(np.exp(x))) ** 2)

        g = jax.grad(whole)
        close((jax.jit(g) if jit else g)(AT), ad.grad(ours)(AT))


class TestJacobians:
    @pytest.mark.parametrize("func", [spectrum, per_event])
    @pytest.mark.parametrize("operator", ["jacfwd", "jacrev"])
    def test_jacobians(self, func: Any, operator: str) -> None:
        bridged = ad.to_jax(func, SPEC)
        expected = np.asarray(ad.jacfwd(lambda x: 1.0 * func(x))(AT))
        close(getattr(jax, operator)(bridged)(AT), expected)

    def test_hessians(self) -> None:
        bridged = ad.to_jax(loss)
        expected = ad.hessian(loss)(PARAMS)
        close(jax.hessian(bridged)(PARAMS), expected)
        close(jax.jit(jax.jacrev(jax.grad(bridged)))(PARAMS), expected)

    def test_third_order(self) -> None:
        def cube(x: Any) -> Any:
            return ak.sum((x * EVENTS) ** 3)

        found = jax.grad(jax.grad(jax.grad(ad.to_jax(cube))))(2.0)
        close(found, ad.grad(ad.grad(ad.grad(cube)))(2.0))

    def test_batches(self) -> None:
        points = np.stack([AT, AT + 0.1, AT - 0.2])
        bridged = ad.to_jax(spectrum, SPEC)
        close(jax.vmap(bridged)(points), np.stack([spectrum(x) for x in points]))
        found = jax.jit(jax.vmap(jax.jacfwd(bridged)))(points)
        close(found, np.stack([ad.jacfwd(spectrum)(x) for x in points]))

    def test_one_call_for_value_and_gradient(self) -> None:
        calls = []

        def counted(x: Any) -> Any:
            calls.append(ad.is_live(x))
            return ak.sum(np.sin(x * EVENTS))

        jax.value_and_grad(ad.to_jax(counted))(1.0)
        assert calls == [True]

    def test_a_descent(self) -> None:
        step = jax.jit(lambda p: p - 0.3 * jax.grad(ad.to_jax(distance))(p))
        p = jnp.asarray(0.0)
        for _ in range(30):
            p = step(p)
        assert float(p) == pytest.approx(2.0, abs=1e-6)


def distance(p: Any) -> Any:
    return ak.sum((p * EVENTS - 2 * EVENTS) ** 2) / 10


# -- types


def test_integers_are_constants() -> None:
    def power(x: Any, n: Any) -> Any:
        assert isinstance(n, np.ndarray)
        assert n.dtype.kind == "i"
        return ak.sum((x * EVENTS) ** int(n))

    bridged = ad.to_jax(power)
    close(jax.jit(jax.grad(bridged))(2.0, 3), 3 * 4.0 * ak.sum(EVENTS**3))


def test_single_precision_is_rounded_once() -> None:
    jax.config.update("jax_enable_x64", False)
    value, gradient = jax.jit(jax.value_and_grad(ad.to_jax(loss)))(PARAMS)
    assert value.dtype == gradient["scale"].dtype == np.float32
    p = jax.tree_util.tree_map(lambda x: np.float64(np.float32(x)), PARAMS)
    expected = ad.value_and_grad(loss)(p)
    assert value == np.float32(expected[0])
    assert gradient["scale"] == np.float32(expected[1]["scale"])


def test_trees_of_results() -> None:
    def both(x: Any) -> Any:
        return {"spectrum": spectrum(x), "sum": (ak.sum(x[0] * EVENTS),)}

    result = {"spectrum": np.zeros(3), "sum": (0.0,)}
    found = jax.jit(jax.jacrev(ad.to_jax(both, result)))(AT)
    close(found["spectrum"], ad.jacfwd(spectrum)(AT))
    close(found["sum"][0], np.array([ak.sum(EVENTS), 0.0]))


@pytest.mark.parametrize("jit", [False, True])
@pytest.mark.parametrize(
    ("func", "result", "match"),
    [
        (spectrum, None, r"shape \(3,\), not \(\)"),
        (spectrum, np.zeros(4), r"shape \(3,\), not \(4,\)"),
        (lambda x: 1, None, "real floating numbers"),
        (lambda x: {"a": x[0]}, None, "real floating|not the tree"),
    ],
)
def test_broken_promises(func: Any, result: Any, match: str, jit: bool) -> None:
    bridged = ad.to_jax(func, result)
    with pytest.raises(Exception, match=match):  # JAX wraps errors of callbacks
        jax.block_until_ready((jax.jit(bridged) if jit else bridged)(AT))


def test_refusals() -> None:
    with pytest.raises(TypeError, match="complex"):
        ad.to_jax(loss)(1j)
    with pytest.raises(TypeError, match="floating"):
        ad.to_jax(loss, np.zeros(3, int))(AT)
    with pytest.raises(ValueError, match="'jacobian' or 'products'"):
        ad.to_jax(loss, mode="both")
    bridged = ad.to_jax(loss, mode="products")
    with pytest.raises(TypeError, match="mode='jacobian'"):
        jax.grad(lambda p: jax.grad(bridged)(p)["scale"])(PARAMS)


def test_errors_of_the_function_are_shown() -> None:
    def careless(x: Any) -> Any:
        return ak.sum(np.asarray(x * EVENTS[0]))

    with pytest.raises(Exception, match="would lose a live tangent"):
        jax.block_until_ready(jax.jit(jax.grad(ad.to_jax(careless)))(1.0))
