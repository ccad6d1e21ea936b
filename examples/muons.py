"""Events with muons: from a seeded generator, or from a ROOT file.

Both give one ``ak.Array`` of events, each a list of `vector` momenta with the
fields ``pt``, ``eta``, ``phi``, ``mass`` (GeV) and ``charge``.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import awkward as ak
import numpy as np
import vector
from tqdm import tqdm

__all__ = (
    "BARREL",
    "MUON_MASS",
    "TRUTH",
    "Z_MASS",
    "Z_WIDTH",
    "NoMuons",
    "generate",
    "read",
    "resolution_shape",
)

Z_MASS, Z_WIDTH, MUON_MASS = 91.1876, 2.4952, 0.1056584
#: up to this |eta| a muon is in the barrel of the detector, beyond it in an endcap
BARREL = 1.2

#: what the generator's detector does to momenta: relative errors of scale, and resolution at eta = 0
BARREL_SCALE, ENDCAP_SCALE, RESOLUTION = -0.012, 0.018, 0.013
#: the same as parameters of the fit: corrections in per mille, resolution in percent
TRUTH = {
    "barrel": 1e3 * (1 / (1 + BARREL_SCALE) - 1),
    "endcap": 1e3 * (1 / (1 + ENDCAP_SCALE) - 1),
    "resolution": 100 * RESOLUTION,
}

vector.register_awkward()

FIELDS = ("pt", "eta", "phi", "mass", "charge")


class NoMuons(Exception):
    """There is nothing to fit; the message is one line for the user."""


def resolution_shape(eta: Any) -> Any:
    """How the relative momentum resolution grows towards the endcaps."""
    return 1 + 0.25 * eta**2


# -- from a file


def read(path: str) -> ak.Array:
    """The muons of a ROOT file with a tree or RNTuple ``Events``, and branches ``Muon_pt`` …

    Raises
    ------
    NoMuons
        If the file, the tree or a branch is missing, or the events have no muons.
    """
    import uproot

    if "://" not in path and not Path(path).is_file():
        raise NoMuons(f"{path}: no such file")
    try:
        with uproot.open({path: None}) as file:
            columns = _columns(path, file)
    except (OSError, ValueError) as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise NoMuons(f"{path}: not a readable ROOT file ({reason})") from error
    for name, column in columns.items():
        if column.ndim != 2 or not np.issubdtype(
            ak.flatten(column).type.content.primitive, np.number
        ):
            raise NoMuons(f"{path}: 'Muon_{name}' are not lists of numbers, but {column.type}")
    if not ak.count(columns["pt"]):
        raise NoMuons(f"{path}: the events have no muons")
    return _momenta(columns)


def _columns(path: str, file: Any) -> dict[str, Any]:
    if "Events" not in file:
        names = ", ".join(file.keys(cycle=False)[:5]) or "nothing"
        raise NoMuons(f"{path}: no tree or RNTuple 'Events'; the file holds {names}")
    events = file["Events"]
    branches = [f"Muon_{field}" for field in FIELDS]
    keys = set(getattr(events, "keys", list)())
    for branch in branches:
        if branch not in keys:
            raise NoMuons(f"{path}: 'Events' has no branch '{branch}'")
    progress = tqdm(branches, desc="reading", disable=None, leave=False)
    return {branch.removeprefix("Muon_"): events[branch].array() for branch in progress}


def _momenta(columns: dict[str, Any]) -> ak.Array:
    """Columns as momenta.

    Files store float32. A tangent has the type of its buffer, and a likelihood
    of single precision is too rough for a minimiser, so it is widened here, once.
    """
    wide = {name: ak.values_astype(columns[name], np.float64) for name in FIELDS[:-1]}
    return ak.zip({**wide, "charge": columns["charge"]}, with_name="Momentum4D")


# -- from the generator


def generate(n: int = 20_000, seed: int = 2024) -> ak.Array:
    """Simulated events: a Z or a falling background to two muons, and soft muons beside them."""
    rng = np.random.default_rng(seed)
    pair = _decay(rng, _boson(rng, n))
    soft = _soft_muons(rng, n)
    muons = ak.concatenate([pair, soft], axis=1)
    muons = _detector(rng, muons)
    seen = muons[(muons.pt > 3) & (abs(muons.eta) < 2.4)]
    return seen[ak.argsort(seen.pt, axis=1, ascending=False)]


def _boson(rng: np.random.Generator, n: int) -> ak.Array:
    """Momenta of what decays: 45 % Z, the rest continuum."""
    low, high = 40.0, 200.0
    u_low, u_high = np.arctan((np.array([low, high]) - Z_MASS) / (Z_WIDTH / 2))
    peak = Z_MASS + Z_WIDTH / 2 * np.tan(rng.uniform(u_low, u_high, n))
    continuum = low + rng.exponential(25.0, n)
    mass = np.where(rng.random(n) < 0.45, peak, continuum)
    pt = rng.rayleigh(12.0, n)
    rapidity = rng.normal(0.0, 1.0, n)
    phi = rng.uniform(-np.pi, np.pi, n)
    pz = np.hypot(mass, pt) * np.sinh(rapidity)
    return _flat({"pt": pt, "phi": phi, "pz": pz, "mass": mass})


def _flat(columns: dict[str, Any]) -> Any:
    return ak.zip(columns, with_name="Momentum4D")


def _decay(rng: np.random.Generator, boson: ak.Array) -> ak.Array:
    """Two muons each, back to back in the rest frame, in a random direction."""
    n = len(boson)
    p = np.sqrt(np.asarray(boson.mass) ** 2 / 4 - MUON_MASS**2)
    cos, phi = rng.uniform(-1, 1, n), rng.uniform(-np.pi, np.pi, n)
    p_t, p_z, mass = p * np.sqrt(1 - cos**2), p * cos, np.full(n, MUON_MASS)
    plus = _flat({"pt": p_t, "phi": phi, "pz": p_z, "mass": mass}).boost_p4(boson)
    minus = boson - plus

    def both(name: str) -> Any:
        columns = [getattr(muon, name) for muon in (plus, minus)]
        return ak.from_regular(np.stack(columns, axis=1), axis=1)

    charge = ak.from_regular(np.tile([1, -1], (n, 1)), axis=1)
    columns = {name: both(name) for name in ("pt", "eta", "phi", "mass")}
    return _momenta({**columns, "charge": charge})


def _soft_muons(rng: np.random.Generator, n: int) -> ak.Array:
    counts = rng.poisson(0.5, n)
    m = int(counts.sum())
    columns = {
        "pt": 3 + rng.exponential(4.0, m),
        "eta": rng.uniform(-2.4, 2.4, m),
        "phi": rng.uniform(-np.pi, np.pi, m),
        "mass": np.full(m, MUON_MASS),
        "charge": rng.choice([-1, 1], m),
    }
    return _momenta({name: ak.unflatten(column, counts) for name, column in columns.items()})


def _detector(rng: np.random.Generator, muons: ak.Array) -> ak.Array:
    """Measured momenta: a wrong scale in each region, and noise that grows with |eta|."""
    scale = 1 + ak.where(abs(muons.eta) < BARREL, BARREL_SCALE, ENDCAP_SCALE)
    noise = ak.unflatten(rng.normal(size=int(ak.count(muons.pt))), ak.num(muons))
    smear = 1 + RESOLUTION * resolution_shape(muons.eta) * noise
    return ak.with_field(muons, muons.pt * scale * smear, "pt")
