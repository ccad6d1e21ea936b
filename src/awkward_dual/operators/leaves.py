"""From arguments to duals and back: attach tangents to leaves, take them off again.

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

from awkward_dual import adapter
from awkward_dual.array import DualArray, as_dual, wrap
from awkward_dual.errors import TangentMismatch
from awkward_dual.linear import total
from awkward_dual.pair import Pair, lowest, on_level, raw_or_live, weaken

__all__ = ("attach", "attach_layout", "is_differentiable", "on_input_backend", "split")

#: makes a leaf's new value from its old one, and from that of the other tree
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
            return x
        other = None if dx is None else _layout_of(x, dx, path)
        layout = attach_layout(x.layout, other, make, path)
        return ak.Array(layout, behavior=x.behavior, attrs=x.attrs)
    if not isinstance(x, Pair | np.ndarray | np.generic | float | complex):
        return x
    value = raw_or_live(as_dual(x)) if isinstance(x, np.ndarray | Pair) else weaken(x)
    if value.dtype.kind not in "fc":
        return as_dual(value) if value.ndim else x
    other = None if dx is None else _number(x, value, dx, path)
    value = make(value, other)
    return value if isinstance(value, Pair) or not value.ndim else wrap(value)


def _layout_of(x: Any, dx: Any, path: str) -> Any:
    if isinstance(dx, ak.Array | np.ndarray | Pair):
        return ak.to_layout(dx)
    raise TangentMismatch(
        f"{_at(path)}a primal of type {x.type} needs a tangent of that type, "
        f"not {type(dx).__name__} ({dx!r})"
    )


def _one(x: Any, dx: Any, path: str) -> Any:
    if isinstance(dx, ak.Record):
        at = dx.layout.at
        return dx.layout.array[at : at + 1]
    raise TangentMismatch(f"{_at(path)}a record needs a record as its tangent, not {type(dx).__name__}")


def _number(x: Any, value: Any, dx: Any, path: str) -> Any:
    if isinstance(dx, ak.Array):
        dx = dx.layout.to_backend("dual").to_backend_array()
    other = raw_or_live(as_dual(dx)) if isinstance(dx, Pair | np.ndarray | list) else np.asarray(dx)
    fits = np.shape(other) == np.shape(value) and other.dtype.kind in "biufc"
    if isinstance(x, np.ndarray | DualArray) and value.ndim:
        fits = fits and other.dtype == value.dtype
    if other.dtype.kind == "c" and value.dtype.kind != "c":
        fits = False
    if not fits:
        raise TangentMismatch(
            f"{_at(path)}the primal is {_describe(value)}, its tangent {_describe(other)}"
        )
    return other if other.dtype == value.dtype else raw_or_live(as_dual(other).astype(value.dtype))


def _describe(x: Any) -> str:
    shape = " * ".join(map(str, np.shape(x)))
    return f"{shape} * {x.dtype}" if shape else f"a number of type {x.dtype}"


def _at(path: str) -> str:
    return f"argument {path}: " if path else ""


def attach_layout(layout: Any, other: Any, make: MakeLeaf, path: str = "") -> Any:
    """`attach` for a layout; the result is on the dual backend."""
    try:
        dual_other = None if other is None else other.to_backend("dual")
        return _attach(layout.to_backend("dual"), dual_other, make, "")
    except _Differs as error:
        raise TangentMismatch(
            f"{_at(path)}the tangent does not match its primal at {error}\n"
            f"    primal:  {layout.length} * {layout.form.type}\n"
            f"    tangent: {other.length} * {other.form.type}"
        ) from None


def _attach(p: Any, t: Any, make: MakeLeaf, path: str) -> Any:
    if t is not None and p.length != t.length:
        raise _Differs(path, f"{p.length} elements against {t.length}")
    if not is_differentiable(p):
        return p
    p = _normal(p)
    t = None if t is None else _normal(t)
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
        return ak.contents.IndexedOptionArray(
            ak.index.Index64(DualArray(packed)), layout.project(), parameters=layout.parameters
        )
    if layout.is_indexed:
        return _normal(layout.project())
    if layout.is_list and not layout.is_regular:
        layout = layout.to_ListOffsetArray64(True)
        return layout.copy(content=layout.content[: layout.offsets[-1]])
    if layout.is_regular:
        return layout.copy(content=layout.content[: layout.length * layout.size])
    return layout


def _kind(layout: Any) -> str:
    return str(layout.form.type)


def _attach_leaf(p: Any, t: Any, make: MakeLeaf, path: str) -> Any:
    if t is not None and p.dtype != t.dtype:
        raise _Differs(path, f"{p.dtype} against {t.dtype}")
    value = make(raw_or_live(p.data), None if t is None else raw_or_live(t.data))
    return ak.contents.NumpyArray(
        value if isinstance(value, Pair) else DualArray._new(value), parameters=p.parameters
    )


def _attach_regular(p: Any, t: Any, make: MakeLeaf, path: str) -> Any:
    if t is not None and p.size != t.size:
        raise _Differs(path, f"lists of {p.size} against lists of {t.size}")
    return p.copy(content=_attach(p.content, t and t.content, make, f"{path}[]"))


def _attach_list(p: Any, t: Any, make: MakeLeaf, path: str) -> Any:
    if t is not None:
        a, b = lowest(p.offsets.data), lowest(t.offsets.data)
        if not np.array_equal(a, b):
            i = int(np.flatnonzero(np.diff(a) != np.diff(b))[0])
            lengths = f"{a[i + 1] - a[i]} elements against {b[i + 1] - b[i]}"
            raise _Differs(f"{path}[{i}]", lengths)
    return p.copy(content=_attach(p.content, t and t.content, make, f"{path}[]"))


def _attach_option(p: Any, t: Any, make: MakeLeaf, path: str) -> Any:
    if t is not None:
        a, b = lowest(p.index.data) < 0, lowest(t.index.data) < 0
        if not np.array_equal(a, b):
            i = int(np.flatnonzero(a != b)[0])
            missing = "the primal" if a[i] else "the tangent"
            raise _Differs(f"{path}[{i}]", f"missing in {missing} only")
    return p.copy(content=_attach(p.content, t and t.content, make, f"{path}?"))


def _attach_record(p: Any, t: Any, make: MakeLeaf, path: str) -> Any:
    if t is not None and (set(p.fields) != set(t.fields) or p.is_tuple != t.is_tuple):
        raise _Differs(path, f"fields {p.fields} against {t.fields}")
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


def _attach_union(p: Any, t: Any, make: MakeLeaf, path: str) -> Any:
    tags = lowest(p.tags.data)
    if t is not None and not np.array_equal(tags, lowest(t.tags.data)):
        i = int(np.flatnonzero(tags != lowest(t.tags.data))[0])
        raise _Differs(f"{path}[{i}]", "different members of the union")
    contents = [
        _attach(p.project(i), None if t is None else t.project(i), make, f"{path}|{i}")
        for i in range(len(p.contents))
    ]
    index = np.empty(len(tags), dtype=np.int64)
    for i in range(len(contents)):
        index[tags == i] = np.arange(np.count_nonzero(tags == i))
    return ak.contents.UnionArray(
        ak.index.Index8(DualArray(tags)),
        ak.index.Index64(DualArray(index)),
        contents,
        parameters=p.parameters,
    )


# -- take apart


def split(x: Any, level: Any) -> tuple[Any, Any]:
    """The primal of a result on `level`, and its tangent in the shape of the primal.

    The tangent of a result that does not depend on the arguments is zero. A
    tangent along several directions has them as a last, regular axis.
    """
    if isinstance(x, ak.Array):
        layout = x.layout
        make = lambda layout: ak.Array(layout, behavior=x.behavior, attrs=x.attrs)  # noqa: E731
    elif isinstance(x, ak.Record):
        layout = x.layout.array[x.layout.at : x.layout.at + 1]
        make = lambda layout: ak.Record(  # noqa: E731
            ak.record.Record(layout, 0), behavior=x.behavior, attrs=x.attrs
        )
    else:
        return _split_number(x, level)
    if layout.backend.name == "typetracer":
        return x, x
    return make(_primal_of(layout, level)), make(_tangent_of(layout, level))


def _split_number(x: Any, level: Any) -> tuple[Any, Any]:
    if isinstance(x, Pair):
        primal, tangent = on_level(x, level)
        if tangent is None:
            return wrap(primal), wrap(np.zeros(np.shape(lowest(x)), x.dtype))
        return wrap(primal), wrap(directions_last(tangent))
    if isinstance(x, np.ndarray | np.generic | int | float | complex):
        return (np.float64(x) if type(x) is float else x), np.zeros_like(x)[()]
    return x, None


def directions_last(tangent: Any) -> Any:
    """A tangent of shape ``(k, *shape)`` without its axis for ``k = 1``, else with it last."""
    if tangent.shape[0] == 1:
        return raw_or_live(as_dual(tangent)[0])
    return raw_or_live(as_dual(tangent).transpose(*range(1, tangent.ndim), 0))


def _primal_of(layout: Any, level: Any) -> Any:
    def action(layout: Any, **_: Any) -> Any:
        if layout.is_numpy:
            primal, _tangent = on_level(layout.data, level)
            data = primal if isinstance(primal, Pair) else DualArray._new(primal)
            return ak.contents.NumpyArray(data, parameters=layout.parameters)
        return None

    return layout if layout.backend.name != "dual" else adapter.recursively_apply(layout, action)


def _tangent_of(layout: Any, level: Any) -> Any:
    def action(layout: Any, **_: Any) -> Any:
        if layout.parameter("__array__") in ("string", "bytestring"):
            return ak.zeros_like(layout, highlevel=False)
        if not layout.is_numpy:
            return None
        _primal, tangent = on_level(layout.data, level) if layout.backend.name == "dual" else (0, None)
        if tangent is None:
            return ak.zeros_like(layout, highlevel=False)
        data = directions_last(tangent)
        data = data if isinstance(data, Pair) else DualArray._new(data)
        return ak.contents.NumpyArray(data, parameters=layout.parameters)

    return adapter.recursively_apply(layout, action)


def on_input_backend(x: Any, name: str) -> Any:
    """`x` on the backend of the inputs, unless it carries a live tangent of another level."""
    if isinstance(x, ak.Array | ak.Record):
        if ak.backend(x) != "dual" or name == "dual" or _is_live_layout(x.layout):
            return x
        return ak.to_backend(x, name)
    if isinstance(x, DualArray) and name != "dual":
        value = raw_or_live(x)
        return x if isinstance(value, Pair) else value
    return x


def _is_live_layout(layout: Any) -> bool:
    found = False

    def action(layout: Any, **_: Any) -> None:
        nonlocal found
        if layout.is_numpy and isinstance(raw_or_live(layout.data), Pair):
            found = True

    layout = layout.array if isinstance(layout, ak.record.Record) else layout
    adapter.recursively_apply(layout, action, return_array=False)
    return found


def backend_of_inputs(leaves: list[Any]) -> str:
    """The backend on which results come back."""
    for x in leaves:
        if isinstance(x, DualArray) and x.ndim:
            return "dual"
        if isinstance(x, ak.Array | ak.Record) and ak.backend(x) == "dual":
            return "dual"
    return "cpu"


def fold_total(edges: list[Any]) -> Any:
    """`total`, for the pullback."""
    return total(edges)
