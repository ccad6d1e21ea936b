"""Apply NumPy functions that move elements: to other places, other axes, or beside others."""

from __future__ import annotations

from typing import Any

import numpy as np

from awkward_dual import engine
from awkward_dual.apply import lift, live_among, map_through, strided_copy
from awkward_dual.calls import lowest_in, pairs_in, parameters_of
from awkward_dual.devices import device_of
from awkward_dual.elementwise import note_function
from awkward_dual.errors import TangentLost
from awkward_dual.linear import (
    Broadcast,
    Cast,
    LinearMap,
    Permute,
    Reshape,
    Slice,
    Take,
    combine,
    total,
)
from awkward_dual.pair import Pair, is_recorded, lowest, raw_or_live
from awkward_dual.rules.table import Rule

__all__ = (
    "apply_broadcast",
    "apply_concatenate",
    "apply_mover",
    "apply_permutation",
    "apply_reshape",
    "apply_where",
)

_VALUES = (Pair, np.ndarray, np.generic, int, float, complex)


def _position_of_data(func: Any, key: str, positions: tuple[int, ...]) -> bool:
    """Whether an argument that is given by its name is one of those at some positions."""
    names = parameters_of(func)
    return key in names and names.index(key) in positions


def apply_mover(row: Rule, func: Any, args: Any, kwargs: dict[str, Any]) -> Any:
    """A function that only moves elements, or fills with zero: run it on the elements' numbers.

    The row says which positions hold data; everything else is a parameter.
    """
    positions = row.option("data")
    numbered: list[Any] = []
    values: list[Any] = []
    bases: list[int] = []
    count = 1
    found = pairs_in([args, list(kwargs.values())])
    xp = next((engine.array_module(lowest(x)) for x in found if x.ndim), np)

    def number(tree: Any) -> Any:
        nonlocal count
        if isinstance(tree, list | tuple):
            return [number(item) for item in tree]
        x = raw_or_live(tree)
        if not isinstance(x, Pair):
            x = x if device_of(x) is not None else np.asarray(x)
        values.append(x)
        bases.append(count)
        ids = xp.arange(count, count + x.size).reshape(x.shape)
        count += x.size
        return _placed(ids, lowest(x))

    def numbers(tree: Any, is_data: bool, what: Any) -> Any:
        if is_data:
            return number(tree)
        if live_among(pairs_in(tree)):
            raise TangentLost(f"the argument {what!r} of {row.name}", "pass it by position")
        return lowest_in(tree)

    for position, arg in enumerate(args):
        numbered.append(numbers(arg, position in positions, position))
    named = {
        key: numbers(arg, _position_of_data(func, key, positions), key)
        for key, arg in kwargs.items()
        # the numbers of elements are integers, whatever the elements become
        if key not in ("dtype", "casting")
    }
    raw_y = func(*lowest_in(args), **lowest_in(kwargs))
    ids = func(*numbered, **named)

    def pick(raw: Any, ids: Any) -> Any:
        def tangent(y: Any, x: list[Any], dx: list[Any]) -> Any:
            edges: list[tuple[LinearMap, Any]] = []
            for a, da, base in zip(x, dx, bases, strict=True):
                if da is not None:
                    own = np.where((ids >= base) & (ids < base + a.size), ids - base, -1)
                    da = total([(Cast(a.shape, a.dtype, y.dtype), da)])
                    edges.append((Take(a.shape, own, y.dtype), da))
            return total(edges)

        return lift(raw, values, tangent)

    if isinstance(raw_y, list | tuple):
        return type(raw_y)([pick(r, i) for r, i in zip(raw_y, ids, strict=True)])
    return pick(raw_y, xp.asarray(ids))


def _placed(ids: Any, like: Any) -> Any:
    """An array in the order in memory of another one, which a function may ask for."""
    strides = getattr(like, "strides", None)
    if type(ids) is not np.ndarray or not strides or like.flags.c_contiguous or 0 in strides:
        return ids
    return strided_copy(ids, tuple(step // like.itemsize * ids.itemsize for step in strides))


def apply_permutation(row: Rule, func: Any, args: Any, kwargs: dict[str, Any]) -> Any:
    """A function that exchanges the axes of one array."""
    if not args or not isinstance(args[0], Pair):
        return apply_mover(row, func, args, kwargs)
    x, *rest = args
    raw_y = func(lowest(x), *lowest_in(rest), **lowest_in(kwargs))
    # axes of different lengths tell where they go
    lengths = np.broadcast_to(np.empty(()), range(1, x.ndim + 1))
    axes = tuple(n - 1 for n in func(lengths, *lowest_in(rest), **lowest_in(kwargs)).shape)
    return map_through(raw_y, x, Permute(x.shape, axes, x.dtype))


def apply_reshape(row: Rule, func: Any, args: Any, kwargs: dict[str, Any]) -> Any:
    """A function that gives one array other axes, and leaves its elements in C order."""
    order = kwargs.get("order", args[-1] if len(args) > 1 else "C")
    is_plain = order == "C" or not isinstance(order, str)
    if not args or not is_plain or not isinstance(args[0], Pair) or len(pairs_in(args)) > 1:
        return apply_mover(row, func, args, kwargs)
    x, *rest = args
    raw_y = func(lowest(x), *lowest_in(rest), **lowest_in(kwargs))
    if not hasattr(raw_y, "shape"):
        return apply_mover(row, func, args, kwargs)
    return map_through(raw_y, x, Reshape(x.shape, raw_y.shape, x.dtype))


def apply_broadcast(row: Rule, func: Any, args: Any, kwargs: dict[str, Any]) -> Any:
    """``np.broadcast_to``."""
    if not args or not isinstance(args[0], Pair):
        return apply_mover(row, func, args, kwargs)
    x, *rest = args
    raw_y = func(lowest(x), *lowest_in(rest), **lowest_in(kwargs))
    return map_through(raw_y, x, Broadcast(x.shape, raw_y.shape, x.dtype))


def apply_where(row: Rule, func: Any, args: Any, kwargs: dict[str, Any]) -> Any:
    """``np.where``: the partials are its condition and the opposite."""
    if len(args) != 3 or not all(isinstance(a, _VALUES) for a in args[1:]):
        return apply_mover(row, func, args, kwargs)
    raw_y = func(*lowest_in(args), **lowest_in(kwargs))
    xp = engine.array_module(raw_y)
    condition = xp.asarray(lowest_in(args[0]), dtype=bool)
    noted = note_function(row, raw_y, (condition, *args[1:]))
    if noted is not None:
        return noted

    def tangent(y: Any, x: list[Any], dx: list[Any]) -> Any:
        # a tape has its own
        own = condition.copy() if any(map(is_recorded, dx)) else condition
        partials = row.partials(xp, y, own, *x)[1:]
        terms = [
            (partial, da, a)
            for partial, a, da in zip(partials, x, dx, strict=True)
            if da is not None
        ]
        return combine(terms, y.shape, y.dtype) if terms else None

    return lift(raw_y, args[1:], tangent)


def apply_concatenate(row: Rule, func: Any, args: Any, kwargs: dict[str, Any]) -> Any:
    """``np.concatenate``: each tangent has its place along the axis."""
    arrays, *rest = args
    axis = rest[0] if len(rest) == 1 else kwargs.get("axis", 0)
    are_arrays = isinstance(arrays, list | tuple) and all(
        isinstance(a, Pair | np.ndarray) or device_of(a) is not None for a in arrays
    )
    if not are_arrays or type(axis) is not int or len(rest) > 1:
        return apply_mover(row, func, args, kwargs)
    raw_y = func(*lowest_in(args), **lowest_in(kwargs))
    before = (slice(None),) * (axis % raw_y.ndim)

    def tangent(y: Any, x: list[Any], dx: list[Any]) -> Any:
        edges: list[tuple[LinearMap, Any]] = []
        start = 0
        for a, da in zip(x, dx, strict=True):
            stop = start + a.shape[axis]
            if da is not None:
                if a.dtype != y.dtype:
                    da = total([(Cast(a.shape, a.dtype, y.dtype), da)])
                index = (*before, slice(start, stop))
                edges.append((Slice(y.shape, a.shape, y.dtype, index, repeats=False).T, da))
            start = stop
        return total(edges)

    return lift(raw_y, arrays, tangent)
