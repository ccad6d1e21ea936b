"""From duals to results: primal and tangent of one level, on the backend of the arguments."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import awkward as ak
import numpy as np

from awkward_dual import adapter
from awkward_dual.adapter import maybe_materialize
from awkward_dual.array import DualArray, as_dual, class_of, wrap
from awkward_dual.devices import device_of, dual_name, is_dual, plain_name
from awkward_dual.levels import inspection
from awkward_dual.operators.lazy import loaded
from awkward_dual.operators.leaves import refuse_opaque
from awkward_dual.operators.shortcuts import half_short
from awkward_dual.pair import Pair, lowest, on_level, raw_or_live, strong
from awkward_dual.runs import lend
from awkward_dual.tape import Node
from awkward_dual.trees import map_tree

__all__ = (
    "backend_of_inputs",
    "on_input_backend",
    "primal_part",
    "result_part",
    "tangent_part",
    "zeros_where_constant",
)


def primal_part(x: Any, level: Any) -> Any:
    """The primal of a result on `level`."""

    def layout_part(layout: Any) -> Any:
        def action(layout: Any, **_: Any) -> Any:
            if layout.is_numpy:
                (data,) = maybe_materialize(layout.data)
                primal, _tangent = on_level(data, level)
                lend(primal)
                data = primal if isinstance(primal, Pair) else class_of(primal)._new(primal)
                return ak.contents.NumpyArray(data, parameters=layout.parameters)
            return None

        if not is_dual(layout.backend.name):
            return layout
        return _mapped(layout, action)

    if isinstance(x, Pair):
        primal = on_level(x, level)[0]
        lend(primal)
        return wrap(strong(primal))
    refuse_opaque(x)
    return np.float64(x) if type(x) is float else _each_layout(x, layout_part)


def tangent_part(x: Any, level: Any, directions: int = 1) -> Any:
    """The tangent of a result on `level`, in the shape of its primal.

    The tangent of a result that does not depend on the arguments is zero (of any
    result, for the level ``None``). A tangent along several directions has them
    as a last, regular axis.
    """
    last = () if directions == 1 else (directions,)

    def layout_part(layout: Any) -> Any:
        on_dual = is_dual(layout.backend.name)

        def action(layout: Any, **_: Any) -> Any:
            if layout.parameter("__array__") in ("string", "bytestring"):
                return ak.zeros_like(layout, highlevel=False)
            if not layout.is_numpy:
                return None
            (data,) = maybe_materialize(layout.data)
            tangent = on_level(data, level)[1] if on_dual else None
            if tangent is None:
                zeros = ak.zeros_like(layout, highlevel=False)
                if last and layout.dtype.kind in "fc":
                    data = zeros.backend.nplike.zeros((*zeros.shape, *last), dtype=zeros.dtype)
                    zeros = ak.contents.NumpyArray(data, parameters=layout.parameters)
                return zeros
            lend(tangent)
            data = _directions_last(tangent)
            data = data if isinstance(data, Pair) else class_of(data)._new(data)
            return ak.contents.NumpyArray(data, parameters=layout.parameters)

        return _mapped(layout, action)

    if isinstance(x, Pair):
        tangent = on_level(x, level)[1]
        if tangent is None:
            raw = lowest(x)
            own = last if raw.dtype.kind in "fc" else ()
            return wrap(np.zeros_like(raw, shape=(*raw.shape, *own)))
        lend(tangent)
        return wrap(_directions_last(tangent))
    if isinstance(x, np.ndarray | np.generic | int | float | complex) or device_of(x) is not None:
        zeros = np.zeros_like(x)[()]
        return (
            zeros if not last or zeros.dtype.kind not in "fc" else np.zeros((*zeros.shape, *last))
        )
    if ak.typetracer.is_unknown_scalar(x):
        return x
    return _each_layout(x, layout_part) if isinstance(x, ak.Array | ak.Record) else None


def result_part(part: Callable[[Any, Any], Any], x: Any, level: Any, backend: str) -> Any:
    """`primal_part` or `tangent_part` of a result, on the backend of the inputs."""
    is_short = part is primal_part or part is tangent_part
    if (
        is_short
        and backend == "cpu"
        and isinstance(x, ak.Array)
        and x.layout.backend.name == "dual"
    ):
        short = half_short(x.layout, level, 0 if part is primal_part else 1)
        if short is not None:
            return ak.Array(short, behavior=x.behavior, attrs=x.attrs)
    return on_input_backend(part(x, level), backend)


def _mapped(layout: Any, action: Callable[..., Any]) -> Any:
    """A layout with `action` applied to its nodes, of calls that have ended too."""
    with inspection():
        return adapter.recursively_apply(layout, action)


def _each_layout(x: Any, part: Callable[[Any], Any]) -> Any:
    """A high-level object with its layout mapped; anything else as it is."""
    if isinstance(x, ak.Array):
        if ak.backend(x) == "typetracer":
            return x
        return ak.Array(part(x.layout), behavior=x.behavior, attrs=x.attrs)
    if isinstance(x, ak.Record):
        at = x.layout.at
        with inspection():
            one = x.layout.array[at : at + 1]
        record = ak.record.Record(part(one), 0)
        return ak.Record(record, behavior=x.behavior, attrs=x.attrs)
    return x


def _directions_last(tangent: Any) -> Any:
    """A tangent of shape ``(k, *shape)`` without its axis for ``k = 1``, else with it last."""
    if isinstance(tangent, Node):
        raise TypeError(
            "under vjp and grad a tangent is recorded, not computed; use jvp or jacfwd to see it"
        )
    if tangent.shape[0] == 1:
        return raw_or_live(as_dual(tangent)[0])
    return raw_or_live(as_dual(tangent).transpose(*range(1, tangent.ndim), 0))


def zeros_where_constant(x: Any) -> Any:
    """`x` with its integer, boolean and string leaves as ``ak.zeros_like`` has them."""

    def action(layout: Any, **_: Any) -> Any:
        strings = layout.parameter("__array__") in ("string", "bytestring")
        if strings or (layout.is_numpy and layout.dtype.kind not in "fc"):
            return ak.zeros_like(layout, highlevel=False)
        return None

    return _each_layout(x, lambda layout: _mapped(layout, action))


def on_input_backend(x: Any, name: str) -> Any:
    """`x` on the backend of the inputs, unless it carries a live tangent of another level."""
    if isinstance(x, ak.Array | ak.Record):
        own = ak.backend(x)
        if not is_dual(own) or is_dual(name) or _is_live_layout(x.layout):
            return x
        # what met arrays of the GPU is there
        return ak.to_backend(x, plain_name(own))
    if isinstance(x, DualArray) and not is_dual(name):
        value = raw_or_live(x)
        return x if isinstance(value, Pair) else value
    return x


def _is_live_layout(layout: Any) -> bool:
    found = False

    def action(layout: Any, **_: Any) -> None:
        nonlocal found
        if layout.is_numpy and layout.dtype.kind in "fc":
            found = found or isinstance(loaded(layout.data), Pair)

    layout = layout.array if isinstance(layout, ak.record.Record) else layout
    with inspection():
        adapter.recursively_apply(layout, action, return_array=False)
    return found


def backend_of_inputs(tree: Any) -> str:
    """The backend on which results come back."""
    names: set[str] = set()

    def look(x: Any, path: str) -> None:
        if isinstance(x, ak.Array | ak.Record):
            names.add(x.layout.backend.name)
        elif isinstance(x, DualArray) and x.ndim:
            names.add(dual_name("cuda") if device_of(lowest(x)) is not None else "dual")
        elif device_of(x) is not None:
            names.add("cuda")

    map_tree(look, tree)
    known = ("typetracer", "dual-cuda", "dual", "cuda")
    return next((name for name in known if name in names), "cpu")
