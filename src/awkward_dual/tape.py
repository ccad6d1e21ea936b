"""Recorded tangents: nodes of a tape, and the pullback that replays it backwards.

A node stands for a tangent that is not computed but remembered: the sum of
linear maps applied to its parents. Nodes hold their parents and are ordered by
serial number. There is no global list, so a branch that reaches no output is
freed by reference counting.
"""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable, Container, Sequence
from typing import Any

__all__ = ("Node", "next_serial", "pull_back")

_serials = itertools.count()


def next_serial() -> int:
    """The serial number of a new node."""
    return next(_serials)


class Node:
    """A recorded tangent of the given shape and dtype."""

    __slots__ = ("__weakref__", "dtype", "edges", "readers", "serial", "shape")

    edges: tuple[tuple[Any, Node], ...]

    def __init__(
        self,
        shape: tuple[int, ...],
        dtype: Any,
        edges: Sequence[tuple[Any, Node]] = (),
    ) -> None:
        self.shape = shape
        self.dtype = dtype
        self.edges = tuple(edges)
        self.serial = next_serial()
        #: how many nodes have it as a parent
        self.readers = 0
        for _, parent in self.edges:
            parent.readers += 1

    @property
    def ndim(self) -> int:
        return len(self.shape)

    @property
    def is_leaf(self) -> bool:
        return not self.edges

    def pull(self, cotangent: Any, waiting: Container[int]) -> list[tuple[Node, tuple[Any, Any]]]:
        """What its parents get from its cotangent: for each a (map, operand) edge.

        Parameters
        ----------
        waiting
            The serial numbers of the nodes that have got a cotangent from others.
        """
        return [(parent, (linear_map.T, cotangent)) for linear_map, parent in self.edges]

    def __repr__(self) -> str:
        return f"<Node {self.serial} of shape {self.shape}>"


def pull_back(
    seeds: Sequence[tuple[Node, Any]],
    leaves: Sequence[Node],
    total: Callable[[list[tuple[Any, Any]]], Any],
    identity: Callable[[Node], Any],
) -> list[Any]:
    """The cotangents of `leaves`, given those of output nodes.

    Parameters
    ----------
    seeds
        Output nodes with their cotangents.
    leaves
        Nodes without edges.
    total
        Sums (map, cotangent) edges; it accumulates into one buffer, so that the
        cost of a pullback is linear in the program even where a node has many
        readers.
    identity
        Makes the identity map of a node's shape.

    Returns
    -------
    list
        One cotangent for each leaf, ``None`` where no output depends on it.
    """
    pending: dict[int, tuple[Node, list[tuple[Any, Any]]]] = {}
    heap: list[int] = []

    def add(node: Node, edge: tuple[Any, Any]) -> None:
        entry = pending.get(node.serial)
        if entry is None:
            pending[node.serial] = (node, [edge])
            heapq.heappush(heap, -node.serial)
        else:
            entry[1].append(edge)

    for node, cotangent in seeds:
        add(node, (identity(node), cotangent))
    found: dict[int, Any] = {}
    while heap:
        node, edges = pending.pop(-heapq.heappop(heap))
        cotangent = total(edges)
        if node.is_leaf:
            found[node.serial] = cotangent
            continue
        for parent, edge in node.pull(cotangent, pending):
            add(parent, edge)
    return [found.get(leaf.serial) for leaf in leaves]
