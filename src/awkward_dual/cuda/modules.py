"""The CUDA sources, compiled by CuPy when they are first used, for the device at hand."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np

__all__ = ("OPTIONS", "SOURCES", "THREADS", "TILE", "kernel", "launch", "source", "type_name")

#: the maps that have a source of their own
SOURCES = ("combine", "first", "gather", "parents", "product", "scatter", "segment_sum")
#: products are not contracted with sums: zero times anything stays zero, and values are IEEE's
OPTIONS = ("--std=c++14", "--fmad=false")
#: as in `common.cuh`
THREADS = 256
TILE = 2048
#: more blocks than this loop over their elements
MOST_BLOCKS = 2**16

_FOLDER = Path(__file__).with_name("sources")
_SCANS = ("product", "segment_sum")
_NAMES = {
    np.dtype(np.bool_): "bool",
    np.dtype(np.int64): "Index",
    np.dtype(np.float32): "float",
    np.dtype(np.float64): "double",
    np.dtype(np.complex64): "cplx<float>",
    np.dtype(np.complex128): "cplx<double>",
}
_lock = Lock()
_kernels: dict[Any, Any] = {}


def type_name(dtype: Any) -> str | None:
    """How a dtype is written in the sources; ``None`` for one that they do not know."""
    return _NAMES.get(np.dtype(dtype))


@cache
def source(name: str, text: str | None = None) -> str:
    """The whole source of a map: what all share, and its own (or a generated `text`)."""
    parts = ["common.cuh"] + (["scan.cuh"] if name in _SCANS else [])
    shared = "".join((_FOLDER / part).read_text(encoding="utf-8") for part in parts)
    own = (_FOLDER / f"{name}.cu").read_text(encoding="utf-8") if text is None else text
    return shared + own


def kernel(name: str, expression: str, text: str | None = None) -> Any:
    """A kernel by the name of its map and with its types, on the current device."""
    import cupy

    key = (cupy.cuda.Device().id, name, expression, text)
    found = _kernels.get(key)
    if found is None:
        with _lock:
            found = _kernels.get(key)
            if found is None:
                module = cupy.RawModule(
                    code=source(name, text), options=OPTIONS, name_expressions=(expression,)
                )
                found = _kernels[key] = module.get_function(expression)
    return found


def launch(
    name: str, expression: str, blocks: int, args: tuple[Any, ...], text: str | None = None
) -> None:
    """Run a kernel in the current stream, on the device of its first argument."""
    import cupy

    if blocks < 1:
        return
    device = args[0].device
    if device.id != cupy.cuda.Device().id:
        with device:
            launch(name, expression, blocks, args, text)
        return
    plain = tuple(np.int64(a) if type(a) is int else np.bool_(a) if type(a) is bool else a
                  for a in args)  # fmt: skip
    kernel(name, expression, text)((min(blocks, MOST_BLOCKS),), (THREADS,), plain)
