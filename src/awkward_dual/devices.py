"""Arrays of other modules than NumPy: which class of duals holds them, and who computes with them.

A device enters itself in `DEVICES` when it is registered (see `cuda`). Everything
below it, the maps and the rules, knows NumPy and asks here for the rest.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

__all__ = ("DEVICES", "Device", "array_module", "device_of", "dual_name", "is_dual", "plain_name")


class Device(NamedTuple):
    """What computes with the arrays of one module.

    Attributes
    ----------
    xp
        Its functions, under the names of NumPy; they take duals too.
    arrays
        The class of duals that holds its arrays.
    engine
        What the linear maps do to its arrays, under the names of `engine`.
    """

    xp: Any
    arrays: Any
    engine: Any


#: by the name of the array module
DEVICES: dict[str, Device] = {}

_DUAL = {"cuda": "dual-cuda", "dual-cuda": "dual-cuda"}
_PLAIN = {"dual": "cpu", "dual-cuda": "cuda"}


def device_of(x: Any) -> Device | None:
    """The device of a raw array; ``None`` for NumPy's and for numbers."""
    return DEVICES.get(type(x).__module__.partition(".")[0])


def array_module(x: Any) -> Any:
    """NumPy, or what stands for it on the device of a raw array."""
    if isinstance(x, np.ndarray | np.generic | float | int | complex):
        return np
    device = device_of(x)
    return np if device is None else device.xp


def dual_name(name: str) -> str:
    """The name of the backend of duals over arrays of the backend `name`."""
    return _DUAL.get(name, "dual")


def is_dual(name: str) -> bool:
    """Whether `name` is that of a backend of duals."""
    return name in _PLAIN


def plain_name(name: str) -> str:
    """The name of the backend of the primals of the backend `name`."""
    return _PLAIN.get(name, name)
