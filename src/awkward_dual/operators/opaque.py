"""Linear maps given by functions: `custom_jvp`, `checkpoint` and `linearize`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from awkward_dual.array import class_of
from awkward_dual.devices import array_module
from awkward_dual.errors import LevelError
from awkward_dual.levels import Level
from awkward_dual.linear import Cast, FunctionMap, LinearMap, Reshape, Slice, total
from awkward_dual.memory import reusing
from awkward_dual.operators.arguments import check_function
from awkward_dual.operators.forward import jvp
from awkward_dual.operators.kept import Kept
from awkward_dual.operators.lazy import loaded
from awkward_dual.operators.leaves import attach, leaf_values
from awkward_dual.operators.results import tangent_part
from awkward_dual.operators.reverse import Tape, record, tangents_like
from awkward_dual.pair import Pair, is_recorded, lowest, make, on_level, operand, top_level
from awkward_dual.tape import Node
from awkward_dual.trees import map_tree

__all__ = ("checkpoint", "custom_jvp", "linearize")

Leaves = list[Any]


class custom_jvp:
    """A function with a derivative rule of its own, honoured by all operators.

    Parameters
    ----------
    func : callable
        The function; its positional arguments and result may be trees.
    nondiff_argnums : tuple of int
        Arguments that are handed to the rule first and are not differentiated.

    Examples
    --------
    >>> import numpy as np
    >>> import awkward_dual as ad
    >>> @ad.custom_jvp
    ... def log1pexp(x):
    ...     return np.log1p(np.exp(x))
    >>> @log1pexp.defjvp
    ... def log1pexp_jvp(primals, tangents):
    ...     (x,), (dx,) = primals, tangents
    ...     return log1pexp(x), dx / (1 + np.exp(-x))
    >>> float(ad.grad(log1pexp)(700.0))
    1.0
    """

    def __init__(self, func: Callable[..., Any], nondiff_argnums: Sequence[int] = ()) -> None:
        check_function(func, "custom_jvp")
        are_ints = isinstance(nondiff_argnums, tuple | list) and all(
            isinstance(i, int | np.integer) for i in nondiff_argnums
        )
        if not are_ints:
            raise TypeError(f"nondiff_argnums must be a tuple of ints, not {nondiff_argnums!r}")
        self.func = func
        self.rule: Callable[..., Any] | None = None
        self.nondiff_argnums = tuple(nondiff_argnums)
        self.__name__ = getattr(func, "__name__", "function")
        self.__doc__ = func.__doc__

    def defjvp(self, rule: Callable[..., Any]) -> Callable[..., Any]:
        """Set the rule: ``rule(*nondiff, primals, tangents)`` gives ``(result, its tangent)``.

        It must be linear in the tangents, which are of the types of the
        primals; zeros where an argument is a constant.
        """
        check_function(rule, "defjvp")
        self.rule = rule
        return rule

    def __call__(self, *args: Any) -> Any:
        if self.rule is None:
            raise TypeError(
                f"custom_jvp function {self.__name__!r} has no rule; give it one with defjvp"
            )
        for i in self.nondiff_argnums:
            if not -len(args) <= i < len(args):
                raise TypeError(
                    f"nondiff_argnums={i}, but {self.__name__!r} was called with "
                    f"{len(args)} arguments"
                )
        fixed = {i % len(args): args[i] for i in self.nondiff_argnums}
        own = tuple(x for i, x in enumerate(args) if i not in fixed)

        def evaluate(*own: Any) -> Any:
            remaining = iter(own)
            return self.func(
                *(fixed[i] if i in fixed else next(remaining) for i in range(len(args)))
            )

        def push(primals: Any, tangents: Any) -> Any:
            assert self.rule is not None
            pair = self.rule(*fixed.values(), primals, tangents)
            if not isinstance(pair, tuple | list) or len(pair) != 2:
                raise TypeError(
                    f"the rule of custom_jvp function {self.__name__!r} must return a pair "
                    f"(result, tangent), not {_summary(pair)}"
                )
            return map_tree(_zero_or_own, *pair)

        def pull(primals: Any, cotangents: Leaves) -> Leaves:
            zeros = _like(primals, [None] * len(_leaves(primals)))

            def linear(*tangents: Any) -> Any:
                out = push(primals, tangents)
                if any(map(_is_other_than_zero, _leaves(out))):
                    raise TypeError(
                        f"the rule of custom_jvp function {self.__name__!r} is not linear in its "
                        "tangents: for tangents of zeros it gives another one"
                    )
                return out

            return record(linear, zeros).pull_back(cotangents)

        return _call(own, evaluate, push, pull)


def _is_other_than_zero(leaf: Any) -> bool:
    raw = lowest(leaf)
    # an infinite partial of zero is NaN
    return bool(((raw != 0) & ~np.isnan(raw)).any())


def _zero_or_own(y: Any, dy: Any, path: str) -> Any:
    """What a rule gives as a tangent; ``None`` and the number 0 stand for zeros."""
    is_zero = dy is None or (type(dy) in (int, float) and dy == 0)
    return tangent_part(y, None) if is_zero else dy


def _summary(x: Any) -> str:
    """What a rule returned, in a few words."""
    size = f" of {len(x)}" if isinstance(x, tuple | list) else ""
    return f"{type(x).__name__}{size}"


def checkpoint(func: Callable[..., Any]) -> Callable[..., Any]:
    """A function that reverse mode evaluates a second time instead of remembering it.

    Parameters
    ----------
    func : callable
        The function; its positional arguments and result may be trees.

    Returns
    -------
    callable
        A function with the same values and derivatives. Under `vjp` and `grad`
        it keeps its arguments only, and is called again by the pullback. A function
        that also uses live values which are no arguments is remembered as without
        `checkpoint`; pass them as arguments.

    Examples
    --------
    >>> import numpy as np
    >>> import awkward_dual as ad
    >>> float(ad.grad(ad.checkpoint(np.exp))(0.0))
    1.0
    """
    check_function(func, "checkpoint")

    def checkpointed(*args: Any) -> Any:
        def push(primals: Any, tangents: Any) -> Any:
            return jvp(func, primals, tangents)[1]

        def pull(primals: Any, cotangents: Leaves) -> Leaves:
            return record(func, primals).pull_back(cotangents)

        return _call(args, func, push, pull, recorded_only=True)

    return checkpointed


@reusing()
def linearize(func: Callable[..., Any], *primals: Any) -> tuple[Any, Callable[..., Any]]:
    """The value of a function and its derivative as a linear function, evaluated once.

    Parameters
    ----------
    func : callable
        Any function of Awkward Arrays, NumPy arrays and numbers.
    *primals
        Its arguments.

    Returns
    -------
    value
        The result.
    push : callable
        ``push(*tangents)`` gives the tangent of the result, without calling
        `func` again.

    Raises
    ------
    TangentLost
        By `push`, if an argument or value of more than a million elements was changed in
        place; smaller ones are copied.

    Examples
    --------
    >>> import awkward_dual as ad
    >>> value, push = ad.linearize(lambda x: x**3, 2.0)
    >>> float(push(1.0)), float(push(10.0))
    (12.0, 120.0)
    """
    check_function(func, "linearize")
    kept = Kept(copies_all=False)
    tape = record(func, kept.own(primals))
    order = _nodes_below(tape)

    @reusing()
    def push(*tangents: Any) -> Any:
        kept.check()
        known = dict(zip((n.serial for n in tape.starts), _paired(primals, tangents), strict=True))
        for node in order:
            if node.edges:
                edges = [(m, known[p.serial]) for m, p in node.edges if known[p.serial] is not None]
                known[node.serial] = total(edges)
        ends = [None if node is None else known[node.serial] for node in tape.ends]
        return tangents_like(tape.result, ends, tape.backend)

    return kept.own(tape.plain(tape.result)), push


def _nodes_below(tape: Tape) -> list[Node]:
    """The nodes that a result depends on, in the order in which they were made."""
    found: dict[int, Node] = {node.serial: node for node in tape.starts}
    stack = [node for node in tape.ends if node is not None]
    while stack:
        node = stack.pop()
        if node.serial not in found:
            found[node.serial] = node
            stack += [parent for _, parent in node.edges]
    return [found[serial] for serial in sorted(found)]


def _paired(primals: Any, tangents: Any) -> Leaves:
    found: Leaves = []

    def collect(value: Any, other: Any) -> Any:
        found.append(None if other is None else loaded(other))
        return value

    collect.lazy = True  # type: ignore[attr-defined]
    map_tree(lambda x, dx, path: attach(x, dx, collect, path), primals, tangents)
    return found


# -- a call with a linear map of its own


def _call(
    args: Any,
    evaluate: Callable[..., Any],
    push: Callable[[Any, Any], Any],
    pull: Callable[[Any, Leaves], Leaves],
    *,
    recorded_only: bool = False,
) -> Any:
    """Evaluate a function whose tangents on each level are moved by `push` and `pull`."""
    values = _leaves(args)
    level, _ = top_level(values)
    if level is None:
        return evaluate(*args)
    parts = [on_level(v, level) for v in values]
    tangents = [t for _, t in parts]
    if recorded_only and not any(isinstance(t, Node) for t in tangents):
        return evaluate(*args)
    if any(map(is_recorded, tangents)):
        # a tape has its own constants
        parts = [(p.copy() if t is None and np.ndim(p) else p, t) for p, t in parts]
    primals = _like(args, [p for p, _ in parts])
    result = _call(primals, evaluate, push, pull, recorded_only=recorded_only)
    ends = _leaves(result)
    if not ends:
        return result
    if recorded_only and _closes_over(ends, level):
        # those maps end in no argument: they are recorded as in any other call
        return evaluate(*args)
    _check_closed(ends, level)
    starts = [p for p, _ in parts]
    dtype = np.result_type(*(v.dtype for v in (*starts, *ends)))
    linear_map = _function_map(primals, starts, result, ends, dtype, push, pull)
    image = total([(linear_map, _join(tangents, starts, dtype))])
    if not isinstance(image, Node):
        _check_closed([image], level)
    pairs = [
        make(class_of(lowest(y)), y, t, level)
        for y, t in zip(ends, _part(image, ends, dtype), strict=True)
    ]
    return _like(result, pairs)


def _check_closed(values: Leaves, level: Level) -> None:
    """Raise if a function that was given its arguments on lower levels found others."""
    if _closes_over(values, level):
        raise LevelError(
            "a function with a rule of its own (custom_jvp) uses a dual that is not among its "
            "arguments; pass it as an argument"
        )


def _closes_over(values: Leaves, level: Level) -> bool:
    """Whether what was computed from lower levels is live on this one, or above it."""
    found, _ = top_level(values)
    return found is not None and found.serial >= level.serial


def _function_map(
    primals: Any, starts: Leaves, result: Any, ends: Leaves, dtype: Any,
    push: Callable[[Any, Any], Any], pull: Callable[[Any, Leaves], Leaves],
) -> LinearMap:  # fmt: skip
    """The map of one joint vector, all argument leaves, to another, all result leaves."""

    def forward(t: Any) -> Any:
        tangents = _like(primals, _part(t, starts, dtype))
        image = _paired(result, push(primals, tangents))
        return _join(image, ends, dtype)

    def backward(w: Any) -> Any:
        return _join(pull(primals, _part(w, ends, dtype)), starts, dtype)

    sizes = [int(sum(leaf.size for leaf in leaves)) for leaves in (starts, ends)]
    return FunctionMap((sizes[0],), (sizes[1],), dtype, forward, backward)


def _leaves(tree: Any) -> Leaves:
    found: Leaves = []
    map_tree(lambda x, path: found.extend(leaf_values(x)), tree)
    return found


def _like(tree: Any, leaves: Leaves) -> Any:
    """A tree with other leaves; ``None`` stands for zeros."""
    remaining = iter(leaves)

    def put(value: Any, _other: Any) -> Any:
        leaf = next(remaining)
        if leaf is None:
            return array_module(lowest(value)).zeros(value.shape, value.dtype)[()]
        # Python's numbers as such: NumPy lets the dtype of an array win over them
        return leaf if isinstance(leaf, Pair | Node) else operand(leaf)

    return map_tree(lambda x, path: attach(x, None, put, path), tree)


def _join(tangents: Leaves, leaves: Leaves, dtype: Any) -> Any:
    """Tangents of several leaves as one vector."""
    size = int(sum(leaf.size for leaf in leaves))
    edges: list[tuple[LinearMap, Any]] = []
    base = 0
    for t, leaf in zip(tangents, leaves, strict=True):
        if t is not None:
            t = total([(Cast(leaf.shape, leaf.dtype, dtype), t)])
            t = total([(Reshape(leaf.shape, (leaf.size,), dtype), t)])
            index = (slice(base, base + leaf.size),)
            edges.append((Slice((size,), (leaf.size,), dtype, index, repeats=False).T, t))
        base += leaf.size
    xp = array_module(lowest(leaves[0])) if leaves else np
    return total(edges) if edges else xp.zeros(size, dtype)


def _part(t: Any, leaves: Leaves, dtype: Any) -> Leaves:
    """A vector as the tangents of several leaves."""
    size = int(sum(leaf.size for leaf in leaves))
    out = []
    base = 0
    for leaf in leaves:
        index = (slice(base, base + leaf.size),)
        own = total([(Slice((size,), (leaf.size,), dtype, index, repeats=False), t)])
        own = total([(Reshape((leaf.size,), leaf.shape, dtype), own)])
        own = total([(Cast(leaf.shape, dtype, leaf.dtype), own)])
        out.append(own if isinstance(own, Pair | Node) or own.ndim else own[()])
        base += leaf.size
    return out
