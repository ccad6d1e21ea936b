"""Jacobians in chunks of directions, Hessians, and Hessian-vector products."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import awkward as ak
import numpy as np

from awkward_dual.array import as_dual, class_of
from awkward_dual.devices import array_module
from awkward_dual.levels import new_level
from awkward_dual.memory import reusing
from awkward_dual.operators.arguments import (
    ArgNums,
    as_tuple,
    check_function,
    one_for_each,
    out_and_aux,
    pick_arguments,
    put_arguments,
)
from awkward_dual.operators.forward import jvp
from awkward_dual.operators.kept import Kept
from awkward_dual.operators.leaves import attach, leaf_values
from awkward_dual.operators.results import (
    backend_of_inputs,
    on_input_backend,
    primal_part,
    result_part,
    tangent_part,
    zeros_where_constant,
)
from awkward_dual.operators.reverse import grad, record
from awkward_dual.operators.seeding import seed
from awkward_dual.pair import lowest, make, on_level, raw_or_live
from awkward_dual.runs import lend
from awkward_dual.trees import map_tree

__all__ = ("hessian", "hvp", "jacfwd", "jacrev")

#: bytes that the tangents of the largest argument may take in one chunk
CHUNK_BYTES = 2**25
CHUNK_MAX = 32


def jacfwd(
    func: Callable[..., Any],
    argnums: ArgNums = 0,
    *,
    has_aux: bool = False,
    chunk_size: int | None = None,
    progress: bool = False,
) -> Callable[..., Any]:
    """A function that gives the Jacobian, column by column, by forward mode.

    Parameters
    ----------
    func : callable
        Any function of Awkward Arrays, NumPy arrays and numbers.
    argnums : int or tuple of int
        The arguments to differentiate, which are real; the others are constants.
    has_aux : bool
        Whether `func` returns ``(result, aux)``.
    chunk_size : int, optional
        How many directions pass through the program together; each chunk
        computes the structure once. By default as many, up to 32, as keep the
        tangents of the arguments within 32 MiB.
    progress : bool
        Whether to show a bar (needs ``tqdm``).

    Returns
    -------
    callable
        The Jacobian as a tree of the result, with a tree of the argument in
        place of each leaf (a tuple of them for a tuple of `argnums`). A float
        adds no axis, a NumPy array its own axes at the end, an Awkward Array
        one regular axis: its floating elements in flattened order, field after
        field. With `has_aux` it gives ``(jacobian, aux)``.

    Examples
    --------
    >>> import awkward as ak, numpy as np
    >>> import awkward_dual as ad
    >>> x = ak.Array([[1.0, 2.0], [], [3.0]])
    >>> line = lambda p: ak.sum(p[0] + p[1] * x, axis=1)
    >>> ad.jacfwd(line)(np.array([1.0, 2.0])).to_list()
    [[2.0, 3.0], [0.0, 0.0], [1.0, 3.0]]
    """
    check_function(func, "jacfwd")
    picked = as_tuple(argnums)
    _check_chunk_size(chunk_size)

    @reusing()
    def jacobian(*args: Any, **kwargs: Any) -> Any:
        own = pick_arguments(args, picked, "jacfwd")
        backend = _concrete_backend(args, "jacfwd")
        _refuse_complex(own, "an argument")
        leaves = _all_leaves(own)
        count = sum(leaf.size for leaf in leaves)
        columns: list[list[Any]] = []
        result = aux = None
        for start, stop in _chunks(count, chunk_size, leaves, progress):
            with new_level() as level:
                duals = _seed(own, start, stop, level)
                result = func(*put_arguments(args, picked, duals), **kwargs)
                result, aux = out_and_aux(result, has_aux)
                columns.append(_end_tangents(result, level, stop - start))

        def plain(tree: Any) -> Any:
            return map_tree(lambda x, path: result_part(primal_part, x, level, backend), tree)

        full = [_concatenate(parts) for parts in zip(*columns, strict=True)]
        out = _assemble(plain(result), full, own, argnums, backend)
        return (out, plain(aux)) if has_aux else out

    return jacobian


def jacrev(
    func: Callable[..., Any],
    argnums: ArgNums = 0,
    *,
    has_aux: bool = False,
    chunk_size: int | None = None,
) -> Callable[..., Any]:
    """A function that gives the Jacobian, row by row, by reverse mode.

    Parameters and result are those of `jacfwd`; the function is called once, and
    its result is real. Better where the result has fewer elements than the arguments.

    Examples
    --------
    >>> import awkward as ak
    >>> import awkward_dual as ad
    >>> ad.jacrev(lambda x: ak.sum(x**2, axis=1))(ak.Array([[1.0, 2.0], [3.0]])).to_list()
    [[2.0, 4.0, 0.0], [0.0, 0.0, 6.0]]
    """
    check_function(func, "jacrev")
    picked = as_tuple(argnums)
    _check_chunk_size(chunk_size)

    @reusing()
    def jacobian(*args: Any, **kwargs: Any) -> Any:
        own = pick_arguments(args, picked, "jacrev")
        _concrete_backend(args, "jacrev")
        _refuse_complex(own, "an argument")

        def of_picked(*chosen: Any) -> Any:
            return func(*put_arguments(args, picked, chosen), **kwargs)

        kept = Kept(copies_all=False)
        tape = record(of_picked, kept.own(own), has_aux=has_aux)
        kept.check()
        _refuse_complex(tape.result, "a result")
        ends = _all_leaves(tape.result)
        count = sum(leaf.size for leaf in ends)
        rows: list[Any] = []
        for start, stop in _chunks(count, chunk_size, ends, False):
            seeds = [_one_hot(leaf, base, start, stop) for leaf, base in _with_bases(ends)]
            parts = tape.pull_back(seeds)
            rows.append(_flat_columns(parts, tape.starts, stop - start))
        full = _transposed(_concatenate(rows), ends)
        out = _assemble(tape.plain(tape.result), full, own, argnums, tape.backend)
        return (out, tape.plain(tape.aux)) if has_aux else out

    return jacobian


def hessian(
    func: Callable[..., Any], argnums: ArgNums = 0, *, has_aux: bool = False, **options: Any
) -> Callable[..., Any]:
    """A function that gives the Hessian of a scalar function: forward over reverse.

    Parameters
    ----------
    func : callable
        A function with one real number as its result.
    argnums : int or tuple of int
        The arguments to differentiate.
    has_aux : bool
        Whether `func` returns ``(result, aux)``.
    **options
        As for `jacfwd`.

    Returns
    -------
    callable
        The Jacobian of the gradient: for a NumPy argument of shape ``(n,)`` an
        array of shape ``(n, n)``, for a dict of numbers a dict of dicts.

    Examples
    --------
    >>> import numpy as np
    >>> import awkward_dual as ad
    >>> ad.hessian(lambda p: p[0] ** 2 * p[1])(np.array([3.0, 5.0]))
    array([[10.,  6.],
           [ 6.,  0.]])
    """
    check_function(func, "hessian")
    gradient = grad(func, argnums, has_aux=has_aux)
    return jacfwd(gradient, argnums, has_aux=has_aux, **options)


def hvp(func: Callable[..., Any], primals: Any, tangents: Any) -> Any:
    """The product of the Hessian of a scalar function with a vector: forward over reverse.

    Parameters
    ----------
    func : callable
        A function with one real number as its result.
    primals, tangents : tuple
        As for `jvp`.

    Returns
    -------
    The product, of the type of the argument; a tuple for several arguments.

    Examples
    --------
    >>> import awkward as ak
    >>> import awkward_dual as ad
    >>> x = ak.Array([[1.0], [2.0, 3.0]])
    >>> ad.hvp(lambda x: ak.sum(x**3), (x,), (ak.ones_like(x),)).to_list()
    [[6.0], [12.0, 18.0]]
    """
    check_function(func, "hvp")
    primals, tangents = one_for_each(primals, tangents)
    argnums: ArgNums = 0 if len(primals) == 1 else tuple(range(len(primals)))
    return jvp(grad(func, argnums), primals, tangents)[1]


# -- seeds and columns


def _concrete_backend(args: Any, what: str) -> str:
    backend = backend_of_inputs(args)
    if backend == "typetracer":
        raise TypeError(
            f"{what} needs the elements of its arguments; trace the function with jvp or vjp"
        )
    return backend


def _refuse_complex(tree: Any, what: str) -> None:
    """Raise for derivatives that are no complex number, but a real matrix for each element."""
    if any(leaf.dtype.kind == "c" for leaf in _all_leaves(tree)):
        ways = "jacfwd with real arguments, " if what == "a result" else ""
        raise TypeError(
            f"{what} of this Jacobian is complex; use {ways}real and imaginary parts, or jvp, vjp or grad"
        )


def _flat(tree: Any) -> list[Any]:
    out: list[Any] = []
    map_tree(lambda x, path: out.append(x), tree)
    return out


def _all_leaves(tree: Any) -> list[Any]:
    return [value for x in _flat(tree) for value in leaf_values(x)]


def _check_chunk_size(chunk_size: Any) -> None:
    if chunk_size is None:
        return
    if not isinstance(chunk_size, int | np.integer):
        raise TypeError(f"chunk_size must be an int, not {chunk_size!r}")
    if chunk_size < 1:
        raise ValueError(f"chunk_size must be at least 1, not {chunk_size}")


def _chunks(
    count: int, chunk_size: int | None, leaves: list[Any], progress: bool
) -> Iterator[tuple[int, int]]:
    if chunk_size is None:
        largest = max((leaf.size * leaf.dtype.itemsize for leaf in leaves), default=1)
        chunk_size = int(np.clip(CHUNK_BYTES // max(largest, 1), 1, CHUNK_MAX))
    starts: Any = range(0, max(count, 1), chunk_size)
    if progress:
        from tqdm.auto import tqdm

        starts = tqdm(starts, desc="directions", unit="chunk")
    for start in starts:
        yield start, min(start + chunk_size, count)


def _with_bases(leaves: list[Any]) -> Iterator[tuple[Any, int]]:
    base = 0
    for leaf in leaves:
        yield leaf, base
        base += leaf.size


def _one_hot(leaf: Any, base: int, start: int, stop: int) -> Any:
    """Rows `start` to `stop` of the identity, in the columns of a leaf; ``None`` if all are zero."""
    xp = array_module(lowest(leaf))
    own = xp.arange(max(start, base), min(stop, base + leaf.size))
    if not len(own):
        return None
    out = xp.zeros((stop - start, leaf.size), leaf.dtype)
    out[own - start, own - base] = 1
    return out.reshape((stop - start, *leaf.shape))


def _seed(own: Any, start: int, stop: int, level: Any) -> Any:
    base = 0

    def make_leaf(value: Any, _other: Any) -> Any:
        nonlocal base
        tangent = _one_hot(value, base, start, stop)
        base += value.size
        lend(value)
        return make(class_of(value), value, tangent, level)

    return map_tree(lambda x, path: seed(x, None, make_leaf, path), own)


def _end_tangents(result: Any, level: Any, count: int) -> list[Any]:
    """For each leaf of a result its tangents of shape ``(count, *shape)``."""
    found: list[Any] = []

    def collect(value: Any, _other: Any) -> Any:
        _, tangent = on_level(value, level)
        if tangent is None:
            tangent = array_module(lowest(value)).zeros((count, *value.shape), value.dtype)
        found.append(tangent)
        return value

    map_tree(lambda x, path: attach(x, None, collect, path), result)
    return found


def _concatenate(parts: Any) -> Any:
    return raw_or_live(np.concatenate([as_dual(part) for part in parts]))


def _flat_columns(parts: list[Any], nodes: list[Any], count: int) -> Any:
    """Cotangents of all argument leaves side by side, of shape ``(count, elements)``."""
    flat = []
    for part, node in zip(parts, nodes, strict=True):
        size = int(np.prod(node.shape, dtype=np.int64))
        whole = np.zeros((count, size), node.dtype) if part is None else part
        flat.append(as_dual(whole).reshape((count, size)))
    return np.concatenate(flat, axis=1) if flat else np.zeros((count, 0))


def _transposed(rows: Any, ends: list[Any]) -> list[Any]:
    """Rows of the Jacobian as columns for each leaf of the result."""
    out = []
    for leaf, base in _with_bases(ends):
        own = as_dual(rows)[base : base + leaf.size]
        out.append(raw_or_live(own.transpose().reshape((own.shape[1], *leaf.shape))))
    return out


# -- the Jacobian as trees


def _assemble(plain: Any, columns: list[Any], own: Any, argnums: ArgNums, backend: str) -> Any:
    """A tree of the result with a tree of the arguments in place of each leaf."""
    remaining = iter(columns)

    def for_result(x: Any, path: str) -> Any:
        parts = [next(remaining) for _ in leaf_values(x)]
        base = 0

        def for_argument(argument: Any, path: str) -> Any:
            nonlocal base
            leaves = leaf_values(argument)
            if argument is None:
                return None
            if not parts or not leaves:
                return tangent_part(x, None)
            size = sum(leaf.size for leaf in leaves)
            blocks = iter([_block(part, base, size, argument) for part in parts])
            base += size
            filled = attach(x, None, lambda value, other: next(blocks))
            if isinstance(filled, ak.Array | ak.Record):
                filled = zeros_where_constant(filled)
            return on_input_backend(filled, backend)

        trees = map_tree(for_argument, own)
        return trees if isinstance(argnums, tuple | list) else trees[0]

    return map_tree(for_result, plain)


def _block(columns: Any, base: int, size: int, argument: Any) -> Any:
    """Some columns as last axes, in the shape of the argument."""
    own = as_dual(columns)[base : base + size]
    last = own.transpose(*range(1, own.ndim), 0)
    if isinstance(argument, ak.Array | ak.Record):
        return raw_or_live(last)
    return raw_or_live(last.reshape(last.shape[:-1] + np.shape(leaf_values(argument)[0]))[()])
