"""Events with jets: pairs of top quarks, and events without, from a seeded generator.

Each event is a list of `vector` momenta with the fields ``pt``, ``eta``, ``phi``, ``mass``
(GeV), ``btag`` (the score of a tagger, between 0 and 1) and ``flavour`` (5 for the jets of
bottom quarks), the hardest first.
"""

from __future__ import annotations

from typing import Any

import awkward as ak
import numpy as np
import vector

__all__ = ("TOP_MASS", "W_MASS", "background", "ttbar")

TOP_MASS, W_MASS, BOTTOM_MASS = 172.5, 80.4, 4.8
#: jets below are not recorded
MIN_PT = 20.0

vector.register_awkward()


def ttbar(n: int = 5000, seed: int = 1) -> ak.Array:
    """A pair of top quarks; one decays to three jets, of the other its bottom quark is seen.

    Parameters
    ----------
    n : int
        The number of events.
    seed : int
        Of the generator.

    Returns
    -------
    ak.Array
        ``n * var * Momentum4D``.
    """
    rng = np.random.default_rng(seed)
    pt, phi = 1.0 + rng.gamma(2.0, 55.0, n), rng.uniform(-np.pi, np.pi, n)
    partons = []
    for side in (0, 1):
        mass = rng.normal(TOP_MASS, 1.4, n)
        top = _momenta(pt, rng.normal(0.0, 0.9, n), phi + side * np.pi, mass)
        w, bottom = _decay(rng, top, rng.normal(W_MASS, 2.1, n), np.full(n, BOTTOM_MASS))
        partons.append((bottom, 5))
        if side == 0:
            light = np.zeros(n)
            partons += [(quark, 1) for quark in _decay(rng, w, light, light)]
    jets = ak.zip(
        {
            **{name: _side_by_side(partons, name) for name in ("pt", "eta", "phi", "mass")},
            "flavour": ak.from_regular(np.tile([flavour for _, flavour in partons], (n, 1)), 1),
        }
    )
    return _measured(rng, ak.concatenate([jets, _radiated(rng, rng.poisson(0.9, n), 24.0)], axis=1))


def background(n: int = 5000, seed: int = 2) -> ak.Array:
    """Events with jets from radiation; few of them are of bottom quarks. As `ttbar`."""
    rng = np.random.default_rng(seed)
    return _measured(rng, _radiated(rng, 2 + rng.poisson(1.8, n), 45.0))


def _momenta(pt: Any, rapidity: Any, phi: Any, mass: Any) -> ak.Array:
    pz = np.hypot(mass, pt) * np.sinh(rapidity)
    return ak.zip({"pt": pt, "phi": phi, "pz": pz, "mass": mass}, with_name="Momentum4D")


def _decay(rng: np.random.Generator, parent: ak.Array, a: Any, b: Any) -> tuple[Any, Any]:
    """Two particles of the masses `a` and `b`, in a random direction of the rest frame."""
    n, m = len(parent), np.asarray(parent.mass)
    p = np.sqrt((m**2 - (a + b) ** 2) * (m**2 - (a - b) ** 2)) / (2 * m)
    cos, phi = rng.uniform(-1, 1, n), rng.uniform(-np.pi, np.pi, n)
    p_t = p * np.sqrt(1 - cos**2)
    columns = {"pt": p_t, "phi": phi, "pz": p * cos, "mass": a}
    first = ak.zip(columns, with_name="Momentum4D").boost_p4(parent)
    return first, parent - first


def _side_by_side(partons: list[tuple[Any, int]], name: str) -> Any:
    columns = [np.asarray(getattr(parton, name)) for parton, _ in partons]
    columns = [np.maximum(c, 0.0) for c in columns] if name == "mass" else columns
    return ak.from_regular(np.stack(columns, axis=1), axis=1)


def _radiated(rng: np.random.Generator, counts: Any, mean: float) -> Any:
    m = int(counts.sum())
    columns = {
        "pt": MIN_PT + rng.exponential(mean, m),
        "eta": rng.normal(0.0, 1.5, m),
        "phi": rng.uniform(-np.pi, np.pi, m),
        "mass": rng.exponential(4.0, m),
        "flavour": rng.choice([1, 5], m, p=[0.93, 0.07]),
    }
    return ak.zip({name: ak.unflatten(column, counts) for name, column in columns.items()})


def _measured(rng: np.random.Generator, jets: Any) -> ak.Array:
    """Momenta with the resolution of a calorimeter, and the score of a tagger."""
    counts, m = ak.num(jets), int(ak.count(jets.pt))

    def ragged(values: Any) -> Any:
        return ak.unflatten(values, counts)

    resolution = np.hypot(0.05, 1.0 / np.sqrt(jets.pt + 1.0))
    smear = np.maximum(1 + resolution * ragged(rng.normal(size=m)), 0.2)
    low, high = ragged(rng.beta(1.0, 4.0, m)), ragged(rng.beta(4.0, 1.3, m))
    columns = {
        "pt": jets.pt * smear,
        "eta": jets.eta,
        "phi": (jets.phi + np.pi) % (2 * np.pi) - np.pi,
        "mass": jets.mass * smear,
        "btag": ak.where(jets.flavour == 5, high, low),
        "flavour": jets.flavour,
    }
    measured = ak.zip(columns, with_name="Momentum4D")
    seen = measured[(measured.pt > MIN_PT) & (abs(measured.eta) < 2.5)]
    return seen[ak.argsort(seen.pt, axis=1, ascending=False)]
