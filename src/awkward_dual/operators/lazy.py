"""Virtual buffers and typetracers: what is differentiated is loaded when it is touched."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import awkward as ak

from awkward_dual.adapter import VirtualNDArray, maybe_materialize
from awkward_dual.nplike import DualNumpy
from awkward_dual.pair import raw_or_live

__all__ = ("deferred", "is_unloaded", "loaded", "traced")


def is_unloaded(data: Any) -> bool:
    """Whether a buffer is virtual, and was not loaded yet."""
    return isinstance(data, VirtualNDArray) and not data.is_materialized


def loaded(data: Any) -> Any:
    """The value of a buffer, which is loaded if it is virtual."""
    return raw_or_live(*maybe_materialize(data))


def deferred(func: Callable[[Any], Any], data: Any) -> Any:
    """``func(value)`` of a buffer's value, once it is loaded.

    The result is live or not; a virtual array tells it when it is touched, as
    every operation does before it asks for tangents.
    """
    if not is_unloaded(data):
        return func(loaded(data))
    nplike = data.nplike if isinstance(data.nplike, DualNumpy) else DualNumpy.instance()
    return VirtualNDArray(
        nplike,
        data._shape,
        data.dtype,
        lambda: func(loaded(data)),
        lambda: data.shape,
        data.buffer_key,
        __enable_caching__=data.__enable_caching__,
    )


def traced(x: Any, *read: Any) -> Any:
    """A typetracer as it is.

    What is read where there are data is touched, for dask-awkward loads nothing else.
    """
    for part in read:
        if isinstance(part, ak.Array | ak.Record):
            ak.typetracer.touch_data(part)
    return x
