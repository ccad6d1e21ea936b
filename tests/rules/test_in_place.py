"""NumPy functions that write where they read, choose, or take numbers that are live."""

from __future__ import annotations

import warnings
from typing import Any

import awkward as ak
import numpy as np
import pytest

import awkward_dual as ad

X = np.array([np.nan, np.inf, 1.0])
ONES = np.ones(3)


def replaced(x: Any) -> Any:
    """Written into, and read afterwards."""
    np.nan_to_num(x, copy=False)
    return x * 0.5


def test_nan_to_num_in_place() -> None:
    given = X.copy()
    y, dy = ad.jvp(lambda x: np.nan_to_num(x, copy=False), (given,), (ONES,))
    np.testing.assert_array_equal(y, np.nan_to_num(X))
    np.testing.assert_array_equal(dy, [0, 0, 1])
    np.testing.assert_array_equal(given, X)
    y, dy = ad.jvp(replaced, (given,), (ONES,))
    np.testing.assert_array_equal(y, np.nan_to_num(X) * 0.5)
    np.testing.assert_array_equal(dy, [0, 0, 0.5])
    np.testing.assert_array_equal(ad.vjp(replaced, given)[1](ONES)[0], [0, 0, 0.5])


def test_nan_to_num_into_a_plain_array() -> None:
    plain = X.copy()
    with pytest.raises(ad.TangentLost, match="would lose a live tangent"):
        ad.jvp(lambda p: np.nan_to_num(plain, copy=False, nan=p), (2.0,), (1.0,))
    np.testing.assert_array_equal(plain, X)


def test_infinite_complex_tangents_are_chosen_not_multiplied() -> None:
    x = ad.DualArray(np.array([1 + 1j, 2]), np.array([[np.inf + 0j, 1j]]))
    np.testing.assert_array_equal(
        np.where([True, False], x, 0.0).tangent, np.array([[np.inf + 0j, 0]])
    )


@pytest.mark.parametrize("function", [ak.max, ak.min])
def test_a_live_initial_of_a_constant(function: Any) -> None:
    x = ak.Array([[1.0, 2.0], [], [3.0]])
    found = ad.grad(
        lambda p: ak.sum(function(x, axis=1, initial=p, mask_identity=False) * [1, 10, 100])
    )(2.5)
    assert found == (11 if function is ak.max else 110)


def test_no_warning_that_the_value_does_not_give() -> None:
    x = ak.Array([[1.0, -np.inf, 3.0], [], [0.0]])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        ad.jvp(lambda x: ak.var(x, axis=0), (x,), (ak.ones_like(x),))
        ad.grad(lambda x: ak.sum(ak.nanvar(x, axis=0)))(x)
    few = ad.DualArray(np.ones(3, np.float32), np.ones((1, 3), np.float32))
    with warnings.catch_warnings(record=True) as live:
        warnings.simplefilter("always")
        few * 1e308
    with warnings.catch_warnings(record=True) as plain:
        warnings.simplefilter("always")
        few.primal * 1e308
    assert len(live) == len(plain)
