"""Arrays of lists with dual numbers: what ``ak.from_iter`` does beside what it did.

Awkward's builder knows plain numbers only. So a list with duals is built twice,
once of their primals and once of their places in a list of all duals, and the
tangents are taken from there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import awkward as ak
import numpy as np

from awkward_dual import adapter, apply
from awkward_dual.array import as_dual
from awkward_dual.devices import device_of
from awkward_dual.linear import Cast, Take, total
from awkward_dual.pair import Pair, lowest, raw_or_live

__all__ = ("joining_duals", "leaves_of")


#: what can be read more than once
_READ_TWICE = frozenset((list, tuple, dict, str, np.ndarray))


def joining_duals(original: Callable[..., Any]) -> Callable[..., Any]:
    """Lists with dual numbers build dual arrays: the idiom of loops in Python."""

    def _impl(iterable: Any, *args: Any, **kwargs: Any) -> Any:
        if type(iterable) not in _READ_TWICE and isinstance(iterable, Iterable):
            iterable = _listed(iterable)
        try:
            return original(iterable, *args, **kwargs)
        except (TypeError, ValueError):
            duals: list[Any] = []
            numbers = _split(iterable, duals, numbers=True)
            if not duals:
                raise
            tickets = _split(iterable, [], numbers=False)
            return _join(
                original(numbers, *args, **kwargs), original(tickets, *args, **kwargs), duals
            )

    return _impl


def _listed(iterable: Any) -> Any:
    """A generator can be read once only; Awkward's own types are read by Awkward."""
    is_stream = iter(iterable) is iterable
    return list(iterable) if is_stream else iterable


def _split(tree: Any, duals: list[Any], *, numbers: bool) -> Any:
    """A nested list with each dual number as its primal, or as its place in `duals`.

    Among the places all other numbers are -1, so that both lists build arrays of
    the same structure.
    """
    if isinstance(tree, ak.Array | ak.Record):
        tree = tree.to_list()
    if isinstance(tree, Pair):
        if tree.ndim:
            items: Any = tree
            return [_split(item, duals, numbers=numbers) for item in items]
        if not apply.live_among([tree]):
            return lowest(tree) if numbers else -1.0
        duals.append(tree)
        if numbers:
            return tree.dtype.type(lowest(tree))
        place = len(duals) - 1
        return complex(place) if tree.dtype.kind == "c" else float(place)
    if isinstance(tree, dict):
        return {key: _split(item, duals, numbers=numbers) for key, item in tree.items()}
    if isinstance(tree, tuple):
        return tuple(_split(item, duals, numbers=numbers) for item in tree)
    if isinstance(tree, str | bytes | bool | np.bool_) or tree is None:
        return tree
    if isinstance(tree, np.ndarray):
        tree = tree.tolist()
    if isinstance(tree, Iterable):
        return [_split(item, duals, numbers=numbers) for item in tree]
    if not numbers and isinstance(tree, int | float | complex | np.number):
        return -1.0 + 0j if isinstance(tree, complex | np.complexfloating) else -1.0
    return tree


def _join(values: Any, tickets: Any, duals: list[Any]) -> Any:
    """The array of `values` with the tangents of the duals that its leaves stand for."""
    # Awkward builds arrays from lists on the host
    duals = [device.arrays.home(d) if (device := device_of(lowest(d))) else d for d in duals]
    dtype = np.result_type(*(d.dtype for d in duals))
    stacked = raw_or_live(as_dual([d.astype(dtype) for d in duals]))
    places = iter(leaves_of(ak.to_layout(tickets).to_backend("dual")))

    def action(layout: Any, **_: Any) -> Any:
        if not layout.is_numpy:
            return None
        raw, index = lowest(layout.data), np.real(lowest(next(places))).astype(np.int64)
        if raw.dtype.kind not in "fc":
            return layout

        def tangent(y: Any, x: list[Any], dx: list[Any]) -> Any:
            taken = total([(Take(x[0].shape, index, x[0].dtype), dx[0])])
            return total([(Cast(index.shape, x[0].dtype, y.dtype), taken)])

        data = apply.lift(raw, [stacked], tangent)
        return ak.contents.NumpyArray(data, parameters=layout.parameters)

    layout = adapter.recursively_apply(ak.to_layout(values).to_backend("dual"), action)
    if not isinstance(values, ak.Array | ak.Record):
        return layout
    return type(values)(layout, behavior=values.behavior, attrs=values.attrs)


def leaves_of(layout: Any) -> list[Any]:
    out: list[Any] = []

    def action(layout: Any, **_: Any) -> None:
        if layout.is_numpy:
            # a virtual buffer does not tell whether it is live before it is loaded
            out.extend(adapter.maybe_materialize(layout.data))

    adapter.recursively_apply(layout, action, return_array=False)
    return out
