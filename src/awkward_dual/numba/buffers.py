"""Buffers of dual numbers: NumPy's arrays among the arguments, and output buffers."""

from __future__ import annotations

import operator
from typing import Any

import llvmlite.ir
from numba.core import cgutils, types
from numba.core.datamodel import models
from numba.core.errors import TypingError
from numba.core.imputils import (
    RefType,
    impl_ret_borrowed,
    iternext_impl,
    lower_builtin,
)
from numba.core.typing import signature
from numba.core.typing.templates import (
    AbstractTemplate,
    AttributeTemplate,
    infer,
    infer_getattr,
    infer_global,
)
from numba.extending import (
    NativeValue,
    box,
    intrinsic,
    lower_getattr,
    overload,
    register_model,
    unbox,
)
from numba.np import arrayobj

from awkward_dual.array import DualArray
from awkward_dual.numba.crossing import (
    call_python,
    halves_of,
    join_level,
    known_level,
    level_of,
)
from awkward_dual.numba.types import DualType, array_of, make_dual, primal_of, tangent_of
from awkward_dual.numba.views import load_tangent, order_of
from awkward_dual.pair import raw_or_live

__all__ = ("ConstantArrayType", "DualBufferType", "joiner", "typeof_buffer")


class DualBufferType(types.IterableType, types.Sized):
    """A one-dimensional array of dual numbers.

    Parameters
    ----------
    dual : DualType
        The type of its elements.
    layout : str
        How the primal lies in memory (C or A), and the tangent of shape ``(k, n)`` (C, F or A).
    mutable : bool
        Whether elements may be assigned: not those of an argument, for duals
        share their tangents, which are never written in place.
    """

    def __init__(self, dual: DualType, layout: str, mutable: bool) -> None:
        self.dual = dual
        self.layout = layout
        self.mutable = mutable
        kind = "buffer" if mutable else "read-only buffer"
        super().__init__(name=f"{kind}({dual.name}, {layout})")

    @property
    def halves(self) -> tuple[Any, Any]:
        """The types of primal and tangent."""
        real = self.dual.real
        return types.Array(real, 1, self.layout[0]), types.Array(real, 2, self.layout[1])

    @property
    def iterator_type(self) -> Any:
        return BufferIteratorType(self)


@register_model(DualBufferType)
class DualBufferModel(models.StructModel):
    def __init__(self, dmm: Any, fe_type: DualBufferType) -> None:
        super().__init__(
            dmm, fe_type, list(zip(("primal", "tangent"), fe_type.halves, strict=True))
        )


def typeof_buffer(value: Any, real: Any) -> DualBufferType:
    """The type of a live one-dimensional pair."""
    primal, tangent = halves_of(value)
    layout = ("C" if primal.flags.c_contiguous else "A") + order_of(tangent)
    return DualBufferType(DualType(real, len(tangent)), layout, False)


class ConstantArrayType(types.Array):
    """A dual array without tangents: an array of NumPy to compiled code, read-only.

    Parameters
    ----------
    plain : numba.types.Array
        The type of its primal.
    """

    def __init__(self, plain: Any) -> None:
        super().__init__(
            plain.dtype, plain.ndim, plain.layout, readonly=True, name=f"constant {plain}"
        )

    @property
    def primal(self) -> Any:
        return types.Array(self.dtype, self.ndim, self.layout, readonly=True)


register_model(ConstantArrayType)(models.ArrayModel)


# -- in and out


def _open_constant(x: Any) -> Any:
    return raw_or_live(x)


@unbox(ConstantArrayType)
def unbox_constant(constant: ConstantArrayType, obj: Any, c: Any) -> Any:
    primal = call_python(c, _open_constant, obj)
    native = c.unbox(constant.primal, primal)
    c.pyapi.decref(primal)
    return native


def _open_buffer(x: Any) -> Any:
    return halves_of(raw_or_live(x))


def _close_buffer(primal: Any, tangent: Any, level: Any) -> Any:
    if level is None:
        return primal
    return DualArray._new(primal, tangent, level)


@unbox(DualBufferType)
def unbox_buffer(buffer: DualBufferType, obj: Any, c: Any) -> Any:
    builder = c.builder
    out = c.context.make_helper(builder, buffer)
    level = call_python(c, level_of, obj)
    halves = call_python(c, _open_buffer, obj)
    is_read = builder.and_(
        cgutils.is_not_null(builder, level), cgutils.is_not_null(builder, halves)
    )
    with builder.if_then(is_read):
        join_level(c, level)
        for i, (name, half) in enumerate(zip(("primal", "tangent"), buffer.halves, strict=True)):
            native = c.unbox(half, c.pyapi.tuple_getitem(halves, i))
            setattr(out, name, native.value)
    c.pyapi.decref(level)
    c.pyapi.decref(halves)
    is_error = cgutils.is_not_null(builder, c.pyapi.err_occurred())
    return NativeValue(out._getvalue(), is_error=is_error)


@box(DualBufferType)
def box_buffer(buffer: DualBufferType, value: Any, c: Any) -> Any:
    level = known_level(c)
    proxy = c.context.make_helper(c.builder, buffer, value)
    primal, tangent = (
        c.box(half, getattr(proxy, name))
        for name, half in zip(("primal", "tangent"), buffer.halves, strict=True)
    )
    out = call_python(c, _close_buffer, primal, tangent, level)
    c.pyapi.decref(primal)
    c.pyapi.decref(tangent)
    return out


# -- elements


def _position(context: Any, builder: Any, buffer: DualBufferType, proxy: Any, index: Any) -> Any:
    """An index from the start, and the address of the primal there."""
    primal_type = buffer.halves[0]
    primal = arrayobj.make_array(primal_type)(context, builder, proxy.primal)
    length = cgutils.unpack_tuple(builder, primal.shape)[0]
    index = builder.select(
        builder.icmp_signed("<", index, llvmlite.ir.Constant(index.type, 0)),
        builder.add(index, length),
        index,
    )
    pointer = cgutils.get_item_pointer(
        context, builder, primal_type, primal, [index], boundscheck=context.enable_boundscheck
    )
    return index, pointer


def _tangent_place(context: Any, builder: Any, buffer: DualBufferType, proxy: Any) -> Any:
    """The address of the tangent, and its strides over directions and elements."""
    tangent = arrayobj.make_array(buffer.halves[1])(context, builder, proxy.tangent)
    over = cgutils.unpack_tuple(builder, tangent.strides)
    base = builder.ptrtoint(tangent.data, context.get_value_type(types.intp))
    return base, (lambda: over[0], lambda: over[1])


def load_element(context: Any, builder: Any, buffer: DualBufferType, proxy: Any, index: Any) -> Any:
    index, pointer = _position(context, builder, buffer, proxy, index)
    base, strides = _tangent_place(context, builder, buffer, proxy)
    order = buffer.layout[1]
    tangent = load_tangent(context, builder, buffer.dual, order, base, strides, index)
    return make_dual(context, builder, buffer.dual, builder.load(pointer), tangent)


def store_element(
    context: Any, builder: Any, buffer: DualBufferType, proxy: Any, index: Any, value: Any
) -> None:
    index, pointer = _position(context, builder, buffer, proxy, index)
    builder.store(primal_of(builder, value), pointer)
    base, _ = _tangent_place(context, builder, buffer, proxy)
    array = array_of(builder, tangent_of(builder, value))
    size = context.get_constant(types.intp, buffer.dual.k * buffer.dual.real.bitwidth // 8)
    address = builder.add(base, builder.mul(index, size))
    place = builder.inttoptr(address, array.type.as_pointer())
    builder.store(array, place, align=buffer.dual.real.bitwidth // 8)


@infer_global(operator.getitem)
class BufferGetitem(AbstractTemplate):
    def generic(self, args: Any, kws: Any) -> Any:
        buffer, index = args
        if not isinstance(buffer, DualBufferType):
            return None
        if isinstance(index, types.Integer):
            return signature(buffer.dual, buffer, types.intp)
        return None


@lower_builtin(operator.getitem, DualBufferType, types.Integer)
def lower_getitem(context: Any, builder: Any, sig: Any, args: Any) -> Any:
    proxy = context.make_helper(builder, sig.args[0], args[0])
    return load_element(context, builder, sig.args[0], proxy, args[1])


@infer_global(operator.setitem)
class BufferSetitem(AbstractTemplate):
    def generic(self, args: Any, kws: Any) -> Any:
        buffer, index, value = args
        if not isinstance(buffer, DualBufferType):
            return None
        if not buffer.mutable:
            raise TypingError(
                "dual arguments are read-only in compiled code; write to a buffer of "
                "awkward_dual.numba.zeros(n, like=x)"
            )
        if not isinstance(index, types.Integer):
            raise TypingError("a buffer of dual numbers is assigned element by element")
        if self.context.can_convert(value, buffer.dual) is None:
            raise TypingError(f"cannot assign {value} to an element of {buffer}")
        return signature(types.none, buffer, types.intp, buffer.dual)


@lower_builtin(operator.setitem, DualBufferType, types.Integer, DualType)
def lower_setitem(context: Any, builder: Any, sig: Any, args: Any) -> Any:
    proxy = context.make_helper(builder, sig.args[0], args[0])
    store_element(context, builder, sig.args[0], proxy, args[1], args[2])
    return context.get_dummy_value()


def joiner(dual: DualType, mutable: bool) -> Any:
    """A function for compiled code that makes a buffer of two arrays, its halves."""

    @intrinsic(strict=False)
    def join(typingctx, primal, tangent):  # type: ignore[no-untyped-def]
        buffer = DualBufferType(dual, primal.layout + tangent.layout, mutable)

        def lower(context: Any, builder: Any, sig: Any, args: Any) -> Any:
            proxy = context.make_helper(builder, buffer)
            proxy.primal, proxy.tangent = args
            return impl_ret_borrowed(context, builder, buffer, proxy._getvalue())

        return signature(buffer, primal, tangent), lower

    return join


@overload(operator.getitem, strict=False)
def overload_slice(x: Any, where: Any) -> Any:
    """Slices are views, which are read-only."""
    if not isinstance(x, DualBufferType) or not isinstance(where, types.SliceType):
        return None
    join = joiner(x.dual, False)
    return lambda x, where: join(x._primal[where], x._tangent[:, where])


# -- length and iteration


@overload(len, strict=False)
def overload_len(x: Any) -> Any:
    return (lambda x: len(x._primal)) if isinstance(x, DualBufferType) else None


@infer_getattr
class BufferAttributes(AttributeTemplate):
    """``size``, ``shape`` and ``ndim``, as arrays of NumPy have them."""

    key = DualBufferType

    def resolve__primal(self, buffer: DualBufferType) -> Any:
        return buffer.halves[0]

    def resolve__tangent(self, buffer: DualBufferType) -> Any:
        return buffer.halves[1]

    def resolve_size(self, buffer: DualBufferType) -> Any:
        return types.intp

    def resolve_shape(self, buffer: DualBufferType) -> Any:
        return types.UniTuple(types.intp, 1)

    def resolve_ndim(self, buffer: DualBufferType) -> Any:
        return types.intp


@lower_getattr(DualBufferType, "_primal")
def lower_primal(context: Any, builder: Any, buffer: DualBufferType, value: Any) -> Any:
    proxy = context.make_helper(builder, buffer, value)
    return impl_ret_borrowed(context, builder, buffer.halves[0], proxy.primal)


@lower_getattr(DualBufferType, "_tangent")
def lower_tangent(context: Any, builder: Any, buffer: DualBufferType, value: Any) -> Any:
    proxy = context.make_helper(builder, buffer, value)
    return impl_ret_borrowed(context, builder, buffer.halves[1], proxy.tangent)


def _shape(context: Any, builder: Any, buffer: DualBufferType, value: Any) -> Any:
    proxy = context.make_helper(builder, buffer, value)
    return arrayobj.make_array(buffer.halves[0])(context, builder, proxy.primal).shape


@lower_getattr(DualBufferType, "shape")
def lower_shape(context: Any, builder: Any, buffer: DualBufferType, value: Any) -> Any:
    return _shape(context, builder, buffer, value)


@lower_getattr(DualBufferType, "size")
def lower_size(context: Any, builder: Any, buffer: DualBufferType, value: Any) -> Any:
    return builder.extract_value(_shape(context, builder, buffer, value), 0)


@lower_getattr(DualBufferType, "ndim")
def lower_ndim(context: Any, builder: Any, buffer: DualBufferType, value: Any) -> Any:
    return context.get_constant(types.intp, 1)


class BufferIteratorType(types.SimpleIteratorType):
    def __init__(self, buffer: DualBufferType) -> None:
        self.buffer = buffer
        super().__init__(f"iterator({buffer.name})", buffer.dual)


@register_model(BufferIteratorType)
class BufferIteratorModel(models.StructModel):
    def __init__(self, dmm: Any, fe_type: BufferIteratorType) -> None:
        members = [("at", types.EphemeralPointer(types.intp)), ("buffer", fe_type.buffer)]
        super().__init__(dmm, fe_type, members)


@infer
class BufferGetiter(AbstractTemplate):
    key = "getiter"

    def generic(self, args: Any, kws: Any) -> Any:
        if len(args) == 1 and isinstance(args[0], DualBufferType):
            return signature(args[0].iterator_type, args[0])
        return None


@lower_builtin("getiter", DualBufferType)
def lower_getiter(context: Any, builder: Any, sig: Any, args: Any) -> Any:
    proxy = context.make_helper(builder, sig.return_type)
    zero = context.get_constant(types.intp, 0)
    proxy.at = cgutils.alloca_once_value(builder, zero)
    builder.store(zero, proxy.at)
    proxy.buffer = args[0]
    context.nrt.incref(builder, sig.args[0], args[0])
    return proxy._getvalue()


@lower_builtin("iternext", BufferIteratorType)
@iternext_impl(RefType.UNTRACKED)
def lower_iternext(context: Any, builder: Any, sig: Any, args: Any, result: Any) -> None:
    iterator = sig.args[0]
    proxy = context.make_helper(builder, iterator, args[0])
    shape = _shape(context, builder, iterator.buffer, proxy.buffer)
    at = builder.load(proxy.at)
    is_valid = builder.icmp_signed("<", at, builder.extract_value(shape, 0))
    result.set_valid(is_valid)
    with builder.if_then(is_valid):
        buffer = context.make_helper(builder, iterator.buffer, proxy.buffer)
        result.yield_(load_element(context, builder, iterator.buffer, buffer, at))
        builder.store(cgutils.increment_index(builder, at), proxy.at)
