"""What the linear maps do to raw arrays, with the array module of their operand.

Trailing axes belong to the map, leading ones to the directions. Directions come
first in memory too (C order): NumPy's own loops prefer them apart.
"""

from __future__ import annotations

import string
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from awkward_dual import compiled, loops
from awkward_dual.compiled import BLOCK, columns
from awkward_dual.devices import array_module, device_of

__all__ = (
    "absorbing_sum",
    "add_at",
    "array_module",
    "broadcast",
    "cast",
    "columns",
    "combine",
    "conjugate",
    "contiguous",
    "contract",
    "cumulate",
    "is_raw",
    "owned",
    "parents",
    "pick",
    "product",
    "scatter_add",
    "segment_sum",
    "sum_to",
    "sweep",
    "take",
    "weighted_segment_sum",
    "worth_blocks",
    "zeros_like",
)

Shape = tuple[int, ...]


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
    if type(t) is not np.ndarray and (own := device_of(t)) is not None:
        return own.engine.product(partial, t)
    if not hasattr(partial, "dtype") and partial == 1:
        return t
    with np.errstate(all="ignore"):
        rows = t.reshape(1, -1) if t.ndim == 1 else t
        if (
            worth_blocks(rows, [rows])
            and np.shape(partial) in ((), t.shape[-1:])
            and np.result_type(partial, t) == t.dtype
        ):
            return _weighted([partial], [rows], rows.shape, t.dtype).reshape(t.shape)
        return _absorbing(partial, t)


def contract(t: Any, own: str, partial: Any, other: str, out: str) -> Any:
    """The sum of products along shared axes, named as in `np.einsum`; zero times anything is zero."""
    xp = array_module(t)
    lead = t.shape[: t.ndim - len(own)]
    rows = t.reshape((int(np.prod(lead, dtype=np.int64)), *t.shape[len(lead) :]))
    # one letter for all directions
    k = next(name for name in string.ascii_letters if name not in own + other + out)
    with np.errstate(all="ignore"):
        image = xp.einsum(f"{k}{own},{other}->{k}{out}", rows, partial, optimize=True)
        if _may_hold_nan(image):
            image = _absorbing_contraction(rows, k + own, partial, other, k + out)
    return image.reshape(lead + image.shape[1:])


def _absorbing_contraction(t: Any, own: str, partial: Any, other: str, out: str) -> Any:
    """The same by all products, one sum for each element of the image."""
    xp = array_module(t)
    names = out + "".join(name for name in dict.fromkeys(own + other) if name not in out)

    def spread(x: Any, of: str) -> Any:
        order = sorted(range(len(of)), key=lambda i: names.index(of[i]))
        present = iter(xp.transpose(x, order).shape)
        return xp.transpose(x, order).reshape([next(present) if n in of else 1 for n in names])

    terms = _absorbing(spread(partial, other), spread(t, own))
    return terms.sum(axis=tuple(range(len(out), len(names))), dtype=terms.dtype)


def absorbing_sum(terms: Sequence[tuple[Any, Any]], dtype: Any) -> Any:
    """The sum of partial times tangent, of one shape, where zero times anything is zero."""
    return _sum_of(_absorbing, terms, dtype)


def _absorbing(partial: Any, t: Any) -> Any:
    out = _times(partial, t)
    return _absorbed(out, partial, t) if _may_hold_nan(out) else out


def _times(partial: Any, t: Any) -> Any:
    if not hasattr(partial, "dtype"):
        if partial == 1:
            return t
        if partial == -1:
            return -t
    elif partial.dtype == bool and t.dtype.kind == "c":
        # a product of complex numbers mixes their halves
        return array_module(t).where(partial, t, t.dtype.type(0))
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
    if type(terms[0][1]) is not np.ndarray and (own := device_of(terms[0][1])) is not None:
        return own.engine.combine(terms, shape, dtype)
    aligned = [(partial, align(t, ndim, len(shape))) for partial, t, ndim in terms]
    full = aligned[0][1].shape[:1] + shape
    partials, tangents = zip(*aligned, strict=True)
    with np.errstate(all="ignore"):
        is_large = len(full) == 2 and worth_blocks(tangents[0], tangents, full[1], dtype)
        if is_large and not any(map(np.iscomplexobj, partials)):
            return _weighted(partials, tangents, full, dtype)
        out = _sum_of(_times, aligned, dtype)
        if _may_hold_nan(out):
            out = _sum_of(product, aligned, dtype)
    return out if out.shape == full else array_module(out).broadcast_to(out, full)


def _themselves(xp: Any, *partials: Any) -> Any:
    """The body of a rule whose inputs are the partials."""
    return partials


def _weighted(partials: Sequence[Any], tangents: Sequence[Any], full: Shape, dtype: Any) -> Any:
    """The sum of partial times tangent, of partials that are there already."""
    arrays = [np.asarray(c, dtype=dtype) for c in partials]
    size = (full[0], full[1])
    out = compiled.weighted(_themselves, arrays, tangents, range(len(arrays)), size, dtype)
    if out is not None:
        return out
    return sweep(lambda block: [columns(c, block) for c in partials], tangents, full, dtype)


def worth_blocks(
    t: Any, tangents: Sequence[Any], length: int | None = None, dtype: Any = None
) -> bool:
    """Whether `sweep` can take these tangents, and pays."""
    return (
        type(t) is np.ndarray
        and t.ndim == 2
        and compiled.is_large(t.shape[1] if length is None else length)
        and (t.dtype if dtype is None else dtype).kind == "f"
        and all(type(s) is np.ndarray and s.dtype == (dtype or t.dtype) for s in tangents)
    )


def sweep(
    partials: Callable[[slice], Sequence[Any]], tangents: Sequence[Any], full: Shape, dtype: Any
) -> Any:
    """The sum of partial times tangent, block by block in the cache.

    Parameters
    ----------
    partials
        Gives the partials of a block of elements, one for each tangent, as
        arrays of its length or numbers.
    tangents
        Arrays of shape ``(k, n)`` or ``(k, 1)`` and of the output's dtype.
    full, dtype
        Shape ``(k, n)`` and dtype of the output.
    """
    directions, length = full
    out = np.empty(full, dtype)
    scratch = np.empty(min(BLOCK, length), dtype)
    for start in range(0, length, BLOCK):
        block = slice(start, min(start + BLOCK, length))
        here = partials(block)
        for k in range(directions):
            ts = [columns(t[k], block) for t in tangents]
            row = out[k, block]
            _sum_products(here, ts, row, scratch[: len(row)])
            if not np.isfinite(np.add.reduce(row)):
                row[...] = absorbing_sum(list(zip(here, ts, strict=True)), dtype)
    return out


def _sum_products(partials: Sequence[Any], tangents: Sequence[Any], row: Any, scratch: Any) -> None:
    np.multiply(partials[0], tangents[0], out=row, casting="same_kind")
    for partial, t in zip(partials[1:], tangents[1:], strict=True):
        if not hasattr(partial, "dtype") and partial in (1, -1):
            (np.add if partial == 1 else np.subtract)(row, t, out=row)
        else:
            np.multiply(partial, t, out=scratch, casting="same_kind")
            np.add(row, scratch, out=row)


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
    if type(out) is not np.ndarray and (own := device_of(out)) is not None:
        own.engine.add_at(out, index, t, repeats)
    elif repeats:
        array_module(out).add.at(out, index, t)
    else:
        out[index] += t


def take(t: Any, ndim: int, index: Any) -> Any:
    """Elements of the flattened trailing axes; zero where the index is negative."""
    if type(t) is not np.ndarray and (own := device_of(t)) is not None:
        return own.engine.take(t, ndim, index)
    n = t.ndim - ndim
    if loops.can_loop(t, index):
        out = loops.pick(t, ndim, index, wraps=False)
        if out is not None:
            return out
    flat = t.reshape((*t.shape[:n], -1)) if t.size else t.reshape((*t.shape[:n], 0))
    if index.size == 0 or index.min() >= 0:
        return flat.take(index, axis=-1)
    xp = array_module(t)
    out = zeros_like(t, t.shape[:n] + index.shape)
    present = index >= 0
    if present.any():
        out[..., present] = flat[..., index[present]]
    return xp.asarray(out)


def pick(t: Any, axis: int, index: Any) -> Any:
    """Elements along an axis, counted from the end where the index is negative."""
    if type(t) is not np.ndarray and (own := device_of(t)) is not None:
        return own.engine.pick(t, axis, index)
    if axis == t.ndim - 1 and loops.can_loop(t, index):
        out = loops.pick(t, 1, index, wraps=True)
        if out is not None:
            return out
    # twice as fast as indexing
    return t.take(index, axis=axis)


def scatter_add(out: Any, ndim: int, index: Any, t: Any) -> None:
    """The transposed of `take`, added to `out`."""
    if type(out) is not np.ndarray and (own := device_of(out)) is not None:
        own.engine.scatter_add(out, ndim, index, t)
        return
    n = out.ndim - ndim
    size = int(np.prod(out.shape[n:], dtype=np.int64))
    if size == 0 or out.size == 0:
        return
    rows = out.reshape((-1, size))
    flat_index = index.reshape(-1)
    t = t.reshape((rows.shape[0], flat_index.size))
    fits = loops.can_loop(rows, flat_index) and t.dtype == rows.dtype and out.flags.c_contiguous
    if fits and loops.scatter_add(rows, flat_index, t):
        return
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
    if type(t) is not np.ndarray and (own := device_of(t)) is not None:
        return own.engine.segment_sum(t, offsets)
    if t.ndim and loops.can_loop(t, offsets):
        return loops.segment_sum(t, offsets)
    xp = array_module(t)
    starts, stops = offsets[:-1], offsets[1:]
    filled = starts < stops
    out = zeros_like(t, (*t.shape[:-1], len(starts)))
    if filled.any():
        out[..., filled] = xp.add.reduceat(t[..., : int(offsets[-1])], starts[filled], axis=-1)
    return out


def weighted_segment_sum(partial: Any, t: Any, offsets: Any) -> Any:
    """The sum over segments of partial times tangent."""
    if type(t) is not np.ndarray and (own := device_of(t)) is not None:
        return own.engine.weighted_segment_sum(partial, t, offsets)
    fits = t.ndim and np.shape(partial) == t.shape[-1:] and partial.dtype == t.dtype
    if fits and loops.can_loop(t, offsets):
        out = loops.segment_sum(t, offsets, partial)
        if out is not None:
            return out
    return segment_sum(product(partial, t), offsets)


def parents(offsets: Any, length: int) -> Any:
    """For each element the segment that holds it, -1 for none."""
    own = device_of(offsets)
    return loops.parents(offsets, length) if own is None else own.engine.parents(offsets, length)


def cumulate(t: Any, axis: int, backward: bool) -> Any:
    xp = array_module(t)
    if backward:
        return xp.flip(xp.cumsum(xp.flip(t, axis), axis=axis), axis)
    return xp.cumsum(t, axis=axis)
