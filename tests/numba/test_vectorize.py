"""Ufuncs of `numba.vectorize` differentiate without a rule: their functions are compiled for duals."""

from __future__ import annotations

import math
from typing import Any

import awkward as ak
import numpy as np
import pytest

numba = pytest.importorskip("numba")

import awkward_dual as ad  # noqa: E402
from awkward_dual.rules.table import forget  # noqa: E402
from awkward_dual.testing import assert_equal  # noqa: E402

X = ak.Array([[0.5, 2.0], [], [1.5]])


@numba.vectorize
def steps(x: Any, y: Any, n: Any) -> Any:
    out = x
    for _ in range(n):
        out = out * math.sin(y)
    return out if x > 1 else y * 1.0


@numba.vectorize(["float64(float64, float64)"])
def eager(x: Any, y: Any) -> Any:
    return x * x * y


def flat_steps(x: Any, y: Any) -> Any:
    """The same in array operations, on lists."""
    return ak.where(x > 1, x * np.sin(y) ** 3, y)


def test_forward_mode() -> None:
    found = ad.jvp(lambda x: steps(x, x + 1, 3), (X,), (ak.ones_like(X),))
    expected = ad.jvp(lambda x: flat_steps(x, x + 1), (X,), (ak.ones_like(X),))
    assert_equal(found[1], expected[1], rtol=1e-13)
    assert ak.all(found[0] == steps(X, X + 1, 3), axis=None)


def test_reverse_mode_and_broadcasting() -> None:
    found = ad.grad(lambda x, y: ak.sum(steps(x, y, 3)), argnums=(0, 1))(X, 0.7)
    expected = ad.grad(lambda x, y: ak.sum(flat_steps(x, y + 0 * x)), argnums=(0, 1))(X, 0.7)
    assert_equal(found, expected, rtol=1e-13)


def test_numbers_and_numpy() -> None:
    assert ad.jvp(eager, (2.0, 3.0), (1.0, 1.0)) == (12.0, 16.0)
    x = np.array([[1.0, 2.0]])
    np.testing.assert_array_equal(ad.jvp(lambda x: eager(x, 3.0), (x,), (x,))[1], [[6.0, 24.0]])


def test_single_precision() -> None:
    @numba.vectorize
    def cube(x: Any) -> Any:
        return x * x * x

    value, tangent = ad.jvp(cube, (np.float32([2.0]),), (np.float32([1.0]),))
    assert (value.dtype, tangent.dtype, tangent[0]) == (np.float32, np.float32, 12.0)


def test_arguments_are_cast_as_the_ufunc_casts_them() -> None:
    """Its one loop takes floats, which do not wrap around."""

    @numba.vectorize(["float64(float64, float64)"])
    def scaled(x: Any, n: Any) -> Any:
        return n * n * n * x

    assert ad.jvp(lambda x: scaled(x, 10**7), (2.0,), (1.0,)) == (2e21, 1e21)


def test_constant_and_integer_results() -> None:
    @numba.vectorize
    def constant(x: Any) -> Any:
        return 2.0

    @numba.vectorize
    def whole(x: Any) -> Any:
        return 1 if x > 1 else 0

    assert ad.jvp(constant, (3.0,), (1.0,)) == (2.0, 0.0)
    assert ad.jvp(lambda x: whole(x) * x, (3.0,), (1.0,)) == (3.0, 1.0)


def test_compiled_functions_inside() -> None:
    square = numba.njit(lambda x: x * x)

    @numba.vectorize
    def outer(x: Any) -> Any:
        return square(x) + 1.0

    assert ad.grad(outer)(3.0) == 6.0


def test_second_derivatives_need_a_rule() -> None:
    with pytest.raises(ad.LevelError, match="def_ufunc_rule"):
        ad.hessian(lambda x: eager(x, x))(2.0)


def test_a_rule_of_the_user_comes_first() -> None:
    ad.def_ufunc_rule(eager, lambda xp, y, a, b: (2 * a * b, a * a))
    try:
        assert ad.hessian(lambda x: eager(x, x))(2.0) == 12.0
    finally:
        forget(eager)
    assert ad.grad(lambda x: eager(x, x))(2.0) == 12.0


def test_parallel_ufuncs_keep_no_function() -> None:
    @numba.vectorize(["float64(float64)"], target="parallel")
    def square(x: Any) -> Any:
        return x * x

    with pytest.raises(ad.MissingTangentRule, match="def_ufunc_rule"):
        ad.grad(square)(2.0)


def test_functions_without_derivatives() -> None:
    @numba.vectorize(["float64(float64)"])
    def through_complex(x: Any) -> Any:
        return complex(x, 1.0).real

    with pytest.raises(ad.MissingTangentRule, match=r"through_complex.*compiled for dual"):
        ad.grad(through_complex)(2.0)
