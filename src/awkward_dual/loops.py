"""Loops over elements and segments that NumPy has no quick way for.

Each is written as a plain function of arrays, which Numba compiles when that
pays (see `compiled`). Until then sums and parents come from Awkward's own
kernels, and the rest from NumPy. They take raw NumPy arrays of real numbers.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from awkward_dual import compiled
from awkward_dual.adapter import cpu_kernel
from awkward_dual.devices import device_of

__all__ = (
    "add_segments",
    "can_loop",
    "centered_tangent",
    "extremum_tangent",
    "fingerprint",
    "fingerprint_from",
    "first_equal",
    "parents",
    "pick",
    "pick_rows",
    "product_of_others",
    "product_tangent",
    "scatter_add",
    "scatter_rows",
    "segment_sum",
    "swept",
)

#: up to this many elements, a segment is walked by its positions, all segments together
SHORT = 32


def can_loop(t: Any, index: Any = None) -> bool:
    """Whether loops take this array, with an index if one is given."""
    return (
        type(t) is np.ndarray
        and t.dtype.type in (np.float32, np.float64)
        and t.dtype.isnative
        and (index is None or (type(index) is np.ndarray and index.dtype == np.int64))
    )


def _rows(t: Any, size: int) -> Any:
    """An array as one row of `size` elements for each direction of each level."""
    return t if t.ndim == 2 else t.reshape((math.prod(t.shape[:-1]), size))


# -- sums over segments


@functools.cache
def _sum_kernel(dtype: Any) -> Any:
    return cpu_kernel("awkward_reduce_sum", dtype, dtype, np.int64)


@functools.cache
def _parents_kernel() -> Any:
    return cpu_kernel("awkward_ListOffsetArray_reduce_local_nextparents_64", np.int64, np.int64)


def segment_sum(t: Any, offsets: Any, partial: Any = None) -> Any:
    """The sums over segments of the last axis, in the order of the elements.

    With `partial`, an array of the length of that axis, of the products with it;
    zero absorbs. ``None`` where it takes a compiled loop and that would not pay.
    """
    offsets = np.ascontiguousarray(offsets)
    count = len(offsets) - 1
    rows = _rows(t, t.shape[-1])
    out = np.empty((len(rows), count), t.dtype)
    if partial is not None:
        if not compiled.pays(t.size):
            return None
        compiled.compile_loop(_weighted_sum)(partial, rows, offsets, out)
    elif compiled.pays(t.size):
        compiled.compile_loop(_segment_sum)(rows, offsets, out)
    else:
        kernel = _sum_kernel(t.dtype.type)
        for row, sums in zip(rows, out, strict=True):
            kernel(sums, np.ascontiguousarray(row), offsets, count)
    return out.reshape((*t.shape[:-1], count))


def _segment_sum(t: Any, offsets: Any, out: Any) -> None:
    for k in range(out.shape[0]):
        row = t[k]
        for i in range(out.shape[1]):
            total = row.dtype.type(0)
            for j in range(offsets[i], offsets[i + 1]):
                total += row[j]
            out[k, i] = total


def add_segments(rows: Any, start: int, offsets: Any, first: int, out: Any) -> None:
    """Compiled: add elements from `start` on to the sums over segments from `first` on."""
    stop = start + rows.shape[1]
    for k in range(out.shape[0]):
        row = rows[k]
        for i in range(first, out.shape[1]):
            if offsets[i] >= stop:
                break
            total = out[k, i]
            for j in range(max(offsets[i], start), min(offsets[i + 1], stop)):
                total += row[j - start]
            out[k, i] = total


# -- tangents of reducers in one sweep, where they would take several


def swept(
    loop: Callable[..., None], t: Any, offsets: Any, *arrays: Any, others: Sequence[Any] = ()
) -> Any:
    """The tangents of a reducer's bins by one loop; ``None`` where it cannot, or would not pay.

    Parameters
    ----------
    loop
        ``loop(*arrays, *others, t, offsets, out)`` for one direction.
    t
        The tangent of its data.
    arrays, others
        Values, of one direction, and further tangents.
    """
    if not all(can_loop(a, offsets) and a.dtype == t.dtype for a in (t, *arrays, *others)):
        return None
    lead = t.shape[:-1]
    if any(other.shape[:-1] != lead for other in others) or not compiled.pays(t.size):
        return None
    offsets = np.ascontiguousarray(offsets)
    rows = [_rows(a, a.shape[-1]) for a in (*others, t)]
    out = np.empty((len(rows[-1]), len(offsets) - 1), t.dtype)
    run = compiled.compile_loop(loop)
    for k, to in enumerate(out):
        run(*arrays, *(a[k] for a in rows), offsets, to)
    return out.reshape((*lead, len(offsets) - 1))


def product_tangent(x: Any, t: Any, offsets: Any, out: Any) -> None:
    """That of products: prefixes times suffixes, as `product_of_others`."""
    longest = 0
    for i in range(len(out)):
        longest = max(longest, offsets[i + 1] - offsets[i])
    before = np.empty(longest, x.dtype)
    for i in range(len(out)):
        product = x.dtype.type(1)
        for j in range(offsets[i], offsets[i + 1]):
            before[j - offsets[i]] = product
            product *= x[j]
        total, product = x.dtype.type(0), x.dtype.type(1)
        for j in range(offsets[i + 1] - 1, offsets[i] - 1, -1):
            partial = before[j - offsets[i]] * product
            # zero absorbs: 0 * inf and 0 * nan are 0
            if partial != 0 and t[j] != 0:
                total += partial * t[j]
            product *= x[j]
        out[i] = total


def centered_tangent(x: Any, means: Any, dmeans: Any, t: Any, offsets: Any, out: Any) -> None:
    """That of sums of squares of the distances from `means`."""
    for i in range(len(out)):
        total = x.dtype.type(0)
        for j in range(offsets[i], offsets[i + 1]):
            partial, dx = x.dtype.type(2) * (x[j] - means[i]), t[j] - dmeans[i]
            if partial != 0 and dx != 0:
                total += partial * dx
        out[i] = total


def extremum_tangent(x: Any, y: Any, t: Any, offsets: Any, out: Any) -> None:
    """That of the first element of each bin that equals its `y`; zero where none does."""
    for i in range(len(out)):
        out[i] = x.dtype.type(0)
        for j in range(offsets[i], offsets[i + 1]):
            if x[j] == y[i]:
                out[i] = t[j]
                break


def fingerprint(bits: Any) -> int:
    """A number that tells arrays of one length, given as unsigned integers, from one another.

    That two have the same is as likely as that two random numbers of 64 bits are the same.
    """
    run: Callable[..., Any] = compiled.compile_loop(fingerprint_from)
    return int(run(bits, 0))


def fingerprint_from(bits: Any, start: int) -> Any:
    """What elements from `start` on add to the fingerprint of an array."""
    # each element is mixed with its position, as splitmix64 does (Steele, Lea and Flood 2014)
    total = np.uint64(0)
    for i in range(len(bits)):
        x = np.uint64(bits[i]) + np.uint64(start + i) * np.uint64(0x9E3779B97F4A7C15)
        x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        total += x ^ (x >> np.uint64(31))
    return total


def _weighted_sum(partial: Any, t: Any, offsets: Any, out: Any) -> None:
    for k in range(out.shape[0]):
        row = t[k]
        for i in range(out.shape[1]):
            total = row.dtype.type(0)
            for j in range(offsets[i], offsets[i + 1]):
                # zero absorbs: 0 * inf and 0 * nan are 0
                if partial[j] != 0 and row[j] != 0:
                    total += partial[j] * row[j]
            out[k, i] = total


def parents(offsets: Any, length: int) -> Any:
    """For each element the segment that holds it, -1 for none."""
    offsets = np.ascontiguousarray(offsets, dtype=np.int64)
    start, stop = int(offsets[0]), int(offsets[-1])
    out = np.empty(length, np.int64)
    out[:start] = out[stop:] = -1
    if stop > start:
        _parents_kernel()(out[start:stop], offsets, len(offsets) - 1, stop - start)
    return out


# -- gathers and their transposes


def pick(t: Any, axes: int, index: Any, *, wraps: bool) -> Any:
    """Elements of the flattened last `axes` axes, for all directions with one read of the index.

    A negative index counts from the end if it `wraps`, else -1 stands for zero.
    ``None`` where the loop would not pay.
    """
    lead = t.shape[: t.ndim - axes]
    size = math.prod(t.shape[t.ndim - axes :])
    count = index.size
    if not size or not compiled.pays(math.prod(lead) * count):
        return None
    rows = t.reshape((math.prod(lead), size))
    out = np.empty((len(rows), count), t.dtype)
    compiled.compile_loop(pick_rows)(rows, index.reshape(-1), size if wraps else 0, out)
    return out.reshape(lead + index.shape)


def pick_rows(t: Any, index: Any, wrap: int, out: Any) -> None:
    """Compiled: elements of the last axis; a negative index counts from `wrap`, or stands for zero."""
    zero = t.dtype.type(0)
    for start in range(0, len(index), 4096):
        # the index stays in the nearest cache for all directions
        part = index[start : start + 4096]
        for k in range(out.shape[0]):
            row = t[k]
            to = out[k, start : start + 4096]
            for i in range(len(part)):
                j = part[i]
                if j < 0:
                    j += wrap
                to[i] = row[j] if j >= 0 else zero


def scatter_add(rows: Any, index: Any, t: Any) -> bool:
    """Add each element to the row element that its index names; whether the loop did it."""
    if not compiled.pays(t.size):
        return False
    compiled.compile_loop(scatter_rows)(rows, index, 0, t)
    return True


def scatter_rows(rows: Any, index: Any, wrap: int, t: Any) -> None:
    """Compiled: the transposed of `pick_rows`, added to `rows`."""
    for k in range(rows.shape[0]):
        for i in range(len(index)):
            j = index[i]
            if j < 0:
                j += wrap
            if j >= 0:
                rows[k, j] += t[k, i]


# -- what reducers ask of their segments


def first_equal(x: Any, y: Any, offsets: Any) -> Any:
    """For each segment the index of its first element that equals its `y`, -1 for none."""
    if type(x) is not np.ndarray and (own := device_of(x)) is not None:
        return own.engine.first_equal(x, y, offsets)
    index = np.full(len(offsets) - 1, -1, dtype=np.int64)
    if can_loop(x, offsets) and compiled.pays(x.size):
        compiled.compile_loop(_first_equal)(x, y, offsets, index)
        return index
    segment = parents(offsets, len(x))
    found = np.flatnonzero((x == y[np.maximum(segment, 0)]) & (segment >= 0))
    bins = segment[found]
    first = np.ones(len(bins), dtype=bool)
    np.not_equal(bins[1:], bins[:-1], out=first[1:])
    index[bins[first]] = found[first]
    return index


def _first_equal(x: Any, y: Any, offsets: Any, index: Any) -> None:
    for i in range(len(index)):
        for j in range(offsets[i], offsets[i + 1]):
            if x[j] == y[i]:
                index[i] = j
                break


def product_of_others(x: Any, y: Any, offsets: Any) -> Any:
    """For each element the product of all others of its segment, whose product is `y`.

    Prefixes times suffixes. Without a compiled loop, short segments are walked
    together, position by position, and long ones one by one, unless a quotient
    is as good.
    """
    if type(x) is not np.ndarray and (own := device_of(x)) is not None:
        return own.engine.product_of_others(x, offsets)
    if can_loop(x, offsets) and not compiled.is_large(x.size) and _divides(x, offsets):
        return y.take(parents(offsets, len(x))) / x
    out = np.ones(x.shape, x.dtype)
    if can_loop(x, offsets) and compiled.pays(x.size):
        compiled.compile_loop(_product_of_others)(x, offsets, out)
        return out
    lengths = np.diff(offsets)
    short = np.flatnonzero((lengths > 1) & (lengths <= SHORT))
    _scan_short(x, offsets[:-1][short], lengths[short], out)
    for i in np.flatnonzero(lengths > SHORT):
        segment = slice(int(offsets[i]), int(offsets[i + 1]))
        out[segment] = _scan_long(x[segment])
    return out


def _divides(x: Any, offsets: Any) -> bool:
    """Whether no product of elements on the way loses digits, and every element has a bin."""
    if not len(x) or offsets[0] != 0 or offsets[-1] != len(x):
        return False
    if int((offsets[1:] - offsets[:-1]).max()) > SHORT:
        return False
    low, high = _SAFE[x.dtype.type]
    size = np.abs(x)
    # a NaN fails both
    return bool(size.min() >= low and size.max() <= high)


#: between these, a product of so many numbers neither overflows nor becomes subnormal
_SAFE = {
    t: (float(np.finfo(t).tiny) ** (1 / SHORT), float(np.finfo(t).max) ** (1 / SHORT))
    for t in (np.float32, np.float64)
}


def _product_of_others(x: Any, offsets: Any, out: Any) -> None:
    for i in range(len(offsets) - 1):
        product = x.dtype.type(1)
        for j in range(offsets[i], offsets[i + 1]):
            out[j] = product
            product *= x[j]
        product = x.dtype.type(1)
        for j in range(offsets[i + 1] - 1, offsets[i] - 1, -1):
            out[j] *= product
            product *= x[j]


def _scan_short(x: Any, starts: Any, lengths: Any, out: Any) -> None:
    before, after = np.ones(len(starts), x.dtype), np.ones(len(starts), x.dtype)
    last = starts + lengths - 1
    position = 1
    while len(starts):
        before *= x[starts + position - 1]
        after *= x[last - position + 1]
        out[starts + position] *= before
        out[last - position] *= after
        position += 1
        longer = lengths > position
        if not longer.all():
            kept = np.flatnonzero(longer)
            starts, last, lengths, before, after = (
                a[kept] for a in (starts, last, lengths, before, after)
            )


def _scan_long(x: Any) -> Any:
    out = np.ones_like(x)
    np.cumprod(x[:-1], out=out[1:])
    out[:-1] *= np.cumprod(x[:0:-1])[::-1]
    return out
