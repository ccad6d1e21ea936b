"""Reverse: steps as nodes of a tape, and cotangents that pass whole runs of them."""

from __future__ import annotations

import heapq
import math
import threading
from collections.abc import Container
from typing import Any

import numpy as np

from awkward_dual import loops, threads
from awkward_dual.linear import Broadcast, Fresh, Identity, LinearMap, Slice, Weighted
from awkward_dual.runs.guards import Held, check
from awkward_dual.runs.steps import LONGEST, Scratch, Step, blocks, of_block
from awkward_dual.tape import Node, next_serial

__all__ = ("StepNode",)


class StepNode(Node):
    """A step on a tape: a node whose edges are made when someone walks them."""

    __slots__ = ("_edges", "guards", "sources", "step")

    def __init__(self, step: Step, sources: list[Node]) -> None:
        self.step = step
        self.sources = sources
        self.shape = (step.length,)
        self.dtype = step.dtype
        self.serial = next_serial()
        self.readers = 0
        self._edges: Any = None
        #: constants, which may be changed in place before the pullback
        self.guards: list[tuple[Held, int]] = []
        for parent in sources:
            parent.readers += 1

    @property
    def edges(self) -> Any:  # type: ignore[override]
        if self._edges is None:
            check([self])
            here = Identity(self.shape, self.dtype)
            self._edges = tuple(
                (Weighted(_expand(parent, here), c, here, self.dtype, self.dtype), parent)
                for c, parent in zip(self._partials(), self.sources, strict=True)
            )
        return self._edges

    @property
    def is_leaf(self) -> bool:
        return False

    @property
    def is_settled(self) -> bool:
        """Whether it has partials instead of what they are computed from."""
        return self._edges is not None

    def settle(self) -> None:
        _ = self.edges
        self.guards = []

    def arrays(self) -> list[Any]:
        return [kept.array for kept, _ in self.guards]

    def _partials(self) -> list[Any]:
        block, one = slice(0, self.step.length), np.ones(1, self.dtype)
        partials = []
        for i in self.step.live:
            partial = np.empty(self.shape, self.dtype)
            loop = self.step.loop((i,), (True,), is_one=True)
            loop.run(self.step.at(block, partial), [one], partial)
            partials.append(partial)
        return partials

    def pull(self, cotangent: Any, waiting: Container[int]) -> list[tuple[Node, tuple[Any, Any]]]:
        is_raw = type(cotangent) is np.ndarray and cotangent.dtype == self.dtype
        if not is_raw or not cotangent.size or self.is_settled:
            return super().pull(cotangent, waiting)
        lead = cotangent.shape[:-1]
        rows = cotangent.reshape((math.prod(lead), self.step.length))
        return [
            (node, (Fresh(node.shape, node.dtype), w.reshape(lead + node.shape)))
            for node, w in _Sweep(_Run(self, waiting), rows).results()
        ]


def _expand(parent: Node, here: LinearMap) -> LinearMap:
    return here if parent.shape else Broadcast((), here.in_shape, here.in_dtype)


class _Run:
    """The steps whose cotangents come from one node alone, each before those that it needs."""

    def __init__(self, last: StepNode, waiting: Container[int]) -> None:
        self.nodes: list[StepNode] = []
        #: gathers that the run alone reads: where their elements come from, and their index
        self.gathers: dict[Node, tuple[Node, Any]] = {}
        reads: dict[int, list[Node]] = {last.serial: []}
        heap = [-last.serial]
        while heap:
            serial = -heapq.heappop(heap)
            readers = reads.pop(serial)
            node = readers[0] if readers else last
            if node is not last and (node.readers != len(readers) or serial in waiting):
                continue
            if not isinstance(node, StepNode) or node.is_settled:
                gather = _gather_of(node)
                if gather is not None:
                    self.gathers[node] = gather
                continue
            if len(self.nodes) == LONGEST:
                continue
            self.nodes.append(node)
            for parent in node.sources:
                if parent.serial not in reads:
                    reads[parent.serial] = []
                    heapq.heappush(heap, -parent.serial)
                reads[parent.serial].append(parent)


def _gather_of(node: Node) -> tuple[Node, Any] | None:
    """What a node picks elements of, by which large index; ``None`` if it does something else."""
    # sums of parts would meet in an element
    if type(node) is not Node or len(node.edges) != 1 or threads.num_threads() > 1:
        return None
    linear_map, parent = node.edges[0]
    if type(linear_map) is not Slice or len(linear_map.index) != 1 or parent.ndim != 1:
        return None
    (index,) = linear_map.index
    fits = type(index) is np.ndarray and index.dtype == np.int64 and index.flags.c_contiguous
    return (parent, index) if fits and parent.dtype == node.dtype else None


class _Sweep:
    """The way of cotangents through a run, back from its last step."""

    def __init__(self, run: _Run, rows: Any) -> None:
        self.run = run
        self.directions = len(rows)
        self.dtype = rows.dtype
        last = run.nodes[0]
        check(run.nodes)
        self.inside = set(run.nodes)
        # what a sum gives back is the same for all elements
        is_single = rows.strides[-1] == 0
        self.first = np.ascontiguousarray(rows[:, :1]) if is_single else rows
        self.plan = [(node, self._loops(node, is_single and node is last)) for node in run.nodes]
        leaves = {parent for node in run.nodes for parent in node.sources} - self.inside
        self.whole = {
            leaf: np.empty((self.directions, *leaf.shape), self.dtype)
            for leaf in leaves
            if leaf.shape and leaf not in run.gathers
        }
        self.sums = {
            leaf: np.zeros(self.directions, self.dtype) for leaf in leaves if not leaf.shape
        }
        self.scattered = {
            parent: np.zeros((self.directions, *parent.shape), self.dtype)
            for parent, _ in run.gathers.values()
        }
        self.lock = threading.Lock()
        threads.in_threads(self._go, last.step.length)

    def results(self) -> list[tuple[Node, Any]]:
        """The cotangents of what the run comes from."""
        return [*self.whole.items(), *self.sums.items(), *self.scattered.items()]

    def _loops(self, node: StepNode, single: bool) -> list[tuple[Node, Any]]:
        return [
            (parent, node.step.loop((i,), (single,), is_one=self.directions == 1))
            for i, parent in zip(node.step.live, node.sources, strict=True)
        ]

    def _go(self, part: slice) -> None:
        scratch = Scratch(self.directions, self.dtype)
        # threads have settings of their own
        with np.errstate(all="ignore"):
            for block in blocks(part, self.directions):
                self._pass(block, scratch)

    def _pass(self, block: slice, scratch: Scratch) -> None:
        last = self.run.nodes[0]
        found: dict[Node, Any] = {last: of_block(self.first, block, self.directions)}
        for step_node, loops_of in self.plan:
            w = found.pop(step_node)
            for parent, loop in loops_of:
                self._add(parent, loop, step_node.step, w, block, found, scratch)
            if step_node is not last:
                scratch.give_back(w)
        for node, (parent, index) in self.run.gathers.items():
            w = found.pop(node)
            rows = w.reshape(1, -1) if w.ndim == 1 else w
            loops.scatter_from(self.scattered[parent], index[block], rows)
            scratch.give_back(w)

    def _add(
        self,
        parent: Node,
        loop: Any,
        step: Step,
        w: Any,
        block: slice,
        found: dict[Node, Any],
        scratch: Scratch,
    ) -> None:
        """What one step gives one parent, from the cotangent `w` of its output."""
        is_one, is_new = self.directions == 1, parent not in found
        if is_new and parent in self.whole:
            to = self.whole[parent][0, block] if is_one else self.whole[parent][:, block]
        else:
            to = scratch.take(block)
        loop.run(step.at(block, to if is_one else to[0]), [w], to)
        if parent in self.sums:
            with self.lock:
                self.sums[parent] += to.sum(axis=-1)
            scratch.give_back(to)
        elif is_new:
            found[parent] = to
        else:
            np.add(found[parent], to, out=found[parent])
            scratch.give_back(to)
