"""`dual`, `primal`, `tangent`, `is_live`, `stop_gradient` and `elementwise_grad`."""

from __future__ import annotations

import copy
from typing import Any

import awkward as ak
import numpy as np
import pytest

import awkward_dual as ad
from awkward_dual.testing import assert_equal

X = ak.Array([[1.0, 2.0], [], [3.0]])
DX = ak.Array([[10.0, 20.0], [], [30.0]])
RECORDS = ak.Array([{"a": 1.5, "n": 3, "s": "one"}, {"a": 2.5, "n": 4, "s": "two"}])


@pytest.mark.parametrize(
    ("value", "derivative"),
    [
        (X, DX),
        (ak.Array([1.0, None]), ak.Array([3.0, None])),
        (X[0], DX[0]),
        (np.array([1.0, 2.0]), np.array([3.0, 4.0])),
        (2.0, 3.0),
        (np.float32(2.0), np.float32(3.0)),
        (1.0 + 2.0j, 3.0j),
        ({"a": 2.0, "b": [X]}, {"a": 3.0, "b": [DX]}),
    ],
    ids=lambda x: type(x).__name__,
)
def test_both_halves_come_back(value: Any, derivative: Any) -> None:
    x = ad.dual(value, derivative)
    assert ad.is_live(x)
    assert_equal(ad.primal(x), value)
    assert_equal(ad.tangent(x), derivative)
    assert not ad.is_live((ad.primal(x), ad.tangent(x)))


def test_records() -> None:
    x = ad.dual(RECORDS, RECORDS)
    assert ad.primal(x).to_list() == RECORDS.to_list()
    assert ad.tangent(x).to_list() == [
        *ak.zeros_like(RECORDS).to_list()[:0],
        {"a": 1.5, "n": 0, "s": ""},
        {"a": 2.5, "n": 0, "s": ""},
    ]
    assert ad.tangent(x[1]).to_list() == {"a": 2.5, "n": 0, "s": ""}


def test_several_directions_are_a_last_axis() -> None:
    directions = ak.to_regular(ak.Array([[[1.0, 2.0], [3.0, 4.0]], [], [[5.0, 6.0]]]), axis=-1)
    x = ad.dual(X, directions)
    assert ad.tangent(x).to_list() == directions.to_list()
    assert ad.tangent(ak.sum(x, axis=1)).to_list() == [[4.0, 6.0], [0.0, 0.0], [5.0, 6.0]]
    y = ad.dual(np.ones(2), np.arange(6.0).reshape(2, 3))
    assert y.tangent.shape == (3, 2)
    np.testing.assert_array_equal(ad.tangent(y), np.arange(6.0).reshape(2, 3))
    assert_equal(ad.dual(ad.primal(y), ad.tangent(y)), y)
    np.testing.assert_array_equal(ad.tangent(ad.dual(1.0, [1.0, 2.0])), [1.0, 2.0])


def test_a_tangent_of_none_is_a_constant() -> None:
    assert not ad.is_live(ad.dual(X, None))
    assert not ad.is_live(ad.dual(2.0, None))
    tree = ad.dual({"a": 1.0, "b": X}, {"a": None, "b": DX})
    assert ad.is_live(tree)
    assert not ad.is_live(tree["a"])


def test_constants_have_tangents_of_zero() -> None:
    for constant in (X, ak.to_backend(X, "dual")):
        assert_equal(ad.tangent(constant), X * 0)
        assert ak.backend(ad.primal(constant)) == "cpu"
    assert ad.tangent({"a": 2.0, "n": 3, "s": "x"}) == {"a": 0.0, "n": 0, "s": None}


def test_mismatches() -> None:
    for value, derivative in ((X, DX[:2]), (2.0, "x"), (np.ones(2), np.ones(3)), (2, 1.0)):
        with pytest.raises(ad.TangentMismatch):
            ad.dual(value, derivative)


@pytest.mark.parametrize("make", [ad.dual, ad.DualArray])
def test_no_level_is_lower_than_the_ground(make: Any) -> None:
    x = ad.dual(2.0, 1.0)
    for halves in ((x, 1.0), (2.0, x)):
        with pytest.raises(ad.LevelError, match="ground"):
            make(*halves)
    for func in (lambda x: make(x, 1.0), lambda x: make(2.0, x)):
        with pytest.raises(ad.LevelError, match="ground"):
            ad.jvp(func, (3.0,), (1.0,))
    with pytest.raises(ad.LevelError, match="ground"):
        ad.dual(ad.dual(X, DX), DX)


def test_the_innermost_part_comes_first() -> None:
    def outer(x: Any) -> Any:
        def inner(y: Any) -> Any:
            assert ad.tangent(y * x) == ad.primal(x) * ad.tangent(y) or ad.is_live(ad.primal(y * x))
            return ad.primal(y * x)

        value, tangent = ad.jvp(inner, (x,), (1.0,))
        assert tangent == 0.0
        return value

    assert ad.jvp(outer, (3.0,), (1.0,)) == (9.0, 6.0)


def test_a_recorded_tangent_cannot_be_seen() -> None:
    with pytest.raises(TypeError, match="recorded"):
        ad.grad(ad.tangent)(1.0)


def test_is_live_whatever_the_tangent_holds() -> None:
    assert ad.is_live(ad.dual(X, X * 0))
    assert not ad.is_live([X, 1.0, "x", None, RECORDS[0], np.ones(2)])


class TestStopGradient:
    def test_it_is_a_constant(self) -> None:
        func = lambda x: x * ad.stop_gradient(x**2)
        assert ad.grad(func)(3.0) == ad.jvp(func, (3.0,), (1.0,))[1] == 9.0

    def test_of_all_levels(self) -> None:
        inner = lambda x: ad.grad(lambda y: y * ad.stop_gradient(x * y))(x)
        assert ad.jvp(inner, (3.0,), (1.0,)) == (9.0, 0.0)

    def test_trees(self) -> None:
        def func(r: Any) -> Any:
            stopped = ad.stop_gradient({"r": r, "s": "x", "n": 3})
            assert not ad.is_live(stopped)
            return ak.sum(r.a * stopped["r"].a)

        assert ad.grad(func)(RECORDS).a.to_list() == RECORDS.a.to_list()

    def test_constants_are_left_alone(self) -> None:
        assert ad.stop_gradient(X) is X
        assert ad.stop_gradient("x") == "x"


class TestElementwiseGrad:
    def test_arrays_numbers_and_orders(self) -> None:
        assert ad.elementwise_grad(lambda x: x**3)(X).to_list() == [[3.0, 12.0], [], [27.0]]
        second = ad.elementwise_grad(ad.elementwise_grad(lambda x: x**3))
        assert second(X).to_list() == [[6.0, 12.0], [], [18.0]]
        assert ad.elementwise_grad(np.sin)(0.3) == np.cos(0.3)
        np.testing.assert_array_equal(ad.elementwise_grad(np.exp)(np.zeros(2)), np.ones(2))

    def test_argnums(self) -> None:
        dx, da = ad.elementwise_grad(lambda x, a: x * a, argnums=(0, 1))(X, 2.0)
        assert dx.to_list() == [[2.0, 2.0], [], [2.0]]
        assert da == 6.0

    def test_complex_results_are_refused(self) -> None:
        with pytest.raises(TypeError, match="real result"):
            ad.elementwise_grad(np.sin)(1j)


def test_constants_stay_as_weak_as_they_are() -> None:
    """A Python float yields to the dtype of an array, also as a constant, a copy, or a value inside."""
    x = np.ones(1, "f4")
    for f in (
        lambda s: ad.stop_gradient(s) * x,
        lambda s: copy.copy(s) * x,
        lambda s: copy.deepcopy(s) * x,
        lambda s: ad.jvp(lambda q: q * q, (s,), (1.0,))[0] * x,
    ):
        assert ad.jvp(f, (2.5,), (1.0,))[0].dtype == f(2.5).dtype


def test_tangents_of_constants_beside_several_directions() -> None:
    t = ak.to_regular(ak.Array([[[1.0, 0.0], [0.0, 1.0]], [[1.0, 1.0]]]), axis=2)
    x = ak.Array([[1.0, 2.0], [3.0]])
    both = ak.zip({"a": ad.dual(x, t), "b": x, "n": ak.values_astype(x, int)})
    found = ad.tangent(both)
    assert str(found.type) == "2 * var * {a: 2 * float64, b: 2 * float64, n: int64}"
    again = ad.dual(ad.primal(both), found)
    assert_equal(again.a + again.b, both.a + both.b)
    tree = ad.tangent({"x": ad.dual(1.0, np.ones(2)), "y": 2.0, "z": np.ones(3)})
    assert tree["y"].shape == (2,)
    assert tree["z"].shape == (3, 2)


@pytest.mark.parametrize("wrap", [np.array, ak.Array])
def test_elementwise_gradients_where_the_value_is_infinite(wrap: Any) -> None:
    with np.errstate(divide="ignore"):
        assert ad.elementwise_grad(np.log)(wrap([0.0, 1.0])).tolist() == [np.inf, 1.0]
    found = ad.elementwise_grad(lambda x: x + np.array([np.inf, np.nan]))(wrap([0.0, 1.0]))
    assert found.tolist() == [1.0, 1.0]
    with pytest.raises(TypeError, match="result that is numbers, not NoneType"):
        ad.elementwise_grad(lambda x: None)(1.0)
