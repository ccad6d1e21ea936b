"""Apply ufuncs: the value by the call that the ``cpu`` backend makes, the tangents by the row.

The general way lifts a result through all levels. Two others give the same: one
level of raw arrays of one shape needs no detours, which for small arrays cost
more than the arithmetic; large ones go block by block, or through compiled loops.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, cast

import numpy as np

from awkward_dual import compiled, engine, runs
from awkward_dual.apply import QUIET, lift, live_among, missing_rule
from awkward_dual.devices import device_of
from awkward_dual.linear import (
    Conjugate,
    Identity,
    Weighted,
    check_directions,
    combine,
    total,
)
from awkward_dual.pair import (
    Pair,
    WeakFloat,
    is_recorded,
    lowest,
    operand,
    raw_or_live,
    strong,
    weaken,
)
from awkward_dual.rules.table import Kind, Rule
from awkward_dual.tape import Node

__all__ = ("call_ufunc", "note_function")

_MOVING = (Kind.SMOOTH, Kind.LINEAR, Kind.SELECT)
#: the partials of sums and differences, as rules write them
_ONE, _MINUS_ONE = 1, -1


def call_ufunc(ufunc: Any, row: Rule | None, call: Callable[..., Any], args: Sequence[Any]) -> Any:
    """Apply a ufunc by its row; `call` is what computes it from the lowest primals."""
    plain = _one_level(args) if row is not None and row.kind in _MOVING else None
    if plain is not None:
        level, cls, x, dx = plain
        raw_y = call(*x)
        dy = _short_tangent(row, raw_y, x, dx)
        if dy is not None:
            return cls._new(raw_y, dy, level)
        noted = _noted(cast(Rule, row), raw_y, plain, args)
        if noted is not None:
            return noted
    else:
        raw_y = call(*(operand(a) for a in args))
    if not live_among(args):
        return raw_y
    raw_y = tuple(map(weaken, raw_y)) if isinstance(raw_y, tuple) else weaken(raw_y)
    outputs = raw_y if isinstance(raw_y, tuple) else (raw_y,)
    if row is None and all(_kind(y) in "biu" for y in outputs):
        return raw_y
    if row is None or row.kind is Kind.STRUCTURE:
        raise missing_rule(ufunc, args)
    if row.kind is Kind.STEP:
        if row.option("real_only") and _kind(outputs[0]) == "c":
            raise missing_rule(ufunc, args)
        return _constant(raw_y)
    if isinstance(raw_y, tuple):
        raw_y = tuple(_numbers(y, args) for y in raw_y)
        return tuple(_constant(_lift_output(row, raw_y, args, i)) for i in range(len(raw_y)))
    raw_y = _numbers(raw_y, args)
    return _constant(lift(raw_y, args, _ufunc_tangent(row, raw_y.dtype)))


def note_function(row: Rule, raw_y: Any, args: Sequence[Any]) -> Any:
    """The result of a function that works element by element, if there is a short way.

    Parameters
    ----------
    row
        With the partials as its option ``elementwise``, in the form of a ufunc's body.
    raw_y
        What it gives on the lowest primals, or a function that computes that.
    args
        The arguments that are arrays.
    """
    plain = _one_level(args)
    if plain is None:
        return None
    level, cls, x, dx = plain
    y = raw_y() if callable(raw_y) else raw_y
    dy = _short_tangent(row, y, x, dx)
    return _noted(row, y, plain, args) if dy is None else cls._new(y, dy, level)


def _noted(row: Rule, raw_y: Any, plain: Any, args: Sequence[Any]) -> Any:
    level, cls, x, dx = plain
    if cls.deferred is None:
        return None
    dy = runs.note(row, raw_y, x, dx, [isinstance(a, Pair) for a in args], level)
    if dy is None:
        return None
    return (cls if isinstance(dy, Node) else cls.deferred)._new(raw_y, dy, level)


def _one_level(args: Sequence[Any]) -> Any:
    """Level, class, primals and tangents, if there is one level of raw arrays or of nodes."""
    level = cls = recorded = None
    has_array = False
    x, dx = [], []
    for a in args:
        t = None
        if isinstance(a, Pair):
            level_of = a._level
            if a._base is not None:
                return None
            if level_of is not None:
                t = a._tangent if a.plain is None else a.noted
                if level is None:
                    level, cls, recorded = level_of, a.plain or type(a), isinstance(t, Node)
                if level is not level_of or isinstance(t, Node) is not recorded:
                    return None
                if not recorded and type(t) not in _COMPUTED:
                    return None
            a = a._primal
        if type(a) is np.ndarray:
            has_array = True
        elif type(a) in _NUMBERS:
            a = operand(a)
        else:
            return None
        x.append(a)
        dx.append(t)
    known = level is not None and level.alive and has_array
    return (level, cls, x, dx) if known else None


_COMPUTED = (np.ndarray, runs.Pending)
_NUMBERS = (float, int, np.float64, np.float32, WeakFloat)


def _short_tangent(row: Any, y: Any, x: list[Any], dx: list[Any]) -> Any:
    """The tangent of a small array from tangents of its shape; ``None`` for the general way."""
    if type(y) is not np.ndarray or y.dtype.kind != "f" or compiled.is_large(y.size):
        return None
    operands, recorded = [], False
    # a number may overflow in the type of the result
    with np.errstate(**QUIET):
        for a, t in zip(x, dx, strict=True):
            if type(a) is not np.ndarray:
                if t is not None:
                    return None
                a = y.dtype.type(a)
            elif a.dtype.kind == "c" or (t is not None and a.shape != y.shape):
                return None
            elif a.dtype != y.dtype and not (a.dtype.kind == "b" and row.option("elementwise")):
                a = a.astype(y.dtype)
            if isinstance(t, Node):
                recorded = True
                if t.shape != y.shape:
                    return None
            operands.append(a)
        partials = row.partials(np, y, *operands)
        if recorded:
            return _short_node(partials, operands, dx, y)
        return _short_sum(partials, dx, y)


def _own(partial: Any, x: list[Any], dx: list[Any]) -> Any:
    """A partial for a tape: a constant's own buffer may be written to before the pullback."""
    is_shared = any(partial is a for a, t in zip(x, dx, strict=True) if t is None)
    return partial.copy() if is_shared and type(partial) is np.ndarray else partial


def _short_node(partials: Any, x: list[Any], dx: list[Any], y: Any) -> Any:
    here = Identity(y.shape, y.dtype)
    edges = []
    for partial, t in zip(partials, dx, strict=True):
        if t is None or partial is None:
            continue
        c = partial() if callable(partial) else partial
        if type(c) is np.ndarray and c.shape != y.shape:
            return None
        own = here if t.dtype == y.dtype else Identity(y.shape, t.dtype)
        edges.append((Weighted(own, _own(c, x, dx), here, t.dtype, y.dtype), t))
    return Node(y.shape, y.dtype, edges) if edges else None


def _short_sum(partials: Any, dx: list[Any], y: Any) -> Any:
    out, is_own, is_checked, terms = None, False, True, []
    for partial, t in zip(partials, dx, strict=True):
        if t is None or partial is None:
            continue
        c = partial() if callable(partial) else partial
        if type(c) is np.ndarray and c.shape != y.shape:
            return None
        terms.append((c, t))
        if c is _ONE:
            term = t
        elif c is _MINUS_ONE:
            term = -t
        else:
            term = t * c
            is_checked = False
        if out is None:
            out, is_own = term, term is not t
        elif term.shape != out.shape:
            return None
        elif is_own:
            out += term
        else:
            out, is_own = out + term, True
    if out is None or out.dtype != y.dtype:
        return None
    # a NaN may be zero times infinity
    if is_checked or _looks_finite(out):
        return out
    return engine.absorbing_sum(terms, y.dtype)


#: up to this many elements BLAS takes a product in one thread
_BLAS = 8_192


def _looks_finite(out: Any) -> bool:
    """Whether an array is finite; ``False`` for some that have large elements, too."""
    return math.isfinite(np.vdot(out, out) if out.size <= _BLAS else np.add.reduce(out, axis=None))


def _numbers(y: Any, args: Sequence[Any]) -> Any:
    """Objects, as `np.frompyfunc` gives them, as numbers of the arguments' type."""
    if hasattr(y, "dtype") and y.dtype.kind != "O":
        return y
    return np.asarray(y).astype(np.result_type(*(operand(a) for a in args)))[()]


def _constant(y: Any) -> Any:
    """A result without tangent as it was computed: Python's numbers stay weak to NumPy's."""
    if isinstance(y, tuple):
        return tuple(map(operand, y))
    return y if isinstance(y, Pair) else operand(y)


def _kind(y: Any) -> str:
    """The kind of a result's dtype; Python's comparisons and rounding give bool and int."""
    return y.dtype.kind if hasattr(y, "dtype") else "b"


def _ufunc_tangent(row: Rule, dtype: Any) -> Callable[[Any, list[Any], list[Any]], Any]:
    def tangent(y: Any, x: list[Any], dx: list[Any]) -> Any:
        with np.errstate(**QUIET):
            operands = [_as_operand(a, dtype) for a in x]
            if _goes_by_blocks(row, y, operands):
                tangents = [
                    da if da is None or not engine.is_raw(da) else engine.align(da, a.ndim, 1)
                    for a, da in zip(operands, dx, strict=True)
                ]
                live = [da for da in tangents if da is not None]
                if engine.worth_blocks(live[0], live, len(y), dtype):
                    return _by_blocks(row, y, operands, tangents)
                partials = _partials_by_loops(row, y, operands, tangents)
                if partials is not None:
                    return _weighted_sum(row, partials, y, x, dx)
            xp = engine.array_module(lowest(y))
            partials = row.body(xp, *_for_body(row, strong(y), operands))
            return _weighted_sum(row, partials, y, x, dx)

    return tangent


def _goes_by_blocks(row: Rule, y: Any, operands: list[Any]) -> bool:
    """Whether a rule may be applied to one block of its operands after the other."""
    return (
        type(y) is np.ndarray
        and y.ndim == 1
        and compiled.is_large(len(y))
        # a user's rule may know of whole arrays
        and not row.option("user")
        and not row.option("conjugates")
        and all(
            isinstance(a, np.ndarray | np.generic)
            and a.dtype == y.dtype
            and a.shape in ((), y.shape)
            for a in operands
        )
    )


def _by_blocks(row: Rule, y: Any, x: list[Any], dx: list[Any]) -> Any:
    """Partials and their products with the tangents, block by block: they stay in the cache."""
    live = [i for i, da in enumerate(dx) if da is not None]
    check_directions([dx[i].shape[:1] for i in live])
    full = (dx[live[0]].shape[0], len(y))

    def by_loop() -> Any:
        tangents = [dx[i] for i in live]
        return compiled.weighted(row.body, (y, *x), tangents, live, full, y.dtype, row.target)

    out = by_loop()
    if out is not None:
        return out

    def partials(block: slice) -> list[Any]:
        found = row.body(np, *(engine.columns(a, block) for a in (y, *x)))
        values = (found[i] for i in live)
        return [value() if callable(value) else value for value in values]

    first = partials(slice(0, 1))
    moving = [i for i, c in zip(live, first, strict=True) if c is not None]
    first = [c for c in first if c is not None]
    if not moving:
        return None
    if moving != live:
        # some have no partial at all
        live = moving
        out = by_loop()
        if out is not None:
            return out
    tangents = [dx[i] for i in live]
    if all(np.ndim(c) == 0 for c in first):
        terms = [(c, dx[i], 1) for i, c in zip(live, first, strict=True)]
        return engine.combine(terms, y.shape, y.dtype)
    return engine.sweep(partials, tangents, full, y.dtype)


#: the tangent that makes the weighted sum a partial
_UNIT = {np.dtype(t): np.ones((1, 1), t) for t in (np.float32, np.float64)}


def _partials_by_loops(row: Rule, y: Any, x: list[Any], dx: list[Any]) -> list[Any] | None:
    """The partials of a rule by compiled loops, for a tape; ``None`` where NumPy is to do it."""
    inputs = (y, *x)
    heads = [engine.columns(a, slice(0, 1)) for a in inputs]
    partials: list[Any] = []
    for i, (found, da) in enumerate(zip(row.body(np, *heads), dx, strict=True)):
        value = None if da is None else found() if callable(found) else found
        if value is None or np.ndim(value) == 0:
            partials.append(value)
            continue
        own = next((a for a, head in zip(inputs, heads, strict=True) if value is head), None)
        if own is None:
            one, full = [_UNIT.get(y.dtype)], (1, len(y))
            out = compiled.weighted(row.body, inputs, one, [i], full, y.dtype, row.target)
            if out is None:
                return None
            own = out[0]
        partials.append(own)
    return partials


def _lift_output(row: Rule, raw_y: tuple[Any, ...], args: Sequence[Any], i: int) -> Any:
    def tangent(y: Any, x: list[Any], dx: list[Any]) -> Any:
        with np.errstate(**QUIET):
            xp = engine.array_module(lowest(y))
            # the other outputs of a row with several are steps
            outputs = tuple(strong(y) if j == i else z for j, z in enumerate(raw_y))
            partials = row.body(xp, outputs, *(_as_operand(a, raw_y[i].dtype) for a in x))[i]
            return None if partials is None else _weighted_sum(row, partials, y, x, dx)

    return raw_y[i] if _kind(raw_y[i]) not in "fc" else lift(raw_y[i], args, tangent)


def _for_body(row: Rule, y: Any, x: list[Any]) -> list[Any]:
    return [lowest(a) for a in (y, *x)] if row.kind is Kind.SELECT else [y, *x]


def _as_operand(x: Any, dtype: Any) -> Any:
    """What the ufunc's loop sees: every operand in its floating type."""
    if isinstance(x, Pair | np.ndarray) or device_of(x) is not None:
        x = strong(x)
        # the absolute value of a complex number is the one result of a lower kind
        same = x.dtype == dtype or (x.dtype.kind == "c" and dtype.kind != "c")
        return x if same else cast(Any, x).astype(dtype)
    return x if np.iscomplexobj(x) and dtype.kind != "c" else dtype.type(x)


def _weighted_sum(row: Rule, partials: Any, y: Any, x: list[Any], dx: list[Any]) -> Any:
    terms = []
    for partial, a, da in zip(partials, x, dx, strict=True):
        if da is None or partial is None:
            continue
        if row.option("conjugates"):
            da = total([(Conjugate(a.shape, a.dtype), da)])
        value = partial() if callable(partial) else partial
        if is_recorded(da):
            value = _own(value, x, dx)
        terms.append((raw_or_live(value), da, a))
    return combine(terms, y.shape, y.dtype) if terms else None
