"""What the linear maps do to CuPy arrays: one CUDA kernel each, without a look at a value.

The functions have the names and arguments of `awkward_dual.engine` and `loops`.
Nothing here waits for the device: sizes come from shapes, and whether zero
absorbs is decided element by element inside of the kernels.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from awkward_dual.cuda.modules import THREADS, TILE, launch, type_name

__all__ = (
    "add_at",
    "combine",
    "first_equal",
    "is_deterministic",
    "parents",
    "pick",
    "positions",
    "product",
    "product_of_others",
    "scatter_add",
    "segment_sum",
    "set_deterministic",
    "take",
    "weighted_segment_sum",
    "xp",
)

Shape = tuple[int, ...]

#: what makes arrays from nothing or from NumPy's, which no argument can tell the module of
_CREATION = frozenset(
    [
        "arange",
        "array",
        "asarray",
        "ascontiguousarray",
        "empty",
        "eye",
        "frombuffer",
        "from_dlpack",
        "full",
        "identity",
        "linspace",
        "ones",
        "tri",
        "zeros",
    ]
)


class _Module:
    """CuPy under the names of NumPy, for rules.

    NumPy's own functions ask their arguments, so that they serve CuPy's arrays
    and duals over them alike; what makes an array from nothing is CuPy's.
    """

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        import cupy

        function = getattr(cupy if name in _CREATION else np, name)
        self.__dict__[name] = function
        return function


xp = _Module()


class _State:
    deterministic = False


def set_deterministic(on: bool) -> bool:
    """Whether sums of elements that name one place give the same in every run.

    Gathers are transposed by atomic additions, whose order is the device's. When
    this is on, elements are sorted by their place first, which costs several times
    as much. All other maps are the same in every run anyway.

    Returns
    -------
    bool
        What it was before.

    Examples
    --------
    >>> from awkward_dual.cuda import set_deterministic
    >>> before = set_deterministic(True)
    >>> set_deterministic(before)
    True
    """
    before, _State.deterministic = _State.deterministic, bool(on)
    return before


def is_deterministic() -> bool:
    """What `set_deterministic` has set."""
    return _State.deterministic


# -- combine


class _Partial:
    """A partial as a kernel takes it: an array with its step, or a number."""

    def __init__(self, partial: Any, shape: Shape, like: Any) -> None:
        if isinstance(partial, np.ndarray) and not partial.ndim:
            partial = partial[()]
        if not hasattr(partial, "dtype"):
            # Python's numbers are weak: they take the type of the tangent
            kind = np.complex128 if isinstance(partial, complex) else np.float64
            partial = kind(partial)
            is_real = partial.dtype.kind == "f"
            self.joined = like.dtype if is_real else np.result_type(like.dtype, np.complex64)
        else:
            self.joined = np.result_type(partial.dtype, like.dtype)
        if isinstance(partial, np.generic):
            value = partial if type_name(partial.dtype) else np.float64(partial)
            self.dtype = value.dtype
            self.arguments = (np.uintp(0), 0, value)
            return
        if type_name(partial.dtype) is None:
            partial = partial.astype(np.float64)
        if partial.size == 1 and math.prod(shape) != 1:
            step = 0
        else:
            step = 1
            if partial.shape != shape:
                partial = xp.broadcast_to(partial, shape)
        partial = xp.ascontiguousarray(partial)
        self.dtype = partial.dtype
        self.arguments = (partial, step, self.dtype.type(0))


class _Tangent:
    """A tangent as rows of elements, of which it may hold one for all."""

    def __init__(self, t: Any, shape: Shape) -> None:
        lead = t.shape[: t.ndim - len(shape)]
        size = math.prod(shape)
        own = math.prod(t.shape[t.ndim - len(shape) :])
        if own == 1 and size != 1:
            step = 0
        else:
            step = 1
            if t.shape != lead + shape:
                t = xp.broadcast_to(t, lead + shape)
        if type_name(t.dtype) is None:
            t = t.astype(np.float64)
        t = xp.ascontiguousarray(t)
        self.dtype = t.dtype
        self.rows = math.prod(lead)
        self.arguments = (t, own if step == 0 else size, step)


def product(partial: Any, t: Any) -> Any:
    """`partial` times `t`, where zero times anything is zero."""
    if not hasattr(partial, "dtype") and partial == 1:
        return t
    shape: Shape = np.shape(partial)
    lead = t.ndim - len(shape)
    if lead < 0 or t.shape[lead:] != shape:
        shape = np.broadcast_shapes(shape, t.shape) if shape else t.shape
        lead = 0
    out_shape = t.shape[:lead] + shape
    c, dx = _Partial(partial, shape, t), _Tangent(t, shape)
    out = xp.empty(out_shape, dtype=c.joined if type_name(c.joined) else np.float64)
    _combine_one(out, c, dx, math.prod(shape), accumulate=False)
    return out.astype(c.joined, copy=False)


def _combine_one(out: Any, c: _Partial, dx: _Tangent, size: int, *, accumulate: bool) -> None:
    types = (c.dtype, dx.dtype, np.result_type(c.dtype, dx.dtype), out.dtype)
    arguments = (out, *c.arguments, *dx.arguments, size, dx.rows, accumulate)
    if out.size:
        launch("combine", _expression("combine1", types), _blocks(size), arguments)


def _expression(name: str, types: Sequence[Any]) -> str:
    return f"{name}<{', '.join(str(type_name(t)) for t in types)}>"


def _blocks(elements: int, each: int = THREADS) -> int:
    return -(-elements // each)


def combine(terms: Sequence[tuple[Any, Any, int]], shape: Shape, dtype: Any) -> Any:
    """The sum of partial times tangent; each term is (partial, tangent, ndim of the primal)."""
    if type_name(dtype) is None:
        return combine(terms, shape, np.float64).astype(dtype)
    aligned = [(partial, _align(t, ndim, len(shape))) for partial, t, ndim in terms]
    parts = [(_Partial(c, shape, t), _Tangent(t, shape)) for c, t in aligned]
    size = math.prod(shape)
    out = xp.empty((aligned[0][1].shape[0], *shape), dtype=dtype)
    if not out.size:
        return out
    rest = parts
    accumulate = False
    if len(parts) >= 2:
        (c, t), (d, u), *rest = parts
        joined = np.result_type(c.dtype, d.dtype, t.dtype, u.dtype)
        types = (c.dtype, d.dtype, t.dtype, joined, dtype)
        if t.dtype == u.dtype:
            arguments = (out, *c.arguments, *t.arguments, *d.arguments, *u.arguments, size, t.rows)
            launch("combine", _expression("combine2", types), _blocks(size), arguments)
            accumulate = True
        else:
            rest = parts
    for c, t in rest:
        _combine_one(out, c, t, size, accumulate=accumulate)
        accumulate = True
    return out


def _align(t: Any, ndim: int, to: int) -> Any:
    n = t.ndim - ndim
    return t if ndim == to else t.reshape(t.shape[:n] + (1,) * (to - ndim) + t.shape[n:])


# -- gathers and their transposes


def _as_index(index: Any) -> Any:
    return xp.ascontiguousarray(index if index.dtype == np.int64 else index.astype(np.int64))


def take(t: Any, ndim: int, index: Any) -> Any:
    """Elements of the flattened trailing axes; zero where the index is negative."""
    return _gather(t, ndim, index, wraps=False)


def pick(t: Any, axis: int, index: Any) -> Any:
    """Elements along an axis, counted from the end where the index is negative."""
    if axis == t.ndim - 1:
        return _gather(t, 1, index, wraps=True)
    return t.take(index, axis=axis)


def _gather(t: Any, ndim: int, index: Any, *, wraps: bool) -> Any:
    if type_name(t.dtype) is None:
        return _gather(t.astype(np.float64), ndim, index, wraps=wraps).astype(t.dtype)
    lead, size = t.shape[: t.ndim - ndim], math.prod(t.shape[t.ndim - ndim :])
    out = xp.empty(lead + index.shape, dtype=t.dtype)
    if out.size:
        index = _as_index(index)
        arguments = (out, xp.ascontiguousarray(t), index, index.size, size, math.prod(lead), wraps)
        launch("gather", _expression("gather", (t.dtype,)), _blocks(index.size), arguments)
    return out


def scatter_add(out: Any, ndim: int, index: Any, t: Any) -> None:
    """The transposed of `take`, added to `out`."""
    _scatter(out, ndim, index, t, wraps=False)


def _scatter(out: Any, ndim: int, index: Any, t: Any, *, wraps: bool) -> None:
    size, rows = math.prod(out.shape[out.ndim - ndim :]), math.prod(out.shape[: out.ndim - ndim])
    if not out.size or not index.size:
        return
    if not out.flags.c_contiguous or type_name(out.dtype) is None:
        whole = xp.ascontiguousarray(out, out.dtype if type_name(out.dtype) else np.float64)
        _scatter(whole, ndim, index, t, wraps=wraps)
        out[...] = whole
        return
    index = _as_index(index).reshape(-1)
    t = xp.broadcast_to(t, (*out.shape[: out.ndim - ndim], *t.shape[out.ndim - ndim :]))
    t = xp.ascontiguousarray(t.astype(out.dtype, copy=False))
    if _State.deterministic:
        _scatter_in_order(out, size, rows, xp.where(index < 0, index + size, index) if wraps
                          else index, t)  # fmt: skip
        return
    arguments = (out, t, index, index.size, size, rows, wraps)
    launch("scatter", _expression("scatter", (out.dtype,)), _blocks(index.size), arguments)


def _scatter_in_order(out: Any, size: int, rows: int, index: Any, t: Any) -> None:
    # places and ranks in one key: equal places stay in the order of their elements
    count = index.size
    order = xp.argsort(index * count + xp.arange(count))
    offsets = xp.searchsorted(index[order], xp.arange(size + 1))
    sums = segment_sum(_gather(t.reshape(rows, count), 1, order, wraps=False), offsets)
    out += sums.reshape(out.shape)


def add_at(out: Any, index: tuple[Any, ...], t: Any, repeats: bool) -> None:
    """``out[index] += t``, adding as often as an element is named."""
    if not repeats:
        out[index] += t
        return
    lead = 0
    while isinstance(index[lead], slice) and index[lead] == slice(None):
        lead += 1
    if len(index) == lead + 1 and out.ndim == lead + 1:
        places, wraps = index[lead], True
    else:
        shape = out.shape[lead:]
        places, wraps = xp.arange(math.prod(shape)).reshape(shape)[index[lead:]], False
    _scatter(out, out.ndim - lead, places, t, wraps=wraps)


def positions(mask: Any, count: int) -> Any:
    """Where a flat mask is true, in order; the `count` is known, so that nobody waits for it."""
    length = mask.size
    where = xp.where(mask, xp.cumsum(mask, dtype=np.int64) - 1, count)
    out = xp.empty(count + 1, dtype=np.int64)
    # what is not selected goes to the place behind the last, in any order
    out[where] = xp.arange(length)
    return out[:count]


# -- segments


def _as_offsets(offsets: Any) -> Any:
    return xp.ascontiguousarray(offsets if offsets.dtype == np.int64 else offsets.astype(np.int64))


def segment_sum(t: Any, offsets: Any) -> Any:
    """The sums over segments of the last axis."""
    return _segment_sum(None, t, offsets)


def weighted_segment_sum(partial: Any, t: Any, offsets: Any) -> Any:
    """The sum over segments of partial times tangent."""
    fits = t.ndim and np.shape(partial) == t.shape[-1:] and type_name(partial.dtype)
    if fits and np.result_type(partial.dtype, t.dtype) == t.dtype:
        return _segment_sum(xp.ascontiguousarray(partial), t, offsets)
    return _segment_sum(None, product(partial, t), offsets)


def _segment_sum(partial: Any, t: Any, offsets: Any) -> Any:
    if type_name(t.dtype) is None:
        return _segment_sum(partial, t.astype(np.float64), offsets).astype(t.dtype)
    count, length = len(offsets) - 1, t.shape[-1]
    out = xp.zeros((*t.shape[:-1], count), dtype=t.dtype)
    if not out.size or not length:
        return out
    rows, tiles = math.prod(t.shape[:-1]), _blocks(length, TILE)
    head, tail = xp.empty((rows, tiles), dtype=t.dtype), xp.empty((rows, tiles), dtype=t.dtype)
    offsets = _as_offsets(offsets)
    sizes = (offsets, count, length, tiles, rows)
    own = np.uintp(0) if partial is None else partial
    types = (t.dtype if partial is None else partial.dtype, t.dtype)
    arguments = (out, head, tail, own, xp.ascontiguousarray(t), *sizes)
    launch("segment_sum", _expression("segment_sum", types), tiles, arguments)
    if tiles > 1:
        join = _expression("segment_join", (t.dtype,))
        launch("segment_sum", join, tiles, (out, head, tail, *sizes))
    return out


def parents(offsets: Any, length: int) -> Any:
    """For each element the segment that holds it, -1 for none."""
    out = xp.empty(length, dtype=np.int64)
    offsets = _as_offsets(offsets)
    launch("parents", "parents", _blocks(length, TILE), (out, offsets, len(offsets) - 1, length))
    return out


def first_equal(x: Any, y: Any, offsets: Any) -> Any:
    """For each segment the index of its first element that equals its `y`, -1 for none."""
    offsets = _as_offsets(offsets)
    none = np.iinfo(np.int64).max
    out = xp.full(len(offsets) - 1, none, dtype=np.int64)
    if len(out) and len(x):
        x, y = (xp.ascontiguousarray(a) for a in (x, y.astype(x.dtype, copy=False)))
        if type_name(x.dtype) is None:
            x, y = x.astype(np.int64), y.astype(np.int64)
        arguments = (out, x, y, offsets, len(out), len(x))
        launch("first", _expression("first", (x.dtype,)), _blocks(len(x), TILE), arguments)
    return xp.where(out == none, -1, out)


def product_of_others(x: Any, offsets: Any) -> Any:
    """For each element the product of all others of its segment, without division."""
    length = len(x)
    out = xp.ones(x.shape, dtype=x.dtype)
    if not length or len(offsets) < 2:
        return out
    tiles = _blocks(length, TILE)
    opened, value = xp.empty(tiles, dtype=np.bool_), xp.empty(tiles, dtype=x.dtype)
    x, offsets = xp.ascontiguousarray(x), _as_offsets(offsets)
    sizes = (x, offsets, len(offsets) - 1, length, tiles)
    edges, across, others = (
        _expression(f"product_{part}", (x.dtype,)) for part in ("edges", "tiles", "others")
    )
    for backward in (False, True):
        launch("product", edges, tiles, (opened, value, *sizes, backward))
        launch("product", across, 1, (opened, value, tiles))
        launch("product", others, tiles, (out, value, *sizes, backward))
    return out
