"""The steps of a run, and the blocks and buffers that it goes by."""

from __future__ import annotations

from collections.abc import Container, Sequence
from typing import Any

import numpy as np

from awkward_dual import compiled, loops
from awkward_dual.rules.table import Rule

__all__ = ("LONGEST", "Gather", "Scratch", "Step", "blocks", "of_block")

#: elements times directions of a block
BLOCK = 2**16
#: steps of a run
LONGEST = 64


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
        self.form = compiled.Form(row.body, y.dtype.type, ndims, row.target)
        self.live = live
        self.length = len(y)
        self.dtype = y.dtype

    def loop(self, live: tuple[int, ...], single: tuple[bool, ...], *, is_one: bool) -> Any:
        """The loop for some of the tangents; see `compiled.Form.loop`."""
        return self.form.loop(self.inputs, live, single, is_one=is_one)

    def keep(self, used: Container[int]) -> None:
        """Forget the arrays at all other positions."""
        self.inputs = [a if i in used or not a.ndim else None for i, a in enumerate(self.inputs)]

    def arrays(self) -> list[Any]:
        """What it keeps from being freed."""
        return [a for a in self.inputs if a is not None and a.ndim]

    @property
    def kept(self) -> frozenset[int]:
        """The arrays that it keeps from being freed, by their identity."""
        return frozenset(map(id, self.arrays()))

    def at(self, block: slice, other: Any) -> list[Any]:
        """The inputs of a block; any array of its length stands for those not looked at."""
        return [other if a is None else a[block] if a.ndim else a[()] for a in self.inputs]


class Gather:
    """Elements of a tangent of shape ``(k, n)``, picked by a large index."""

    __slots__ = ("dtype", "index", "length", "tangent")

    def __init__(self, tangent: Any, index: Any) -> None:
        self.tangent = np.ascontiguousarray(tangent)
        self.index = index
        self.dtype = tangent.dtype
        self.length = len(index)

    def arrays(self) -> list[Any]:
        return [self.index]

    @property
    def kept(self) -> frozenset[int]:
        return frozenset((id(self.index), id(self.tangent)))

    def at(self, block: slice, other: Any) -> list[Any]:
        return [self.index[block]]

    def run(self, inputs: Sequence[Any], _tangents: Sequence[Any], out: Any) -> None:
        """Fill `out`, as a compiled loop does."""
        rows = out.reshape(1, -1) if out.ndim == 1 else out
        loops.pick_into(rows, self.tangent, inputs[0])


def blocks(part: slice, directions: int) -> list[slice]:
    size = max(BLOCK // directions, 2**10)
    return [
        slice(start, min(start + size, part.stop)) for start in range(part.start, part.stop, size)
    ]


def of_block(t: Any, block: slice, directions: int) -> Any:
    """A block of a tangent of shape ``(k, n)`` or ``(k, 1)``, as loops take it."""
    part = t if t.shape[-1] == 1 else t[:, block]
    return np.ascontiguousarray(part[0]) if directions == 1 else part


class Scratch:
    """Buffers of a block, which are used again."""

    def __init__(self, directions: int, dtype: Any) -> None:
        self.directions = directions
        self.dtype = dtype
        self.free: list[Any] = []

    def take(self, block: slice) -> Any:
        length = block.stop - block.start
        while self.free:
            buffer = self.free.pop()
            if buffer.shape[-1] >= length:
                return buffer[..., :length]
        if self.directions == 1:
            return np.empty(length, self.dtype)
        # with a gap between the rows, as blocks of whole arrays have it: for those there are loops
        return np.empty((self.directions, length + 8), self.dtype)[:, :length]

    def give_back(self, buffer: Any) -> None:
        self.free.append(buffer)
