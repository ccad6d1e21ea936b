"""`ak.ArrayBuilder` in compiled code takes dual numbers; its snapshot is a dual array.

The C++ builder takes floats. It is given tickets of dual numbers (see
`tickets`), so that integers, floats and duals share one leaf, as integers and
floats do.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any

import awkward as ak
import llvmlite.ir
from numba.core import cgutils, types
from numba.core.datamodel import models
from numba.core.imputils import lower_builtin
from numba.core.typing import signature
from numba.core.typing.templates import bound_function, infer_getattr
from numba.core.typing.typeof import Purpose
from numba.extending import NativeValue, register_model, typeof_impl, unbox

from awkward_dual.numba.crossing import call_python, join_builder
from awkward_dual.numba.tickets import (
    ADDRESS,
    COUNT,
    PREFIX,
    ROOM,
    WIDTH,
    Tickets,
    grow,
    redeem,
)
from awkward_dual.numba.types import DualType, primal_of, tangent_of
from awkward_dual.numba.views import awkward

__all__ = ("PATCHES",)

_INT64 = llvmlite.ir.IntType(64)
#: the rows of each builder that has been in compiled code, by its C++ half
_tickets: weakref.WeakKeyDictionary[Any, Tickets] = weakref.WeakKeyDictionary()


def tickets_of(builder: Any) -> Tickets:
    """The rows beside a builder."""
    own = _tickets.get(builder._layout)
    if own is None:
        own = _tickets[builder._layout] = Tickets()
        weakref.finalize(builder._layout, own.forget)
    return own


class DualBuilderType(awkward.ArrayBuilderType):
    """A builder with rows of duals beside it; all that Awkward compiles for its builders fits."""

    def __init__(self, behavior: Any) -> None:
        super().__init__(behavior)
        types.Type.__init__(self, name=f"dual {self.name}")


@register_model(DualBuilderType)
class DualBuilderModel(models.StructModel):
    def __init__(self, dmm: Any, fe_type: DualBuilderType) -> None:
        members = [
            ("rawptr", types.voidptr),
            ("pyptr", types.pyobject),
            ("pyattrs", types.pyobject),
            ("tickets", types.CPointer(types.int64)),
        ]
        super().__init__(dmm, fe_type, members)


def register() -> None:
    """Replace the typeof function that Awkward registers."""

    @typeof_impl.register(ak.ArrayBuilder)
    def typeof_builder(obj: Any, c: Any) -> Any:
        # one that is compiled in takes no duals
        if c.purpose is Purpose.constant:
            return obj.numba_type
        return DualBuilderType(obj.numba_type.behavior)


def _address_of_tickets(builder: Any) -> int:
    return tickets_of(builder).address


@unbox(DualBuilderType)
def unbox_builder(builder_type: DualBuilderType, obj: Any, c: Any) -> Any:
    native = awkward.unbox_ArrayBuilder(builder_type, obj, c)
    proxy = c.context.make_helper(c.builder, builder_type, native.value)
    address = call_python(c, _address_of_tickets, obj)
    proxy.tickets = c.builder.inttoptr(c.pyapi.long_as_longlong(address), _INT64.as_pointer())
    c.pyapi.decref(address)
    join_builder(c, proxy.tickets)
    is_error = cgutils.is_not_null(c.builder, c.pyapi.err_occurred())
    return NativeValue(proxy._getvalue(), is_error=is_error)


# -- methods


def _takes_dual(args: Any, kws: Any) -> bool:
    if len(args) != 1 or kws:
        return False
    inner = args[0].type if isinstance(args[0], types.Optional) else args[0]
    return isinstance(inner, DualType)


@infer_getattr
class DualBuilderMethods(awkward.type_methods):
    """``append`` and ``real`` of duals; all else is Awkward's."""

    key = DualBuilderType

    def _typed(self, name: str, builder: Any, args: Any, kws: Any) -> Any:
        if _takes_dual(args, kws) and not (name == "real" and isinstance(args[0], types.Optional)):
            return signature(types.none, *args)
        # beneath Numba's decorator, which would find this one again: it knows methods by name
        return getattr(awkward.type_methods, f"resolve_{name}").__wrapped__(
            self, builder, args, kws
        )

    @bound_function("append")
    def resolve_append(self, builder: Any, args: Any, kws: Any) -> Any:
        return self._typed("append", builder, args, kws)

    @bound_function("real")
    def resolve_real(self, builder: Any, args: Any, kws: Any) -> Any:
        return self._typed("real", builder, args, kws)


@lower_builtin("real", DualBuilderType, DualType)
@lower_builtin("append", DualBuilderType, DualType)
def lower_append(context: Any, builder: Any, sig: Any, args: Any) -> Any:
    """Write a row, and give the builder its ticket."""
    builder_type, dual = sig.args
    proxy = context.make_helper(builder, builder_type, args[0])
    ticket = write_row(context, builder, dual, args[1], proxy.tickets)
    awkward.call(context, builder, awkward.libawkward.ArrayBuilder_real, (proxy.rawptr, ticket))
    return context.get_dummy_value()


def write_row(context: Any, builder: Any, dual: DualType, value: Any, header: Any) -> Any:
    """Write a dual number as a row; its ticket."""
    width = dual.k + 1
    double = llvmlite.ir.DoubleType()

    def slot(i: int) -> Any:
        return builder.load(cgutils.gep(builder, header, i))

    is_full = builder.or_(
        builder.icmp_signed("==", slot(COUNT), slot(ROOM)),
        builder.icmp_signed("!=", slot(WIDTH), _INT64(width)),
    )
    with cgutils.if_unlikely(builder, is_full):
        _call_grow(context, builder, header, width)
    count = slot(COUNT)
    start = builder.add(slot(ADDRESS), builder.mul(count, _INT64(8 * width)))
    row = builder.inttoptr(start, double.as_pointer())
    numbers = [primal_of(builder, value)]
    tangent = tangent_of(builder, value)
    numbers += [builder.extract_element(tangent, llvmlite.ir.IntType(32)(i)) for i in range(dual.k)]
    for i, number in enumerate(numbers):
        number = context.cast(builder, number, dual.real, types.float64)
        builder.store(number, cgutils.gep(builder, row, i))
    builder.store(builder.add(count, _INT64(1)), cgutils.gep(builder, header, COUNT))
    return builder.bitcast(builder.or_(count, _INT64(PREFIX << 48)), double)


def _call_grow(context: Any, builder: Any, header: Any, width: int) -> None:
    """Ask Python for room; an exception there leaves the compiled function."""
    api = context.get_python_api(builder)
    state = api.gil_ensure()
    callee = api.unserialize(api.serialize_object(grow))
    address = api.long_from_longlong(builder.ptrtoint(header, _INT64))
    result = api.call_function_objargs(callee, (address, api.long_from_longlong(_INT64(width))))
    api.decref(callee)
    api.decref(address)
    failed = cgutils.is_null(builder, result)
    api.decref(result)
    api.gil_release(state)
    with builder.if_then(failed, likely=False):
        context.call_conv.return_exc(builder)


@lower_builtin("append", DualBuilderType, types.Optional)
def lower_append_optional(context: Any, builder: Any, sig: Any, args: Any) -> Any:
    builder_type, optional = sig.args
    if not isinstance(optional.type, DualType):
        return awkward.lower_append_optional(context, builder, sig, args)
    proxy = context.make_helper(builder, optional, args[1])
    with builder.if_else(cgutils.as_bool_bit(builder, proxy.valid)) as (present, missing):
        with present:
            inner = signature(types.none, builder_type, optional.type)
            lower_append(context, builder, inner, (args[0], proxy.data))
        with missing:
            awkward.lower_null(context, builder, signature(types.none, builder_type), (args[0],))
    return context.get_dummy_value()


@lower_builtin("clear", DualBuilderType)
def lower_clear(context: Any, builder: Any, sig: Any, args: Any) -> Any:
    proxy = context.make_helper(builder, sig.args[0], args[0])
    builder.store(_INT64(0), cgutils.gep(builder, proxy.tickets, COUNT))
    return awkward.lower_clear(context, builder, sig, args)


# -- what replaces methods of the builder in Python


def _snapshot(original: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Tickets are redeemed."""

    def snapshot(self: Any) -> Any:
        out = original(self)
        own = _tickets.get(self._layout)
        if own is None or not own.header[COUNT]:
            return out
        return ak.Array(redeem(out.layout, own), behavior=out.behavior, attrs=out.attrs)

    return snapshot


PATCHES = {"numba_snapshot": _snapshot}
