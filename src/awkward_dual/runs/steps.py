"""The steps of a run, and the blocks and buffers that it goes by."""

from __future__ import annotations

from collections.abc import Container, Sequence
from typing import Any

import numpy as np

from awkward_dual import compiled
from awkward_dual.rules.table import Rule
from awkward_dual.runs.block_loops import BlockLoop, for_products, instruction
from awkward_dual.runs.guards import Held, held, is_lent, writes
from awkward_dual.runs.program import Operand, Program, Register
from awkward_dual.twins import TWINS

__all__ = ("LONGEST", "Again", "Gather", "Step", "leaves")

#: steps of a run
LONGEST = 200


class Step:
    """A rule applied to large arrays.

    Attributes
    ----------
    inputs
        The output and the inputs: numbers, or arrays of the length of the output;
        ``None`` for arrays that the loops do not look at.
    live
        The positions of those that carry tangents, in the rule's list of partials.
    """

    __slots__ = ("dtype", "form", "inputs", "length", "live")

    def __init__(self, row: Rule, y: Any, x: Sequence[Any], live: tuple[int, ...]) -> None:
        self.inputs: list[Any] = [y, *x]
        ndims = tuple(a.ndim for a in self.inputs)
        flags = tuple(i for i, a in enumerate(self.inputs) if a.dtype.kind == "b")
        body = row.partials
        self.form = compiled.Form(body, y.dtype.type, ndims, row.target, flags)
        self.live = live
        self.length = len(y)
        self.dtype = y.dtype

    def loop(self, live: tuple[int, ...], single: tuple[bool, ...], *, is_one: bool) -> Any:
        """The loop for some of the tangents; see `compiled.Form.loop`."""
        return self.form.loop(self.inputs, live, single, is_one=is_one, build=for_products)

    def keep(self, used: Container[int]) -> None:
        """Forget the arrays at all other positions."""
        self.inputs = [a if i in used or not a.ndim else None for i, a in enumerate(self.inputs)]

    def hold(self) -> None:
        """Keep arrays by the one reference of all runs."""
        self.inputs = [held(a) if type(a) is np.ndarray else a for a in self.inputs]

    def arrays(self) -> list[Any]:
        """What it keeps from being freed."""
        return leaves(self.inputs)

    @property
    def kept(self) -> frozenset[int]:
        """The arrays that it keeps from being freed, by their identity."""
        return frozenset(map(id, self.arrays()))

    def put(self, program: Program, loop: BlockLoop, sources: Sequence[Any], out: Any) -> None:
        """Append the instructions that fill `out` from the tangents of its inputs."""
        arguments = [program.primal(self.inputs[i]) for i in loop.arguments]
        arguments += self._prepared(program, loop)
        arguments += [program.rows(s) if type(s) is np.ndarray else s for s in sources]
        arguments += [Register(1) for _ in range(loop.partials)]
        program.add(loop.function, [*arguments, out])

    def _prepared(self, program: Program, loop: BlockLoop) -> list[Any]:
        if (
            loop.prepared
            and loop.has_twins(self.dtype)
            and all(self.inputs[args[0]].ndim for _, args in loop.prepared)
        ):
            return [
                program.turned(program.primal(self.inputs[args[0]]), TWINS[ufunc])
                for ufunc, args in loop.prepared
            ]
        whole = enumerate(self.inputs)
        inputs = [None if i not in loop.whole else getattr(a, "array", a) for i, a in whole]
        return program.prepare(loop.prepared, inputs) if loop.prepared else []


class Again:
    """The output of a step that is computed again from arrays that are kept anyway.

    Attributes
    ----------
    loop
        The loop that fills a block with it.
    arguments
        What the loop reads: numbers, arrays, and others that are computed again.
    """

    __slots__ = ("_output", "_writes", "arguments", "loop", "ndim")

    def __init__(self, loop: BlockLoop, arguments: list[Any], output: Any) -> None:
        self.loop = loop
        self.arguments = arguments
        self.ndim = 1
        self._output = output
        self._writes = writes()

    def output(self) -> Any:
        """The array itself, if someone else has it and nobody may have written to it."""
        output = self._output() if self._writes == writes() else None
        return None if output is None or is_lent(output) else output


def leaves(inputs: Sequence[Any]) -> list[Any]:
    """The arrays among inputs, and those that they are computed from."""
    found = []
    for a in inputs:
        if type(a) is Again:
            found += leaves(a.arguments)
        elif type(a) is Held:
            found.append(a.array)
        elif a is not None and a.ndim:
            found.append(a)
    return found


class Gather:
    """Elements of a tangent of shape ``(k, n)``, picked by a large index."""

    __slots__ = ("dtype", "index", "length", "tangent")

    def __init__(self, tangent: Any, index: Held) -> None:
        self.tangent = held(tangent)
        self.index = index
        self.dtype = tangent.dtype
        self.length = len(index.array)

    def arrays(self) -> list[Any]:
        return [self.index.array, self.tangent.array]

    @property
    def kept(self) -> frozenset[int]:
        return frozenset((id(self.index.array), id(self.tangent.array)))

    def put(self, program: Program, _loop: Any, _sources: Sequence[Any], out: Any) -> None:
        """Append the instruction that fills `out`."""
        rows, index = program.rows(self.tangent.array), program.elements(self.index.array)
        length = Operand(self.tangent.array.shape[1])
        pick = instruction("pick", self.dtype.type)
        program.add(pick, [rows.whole, index, length, out])
