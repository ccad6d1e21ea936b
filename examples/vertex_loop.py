"""A vertex fit as a compiled loop, differentiated: where the vertex is, and what moves it.

python examples/vertex_loop.py [vertex_loop.svg]
"""

from __future__ import annotations

import math
import sys
from typing import Any

import awkward as ak
import numba
import numpy as np

import awkward_dual as ad
from awkward_dual.numba import zeros


def vertex(tracks: Any) -> Any:
    """The position of each event's vertex along the beam, from an adaptive fit.

    A track that is far off loses its weight; the fit is repeated until no weight
    changes, ten times at most.
    """
    out = zeros(len(tracks), like=tracks)
    for i, event in enumerate(tracks):
        z, before = 0.0, 1e9
        for _ in range(10):
            total, weights = 0.0, 1e-9
            for track in event:
                pull = (track.z - z) / track.sigma
                weight = 1 / (1 + math.exp(0.5 * (pull * pull - 9.0))) / (track.sigma * track.sigma)
                total += weight * track.z
                weights += weight
            z = total / weights
            if abs(z - before) < 1e-9:
                break
            before = z
        out[i] = z
    return out


def moving_track(count: int) -> Any:
    """Events of five tracks, the last of which moves along the beam from event to event."""
    rest = np.array([-0.10, 0.03, 0.08, 0.15])
    z = np.column_stack([np.tile(rest, (count, 1)), np.linspace(-1.5, 1.5, count)])
    return ak.zip({"z": ak.Array(z), "sigma": ak.full_like(ak.Array(z), 0.1)})


def plot(path: str) -> None:
    """The vertex against the position of the moving track, and the exact derivative."""
    from matplotlib import pyplot

    loop = numba.njit(vertex)
    tracks = moving_track(601)
    direction = np.zeros((601, 5))
    direction[:, -1] = 1.0
    along = ak.zip({"z": ak.Array(direction), "sigma": ak.zeros_like(tracks.sigma)})
    value, slope = ad.jvp(loop, (tracks,), (along,))
    x = np.asarray(tracks.z[:, -1])
    figure, axes = pyplot.subplots(2, 1, sharex=True, figsize=(6.0, 4.6), layout="constrained")
    axes[0].plot(x, value)
    axes[0].set(ylabel="vertex / cm")
    axes[1].plot(x, slope, label="exact")
    axes[1].plot(x[1:-1:12], ((value[2:] - value[:-2]) / (x[2:] - x[:-2]))[::12], "o", ms=3,
                 label="differences")  # fmt: skip
    axes[1].set(xlabel="position of the fifth track / cm", ylabel="derivative")
    axes[1].axhline(0.2, color="gray", lw=0.8, ls=":")
    axes[1].legend(frameon=False)
    figure.savefig(path)
    pyplot.close(figure)


if __name__ == "__main__":
    plot(sys.argv[1] if len(sys.argv) > 1 else "vertex_loop.svg")
