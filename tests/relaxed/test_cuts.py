"""Soft cuts: limits, bias, derivatives."""

from __future__ import annotations

from typing import Any

import awkward as ak
import numpy as np
import pytest

import awkward_dual as ad
from awkward_dual.relaxed import cut
from awkward_dual.testing import check_grads

pytest.importorskip("scipy")

PT = ak.Array([[25.0, 19.0, None], [], [40.0]])


@pytest.mark.parametrize("keep", ["above", "below"])
@pytest.mark.parametrize("kernel", ["logistic", "gauss"])
class TestCut:
    def test_derivatives(self, keep: str, kernel: str) -> None:
        def yields(pt: Any, threshold: Any, width: Any) -> Any:
            return ak.sum(cut(pt, threshold, width, keep=keep, kernel=kernel), axis=1)

        check_grads(yields, (PT, 20.0, 3.0), order=2)

    def test_limits(self, keep: str, kernel: str) -> None:
        weights = cut(PT, 20.0, 1e-3, keep=keep, kernel=kernel)
        passes = PT > 20 if keep == "above" else PT < 20
        assert weights.to_list() == ak.values_astype(passes, float).to_list()
        assert cut(20.0, 20.0, 1.0, keep=keep, kernel=kernel) == 0.5

    def test_the_bias_is_as_documented(self, keep: str, kernel: str) -> None:
        """Positions on a fine grid, weighted by a falling density."""
        x = (np.arange(400_000) + 0.5) * 1e-4
        density = np.exp(-x) * 1e-4
        width, threshold = 0.02, 1.0
        soft = np.sum(density * cut(x, threshold, width, keep=keep, kernel=kernel))
        hard = np.exp(-threshold) if keep == "above" else 1 - np.exp(-threshold)
        factor = {"logistic": np.pi**2 / 6, "gauss": 1 / 2}[kernel]
        expected = factor * width**2 * np.exp(-threshold)  # minus the slope, for what is above
        assert soft - hard == pytest.approx(expected if keep == "above" else -expected, rel=0.02)


def test_the_slope_is_the_density(rng: np.random.Generator) -> None:
    x = rng.exponential(size=200_000)
    slope = ad.grad(lambda t: np.mean(cut(x, t, 0.05)))(1.0)
    assert slope == pytest.approx(-np.exp(-1), rel=0.03)


def test_unknown_sides() -> None:
    with pytest.raises(ValueError, match="above"):
        cut(PT, 20.0, 1.0, keep="left")


@pytest.mark.parametrize("width", [0.0, -0.1, np.nan, ak.Array([0.1, 0.0])])
def test_widths_that_are_not_positive(width: Any) -> None:
    with pytest.raises(ValueError, match="width of a cut must be positive"):
        cut(ak.Array([1.0, 2.0]), 1.5, width)
    assert ak.all(cut(ak.Array([[1.0], [2.0]]), 1.5, ak.Array([0.1, 0.2])) > 0)
