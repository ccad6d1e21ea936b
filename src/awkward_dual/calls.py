"""Apply NumPy functions that are no ufuncs, by their rows: programs, products and linear maps."""

from __future__ import annotations

import contextlib
import functools
import inspect
from typing import Any, NamedTuple

import numpy as np

from awkward_dual import engine
from awkward_dual.apply import QUIET, carries_tangent, lift, live_among, missing_rule
from awkward_dual.elementwise import note_function
from awkward_dual.errors import MissingTangentRule
from awkward_dual.linear import Cast, Contract, LinearMap, total
from awkward_dual.pair import Pair, is_recorded, lowest, make, operand, raw_or_live, weaken
from awkward_dual.rules.table import Kind, Rule

__all__ = (
    "Contraction",
    "apply_contraction",
    "apply_maps",
    "apply_program",
    "apply_replacing",
    "call_function",
    "lowest_in",
    "pairs_in",
    "parameters_of",
    "with_primal",
    "without_out",
)


_SEQUENCES = (list, tuple)
_NESTS = (list, tuple, dict)


def call_function(func: Any, row: Rule | None, args: Any, kwargs: dict[str, Any]) -> Any:
    """Apply a NumPy function by its row."""
    values = pairs_in(args)
    if not values and not kwargs:
        # NumPy has found duals as elements of something else, such as an Awkward Array
        args = tuple(list(a) if _is_foreign(a) else a for a in args)
        values = pairs_in(args)
    if kwargs:
        values += pairs_in(kwargs)
    if not live_among(values) or (row is not None and row.kind is Kind.STEP):
        return func(*lowest_in(args), **lowest_in(kwargs))
    if row is None:
        raise missing_rule(func, values)
    return row.option("apply")(row, func, args, kwargs)


def without_out(func: Any, args: Any, kwargs: Any) -> tuple[Any, dict[str, Any], Any]:
    """The arguments of a function without `out`, which may be given by its position, and that."""
    kwargs = dict(kwargs)
    out = kwargs.pop("out", None)
    place = _place_of_out(func)
    if place is not None and place < len(args):
        out = args[place]
        args = (*args[:place], None, *args[place + 1 :]) if len(args) > place + 1 else args[:place]
    return args, kwargs, out


@functools.cache
def _place_of_out(func: Any) -> int | None:
    """The position at which a function takes `out`, if it does."""
    with contextlib.suppress(TypeError, ValueError):
        for place, parameter in enumerate(_signature(func).parameters.values()):
            if parameter.kind > parameter.POSITIONAL_OR_KEYWORD:
                break
            if parameter.name == "out":
                return place
    return None


def pairs_in(tree: Any) -> list[Pair]:
    """All pairs in nested lists, tuples and dicts, in their order."""
    if isinstance(tree, Pair):
        return [tree]
    if isinstance(tree, dict):
        tree = list(tree.values())
    if not isinstance(tree, _SEQUENCES):
        return []
    found: list[Pair] = []
    for item in tree:
        if isinstance(item, Pair):
            found.append(item)
        elif isinstance(item, _NESTS):
            found += pairs_in(item)
    return found


def _is_foreign(x: Any) -> bool:
    return hasattr(x, "__iter__") and not isinstance(x, (str, bytes, np.ndarray, *_NESTS))


def lowest_in(tree: Any) -> Any:
    if isinstance(tree, Pair):
        return operand(tree)
    if isinstance(tree, _SEQUENCES):
        items = [lowest_in(item) for item in tree]
        return type(tree)(*items) if hasattr(tree, "_fields") else type(tree)(items)
    if isinstance(tree, dict):
        return {key: lowest_in(item) for key, item in tree.items()}
    return tree


class Contraction(NamedTuple):
    """A sum of products of two arrays, whose axes have the names of `np.einsum`."""

    a: Any
    b: Any
    of_a: str
    of_b: str
    out: str


def apply_contraction(row: Rule, func: Any, args: Any, kwargs: dict[str, Any]) -> Any:
    """A product of matrices or the like: the row's body gives a `Contraction`, or a program's result."""
    raw_y = func(*lowest_in(args), **lowest_in(kwargs))
    _check_arguments(row, (None, *args), kwargs)
    with np.errstate(**QUIET):
        found = row.body(engine.array_module(raw_y), *args, **kwargs)
    if not isinstance(found, Contraction):
        return with_primal(raw_y, found)
    a, b, *names, out = found

    def tangent(y: Any, x: list[Any], dx: list[Any]) -> Any:
        edges: list[tuple[LinearMap, Any]] = []
        for own, other in ((0, 1), (1, 0)):
            t, shape, dtype = dx[own], x[own].shape, x[own].dtype
            if t is None:
                continue
            if dtype != y.dtype:
                t = total([(Cast(shape, dtype, y.dtype), t)])
            partial = x[other]
            if dx[other] is None and is_recorded(t):
                # a tape has its own constants
                partial = partial.copy()
            to = Contract(shape, names[own], partial, names[other], out, y.dtype, y.dtype)
            edges.append((to, t))
        return total(edges)

    return lift(raw_y, [a, b], tangent)


def apply_program(row: Rule, func: Any, args: Any, kwargs: dict[str, Any]) -> Any:
    """A function with an equivalent program: the value from NumPy, the tangents from the program."""
    raw_y = func(*lowest_in(args), **lowest_in(kwargs))
    _check_arguments(row, (None, *args), kwargs)
    with np.errstate(**QUIET):
        y = row.body(engine.array_module(raw_y), *args, **kwargs)
    return with_primal(raw_y, y)


def apply_replacing(row: Rule, func: Any, args: Any, kwargs: dict[str, Any]) -> Any:
    """A program of one array and its options, of which ``copy=False`` lets it write into the array.

    Of large arrays the tangent is one step, by the rule's partials, if no option is live.
    """
    _check_arguments(row, (None, *args), kwargs)
    named = {**dict(zip(_parameters(row.body), args, strict=False)), **kwargs}
    x, copy = named.pop(_parameters(row.body)[0]), named.pop("copy", True)
    y = None
    fits = row.option("fits")
    if not live_among(list(named.values())) and (not fits or fits(**lowest_in(named))):
        y = note_function(row, lambda: func(lowest(x), **lowest_in(named)), (x,))
    if y is None:
        y = apply_program(row, func, (x,), named)
    if not copy:
        x[...] = y
    return y


_signature = functools.cache(inspect.signature)


@functools.cache
def _parameters(body: Any) -> tuple[str, ...]:
    """The names of what a program takes after the array module."""
    return tuple(_signature(body).parameters)[1:]


@functools.cache
def parameters_of(func: Any) -> tuple[str, ...]:
    """The names of what a function of NumPy takes by position or name, if it tells."""
    try:
        found = _signature(func).parameters.values()
        return tuple(p.name for p in found if p.kind <= p.POSITIONAL_OR_KEYWORD)
    except (TypeError, ValueError):
        return ()


def _check_arguments(row: Rule, args: Any, kwargs: dict[str, Any]) -> None:
    """Raise if the function got an argument that its row does not know."""
    problem = _misfit(row.body, len(args), tuple(kwargs))
    if problem is not None:
        raise MissingTangentRule(
            f"{row.name} with these arguments",
            hint=f"{problem}; detach with awkward_dual.primal(x)",
        )


@functools.cache
def _misfit(body: Any, count: int, names: tuple[str, ...]) -> str | None:
    """Why a function does not take so many arguments and those of these names."""
    try:
        _signature(body).bind(*(None,) * count, **dict.fromkeys(names))
    except TypeError as error:
        return str(error)
    return None


def with_primal(raw_y: Any, y: Any) -> Any:
    """`y` with its lowest primal replaced; of each of several results."""
    if isinstance(raw_y, tuple | list):
        parts = [with_primal(raw, part) for raw, part in zip(raw_y, y, strict=True)]
        return type(raw_y)(*parts) if hasattr(raw_y, "_fields") else type(raw_y)(parts)
    y = raw_or_live(y)
    if not isinstance(y, Pair) or not hasattr(raw_y, "dtype") or not carries_tangent(raw_y):
        return raw_y
    if y.shape != raw_y.shape:
        raise AssertionError(f"a program gave the shape {y.shape} in place of {raw_y.shape}")
    tangent = y._tangent
    if y.dtype != raw_y.dtype:
        tangent = total([(Cast(y.shape, y.dtype, raw_y.dtype), tangent)])
    return make(type(y), with_primal(raw_y, y._primal), tangent, y._level)


def apply_maps(row: Rule, func: Any, args: Any, kwargs: dict[str, Any]) -> Any:
    """A function whose row's body gives linear maps of one argument, one after the other."""
    raw_y = weaken(func(*lowest_in(args), **lowest_in(kwargs)))
    _check_arguments(row, (None, *args), kwargs)

    def tangent(y: Any, x: list[Any], dx: list[Any]) -> Any:
        out = dx[0]
        with np.errstate(**QUIET):
            for linear_map in row.body(y, *args, **kwargs):
                out = total([(linear_map, out)])
        return out

    of, *_ = _parameters(row.body)
    named = {**dict(zip(_parameters(row.body), args, strict=False)), **kwargs}
    return lift(raw_y, [named[row.option("of") or of]], tangent)
