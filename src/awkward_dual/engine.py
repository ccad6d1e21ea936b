"""What the linear maps do to raw arrays, with the array module of their operand.

Trailing axes belong to the map, leading ones to the directions. Directions come
first in memory too (C order): NumPy's own loops prefer them apart.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

import numpy as np

__all__ = (
    "add_at",
    "array_module",
    "broadcast",
    "cast",
    "combine",
    "conjugate",
    "contiguous",
    "cumulate",
    "is_raw",
    "owned",
    "product",
    "scatter_add",
    "segment_sum",
    "spread",
    "sum_to",
    "take",
    "zeros_like",
)

Shape = tuple[int, ...]


def array_module(x: Any) -> Any:
    """NumPy, or CuPy for an array of CuPy."""
    if isinstance(x, np.ndarray | np.generic | float | int | complex):
        return np
    return sys.modules[type(x).__module__.partition(".")[0]]


def is_raw(t: Any) -> bool:
    """Whether `t` is an array of NumPy or CuPy."""
    return type(t) is np.ndarray or (
        not hasattr(t, "edges") and not hasattr(t, "_primal") and hasattr(t, "dtype")
    )


def conjugate(x: Any) -> Any:
    return np.conjugate(x)


def contiguous(t: Any) -> Any:
    return array_module(t).ascontiguousarray(t)


def zeros_like(t: Any, shape: Shape) -> Any:
    return array_module(t).zeros(shape, dtype=t.dtype)


def owned(t: Any, shape: Shape) -> Any:
    """`t` in a buffer of its own, of the full shape, to accumulate into."""
    xp = array_module(t)
    out = xp.empty(shape, dtype=t.dtype)
    out[...] = t
    return out


def cast(t: Any, dtype: Any) -> Any:
    """`t` in another dtype; the real part where that one is real."""
    if t.dtype == dtype:
        return t
    if t.dtype.kind == "c" and dtype.kind != "c":
        t = t.real
    return t.astype(dtype, copy=False)


def align(t: Any, ndim: int, to: int) -> Any:
    """Insert axes of length one between the leading axes and the last `ndim`."""
    if ndim == to:
        return t
    n = t.ndim - ndim
    return t.reshape(t.shape[:n] + (1,) * (to - ndim) + t.shape[n:])


def broadcast(t: Any, in_shape: Shape, out_shape: Shape) -> Any:
    n = t.ndim - len(in_shape)
    aligned = align(t, len(in_shape), len(out_shape))
    return array_module(t).broadcast_to(aligned, t.shape[:n] + out_shape)


def sum_to(t: Any, in_shape: Shape, out_shape: Shape) -> Any:
    n = t.ndim - len(in_shape)
    extra = len(in_shape) - len(out_shape)
    axes = [n + i for i in range(extra)] + [
        n + extra + i
        for i, (a, b) in enumerate(zip(in_shape[extra:], out_shape, strict=True))
        if a != b
    ]
    if axes:
        t = array_module(t).sum(t, axis=tuple(axes), dtype=t.dtype)
    return t.reshape(t.shape[:n] + out_shape)


def product(partial: Any, t: Any) -> Any:
    """`partial` times `t`, where zero times anything is zero."""
    with np.errstate(all="ignore"):
        out = _times(partial, t)
        return _absorbed(out, partial, t) if _may_hold_nan(out) else out


def _times(partial: Any, t: Any) -> Any:
    if not hasattr(partial, "dtype"):
        if partial == 1:
            return t
        if partial == -1:
            return -t
    # a Python number on the left would give a Python number
    return t * partial


def _may_hold_nan(out: Any) -> bool:
    # 0 * inf and 0 * nan are NaN, and a NaN shows in the sum; so do inf and
    # inf - inf, which only cost a closer look
    return not array_module(out).isfinite(out.sum())


def _absorbed(out: Any, partial: Any, t: Any) -> Any:
    xp = array_module(t)
    return xp.where(xp.isnan(out) & ((t == 0) | (xp.asarray(partial) == 0)), 0, out)


def combine(terms: Sequence[tuple[Any, Any, int]], shape: Shape, dtype: Any) -> Any:
    """The sum of partial times tangent; each term is (partial, tangent, ndim of the primal)."""
    aligned = [(partial, align(t, ndim, len(shape))) for partial, t, ndim in terms]
    full = aligned[0][1].shape[:1] + shape
    with np.errstate(all="ignore"):
        if _worth_blocks(aligned, full, dtype):
            return _combine_by_blocks(aligned, full, dtype)
        out = _sum_of(_times, aligned, dtype)
        if _may_hold_nan(out):
            out = _sum_of(product, aligned, dtype)
    return out if out.shape == full else array_module(out).broadcast_to(out, full)


#: elements of a block: it stays in the cache between its terms
BLOCK = 2**15


def _worth_blocks(aligned: Sequence[tuple[Any, Any]], full: Shape, dtype: Any) -> bool:
    return (
        len(full) == 2
        and full[1] > BLOCK
        and dtype.kind == "f"
        and all(
            type(t) is np.ndarray and t.dtype == dtype and not np.iscomplexobj(c)
            for c, t in aligned
        )
    )


def _combine_by_blocks(aligned: Sequence[tuple[Any, Any]], full: Shape, dtype: Any) -> Any:
    """`combine` without temporaries of the full size: less than half of the memory traffic."""
    directions, length = full
    out = np.empty(full, dtype)
    scratch = np.empty(BLOCK, dtype)
    for start in range(0, length, BLOCK):
        stop = min(start + BLOCK, length)
        partials = [_columns(c, start, stop) for c, _ in aligned]
        for k in range(directions):
            tangents = [_columns(t[k], start, stop) for _, t in aligned]
            block = out[k, start:stop]
            _sum_products(partials, tangents, block, scratch[: stop - start])
            if not np.isfinite(block.sum()):
                block[...] = _sum_of(product, list(zip(partials, tangents, strict=True)), dtype)
    return out


def _columns(x: Any, start: int, stop: int) -> Any:
    """A block of an array that may be constant along its last axis."""
    return x[start:stop] if getattr(x, "ndim", 0) and x.shape[-1] != 1 else x


def _sum_products(partials: list[Any], tangents: list[Any], block: Any, scratch: Any) -> None:
    np.multiply(partials[0], tangents[0], out=block, casting="same_kind")
    for partial, t in zip(partials[1:], tangents[1:], strict=True):
        if not hasattr(partial, "dtype") and partial in (1, -1):
            (np.add if partial == 1 else np.subtract)(block, t, out=block)
        else:
            np.multiply(partial, t, out=scratch, casting="same_kind")
            np.add(block, scratch, out=block)


def _sum_of(times: Any, aligned: Sequence[tuple[Any, Any]], dtype: Any) -> Any:
    (partial, t), *rest = aligned
    out = cast(times(partial, t), dtype)
    # a product by the number 1 is the tangent itself, which is not ours to write to
    own = out is not t
    for partial, t in rest:
        term = cast(times(partial, t), dtype)
        if own and out.ndim and out.shape == term.shape:
            out += term
        else:
            out = out + term
            own = True
    return out


def add_at(out: Any, index: tuple[Any, ...], t: Any, repeats: bool) -> None:
    """``out[index] += t``, adding as often as an element is named."""
    if repeats:
        array_module(out).add.at(out, index, t)
    else:
        out[index] += t


def take(t: Any, ndim: int, index: Any) -> Any:
    """Elements of the flattened trailing axes; zero where the index is negative."""
    n = t.ndim - ndim
    flat = t.reshape((*t.shape[:n], -1)) if t.size else t.reshape((*t.shape[:n], 0))
    missing = index < 0
    if not missing.any():
        return flat.take(index, axis=-1)
    xp = array_module(t)
    out = zeros_like(t, t.shape[:n] + index.shape)
    present = ~missing
    if present.any():
        out[..., present] = flat[..., index[present]]
    return xp.asarray(out)


def scatter_add(out: Any, ndim: int, index: Any, t: Any) -> None:
    """The transposed of `take`, added to `out`."""
    n = out.ndim - ndim
    size = int(np.prod(out.shape[n:], dtype=np.int64))
    if size == 0 or out.size == 0:
        return
    rows = out.reshape((-1, size))
    flat_index = index.reshape(-1)
    t = t.reshape((rows.shape[0], flat_index.size))
    missing = flat_index < 0
    if missing.any():
        flat_index = flat_index[~missing]
        t = t[:, ~missing]
    xp = array_module(out)
    for row, values in zip(rows, t, strict=True):
        if values.dtype == np.float64 and xp is np:
            row += np.bincount(flat_index, values, minlength=size)
        else:
            xp.add.at(row, flat_index, values)


def segment_sum(t: Any, offsets: Any) -> Any:
    xp = array_module(t)
    starts, stops = offsets[:-1], offsets[1:]
    filled = starts < stops
    out = zeros_like(t, (*t.shape[:-1], len(starts)))
    if filled.any():
        out[..., filled] = xp.add.reduceat(t[..., : int(offsets[-1])], starts[filled], axis=-1)
    return out


def parents(offsets: Any, length: int) -> Any:
    """For each element the segment that holds it, -1 for none."""
    xp = array_module(offsets)
    out = xp.full(length, -1, dtype=np.int64)
    inside = xp.repeat(xp.arange(len(offsets) - 1), offsets[1:] - offsets[:-1])
    out[int(offsets[0]) : int(offsets[0]) + len(inside)] = inside
    return out


def spread(t: Any, offsets: Any, length: int) -> Any:
    return take(t, 1, parents(offsets, length))


def cumulate(t: Any, axis: int, backward: bool) -> Any:
    xp = array_module(t)
    if backward:
        return xp.flip(xp.cumsum(xp.flip(t, axis), axis=axis), axis)
    return xp.cumsum(t, axis=axis)
