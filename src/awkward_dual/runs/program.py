"""A run as instructions, which one compiled loop goes through block by block."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np

from awkward_dual import compiled, threads
from awkward_dual.runs.block_loops import instruction
from awkward_dual.runs.guards import Held, bits_of, compare, mark_of

__all__ = ("Operand", "Program", "Register")

#: elements of all registers together: they stay in the second cache
BLOCK = 2**16
#: from so many directions on, elements of a register instead: a few stay in the first cache
MANY, REGISTER = 4, 2**10
#: bytes that the cache reads at once, on whose borders registers begin
LINE = 64
#: elements of a block at least: the call of an instruction costs a few nanoseconds
SHORTEST = 256


class Operand(NamedTuple):
    """Memory that instructions read or write.

    Attributes
    ----------
    address
        Of element 0; a number that is no address has neither `step` nor `stride`.
    step, stride
        The bytes from one element to the next, and from one direction to the next.
    """

    address: int
    step: int = 0
    stride: int = 0

    @property
    def whole(self) -> Operand:
        """The same memory, from element 0 on in every block."""
        return self._replace(step=0)


class Register:
    """Room for one block of so many rows, while instructions need it."""

    __slots__ = ("rows",)

    def __init__(self, rows: int) -> None:
        self.rows = rows


def _address(array: Any) -> int:
    return array.__array_interface__["data"][0]  # type: ignore[no-any-return]


class Prepared:
    """An array that NumPy computes for each piece of a run."""

    __slots__ = ()


class Program:
    """Instructions for blocks of arrays of one length.

    Parameters
    ----------
    directions, dtype
        Of the tangents.
    """

    def __init__(self, directions: int, dtype: Any) -> None:
        self.directions = directions
        self.dtype = dtype
        self._functions: list[int] = []
        self._arguments: list[list[Operand | Register | Prepared]] = []
        #: what must not be freed before it ends
        self._kept: list[Any] = []
        #: computed again in each block: by what, and from what
        self._values: dict[Any, Register] = {}
        self._numbers: dict[Any, Operand] = {}
        self._arrays: dict[int, Operand] = {}
        self._prepared: list[tuple[Any, Sequence[Any], list[Prepared]]] = []
        #: for each array that is watched, where its mark is computed, and what it was
        self._marks: list[tuple[Any, int]] = []

    def add(self, function: Any, arguments: Sequence[Operand | Register | Prepared]) -> None:
        """Append an instruction."""
        self._kept.append(function)
        self._functions.append(function.address)
        self._arguments.append(list(arguments))

    def tangent(self) -> Register:
        """Room for a tangent."""
        return Register(self.directions)

    def number(self, x: Any) -> Operand:
        """A number as an array without a step."""
        if x.tobytes() not in self._numbers:
            cell = np.array([x], self.dtype)
            self._kept.append(cell)
            self._numbers[x.tobytes()] = Operand(_address(cell))
        return self._numbers[x.tobytes()]

    def elements(self, array: Any) -> Operand:
        """An array of one axis."""
        if id(array) not in self._arrays:
            self._kept.append(array)
            own = np.require(array, requirements=["C", "A"])
            self._kept.append(own)
            self._arrays[id(array)] = Operand(_address(own), own.itemsize)
        return self._arrays[id(array)]

    def rows(self, t: Any) -> Operand:
        """A tangent of shape ``(k, n)``, or ``(k, 1)`` for one that is the same for all elements."""
        if not t.flags.aligned or t.strides[1] != t.itemsize:
            t = np.require(t, requirements=["C", "A"])
        self._kept.append(t)
        return Operand(_address(t), 0 if t.shape[1] == 1 else t.itemsize, t.strides[0])

    def primal(self, x: Any) -> Operand | Register:
        """A number, an array, or what is computed again."""
        if type(x) is Held:
            return self.elements(x.array)
        if isinstance(x, np.generic):
            return self.number(x)
        output = x.output() if x.loop.is_slow else None
        if output is not None:
            return self.elements(output)
        given = [self.primal(a) for a in x.arguments]
        key = (x.loop.function.address, *given)
        if key not in self._values:
            self._values[key] = register = Register(1)
            self.add(x.loop.function, [*given, register])
        return self._values[key]

    def turned(self, x: Operand | Register, shift: float) -> Register:
        """The sine of an argument advanced by quarters of a turn."""
        register = Register(1)
        self.add(
            instruction("turn", self.dtype.type), [x, self.number(self.dtype.type(shift)), register]
        )
        return register

    def prepare(self, prepared: Sequence[Any], inputs: Sequence[Any]) -> list[Prepared]:
        """What NumPy computes from arrays and numbers: see `tracing.Formulas`."""
        found = [Prepared() for _ in prepared]
        self._prepared.append((prepared, inputs, found))
        return found

    def watch(self, guards: Iterable[tuple[Held, int]], length: int) -> None:
        """Have `run` raise if an array was changed; what it reads is looked at in the cache.

        An index is looked at before it is used.
        """
        for kept, before in guards:
            array = kept.array
            is_read = array.size == length and array.flags.c_contiguous
            if not is_read or array.dtype.kind != "f" or threads.num_threads() > 1:
                compare(mark_of(array), before)
                continue
            bits, mark = bits_of(array), np.zeros(1, np.uint64)
            self._kept.append(bits)
            self._marks.append((mark, before))
            add = instruction("mark", bits.dtype.type)
            self.add(add, [Operand(_address(bits), bits.itemsize), Operand(_address(mark))])

    def run(self, length: int, *, is_summed: bool = False) -> None:
        """Go through all blocks, in as many threads as are asked for.

        If it `is_summed`, parts would meet in a sum: then in one thread.

        Raises
        ------
        TangentLost
            If an array that is watched was changed.
        """
        slots, rows = self._place()
        if self.directions < MANY:
            size = max(BLOCK // max(rows, 1) // 64 * 64, SHORTEST)
        else:
            size = max(REGISTER // self.directions, 64)
        # registers at distances of a power of two would get into each other's way in the cache
        room = size + 72
        flat = [a for arguments in self._arguments for a in arguments]
        functions = np.array(self._functions, np.int64)
        counts = [len(arguments) for arguments in self._arguments]
        firsts = np.cumsum([0, *counts[:-1]], dtype=np.int64)
        itemsize = self.dtype.itemsize

        def go(part: slice) -> None:
            from awkward_dual.runs.interpreter import interpret

            registers = np.empty(rows * room + LINE, self.dtype)
            here, row = _address(registers), room * itemsize
            here += -here % LINE
            found: dict[Any, Operand] = {
                register: Operand(here + slot * row, 0, row) for register, slot in slots.items()
            }
            for piece in self._pieces(part):
                arrays = self._compute(piece)
                found |= {
                    a: Operand(_address(values) - piece.start * itemsize, itemsize)
                    for a, values in arrays.items()
                }
                places = [a if isinstance(a, Operand) else found[a] for a in flat]
                bases, steps, strides = np.array(places, np.int64).T.copy()
                table = np.zeros(2 * len(flat), np.int64)
                table[1::2] = strides
                interpret(
                    functions, firsts, bases, steps, table,
                    piece.start, piece.stop, size, self.directions,
                )  # fmt: skip

        if is_summed:
            go(slice(0, length))
        else:
            threads.in_threads(go, length)
        for mark, before in self._marks:
            compare(int(mark[0]), before)

    def _pieces(self, part: slice) -> list[slice]:
        if not self._prepared:
            return [part]
        starts = range(part.start, part.stop, compiled.BLOCK)
        return [slice(start, min(start + compiled.BLOCK, part.stop)) for start in starts]

    def _compute(self, piece: slice) -> dict[Prepared, Any]:
        """What NumPy computes for a piece, which stays in the cache."""
        out = {}
        full = (piece.stop - piece.start,)
        for prepared, inputs, found in self._prepared:
            given = [a if a is None else compiled.columns(a, piece) for a in inputs]
            values = compiled.prepare(prepared, given, self.dtype)
            for a, value in zip(found, values, strict=True):
                out[a] = np.require(np.broadcast_to(value, full), self.dtype, ["C", "A"])
        return out

    def _place(self) -> tuple[dict[Register, int], int]:
        """The first row of each register, and how many rows they take together."""
        last: dict[Register, int] = {}
        for i, arguments in enumerate(self._arguments):
            last |= {a: i for a in arguments if isinstance(a, Register)}
        slots: dict[Register, int] = {}
        free: dict[int, list[int]] = {}
        rows = 0
        for i, arguments in enumerate(self._arguments):
            own = dict.fromkeys(a for a in arguments if isinstance(a, Register))
            for register in own:
                if register not in slots:
                    places = free.setdefault(register.rows, [])
                    if places:
                        slots[register] = places.pop()
                    else:
                        slots[register] = rows
                        rows += register.rows
            for register in own:
                if last[register] == i:
                    free.setdefault(register.rows, []).append(slots[register])
        return slots, rows
