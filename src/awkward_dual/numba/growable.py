"""LayoutBuilders in compiled code take dual numbers: their growable buffers hold tickets.

A growable buffer keeps two integers in an array that Python and compiled code
share, its length and its position. A third one is the address of its tickets.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any

import awkward as ak
import llvmlite.ir
import numpy as np
from numba.core import cgutils, types
from numba.core.errors import TypingError
from numba.core.typing import signature
from numba.extending import (
    NativeValue,
    intrinsic,
    overload_method,
    register_jitable,
    register_model,
    typeof_impl,
    unbox,
)
from numba.np import arrayobj
from numba.np.numpy_support import from_dtype

from awkward_dual.numba.builder import write_row
from awkward_dual.numba.crossing import call_python, join_builder
from awkward_dual.numba.tickets import COUNT, Tickets, redeem_leaf, tickets_at
from awkward_dual.numba.types import DualType
from awkward_dual.numba.views import awkward

__all__ = ("PATCHES",)

_INT64 = llvmlite.ir.IntType(64)
_POSITIONS = types.Array(types.int64, 1, "C")


# -- in Python


def _init(original: Callable[..., None]) -> Callable[..., None]:
    """A growable buffer of double precision has tickets."""

    def __init__(self: Any, dtype: Any, **options: Any) -> None:
        original(self, dtype, **options)
        tickets_of(self)

    return __init__


def tickets_of(buffer: Any) -> Tickets | None:
    """The tickets of a growable buffer, ``None`` where it takes no duals."""
    if buffer.dtype != np.float64:
        return None
    positions = buffer._length_pos
    if len(positions) > 2:
        return tickets_at(int(positions[2]))
    # new, or older than this extension, which Numba loads when it compiles
    own = Tickets()
    buffer._length_pos = np.array([*positions, own.address])
    weakref.finalize(buffer._length_pos, own.forget)
    return own


def _prepare(buffer: Any) -> None:
    tickets_of(buffer)


def _snapshot(original: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Tickets are redeemed."""

    def snapshot(self: Any) -> Any:
        out = original(self)
        own = tickets_of(self)
        return out if own is None else redeem_leaf(out, own)

    return snapshot


def _clear(original: Callable[[Any], None]) -> Callable[[Any], None]:
    def clear(self: Any) -> None:
        original(self)
        own = tickets_of(self)
        if own is not None:
            own.clear()

    return clear


# -- in compiled code


class DualGrowableType(awkward.GrowableBufferType):
    """A growable buffer that takes duals: Awkward's builders look this type up by its name."""

    def __init__(self, dtype: Any) -> None:
        super().__init__(dtype)
        types.Type.__init__(self, name=f"dual {self.name}")


register_model(DualGrowableType)(awkward.GrowableBufferModel)


def _header(context: Any, builder: Any, positions: Any) -> Any:
    """The address of the tickets, 0 if there are none."""
    array = arrayobj.make_array(_POSITIONS)(context, builder, positions)
    has = builder.icmp_signed(">", builder.extract_value(array.shape, 0), _INT64(2))
    where = builder.select(has, _INT64(2), _INT64(0))
    return builder.select(has, builder.load(builder.gep(array.data, [where])), _INT64(0))


@unbox(DualGrowableType)
def unbox_growable(growable: DualGrowableType, obj: Any, c: Any) -> Any:
    if growable.dtype == types.float64:
        c.pyapi.decref(call_python(c, _prepare, obj))
    native = awkward.GrowableBufferType_unbox(growable, obj, c)
    if growable.dtype == types.float64:
        proxy = c.context.make_helper(c.builder, growable, native.value)
        header = _header(c.context, c.builder, proxy.length_pos)
        join_builder(c, c.builder.inttoptr(header, _INT64.as_pointer()))
    is_error = cgutils.is_not_null(c.builder, c.pyapi.err_occurred())
    return NativeValue(native.value, is_error=is_error)


@intrinsic(strict=False)
def _ticket(typingctx, positions, value):  # type: ignore[no-untyped-def]
    """Write a row; its ticket."""

    def lower(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        header = _header(context, builder, args[0])
        is_none = builder.icmp_unsigned("==", header, _INT64(0))
        with builder.if_then(is_none, likely=False):
            message = "a LayoutBuilder made in compiled code takes no dual numbers; pass it in"
            context.call_conv.return_user_exc(builder, TypeError, (message,))
        pointer = builder.inttoptr(header, _INT64.as_pointer())
        return write_row(context, builder, sig.args[1], args[1], pointer)

    return signature(types.float64, positions, value), lower


@overload_method(DualGrowableType, "append", strict=False)
def overload_append(growablebuffer: Any, datum: Any) -> Any:
    if not isinstance(datum, DualType):
        return awkward.GrowableBuffer_append(growablebuffer, datum)
    if growablebuffer.dtype != types.float64:
        raise TypingError("a LayoutBuilder takes dual numbers in leaves of float64")

    def append(growablebuffer, datum):  # type: ignore[no-untyped-def]
        growablebuffer.append(_ticket(growablebuffer._length_pos, datum))

    return append


@intrinsic(strict=False)
def _count(typingctx, positions):  # type: ignore[no-untyped-def]
    """How many tickets there are."""

    def lower(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        header = _header(context, builder, args[0])
        out = cgutils.alloca_once_value(builder, _INT64(0))
        with builder.if_then(builder.icmp_unsigned("!=", header, _INT64(0))):
            pointer = builder.inttoptr(header, _INT64.as_pointer())
            builder.store(builder.load(cgutils.gep(builder, pointer, COUNT)), out)
        return builder.load(out)

    return signature(types.int64, positions), lower


@overload_method(DualGrowableType, "snapshot", strict=False)
def overload_snapshot(growablebuffer: Any) -> Any:
    """In compiled code a snapshot is a real array."""
    plain = awkward.GrowableBuffer_snapshot(growablebuffer)
    if growablebuffer.dtype != types.float64:
        return plain
    plain = register_jitable(plain)

    def snapshot(growablebuffer):  # type: ignore[no-untyped-def]
        if _count(growablebuffer._length_pos) > 0:
            raise TypeError("a snapshot in compiled code would lose tangents; take it outside")
        return plain(growablebuffer)

    return snapshot


def register() -> None:
    """Awkward's builder types look the type of their buffers up in its public module."""
    ak.numba.GrowableBufferType = DualGrowableType

    @typeof_impl.register(ak.numba.GrowableBuffer)
    def typeof_growable(obj: Any, c: Any) -> Any:
        return DualGrowableType(from_dtype(obj.dtype))


PATCHES = {"numba_growable": _init, "numba_growable_snapshot": _snapshot,
           "numba_growable_clear": _clear}  # fmt: skip
