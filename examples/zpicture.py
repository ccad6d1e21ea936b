"""The picture: the mass before and after, and how its histogram changes with each parameter."""

from __future__ import annotations

from typing import Any

import awkward as ak
import matplotlib as mpl
import numpy as np
from tqdm import tqdm

import awkward_dual as ad
import zmodel
from muons import Z_MASS

mpl.use("Agg")
import matplotlib.pyplot as plt

__all__ = ("draw",)

MASS_LABEL = "mass of the muon pair [GeV]"
INK, GREY, BLUE, RED = "#22303c", "#84919b", "#1f6fb4", "#c8442c"
STYLE: dict[Any, Any] = {
    "font.size": 10,
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlelocation": "left",
    "xtick.color": INK,
    "ytick.color": INK,
    "legend.frameon": False,
    "figure.constrained_layout.use": True,
}
#: what is drawn, in GeV: inside the window, whose edges move with the calibration
DRAWN = (72.0, 110.0)
#: a variation up and down by this much, in units of the parameter
VARIATION = 0.05


def draw(muons: ak.Array, theta: Any, output: str) -> None:
    """Write the picture of a fit's result."""
    with plt.rc_context(STYLE):
        figure = plt.figure(figsize=(12.5, 6.8), dpi=150)
        grid = figure.add_gridspec(zmodel.SMEARED, 2, width_ratios=(1.15, 1))
        _masses(figure.add_subplot(grid[:, 0]), muons, theta)
        _tangents([figure.add_subplot(grid[i, 1]) for i in range(zmodel.SMEARED)], muons, theta)
        figure.savefig(output)
        plt.close(figure)


def _masses(axes: Any, muons: ak.Array, theta: Any) -> None:
    """Hard histograms of the mass before and after, with the fitted densities."""
    raw, mass, sigma = (np.asarray(x) for x in zmodel.pair_masses(muons, theta))
    edges = np.linspace(*DRAWN, 77 if len(mass) > 1000 else 39)
    before, after = (np.histogram(m, edges)[0] for m in (raw, mass))
    centres, width = (edges[1:] + edges[:-1]) / 2, edges[1] - edges[0]
    grid, signal, falling = _fitted(sigma, theta)
    scale = len(mass) * width

    axes.stairs(before, edges, color=GREY, fill=True, alpha=0.45, label="before")
    axes.errorbar(
        centres, after, np.sqrt(after), fmt="o", ms=3.2, lw=1, color=INK, label="after", zorder=3
    )
    axes.plot(grid, scale * (signal + falling), color=RED, lw=1.8, label="fit: Z and background")
    axes.plot(grid, scale * falling, color=RED, lw=1.4, ls="--", label="background")
    axes.axvline(Z_MASS, color=BLUE, lw=1, ls=":", zorder=0)
    top = 1.15 * np.max(after + np.sqrt(after))
    axes.text(Z_MASS + 0.5, 0.97 * top, f"Z mass, {Z_MASS:.2f} GeV", color=BLUE, va="top")
    axes.set(xlim=DRAWN, ylim=(0, top), xlabel=MASS_LABEL, ylabel=f"pairs / {width:.2g} GeV")
    axes.set_title("Muon pairs before and after the calibration", fontweight="bold")
    axes.legend(loc="upper left")


def _fitted(sigma: Any, theta: Any) -> tuple[Any, Any, Any]:
    """The densities of the sample: means over its pairs; a hundred, by resolution, will do."""
    grid = np.linspace(*DRAWN, 400)
    typical = np.quantile(sigma, (np.arange(100) + 0.5) / 100)[:, np.newaxis]
    signal, falling = zmodel.densities(grid, *zmodel.WINDOW, typical, theta)
    return grid, signal.mean(axis=0), falling


def _tangents(panels: list[Any], muons: ak.Array, theta: Any) -> None:
    """For each parameter the derivative of each bin, over the variations up and down."""
    edges = np.linspace(*DRAWN, 39)
    counts = zmodel.histogram(muons, edges)
    jacobian = np.asarray(ad.jacfwd(counts)(theta))
    centres = (edges[1:] + edges[:-1]) / 2

    for i in tqdm(range(len(panels)), desc="variations", disable=None, leave=False):
        axes, (name, _, unit, _) = panels[i], zmodel.PARAMETERS[i]
        step = VARIATION * np.eye(len(theta))[i]
        varied = np.asarray(counts(theta + step) - counts(theta - step)) / (2 * VARIATION)
        off = np.max(np.abs(jacobian[:, i] - varied)) / np.max(np.abs(varied))
        axes.axhline(0, color=GREY, lw=0.8)
        axes.stairs(jacobian[:, i], edges, color=BLUE, fill=True, alpha=0.3)
        axes.stairs(jacobian[:, i], edges, color=BLUE, lw=1.3, baseline=None, label="exact tangent")
        axes.plot(
            centres, varied, "o", ms=3.2, color=RED,
            label=f"(up − down) / 2δ,  δ = {VARIATION:g}",
        )  # fmt: skip
        axes.set(xlim=DRAWN, ylabel=f"pairs per {unit}")
        axes.text(
            0.99, 0.97, name, transform=axes.transAxes, ha="right", va="top", fontweight="bold"
        )
        axes.text(
            0.99, 0.85, f"difference {off:.0e}", transform=axes.transAxes, ha="right", va="top",
            fontsize=9, color=GREY,
        )  # fmt: skip
        axes.tick_params(labelbottom=i == len(panels) - 1)
    panels[0].legend(loc="upper left", fontsize=9)
    panels[0].set_title("Change of each bin per unit of each parameter", fontweight="bold")
    panels[-1].set_xlabel(MASS_LABEL)
    panels[0].figure.align_ylabels(panels)
