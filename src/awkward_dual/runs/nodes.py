"""Reverse: steps as nodes of a tape, and cotangents that pass whole runs of them."""

from __future__ import annotations

import heapq
import math
from collections.abc import Container
from typing import Any

import numpy as np

from awkward_dual import threads
from awkward_dual.linear import Broadcast, Fresh, Identity, LinearMap, Slice, Weighted
from awkward_dual.runs.block_loops import instruction
from awkward_dual.runs.guards import Held, check, guards_of
from awkward_dual.runs.program import Operand, Program
from awkward_dual.runs.steps import LONGEST, Step
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
        return [] if self.is_settled else self.step.arrays()

    def _partials(self) -> list[Any]:
        one = np.ones((1, 1), self.dtype)
        program = Program(1, self.dtype)
        partials = [np.empty((1, *self.shape), self.dtype) for _ in self.step.live]
        for i, partial in zip(self.step.live, partials, strict=True):
            loop = self.step.loop((i,), (True,), is_one=True)
            self.step.put(program, loop, [one], program.rows(partial))
        program.run(self.step.length)
        return [partial[0] for partial in partials]

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
        last = run.nodes[0]
        # what a sum gives back is the same for all elements
        is_single = rows.strides[-1] == 0
        self.program = Program(len(rows), rows.dtype)
        leaves = {parent for node in run.nodes for parent in node.sources} - set(run.nodes)
        self.whole = {
            leaf: np.empty((len(rows), *leaf.shape), rows.dtype)
            for leaf in leaves
            if leaf.shape and leaf not in run.gathers
        }
        numbers = {leaf for leaf in leaves if not leaf.shape}
        self.sums = {
            node: np.zeros((len(rows), *node.shape), rows.dtype)
            for node in numbers.union(parent for parent, _ in run.gathers.values())
        }
        self.cotangents: dict[Node, Any] = {
            last: self.program.rows(np.ascontiguousarray(rows[:, :1]) if is_single else rows)
        }
        for node in run.nodes:
            self._pass(node, is_single=is_single and node is last)
        for picked, (parent, index) in run.gathers.items():
            self._scatter(picked, parent, index)
        self.program.watch(guards_of(run.nodes), last.step.length)
        self.program.run(last.step.length, is_summed=bool(self.sums))

    def results(self) -> list[tuple[Node, Any]]:
        """The cotangents of what the run comes from."""
        return [*self.whole.items(), *self.sums.items()]

    def _pass(self, node: StepNode, *, is_single: bool) -> None:
        """What one step gives its parents, from the cotangent of its output."""
        program, w = self.program, self.cotangents.pop(node)
        for i, parent in zip(node.step.live, node.sources, strict=True):
            loop = node.step.loop((i,), (is_single,), is_one=program.directions == 1)
            is_first = parent not in self.cotangents
            is_kept = is_first and parent in self.whole
            out: Any = program.rows(self.whole[parent]) if is_kept else program.tangent()
            node.step.put(program, loop, [w], out)
            if not parent.shape:
                cell = program.rows(self.sums[parent].reshape(-1, 1))
                program.add(instruction("add_all", program.dtype.type), [out, cell])
            elif is_first:
                self.cotangents[parent] = out
            else:
                add = instruction("add", program.dtype.type)
                program.add(add, [out, self.cotangents[parent]])

    def _scatter(self, node: Node, parent: Node, index: Any) -> None:
        program = self.program
        rows, length = program.rows(self.sums[parent]).whole, Operand(parent.shape[0])
        scatter = instruction("scatter", program.dtype.type)
        w = self.cotangents.pop(node)
        program.add(scatter, [rows, program.elements(index), length, w])
