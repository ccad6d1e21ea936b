"""The tangent algebra: linear maps, closed under transposition.

A map acts on the trailing axes of its operand, ``in_shape`` to ``out_shape``,
under any number of leading ones (the directions of each level). Its operand is

- a raw array: forward mode;
- a live pair of a lower level: higher orders, by the product rule;
- a node of a tape: reverse mode.

`total` is the one place that tells these apart. The maps and the engine behind
them are the only code that computes with the inside of a tangent.
"""

from __future__ import annotations

import string
from collections.abc import Callable
from typing import Any

import numpy as np

from awkward_dual import engine
from awkward_dual.errors import DirectionMismatch
from awkward_dual.maps import (
    Broadcast,
    Cast,
    Conjugate,
    Cumulate,
    FloatView,
    Fresh,
    Identity,
    LinearMap,
    Permute,
    Reshape,
    SegmentSum,
    Slice,
    Sum,
    Take,
)
from awkward_dual.pair import Pair, make, on_level, raw_or_live, top_level
from awkward_dual.tape import Node

__all__ = (
    "NAMES",
    "Broadcast",
    "Cast",
    "Conjugate",
    "Contract",
    "Cumulate",
    "FloatView",
    "Fresh",
    "FunctionMap",
    "Identity",
    "LinearMap",
    "Permute",
    "Reshape",
    "SegmentSum",
    "Slice",
    "Sum",
    "Take",
    "Weighted",
    "check_directions",
    "combine",
    "total",
)

Shape = tuple[int, ...]

#: of axes
NAMES = string.ascii_letters


class Weighted(LinearMap):
    """Expand, multiply by a partial (zero absorbs), reduce: the only map with a derivative of its own.

    ``t -> reduce(partial * expand(t))``, projected on the real axis where the
    output is real. `expand` and `reduce` are maps without a value.
    """

    __slots__ = ("expand", "partial", "reduce")
    is_fixed = False

    def __init__(
        self,
        expand: LinearMap,
        partial: Any,
        reduce: LinearMap,
        in_dtype: Any,
        out_dtype: Any,
        *,
        in_shape: Shape | None = None,
        out_shape: Shape | None = None,
    ) -> None:
        # `expand` and `reduce` act on the last axes: those before them, if any, stay
        super().__init__(
            expand.in_shape if in_shape is None else in_shape,
            reduce.out_shape if out_shape is None else out_shape,
            in_dtype,
        )
        self.out_dtype = out_dtype
        self.expand = expand
        self.partial = raw_or_live(partial)
        self.reduce = reduce

    def live_parts(self) -> tuple[Any, ...]:
        return (self.partial,)

    def apply(self, t: Any) -> Any:
        expanded = self.expand.apply(t)
        if type(self.reduce) is SegmentSum and self.out_dtype == t.dtype:
            return engine.weighted_segment_sum(self.partial, expanded, self.reduce.offsets)
        product = engine.product(self.partial, expanded)
        return self.reduce.apply(engine.cast(product, self.out_dtype))

    @property
    def T(self) -> LinearMap:
        partial = self.partial
        if getattr(partial, "dtype", None) is None:
            partial = partial.conjugate()
        elif partial.dtype.kind == "c":
            partial = engine.conjugate(partial)
        return Weighted(
            self.reduce.T,
            partial,
            self.expand.T,
            self.out_dtype,
            self.in_dtype,
            in_shape=self.out_shape,
            out_shape=self.in_shape,
        )

    def differentiate(self, t: Any, level: Any) -> tuple[tuple[Any, Any], list[tuple[Any, Any]]]:
        partial, dpartial = on_level(self.partial, level)
        primal, dt = on_level(t, level)
        here = Weighted(
            self.expand,
            partial,
            self.reduce,
            self.in_dtype,
            self.out_dtype,
            in_shape=self.in_shape,
            out_shape=self.out_shape,
        )
        edges = [] if dt is None else [(here, dt)]
        if dpartial is not None:
            expanded = total([(self.expand, primal)])
            other = Weighted(
                Broadcast(self.partial.shape, expanded.shape, self.partial.dtype),
                expanded,
                self.reduce,
                self.partial.dtype,
                self.out_dtype,
                out_shape=self.lead(primal) + self.out_shape,
            )
            edges.append((other, dpartial))
        return (here, primal), edges


class Contract(LinearMap):
    """Multiply by a partial (zero absorbs) along shared axes and sum: products of matrices and the like.

    Axes have names, those of the operand `own`, of the partial `other` and of the image `out`, as in
    `np.einsum`. Each name of the operand is one of the partial or of the image.
    """

    __slots__ = ("other", "out", "own", "partial")
    is_fixed = False
    makes_new = True

    def __init__(
        self,
        in_shape: Shape,
        own: str,
        partial: Any,
        other: str,
        out: str,
        in_dtype: Any,
        out_dtype: Any,
    ) -> None:
        partial = raw_or_live(partial)
        sizes = dict(zip(own, in_shape, strict=True)) | dict(zip(other, partial.shape, strict=True))
        super().__init__(in_shape, tuple(sizes[name] for name in out), in_dtype)
        self.out_dtype = out_dtype
        self.own, self.other, self.out = own, other, out
        self.partial = partial

    def live_parts(self) -> tuple[Any, ...]:
        return (self.partial,)

    def apply(self, t: Any) -> Any:
        image = engine.contract(t, self.own, self.partial, self.other, self.out)
        return engine.cast(image, self.out_dtype)

    @property
    def T(self) -> LinearMap:
        partial = self.partial
        if partial.dtype.kind == "c":
            partial = engine.conjugate(partial)
        return Contract(
            self.out_shape, self.out, partial, self.other, self.own, self.out_dtype, self.in_dtype
        )

    def differentiate(self, t: Any, level: Any) -> tuple[tuple[Any, Any], list[tuple[Any, Any]]]:
        partial, dpartial = on_level(self.partial, level)
        primal, dt = on_level(t, level)
        dtypes = self.in_dtype, self.out_dtype
        here = Contract(self.in_shape, self.own, partial, self.other, self.out, *dtypes)
        edges = [] if dt is None else [(here, dt)]
        if dpartial is not None:
            taken = {*self.own, *self.other, *self.out}
            free = (name for name in NAMES if name not in taken)
            lead = "".join(name for name, _ in zip(free, self.lead(primal)))
            other = Contract(
                self.partial.shape,
                self.other,
                primal,
                lead + self.own,
                lead + self.out,
                self.partial.dtype,
                self.out_dtype,
            )
            edges.append((other, dpartial))
        return (here, primal), edges


class FunctionMap(LinearMap):
    """A linear map given by two functions of values, itself and its transposed.

    The functions may depend on live values: what they compute with them is
    differentiated as any other program.
    """

    __slots__ = ("backward", "forward")
    is_fixed = False

    def __init__(
        self,
        in_shape: Shape,
        out_shape: Shape,
        dtype: Any,
        forward: Callable[[Any], Any],
        backward: Callable[[Any], Any],
    ) -> None:
        super().__init__(in_shape, out_shape, dtype)
        self.forward = forward
        self.backward = backward

    def image(self, t: Any) -> Any:
        """The image of a value, one direction after the other."""
        lead = self.lead(t)
        if not lead:
            return self.forward(t)
        rows = total([(Reshape(lead + self.in_shape, (-1, *self.in_shape), t.dtype), t)])
        images = []
        for i in range(int(np.prod(lead, dtype=np.int64))):
            row = Slice(rows.shape, self.in_shape, t.dtype, (i,), repeats=False)
            images.append(self.forward(total([(row, rows)])))
        shape = (len(images), *self.out_shape)
        places = [
            (Slice(shape, self.out_shape, t.dtype, (i,), repeats=False).T, image)
            for i, image in enumerate(images)
        ]
        return total([(Reshape(shape, lead + self.out_shape, t.dtype), total(places))])

    @property
    def T(self) -> LinearMap:
        return FunctionMap(
            self.out_shape, self.in_shape, self.in_dtype, self.backward, self.forward
        )


def total(edges: list[tuple[LinearMap, Any]]) -> Any:
    """The sum of linear maps applied to their operands.

    Parameters
    ----------
    edges
        Pairs (map, operand) whose images have one shape. Operands are raw
        arrays, live pairs or nodes of a tape.

    Returns
    -------
    raw array, live pair, node, or ``None`` for no edges

    Raises
    ------
    DirectionMismatch
        If operands carry different numbers of directions.
    """
    if not edges:
        return None
    first_map, first = edges[0]
    if type(first) is np.ndarray and len(edges) == 1 and first_map.is_fixed:
        return first_map.apply(first)
    if isinstance(first, Node):
        return Node(
            first_map.lead(first) + first_map.out_shape,
            first_map.out_dtype,
            [(m, t) for m, t in edges],
        )
    edges = [
        (Identity(m.lead(t) + m.out_shape, m.out_dtype), m.image(t))
        if isinstance(m, FunctionMap)
        else (m, t)
        for m, t in edges
    ]
    level, cls = top_level(part for m, t in edges for part in (t, *m.live_parts()))
    if level is None:
        return _sum_raw(edges)
    assert cls is not None
    primals, tangents = [], []
    for linear_map, t in edges:
        primal, parts = linear_map.differentiate(t, level)
        primals.append(primal)
        tangents += parts
    return make(cls, total(primals), total(tangents), level)


def _sum_raw(edges: list[tuple[LinearMap, Any]]) -> Any:
    (first_map, first), *rest = edges
    out = first_map.apply(raw_or_live(first))
    if not rest:
        return out
    shape = first_map.lead(first) + first_map.out_shape
    # an edge may hold leading axes in its own shape
    check_directions([m.lead(t) + m.out_shape for m, t in edges])
    if not first_map.makes_new:
        out = engine.owned(out, shape)
    for linear_map, t in rest:
        linear_map.accumulate(out, raw_or_live(t))
    return out


def check_directions(shapes: list[Shape]) -> None:
    """Raise unless the shapes of tangents agree: they differ in their directions only.

    Raises
    ------
    DirectionMismatch
        If they carry different numbers of directions.
    """
    for shape in shapes[1:]:
        if shape != shapes[0]:
            raise DirectionMismatch(
                "tangents of one level carry different numbers of directions: "
                f"{shapes[0][0]} and {shape[0]}"
            )


def combine(terms: list[tuple[Any, Any, Any]], shape: Shape, dtype: Any) -> Any:
    """The sum of partial times tangent, broadcast to the output; zero absorbs.

    Parameters
    ----------
    terms
        Triples (partial, tangent, x): the partial is a value or a number that
        broadcasts to the output, the tangent that of the value `x`.
    shape, dtype
        Those of the output.
    """
    if all(engine.is_raw(t) and not isinstance(c, Pair) for c, t, _ in terms):
        check_directions([t.shape[:1] for _, t, _ in terms])
        return engine.combine([(c, t, x.ndim) for c, t, x in terms], shape, dtype)
    identity = Identity(shape, dtype)
    return total(
        [
            (Weighted(Broadcast(x.shape, shape, x.dtype), c, identity, x.dtype, dtype), t)
            for c, t, x in terms
        ]
    )
