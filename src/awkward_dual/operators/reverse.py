"""Reverse mode: `vjp` records the linear maps of a call and replays them transposed."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import awkward as ak
import numpy as np

from awkward_dual.array import as_dual, class_of, wrap
from awkward_dual.devices import array_module
from awkward_dual.levels import Level, new_level
from awkward_dual.linear import Identity, total
from awkward_dual.memory import reusing
from awkward_dual.operators.arguments import (
    ArgNums,
    as_tuple,
    check_function,
    check_scalar,
    out_and_aux,
    pick_arguments,
    put_arguments,
)
from awkward_dual.operators.kept import Kept
from awkward_dual.operators.lazy import deferred, traced
from awkward_dual.operators.leaves import attach, is_differentiable, leaf_values
from awkward_dual.operators.results import (
    backend_of_inputs,
    on_input_backend,
    primal_part,
    result_part,
    tangent_part,
    zeros_where_constant,
)
from awkward_dual.operators.seeding import seed
from awkward_dual.operators.shortcuts import floats_short
from awkward_dual.pair import lowest, make, on_level, raw_or_live
from awkward_dual.tape import Node, pull_back
from awkward_dual.trees import map_tree

__all__ = ("Tape", "grad", "record", "value_and_grad", "vjp")


@reusing()
def vjp(
    func: Callable[..., Any], *primals: Any, has_aux: bool = False, copy: bool | None = None
) -> tuple[Any, ...]:
    """The value of a function and its pullback (w -> w J).

    Parameters
    ----------
    func : callable
        Any function of Awkward Arrays, NumPy arrays and numbers. It is called
        once; the linear maps of its operations are recorded.
    *primals
        Its arguments, as for `jvp`.
    has_aux : bool
        Whether `func` returns ``(result, aux)``.
    copy : bool, optional
        The arguments and the results may be changed in place before the pullback, if they
        are copied. By default those of up to a million elements are, and the
        pullback raises `TangentLost` where a larger one was changed; with
        ``copy=True`` all are, and with ``copy=False`` none, without a look at them later.
        On a GPU all are by default; arrays that are not loaded yet stay so.

    Returns
    -------
    value
        The result.
    pullback : callable
        ``pullback(cotangent)`` takes something of the type of the result and
        gives a tuple of the types of the arguments. It may be called more than
        once, and costs time linear in the program.
    aux
        With `has_aux`.

    Raises
    ------
    TangentMismatch
        By the pullback, if the cotangent does not fit the result.
    TangentLost
        By the pullback, if a large argument or value was changed in place; see `copy`.

    Examples
    --------
    >>> import awkward as ak
    >>> import awkward_dual as ad
    >>> x = ak.Array([[1.0, 2.0], [], [3.0]])
    >>> value, pullback = ad.vjp(lambda x: ak.sum(x**2, axis=1), x)
    >>> (dx,) = pullback(ak.Array([1.0, 1.0, 10.0]))
    >>> dx.to_list()
    [[2.0, 4.0], [], [60.0]]
    """
    check_function(func, "vjp")
    kept = None if copy is False else Kept(copies_all=bool(copy))

    def own(tree: Any) -> Any:
        return tree if kept is None else kept.own(tree)

    tape = record(func, own(primals), has_aux=has_aux)

    @reusing()
    def pullback(cotangent: Any) -> Any:
        if kept is not None:
            kept.check()
        cotangents = _cotangents(tape.result, cotangent)
        return tape.like_primals(_apart(tape.pull_back(cotangents), cotangents))

    value = own(tape.plain(tape.result))
    return (value, pullback, own(tape.plain(tape.aux))) if has_aux else (value, pullback)


def _apart(leaves: list[Any], cotangents: list[Any]) -> list[Any]:
    """Gradients as arrays of their own, which may be changed in place."""
    taken = {id(_owner(lowest(w))) for w in cotangents}
    out = []
    for leaf in leaves:
        if type(leaf) is np.ndarray and leaf.ndim:
            if id(_owner(leaf)) in taken or not leaf.flags.writeable:
                leaf = leaf.copy()
            taken.add(id(_owner(leaf)))
        out.append(leaf)
    return out


def _owner(array: Any) -> Any:
    while isinstance(getattr(array, "base", None), np.ndarray):
        array = array.base
    return array


@dataclasses.dataclass
class Tape:
    """A recorded call: its arguments and result, with their nodes in the order of their leaves."""

    primals: Any
    result: Any
    aux: Any
    starts: list[Node]
    ends: list[Node | None]
    level: Level
    backend: str

    def plain(self, x: Any) -> Any:
        """The primals of a result, on the backend of the arguments."""
        return map_tree(
            lambda leaf, path: result_part(primal_part, leaf, self.level, self.backend), x
        )

    def pull_back(self, cotangents: list[Any]) -> list[Any]:
        """The cotangents of the arguments' leaves, from those of the result's (``None``: zero)."""
        seeds = [
            (node, w)
            for node, w in zip(self.ends, cotangents, strict=True)
            if node is not None and w is not None
        ]
        with np.errstate(all="ignore"):
            return pull_back(seeds, self.starts, total, lambda n: Identity(n.shape, n.dtype))

    def like_primals(self, leaves: list[Any]) -> Any:
        """A tree of the type of the arguments, with these leaves (``None``: zero)."""
        return tangents_like(self.primals, leaves, self.backend)


def tangents_like(tree: Any, leaves: list[Any], backend: str) -> Any:
    """A tree of the type of `tree` with these leaves (``None``: zero), zero where it has none."""
    remaining = iter(leaves)

    def put(value: Any, _other: Any) -> Any:
        leaf = next(remaining)
        if leaf is None:
            return array_module(lowest(value)).zeros(value.shape, value.dtype)[()]
        # numbers are NumPy scalars below every level: their operators are not those of arrays
        return leaf if leaf.ndim else raw_or_live(as_dual(leaf)[()])

    put.lazy = True  # type: ignore[attr-defined]

    def put_leaf(x: Any, path: str) -> Any:
        if backend == "typetracer" or not _has_gradient(x):
            return on_input_backend(tangent_part(x, None), backend)
        filled = attach(x, None, put, path)
        if backend == "cpu" and isinstance(filled, ak.Array):
            short = floats_short(filled.layout)
            if short is not None:
                return ak.Array(short, behavior=filled.behavior, attrs=filled.attrs)
        if isinstance(filled, ak.Array | ak.Record):
            filled = zeros_where_constant(filled)
        return on_input_backend(wrap(filled), backend)

    return map_tree(put_leaf, tree)


def _has_gradient(x: Any) -> bool:
    return (
        is_differentiable(x.layout) if isinstance(x, ak.Array) else bool(leaf_values(x, lazy=True))
    )


def record(func: Callable[..., Any], primals: Any, *, has_aux: bool = False) -> Tape:
    """Call a function and record the linear maps of its operations."""
    backend = backend_of_inputs(primals)
    starts: list[Node] = []
    ends: list[Node | None] = []

    with new_level() as level:

        def start_leaf(value: Any, _other: Any) -> Any:
            node = Node(value.shape, value.dtype)
            starts.append(node)
            return deferred(lambda value: make(class_of(value), value, node, level), value)

        start_leaf.lazy = True  # type: ignore[attr-defined]

        def start(x: Any, path: str) -> Any:
            return traced(x, x) if backend == "typetracer" else seed(x, None, start_leaf, path)

        result, aux = out_and_aux(func(*map_tree(start, primals)), has_aux)

        def end_leaf(value: Any, _other: Any) -> Any:
            primal, node = on_level(value, level)
            ends.append(node)
            return primal

        # projections of the result's layout belong to the program: they are recorded too
        result = map_tree(lambda x, path: attach(x, None, end_leaf, path), result)
    return Tape(primals, result, aux, starts, ends, level, backend)


def _cotangents(result: Any, cotangent: Any) -> list[Any]:
    """The cotangents of the result's leaves, in the order in which they were met."""
    found: list[Any] = []

    def collect(value: Any, other: Any) -> Any:
        found.append(other)
        return value

    map_tree(lambda x, w, path: attach(x, w, collect, path), result, cotangent)
    return found


def value_and_grad(
    func: Callable[..., Any], argnums: ArgNums = 0, *, has_aux: bool = False
) -> Callable[..., Any]:
    """A function that gives the value of a scalar function and its gradient.

    Parameters
    ----------
    func : callable
        A function with one real number as its result.
    argnums : int or tuple of int
        The arguments to differentiate; the others are constants.
    has_aux : bool
        Whether `func` returns ``(result, aux)``.

    Returns
    -------
    callable
        ``(value, gradient)``, or ``((value, aux), gradient)``; the gradient has
        the type and kind of the argument (a tuple of them for a tuple of
        `argnums`). Of a complex argument z = a + ib it is d/da + i d/db.

    Raises
    ------
    TypeError
        When called, if the result is no real number or an argument has no gradient.

    Examples
    --------
    >>> import awkward as ak
    >>> import awkward_dual as ad
    >>> f = ad.value_and_grad(lambda x: ak.sum(x**3))
    >>> value, gradient = f(ak.Array([[1.0, 2.0], [3.0]]))
    >>> gradient.to_list()
    [[3.0, 12.0], [27.0]]
    """
    check_function(func, "value_and_grad")
    picked = as_tuple(argnums)

    @reusing()
    def differentiated(*args: Any, **kwargs: Any) -> Any:
        own = pick_arguments(args, picked, "grad")

        def of_picked(*chosen: Any) -> Any:
            return func(*put_arguments(args, picked, chosen), **kwargs)

        value, pullback, *aux = vjp(of_picked, *own, has_aux=has_aux)
        check_scalar(value)
        gradients = pullback(np.ones((), dtype=value.dtype)[()])
        gradient = gradients if isinstance(argnums, tuple | list) else gradients[0]
        return ((value, *aux), gradient) if has_aux else (value, gradient)

    return differentiated


def grad(
    func: Callable[..., Any], argnums: ArgNums = 0, *, has_aux: bool = False
) -> Callable[..., Any]:
    """A function that gives the gradient of a scalar function; see `value_and_grad`.

    With `has_aux` it gives ``(gradient, aux)``.

    Examples
    --------
    >>> import awkward as ak
    >>> import awkward_dual as ad
    >>> ad.grad(lambda x: ak.sum(x**2))(ak.Array([[1.0], [], [3.0]])).to_list()
    [[2.0], [], [6.0]]
    """
    check_function(func, "grad")
    both = value_and_grad(func, argnums, has_aux=has_aux)

    def gradient(*args: Any, **kwargs: Any) -> Any:
        value, gradient = both(*args, **kwargs)
        return (gradient, value[1]) if has_aux else gradient

    return gradient
