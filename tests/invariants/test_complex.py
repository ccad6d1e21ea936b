"""Invariant 12: complex numbers, with real-linear rules and PyTorch's convention."""

from __future__ import annotations

from typing import Any

import awkward as ak
import numpy as np
import pytest

import awkward_dual as ad
from awkward_dual.testing import check_grads

FLAT = np.array([1.2 + 0.5j, -0.7 + 2.0j, 0.3 - 1.1j, 2.0 + 0.1j, -1.5 - 0.4j])
COUNTS = [2, 0, 3]

#: ragged complex arrays to arrays
FUNCTIONS: dict[str, Any] = {
    "product": lambda z: z * z,
    "quotient": lambda z: 1j / z,
    "conj": lambda z: np.conj(z) * z * z,
    "abs": abs,
    "angle": np.angle,
    "real": ak.real,
    "imag": ak.imag,
    "np.real": lambda z: np.real(z) * np.imag(z),
    "exp": np.exp,
    "log": np.log,
    "sqrt": np.sqrt,
    "trigonometric": lambda z: np.sin(z) * np.cosh(z) + np.tanh(z),
    "power": lambda z: z**2.5,
    "complex power": lambda z: 2.0**z + z ** (0.5 + 1j),
    "square": np.square,
    "reciprocal": np.reciprocal,
    "modulus times phase": lambda z: z * abs(z),
    "sum": lambda z: ak.sum(z, axis=1),
    "prod": lambda z: ak.prod(z, axis=1),
    "prod with zeros": lambda z: ak.prod(ak.concatenate([z, z[:, :1] * 0], axis=1), axis=1),
    "sum over all": lambda z: ak.sum(z, axis=None),
    "prod over all": lambda z: ak.prod(z, axis=None),
    "mean": lambda z: ak.mean(z, axis=None),
    "max": lambda z: ak.drop_none(ak.max(z, axis=1)) ** 2,
    "min": lambda z: ak.drop_none(ak.min(z, axis=1)) ** 2,
    "where": lambda z: ak.where(ak.real(z) > 0, z, z**2),
    "real constants": lambda z: z * ak.real(z) + 2.0,
    "combinations": lambda z: np.multiply(*ak.unzip(ak.combinations(z, 2))),
}


def ragged(z: Any) -> ak.Array:
    return ak.unflatten(ak.Array(z), COUNTS)


def size(value: Any) -> Any:
    """A real number that depends on both parts of a result."""
    total = lambda x: ak.sum(x, axis=None) if isinstance(x, ak.Array) else x
    return total(np.real(value) ** 2) + total(np.imag(value) * 0.7)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
class TestComplex:
    @pytest.mark.parametrize("name", FUNCTIONS)
    def test_four_modes(self, name: str) -> None:
        check_grads(FUNCTIONS[name], (ragged(FLAT),), order=2)

    @pytest.mark.parametrize("name", FUNCTIONS)
    def test_grad_is_d_da_plus_i_d_db(self, name: str) -> None:
        func = lambda z: size(FUNCTIONS[name](ragged(z)))
        gradient = ak.to_numpy(
            ak.flatten(ad.grad(lambda z: size(FUNCTIONS[name](z)))(ragged(FLAT)))
        )
        h = 1e-6
        for i in range(len(FLAT)):
            step = h * (np.arange(len(FLAT)) == i)
            da = (func(FLAT + step) - func(FLAT - step)) / (2 * h)
            db = (func(FLAT + 1j * step) - func(FLAT - 1j * step)) / (2 * h)
            assert gradient[i] == pytest.approx(da + 1j * db, rel=1e-6, abs=1e-6)

    @pytest.mark.parametrize("name", FUNCTIONS)
    def test_transposition_with_the_conjugate_on_the_left(self, name: str, rng: Any) -> None:
        v = ragged(rng.normal(size=5) + 1j * rng.normal(size=5))
        value, pushed = ad.jvp(FUNCTIONS[name], (ragged(FLAT),), (v,))
        c = (
            value * (0.3 + 0.4j)
            if np.iscomplexobj(
                np.asarray(ak.flatten(value, axis=None) if isinstance(value, ak.Array) else value)
            )
            else value
        )
        (pulled,) = ad.vjp(FUNCTIONS[name], ragged(FLAT))[1](c)

        def inner(a: Any, b: Any) -> Any:
            product = np.conj(a) * b
            return np.real(ak.sum(product, axis=None) if isinstance(product, ak.Array) else product)

        assert inner(c, pushed) == pytest.approx(inner(pulled, v), rel=1e-10)

    def test_numbers(self) -> None:
        assert ad.grad(lambda z: abs(z) ** 2)(1 + 2j) == pytest.approx(2 + 4j)
        assert ad.grad(lambda z: z.real * z.imag)(1 + 2j) == 2 + 1j
        assert ad.grad(lambda z: (z * z.conjugate()).real)(1 + 2j) == 2 + 4j
        assert ad.jvp(lambda z: z**2, (1 + 1j,), (1.0,)) == (2j, 2 + 2j)

    def test_real_parameters_of_complex_programs(self) -> None:
        assert ad.grad(lambda x: abs(np.exp(1j * x) * x))(2.0) == pytest.approx(1.0, rel=1e-14)
        check_grads(
            lambda x: abs(np.exp(1j * x) + x * 1j) ** 2, (ak.Array([[0.3], [1.0, 2.0]]),), order=3
        )

    def test_gradients_of_gradients(self) -> None:
        product = ad.hvp(lambda z: np.sum(np.abs(z) ** 2), (FLAT,), (FLAT,))
        np.testing.assert_allclose(product, 2 * FLAT, rtol=1e-14)

    def test_tangents_of_complex_leaves_are_complex(self) -> None:
        x = ad.dual(ak.Array([1 + 2j]), ak.Array([1j]))
        assert ad.tangent(x * 2).to_list() == [2j]
        assert ad.tangent(abs(x)).type == ak.Array([1.0]).type
