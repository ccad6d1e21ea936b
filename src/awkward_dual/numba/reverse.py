"""Compiled loops under `grad` and `vjp`: differentiated forward, recorded as linear maps.

A recorded tangent is a node of a tape, of which no machine code can be made.
When a compiled function is called with one, it is run once with numbers in
place of the nodes, all directions at once, and its results are recorded as
linear maps of those nodes. The directions are the elements of the recorded
arguments or, if these are many, those of the arguments of `grad` that they
depend on: a loop over large arrays made of a few parameters is no problem.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import awkward as ak
import numpy as np

from awkward_dual.adapter import recursively_apply
from awkward_dual.array import DualArray
from awkward_dual.devices import is_dual
from awkward_dual.errors import LevelError, MissingTangentRule
from awkward_dual.levels import Level, new_level
from awkward_dual.linear import Broadcast, LinearMap, Reshape, Sum, Weighted, total
from awkward_dual.numba import builder, growable
from awkward_dual.numba.tickets import Tickets
from awkward_dual.numba.typing import RecordedType
from awkward_dual.operators.leaves import attach, leaf_values
from awkward_dual.pair import Pair, make, on_level, raw_or_live, top_level
from awkward_dual.tape import Node
from awkward_dual.trees import map_tree

__all__ = ("MOST", "PATCHES")

#: the most directions that a recorded loop is run with
MOST = 64


def _compile(original: Callable[..., Any]) -> Callable[..., Any]:
    """What a dispatcher calls for types that it has not compiled: for recorded ones, `_replay`."""

    def compile(self: Any, sig: Any) -> Any:
        if isinstance(sig, tuple) and any(RecordedType.NAME in t.name for t in sig):
            return partial(_replay, self)
        return original(self, sig)

    return compile


PATCHES = {"numba_compile": _compile}


# -- the call


def _replay(function: Any, *args: Any) -> Any:
    """Run a compiled function with directions in place of nodes, and record its results."""
    # once: what is projected anew has new nodes
    packed = [_packed(arg) for arg in args]
    leaves = [value for arg in packed for value in _buffers(arg)]
    level = _only_level(function, leaves)
    nodes = [on_level(value, level)[1] for value in leaves]
    inputs = _inputs(function, nodes)
    known = _push_identity(inputs, nodes)
    record = partial(_record, inputs, level)
    with new_level() as inner:

        def seed(value: Any) -> Any:
            primal, node = on_level(value, level)
            return primal if node is None else make(DualArray, primal, known[node.serial], inner)

        seeded = [_replaced(arg, seed) for arg in packed]
        before = [list(own) if isinstance(own, list) else None for own in seeded]
        result = function(*_spread(function, seeded))
        for tickets in _tickets_in(args):
            tickets.hand_over(inner, level, record)

        def end(value: Any) -> Any:
            primal, jacobian = on_level(value, inner)
            return primal if jacobian is None else record(primal, jacobian)

        def ended(tree: Any) -> Any:
            return map_tree(lambda x, path: attach(x, None, lambda v, _: end(v), path), tree)

        for arg, own, old in zip(args, seeded, before, strict=True):
            # Numba writes lists back that the function changed
            if own is not arg and old is not None and list(map(id, own)) != list(map(id, old)):
                arg[:] = ended(own)
        return ended(result)


def _spread(function: Any, args: list[Any]) -> list[Any]:
    """Arguments as they are written in a call: ``*args`` has been made one tuple."""
    parameters = list(inspect.signature(function.py_func).parameters.values())
    if parameters and parameters[-1].kind is inspect.Parameter.VAR_POSITIONAL:
        return [*args[:-1], *args[-1]]
    return args


def _packed(arg: Any) -> Any:
    """An argument whose live layouts show every element once; a constant as it is."""

    def leaf(x: Any, path: str) -> Any:
        is_live = any(isinstance(raw_or_live(value), Pair) for value in leaf_values(x))
        return attach(x, None, lambda value, _: value, path) if is_live else x

    return map_tree(leaf, arg)


def _replaced(arg: Any, func: Callable[[Any], Any]) -> Any:
    """An argument with `func` applied to its live buffers and numbers, in the layout that it has."""

    def action(layout: Any, **_: Any) -> Any:
        value = raw_or_live(layout.data) if layout.is_numpy else None
        if not isinstance(value, Pair):
            return None
        new = func(value)
        data = new if isinstance(new, Pair) else DualArray._new(new)
        return ak.contents.NumpyArray(data, parameters=layout.parameters)

    def leaf(x: Any, path: str) -> Any:
        if isinstance(x, ak.Array):
            return ak.Array(_mapped(x.layout, action), behavior=x.behavior, attrs=x.attrs)
        if isinstance(x, ak.Record):
            record = ak.record.Record(_mapped(x.layout.array, action), x.layout.at)
            return ak.Record(record, behavior=x.behavior, attrs=x.attrs)
        value = raw_or_live(x)
        return func(value) if isinstance(value, Pair) else x

    return map_tree(leaf, arg)


def _mapped(layout: Any, action: Any) -> Any:
    return recursively_apply(layout, action) if is_dual(layout.backend.name) else layout


def _buffers(arg: Any) -> list[Any]:
    """The live buffers and numbers of an argument."""
    found: list[Any] = []

    def collect(value: Any) -> Any:
        found.append(value)
        return value

    _replaced(arg, collect)
    return found


def _tickets_in(x: Any) -> Iterator[Tickets]:
    """The tickets of the builders among arguments."""
    if isinstance(x, ak.ArrayBuilder):
        yield builder.tickets_of(x)
    elif isinstance(x, ak.numba.GrowableBuffer):
        own = growable.tickets_of(x)
        if own is not None:
            yield own
    elif isinstance(x, tuple | list | ak.numba.layoutbuilder.LayoutBuilder):
        for part in x if isinstance(x, tuple | list) else vars(x).values():
            yield from _tickets_in(part)


def _only_level(function: Any, leaves: list[Any]) -> Level:
    """The level of the nodes.

    Raises
    ------
    LevelError
        If there are duals of other levels, too.
    """
    level, _ = top_level(leaves)
    assert level is not None
    for value in map(raw_or_live, leaves):
        if isinstance(value, Pair):
            primal, tangent = on_level(value, level)
            if isinstance(primal, Pair) or tangent is None or not isinstance(tangent, Node):
                raise LevelError(
                    f"nested operators through the compiled function {function.__name__!r}: "
                    "Numba's loops differentiate once; use array operations"
                )
    return level


def _inputs(function: Any, nodes: list[Node | None]) -> list[Node]:
    """The nodes to differentiate for: those of the arguments, or the fewer that they come from.

    Raises
    ------
    MissingTangentRule
        If both have too many elements.
    """
    own = list({node.serial: node for node in nodes if node is not None}.values())
    for inputs in (own, [node for node in _below(own) if not node.edges]):
        if sum(_size(node) for node in inputs) <= MOST:
            return inputs
    hint = (
        "compiled loops are differentiated forward, and in reverse mode only for up to "
        f"{MOST} parameters; use jvp or jacfwd, differentiate with respect to fewer numbers, "
        "write the loop with array operations, or give it a rule with awkward_dual.custom_jvp"
    )
    raise MissingTangentRule(function.__name__, "reverse mode", own[0].dtype, hint)


def _size(node: Node) -> int:
    return int(np.prod(node.shape, dtype=np.int64))


def _below(nodes: list[Node]) -> list[Node]:
    """The nodes that some depend on, in the order in which they were made."""
    found: dict[int, Node] = {}
    stack = list(nodes)
    while stack:
        node = stack.pop()
        if node.serial not in found:
            found[node.serial] = node
            stack += [parent for _, parent in node.edges]
    return [found[serial] for serial in sorted(found)]


def _push_identity(inputs: list[Node], nodes: list[Node | None]) -> dict[int, Any]:
    """The tangents of nodes that depend on inputs, one direction for each element of these."""
    known: dict[int, Any] = {}
    # one direction of zeros, where the inputs are empty: there are no vectors of none
    count = max(1, sum(map(_size, inputs)))
    base = 0
    for node in inputs:
        own = np.arange(_size(node))
        rows = np.zeros((count, len(own)), node.dtype)
        rows[base + own, own] = 1
        known[node.serial] = rows.reshape((count, *node.shape))
        base += len(own)
    for node in _below([node for node in nodes if node is not None]):
        reached = bool(node.edges) and all(parent.serial in known for _, parent in node.edges)
        if reached and node.serial not in known:
            known[node.serial] = total([(m, known[parent.serial]) for m, parent in node.edges])
    return known


def _record(inputs: list[Node], level: Level, primal: Any, jacobian: Any) -> Any:
    """A recorded value from its Jacobian, of shape ``(elements of the inputs, *shape)``."""
    shape, dtype = primal.shape, primal.dtype
    edges: list[tuple[LinearMap, Any]] = []
    base = 0
    for node in inputs:
        size = _size(node)
        rows = jacobian[base : base + size]
        base += size
        if rows.any():
            # (size,) -> (size, 1, ...) -> (size, *shape), times the rows -> (1, *shape) -> shape
            column, full = (size, *(1 for _ in shape)), (size, *shape)
            spread = total([(Reshape(node.shape, column, node.dtype), node)])
            weighted = Weighted(
                Broadcast(column, full, node.dtype),
                rows,
                Sum(full, (1, *shape), dtype),
                node.dtype,
                dtype,
            )
            image = total([(weighted, spread)])
            edges.append((Reshape((1, *shape), shape, dtype), image))
    return make(DualArray, primal, total(edges), level)
