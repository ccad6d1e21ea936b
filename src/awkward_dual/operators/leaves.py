"""From arguments to duals: attach tangents to leaves.

`attach` walks a primal and its tangent side by side. They may differ in layout
(options as masks or indices, lists with or without gaps, indexed or not) as long
as type, list lengths and missing pattern agree; on the way every layout that may
show an element twice is projected, in the differentiated leaves only.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import awkward as ak
import numpy as np

from awkward_dual.adapter import VirtualNDArray
from awkward_dual.array import class_of
from awkward_dual.devices import array_module, device_of, dual_name
from awkward_dual.errors import TangentMismatch
from awkward_dual.operators.lazy import is_unloaded, loaded, traced
from awkward_dual.operators.numbers import attach_number, refuse_tangent, where_is
from awkward_dual.operators.shortcuts import attach_short
from awkward_dual.pair import Pair, lowest

__all__ = (
    "attach",
    "attach_layout",
    "is_differentiable",
    "leaf_values",
    "refuse_opaque",
)

#: makes a leaf's new value from its old one, and from that of the other tree; with the
#: attribute `lazy` it is given virtual buffers that were not loaded
MakeLeaf = Callable[[Any, Any], Any]


class _Differs(Exception):
    def __init__(self, path: str, why: str) -> None:
        super().__init__(f"{path or 'the whole'}: {why}")


def is_differentiable(layout: Any) -> bool:
    """Whether any leaf of a layout is floating or complex."""
    if layout.is_numpy:
        return layout.dtype.kind in "fc"
    if layout.is_unknown or layout.parameter("__array__") in ("string", "bytestring"):
        return False
    if layout.is_record or layout.is_union:
        return any(is_differentiable(content) for content in layout.contents)
    return is_differentiable(layout.content)


# -- attach


def attach(x: Any, dx: Any, make: MakeLeaf, path: str = "") -> Any:
    """One leaf of an argument tree with `make` applied to its buffers.

    Parameters
    ----------
    x
        An ``ak.Array`` or ``ak.Record``, NumPy or dual array, number, or anything else.
    dx
        The same for the other tree, or ``None``.
    make
        ``make(value, other)`` gives the new value of a differentiable buffer.

    Raises
    ------
    TangentMismatch
        If `x` and `dx` differ in type, list lengths or missing pattern.
    """
    if isinstance(x, ak.Record):
        at = x.layout.at
        one = None if dx is None else _one(x, dx, path)
        layout = attach_layout(x.layout.array[at : at + 1], one, make, path)
        return ak.Record(ak.record.Record(layout, 0), behavior=x.behavior, attrs=x.attrs)
    if isinstance(x, ak.Array):
        if ak.backend(x) == "typetracer":
            return traced(x, dx)
        other = None if dx is None else _layout_of(x, dx, path)
        layout = attach_layout(x.layout, other, make, path)
        return ak.Array(layout, behavior=x.behavior, attrs=x.attrs)
    if device_of(x) is None and not isinstance(x, Pair | np.ndarray | np.generic | float | complex):
        if dx is not None:
            refuse_tangent(x, dx, path)
        return x
    refuse_opaque(x)
    return attach_number(x, dx, make, path)


def _layout_of(x: Any, dx: Any, path: str) -> Any:
    if isinstance(dx, ak.Array) and ak.backend(dx) == "typetracer":
        raise TangentMismatch(f"{where_is(path)}the tangent is a typetracer, its primal has data")
    if isinstance(dx, ak.Array | np.ndarray | Pair):
        return ak.to_layout(dx)
    raise TangentMismatch(
        f"{where_is(path)}a primal of type {x.type} needs a tangent of that type, "
        f"not {type(dx).__name__} ({dx!r})"
    )


def _one(x: Any, dx: Any, path: str) -> Any:
    if isinstance(dx, ak.Record):
        at = dx.layout.at
        return dx.layout.array[at : at + 1]
    raise TangentMismatch(
        f"{where_is(path)}a record needs a record as its tangent, not {type(dx).__name__}"
    )


def attach_layout(layout: Any, other: Any, make: MakeLeaf, path: str = "") -> Any:
    """`attach` for a layout; the result is on the dual backend."""
    short = attach_short(layout, other, make)
    if short is not None:
        return short
    try:
        name = dual_name(layout.backend.name)
        dual_other = None if other is None else other.to_backend(name)
        return _attach(layout.to_backend(name), dual_other, make, "")
    except _Differs as error:
        raise TangentMismatch(
            f"{where_is(path)}the tangent does not match its primal at {error}\n"
            f"    primal:  {layout.length} * {layout.form.type}\n"
            f"    tangent: {other.length} * {other.form.type}"
        ) from None


def _attach(p: Any, t: Any, make: MakeLeaf, path: str) -> Any:
    if t is not None and p.length != t.length:
        raise _Differs(path, f"{p.length} elements against {t.length}")
    if not is_differentiable(p):
        return p
    if _is_categorical(p) and not p.is_option and p.backend.nplike.known_data:
        # a category for each element: each has a tangent of its own
        index = array_module(lowest(p.index.data)).arange(p.length)
        content = _attach(p.project(), t, make, path)
        places = ak.index.Index64(class_of(index)._new(index))
        return ak.contents.IndexedArray(places, content, parameters=p.parameters)
    p = _normal(p)
    t = None if t is None else _normal(t)
    if t is not None and p.is_numpy and t.is_regular:
        t = _directions_of(t, path)
    if t is not None and type(p) is not type(t):
        raise _Differs(path, f"{_kind(p)} against {_kind(t)}")
    attach_node = (
        _attach_leaf if p.is_numpy
        else _attach_regular if p.is_regular
        else _attach_option if p.is_option
        else _attach_list if p.is_list
        else _attach_record if p.is_record
        else _attach_union
    )  # fmt: skip
    return attach_node(p, t, make, path)


def _normal(layout: Any) -> Any:
    """The outermost node without gaps, repetition or more than one spelling."""
    if layout.is_numpy:
        return layout if layout.data.ndim == 1 else _normal(layout.to_RegularArray())
    if layout.is_option:
        layout = layout.to_IndexedOptionArray64()
        index = lowest(layout.index.data)
        present = index >= 0
        packed = np.where(present, np.cumsum(present) - 1, -1)
        content = layout.project()
        # Awkward carries records lazily, but has no option of an indexed array
        content = content.project() if content.is_indexed else content
        return ak.contents.IndexedOptionArray(
            ak.index.Index64(class_of(packed)._new(packed)), content, parameters=layout.parameters
        )
    if layout.is_indexed:
        return _normal(layout.project())
    if layout.is_list and not layout.is_regular:
        layout = layout.to_ListOffsetArray64(True)
        return layout.copy(content=layout.content[: layout.offsets[-1]])
    if layout.is_regular:
        return layout.copy(content=layout.content[: layout.length * layout.size])
    return layout


def _directions_of(t: Any, path: str) -> Any:
    """A last regular axis, which holds directions, as an axis of the buffer."""
    content = _normal(t.content)
    if not content.is_numpy:
        raise _Differs(path, f"a number against {_kind(t)}")
    data = content.data[: t.length * t.size].reshape(t.length, t.size)
    return ak.contents.NumpyArray(data)


def _kind(layout: Any) -> str:
    return str(layout.form.type)


def _attach_leaf(p: Any, t: Any, make: MakeLeaf, path: str) -> Any:
    if t is not None and p.dtype != t.dtype:
        raise _Differs(path, f"{p.dtype} against {t.dtype}")
    if (
        t is not None
        and t.data.ndim != p.data.ndim
        and not getattr(make, "takes_directions", False)
    ):
        raise _Differs(path, f"a number against {t.data.shape[1]} directions")
    if t is None and getattr(make, "skips_constants", False) and isinstance(p.data, VirtualNDArray):
        return p
    if getattr(make, "lazy", False) and is_unloaded(p.data):
        value = make(p.data, None if t is None else t.data)
    else:
        value = make(loaded(p.data), None if t is None else loaded(t.data))
    is_buffer = isinstance(value, Pair | VirtualNDArray)
    return ak.contents.NumpyArray(
        value if is_buffer else class_of(value)._new(value), parameters=p.parameters
    )


def _attach_regular(p: Any, t: Any, make: MakeLeaf, path: str) -> Any:
    if t is not None and p.size != t.size:
        raise _Differs(path, f"lists of {p.size} against lists of {t.size}")
    return p.copy(content=_attach(p.content, None if t is None else t.content, make, f"{path}[]"))


def _attach_list(p: Any, t: Any, make: MakeLeaf, path: str) -> Any:
    if t is not None:
        a, b = lowest(p.offsets.data), lowest(t.offsets.data)
        if not np.array_equal(a, b):
            i = int(np.flatnonzero(np.diff(a) != np.diff(b))[0])
            lengths = f"{a[i + 1] - a[i]} elements against {b[i + 1] - b[i]}"
            raise _Differs(f"{path}[{i}]", lengths)
    return p.copy(content=_attach(p.content, None if t is None else t.content, make, f"{path}[]"))


def _attach_option(p: Any, t: Any, make: MakeLeaf, path: str) -> Any:
    if t is not None:
        a, b = lowest(p.index.data) < 0, lowest(t.index.data) < 0
        if not np.array_equal(a, b):
            i = int(np.flatnonzero(a != b)[0])
            missing = "the primal" if a[i] else "the tangent"
            raise _Differs(f"{path}[{i}]", f"missing in {missing} only")
    return p.copy(content=_attach(p.content, None if t is None else t.content, make, f"{path}?"))


def _attach_record(p: Any, t: Any, make: MakeLeaf, path: str) -> Any:
    if t is not None and (set(p.fields) != set(t.fields) or p.is_tuple != t.is_tuple):
        raise _Differs(path, f"{_kind(p)} against {_kind(t)}")
    contents = [
        _attach(
            p.content(field)[: p.length],
            None if t is None else t.content(field)[: t.length],
            make,
            f"{path}[{field!r}]",
        )
        for field in p.fields
    ]
    return p.copy(contents=contents)


def _not_indexed(layout: Any) -> Any:
    """A union's content: Awkward allows none that is an index into another, but for categories."""
    is_plain_index = layout.is_indexed and not layout.is_option and not _is_categorical(layout)
    return layout.project() if is_plain_index else layout


def _is_categorical(layout: Any) -> bool:
    return bool(layout.parameter("__array__") == "categorical")


def _attach_union(p: Any, t: Any, make: MakeLeaf, path: str) -> Any:
    tags = lowest(p.tags.data)
    if len(tags) and not 0 <= tags.min() <= tags.max() < len(p.contents):
        raise ValueError(
            f"a union of {len(p.contents)} types has tags from {tags.min()} to {tags.max()}; "
            "ak.validity_error shows what is wrong with an array"
        )
    if t is not None and not np.array_equal(tags, lowest(t.tags.data)):
        i = int(np.flatnonzero(tags != lowest(t.tags.data))[0])
        raise _Differs(f"{path}[{i}]", "different members of the union")
    contents = [
        _attach(p.project(i), None if t is None else t.project(i), make, f"{path}|{i}")
        for i in range(len(p.contents))
    ]
    xp = array_module(tags)
    index = xp.empty(len(tags), dtype=np.int64)
    for i in range(len(contents)):
        index[tags == i] = xp.arange(int(np.count_nonzero(tags == i)))
    return ak.contents.UnionArray(
        ak.index.Index8(class_of(tags)._new(tags)),
        ak.index.Index64(class_of(index)._new(index)),
        [_not_indexed(content) for content in contents],
        parameters=p.parameters,
    )


# -- look at leaves


def leaf_values(x: Any, *, lazy: bool = False) -> list[Any]:
    """The values of the differentiable buffers of one leaf of a tree, as `attach` meets them.

    With `lazy`, virtual buffers that were not loaded stay so, and stand for themselves.
    """
    found: list[Any] = []

    def collect(value: Any, _other: Any) -> Any:
        found.append(value)
        return value

    collect.lazy = lazy  # type: ignore[attr-defined]
    attach(x, None, collect)
    return found


def refuse_opaque(x: Any) -> None:
    """Raise for NumPy arrays whose numbers a tangent would not reach.

    Raises
    ------
    TypeError
        For object arrays, structured arrays and masked arrays.
    """
    if not isinstance(x, np.ndarray) or (x.dtype.kind not in "OV" and type(x) is np.ndarray):
        return
    if isinstance(x, np.ma.MaskedArray) or x.dtype.kind in "OV":
        what = "masked" if isinstance(x, np.ma.MaskedArray) else f"of dtype {x.dtype}"
        raise TypeError(
            f"a NumPy array that is {what} has no derivatives; make an ak.Array of it "
            "(of a list with dual numbers: ak.Array([...]))"
        )
