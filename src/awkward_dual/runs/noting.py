"""Whether the tangent of a result is noted, and as what."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from awkward_dual import compiled
from awkward_dual.rules.table import Rule
from awkward_dual.runs.guards import guard, is_lent, may_be_late
from awkward_dual.runs.nodes import StepNode
from awkward_dual.runs.pending import Pending, noted, settled
from awkward_dual.runs.steps import LONGEST, Gather, Step
from awkward_dual.tape import Node

__all__ = ("note", "note_gather")

#: below this many elements times directions a tangent is computed at once: the arrays of
#: a run stay in the cache as they are
SMALLEST = 2**20
#: below this many elements a tape holds partials
SMALLEST_RECORDED = 2**17
#: arrays that a run may keep from being freed for each direction, beside one
KEPT = 2


def note(row: Rule, y: Any, x: Sequence[Any], dx: Sequence[Any], owned: Sequence[bool]) -> Any:
    """The tangent of an elementwise result as a step of a run.

    Parameters
    ----------
    row
        The rule.
    y, x
        Raw: the output and the inputs, arrays or numbers.
    dx
        The tangents of the inputs: raw, `Pending`, nodes, or ``None``.
    owned
        Which inputs are buffers of a dual; others may be written to by whoever has them.

    Returns
    -------
    Pending, StepNode, or ``None`` where the rule is to be applied at once
    """
    live = tuple(i for i, t in enumerate(dx) if t is not None)
    if not _is_long(y, dx[live[0]]) or row.option("user") or row.option("conjugates"):
        return None
    operands = []
    with np.errstate(all="ignore"):
        for i, a in enumerate(x):
            if type(a) is not np.ndarray or not a.ndim:
                a = y.dtype.type(a)
            elif a.shape != y.shape or (i in live and a.dtype != y.dtype):
                return None
            elif a.dtype != y.dtype:
                a = a.astype(y.dtype)
            operands.append(a)
    make: Any = _pending if not isinstance(dx[live[0]], Node) else _node
    found = make(Step(row, y, operands, live), [dx[i] for i in live], owned)
    if found is None and len(live) > 1:
        # some have no partial at all
        heads = [a[:1] if a.ndim else a for a in (y, *operands)]
        partials = row.body(np, *heads)
        moving = tuple(i for i in live if partials[i] is not None)
        if moving and moving != live:
            found = make(Step(row, y, operands, moving), [dx[i] for i in moving], owned)
    return found


def _is_long(y: Any, t: Any) -> bool:
    """Whether loops take an array, with a tangent of an input, and runs pay."""
    # one element could stand for all
    if type(y) is not np.ndarray or y.ndim != 1 or len(y) < 2:
        return False
    if y.dtype.type not in (np.float64, np.float32) or not y.dtype.isnative:
        return False
    if isinstance(t, Node):
        elements, smallest = len(y), SMALLEST_RECORDED
    else:
        elements, smallest = len(y) * _form_of(t)[0], SMALLEST
    if not elements or not may_be_late(len(y)):
        # without directions there is nothing to compute
        return False
    is_large = elements >= smallest or compiled.engine_name() == "compiled"
    return is_large and compiled.pays(elements)


def _node(step: Step, sources: list[Node], owned: Sequence[bool]) -> StepNode | None:
    if any(s.shape not in ((), (step.length,)) or s.dtype != step.dtype for s in sources):
        return None
    found = [step.loop((i,), (False,), is_one=True) for i in step.live]
    if any(loop is None for loop in found):
        return None
    step.keep(frozenset().union(*(loop.used for loop in found)))
    return guard(StepNode(step, sources), _exposed(step, sources, owned))


def _pending(step: Step, sources: list[Any], owned: Sequence[bool]) -> Pending | None:
    sources = [settled(s) for s in sources]
    shapes = [_form_of(s) for s in sources]
    directions = shapes[0][0]
    full, single = (directions, step.length), (directions, 1)
    if any(shape not in (full, single) for shape in shapes):
        return None
    if any(type(s) is not Pending and s.dtype != step.dtype for s in sources):
        return None
    is_single = tuple(shape == single for shape in shapes)
    loop = step.loop(step.live, is_single, is_one=directions == 1)
    if loop is None:
        return None
    step.keep(loop.used)
    exposed = _exposed(step, sources, owned)
    sources = [s.reshape(s.shape[0], -1) if type(s) is not Pending else s for s in sources]
    sources = _short_enough(sources, step.kept, directions)
    return guard(Pending(step, loop, sources, directions), exposed)


def _exposed(step: Step, sources: list[Any], owned: Sequence[bool]) -> list[Any]:
    """What a step keeps and others may write to; constants of NumPy are copied instead."""
    source_of = dict(zip(step.live, sources, strict=True))
    exposed = []
    for i, a in enumerate(step.inputs[1:]):
        if a is None or not a.ndim:
            continue
        if not owned[i] and i not in source_of:
            step.inputs[i + 1] = a.copy()
        elif i not in source_of or (not isinstance(source_of[i], Node | Pending) and is_lent(a)):
            exposed.append(a)
    return exposed


def note_gather(t: Any, y: Any, index: Any) -> Pending | None:
    """The tangent of elements picked by a large index, pending.

    Parameters
    ----------
    t
        The raw tangent of the whole, of shape ``(k, n)``.
    y
        The elements.
    index
        Where they stand; a constant of Awkward's.
    """
    if type(index) is not np.ndarray or index.ndim != 1 or index.dtype != np.int64:
        return None
    if type(t) is not np.ndarray or t.ndim != 2 or t.dtype != y.dtype:
        return None
    if not index.flags.c_contiguous or not _is_long(y, t):
        return None
    step = Gather(t, index)
    return guard(Pending(step, step, [], len(t)), [index])


def _form_of(t: Any) -> tuple[int, ...]:
    """The shape of a tangent, with one element where its primal has no axes."""
    if type(t) is Pending:
        return t.directions, t.length
    return t.shape if t.ndim == 2 else (*t.shape, 1)


def _short_enough(sources: list[Any], kept: frozenset[int], directions: int) -> list[Any]:
    """The sources of another step, computed where the run would become too long."""
    most = 1 + KEPT * directions
    while True:
        behind = noted(sources)
        if not behind:
            return sources
        together = kept.union(*(s.kept for s in behind))
        if len(together) <= most and sum(s.steps for s in behind) < LONGEST:
            return sources
        longest = max(behind, key=lambda s: (len(s.kept), s.steps))
        sources = [s.settle() if s is longest else s for s in sources]
