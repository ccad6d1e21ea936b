"""Apply an operation to values: compute once, below, and lift the result through the levels.

Every operation has the same shape. Its raw result is computed once, from the
lowest primals, by the very call that the ``cpu`` backend makes; `lift` then adds
the tangent of each level, innermost last, from the operation's row.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from awkward_dual import compiled
from awkward_dual.devices import array_module, device_of
from awkward_dual.errors import MissingTangentRule, TangentLost
from awkward_dual.linear import (
    Cast,
    FloatView,
    Identity,
    LinearMap,
    Permute,
    Reshape,
    Slice,
    Take,
    Weighted,
    total,
)
from awkward_dual.pair import (
    Pair,
    is_recorded,
    is_shared,
    lowest,
    make,
    on_level,
    operand,
    top_level,
)
from awkward_dual.rules.table import name_of
from awkward_dual.runs import note_gather

__all__ = (
    "assign",
    "astype",
    "carries_tangent",
    "getitem",
    "lift",
    "live_among",
    "map_through",
    "missing_rule",
    "plain_index",
    "reinterpret",
    "reshape",
    "strided_copy",
    "transpose",
)

#: partials may be infinite or undefined where no tangent meets them
QUIET: dict[str, Any] = dict.fromkeys(("divide", "invalid", "over", "under"), "ignore")


def live_among(values: Sequence[Any]) -> bool:
    """Whether any of `values` carries a tangent (and belongs to a running call)."""
    return top_level(values)[0] is not None


def lift(
    raw_y: Any,
    values: Sequence[Any],
    tangent: Callable[[Any, list[Any], list[Any]], Any],
) -> Any:
    """The value of an operation, from its raw result and the values that went in.

    Parameters
    ----------
    raw_y
        What the operation gives on the lowest primals.
    values
        The inputs that may carry tangents.
    tangent
        ``tangent(y, x, dx)`` gives the tangent of `y` on one level, from the
        primals and tangents (``None`` for constants) of the inputs there.
    """
    level, cls = top_level(values)
    if level is None:
        return raw_y
    if not carries_tangent(raw_y):
        return raw_y
    assert cls is not None
    x, dx = zip(*(on_level(v, level) for v in values), strict=True)
    y = lift(raw_y, x, tangent)
    return make(cls, y, tangent(y, list(x), list(dx)), level)


def strided_copy(array: Any, strides: tuple[int, ...] | None = None) -> Any:
    """A copy with the strides of the array: by those NumPy chooses among loops that round otherwise."""
    strides = array.strides if strides is None else strides
    if not array.size or (strides == array.strides and array.flags.c_contiguous):
        return array.copy()
    ends = [(n - 1) * step for n, step in zip(array.shape, strides, strict=True)]
    first = -sum(end for end in ends if end < 0)
    size = first + sum(end for end in ends if end > 0) + array.itemsize
    out: Any = np.ndarray(array.shape, array.dtype, np.empty(size, np.uint8), first, strides)
    out[...] = array
    return out


def carries_tangent(raw_y: Any) -> bool:
    """Whether a result may have a tangent: integers and booleans are steps.

    Raises
    ------
    TangentLost
        If it is of a type whose tangents have no meaning here.
    """
    kind = raw_y.dtype.kind
    if kind not in "fcbiu":
        raise TangentLost(f"a result of type {raw_y.dtype}")
    return kind in "fc"


def map_through(raw_y: Any, x: Any, linear_map: LinearMap) -> Any:
    """The value of a linear map that the raw result `raw_y` is the image under."""
    return lift(raw_y, [x], lambda y, _, dx: total([(linear_map, dx[0])]))


def missing_rule(target: Any, args: Sequence[Any]) -> MissingTangentRule:
    """The error that names an operation without a rule, and the argument that is live."""
    position, culprit = next((i, a) for i, a in enumerate(args) if live_among([a]))
    hint = (
        "" if hasattr(target, "nin")
        else "give it one with awkward_dual.custom_jvp, or detach with awkward_dual.primal(x)"
    )  # fmt: skip
    name = name_of(target)
    module = getattr(target, "__module__", None)
    if module and getattr(sys.modules.get(module), name, None) is not getattr(np, name, None):
        # functions of one name, as those of numpy.emath
        name = f"{module}.{name}"
    return MissingTangentRule(name, f"argument {position}", culprit.dtype, hint)


# -- structure: indexing, reshaping, casting


def _advanced(item: Any) -> bool:
    return isinstance(item, np.ndarray) or device_of(item) is not None


def plain_index(index: Any) -> tuple[Any, ...]:
    """Index items as raw arrays, integers, slices, new axes or an ellipsis."""
    items = index if isinstance(index, tuple) else (index,)
    out = []
    for item in items:
        item = lowest(item)
        if isinstance(item, list | tuple):
            # NumPy takes an empty list for integers, as an index
            item = np.asarray(item, dtype=None if item else np.intp)
        out.append(item)
    return tuple(out)


def _index_map(
    shape: tuple[int, ...], out_shape: tuple[int, ...], index: tuple[Any, ...], dtype: Any
) -> LinearMap:
    """The linear map of NumPy indexing."""
    arrays = [_advanced(i) or isinstance(i, bool | np.bool_) for i in index]
    if not any(arrays):
        return Slice(shape, out_shape, dtype, _without_ellipsis(index, len(shape)), repeats=False)
    if sum(arrays) == 1 and not any(isinstance(i, int | np.integer) for i in index):
        position = arrays.index(True)
        item = index[position]
        # result axes of a single array stay in place
        if hasattr(item, "dtype") and item.ndim:
            full = _without_ellipsis(index, len(shape))
            is_mask = item.dtype.kind == "b"
            device = device_of(item) if is_mask and item.ndim == 1 else None
            if device is not None:
                # once for all directions and the pullback; how many there are is known by now
                axis = next(i for i, other in enumerate(full) if other is item)
                full = (*full[:axis], device.engine.positions(item, out_shape[axis]),
                        *full[axis + 1 :])  # fmt: skip
            return Slice(shape, out_shape, dtype, full, repeats=not is_mask)
    size = int(np.prod(shape, dtype=np.int64))
    xp = next((array_module(i) for i in index if _advanced(i)), np)
    return Take(shape, xp.arange(size).reshape(shape)[index], dtype)


def _without_ellipsis(index: tuple[Any, ...], ndim: int) -> tuple[Any, ...]:
    def axes(item: Any) -> int:
        if item is None:
            return 0
        return item.ndim if _advanced(item) and item.dtype.kind == "b" else 1

    position = next((i for i, item in enumerate(index) if item is Ellipsis), len(index))
    rest = index[position + 1 :]
    used = sum(axes(item) for item in index[:position]) + sum(axes(item) for item in rest)
    return (*index[:position], *(slice(None),) * (ndim - used), *rest)


def getitem(x: Any, index: Any) -> Any:
    """``x[index]`` for any NumPy index."""
    # the indices of Awkward's own operations are buffers of duals
    is_own = isinstance(index, Pair)
    may_change = not (is_own and index._level is None) or is_shared(index)
    index = plain_index(index)
    raw_y = lowest(x)[index if len(index) != 1 else index[0]]
    level, cls = top_level([x])
    if level is None:
        return raw_y
    assert cls is not None
    if is_own and cls.deferred is not None and type(x._primal) is np.ndarray:
        pending = note_gather(x._tangent, raw_y, index[0], level)
        if pending is not None:
            return cls.deferred._new(raw_y, pending, level)
    if len(index) == 1 and type(x._primal) is np.ndarray and type(x._tangent) is np.ndarray:
        dy = _short_getitem(x._tangent, index[0])
        if dy is not None:
            return cls._new(raw_y, dy, level)
    if may_change and is_recorded(x):
        # a tape needs it later, and others have it
        index = tuple(item.copy() if type(item) is np.ndarray else item for item in index)
    linear_map = _index_map(x.shape, raw_y.shape, index, x.dtype)
    return map_through(raw_y, x, linear_map)


def _short_getitem(t: Any, item: Any) -> Any:
    """Tangents under the most frequent indices, of one axis; ``None`` for the general way."""
    if t.ndim != 2:
        return None
    if type(item) is slice:
        return t[:, item]
    if type(item) is not np.ndarray or item.ndim != 1 or compiled.is_large(item.size):
        return None
    if item.dtype.kind == "b":
        return t.compress(item, axis=1)
    return t.take(item, axis=1) if item.dtype.kind in "iu" else None


def reshape(x: Any, shape: Any) -> Any:
    raw_y = lowest(x).reshape(shape)
    return map_through(raw_y, x, Reshape(x.shape, raw_y.shape, x.dtype))


def transpose(x: Any, axes: Any = None) -> Any:
    order = tuple(range(x.ndim))[::-1] if axes is None else tuple(a % x.ndim for a in axes)
    return map_through(lowest(x).transpose(order), x, Permute(x.shape, order, x.dtype))


def astype(x: Any, dtype: Any, **kwargs: Any) -> Any:
    """A cast; integers and booleans carry no tangent."""
    raw_y = lowest(x).astype(dtype, **kwargs)
    if raw_y.dtype.kind not in "fc":
        top_level([x])
        return raw_y
    return map_through(raw_y, x, Cast(x.shape, x.dtype, raw_y.dtype))


def reinterpret(x: Any, dtype: Any) -> Any:
    """``x.view(dtype)``: complex numbers as (re, im) pairs and back, else the same dtype only.

    Raises
    ------
    TangentLost
        If a live tangent has no meaning in the other dtype.
    """
    dtype = np.dtype(dtype)
    raw_y = lowest(x).view(dtype)
    if not live_among([x]):
        return raw_y
    if dtype == x.dtype:
        return map_through(raw_y, x, Identity(x.shape, x.dtype))
    if {dtype.kind, x.dtype.kind} == {"f", "c"} and np.result_type(dtype, x.dtype) in (
        dtype,
        x.dtype,
    ):
        return map_through(raw_y, x, FloatView(x.shape, x.dtype, dtype))
    raise TangentLost(f"view of {x.dtype} as {dtype}")


def assign(target: Any, index: Any, value: Any) -> Any:
    """The value of `target` after ``target[index] = value``; nothing is written in place.

    Where an index names an element twice, the last one stays, as in NumPy.
    """
    index = plain_index(index)
    index = index if len(index) != 1 else index[0]
    raw_y = lowest(target).copy()
    raw_y[index] = operand(value)
    # for each element of the target the element of the value that lands there, -1 for none
    xp = array_module(raw_y)
    source = xp.full(target.shape, -1, dtype=np.int64)
    value_shape = np.shape(lowest(value))
    source[index] = xp.arange(int(np.prod(value_shape, dtype=np.int64))).reshape(value_shape)
    kept = source < 0

    def tangent(y: Any, x: list[Any], dx: list[Any]) -> Any:
        old, new = dx
        edges: list[tuple[LinearMap, Any]] = []
        if old is not None:
            here = Identity(y.shape, y.dtype)
            edges.append((Weighted(here, kept, here, y.dtype, y.dtype), old))
        if new is not None:
            new = total([(Cast(value_shape, x[1].dtype, y.dtype), new)])
            edges.append((Take(value_shape, source, y.dtype), new))
        return total(edges)

    return lift(raw_y, [target, value], tangent)
