"""Ragged programs of parameters that every framework differentiates."""

from __future__ import annotations

from typing import Any

import awkward as ak
import numpy as np

EVENTS = ak.Array([[1.0, 2.0, 0.5], [], [3.0, -1.0]])
PARAMS = {"scale": 1.1, "shift": (0.3, np.array([1.0, 2.0]))}


def loss(p: Any) -> Any:
    """One number from a dict of numbers and arrays."""
    a, b = p["shift"]
    y = np.sin(p["scale"] * EVENTS + a) * b[0] + b[1] * EVENTS
    return ak.sum(ak.max(y, axis=1) ** 2) + p["scale"] ** 3 * b[0] * a


def spectrum(x: Any) -> Any:
    """Three numbers from two."""
    return np.stack([ak.sum(np.exp(-((x[0] * EVENTS - c) ** 2) * x[1])) for c in (0.0, 1.0, 2.0)])


def per_event(x: Any) -> Any:
    """An Awkward Array with one number for each event."""
    return ak.sum(np.sin(x[0] * EVENTS) * x[1], axis=1)
