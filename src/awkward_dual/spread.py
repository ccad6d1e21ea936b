"""Variances along ragged axes: what ``ak.var`` does beside what it did.

Where lists of different lengths are reduced across, Awkward computes the mean of the
squares minus the square of the mean. Of a bin without spread both terms have the same
derivative, so that their difference is zero; but under a square root both of their
cotangents are infinite, and infinity minus infinity is no number. A variance does not
change when a constant is subtracted: with one element of each bin as its constant, both
terms have the derivative zero there, which absorbs the infinity.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import awkward as ak
import numpy as np

from awkward_dual import adapter, apply
from awkward_dual.array import class_of
from awkward_dual.devices import array_module, is_dual
from awkward_dual.from_iter import leaves_of
from awkward_dual.levels import new_level
from awkward_dual.linear import Identity, total
from awkward_dual.pair import Pair, lowest, make, raw_or_live
from awkward_dual.tape import Node, pull_back

__all__ = ("centring",)


def centring(original: Callable[..., Any]) -> Callable[..., Any]:
    """The value of ``ak.var``, and the tangent of that of centred elements."""

    def _impl(x: Any, weight: Any, ddof: Any, axis: Any, *args: Any, **options: Any) -> Any:
        out = original(x, weight, ddof, axis, *args, **options)
        if not _is_across(x, axis) or not apply.live_among(leaves_of(ak.to_layout(out))):
            return out
        if weight is not None and _kinds(weight) & {"c"}:
            # there the mean of squares minus the square of the mean depends on constants
            return out
        x = _plain_floats(x)
        with np.errstate(**apply.QUIET):
            x = x - _one_of_each_bin(x, axis)
        centred = original(x, weight, ddof, axis, *args, **options)
        return _with_values_of(out, centred)

    return _impl


def _kinds(x: Any) -> set[str]:
    return {leaf.dtype.kind for leaf in leaves_of(ak.to_layout(x))}


def _plain_floats(x: Any) -> Any:
    """`x` with a place for each element, which belongs to one bin alone, and without behaviors."""
    x = ak.without_parameters(ak.to_packed(x if isinstance(x, ak.Array) else ak.Array(x)))
    return ak.values_astype(x, np.float64) if _kinds(x) & set("biu") else x


def _is_across(x: Any, axis: Any) -> bool:
    """Whether ragged lists are reduced across, on the dual backend."""
    layout = x.layout if isinstance(x, ak.Array) else x
    if not isinstance(layout, ak.contents.Content) or not is_dual(layout.backend.name):
        return False
    low, high = layout.minmax_depth
    if axis is None or low != high or layout.purelist_isregular:
        return False
    return isinstance(axis, str) or axis not in (-1, high - 1)


def _one_of_each_bin(x: Any, axis: Any) -> Any:
    """A constant in the layout of `x`: for each element the largest of its bin.

    A sum's transposed map spreads what belongs to bins over their elements.
    """
    starts: list[Node] = []

    def start(layout: Any, **_: Any) -> Any:
        if not layout.is_numpy:
            return None
        raw = lowest(layout.data)
        starts.append(Node(raw.shape, raw.dtype))
        return ak.contents.NumpyArray(class_of(raw)._new(raw, starts[-1], level))

    with new_level() as level:
        elements = ak.Array(adapter.recursively_apply(x.layout, start), attrs=x.attrs)
        sums = ak.sum(elements, axis=axis, keepdims=True)
        largest = ak.max(elements, axis=axis, keepdims=True, mask_identity=False)
        seeds = [
            (y._tangent, lowest(w))
            for y, w in zip(leaves_of(sums.layout), leaves_of(largest.layout), strict=True)
        ]
    spread = iter(pull_back(seeds, starts, total, lambda n: Identity(n.shape, n.dtype)))

    def put(layout: Any, **_: Any) -> Any:
        if not layout.is_numpy:
            return None
        constant = next(spread)
        if constant is None:
            constant = array_module(lowest(layout.data)).zeros(layout.data.shape, layout.dtype)
        return ak.contents.NumpyArray(class_of(constant)._new(constant))

    return ak.Array(adapter.recursively_apply(x.layout, put))


def _with_values_of(out: Any, centred: Any) -> Any:
    """`centred` with the lowest primals of `out`, which has its structure."""
    leaves = iter(leaves_of(ak.to_layout(centred)))

    def action(layout: Any, **_: Any) -> Any:
        if not layout.is_numpy:
            return None
        data = _with_value(lowest(layout.data), raw_or_live(next(leaves)))
        data = data if isinstance(data, Pair) else class_of(data)._new(data)
        return ak.contents.NumpyArray(data, parameters=layout.parameters)

    if isinstance(out, ak.Array):
        layout = adapter.recursively_apply(out.layout, action)
        return ak.Array(layout, behavior=out.behavior, attrs=out.attrs)
    return adapter.recursively_apply(out, action)


def _with_value(raw: Any, y: Any) -> Any:
    if not isinstance(y, Pair):
        return raw
    return make(type(y), _with_value(raw, y._primal), y._tangent, y._level)
