"""Compiled loops over one block, as instructions of a run."""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from awkward_dual import compiled, loop_source, loops, twins
from awkward_dual.compiled import Form
from awkward_dual.tracing import Formulas, positions_in

__all__ = ("BlockLoop", "for_products", "for_values", "instruction", "value_body")


class BlockLoop(NamedTuple):
    """A compiled loop over one block of arrays that are given by their addresses.

    Attributes
    ----------
    function
        What Numba compiled; its address is that of the instruction.
    arguments
        Of the inputs those that it looks at, by their positions.
    prepared
        What is computed for it beforehand: see `tracing.Formulas`.
    partials
        For how many partials it needs room.
    used
        The positions of the inputs that it or what is prepared looks at.
    is_slow
        Whether it costs more than to read its result from memory.
    is_identity
        Whether its result is the one tangent that it is given.
    """

    function: Any
    arguments: tuple[int, ...]
    prepared: list[tuple[Any, tuple[Any, ...]]]
    partials: int
    used: frozenset[int]
    is_slow: bool = False
    is_identity: bool = False

    @property
    def whole(self) -> frozenset[int]:
        """The positions of the inputs that NumPy needs as a whole, to prepare something."""
        return positions_in(self.prepared)

    def has_twins(self, dtype: Any) -> bool:
        """Whether all that is prepared are functions with twins."""
        own = twins.TWINS if dtype == np.float64 else ()
        return all(u in own and type(args[0]) is int and args[0] >= 0 for u, args in self.prepared)


def for_products(formulas: Formulas, form: Form, single: Sequence[bool], is_one: bool) -> BlockLoop:
    """The loop for the sum of partials times tangents."""
    read = formulas.positions(len(form.ndims))
    source = loop_source.of_a_block(formulas, _names(formulas, form), single, is_one=is_one)
    partials = 0 if is_one else len(loop_source.kept_partials(formulas))
    used = formulas.used(len(form.ndims))
    return BlockLoop(
        _compile(source, form.scalar),
        tuple(sorted(read)),
        formulas.prepared,
        partials,
        used,
        is_identity=formulas.partials == [None] and list(single) == [False],
    )


def for_values(formulas: Formulas, form: Form, _single: Any, _is_one: Any) -> BlockLoop | None:
    """The loop for the one expression of some formulas, if nothing is to be prepared for it."""
    if formulas.prepared:
        return None
    read = formulas.positions(len(form.ndims))
    source = loop_source.of_values(formulas, _names(formulas, form))
    is_slow = any("/" in step or "sqrt" in step for step in formulas.steps)
    return BlockLoop(_compile(source, form.scalar), tuple(sorted(read)), [], 0, read, is_slow)


@functools.cache
def value_body(ufunc: Any) -> Any:
    """A function in place of a rule's body, whose one partial is the value."""
    return lambda xp, _y, *x: (xp.call(ufunc, *x),)


def _names(formulas: Formulas, form: Form) -> list[tuple[str, str]]:
    """The inputs and prepared arrays that formulas name, and how each comes out of the table."""
    return [
        *(
            (f"x{i}", "flags" if i in form.flags else "array" if form.ndims[i] else "number")
            for i in sorted(formulas.positions(len(form.ndims)))
        ),
        *((f"f{i}", "array") for i in range(len(formulas.prepared))),
    ]


# row, index, length of the row, elements
_BY_INDEX = """
def NAME(table, start, n, directions):
    index = integers(table[2], n)
    for k in range(directions):
        row = array(table[0] + k * table[1], (1, table[4]))
        MOVE(row, index, table[4], array(table[6] + k * table[7], (1, n)))
"""
_SOURCES = {
    # elements of a row, counted from the end where the index is negative
    "pick": _BY_INDEX.replace("MOVE", "pick"),
    # added to a row: the transposed
    "scatter": _BY_INDEX.replace("MOVE", "scatter"),
    # added to the sums over segments: rows, offsets, number of segments, sums
    "add_segments": """
def NAME(table, start, n, directions):
    offsets = integers(table[2], table[4] + 1)
    first = max(searchsorted(offsets, start, "right") - 1, 0)
    for k in range(directions):
        sums = array(table[6] + k * table[7], (1, table[4]))
        add_segments(array(table[0] + k * table[1], (1, n)), start, offsets, first, sums)
""",
    # added to another block: elements, sums
    "add": """
def NAME(table, start, n, directions):
    for k in range(directions):
        x = array(table[0] + k * table[1], n)
        out = array(table[2] + k * table[3], n)
        for i in range(n):
            out[i] += x[i]
""",
    # added to one number: elements, sum
    "add_all": """
def NAME(table, start, n, directions):
    for k in range(directions):
        x = array(table[0] + k * table[1], n)
        a = b = c = d = F(0.0)
        for i in range(0, n - 3, 4):
            a += x[i]
            b += x[i + 1]
            c += x[i + 2]
            d += x[i + 3]
        for i in range(n - n % 4, n):
            a += x[i]
        array(table[2] + k * table[3], 1)[0] += (a + b) + (c + d)
""",
    # added to one integer: what elements contribute to the mark of their array
    "mark": """
def NAME(table, start, n, directions):
    marks(table[2], 1)[0] += fingerprint_from(array(table[0], n), start)
""",
    # sine, or with a shift of one the cosine
    "turn": """
def NAME(table, start, n, directions):
    x = array(table[0], n)
    shift = array(table[2], 1)[0]
    out = array(table[4], n)
    is_near = True
    for i in range(n):
        is_near &= abs(x[i]) <= LARGEST
    if is_near:
        quarters(x, shift, out)
    else:
        for i in range(n):
            out[i] = sin(x[i]) if shift == 0.0 else cos(x[i])
""",
}  # fmt: skip


@functools.cache
def instruction(name: str, scalar: Any) -> Any:
    """A function of the machine, for arrays of a type."""
    return _compile(_SOURCES[name].strip(), scalar)


def _compile(source: str, scalar: Any) -> Any:
    from awkward_dual.runs import interpreter

    names: dict[str, Any] = {
        "array": interpreter.arrays_of(scalar),
        "integers": interpreter.arrays_of(np.int64),
        "flags": interpreter.arrays_of(np.bool_),
        "marks": interpreter.arrays_of(np.uint64),
        "sin": math.sin,
        "cos": math.cos,
        "searchsorted": np.searchsorted,
        "LARGEST": twins.LARGEST,
    }
    parts = {
        "pick": loops.pick_rows,
        "add_segments": loops.add_segments,
        "quarters": twins.quarters,
        "scatter": loops.scatter_rows,
        "fingerprint_from": loops.fingerprint_from,
    }
    names |= {k: compiled.compile_loop(part) for k, part in parts.items() if f" {k}(" in source}
    return compiled.compile_source(source, "block", scalar, names, interpreter.as_instruction)
