"""Kernels with a real rule, through the functions of Awkward that call them, in the four modes."""

from __future__ import annotations

from typing import Any

import awkward as ak
import numpy as np
import pytest

from tests.rules.checks import check_modes, seeded

COUNTS = np.array([3, 0, 1, 4, 0, 2])
FUNCTIONS = {
    "sum": lambda a: ak.sum(a, axis=1),
    "sum-0": lambda a: ak.sum(a, axis=0),
    "sum-none": lambda a: ak.sum(a, axis=None),
    "prod": lambda a: ak.prod(a, axis=1),
    "prod-0": lambda a: ak.prod(a, axis=0),
    "prod-none": lambda a: ak.prod(a, axis=None),
    "var": lambda a: ak.var(a[ak.num(a) > 0], axis=1),
    "std": lambda a: ak.std(a[ak.num(a) > 1], axis=1),
    "mean": lambda a: ak.mean(a[ak.num(a) > 0], axis=-1),
}
REAL = {
    "max": lambda a: ak.max(a, axis=1, mask_identity=False, initial=-5.0),
    "min": lambda a: ak.min(a, axis=1, mask_identity=False, initial=5.0),
    "max-initial": lambda a: ak.max(a, axis=1, initial=0.25, mask_identity=False),
    "max-0": lambda a: ak.max(a, axis=0),
    "max-none": lambda a: ak.max(a, axis=None),
    "moment": lambda a: ak.moment(a[ak.num(a) > 0], 3, axis=1),
    "sumofsquares": lambda a: ak.moment(a[ak.num(a) > 0], 2, axis=1),
    "sort": lambda a: ak.flatten(ak.sort(a, axis=1)),
    "sort-down": lambda a: ak.flatten(ak.sort(a, axis=1, ascending=False)),
    "sort-0": lambda a: ak.flatten(ak.sort(a, axis=0)),
    "ptp": lambda a: ak.ptp(a[ak.num(a) > 0], axis=1),
}
CASES = [
    pytest.param(f, char, id=f"{name}-{np.dtype(char)}")
    for name, f in (FUNCTIONS | REAL).items()
    for char in "dfD"
    if not (char == "D" and (name in REAL or name in ("var", "std")))
]


def as_numpy(y: Any) -> Any:
    """Dual or not, the flat buffer without missing values."""
    if not isinstance(y, ak.Array):
        return y
    return ak.flatten(y, axis=None).layout.to_backend_array()


@pytest.mark.parametrize(("function", "char"), CASES)
def test_four_modes(function: Any, char: str) -> None:
    rng = seeded("reducers")
    x = (rng.permutation(10) + 0.8) / 5 - 1
    if char == "D":
        x = x * np.exp(1j * rng.uniform(-1, 1, 10))

    def f(x: Any) -> Any:
        return as_numpy(function(ak.unflatten(ak.Array(x), COUNTS)))

    check_modes(f, [x.astype(char)], rng=rng)


@pytest.mark.parametrize("name", ["max", "min"])
def test_complex_extrema(name: str) -> None:
    rng = seeded("complex")
    x = rng.uniform(-1, 1, 10) + 1j * rng.uniform(-1, 1, 10)

    def f(x: Any) -> Any:
        a = ak.unflatten(ak.Array(x), COUNTS)
        return as_numpy(getattr(ak, name)(a[ak.num(a) > 0], axis=1, mask_identity=False))

    check_modes(f, [x], rng=rng)
