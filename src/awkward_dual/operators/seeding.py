"""Seed arguments with tangents, in the layout that they have.

`attach` gives a layout its one canonical form, in which every element is shown
once. A program must see the layout of its argument, for Awkward's operations may
depend on it. So the tangents of the canonical form are put where its elements
stand in the argument's own buffers; elements that are hidden (behind a mask, in
a gap) get none. Only where a layout shows an element twice does the canonical
form take its place: each showing is an element of its own.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import awkward as ak
import numpy as np

from awkward_dual.adapter import VirtualNDArray
from awkward_dual.array import class_of
from awkward_dual.devices import array_module, dual_name
from awkward_dual.linear import Take, total
from awkward_dual.operators.lazy import deferred, loaded, traced
from awkward_dual.operators.leaves import MakeLeaf, attach, is_differentiable, leaf_values
from awkward_dual.operators.shortcuts import attach_short
from awkward_dual.pair import Pair, lowest, make

__all__ = ("seed",)


def seed(x: Any, dx: Any, make_leaf: MakeLeaf, path: str = "") -> Any:
    """`attach`, with the result in the layout of `x` wherever that shows each element once."""
    if not isinstance(x, ak.Array | ak.Record):
        return attach(x, dx, make_leaf, path)
    if ak.backend(x) == "typetracer":
        return x if dx is None else traced(x, x, dx)
    if isinstance(x, ak.Array) and (dx is None or isinstance(dx, ak.Array)):
        short = attach_short(x.layout, None if dx is None else dx.layout, make_leaf)
        if short is not None:
            return ak.Array(short, behavior=x.behavior, attrs=x.attrs)
    made: list[tuple[Any, Any]] = []

    def remember(value: Any, other: Any) -> Any:
        made.append((value, make_leaf(value, other)))
        return made[-1][1]

    for name in ("takes_directions", "skips_constants", "lazy"):
        setattr(remember, name, getattr(make_leaf, name, False))
    attached = attach(x, dx, remember, path)
    array = x.layout.array if isinstance(x, ak.Record) else x.layout
    if _is_canonical(array) or not made:
        return attached
    places = places_of(x)
    if len(places) != len(made) or any(len(np.unique(p)) != len(p) for p in places):
        return attached
    layout = _in_place(array, places, made)
    if isinstance(x, ak.Record):
        layout = ak.record.Record(layout, x.layout.at)
    return type(x)(layout, behavior=x.behavior, attrs=x.attrs)


def _is_canonical(layout: Any) -> bool:
    """Whether a layout shows every element of its differentiable buffers once, in order."""
    if layout.is_numpy:
        return bool(layout.data.ndim == 1)
    if layout.is_unknown or not is_differentiable(layout):
        return True
    if layout.is_record:
        return all(bool(c.length == layout.length) and _is_canonical(c) for c in layout.contents)
    if layout.is_regular:
        whole = layout.content.length == layout.length * layout.size
        return bool(whole) and _is_canonical(layout.content)
    if layout.is_list and isinstance(layout, ak.contents.ListOffsetArray):
        offsets = layout.offsets
        if offsets.dtype != np.int64:
            return False
        whole = offsets[0] == 0 and offsets[layout.length] == layout.content.length
        return bool(whole) and _is_canonical(layout.content)
    return False


def places_of(x: Any) -> list[Any]:
    """For each leaf of the canonical form, where its elements stand in the buffer of `x`."""

    def number(layout: Any) -> Any:
        if layout.dtype.kind not in "fc":
            return layout
        size = int(np.prod(layout.shape, dtype=np.int64))
        xp = array_module(lowest(layout.data))
        numbers = xp.arange(size, dtype=np.float64).reshape(layout.shape)
        data = class_of(numbers)._new(numbers)
        return ak.contents.NumpyArray(data, parameters=layout.parameters)

    array = x.layout.array if isinstance(x, ak.Record) else x.layout
    numbered = _with_leaves(array.to_backend(dual_name(array.backend.name)), number)
    if isinstance(x, ak.Record):
        numbered = numbered[x.layout.at : x.layout.at + 1]
    return [lowest(leaf).astype(np.int64) for leaf in leaf_values(ak.Array(numbered))]


def _in_place(layout: Any, places: list[Any], made: list[tuple[Any, Any]]) -> Any:
    """The layout with the tangents of the canonical leaves at their places."""
    remaining = iter(zip(places, made, strict=True))

    def put(layout: Any) -> Any:
        if layout.dtype.kind not in "fc":
            return layout
        place, (value, dual) = next(remaining)
        if dual is value or not isinstance(dual, Pair | VirtualNDArray):
            return layout

        def placed(own: Any) -> Any:
            pair = loaded(dual)
            linear_map = Take(own.shape, place, own.dtype).T
            tangent = total([(linear_map, pair._tangent)])
            return make(class_of(own), own, tangent, pair._level)

        data = deferred(placed, layout.data)
        return ak.contents.NumpyArray(data, parameters=layout.parameters)

    return _with_leaves(layout.to_backend(dual_name(layout.backend.name)), put)


def _with_leaves(layout: Any, func: Callable[[Any], Any]) -> Any:
    """A layout with `func` applied to its leaves, and otherwise as it is."""
    if layout.is_numpy:
        return func(layout)
    if layout.is_record or layout.is_union:
        return layout.copy(contents=[_with_leaves(content, func) for content in layout.contents])
    return layout if layout.is_unknown else layout.copy(content=_with_leaves(layout.content, func))
