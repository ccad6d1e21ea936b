"""Dual numbers on their way into compiled code and out of it.

The level of a dual is no part of its Numba type, for each call of an operator
would compile anew. It is remembered where it is needed: the wrapper that unboxes
the arguments of a call keeps the level that they belong to in a local variable,
and boxes its results with it. All arguments of one call are of one level. Where
a dual would be unboxed or boxed elsewhere (object mode, generators, typed
containers read from Python) there is no such variable, and the compiler says so.
"""

from __future__ import annotations

from typing import Any

import llvmlite.ir
import numpy as np
from numba.core import cgutils, types
from numba.extending import NativeValue, box, unbox
from numba.np import arrayobj

from awkward_dual.array import DualArray
from awkward_dual.errors import DirectionMismatch, LevelError, TangentLost
from awkward_dual.levels import check_alive
from awkward_dual.numba.tickets import tickets_at
from awkward_dual.numba.types import DualType, make_dual
from awkward_dual.pair import Pair, raw_or_live, strengthen, top_level, weaken
from awkward_dual.tape import Node

__all__ = ("call_python", "halves_of", "join_builder", "join_level", "level_of_call", "refuse_here")


#: how the names of wrappers begin: the mangled name space "cpython"
_WRAPPER = "_ZN7cpython"


# -- in Python


def halves_of(x: Any) -> tuple[Any, Any]:
    """The raw primal and tangent of a live pair.

    Raises
    ------
    LevelError
        If one of them is a dual of a lower level.
    """
    primal, tangent = x._primal, x._tangent
    for half in (primal, tangent):
        if isinstance(raw_or_live(half), Pair):
            raise LevelError(
                "a dual with duals inside (nested operators) in compiled code: Numba's loops "
                "differentiate once; use array operations, or nest the operators without the loop"
            )
    return primal, tangent


def _open_number(x: Any, k: int) -> Any:
    """A dual number as a row of its primal and tangents."""
    x = raw_or_live(x)
    if not isinstance(x, Pair):
        row = np.zeros(k + 1, np.result_type(strengthen(x)))
        row[0] = x
        return row
    primal, tangent = halves_of(x)
    if isinstance(tangent, Node) or len(tangent) != k:
        raise DirectionMismatch("numbers with different directions in one list of compiled code")
    row = np.empty(k + 1, x.dtype)
    row[0] = primal
    row[1:] = tangent
    return row


def level_of(x: Any) -> Any:
    return top_level([x])[0]


def _close_single(row: bytes, level: Any) -> Any:
    # compiled functions give Python's floats
    return _close_double(np.frombuffer(row, np.float32).astype(np.float64), level)


def _close_double(row: Any, level: Any) -> Any:
    """A dual number from the memory of one."""
    row = np.frombuffer(row, np.float64)
    value = float(row[0])
    return value if level is None else DualArray._new(weaken(value), row[1:], level)


_CLOSE = {32: _close_single, 64: _close_double}


def _check_level(level: Any, other: Any) -> None:
    """Raise unless two arguments of a call belong to one running call of an operator."""
    check_alive(level)
    if level is not other:
        raise LevelError(
            "arguments of a compiled function that belong to different levels (nested operators); "
            "differentiate the loop on one level, or use array operations"
        )


# -- in wrappers


def call_python(c: Any, function: Any, *args: Any) -> Any:
    """Call a Python function from the wrapper of a compiled one.

    Returns a new reference; null if it raises, or if an exception is set already.
    """
    out = cgutils.alloca_once(c.builder, c.pyapi.pyobj)
    c.builder.store(cgutils.get_null_value(c.pyapi.pyobj), out)
    with c.builder.if_then(cgutils.is_null(c.builder, c.pyapi.err_occurred())):
        callee = c.pyapi.unserialize(c.pyapi.serialize_object(function))
        c.builder.store(c.pyapi.call_function_objargs(callee, args), out)
        c.pyapi.decref(callee)
    return c.builder.load(out)


def refuse_here(c: Any, what: str) -> None:
    """Raise if the function that is being compiled is no wrapper for calls from Python.

    Raises
    ------
    TangentLost
        Naming the ways by which a dual cannot travel.
    """
    if not c.builder.function.name.startswith(_WRAPPER):
        raise TangentLost(
            f"{what} in object mode", "keep duals in compiled code, or pass x.primal to it"
        )


def level_of_call(c: Any) -> Any:
    """Where the wrapper keeps the level of its arguments; null before the first is unboxed."""
    function = c.builder.function
    if not hasattr(function, "awkward_dual_level"):
        # null from the start
        function.awkward_dual_level = cgutils.alloca_once(c.builder, c.pyapi.pyobj)
    return function.awkward_dual_level


def join_level(c: Any, level: Any) -> None:
    """Remember the level of an argument (a borrowed reference); another one sets an exception."""
    refuse_here(c, "passing a dual")
    slot = level_of_call(c)
    builder = c.builder
    known = builder.load(slot)
    is_first = cgutils.is_null(builder, known)
    builder.store(builder.select(is_first, level, known), slot)
    other = builder.load(slot)
    result = call_python(c, _check_level, level, other)
    c.pyapi.decref(result)
    for tickets in _builders_of_call(c):
        _tell_builder(c, tickets, level)


def _builders_of_call(c: Any) -> list[Any]:
    """The builders among the arguments that have been unboxed so far."""
    function = c.builder.function
    if not hasattr(function, "awkward_dual_builders"):
        function.awkward_dual_builders = []
    return function.awkward_dual_builders  # type: ignore[no-any-return]


def join_builder(c: Any, tickets: Any) -> None:
    """A builder takes duals of the level of the call, whichever argument comes first."""
    _builders_of_call(c).append(tickets)
    level = c.builder.load(level_of_call(c))
    is_null = cgutils.is_null(c.builder, level)
    _tell_builder(c, tickets, c.builder.select(is_null, c.pyapi.borrow_none(), level))


def _tell_builder(c: Any, tickets: Any, level: Any) -> None:
    address = c.pyapi.long_from_longlong(c.builder.ptrtoint(tickets, llvmlite.ir.IntType(64)))
    result = call_python(c, _join_tickets, address, level)
    c.pyapi.decref(address)
    c.pyapi.decref(result)


def _join_tickets(address: int, level: Any) -> None:
    tickets = tickets_at(address)
    if tickets is not None:
        tickets.join(level)


@unbox(DualType)
def unbox_number(dual: DualType, obj: Any, c: Any) -> Any:
    """Read primal and tangents, and remember the level."""
    builder = c.builder
    level = call_python(c, level_of, obj)
    row_type = types.Array(dual.real, 1, "C")
    value = cgutils.alloca_once(builder, c.context.get_value_type(dual))
    with builder.if_then(cgutils.is_not_null(builder, level)):
        with builder.if_then(builder.icmp_unsigned("!=", level, c.pyapi.borrow_none())):
            join_level(c, level)
        c.pyapi.decref(level)
        k = c.pyapi.long_from_longlong(c.context.get_constant(types.int64, dual.k))
        row = call_python(c, _open_number, obj, k)
        c.pyapi.decref(k)
        with builder.if_then(cgutils.is_not_null(builder, row)):
            native = c.unbox(row_type, row)
            array = arrayobj.make_array(row_type)(c.context, builder, native.value)
            items = [builder.load(cgutils.gep(builder, array.data, i)) for i in range(dual.k + 1)]
            tangent = llvmlite.ir.Constant(
                c.context.get_value_type(dual).elements[1], llvmlite.ir.Undefined
            )
            for i in range(dual.k):
                tangent = builder.insert_element(tangent, items[1 + i], llvmlite.ir.IntType(32)(i))
            builder.store(make_dual(c.context, builder, dual, items[0], tangent), value)
            c.context.nrt.decref(builder, row_type, native.value)
            c.pyapi.decref(row)
    is_error = cgutils.is_not_null(builder, c.pyapi.err_occurred())
    return NativeValue(builder.load(value), is_error=is_error)


@box(DualType)
def box_number(dual: DualType, value: Any, c: Any) -> Any:
    """A dual number of the level of the arguments."""
    level = known_level(c)
    builder = c.builder
    data = c.context.get_data_type(dual)
    place = cgutils.alloca_once(builder, data)
    builder.store(c.context.data_model_manager[dual].as_data(builder, value), place)
    start = builder.bitcast(place, c.pyapi.cstring)
    size = c.context.get_constant(types.intp, (dual.k + 1) * dual.real.bitwidth // 8)
    row = c.pyapi.bytes_from_string_and_size(start, size)
    out = call_python(c, _CLOSE[dual.real.bitwidth], row, level)
    c.pyapi.decref(row)
    return out


def known_level(c: Any) -> Any:
    """The level of the arguments, ``None`` if they had none, as a borrowed reference.

    Where there are no dual arguments it is null, and an exception is set: a
    generator or a typed container, which are read from Python later, would lose it.

    Raises
    ------
    TangentLost
        In object mode.
    """
    refuse_here(c, "passing a dual")
    if not hasattr(c.builder.function, "awkward_dual_level"):
        return call_python(c, _refuse_later)
    level = c.builder.load(level_of_call(c))
    is_null = cgutils.is_null(c.builder, level)
    return c.builder.select(is_null, c.pyapi.borrow_none(), level)


def _refuse_later() -> None:
    raise TangentLost(
        "a dual that leaves compiled code by a generator or a typed container",
        "return it from a compiled function that takes the arguments",
    )
