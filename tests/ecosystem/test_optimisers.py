"""Worked examples: a ragged likelihood in SciPy, iminuit, and a descent by hand."""

from __future__ import annotations

from typing import Any

import awkward as ak
import numpy as np
import pytest

import awkward_dual as ad

#: decays in events: the lifetime, and a fraction of background that is flat up to WINDOW
TAU, FRACTION, WINDOW = 2.0, 0.2, 20.0
START = np.array([3.0, 0.5])


@pytest.fixture(scope="module")
def nll() -> Any:
    """The negative log likelihood per decay, of a lifetime and a fraction."""
    rng = np.random.default_rng(11)
    counts = rng.poisson(3, 700)
    n = counts.sum()
    times = np.where(
        rng.uniform(size=n) < FRACTION, rng.uniform(0, WINDOW, n), rng.exponential(TAU, n)
    )
    events = ak.unflatten(times, counts)

    def nll(p: Any) -> Any:
        density = (1 - p[1]) * np.exp(-events / p[0]) / p[0] + p[1] / WINDOW
        return -ak.sum(np.log(density)) / n

    return nll


@pytest.fixture(scope="module")
def best(nll: Any) -> Any:
    """The minimum, by Newton's method."""
    p = np.array([TAU, FRACTION])
    for _ in range(20):
        p = p - np.linalg.solve(ad.hessian(nll)(p), ad.grad(nll)(p))
    assert np.abs(ad.grad(nll)(p)).max() < 1e-12
    return p


@pytest.mark.parametrize("method", ["L-BFGS-B", "trust-constr", "SLSQP"])
def test_scipy_takes_value_and_gradient(nll: Any, best: Any, method: str) -> None:
    optimize = pytest.importorskip("scipy.optimize")
    found = optimize.minimize(
        ad.value_and_grad(nll),
        START,
        jac=True,
        method=method,
        bounds=[(0.1, 10.0), (0.01, 0.99)],
        options={"gtol": 1e-8} if method == "trust-constr" else {"ftol": 1e-15},
    )
    np.testing.assert_allclose(found.x, best, rtol=1e-5)


@pytest.mark.parametrize("method", ["Newton-CG", "trust-ncg", "trust-krylov"])
def test_scipy_takes_products_with_the_hessian(nll: Any, best: Any, method: str) -> None:
    optimize = pytest.importorskip("scipy.optimize")
    found = optimize.minimize(
        ad.value_and_grad(nll),
        START,
        jac=True,
        hessp=lambda p, v: ad.hvp(nll, (p,), (v,)),
        method=method,
    )
    assert found.success or method == "Newton-CG"
    np.testing.assert_allclose(found.x, best, rtol=1e-4)


def test_scipy_takes_the_hessian(nll: Any, best: Any) -> None:
    optimize = pytest.importorskip("scipy.optimize")
    found = optimize.minimize(
        ad.value_and_grad(nll), START, jac=True, hess=ad.hessian(nll), method="trust-exact"
    )
    np.testing.assert_allclose(found.x, best, rtol=1e-4)


def test_scipy_least_squares() -> None:
    optimize = pytest.importorskip("scipy.optimize")
    x = ak.Array([[1.0, 2.0], [], [3.0, 4.0, 5.0]])
    y = 2.5 * np.exp(-0.3 * x)

    def residuals(p: Any) -> Any:
        return ak.flatten(p[0] * np.exp(-p[1] * x) - y)

    found = optimize.least_squares(
        lambda p: ak.to_numpy(residuals(p)),
        [1.0, 0.1],
        jac=lambda p: np.asarray(ad.jacfwd(residuals)(p)),
    )
    np.testing.assert_allclose(found.x, [2.5, 0.3], rtol=1e-8)


def test_iminuit(nll: Any, best: Any) -> None:
    """Strategy 0, because strategies 1 and 2 compute numerical derivatives beside those given."""
    iminuit = pytest.importorskip("iminuit")
    minuit = iminuit.Minuit(nll, START, grad=ad.grad(nll))
    minuit.limits = [(0.1, 10.0), (0.01, 0.99)]
    minuit.errordef, minuit.strategy, minuit.tol = iminuit.Minuit.LIKELIHOOD, 0, 1e-6
    minuit.migrad()
    assert minuit.valid
    np.testing.assert_allclose(np.array(minuit.values), best, rtol=1e-3)
    without = iminuit.Minuit(nll, START)
    without.limits, without.errordef, without.strategy = minuit.limits, minuit.errordef, 0
    without.tol = 1e-6
    without.migrad()
    assert minuit.nfcn < without.nfcn


def test_uncertainties(nll: Any, best: Any) -> None:
    """iminuit's numerical Hessian is that of `hessian`."""
    iminuit = pytest.importorskip("iminuit")
    minuit = iminuit.Minuit(nll, best)
    minuit.errordef = iminuit.Minuit.LIKELIHOOD
    minuit.hesse()
    expected = np.linalg.inv(ad.hessian(nll)(best))
    np.testing.assert_allclose(np.array(minuit.covariance), expected, rtol=1e-2)


def test_a_descent_by_hand(nll: Any, best: Any) -> None:
    """Adam, as optax has it, over a dict of parameters, without JAX."""
    value_and_grad = ad.value_and_grad(lambda p: nll([p["tau"], p["fraction"]]))
    p = {"tau": 3.0, "fraction": 0.5}
    first, second = dict.fromkeys(p, 0.0), dict.fromkeys(p, 0.0)
    for step in range(1, 400):
        _, gradient = value_and_grad(p)
        rate = 0.1 * 0.99**step
        for name, g in gradient.items():
            first[name] = 0.9 * first[name] + 0.1 * float(g)
            second[name] = 0.999 * second[name] + 0.001 * float(g) ** 2
            mean, square = first[name] / (1 - 0.9**step), second[name] / (1 - 0.999**step)
            p[name] -= rate * mean / (np.sqrt(square) + 1e-8)
    np.testing.assert_allclose([p["tau"], p["fraction"]], best, rtol=1e-3)
