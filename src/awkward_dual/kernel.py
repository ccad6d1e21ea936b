"""Awkward's kernels over dual buffers."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np

from awkward_dual import apply, engine
from awkward_dual.adapter import direct_kernel, materialized
from awkward_dual.errors import MissingTangentRule
from awkward_dual.linear import (
    Broadcast,
    Cast,
    Identity,
    LinearMap,
    SegmentSum,
    Take,
    Weighted,
    total,
)
from awkward_dual.pair import Pair, is_recorded, lowest, raw_or_live, top_level
from awkward_dual.rules import Kind, Rule, find
from awkward_dual.runs import Pending, sum_segments

__all__ = ("DualKernel",)

_PASSIVE = (Kind.STRUCTURE, Kind.STEP)


class DualKernel:
    """A kernel that runs on primals and moves tangents by its row.

    Parameters
    ----------
    key
        The kernel's name and dtypes, as Awkward looks it up.
    backend
        The backend of the primals, which has the compiled kernel.
    """

    __slots__ = ("_backend", "_raw", "key", "row")

    def __init__(self, key: tuple[Any, ...], backend: Any) -> None:
        self.key = key
        self.row = find(key[0])
        self._backend = backend
        self._raw = self._callable(backend[key])

    @staticmethod
    def _callable(kernel: Any) -> Any:
        """The kernel as it is called with raw arrays."""
        return direct_kernel(kernel)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.key[0]}>"

    def __call__(self, *args: Any) -> Any:
        args = materialized(args)
        row = self.row
        if row is not None and row.kind in _PASSIVE:
            return self._raw(*[lowest(a) if isinstance(a, Pair) else a for a in args])
        if row is None:
            if apply.live_among(args):
                raise MissingTangentRule(self.key[0], "buffers", args[0].dtype)
            return self._raw(*[lowest(a) for a in args])
        named = dict(zip(row.option("args"), args, strict=True))
        if row.option("in_place"):
            return self._run_in_place(row, named, args)
        error = self._raw(*[lowest(a) for a in args])
        if not _failed(error) and apply.live_among(args):
            self._set_tangent(row, named)
        return error

    # -- kernels that write a fresh buffer

    def _set_tangent(self, row: Rule, named: dict[str, Any]) -> None:
        out = named["toptr"]
        values = {k: raw_or_live(v) for k, v in named.items() if isinstance(v, Pair)}
        del values["toptr"]
        raw_y = lowest(out)
        if row.option("pairs"):
            dtype = np.result_type(raw_y.dtype, np.complex64)
            values["fromptr"] = apply.reinterpret(values["fromptr"], dtype)
            raw_y = raw_y.view(dtype)
        pending = self._pending_sums(row, named, values, raw_y.dtype)
        if pending is not None:
            out._replace(pending)
            return
        names = list(values)
        constants = {k: v for k, v in named.items() if k not in values}

        def tangent(y: Any, x: list[Any], dx: list[Any]) -> Any:
            return self._tangent(row, y, dict(zip(names, x, strict=True)) | constants,
                                 dict(zip(names, dx, strict=True)))  # fmt: skip

        y = apply.lift(raw_y, list(values.values()), tangent)
        if row.option("pairs"):
            y = apply.reinterpret(y, lowest(out).dtype)
        out._replace(y)

    def _pending_sums(
        self, row: Rule, named: dict[str, Any], values: dict[str, Any], dtype: Any
    ) -> Any:
        """The sums of data whose tangent is pending, which need not be there as a whole."""
        x = values.get("fromptr")
        if not isinstance(x, Pair) or x.plain is None or row.kind is not Kind.LINEAR:
            return None
        level, cls = top_level(values.values())
        if x._level is not level or cls is None:
            return None
        t = x.noted
        if type(t) is not Pending or x.dtype != dtype or type(x._primal) is not np.ndarray:
            return None
        a = self._arguments(row, named, dtype)
        dy = sum_segments(t, a.offsets)
        return cls._new(lowest(named["toptr"]), dy, level)

    def _tangent(self, row: Rule, y: Any, x: dict[str, Any], dx: dict[str, Any]) -> Any:
        a = self._arguments(row, x, y.dtype, is_kept=any(map(is_recorded, dx.values())))
        sweep = row.option("sweep")
        if sweep is not None and (out := sweep(a, y, dx)) is not None:
            return out
        xp = engine.array_module(lowest(y))
        if row.kind is Kind.SELECT:
            index = row.body(xp, lowest(y), a)
            return total(_picked(index, y, x, dx))
        segments = a.segments
        dtype, dx_of = self._shifted(row, a, x, dx, y.dtype)
        if row.kind is Kind.LINEAR:
            if type(dx_of) is np.ndarray and dtype == y.dtype:
                return engine.segment_sum(dx_of, a.offsets)
            partial: Any = 1
        else:
            with np.errstate(**apply.QUIET):
                partial = row.body(xp, y, a)
        here = Identity(segments.in_shape, y.dtype)
        return total([(Weighted(here, partial, segments, dtype, y.dtype), dx_of)])

    def _shifted(
        self, row: Rule, a: Any, x: dict[str, Any], dx: dict[str, Any], dtype: Any
    ) -> tuple[Any, Any]:
        """The tangent of the data, less that of what is subtracted from each bin, and its dtype."""
        own, shift = dx["fromptr"], row.option("shift")
        data = x["fromptr"].dtype
        if shift is None or dx[shift] is None:
            return data, own
        shape = a.segments.in_shape
        edges: list[tuple[LinearMap, Any]] = (
            [] if own is None else [(Cast(shape, data, dtype), own)]
        )
        spread = Weighted(a.segments.T, -1, Identity(shape, dtype), x[shift].dtype, dtype)
        return dtype, total([*edges, (spread, dx[shift])])

    def _arguments(self, row: Rule, x: dict[str, Any], dtype: Any, *, is_kept: bool = False) -> Any:
        """The kernel's arguments as the rule's body sees them; a tape keeps its own offsets."""
        plain = {k: lowest(x[k]) for k in row.option("args") if k != "toptr"}
        a = _Arguments(**(plain if row.kind is Kind.SELECT else plain | x))
        count = plain["outlength"] + 1 if "outlength" in plain else plain["offsetslength"]
        a.offsets = plain["offsets"][: int(count)]
        if is_kept:
            a.offsets = a.offsets.copy()
        a.segments = SegmentSum(len(plain["fromptr"]), a.offsets, dtype)
        a.permutation = lambda: self._permutation(plain)
        return a

    def _permutation(self, plain: dict[str, Any]) -> Any:
        """Where each sorted element comes from within its bin, by the kernel's own comparator."""
        x = plain["fromptr"]
        index = engine.array_module(x).zeros(len(x), dtype=np.int64)
        argsort = self._backend[
            "awkward_argsort", np.int64, x.dtype.type, plain["offsets"].dtype.type
        ]
        argsort(index, *plain.values())
        return index

    # -- the kernel that compacts a buffer in place

    def _run_in_place(self, row: Rule, named: dict[str, Any], args: Any) -> Any:
        buffer, new_offsets = named["toptr"], named["tooffsets"]
        if buffer.dtype.kind not in "fc":
            return self._raw(*[lowest(a) for a in args])
        count = int(named["offsetslength"])
        a = SimpleNamespace(toptr=lowest(buffer), offsets=lowest(named["fromoffsets"])[:count])
        index, offsets = row.body(np, None, a)
        raw_y = lowest(buffer)[np.maximum(index, 0)]
        buffer._replace(apply.map_through(raw_y, buffer, Take(buffer.shape, index, buffer.dtype)))
        lowest(new_offsets)[:count] = offsets
        return None


class _Arguments(SimpleNamespace):
    """A kernel's arguments by name, and what rules ask about its bins."""

    segments: SegmentSum

    @property
    def segment(self) -> Any:
        """For each element the bin that holds it, -1 for none."""
        return self.segments.parents


def _failed(error: Any) -> bool:
    return error is not None and getattr(error, "str", None) is not None


def _picked(
    index: Any, y: Any, x: dict[str, Any], dx: dict[str, Any]
) -> list[tuple[LinearMap, Any]]:
    """The edges of a selection; an index beyond the data stands for the identity."""
    data = x["fromptr"]
    edges: list[tuple[LinearMap, Any]] = []
    if dx["fromptr"] is not None:
        own = np.where(index < len(data), index, -1)
        edges.append((Take(data.shape, own, y.dtype), dx["fromptr"]))
    if dx.get("identity") is not None:
        here = Identity(y.shape, y.dtype)
        spread = Broadcast((), y.shape, x["identity"].dtype)
        wins = index == len(data)
        edges.append((Weighted(spread, wins, here, x["identity"].dtype, y.dtype), dx["identity"]))
    return edges
