"""Forward: tangents that are noted, and computed when someone asks for them."""

from __future__ import annotations

from typing import Any

import numpy as np

from awkward_dual import engine, threads
from awkward_dual.runs.block_loops import instruction
from awkward_dual.runs.budget import Budget
from awkward_dual.runs.guards import Held, guards_of
from awkward_dual.runs.program import Operand, Program
from awkward_dual.runs.values import Value

__all__ = ("Pending", "noted", "settled", "sum_segments")


class Pending:
    """A tangent that is noted: of shape ``(directions, length)``, not yet computed.

    Attributes
    ----------
    work
        The step, its loop and the tangents that it is applied to, until it is computed.
    """

    __slots__ = (
        "__weakref__", "budget", "directions", "dtype", "guards", "kept", "length", "readers", "steps",
        "tangent", "value", "was_passed", "work",
    )  # fmt: skip

    def __init__(
        self, step: Any, loop: Any, sources: list[Any], directions: int, budget: Budget
    ) -> None:
        self.work: tuple[Any, Any, list[Any]] | None = (step, loop, sources)
        self.directions = directions
        self.budget = budget
        self.length = step.length
        self.dtype = step.dtype
        self.tangent: Any = None
        #: how its primal is computed again, if it can be
        self.value: Value | None = None
        #: pending tangents that it is a source of
        self.readers = 0
        #: whether a run has gone through it without keeping its tangent
        self.was_passed = False
        #: arrays that may be changed in place before it is computed
        self.guards: list[tuple[Held, int]] = []
        own = noted(sources)
        self.steps: int = 1 + sum(s.steps for s in own)
        self.kept: frozenset[int] = step.kept.union(*(s.kept for s in own))
        for s in own:
            s.readers += 1

    def settle(self) -> Any:
        """Its tangent, computed if it is not yet."""
        work = self.work
        return self.tangent if work is None else _sweep(self, work)

    def arrays(self) -> list[Any]:
        """What it keeps from being freed, and may not be written to."""
        work = self.work
        if work is None:
            return []
        step, _, sources = work
        return [*step.arrays(), *(s for s in map(settled, sources) if type(s) is np.ndarray)]

    def hold(self, tangent: Any) -> None:
        """Its tangent is known: what it is computed from may be freed."""
        self.budget.add(tangent, is_primal=False)
        self.tangent = tangent
        # in this order, for other threads
        self.work = None
        self.guards = []
        self.value = None


def settled(s: Any) -> Any:
    """A tangent that is there, or pending."""
    return s.tangent if type(s) is Pending and s.work is None else s


class _Run:
    """The steps behind a pending tangent, each after those that it needs."""

    def __init__(self, last: Pending, work: Any) -> None:
        self.order: list[tuple[Pending, Any, Any, list[Any]]] = []
        #: how often each is read within the run
        self.uses: dict[Pending, int] = {last: 0}
        self._visit(last, work)

    def _visit(self, last: Pending, work: Any) -> None:
        # a stack of its own: a run is longer than Python's may allow
        stack: list[tuple[Pending, Any, list[Any]]] = [(last, work, [])]
        while stack:
            pending, (step, loop, given), sources = stack[-1]
            if len(sources) == len(given):
                stack.pop()
                for s in noted(sources):
                    self.uses[s] = self.uses.get(s, 0) + 1
                self.order.append((pending, step, loop, sources))
                continue
            s = given[len(sources)]
            if type(s) is Pending and s not in self.uses:
                if s.was_passed and s.work is not None:
                    # it is asked for twice: a third time it is there
                    s.settle()
                own = s.work
                if own is None:
                    s = s.tangent
                else:
                    s.was_passed = True
                    self.uses[s] = 0
                    stack.append((s, own, []))
            sources.append(s)

    def program(self, whole: dict[Pending, Any]) -> tuple[Program, Any]:
        """Its instructions, and where the last tangent is; those in `whole` are written there."""
        last = self.order[-1][0]
        program = Program(last.directions, last.dtype)
        found: dict[Pending, Any] = {}
        for pending, step, loop, sources in self.order:
            kept = whole.get(pending)
            given = [found[s] if type(s) is Pending else s for s in sources]
            if kept is None and loop is not None and loop.is_identity:
                (t,) = given
                found[pending] = program.rows(t) if type(t) is np.ndarray else t
                continue
            out = program.tangent() if kept is None else program.rows(kept)
            step.put(program, loop, given, out)
            found[pending] = out
        return program, found[last]


def _sweep(last: Pending, work: Any, sums: tuple[Any, Any] | None = None) -> Any:
    """Go through a run, and keep the tangents that others will ask for.

    Parameters
    ----------
    last, work
        The last step, and its work: another thread may be done with it by now.
    sums
        Offsets of segments, and an array to which the sums over them are added: the tangent
        then need not be kept. Without them the whole tangent is given back.
    """
    run = _Run(last, work)
    kept = [p for p, *_ in run.order if p.readers > run.uses[p]]
    if sums is None and last not in kept:
        kept.append(last)
    whole = {p: np.empty((p.directions, p.length), p.dtype) for p in kept}
    program, out = run.program(whole)
    program.watch(guards_of(p for p, *_ in run.order), last.length)
    if sums is not None:
        offsets, totals = sums
        segments, count = program.elements(offsets).whole, Operand(len(offsets) - 1)
        add = instruction("add_segments", last.dtype.type)
        program.add(add, [out, segments, count, program.rows(totals).whole])
    program.run(last.length)
    for pending, tangent in whole.items():
        pending.hold(tangent)
    return whole.get(last)


def sum_segments(pending: Pending, offsets: Any) -> Any:
    """The sums over segments of a tangent, which need not be there as a whole."""
    if pending.was_passed or threads.num_threads() > 1:
        # sums of parts would meet in a segment
        pending.settle()
    work = pending.work
    if work is None:
        return engine.segment_sum(pending.tangent, offsets)
    offsets = np.ascontiguousarray(offsets)
    totals = np.zeros((pending.directions, len(offsets) - 1), pending.dtype)
    pending.was_passed = True
    _sweep(pending, work, (offsets, totals))
    return totals


def noted(sources: list[Any]) -> set[Pending]:
    return {s for s in sources if type(s) is Pending}
