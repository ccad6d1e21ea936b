"""Twins of NumPy's functions against mpmath, over all magnitudes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import mpmath
import numpy as np
import pytest

import awkward_dual as ad
from awkward_dual import compiled, rules, twins

RNG = np.random.default_rng(7)
X = np.concatenate(
    [
        RNG.uniform(-1.2, 1.2, 500),
        RNG.uniform(-40, 40, 500),
        10.0 ** RNG.uniform(-12, 2.8, 500),
        -(10.0 ** RNG.uniform(-300, -12, 50)),
        np.pi / 2 * np.arange(-40, 41),
        [0.0, -0.0, 1.0, -1.0, np.nextafter(1, 0), 705.0, -705.0, 1e-300],
    ]
)
PARTIALS: dict[Any, Any] = {
    np.sin: mpmath.cos,
    np.cos: lambda x: -mpmath.sin(x),
    np.sinh: mpmath.cosh,
    np.cosh: mpmath.sinh,
}


@pytest.fixture(autouse=True)
def _engine() -> Iterator[None]:
    before = ad.set_engine("compiled")
    yield
    ad.set_engine(before)


def partial(ufunc: Any, x: Any) -> Any:
    """The partial of a ufunc by its compiled loop."""
    row = rules.find(ufunc)
    assert row is not None
    one, full = np.ones((1, 1), x.dtype), (1, len(x))
    with np.errstate(all="ignore"):
        y = ufunc(x)
        return compiled.weighted(row.body, (y, x), [one], [0], full, x.dtype, ufunc)[0]


@pytest.mark.parametrize("ufunc", PARTIALS, ids=lambda u: u.__name__)
def test_accuracy(ufunc: Any) -> None:
    found = partial(ufunc, X)
    with mpmath.workprec(200):
        for x, y in zip(X, found, strict=True):
            truth = PARTIALS[ufunc](mpmath.mpf(float(x)))
            error = abs(mpmath.mpf(float(y)) - truth)
            assert error <= 2 * np.spacing(abs(float(truth))), x


@pytest.mark.parametrize("ufunc", PARTIALS, ids=lambda u: u.__name__)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_beyond(ufunc: Any, dtype: Any) -> None:
    limit = np.finfo(dtype).max
    x = np.array([np.inf, -np.inf, np.nan, limit, -limit, 1e6, 1.0], dtype=dtype)
    found = partial(ufunc, x)
    row = rules.find(ufunc)
    assert row is not None
    with np.errstate(all="ignore"):
        expected = row.body(np, ufunc(x), x)[0]
        expected = expected() if callable(expected) else expected
    np.testing.assert_allclose(found, expected, rtol=4 * np.finfo(dtype).eps)


def test_what_has_a_twin() -> None:
    assert twins.has_twin(np.sin, [np.array([1.0, -twins.LARGEST])])
    assert not twins.has_twin(np.sin, [np.array([1.0, 2 * twins.LARGEST])])
    assert not twins.has_twin(np.sin, [np.array([1.0, np.nan])])
    assert not twins.has_twin(np.sin, [np.array([1.0], dtype=np.float32)])
    assert not twins.has_twin(np.exp, [np.array([1.0])])
