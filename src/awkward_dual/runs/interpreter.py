"""The compiled loop that goes through a run: its instructions are compiled loops too.

An instruction is the address of a function ``(table, start, n, directions)`` for one block of
`n` elements from `start` on. The table has two integers for each argument: the address of
its block, and the bytes between the rows of two directions.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numba
import numpy as np
from llvmlite import ir
from numba.core import types
from numba.extending import intrinsic

from awkward_dual import jit

__all__ = ("arrays_of", "as_instruction", "interpret")

_SIGNATURE = types.void(types.CPointer(types.int64), types.int64, types.int64, types.int64)


@intrinsic  # type: ignore[untyped-decorator]
def _call(_context: Any, function: Any, table: Any, start: Any, n: Any, directions: Any) -> Any:
    """Call the function at an address with the table at an address."""

    def write(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        address, place, *numbers = arguments
        integer = ir.IntType(64)
        pointer = integer.as_pointer()
        form = ir.FunctionType(ir.VoidType(), [pointer, integer, integer, integer])
        target = builder.inttoptr(address, form.as_pointer())
        builder.call(target, [builder.inttoptr(place, pointer), *numbers])

    return types.void(*(types.int64,) * 5), write


def interpret(
    functions: Any,
    firsts: Any,
    bases: Any,
    steps: Any,
    table: Any,
    start: int,
    stop: int,
    size: int,
    directions: int,
) -> None:
    """Call each function for one block after the other.

    Parameters
    ----------
    functions, firsts
        The address of each, and the place of its first argument in the table.
    bases, steps
        For each argument its address at element 0, and the bytes from one element to the next.
    table
        Room for the table, with the bytes between rows filled in.
    start, stop, size
        The elements, and the size of a block.
    """
    _interpret(functions, firsts, bases, steps, table, start, stop, size, directions)


def _blocks(
    functions: Any, firsts: Any, bases: Any, steps: Any, table: Any,
    start: Any, stop: Any, size: Any, directions: Any,
) -> None:  # fmt: skip
    place = table.ctypes.data
    for here in range(start, stop, size):
        n = min(size, stop - here)
        for i in range(len(bases)):
            table[2 * i] = bases[i] + here * steps[i]
        for i in range(len(functions)):
            _call(functions[i], place + 16 * firsts[i], here, n, directions)
    # the table is in use up to here
    table[0] = 0


_interpret = jit.jitted(_blocks, nogil=True)


@functools.cache
def arrays_of(scalar: Any) -> Any:
    """The function that makes an array of some shape out of an address."""
    kind = types.CPointer(numba.from_dtype(np.dtype(scalar)))

    @intrinsic  # type: ignore[untyped-decorator]
    def pointer(_context: Any, address: Any) -> Any:
        def write(context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
            return builder.inttoptr(arguments[0], context.get_value_type(kind))

        return kind(types.int64), write

    return numba.njit(lambda address, shape: numba.carray(pointer(address), shape))


def as_instruction(function: Callable[..., Any]) -> Any:
    """A function of one block, compiled or from Numba's cache on disk."""
    return jit.callback(_SIGNATURE, function, error_model="numpy")
