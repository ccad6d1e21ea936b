"""A shorter way for the layouts that most arguments and results have.

Lists, records and flat numbers, without gaps and without repetition: what `leaves`
and `results` would do in several walks through Awkward's own machinery is done
here in one. For 1000 events those walks cost as much as the program. Every other
layout goes the long way, and so does everything that is wrong, for its message.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import awkward as ak
import numpy as np

from awkward_dual.array import DualArray
from awkward_dual.pair import Pair, lowest, on_level, raw_or_live
from awkward_dual.runs import lend

__all__ = ("attach_short", "floats_short", "half_short")

_LIST, _RECORD, _NUMPY = (
    ak.contents.ListOffsetArray,
    ak.contents.RecordArray,
    ak.contents.NumpyArray,
)


def attach_short(p: Any, t: Any, make_leaf: Callable[[Any, Any], Any]) -> Any:
    """`leaves.attach_layout` of canonical layouts that match; ``None`` for any other."""
    return _attach(p, t, make_leaf) if _fits(p, t) else None


def _fits(p: Any, t: Any) -> bool:
    if p.parameter("__array__") is not None or (t is not None and type(t) is not type(p)):
        return False
    if type(p) is _NUMPY:
        return _is_flat(p) and (
            t is None
            or p.dtype.kind not in "fc"
            or (_is_flat(t) and t.dtype == p.dtype and t.length == p.length)
        )
    if type(p) is _LIST:
        offsets = lowest(p.offsets.data)
        if type(offsets) is not np.ndarray or offsets.dtype != np.int64:
            return False
        if offsets[0] != 0 or offsets[-1] != p.content.length:
            return False
        if t is None:
            return _fits(p.content, None)
        same = lowest(t.offsets.data)
        if same is not offsets and not np.array_equal(same, offsets):
            return False
        return bool(t.content.length == offsets[-1]) and _fits(p.content, t.content)
    if type(p) is _RECORD:
        if not p.contents or any(c.length != p.length for c in p.contents):
            return False
        if t is None:
            return all(_fits(c, None) for c in p.contents)
        if p.is_tuple != t.is_tuple or p.fields != t.fields:
            return False
        return all(
            c.length == p.length and _fits(own, c)
            for own, c in zip(p.contents, t.contents, strict=True)
        )
    return False


def _is_flat(layout: Any) -> bool:
    data = layout.data
    return type(data) in (np.ndarray, DualArray) and data.ndim == 1


def _attach(p: Any, t: Any, make_leaf: Callable[[Any, Any], Any]) -> Any:
    if type(p) is _NUMPY:
        value = raw_or_live(p.data)
        if p.dtype.kind in "fc":
            value = make_leaf(value, None if t is None else raw_or_live(t.data))
        data = value if isinstance(value, Pair) else DualArray._new(value)
        return _NUMPY(data, parameters=p._parameters)
    if type(p) is _LIST:
        content = _attach(p.content, None if t is None else t.content, make_leaf)
        offsets = ak.index.Index64(DualArray._new(lowest(p.offsets.data)))
        return _LIST(offsets, content, parameters=p._parameters)
    others = [None] * len(p.contents) if t is None else t.contents
    contents = [_attach(c, o, make_leaf) for c, o in zip(p.contents, others, strict=True)]
    fields = None if p.is_tuple else p.fields
    return _RECORD(contents, fields, p.length, parameters=p._parameters)


def half_short(layout: Any, level: Any, half: int) -> Any:
    """The primal (0) or tangent (1) of a result's layout, on ``cpu``; ``None`` for the long way."""
    if layout.parameter("__array__") is not None:
        return None
    if type(layout) is _NUMPY:
        data = _half(layout.data, level, half)
        return None if data is None else _NUMPY(data, parameters=layout._parameters)
    if type(layout) is _LIST:
        content = half_short(layout.content, level, half)
        if content is None:
            return None
        offsets = ak.index.Index(lowest(layout.offsets.data))
        return _LIST(offsets, content, parameters=layout._parameters)
    if type(layout) is not _RECORD or not layout.contents:
        return None
    contents = [half_short(c, level, half) for c in layout.contents]
    if any(c is None for c in contents):
        return None
    fields = None if layout.is_tuple else layout.fields
    return _RECORD(contents, fields, layout.length, parameters=layout._parameters)


def floats_short(layout: Any) -> Any:
    """A gradient's layout on ``cpu``, if all its leaves are numbers with a gradient."""
    return half_short(layout, None, 0) if _only_floats(layout) else None


def _only_floats(layout: Any) -> bool:
    if type(layout) is _NUMPY:
        return layout.dtype.kind in "fc"
    if type(layout) is _LIST:
        return _only_floats(layout.content)
    return type(layout) is _RECORD and all(map(_only_floats, layout.contents))


def _half(data: Any, level: Any, half: int) -> Any:
    if type(data) is not DualArray or data.ndim != 1:
        return None
    primal, tangent = on_level(data, level)
    if type(primal) is not np.ndarray:
        return None
    if half == 0:
        lend(primal)
        return primal
    if tangent is None:
        return np.zeros_like(primal)
    if type(tangent) is not np.ndarray:
        return None
    lend(tangent)
    return tangent[0] if len(tangent) == 1 else tangent.transpose(1, 0)
