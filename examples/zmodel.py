"""The program that is differentiated: from muons and parameters to a likelihood or a histogram.

It is ordinary Awkward Array code. The parameters are a NumPy array in the order of
`PARAMETERS`; everything else is constant.

What keeps the likelihood smooth and well posed:

- All cuts are made on uncorrected momenta, so no event crosses one when a parameter
  moves. An event that was taken at the mass ``m`` in the window has the corrected
  mass ``c m``, so its window is ``c`` times the window: that is what its density is
  normalised in, and ``c`` is the Jacobian that makes it a density of ``m``.
  (Without these two factors, shrinking all masses would be a way to improve the fit.)
- The mass and width of the Z are fixed, so the peak measures the scales and the resolution.
- Peak and background are each normalised in closed form.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import awkward as ak
import numpy as np

from muons import BARREL, Z_MASS, Z_WIDTH, NoMuons, resolution_shape

__all__ = (
    "PARAMETERS",
    "SMEARED",
    "START",
    "WINDOW",
    "densities",
    "events_with_pairs",
    "histogram",
    "likelihood",
    "pair_masses",
)

#: name, start, unit, limits of each parameter
PARAMETERS = (
    ("barrel", 0.0, "‰", (-100.0, 100.0)),  # momentum correction, |eta| < 1.2
    ("endcap", 0.0, "‰", (-100.0, 100.0)),  # the same beyond
    ("resolution", 2.0, "%", (0.05, 10.0)),  # relative momentum resolution at eta = 0
    ("signal", 60.0, "%", (1.0, 99.9)),  # fraction of pairs in the peak
    ("slope", 0.3, "/10 GeV", (1e-3, 5.0)),  # of the falling exponential
)
START = np.array([start for _, start, _, _ in PARAMETERS])
#: the first of them move events or smear them; the others belong to the model only
SMEARED = 3

#: candidates by their uncorrected mass, in GeV
WINDOW = (70.0, 112.0)
MIN_PT, MAX_ETA, MIN_PAIRS = 15.0, 2.4, 50


def selected(muons: ak.Array) -> ak.Array:
    """The muons that may be in a pair."""
    return muons[(muons.pt > MIN_PT) & (abs(muons.eta) < MAX_ETA)]


def pairs(muons: ak.Array) -> Any:
    """All pairs of muons in each event: the first and the second of each."""
    return ak.unzip(ak.combinations(muons, 2))


def candidates(muons: ak.Array) -> tuple[Any, Any]:
    """The mass of each pair, and whether the pair is taken."""
    first, second = pairs(muons)
    mass = (first + second).mass
    low, high = WINDOW
    return mass, (first.charge != second.charge) & (mass > low) & (mass < high)


def events_with_pairs(muons: ak.Array) -> ak.Array:
    """The events with a candidate. The others do not depend on any parameter.

    Raises
    ------
    NoMuons
        If there are too few candidates for a fit.
    """
    _, keep = candidates(selected(muons))
    found, (low, high) = int(ak.sum(keep)), WINDOW
    if found < MIN_PAIRS:
        raise NoMuons(
            f"{found} opposite-sign muon pairs between {low:g} and {high:g} GeV; "
            f"the fit needs {MIN_PAIRS}"
        )
    return muons[ak.any(keep, axis=1)]


def pair_masses(muons: ak.Array, theta: Any) -> tuple[Any, Any, Any]:
    """Uncorrected mass, corrected mass and its resolution for all candidates, as flat arrays."""
    muons = selected(muons)
    scale = 1 + 1e-3 * ak.where(abs(muons.eta) < BARREL, theta[0], theta[1])
    corrected = ak.with_field(muons, muons.pt * scale, "pt")

    raw, keep = candidates(muons)
    first, second = pairs(corrected)
    mass = (first + second).mass
    shape = np.hypot(resolution_shape(first.eta), resolution_shape(second.eta))
    sigma = Z_MASS / 2 * theta[2] / 100 * shape
    return ak.flatten(raw[keep]), ak.flatten(mass[keep]), ak.flatten(sigma[keep])


# -- densities in the corrected mass


def peak(mass: Any, low: Any, high: Any, sigma: Any) -> Any:
    """The Z: a Lorentzian smeared by a Gaussian, in the approximation of Thompson, Cox and Hastings.

    That is a sum of a Lorentzian and a Gaussian of common width, so its integral over
    the window is known. The Gaussian is narrow: the window holds all of it.
    """
    gauss_fwhm = np.sqrt(8 * np.log(2)) * sigma
    coefficients = (1.0, 2.69269, 2.42843, 4.47163, 0.07842, 1.0)
    powers = [gauss_fwhm ** (5 - i) * (a * Z_WIDTH**i) for i, a in enumerate(coefficients)]
    fwhm = sum(powers[1:], powers[0]) ** 0.2
    ratio = Z_WIDTH / fwhm
    mixing = 1.36603 * ratio - 0.47719 * ratio**2 + 0.11116 * ratio**3

    half, width = fwhm / 2, fwhm / np.sqrt(8 * np.log(2))
    lorentz = half / np.pi / ((mass - Z_MASS) ** 2 + half**2)
    gauss = np.exp(-0.5 * ((mass - Z_MASS) / width) ** 2) / (width * np.sqrt(2 * np.pi))
    inside = (np.arctan((high - Z_MASS) / half) - np.arctan((low - Z_MASS) / half)) / np.pi
    return (mixing * lorentz + (1 - mixing) * gauss) / (mixing * inside + 1 - mixing)


def background(mass: Any, low: Any, high: Any, slope: Any) -> Any:
    """A falling exponential, one in the window."""
    k = slope / 10
    return k * np.exp(-k * (mass - low)) / -np.expm1(-k * (high - low))


def densities(mass: Any, low: Any, high: Any, sigma: Any, theta: Any) -> tuple[Any, Any]:
    """Signal and background, together one in the window."""
    fraction = theta[3] / 100
    signal = fraction * peak(mass, low, high, sigma)
    return signal, (1 - fraction) * background(mass, low, high, theta[4])


# -- what is fitted and what is drawn


def likelihood(muons: ak.Array) -> Callable[[Any], Any]:
    """The unbinned negative log likelihood, as a function of the parameters."""

    def nll(theta: Any) -> Any:
        raw, mass, sigma = pair_masses(muons, theta)
        c = mass / raw
        signal, falling = densities(mass, WINDOW[0] * c, WINDOW[1] * c, sigma, theta)
        return -ak.sum(np.log((signal + falling) * c))

    return nll


def histogram(muons: ak.Array, edges: Any) -> Callable[[Any], Any]:
    """Soft counts: each pair is shared among the bins by a Gaussian as wide as its resolution.

    The counts of a hard histogram jump; their derivative is zero wherever it exists.
    """

    def counts(theta: Any) -> Any:
        _, mass, sigma = pair_masses(muons, theta)
        z = (edges - mass[:, np.newaxis]) / sigma[:, np.newaxis]
        # the distribution function of a Gaussian, to 0.0004
        below = 0.5 * (1 + np.tanh(np.sqrt(2 / np.pi) * (z + 0.044715 * z**3)))
        return ak.sum(below[:, 1:] - below[:, :-1], axis=0)

    return counts
