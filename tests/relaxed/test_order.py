"""Soft sorting, ranks and the k largest, in ragged and regular lists."""

from __future__ import annotations

from typing import Any

import awkward as ak
import numpy as np
import pytest

import awkward_dual as ad
from awkward_dual.relaxed import rank, sort, top_k
from awkward_dual.testing import check_grads

pytest.importorskip("scipy")

RAGGED = ak.Array([[3.0, 1.2, 2.0], [], [5.0, 4.0, 1.0, 0.5], [1.0]])
ARRAYS = {
    "ragged": RAGGED,
    "nested": ak.Array([[[3.0, 1.2], []], [], [[2.0, 0.1, 4.0]]]),
    "optional lists": ak.Array([[3.0, 1.2, 2.0], None, [0.3, 1.0]]),
    "regular": ak.Array(np.array([[3.0, 1.2, 2.0], [0.1, 0.7, -0.3]])),
    "numpy": np.array([[3.0, 1.2, 2.0], [0.1, 0.7, -0.3]]),
    "flat": ak.Array([3.0, 1.2, 2.0]),
}
FUNCTIONS = {
    "sort": sort,
    "sort descending": lambda x, t: sort(x, t, ascending=False),
    "rank": rank,
    "rank descending": lambda x, t: rank(x, t, ascending=False, kernel="gauss"),
    "top_k": lambda x, t: top_k(x, 2, t),
}
each_array = pytest.mark.parametrize("x", ARRAYS.values(), ids=ARRAYS)
each = pytest.mark.parametrize("func", FUNCTIONS.values(), ids=FUNCTIONS)


@each
@each_array
def test_derivatives(func: Any, x: Any) -> None:
    check_grads(func, (x, 0.7), order=2 if x is RAGGED else 1)


def test_third_order_of_top_k() -> None:
    check_grads(lambda x: top_k(x, 1, 0.7), (RAGGED[:1],), order=3, modes=("fwd",), rtol=1e-5)


@each
@each_array
def test_structure_is_kept(func: Any, x: Any) -> None:
    found = func(x, 0.7)
    assert ak.num(found, axis=-1).to_list() if found.ndim > 1 else len(found) == len(x)
    if found.ndim > 1:
        assert ak.num(found, axis=-1).to_list() == ak.num(ak.Array(x), axis=-1).to_list()


@each_array
def test_cold_limits(x: Any) -> None:
    x = ak.Array(x)
    place = ak.argsort(ak.argsort(x, axis=-1), axis=-1)
    assert ak.almost_equal(sort(x, 1e-3), ak.sort(x, axis=-1), check_regular=False)
    assert ak.almost_equal(rank(x, 1e-3), place + 1.0, check_regular=False)
    counted = ak.argsort(ak.argsort(x, axis=-1, ascending=False), axis=-1)
    largest = ak.values_astype(counted < 2, float)
    assert ak.almost_equal(top_k(x, 2, 1e-3), largest, check_regular=False, atol=1e-6)


def test_sums() -> None:
    n = ak.num(RAGGED)
    np.testing.assert_allclose(ak.sum(rank(RAGGED, 0.7), axis=-1), n * (n + 1) / 2)
    for k in (1, 2, 3):
        for temperature in (1e-2, 1.0, 1e2):
            weights = top_k(RAGGED, k, temperature)
            np.testing.assert_allclose(ak.sum(weights, axis=-1), np.minimum(n, k), rtol=1e-9)
            assert ak.all((weights >= 0) & (weights <= 1))


def test_ties() -> None:
    x = ak.Array([[1.0, 1.0, 1.0]])
    assert sort(x, 0.5).to_list() == [[1.0, 1.0, 1.0]]
    assert rank(x, 0.5).to_list() == [[2.0, 2.0, 2.0]]
    np.testing.assert_allclose(top_k(x, 1, 0.5)[0], [1 / 3] * 3)


def test_every_element_contributes() -> None:
    """Unlike the derivative of ``ak.sort``, which follows one element."""
    slope = ad.grad(lambda x: sort(x, 1.0, ascending=False)[0, 0])(RAGGED[:1])
    assert ak.all(slope != 0)
    assert ak.sum(slope) == pytest.approx(1)


@pytest.mark.parametrize("func", FUNCTIONS.values(), ids=FUNCTIONS)
def test_errors(func: Any) -> None:
    with pytest.raises(ValueError, match="drop_none"):
        func(ak.Array([[1.0, None]]), 1.0)
    with pytest.raises(ValueError, match="temperature"):
        func(RAGGED, 0.0)


def test_k() -> None:
    with pytest.raises(ValueError, match="at least 1"):
        top_k(RAGGED, 0, 1.0)
