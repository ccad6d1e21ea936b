"""Rules of NumPy functions that are no ufuncs.

Three ways to say what a function does to tangents:

- `_mover`: it only moves elements or fills with zero (kind select);
- `_maps`: it is one of the linear maps (kind linear);
- `program`: it equals a program of operations that have rows (kind smooth, or
  select where the program is a gather).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from awkward_dual import calls, movers
from awkward_dual.apply import live_among
from awkward_dual.linear import Cast, Cumulate, Identity, LinearMap, Reshape, Sum, Take, Weighted
from awkward_dual.pair import lowest
from awkward_dual.rules.programs import as_array, as_axes, program
from awkward_dual.rules.table import Kind, Rule, rule

# -- step

for _name in [
    "all",
    "any",
    "allclose",
    "isclose",
    "array_equal",
    "array_equiv",
    "argmax",
    "argmin",
    "argsort",
    "argpartition",
    "argwhere",
    "nanargmax",
    "nanargmin",
    "count_nonzero",
    "nonzero",
    "flatnonzero",
    "searchsorted",
    "digitize",
    "iscomplex",
    "isreal",
    "iscomplexobj",
    "isrealobj",
    "isneginf",
    "isposinf",
    "isin",
    "lexsort",
    "shape",
    "ndim",
    "size",
    "zeros_like",
    "ones_like",
    "empty_like",
    "round",
    "around",
    "fix",
    "result_type",
    "can_cast",
    "common_type",
    "min_scalar_type",
    "shares_memory",
    "may_share_memory",
]:
    rule(getattr(np, _name), Kind.STEP)

# -- movers


def _mover(*functions: Any, data: tuple[int, ...] = (0,)) -> None:
    for function in dict.fromkeys(functions):
        rule(function, Kind.SELECT, apply=movers.apply_mover, data=data)


_mover(
    np.copy, np.repeat, np.tile, np.roll, np.flip, np.fliplr, np.flipud, np.rot90, np.take,
    np.take_along_axis, np.delete, np.diag, np.diagonal, np.linalg.diagonal, np.diagflat, np.tril,
    np.triu, np.resize, np.split, np.array_split, np.hsplit, np.vsplit, np.dsplit, np.dstack,
    np.column_stack, np.block, *filter(None, [getattr(np, "unstack", None)]),
)  # fmt: skip
_mover(np.broadcast_arrays, np.meshgrid, data=tuple(range(32)))

# -- views: those of one array of C order are linear maps


def _views(apply: Any, *functions: Any, data: tuple[int, ...] = (0,)) -> None:
    for function in dict.fromkeys(functions):
        rule(function, Kind.SELECT, apply=apply, data=data)


_views(movers.apply_permutation, np.transpose, np.swapaxes, np.moveaxis, np.rollaxis,
       np.matrix_transpose, np.linalg.matrix_transpose)  # fmt: skip
_views(movers.apply_reshape, np.ravel, np.reshape, np.squeeze, np.expand_dims)
_views(movers.apply_reshape, np.atleast_1d, np.atleast_2d, np.atleast_3d, data=tuple(range(32)))
_views(movers.apply_broadcast, np.broadcast_to)

# -- joined and chosen


@program(np.stack, kind=Kind.SELECT)
def _stack(xp: Any, arrays: Any, axis: Any = 0, out: Any = None, *, dtype: Any = None,
           casting: Any = "same_kind") -> Any:  # fmt: skip
    return xp.concatenate([xp.expand_dims(as_array(x), axis) for x in arrays], axis=axis)


@program(np.vstack, kind=Kind.SELECT)
def _vstack(xp: Any, tup: Any, *, dtype: Any = None, casting: Any = "same_kind") -> Any:
    return xp.concatenate([xp.atleast_2d(as_array(x)) for x in tup], axis=0)


@program(np.hstack, kind=Kind.SELECT)
def _hstack(xp: Any, tup: Any, *, dtype: Any = None, casting: Any = "same_kind") -> Any:
    found = [xp.atleast_1d(as_array(x)) for x in tup]
    return xp.concatenate(found, axis=0 if found[0].ndim == 1 else 1)


@program(np.trim_zeros, kind=Kind.SELECT)
def _trim_zeros(xp: Any, filt: Any, trim: Any = "fb") -> Any:
    if np.ndim(filt) != 1:
        raise TypeError("np.trim_zeros of a live array supports one axis only")
    places = np.flatnonzero(lowest(filt))
    trim = trim.lower()
    start = places[0] if len(places) and "f" in trim else 0
    stop = places[-1] + 1 if len(places) and "b" in trim else len(filt)
    return filt[start:stop] if len(places) else filt[:0]


def _where(_xp: Any, _y: Any, condition: Any, _a: Any, _b: Any) -> tuple[Any, ...]:
    return None, condition, ~condition


rule(np.where, Kind.SELECT, apply=movers.apply_where, data=(1, 2), elementwise=_where)
rule(np.concatenate, Kind.SELECT, apply=movers.apply_concatenate, data=(0,))
_mover(np.extract, np.compress, np.choose, data=(1,))
_mover(np.select, data=(1, 2))
_mover(np.append, data=(0, 1))
_mover(np.insert, data=(0, 2))

# -- linear maps


def _maps(function: Any, body: Callable[..., list[LinearMap]], of: str | None = None) -> Rule:
    return rule(function, Kind.LINEAR, body, apply=calls.apply_maps, of=of)


def _imag(y: Any, val: Any) -> list[LinearMap]:
    whole = Identity(val.shape, val.dtype)
    return [Weighted(whole, -1j if val.dtype.kind == "c" else 0, whole, val.dtype, y.dtype)]


def _sum(
    y: Any, a: Any, axis: Any = None, dtype: Any = None, out: None = None, keepdims: Any = False
) -> list[LinearMap]:
    axes = as_axes(a, axis)
    kept = tuple(1 if i in axes else n for i, n in enumerate(a.shape))
    return [
        Cast(a.shape, a.dtype, y.dtype),
        Sum(a.shape, kept, y.dtype),
        Reshape(kept, y.shape, y.dtype),
    ]


def _cumsum(y: Any, a: Any, axis: Any = None, dtype: Any = None, out: None = None) -> list[Any]:
    return [
        Cast(a.shape, a.dtype, y.dtype),
        Reshape(a.shape, y.shape, y.dtype),
        Cumulate(y.shape, -1 if axis is None else int(axis), y.dtype),
    ]


_maps(np.real, lambda y, val: [Cast(val.shape, val.dtype, y.dtype)])
_maps(np.imag, _imag)
_maps(np.sum, _sum)
_maps(np.cumsum, _cumsum)


def _bincount(y: Any, x: Any, weights: Any = None, minlength: int = 0) -> list[LinearMap]:
    to_bins = Take(y.shape, np.asarray(lowest(x), dtype=np.int64), y.dtype).T
    return [Cast(to_bins.in_shape, weights.dtype, y.dtype), to_bins]


_maps(np.bincount, _bincount, of="weights")

# -- programs


@program(np.full_like, kind=Kind.SELECT)
def _full_like(xp: Any, a: Any, fill_value: Any, dtype: Any = None, order: Any = "K",
               subok: bool = True, shape: Any = None) -> Any:  # fmt: skip
    return xp.broadcast_to(fill_value, np.shape(a) if shape is None else shape)


def _clip(xp: Any, a: Any, a_min: Any = None, a_max: Any = None, out: Any = None, *,
          min: Any = None, max: Any = None) -> Any:  # fmt: skip
    low = min if a_min is None else a_min
    high = max if a_max is None else a_max
    y = a if low is None else xp.maximum(a, low)
    return y if high is None else xp.minimum(y, high)


def _unclipped(xp: Any, y: Any, a: Any) -> tuple[Any, ...]:
    return ((y == a) | xp.isnan(a),)


def _in_order(a_min: Any = None, a_max: Any = None, out: Any = None, *, min: Any = None,
              max: Any = None) -> bool:  # fmt: skip
    """Whether an element that is its own result lies between the bounds: where they are crossed all are constant."""
    low, high = (min if a_min is None else a_min), (max if a_max is None else a_max)
    return low is None or high is None or bool(np.all(np.less_equal(low, high)))


rule(
    np.clip, Kind.SMOOTH, _clip, apply=calls.apply_replacing, elementwise=_unclipped, fits=_in_order
)


#: how `np.pad` may fill by moving elements
_PADDING = ("constant", "edge", "reflect", "symmetric", "wrap", "empty")


@program(np.pad, kind=Kind.SELECT)
def _pad(xp: Any, array: Any, pad_width: Any, mode: Any = "constant", **kwargs: Any) -> Any:
    if (
        mode not in _PADDING
        or kwargs.get("reflect_type") == "odd"
        or live_among([*kwargs.values()])
    ):
        raise TypeError(f"np.pad of a live array fills by {', '.join(_PADDING)}, with constants")
    numbers = xp.arange(1, array.size + 1).reshape(array.shape)
    kwargs.pop("constant_values", None)
    numbers = xp.pad(numbers, pad_width, "constant" if mode == "empty" else mode, **kwargs)
    if not array.size:
        return xp.zeros(numbers.shape)
    return xp.where(numbers > 0, xp.ravel(array)[xp.maximum(numbers - 1, 0)], 0)


@program(np.piecewise, kind=Kind.SELECT)
def _piecewise(xp: Any, x: Any, condlist: Any, funclist: Any, *args: Any, **kw: Any) -> Any:
    # as NumPy tells one condition from several
    is_one = np.ndim(condlist) == 0 or (x.ndim and np.ndim(condlist[0]) == 0)
    found = [condlist] if is_one else list(condlist)
    masks = [xp.asarray(lowest(mask), dtype=bool) for mask in found]
    if len(funclist) == len(masks) + 1:
        masks.append(~np.logical_or.reduce(masks))
    y: Any = xp.zeros(x.shape)
    for mask, function in zip(masks, funclist, strict=True):
        if callable(function):
            if not mask.any():
                continue
            values = function(x[mask], *args, **kw)
            if np.ndim(values):
                places = xp.maximum(xp.cumsum(mask.reshape(-1)) - 1, 0)
                values = values[places].reshape(x.shape)
            y = xp.where(mask, values, y)
        else:
            y = xp.where(mask, function, y)
    return y


def _nan_to_num(xp: Any, x: Any, copy: Any = True, nan: Any = 0.0, posinf: Any = None,
                neginf: Any = None) -> Any:  # fmt: skip
    if x.dtype.kind == "c":
        re = _nan_to_num(xp, xp.real(x), copy, nan, posinf, neginf)
        return re + 1j * _nan_to_num(xp, xp.imag(x), copy, nan, posinf, neginf)
    if x.dtype.kind not in "fc":
        return x
    if not live_among([nan, posinf, neginf]):
        # the value is NumPy's: here only the tangents count
        return xp.where(xp.isfinite(x), x, 0)
    limits = np.finfo(x.dtype)
    y = xp.where(xp.isnan(x), nan, x)
    y = xp.where(xp.isposinf(x), limits.max if posinf is None else posinf, y)
    return xp.where(xp.isneginf(x), limits.min if neginf is None else neginf, y)


def _finite_only(xp: Any, _y: Any, x: Any) -> tuple[Any, ...]:
    return (xp.isfinite(x),)


rule(np.nan_to_num, Kind.SELECT, _nan_to_num, apply=calls.apply_replacing, elementwise=_finite_only)


@program(np.angle)
def _angle(xp: Any, z: Any, deg: bool = False) -> Any:
    y = xp.arctan2(xp.imag(z), xp.real(z))
    return y * (180.0 / np.pi) if deg else y


@program(np.sinc)
def _sinc(xp: Any, x: Any) -> Any:
    t = np.pi * x
    near = xp.absolute(t) < 1
    # sin(t) / t has no derivative at 0; its power series, to full precision, has all of them
    square = xp.where(near, t * t, 0)
    series = 1.0
    for n in range(20, 0, -2):
        series = 1 - square / (n * (n + 1)) * series
    return xp.where(near, series, xp.sin(t) / xp.where(near, 1, t))
