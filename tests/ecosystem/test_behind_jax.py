"""What lives on JAX sits behind `to_jax`: pyhf, relaxed, evermore, optax and optimistix fit a ragged stage."""

from __future__ import annotations

import warnings
from typing import Any

import awkward as ak
import numpy as np
import pytest

import awkward_dual as ad

jax = pytest.importorskip("jax", reason="jax is not installed")
jnp = jax.numpy
pytest.importorskip("scipy")
# these libraries and JAX deprecate names of each other
pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
    pytest.mark.filterwarnings("ignore::UserWarning"),
]

EDGES = np.linspace(80, 100, 6)
TRUTH = 1.01
DOUBLE = jax.ShapeDtypeStruct((5,), "float64")


@pytest.fixture(autouse=True)
def double_precision() -> Any:
    """JAX's types with 64 bits, for the time of a test."""
    before = jax.config.jax_enable_x64
    jax.config.update("jax_enable_x64", True)
    yield
    jax.config.update("jax_enable_x64", before)


@pytest.fixture(scope="module")
def masses() -> Any:
    """Candidates of events, any number in each."""
    rng = np.random.default_rng(8)
    return ak.unflatten(rng.normal(90, 4, 600), rng.multinomial(600, [1 / 200] * 200))


@pytest.fixture(scope="module")
def counts(masses: Any) -> Any:
    return lambda scale: ad.relaxed.histogram(scale * masses, EDGES, 1.0)


@pytest.fixture(scope="module")
def nll(counts: Any) -> Any:
    """The likelihood without JAX: what the others must agree with."""
    data = counts(TRUTH)
    return lambda scale: np.sum(counts(scale) - data * np.log(counts(scale))) / 100


@pytest.fixture
def nll_in_jax(counts: Any) -> Any:
    bridged, data = ad.to_jax(counts, DOUBLE), jnp.asarray(counts(TRUTH))

    def nll(scale: Any) -> Any:
        expected = bridged(scale)
        return jnp.sum(expected - data * jnp.log(expected)) / 100

    return nll


def test_pyhf(counts: Any) -> None:
    """Counts of a ragged stage, times what pyhf makes of its own parameters."""
    pyhf = pytest.importorskip("pyhf", reason="pyhf is not installed")
    before = pyhf.get_backend()
    pyhf.set_backend("jax", precision="64b")
    try:
        modifier = {"name": "mu", "type": "normfactor", "data": None}
        sample = {"name": "s", "data": [1.0] * 5, "modifiers": [modifier]}
        model = pyhf.Model({"channels": [{"name": "c", "samples": [sample]}]}, poi_name="mu")
        bridged, data = ad.to_jax(counts, DOUBLE), counts(TRUTH)

        def nll(p: Any) -> Any:
            expected = model.expected_actualdata(p[:1]) * bridged(p[1])
            return jnp.sum(expected - data * jnp.log(expected))

        def without(p: Any) -> Any:
            expected = p[0] * counts(p[1])
            return np.sum(expected - data * np.log(expected))

        at = np.array([1.1, 1.005])
        found = jax.jit(jax.grad(nll))(at)
        np.testing.assert_allclose(found, ad.grad(without)(at), rtol=1e-9)
    finally:
        pyhf.set_backend(*before)


def test_relaxed(counts: Any) -> None:
    """Its Cramér-Rao bound from counts that are made here is ours."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        relaxed = pytest.importorskip("relaxed", reason="relaxed is not installed")
        import equinox
    bridged = ad.to_jax(counts, DOUBLE)

    class Model(equinox.Module):
        def logpdf(self, pars: Any, data: Any) -> Any:
            expected = bridged(pars["scale"])
            return jnp.sum(data * jnp.log(expected) - expected)

    at = {"scale": jnp.asarray(1.0)}
    theirs = relaxed.cramer_rao_uncert(Model(), at, jnp.asarray(counts(1.0)))
    information = ad.relaxed.fisher_information(lambda p: counts(p["scale"]), {"scale": 1.0})
    np.testing.assert_allclose(
        float(theirs["scale"]), ad.relaxed.cramer_rao(information)[0], rtol=1e-6
    )


def test_evermore(counts: Any, nll: Any) -> None:
    """Its Poisson likelihood of a parameter that moves a ragged stage."""
    evm = pytest.importorskip("evermore", reason="evermore is not installed")
    bridged, data = ad.to_jax(counts, DOUBLE), jnp.asarray(counts(TRUTH))

    def theirs(scale: Any) -> Any:
        poisson = evm.pdf.PoissonContinuous(lamb=bridged(scale))
        return -jnp.sum(poisson.log_prob(data)) / 100

    found = jax.jit(jax.grad(theirs))(1.0)
    np.testing.assert_allclose(found, ad.grad(nll)(1.0), rtol=1e-9)


def test_optax(nll_in_jax: Any) -> None:
    optax = pytest.importorskip("optax", reason="optax is not installed")
    optimiser = optax.adam(3e-3)
    scale = jnp.asarray(1.0)
    state = optimiser.init(scale)
    step = jax.jit(jax.grad(nll_in_jax))
    for _ in range(60):
        updates, state = optimiser.update(step(scale), state)
        scale = optax.apply_updates(scale, updates)
    assert float(scale) == pytest.approx(TRUTH, abs=1e-3)


def test_optimistix(nll_in_jax: Any) -> None:
    optimistix = pytest.importorskip("optimistix", reason="optimistix is not installed")
    solver = optimistix.BFGS(rtol=1e-8, atol=1e-8)
    found = optimistix.minimise(lambda scale, args: nll_in_jax(scale), solver, jnp.asarray(1.0))
    assert float(found.value) == pytest.approx(TRUTH, abs=1e-5)
