"""Soft bins and kernel densities: shares, accuracy in the tails, bias, derivatives."""

from __future__ import annotations

from typing import Any

import awkward as ak
import numpy as np
import pytest

import awkward_dual as ad
from awkward_dual.relaxed import histogram, kde, scott
from awkward_dual.relaxed.binning import KERNELS, columns, shares
from awkward_dual.testing import check_grads

pytest.importorskip("scipy")

EDGES = [0.0, 1.0, 2.0, 4.0]
X = ak.Array([[0.3, 1.7, None], [], None, [3.2, -0.4], [9.0]])
EVENT_WEIGHTS = ak.Array([1.0, 2.0, 3.0, -0.5, 2.0])
each_kernel = pytest.mark.parametrize("kernel", KERNELS)


@each_kernel
def test_derivatives(kernel: str) -> None:
    def counts(x: Any, width: Any, weight: Any) -> Any:
        return histogram(x, EDGES, width, weight=weight, kernel=kernel)

    check_grads(counts, (X, 0.4, EVENT_WEIGHTS), order=2)
    check_grads(counts, (X, 0.4 + 0.1 * abs(ak.fill_none(X, 1.0)), 2.0), order=2)


@each_kernel
def test_shares_add_up_to_one(kernel: str, rng: np.random.Generator) -> None:
    found = shares(rng.normal(size=200), np.linspace(-2, 1, 7), 0.3, kernel)
    assert found.shape == (200, 8)
    assert (found >= 0).all()
    np.testing.assert_allclose(found.sum(axis=1), 1, rtol=1e-14)


@each_kernel
def test_small_shares_are_accurate(kernel: str) -> None:
    """On both sides: a difference of two distribution functions near one would lose everything."""
    mpmath = pytest.importorskip("mpmath")
    with mpmath.workdps(60):
        cdf = mpmath.ncdf if kernel == "gauss" else (lambda z: 1 / (1 + mpmath.exp(-z)))
        for x in (-6.0, 6.0):
            expected = [float(cdf(b - x) - cdf(a - x)) for a, b in [(-0.5, 0), (0, 0.5)]]
            found = shares(np.array([x]), [-0.5, 0.0, 0.5], 1.0, kernel)[0, 1:-1]
            np.testing.assert_allclose(found, expected, rtol=1e-13)


def test_an_element_on_an_edge() -> None:
    _, tangent = ad.jvp(lambda x: histogram(x, EDGES, 0.1), (np.array([1.0]),), (np.array([1.0]),))
    height = 1 / (0.1 * np.sqrt(2 * np.pi))
    np.testing.assert_allclose(tangent, [-height, height, 0], atol=1e-12)


def test_narrow_kernels_count(rng: np.random.Generator) -> None:
    x = rng.uniform(0, 4, 1000)
    np.testing.assert_array_equal(histogram(x, EDGES, 1e-9), np.histogram(x, EDGES)[0])


def test_the_bias_is_as_documented() -> None:
    """Positions on a fine grid, weighted by a density: soft minus hard is half the curvature."""
    x = np.linspace(-10, 10, 200_001)
    density = np.exp(-0.5 * x**2) / np.sqrt(2 * np.pi) * (x[1] - x[0])
    edges = np.array([-0.1, 0.1])
    for kernel, factor in (("gauss", 1 / 2), ("logistic", np.pi**2 / 6)):
        width = 0.05
        soft = histogram(x, edges, width, weight=density, kernel=kernel)[0]
        slope = -edges * np.exp(-0.5 * edges**2) / np.sqrt(2 * np.pi)
        exact = histogram(x, edges, 1e-3, weight=density)[0]
        np.testing.assert_allclose(soft - exact, factor * width**2 * np.diff(slope)[0], rtol=0.01)


def test_weights_of_events_and_missing_values() -> None:
    one = histogram(X, EDGES, 0.4, weight=EVENT_WEIGHTS)
    flat = np.array([0.3, 1.7, 3.2, -0.4, 9.0])
    weight = np.array([1.0, 1.0, -0.5, -0.5, 2.0])
    np.testing.assert_allclose(one, histogram(flat, EDGES, 0.4, weight=weight), rtol=1e-15)
    np.testing.assert_allclose(histogram(X, EDGES, 0.4), histogram(flat, EDGES, 0.4), rtol=1e-15)
    np.testing.assert_array_equal(histogram(ak.Array([[], []]), EDGES, 0.4), np.zeros(3))


@each_kernel
def test_a_histogram_of_each_list(kernel: str) -> None:
    x = X[[0, 1, 3, 4]]
    weight = EVENT_WEIGHTS[[0, 1, 3, 4]]

    def each(x: Any, width: Any, weight: Any) -> Any:
        return histogram(x, EDGES, width, weight=weight, kernel=kernel, axis=-1)

    found = each(x, 0.4, weight)
    assert found.ndim == 2
    for own, one, w in zip(found, x, weight, strict=True):
        expected = histogram(one, EDGES, 0.4, weight=w, kernel=kernel)
        np.testing.assert_allclose(own, expected, rtol=1e-13)
    check_grads(each, (x, 0.4, weight), order=2)
    deep = ak.Array([[[0.3, 1.7], []], [], [[3.2]]])
    assert ak.num(histogram(deep, EDGES, 0.4, axis=-1), axis=1).to_list() == [2, 0, 1]
    assert ak.sum(histogram(deep, [-9.0, 20.0], 0.4, axis=-1)) == pytest.approx(3)
    # far out on either side, where a difference of numbers near one would be zero
    far = histogram(ak.Array([[-6.0], [6.0]]), [-0.5, 0.0, 0.5], 1.0, kernel=kernel, axis=-1)
    np.testing.assert_allclose(far[0], far[1][::-1], rtol=1e-13)
    assert ak.all(far > 0)
    for wrong in ({"axis": 0, "x": x}, {"axis": -1, "x": [1.0, 2.0]}):
        with pytest.raises(ValueError, match="axis must be None or -1"):
            histogram(edges=EDGES, width=0.4, **wrong)
    for bad in ({"width": 0.0}, {"edges": [1.0, 0.0]}):
        with pytest.raises(ValueError, match=r"positive|ascending"):
            histogram(**({"x": x, "edges": EDGES, "width": 0.4, "axis": -1} | bad))


@pytest.mark.parametrize(
    ("x", "edges", "width", "match"),
    [
        ([1.0, np.nan], EDGES, 0.1, "NaN"),
        ([1.0], EDGES, 0.0, "positive"),
        ([1.0], EDGES, np.nan, "positive"),
        ([1.0], [1.0, 0.0], 0.1, "ascending"),
        ([1.0], [1.0], 0.1, "ascending"),
    ],
)
def test_errors(x: Any, edges: Any, width: Any, match: str) -> None:
    with pytest.raises(ValueError, match=match):
        histogram(x, edges, width)


def test_unknown_kernels() -> None:
    with pytest.raises(ValueError, match="'gauss', 'logistic'"):
        kde([1.0], [1.0], 1.0, kernel="box")


def test_columns() -> None:
    assert [c.tolist() for c in columns(2.0, ak.Array([1.0]))] == [[2.0], [1.0]]
    assert columns(ak.Array(["a", "b"]))[0].tolist() == ["a", "b"]
    with pytest.raises(ValueError, match="broadcast"):
        columns(np.zeros(2), np.zeros(3))
    with pytest.raises(TypeError, match="numbers were expected"):
        columns(ak.Array([{"a": 1.0}]))


# -- kernel densities


@each_kernel
def test_densities_are_normalised(kernel: str) -> None:
    points = np.linspace(-60, 60, 20_001)
    for weight in (None, EVENT_WEIGHTS):
        heights = kde(X, points, 0.7, weight=weight, kernel=kernel)
        assert np.sum(heights) * (points[1] - points[0]) == pytest.approx(1, rel=1e-6)


@each_kernel
def test_derivatives_of_densities(kernel: str) -> None:
    def density(x: Any, width: Any, weight: Any) -> Any:
        return kde(x, [0.0, 1.0], width, weight=weight, kernel=kernel)

    check_grads(density, (X, 0.7, EVENT_WEIGHTS), order=2)


def test_scipy_agrees(rng: np.random.Generator) -> None:
    stats = pytest.importorskip("scipy.stats")
    x, weight = rng.normal(size=50), rng.uniform(size=50)
    for w in (None, weight):
        theirs = stats.gaussian_kde(x, weights=w)
        width = scott(x, w)
        assert width == pytest.approx(np.sqrt(theirs.covariance[0, 0]), rel=1e-12)
        np.testing.assert_allclose(kde(x, [0.1, 0.2], width, weight=w), theirs([0.1, 0.2]))


def test_derivatives_of_the_width() -> None:
    check_grads(scott, (X, EVENT_WEIGHTS + 3), order=2)
