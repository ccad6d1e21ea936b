"""Dual numbers in compiled code: types, containers, extrema, powers, and what raises."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

numba = pytest.importorskip("numba")

import awkward_dual as ad  # noqa: E402

X, Y = ad.dual(2.0, 1.0), ad.dual(3.0, 0.5)
TypingError = numba.core.errors.TypingError


def pair(x: Any) -> tuple[Any, Any]:
    return (float(ad.primal(x)), np.ravel(ad.tangent(x)).tolist()) if ad.is_live(x) else (x, None)


def halves(result: Any) -> Any:
    return [pair(x) for x in result]


@numba.njit
def unified(x: Any) -> Any:
    total = 0
    for _ in range(3):
        total += x
    best = None
    if x > 1:
        best = x
    return total, best, x if x > 5 else 0, x * 2 if x < 5 else 1.5


def test_floats_and_integers_unify_with_duals() -> None:
    assert halves(unified(X)) == [(6.0, [3.0]), (2.0, [1.0]), (0.0, [0.0]), (4.0, [2.0])]


@numba.njit
def extrema(x: Any) -> Any:
    nan = math.nan
    return max(x, 2, 1.0), max(2.0, x), min((x, 5.0)), min(nan, x), min(x, nan), min([x, x * 2])


def test_extrema_follow_python() -> None:
    """The first wins on ties, and NaN is never less or greater."""
    found = halves(extrema(X))
    expected = [(2.0, [1.0]), (2.0, [0.0]), (2.0, [1.0]), (math.nan, [0.0]), (2.0, [1.0])]
    np.testing.assert_equal(found, [*expected, (2.0, [1.0])])
    np.testing.assert_equal([p for p, _ in found], extrema(2.0))


@numba.njit
def casts(x: Any) -> Any:
    return float(x), np.float64(x), round(x), round(x, 1), bool(x), not x, x.primal, x.tangent


def test_casts() -> None:
    assert halves(casts(X)) == [(2.0, [1.0])] * 2 + [
        (y, None) for y in (2, 2.0, True, False, 2.0, (1.0,))
    ]


@pytest.mark.filterwarnings("ignore::numba.core.errors.NumbaExperimentalFeatureWarning")
def test_isinstance() -> None:
    @numba.njit
    def kinds(x: Any) -> Any:
        return isinstance(x, float), isinstance(x, int), isinstance(x, (int, float)), (
            isinstance(x, np.float64), isinstance(x, np.float32)
        )  # fmt: skip

    for x in (2.0, np.float32(2)):
        assert kinds(ad.dual(x, np.ones_like(x))) == kinds(x)


@numba.njit
def singles(x: Any) -> Any:
    return x * np.float32(2), x * 2.0, np.sin(x), np.float32(x)


def test_single_precision() -> None:
    x = np.float32(0.7)
    for found, expected in zip(singles(ad.dual(x, np.float32(1))), singles(x), strict=False):
        assert ad.primal(found) == expected


@numba.njit
def constants(x: Any) -> Any:
    return ad.primal(x) * x, ad.stop_gradient(x) * x, ad.primal(2.0)


def test_detaching() -> None:
    assert halves(constants(X))[:2] == [(4.0, [2.0])] * 2
    assert constants(2.0) == (4.0, 4.0, 2.0)


@numba.njit
def powers(x: Any, n: Any, p: Any) -> Any:
    return x**3, x**7, x**-2, x**0, x**n, x**p, 2.5**x, pow(x, 3), math.pow(x, p), x**0.5, x**1


def test_powers_bit_for_bit(rng: np.random.Generator) -> None:
    for x in rng.uniform(0.1, 9.0, 50):
        dual = powers(ad.dual(x, 1.0), 5, 2.3)
        assert [ad.primal(y) for y in dual] == list(powers(x, 5, 2.3))
        slopes = [3 * x**2, 7 * x**6, -2 * x**-3, 0, 5 * x**4, 2.3 * x**1.3, math.log(2.5) * 2.5**x,
                  3 * x**2, 2.3 * x**1.3, 0.5 * x**-0.5, 1]  # fmt: skip
        np.testing.assert_allclose([ad.tangent(y) for y in dual], slopes, rtol=1e-13)


def test_the_slope_of_the_hyperbolic_cosine_at_all_sizes() -> None:
    """It comes from the cosine, where that is as accurate, and from a series near zero."""
    mpmath = pytest.importorskip("mpmath")
    cosh = numba.njit(lambda x: math.cosh(1.0 * x))
    for x in (1e-300, 1e-9, 0.3, 0.999999, 1.0, 1.001, 3.0, 18.4, 18.5, 40.0, 700.0, 710.4):
        for sign in (1, -1):
            slope = float(ad.tangent(cosh(ad.dual(sign * x, 1.0))))
            assert slope == pytest.approx(float(mpmath.sinh(sign * x)), rel=1e-15)


@numba.njit
def corners(x: Any) -> Any:
    y = abs(x - x)
    return (
        x**0,
        x**2,
        x**1,
        math.sqrt(x),
        math.sqrt(x * x),
        np.hypot(x, x),
        abs(x),
        y,
        math.copysign(x, -1.0),
    )


def test_corners_at_zero() -> None:
    zero = corners(ad.dual(0.0, 1.0))
    slopes = [0.0, 0.0, 1.0, math.inf, 0.0, 0.0, 0.0, 0.0, 0.0]
    assert [ad.tangent(y) for y in zero] == slopes


@numba.njit
def absorbing(x: Any, y: Any) -> Any:
    return math.sqrt(x) * y, math.exp(y) * math.log(x), y / math.sqrt(x)


@pytest.mark.parametrize("fastmath", [False, True])
def test_zero_absorbs(fastmath: bool) -> None:
    """Whichever factor is the zero: a direction that does not reach, a partial that is none."""
    x = ad.dual(0.0, np.array([0.0, 1.0]))
    y = ad.dual(0.0, np.array([1.0, 0.0]))
    with np.errstate(all="ignore"):
        options = {"error_model": "numpy", "fastmath": fastmath}
        found = numba.njit(**options)(absorbing.py_func)(x, y)
    np.testing.assert_array_equal(ad.tangent(found[0]), [0.0, 0.0])
    np.testing.assert_array_equal(ad.tangent(found[1])[1], math.inf)


def test_derivatives_raise_no_errors_of_their_own() -> None:
    """Where the value is finite, or NumPy's infinity."""
    power = numba.njit(lambda x, n: 1.0 * np.power(x, n))
    inverse = numba.njit(lambda x, n: (x**-1, x**n))(ad.dual(1e-200, 1.0), -1)
    assert halves(inverse) == [(1e200, [-math.inf])] * 2
    with np.errstate(all="ignore"):
        for x, n in ((0.0, -1), (0.0, -2), (-0.0, -1), (-0.0, -2)):
            found = power(ad.dual(x, 1.0), n)
            expected = np.power(ad.dual(np.array([x]), np.array([1.0])), n)
            assert ad.tangent(found) == ad.tangent(expected)[0]
    for x in (0.0, -0.0):
        assert ad.tangent(numba.njit(lambda x: 1.0 * math.gamma(x))(ad.dual(x, 1.0))) == -math.inf


def test_errors_of_python_stay() -> None:
    with pytest.raises(ZeroDivisionError):
        numba.njit(lambda x: 1 / x)(ad.dual(0.0, 1.0))


@numba.njit
def clipped(x: Any) -> Any:
    return np.clip(x, 0.0, 1.5), np.clip(x, 0.0, None), np.clip(5.0, 1.0, x), np.nan_to_num(x)


def test_functions_that_are_no_ufuncs() -> None:
    assert halves(clipped(X)) == [(1.5, [0.0])] + [(2.0, [1.0])] * 3
    assert halves(clipped(ad.dual(math.inf, 1.0)))[3] == (np.finfo(float).max, [0.0])


@numba.njit
def contained(x: Any) -> Any:
    listed = [x, x * 2.0]
    listed.append(x * 3)
    typed = numba.typed.List()
    typed.append(x)
    typed.append(1.0 * x)
    keyed = {1: x}
    keyed[2] = x * x
    total = 0.0
    for item in listed:
        total += item
    return listed, sum(listed), total, typed[1] + keyed[2], (x, 1, (x * x,))


def test_containers() -> None:
    """Four directions: memory is not aligned for vectors of them."""
    x = ad.dual(2.0, np.arange(1.0, 5.0))
    listed, *sums, nested = contained(x)
    slopes = np.ravel(ad.tangent(x))
    assert [ad.primal(y) for y in listed] == [2.0, 4.0, 6.0]
    assert [ad.primal(y) for y in sums] == [12.0, 12.0, 6.0]
    for y, factor in zip(sums, (6, 6, 5), strict=True):
        np.testing.assert_array_equal(np.ravel(ad.tangent(y)), factor * slopes)
    np.testing.assert_array_equal(np.ravel(ad.tangent(nested[2][0])), 4 * slopes)


@pytest.mark.filterwarnings("ignore::numba.core.errors.NumbaPendingDeprecationWarning")
def test_lists_and_tuples_as_arguments() -> None:
    product = numba.njit(lambda x: x[0] * x[1])
    assert pair(product([X, Y])) == pair(product((X, Y))) == (6.0, [4.0])


def test_keywords_and_defaults() -> None:
    scaled = numba.njit(lambda x, s=2.0: x * s)
    assert pair(scaled(X)) == (4.0, [2.0])
    assert pair(scaled(X, s=Y)) == (6.0, [4.0])


@pytest.mark.parametrize(
    ("function", "named"),
    [
        (lambda x: np.i0(x * 2), "i0"),
        (lambda x: int(x * 2), "int"),
        (lambda x: x * 1j, "mul"),
        (lambda x: np.asarray(x * 2), "asarray"),
        (lambda x: np.array([x, x]), "array"),
        (lambda x: math.ldexp(2.0, x), "ldexp"),
        (lambda x: range(x * 2), "range"),
    ],
    ids=["unknown", "int", "complex", "asarray", "array", "integer argument", "range"],
)
def test_what_cannot_be_typed_is_named(function: Any, named: str) -> None:
    with pytest.raises(TypingError, match=named):
        numba.njit(function)(X)


def test_a_plain_array_takes_no_dual() -> None:
    @numba.njit
    def assign(x: Any) -> Any:
        out = np.zeros(2)
        out[0] = x
        return out

    with pytest.raises(TypingError, match="setitem"):
        assign(X)


def test_different_directions() -> None:
    with pytest.raises(TypingError, match="different numbers of directions"):
        numba.njit(lambda x, y: x * y)(X, ad.dual(2.0, np.ones(2)))


def test_explicit_signatures_take_no_duals() -> None:
    with pytest.raises(TypeError, match="No matching definition"):
        numba.njit("float64(float64)")(lambda x: x * 2)(X)


@pytest.mark.parametrize("dtype", [np.float16, np.complex128, np.longdouble])
def test_other_precisions(dtype: Any) -> None:
    with pytest.raises(ad.TangentLost, match="float32 and float64"):
        numba.njit(lambda x: x[0])(ad.DualArray(np.ones(2, dtype), np.ones(2, dtype)))
