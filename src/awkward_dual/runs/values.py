"""Outputs of steps that are computed again, block by block, instead of being kept.

What a later step looks at may be the sum of two arrays that the run keeps anyway: then
it costs less to add them again in the cache than to keep and read a third one.
"""

from __future__ import annotations

import weakref
from collections.abc import Container, Sequence
from typing import Any

from awkward_dual.rules.table import Rule
from awkward_dual.runs.block_loops import for_values, value_body
from awkward_dual.runs.guards import held, is_lent, writes
from awkward_dual.runs.steps import Again, Step

__all__ = ("Value",)

#: how many steps back arrays are looked for
_DEEPEST = 6


class Value:
    """How the output of a step follows from its inputs, none of which it keeps.

    Parameters
    ----------
    row, step
        The rule, and its application.
    values
        For each input how it is computed again itself, if it can be.
    """

    __slots__ = ("_inputs", "_loop", "_output", "_writes", "depth")

    def __init__(self, row: Rule, step: Step, values: Sequence[Value | None]) -> None:
        output, *inputs = step.inputs
        self._output = weakref.ref(output)
        # what is deeper is not looked at, and would be kept for nothing
        values = [v if v is not None and v.depth < _DEEPEST else None for v in values]
        self.depth: int = 1 + max((v.depth for v in values if v is not None), default=0)
        self._inputs = [
            (weakref.ref(a) if a.ndim else a, i in step.live, value)
            for i, (a, value) in enumerate(zip(inputs, values, strict=True))
        ]
        form = step.form._replace(body=value_body(row.target), target=None)
        self._loop = form.loop(step.inputs, (0,), (), is_one=True, build=for_values)
        self._writes = writes()

    def is_of(self, array: Any) -> bool:
        """Whether it is the value of this very array."""
        return self._output() is array

    @property
    def inputs(self) -> list[Value | None]:
        """How the inputs are computed again, for those that can be."""
        return [value for _, _, value in self._inputs]

    def again(
        self, kept: Container[int], watched: Container[int] = (), depth: int = _DEEPEST
    ) -> Again | None:
        """It from arrays that are kept, by their identities; ``None`` where that is not possible.

        Nobody may have written to them since then: primals of live values are not written
        to unless others have them, all else only counts where it is `watched` from the step on
        whose output this is.
        """
        if not depth or self._loop is None or self._writes != writes():
            return None
        found: list[Any] = []
        for position in self._loop.arguments:
            source, is_live, value = self._inputs[position - 1]
            array = source() if type(source) is weakref.ref else source
            if array is not None and (
                not array.ndim
                or id(array) in watched
                or (is_live and id(array) in kept and not is_lent(array))
            ):
                found.append(held(array) if array.ndim else array)
                continue
            computed = None if value is None else value.again(kept, (), depth - 1)
            if computed is None:
                return None
            found.append(computed)
        return Again(self._loop, found, self._output)
