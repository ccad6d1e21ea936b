"""Ragged programs, about three particles an event."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import awkward as ak
import numpy as np


def events(count: int, seed: int = 0) -> Any:
    """Muons of generated events: a jagged record of pt, eta and phi."""
    rng = np.random.default_rng(seed)
    lengths = rng.poisson(3, count)
    total = int(lengths.sum())
    flat = {
        "pt": rng.exponential(30.0, total) + 3.0,
        "eta": rng.normal(0.0, 1.2, total),
        "phi": rng.uniform(-3.1, 3.1, total),
    }
    return ak.unflatten(ak.Array(flat), lengths)


def pair_mass(pt: Any, eta: Any, phi: Any) -> Any:
    """The mass of every pair of massless particles of an event."""
    a, b = ak.unzip(ak.combinations(ak.zip({"pt": pt, "eta": eta, "phi": phi}), 2))
    return np.sqrt(2 * a.pt * b.pt * (np.cosh(a.eta - b.eta) - np.cos(a.phi - b.phi)))


def peak(mass: Any) -> Any:
    """How much of the mass is in a Gaussian peak."""
    return ak.sum(np.exp(-0.5 * ((mass - 91.2) / 5.0) ** 2))


def dimuon(muons: Any, pt: Any) -> Any:
    """A number from the pair masses."""
    return peak(pair_mass(pt, muons.eta, muons.phi))


def calibrated(muons: Any, p: Any) -> Any:
    """`dimuon` with as many calibration parameters as `p` has: a power series in eta."""
    pt = muons.pt
    for i in range(len(p)):
        pt = pt * (1 + p[i] * muons.eta**i / 2**i)
    return dimuon(muons, pt)


def chain(pt: Any) -> Any:
    """A chain of elementwise functions."""
    return np.sqrt(np.cosh(pt / 50) / (1 + np.sinh(pt / 60) ** 2)) / pt


def reducers(pt: Any) -> Any:
    """Sum, product, standard deviation and maximum of every event."""
    return ak.sum(
        ak.sum(pt, axis=1)
        + ak.prod(pt / 30, axis=1)
        + ak.fill_none(ak.std(pt, axis=1), 0)
        + ak.fill_none(ak.max(pt, axis=1), 0)
    )


def ordered(pt: Any) -> Any:
    """Argsort, gathers, masks and sums."""
    leading = pt[ak.argsort(pt, axis=1, ascending=False)][:, :2]
    return ak.sum(leading[leading > 10] * 1.5, axis=1)


def total(y: Any) -> Any:
    """One number, to take the gradient of."""
    return ak.sum(y) if isinstance(y, ak.Array) else y


#: programs of all muons and of their transverse momenta, which are differentiated
PROGRAMS: dict[str, Callable[[Any, Any], Any]] = {
    "dimuon": dimuon,
    "elementwise chain": lambda muons, pt: chain(pt),
    "reducers": lambda muons, pt: reducers(pt),
    "argsort, gathers, masks": lambda muons, pt: ordered(pt),
}
