"""Pair up, take apart, ask and detach: `dual`, `primal`, `tangent`, `is_live`, `stop_gradient`."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import awkward as ak
import numpy as np

from awkward_dual.apply import reshape, transpose
from awkward_dual.array import class_of
from awkward_dual.devices import array_module, is_dual
from awkward_dual.errors import TangentMismatch
from awkward_dual.fitting import check_ground
from awkward_dual.levels import GROUND, Level, inspection
from awkward_dual.operators.arguments import (
    ArgNums,
    as_tuple,
    check_function,
    pick_arguments,
    put_arguments,
)
from awkward_dual.operators.leaves import attach, leaf_values
from awkward_dual.operators.results import primal_part, result_part, tangent_part
from awkward_dual.operators.reverse import vjp
from awkward_dual.operators.seeding import seed
from awkward_dual.pair import Pair, lowest, make, on_level, operand
from awkward_dual.runs import lend
from awkward_dual.tape import Node
from awkward_dual.trees import map_tree

__all__ = ("dual", "elementwise_grad", "is_live", "primal", "stop_gradient", "tangent")


def dual(primal: Any, tangent: Any) -> Any:
    """A value paired with a tangent, on the ground level.

    Parameters
    ----------
    primal
        An ``ak.Array`` or ``ak.Record``, a NumPy array, a number, or a tree of them.
    tangent
        The same for the tangent, or ``None``. A last axis of length k holds k
        directions, as `tangent` gives them.

    Returns
    -------
    The dual array, record or number.

    Raises
    ------
    TangentMismatch
        If the tangent does not fit.
    LevelError
        If either is live itself: no level is lower than the ground. Nest `jvp` instead.

    Examples
    --------
    >>> import awkward as ak
    >>> import awkward_dual as ad
    >>> x = ad.dual(ak.Array([[1.0, 2.0], [3.0]]), ak.Array([[1.0, 0.0], [0.0]]))
    >>> ad.tangent(x * x).to_list()
    [[2.0, 0.0], [0.0]]
    """

    def leaf(x: Any, dx: Any, path: str) -> Any:
        if isinstance(x, int | np.integer) and np.asarray(dx).dtype.kind in "fc":
            raise TangentMismatch(f"{type(x).__name__} has no tangents; pass a float")
        return seed(x, dx, _ground_leaf, path)

    return map_tree(leaf, primal, tangent)


def _ground_leaf(value: Any, other: Any) -> Any:
    if other is None:
        return value
    check_ground(value, other)
    if other.ndim == value.ndim:
        other = reshape(other, (1, *other.shape))
    else:
        other = transpose(other, (other.ndim - 1, *range(other.ndim - 1)))
    lend(value)
    lend(other)
    return make(class_of(value), value, other, GROUND)


_ground_leaf.takes_directions = True  # type: ignore[attr-defined]


def primal(x: Any) -> Any:
    """The value without its tangent (under nested operators, that of the innermost).

    Parameters
    ----------
    x
        An array, record or number, or a tree of them; also a dual of a call
        that has ended.

    Returns
    -------
    Plain arrays and NumPy scalars, unless they carry tangents of outer levels.

    Examples
    --------
    >>> import awkward_dual as ad
    >>> float(ad.primal(ad.dual(2.0, 1.0)))
    2.0
    """
    level = highest_level(x)
    return map_tree(lambda leaf, path: result_part(primal_part, leaf, level, "cpu"), x)


def tangent(x: Any) -> Any:
    """The tangent of a value (under nested operators, of the innermost), of its type.

    Parameters
    ----------
    x
        An array, record or number, or a tree of them.

    Returns
    -------
    Plain arrays and NumPy scalars: zeros for constants; with several
    directions these are a last, regular axis.

    Raises
    ------
    TypeError
        If the tangent is recorded, as under `vjp` and `grad`.

    Examples
    --------
    >>> import awkward_dual as ad
    >>> float(ad.tangent(ad.dual(3.0, 1.0) ** 2))
    6.0
    """
    level = highest_level(x)
    part = partial(tangent_part, directions=_directions(x, level))
    return map_tree(lambda leaf, path: result_part(part, leaf, level, "cpu"), x)


def _directions(x: Any, level: Any) -> int:
    """How many directions the tangents of a level have."""
    found = [1]

    def look(value: Any, _other: Any) -> Any:
        t = on_level(value, level)[1]
        if t is not None and not isinstance(t, Node):
            found.append(t.shape[0])
        return value

    with inspection():
        map_tree(lambda leaf, path: attach(leaf, None, look, path), x)
    return max(found)


def is_live(x: Any) -> bool:
    """Whether anything in `x` carries a tangent.

    Examples
    --------
    >>> import awkward_dual as ad
    >>> ad.is_live(ad.dual(1.0, 0.0)), ad.is_live(1.0)
    (True, False)
    """
    return highest_level(x) is not None


def stop_gradient(x: Any) -> Any:
    """`x` as a constant: without tangents of any level.

    Examples
    --------
    >>> import awkward_dual as ad
    >>> float(ad.grad(lambda x: x * ad.stop_gradient(x))(3.0))
    3.0
    """

    def leaf(x: Any, path: str) -> Any:
        if isinstance(x, Pair) and not x.ndim:
            return operand(x)
        if isinstance(x, Pair | ak.Array | ak.Record):
            while is_live(x):
                x = primal(x)
        return x

    return map_tree(leaf, x)


def highest_level(x: Any) -> Level | None:
    """The highest level in `x`, whether its call is still running or not."""
    found: Level | None = None

    def look(leaf: Any, path: str) -> Any:
        nonlocal found
        if isinstance(leaf, ak.Array | ak.Record) and not is_dual(ak.backend(leaf)):
            return leaf
        with inspection():
            values = leaf_values(leaf) if isinstance(leaf, ak.Array | ak.Record) else [leaf]
        for value in values:
            while isinstance(value, Pair):
                level = value._level
                if level is not None and (found is None or level.serial > found.serial):
                    found = level
                value = value._primal
        return leaf

    map_tree(look, x)
    return found


def elementwise_grad(func: Callable[..., Any], argnums: ArgNums = 0) -> Callable[..., Any]:
    """The derivative of a function that maps each element by itself, for every element.

    Parameters
    ----------
    func : callable
        A function whose result has, for each element of the argument, one that
        depends on no other (autograd's ``elementwise_grad``). For other
        functions it gives the gradient of the sum of the result.
    argnums : int or tuple of int
        The arguments to differentiate.

    Returns
    -------
    callable
        The derivative, of the type of the argument.

    Examples
    --------
    >>> import awkward as ak, numpy as np
    >>> import awkward_dual as ad
    >>> ad.elementwise_grad(np.square)(ak.Array([[1.0], [2.0, 3.0]])).to_list()
    [[2.0], [4.0, 6.0]]
    """
    check_function(func, "elementwise_grad")
    picked = as_tuple(argnums)

    def derivative(*args: Any, **kwargs: Any) -> Any:
        own = pick_arguments(args, picked, "elementwise_grad")
        value, pullback = vjp(
            lambda *chosen: func(*put_arguments(args, picked, chosen), **kwargs), *own
        )
        gradients = pullback(map_tree(_ones, value))
        return gradients if isinstance(argnums, tuple | list) else gradients[0]

    return derivative


def _ones(x: Any, path: str) -> Any:
    if any(value.dtype.kind == "c" for value in leaf_values(x)):
        raise TypeError("elementwise_grad needs a real result; use jvp for one that is complex")
    if isinstance(x, ak.Array | ak.Record):
        return ak.ones_like(x)
    raw = lowest(x)
    if not hasattr(raw, "dtype") and not isinstance(raw, int | float):
        raise TypeError(f"elementwise_grad needs a result that is numbers, not {type(x).__name__}")
    dtype = getattr(raw, "dtype", np.dtype(float))
    ones = array_module(raw).ones(np.shape(raw), dtype if dtype.kind == "f" else float)
    return ones if np.ndim(raw) else ones[()]
