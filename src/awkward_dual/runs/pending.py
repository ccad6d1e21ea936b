"""Forward: tangents that are noted, and computed when someone asks for them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from awkward_dual import engine, loops, threads
from awkward_dual.runs.guards import check
from awkward_dual.runs.steps import Scratch, blocks, of_block

__all__ = ("Pending", "noted", "settled", "sum_segments")


class Pending:
    """A tangent that is noted: of shape ``(directions, length)``, not yet computed.

    Attributes
    ----------
    work
        The step, its loop and the tangents that it is applied to, until it is computed.
    """

    __slots__ = (
        "__weakref__", "directions", "guards", "kept", "length", "readers", "steps",
        "tangent", "was_passed", "work",
    )  # fmt: skip

    def __init__(self, step: Any, loop: Any, sources: list[Any], directions: int) -> None:
        self.work: tuple[Any, Any, list[Any]] | None = (step, loop, sources)
        self.directions = directions
        self.length = step.length
        self.tangent: Any = None
        #: pending tangents that it is a source of
        self.readers = 0
        #: whether a run has gone through it without keeping its tangent
        self.was_passed = False
        #: arrays that may be changed in place before it is computed
        self.guards: list[tuple[Any, int]] = []
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
        return [] if work is None else work[0].arrays()

    def hold(self, tangent: Any) -> None:
        """Its tangent is known: what it is computed from may be freed."""
        self.tangent = tangent
        # in this order, for other threads
        self.work = None
        self.guards = []


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

    def _visit(self, pending: Pending, work: Any) -> None:
        step, loop, given = work
        sources = [self._reached(s) for s in given]
        for s in noted(sources):
            self.uses[s] = self.uses.get(s, 0) + 1
        self.order.append((pending, step, loop, sources))

    def _reached(self, s: Any) -> Any:
        if type(s) is not Pending or s in self.uses:
            return s
        if s.was_passed and s.work is not None:
            # it is asked for twice: a third time it is there
            return s.settle()
        work = s.work
        if work is None:
            return s.tangent
        s.was_passed = True
        self.uses[s] = 0
        self._visit(s, work)
        return s

    def pass_block(self, block: slice, whole: dict[Pending, Any], scratch: Scratch) -> Any:
        """The last tangent of a block; those in `whole` are written there."""
        found: dict[Pending, Any] = {}
        left = dict(self.uses)
        is_one = scratch.directions == 1
        for pending, step, loop, sources in self.order:
            kept = whole.get(pending)
            if kept is None:
                to = scratch.take(block)
            else:
                to = kept[0, block] if is_one else kept[:, block]
            given = [
                found[s] if type(s) is Pending else of_block(s, block, scratch.directions)
                for s in sources
            ]
            loop.run(step.at(block, to if is_one else to[0]), given, to)
            found[pending] = to
            for s in noted(sources):
                left[s] -= 1
                if not left[s] and s not in whole:
                    scratch.give_back(found.pop(s))
        return to


def _sweep(last: Pending, work: Any, consume: Callable[[slice, Any], None] | None = None) -> Any:
    """Go through a run, and keep the tangents that others will ask for.

    Parameters
    ----------
    last, work
        The last step, and its work: another thread may be done with it by now.
    consume
        Takes each block of its tangent, which then need not be kept. Without it the
        whole tangent is given back.
    """
    run = _Run(last, work)
    check(p for p, *_ in run.order)
    kept = [p for p, *_ in run.order if p.readers > run.uses[p]]
    if consume is None and last not in kept:
        kept.append(last)
    dtype = work[0].dtype
    whole = {p: np.empty((p.directions, p.length), dtype) for p in kept}

    def go(part: slice) -> None:
        scratch = Scratch(last.directions, dtype)
        for block in blocks(part, last.directions):
            out = run.pass_block(block, whole, scratch)
            if consume is not None:
                consume(block, out)
            if last not in whole:
                scratch.give_back(out)

    threads.in_threads(go, last.length)
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
    out = np.zeros((pending.directions, len(offsets) - 1), work[0].dtype)
    pending.was_passed = True

    def add(block: slice, rows: Any) -> None:
        loops.add_segments(rows.reshape(pending.directions, -1), block.start, offsets, out)

    _sweep(pending, work, add)
    return out


def noted(sources: list[Any]) -> set[Pending]:
    return {s for s in sources if type(s) is Pending}
