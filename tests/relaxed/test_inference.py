"""Information, bounds and significance against closed forms and other formulas."""

from __future__ import annotations

from typing import Any

import awkward as ak
import numpy as np
import pytest

from awkward_dual.relaxed import (
    asimov_significance,
    cramer_rao,
    cut,
    fisher_information,
    histogram,
    inverse,
    observed_information,
)
from awkward_dual.testing import check_grads

SIGNAL, BACKGROUND = np.array([10.0, 30.0, 5.0]), np.array([100.0, 50.0, 20.0])


def counts(p: Any) -> Any:
    return p["mu"] * SIGNAL + p["norm"][0] * BACKGROUND + p["norm"][1] * np.ones(3)


PARAMS = {"mu": 1.0, "norm": (1.0, 0.5)}


def test_linear_models() -> None:
    design = np.stack([SIGNAL, BACKGROUND, np.ones(3)], axis=1)
    expected = design.T @ (design / counts(PARAMS)[:, np.newaxis])
    np.testing.assert_allclose(fisher_information(counts, PARAMS), expected, rtol=1e-13)


def test_constraints() -> None:
    free = fisher_information(counts, PARAMS)
    constraints = {"mu": None, "norm": (0.1, np.inf)}
    found = fisher_information(counts, PARAMS, constraints=constraints)
    np.testing.assert_allclose(found - free, np.diag([0.0, 100.0, 0.0]), atol=1e-12)


def test_it_is_the_expected_curvature() -> None:
    """The Hessian of the likelihood at its own expectation."""
    asimov = counts(PARAMS)

    def nll(p: Any) -> Any:
        expected = counts(p)
        return np.sum(expected - asimov * np.log(expected))

    np.testing.assert_allclose(
        observed_information(nll, PARAMS), fisher_information(counts, PARAMS), rtol=1e-12
    )


def test_arrays_of_parameters() -> None:
    def model(p: Any) -> Any:
        return p[0] * SIGNAL + p[1] * BACKGROUND

    def nll(p: Any) -> Any:
        return np.sum(model(p) - (SIGNAL + BACKGROUND) * np.log(model(p)))

    ones = np.ones(2)
    found = fisher_information(model, ones, constraints=np.array([np.inf, 0.5]))
    assert found.shape == (2, 2)
    np.testing.assert_allclose(found - np.diag([0, 4]), observed_information(nll, ones))
    assert fisher_information(lambda p: p * SIGNAL, 1.0).tolist() == [[SIGNAL.sum()]]


def test_it_can_be_optimised() -> None:
    """The bound on a signal strength as a function of a cut, differentiated at first and second order."""
    pytest.importorskip("scipy")
    rng = np.random.default_rng(5)
    signal = ak.unflatten(rng.normal(2, 1, 300), [100, 0, 200])
    background = ak.unflatten(rng.normal(0, 1, 600), [250, 350])

    def bound(threshold: Any) -> Any:
        def expected(p: Any) -> Any:
            parts = [
                histogram(x, [-1.0, 1.0, 3.0], 0.4, weight=cut(x, threshold, 0.3))
                for x in (signal, background)
            ]
            return p["mu"] * parts[0] + p["norm"] * parts[1] + 0.1

        p = {"mu": 1.0, "norm": 1.0}
        return cramer_rao(fisher_information(expected, p, constraints={"mu": None, "norm": 0.1}))[0]

    check_grads(bound, (0.8,), order=2)


@pytest.mark.parametrize("bad", [np.array([1.0, -1.0]), np.array([1.0, 0.0])])
def test_counts_that_are_not_positive(bad: Any) -> None:
    with pytest.raises(ValueError, match="positive"):
        fisher_information(lambda p: p * np.ones(2) + bad - 1, 1.0)


def test_empty_bins_without_derivative() -> None:
    assert fisher_information(lambda p: p * np.array([4.0, 0.0]), 1.0).tolist() == [[4.0]]


def test_inverse() -> None:
    matrix = np.array([[4.0, 1.0, 0.3], [1.0, 3.0, 0.2], [0.5, 0.2, 2.0]])
    np.testing.assert_allclose(inverse(matrix) @ matrix, np.eye(3), atol=1e-15)
    check_grads(inverse, (matrix,), order=2)
    with pytest.raises(np.linalg.LinAlgError):
        cramer_rao(np.zeros((2, 2)))


# -- significance


def literal(mpmath: Any, s: Any, b: Any, sigma: Any) -> float:
    """The formulas as they are published."""
    with mpmath.workdps(50):
        s, b, v = mpmath.mpf(s), mpmath.mpf(b), mpmath.mpf(sigma) ** 2
        if not v:
            return float(mpmath.sqrt(2 * ((s + b) * mpmath.log(1 + s / b) - s)))
        first = (s + b) * mpmath.log((s + b) * (b + v) / (b**2 + (s + b) * v))
        second = b**2 / v * mpmath.log(1 + v * s / (b * (b + v)))
        return float(mpmath.sqrt(2 * (first - second)))


@pytest.mark.parametrize("s", [1e-9, 1e-3, 0.5, 3.0, 100.0, 1e6])
@pytest.mark.parametrize("b", [1e-2, 1.0, 50.0, 1e5])
@pytest.mark.parametrize("sigma", [0.0, 1e-3, 1.0, 30.0])
def test_the_published_formulas(s: float, b: float, sigma: float) -> None:
    mpmath = pytest.importorskip("mpmath")
    found = asimov_significance(s, b, sigma)
    assert found == pytest.approx(literal(mpmath, s, b, sigma), rel=1e-9)


def test_significance_of_arrays() -> None:
    z = asimov_significance(SIGNAL, BACKGROUND, 0.1 * BACKGROUND)
    total = asimov_significance(SIGNAL, BACKGROUND, 0.1 * BACKGROUND, combine=True)
    assert total == pytest.approx(np.sqrt(np.sum(z**2)))
    ragged = asimov_significance(ak.Array([[1.0], [], [2.0, 0.0]]), 10.0)
    assert ak.num(ragged).to_list() == [1, 0, 2]
    assert ragged[2, 1] == 0
    assert asimov_significance(-1.0, 10.0) < 0


@pytest.mark.parametrize("s", [0.0, 1e-3, 0.0999, 0.1001, 3.0, -2.0])
def test_derivatives_of_significance(s: float) -> None:
    check_grads(asimov_significance, (s, 10.0, 2.0), order=2)


def test_derivatives_of_combined_significance() -> None:
    def z(s: Any, b: Any) -> Any:
        return asimov_significance(s, b, 0.1 * b, combine=True)

    check_grads(z, (SIGNAL, BACKGROUND), order=2)
    check_grads(z, (ak.Array([[1.0], [2.0, 0.5]]), ak.Array([[10.0], [20.0, 5.0]])), order=2)


@pytest.mark.parametrize(("s", "b", "sigma"), [(1.0, 0.0, 0.0), (-2.0, 1.0, 0.0), (1.0, 1.0, -1.0)])
def test_impossible_counts(s: float, b: float, sigma: float) -> None:
    with pytest.raises(ValueError, match="must"):
        asimov_significance(s, b, sigma)
