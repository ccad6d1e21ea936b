"""Whether the tangent of a result is noted, and as what."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np

from awkward_dual import compiled
from awkward_dual.levels import Level
from awkward_dual.rules.table import Rule
from awkward_dual.runs.block_loops import BlockLoop
from awkward_dual.runs.budget import Budget, budget_of
from awkward_dual.runs.guards import (
    guard,
    held,
    held_index,
    is_lent,
    mark_of,
    may_be_late,
    watch,
)
from awkward_dual.runs.nodes import StepNode
from awkward_dual.runs.pending import Pending, noted, settled
from awkward_dual.runs.steps import LONGEST, Gather, Step
from awkward_dual.runs.values import Value
from awkward_dual.tape import Node
from awkward_dual.tracing import EXACT

__all__ = ("note", "note_gather")

#: below this many elements times directions a tangent is computed at once: the arrays of
#: a run stay in the cache as they are
SMALLEST = 400_000
#: below this many elements a tape holds partials
SMALLEST_RECORDED = 2**17


def note(
    row: Rule,
    y: Any,
    x: Sequence[Any],
    dx: Sequence[Any],
    owned: Sequence[bool],
    level: Level,
) -> Any:
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
    level
        That of the tangents.

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
            elif a.dtype != y.dtype and not (a.dtype.kind == "b" and row.option("elementwise")):
                a = a.astype(y.dtype)
            operands.append(a)
    given = set(map(id, x))
    make: Any = partial(_pending, row, level, given) if not isinstance(dx[live[0]], Node) else _node
    found = make(Step(row, y, operands, live), [dx[i] for i in live], owned)
    if found is None and len(live) > 1:
        # some have no partial at all
        heads = [a[:1] if a.ndim else a for a in (y, *operands)]
        with np.errstate(all="ignore"):
            found_partials = row.partials(np, *heads)
        moving = tuple(i for i in live if found_partials[i] is not None)
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
    exposed = _exposed(step, sources, owned)
    step.hold()
    return guard(StepNode(step, sources), exposed)


def _pending(
    row: Rule,
    level: Level,
    given: set[int],
    step: Step,
    sources: list[Any],
    owned: Sequence[bool],
) -> Pending | None:
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
    value = _value(row, step, sources)
    output = step.inputs[0]
    step.keep(loop.used)
    budget = budget_of(level)
    budget.add(output)
    copies = sum(a.nbytes for a in _private(step, owned, given))
    sources, is_late = _short_enough(sources, budget, directions, output.nbytes, copies)
    exposed = []
    if is_late:
        exposed = _exposed(step, sources, owned)
        for a in step.arrays():
            if a is not output and id(a) not in given:
                budget.add(a, is_primal=False)
        # after what is behind was computed: a run no longer keeps that
        _compute_again(step, loop, value, sources)
    step.hold()
    sources = [s if type(s) is Pending else _own(s.reshape(s.shape[0], -1)) for s in sources]
    pending = Pending(step, loop, sources, directions, budget)
    pending.value = value
    guard(pending, exposed)
    if not is_late:
        pending.settle()
    return pending


def _value(row: Rule, step: Step, sources: list[Any]) -> Value | None:
    """How the output of a step is computed again, if it can be."""
    # a rule may compare what is computed again with what NumPy gave
    if not isinstance(row.target, np.ufunc) or row.target not in EXACT:
        return None
    values: list[Value | None] = [None] * (len(step.inputs) - 1)
    for i, s in zip(step.live, sources, strict=True):
        if type(s) is Pending and s.value is not None and s.value.is_of(step.inputs[i + 1]):
            values[i] = s.value
    return Value(row, step, values)


def _compute_again(step: Step, loop: BlockLoop, value: Value | None, sources: list[Any]) -> None:
    """Forget what a step looks at and follows from arrays that the run keeps anyway."""
    if value is None or not (behind := noted(sources)):
        return
    kept = set(step.kept).union(*(s.kept for s in behind))
    values = [value, *value.inputs]
    # the output last: it may follow from inputs that are computed again themselves
    for i in sorted(loop.arguments, reverse=True):
        array, of = step.inputs[i], values[i]
        if array.ndim and of is not None and i not in loop.whole:
            # what is looked at here is watched from now on
            watched = {id(a) for a in step.inputs if type(a) is np.ndarray} if of is value else ()
            again = of.again(kept - {id(array)}, watched)
            if again is not None:
                step.inputs[i] = again
                kept.discard(id(array))


def _private(step: Step, owned: Sequence[bool], given: set[int]) -> list[Any]:
    """What a step keeps and nobody else has: casts of inputs, and constants that are to be copied."""
    return [
        a
        for i, a in enumerate(step.inputs[1:])
        if a is not None
        and a.ndim
        and (id(a) not in given or (not owned[i] and i not in step.live))
    ]


def _exposed(step: Step, sources: list[Any], owned: Sequence[bool]) -> list[Any]:
    """What a step keeps and others may write to; constants of NumPy are copied instead."""
    source_of = dict(zip(step.live, sources, strict=True))
    exposed = []
    for i, a in enumerate(step.inputs[1:]):
        if a is None or not a.ndim:
            continue
        if not owned[i] and i not in source_of:
            step.inputs[i + 1] = a.copy()
        elif i not in source_of or is_lent(a):
            exposed.append(a)
    lent = [s for s in source_of.values() if type(s) is np.ndarray and is_lent(s)]
    return exposed + lent


def note_gather(t: Any, y: Any, index: Any, level: Level) -> Pending | None:
    """The tangent of elements picked by a large index, pending.

    Parameters
    ----------
    t
        The raw tangent of the whole, of shape ``(k, n)``.
    y
        The elements.
    index
        Where they stand; a constant of Awkward's.
    level
        That of the tangent.
    """
    if type(index) is not np.ndarray or index.ndim != 1 or index.dtype != np.int64:
        return None
    if type(t) is not np.ndarray or t.ndim != 2 or t.dtype != y.dtype:
        return None
    if not index.flags.c_contiguous or not _is_long(y, t):
        return None
    t = _own(t)
    budget = budget_of(level)
    reference, mark = held_index(index)
    marks = [(reference, mark)]
    if is_lent(t):
        marks.append((held(t), mark_of(t)))
    budget.add(y)
    budget.add(reference.array)
    return watch(Pending(Gather(t, reference), None, [], len(t), budget), marks)


def _own(t: Any) -> Any:
    """A tangent for a run to keep: of small ones nobody is told when they are changed."""
    return t if may_be_late(t.size) else t.copy()


def _form_of(t: Any) -> tuple[int, ...]:
    """The shape of a tangent, with one element where its primal has no axes."""
    if type(t) is Pending:
        return t.directions, t.length
    return t.shape if t.ndim == 2 else (*t.shape, 1)


def _short_enough(
    sources: list[Any], budget: Budget, directions: int, size: int, copies: int
) -> tuple[list[Any], bool]:
    """The sources of another step, computed where the run would become too long; whether it may wait."""
    while True:
        behind = noted(sources)
        is_short = sum(s.steps for s in behind) < LONGEST
        is_allowed = is_short and budget.allows(directions, size, copies)
        if is_allowed or not behind:
            return sources, is_allowed
        longest = max(behind, key=lambda s: (len(s.kept), s.steps))
        sources = [s.settle() if s is longest else s for s in sources]
