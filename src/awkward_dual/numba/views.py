"""Dual Awkward Arrays and Records in compiled code: primal and tangent are read where they stand.

Awkward describes an array to compiled code by the type of its layout and a list
of addresses. A live leaf has a type of its own, and four entries in the list:
the primal, the tangent, and the tangent's strides over directions and elements.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import awkward as ak
import llvmlite.ir
import numpy as np
from numba.core import cgutils, types
from numba.extending import NativeValue, typeof_impl
from numba.np.numpy_support import from_dtype

from awkward_dual import adapter
from awkward_dual.adapter import maybe_materialize
from awkward_dual.array import DualArray
from awkward_dual.errors import LevelError, TangentLost
from awkward_dual.numba.crossing import halves_of, join_level
from awkward_dual.numba.types import DualType, is_dual, make_dual, vector_of
from awkward_dual.pair import Pair, lowest, raw_or_live
from awkward_dual.tape import Node

__all__ = ("load_tangent", "order_of")

awkward: Any = adapter.numba_connection()

#: what the form keys of live leaves begin with
_MARK = "awkward_dual:"


# -- leaves


def _leaves(layout: Any) -> Iterator[Any]:
    if layout.is_numpy:
        yield layout
    elif layout.is_record or layout.is_union:
        for content in layout.contents:
            yield from _leaves(content)
    elif not layout.is_unknown:
        yield from _leaves(layout.content)


def _live(layout: Any) -> Any:
    """The live pair of a leaf, or ``None``."""
    (data,) = maybe_materialize(layout.data)
    value = raw_or_live(data)
    return value if isinstance(value, Pair) else None


def order_of(tangent: Any) -> str:
    """How a tangent of shape ``(k, n)`` lies in memory: C, F, or A for any other way."""
    item = tangent.itemsize
    k, n = tangent.shape
    over_k, over_n = tangent.strides
    if (n < 2 or over_n == k * item) and (k == 1 or over_k == item):
        return "F"
    return "C" if n < 2 or over_n == item else "A"


def _flat(layout: Any) -> Any:
    """A layout whose leaves are one-dimensional and contiguous."""
    if all(leaf.data.ndim == 1 and leaf.is_contiguous for leaf in _leaves(layout)):
        return layout

    def action(layout: Any, **_: Any) -> Any:
        if not layout.is_numpy:
            return None
        return layout.to_RegularArray() if layout.data.ndim > 1 else layout.to_contiguous()

    return adapter.recursively_apply(layout, action)


def _mark(id: int, layout: Any) -> str | None:
    value = _live(layout) if layout.is_numpy else None
    if value is None:
        return None
    _, tangent = halves_of(value)
    return f"{_MARK}{len(tangent)}:{order_of(tangent)}"


def level_of_layout(layout: Any) -> Any:
    """The one level of the live leaves of a layout, if any is live.

    Raises
    ------
    LevelError
        If the leaves belong to several levels, or have duals inside.
    DirectionMismatch
        If they differ in their numbers of directions.
    """
    values = [value for value in map(_live, _leaves(layout)) if value is not None]
    levels = {value._level.serial: value._level for value in values}
    if len(levels) > 1:
        raise LevelError(
            "fields of one array that belong to different levels (nested operators) in compiled "
            "code; pass them as arguments of array operations"
        )
    tangents = [halves_of(value)[1] for value in values]
    if len({t.shape[:1] for t in tangents if not isinstance(t, Node)}) > 1:
        raise TangentLost("fields with different numbers of directions in compiled code")
    return next(iter(levels.values()), None)


def is_recorded(layout: Any) -> bool:
    """Whether a live leaf has a tangent that is recorded."""
    values = map(_live, _leaves(layout))
    return any(value is not None and isinstance(value._tangent, Node) for value in values)


class Slots(list[Any]):
    """The list that Awkward fills with buffers; those of live leaves bring their tangents."""

    def append(self, x: Any) -> None:
        value = raw_or_live(x)
        super().append(x)
        if isinstance(value, Pair):
            primal, tangent = halves_of(value)
            # a cell may be written to while the view is kept
            self[-1] = DualArray._new(primal, tangent, value._level)
            self += [tangent, *tangent.strides]


def _address(x: Any) -> int:
    if isinstance(x, int):
        return x
    return int(lowest(*maybe_materialize(x)).__array_interface__["data"][0])


class DualLookup(awkward.NumbaLookup):
    """The addresses of a dual array, and the level of its tangents."""

    def __init__(self, layout: Any, attrs: Any, level: Any) -> None:
        self.nplike = layout.backend.nplike
        self.generator = None
        self._attrs = attrs
        self.level = level
        self.positions = Slots()
        awkward.tolookup(layout, self.positions)
        self.arrayptrs = np.asarray([_address(x) for x in self.positions], dtype=np.intp)


@typeof_impl.register(DualLookup)
def typeof_lookup(obj: Any, c: Any) -> Any:
    return awkward.LookupType()


# -- the type of a leaf


class DualLeafType(awkward.NumpyArrayType):
    """A live leaf: `arraytype` says what its elements are."""

    TANGENT, OVER_DIRECTIONS, OVER_ELEMENTS = 1, 2, 3

    def __init__(self, dual: DualType, order: str, parameters: Any) -> None:
        types.Type.__init__(
            self, name=f"ak.DualArrayType({dual.name}, {order}, {json.dumps(parameters)})"
        )
        self.dual = dual
        self.order = order
        self.arraytype = types.Array(dual, 1, "C")
        self.parameters = parameters

    def lower_getitem_at(
        self, context: Any, builder: Any, rettype: Any, viewtype: Any, viewval: Any,
        viewproxy: Any, attype: Any, atval: Any, wrapneg: bool, checkbounds: bool,
    ) -> Any:  # fmt: skip
        """The dual number at an index."""

        def slot(offset: int) -> Any:
            at = awkward.posat(context, builder, viewproxy.pos, offset)
            return awkward.getat(context, builder, viewproxy.arrayptrs, at)

        at = awkward.regularize_atval(
            context, builder, viewproxy, attype, atval, wrapneg, checkbounds
        )
        at = builder.add(viewproxy.start, at)
        primal = awkward.getat(context, builder, slot(self.ARRAY), at, rettype=self.dual.real)
        strides = (lambda: slot(self.OVER_DIRECTIONS), lambda: slot(self.OVER_ELEMENTS))
        base = slot(self.TANGENT)
        tangent = load_tangent(context, builder, self.dual, self.order, base, strides, at)
        return make_dual(context, builder, self.dual, primal, tangent)


def load_tangent(
    context: Any, builder: Any, dual: DualType, order: str, base: Any,
    strides: tuple[Callable[[], Any], Callable[[], Any]], at: Any,
) -> Any:  # fmt: skip
    """The tangents of an element as a vector, from a base address as an integer."""
    item = dual.real.bitwidth // 8
    step = item * dual.k if order == "F" else item
    size = context.get_constant(types.intp, step) if order in "CF" else strides[1]()
    address = builder.add(base, builder.mul(at, size))
    real = context.get_value_type(dual.real)
    if order == "F":
        array = llvmlite.ir.ArrayType(real, dual.k)
        pointer = builder.inttoptr(address, array.as_pointer())
        return vector_of(builder, builder.load(pointer, align=item))
    vector = context.get_value_type(dual).elements[1]
    out = llvmlite.ir.Constant(vector, llvmlite.ir.Undefined)
    over = strides[0]()
    for i in range(dual.k):
        pointer = builder.inttoptr(address, real.as_pointer())
        out = builder.insert_element(out, builder.load(pointer), llvmlite.ir.IntType(32)(i))
        address = builder.add(address, over)
    return out


# -- what replaces Awkward's own


def _to_numbatype(original: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """A form with our mark is a live leaf."""

    def to_numbatype(form: Any) -> Any:
        if not isinstance(form, ak.forms.NumpyForm) or not (form.form_key or "").startswith(_MARK):
            return original(form)
        k, order = form.form_key.removeprefix(_MARK).split(":")
        real = from_dtype(ak.types.numpytype.primitive_to_dtype(form.primitive))
        if not isinstance(real, types.Float) or real.bitwidth not in (32, 64):
            raise TangentLost(
                f"a live array of {form.primitive} in compiled code",
                "compiled loops differentiate float32 and float64",
            )
        return DualLeafType(DualType(real, int(k)), order, form.parameters)

    return to_numbatype


def _array_view(layout: Any, level: Any, behavior: Any, attrs: Any) -> Any:
    layout = _flat(layout)
    found = awkward.to_numbatype(layout.form_with_key(_mark))
    if not is_dual(found):
        raise TangentLost(f"reading {found} in compiled code")
    lookup = DualLookup(layout, attrs, level)
    return awkward.ArrayView(found, behavior, lookup, 0, 0, len(layout), ())


def _refuse_gpu(layout: Any) -> None:
    """Raise for dual arrays on a GPU, whose memory compiled code of the host must not read.

    Raises
    ------
    TypeError
        Numba's kernels for CUDA take arrays of the backend ``cuda`` only.
    """
    if layout.backend.name == "dual-cuda":
        raise TypeError(
            "Numba does not compile loops over dual arrays on a GPU; use array operations, give "
            "the kernel a derivative with awkward_dual.custom_jvp, or detach its arguments with "
            'awkward_dual.primal(x), which is on "cuda"'
        )


def _from_array(original: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def fromarray(array: Any) -> Any:
        layout = array.layout
        _refuse_gpu(layout)
        level = level_of_layout(layout) if layout.backend.name == "dual" else None
        if level is None:
            return original(array)
        return _array_view(layout, level, array.behavior, array.attrs)

    return fromarray


def _from_record(original: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def fromrecord(record: Any) -> Any:
        layout = record.layout.array
        _refuse_gpu(layout)
        level = level_of_layout(layout) if layout.backend.name == "dual" else None
        if level is None:
            return original(record)
        view = _array_view(layout, level, record.behavior, record.attrs)
        return awkward.RecordView(view, record.layout.at)

    return fromrecord


def _unbox_view(original: Callable[..., Any]) -> Callable[..., Any]:
    """The wrapper remembers the level of a dual array."""

    def unbox_ArrayView(viewtype: Any, view_obj: Any, c: Any) -> Any:
        native = original(viewtype, view_obj, c)
        if not is_dual(viewtype):
            return native
        lookup = c.pyapi.object_getattr_string(view_obj, "lookup")
        level = c.pyapi.object_getattr_string(lookup, "level")
        join_level(c, level)
        c.pyapi.decref(level)
        c.pyapi.decref(lookup)
        is_error = cgutils.is_not_null(c.builder, c.pyapi.err_occurred())
        return NativeValue(native.value, is_error=is_error)

    return unbox_ArrayView


PATCHES = {
    "numba_type": _to_numbatype,
    "numba_array": _from_array,
    "numba_record": _from_record,
    "numba_unbox": _unbox_view,
}
