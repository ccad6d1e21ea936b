"""A network on ragged input: DeepSets over the muons of an event, trained by `grad`."""

from __future__ import annotations

from typing import Any

import awkward as ak
import numpy as np
import pytest

import awkward_dual as ad
from awkward_dual.testing import check_grads

special = pytest.importorskip("scipy.special")

HIDDEN = 6


def events(rng: np.random.Generator, n: int) -> tuple[Any, Any]:
    """Events with any number of muons, and whether their vector sum has a large momentum."""
    counts = rng.poisson(2.5, n)
    muons = ak.zip(
        {
            "px": ak.unflatten(rng.normal(size=counts.sum()), counts),
            "py": ak.unflatten(rng.normal(size=counts.sum()), counts),
        }
    )
    large = np.hypot(ak.sum(muons.px, axis=1), ak.sum(muons.py, axis=1)) > 1.6
    return muons, ak.to_numpy(large).astype(float)


def parameters(rng: np.random.Generator) -> Any:
    """Weights of the network for each muon, and of that for the sum."""
    return {
        "phi": {"w": rng.normal(size=(HIDDEN, 2)), "b": rng.normal(size=HIDDEN)},
        "rho": {"w": rng.normal(size=HIDDEN) / 2, "b": np.zeros(())},
    }


def score(p: Any, muons: Any) -> Any:
    """rho of the sum of phi over the muons of each event (Zaheer et al., arXiv:1703.06114)."""
    phi, rho = p["phi"], p["rho"]
    out = rho["b"]
    for i in range(HIDDEN):
        hidden = np.tanh(phi["w"][i, 0] * muons.px + phi["w"][i, 1] * muons.py + phi["b"][i])
        pooled = ak.sum(hidden, axis=1)
        out = out + rho["w"][i] * pooled**2
    return out


def loss(p: Any, muons: Any, labels: Any) -> Any:
    """The cross entropy."""
    z = score(p, muons)
    return -ak.mean(labels * special.log_expit(z) + (1 - labels) * special.log_expit(-z))


def descended(p: Any, gradient: Any, rate: float) -> Any:
    if isinstance(p, dict):
        return {name: descended(p[name], gradient[name], rate) for name in p}
    return p - rate * gradient


def test_gradients(rng: np.random.Generator) -> None:
    muons, labels = events(rng, 12)
    check_grads(lambda p, muons: loss(p, muons, labels), (parameters(rng), muons))


def test_the_order_of_muons_is_nothing(rng: np.random.Generator) -> None:
    muons, _ = events(rng, 12)
    p = parameters(rng)
    np.testing.assert_allclose(score(p, muons), score(p, muons[:, ::-1]), rtol=1e-12)


def test_it_learns() -> None:
    rng = np.random.default_rng(2)
    muons, labels = events(rng, 800)
    p = parameters(rng)
    step = ad.value_and_grad(loss)
    first, _ = step(p, muons, labels)
    for _ in range(100):
        last, gradient = step(p, muons, labels)
        p = descended(p, gradient, 0.15)
    assert last < 0.6 * first
    others, truth = events(np.random.default_rng(3), 800)
    right = np.mean((np.asarray(score(p, others)) > 0) == (truth > 0.5))
    assert right > max(np.mean(truth), 1 - np.mean(truth)) + 0.1


def test_batches_are_parts(rng: np.random.Generator) -> None:
    """The gradient of a sum over batches, on any executor."""
    muons, labels = events(rng, 40)
    p = parameters(rng)
    batches = [(muons[i : i + 10], labels[i : i + 10]) for i in range(0, 40, 10)]
    value, gradient = ad.scale.value_and_grad(lambda batch, p: loss(p, *batch) / 4, batches, p)
    expected = ad.value_and_grad(loss)(p, muons, labels)
    assert value == pytest.approx(expected[0], rel=1e-12)
    np.testing.assert_allclose(gradient["phi"]["w"], expected[1]["phi"]["w"], rtol=1e-10)
