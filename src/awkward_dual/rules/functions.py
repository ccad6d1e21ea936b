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

from awkward_dual import calls
from awkward_dual.apply import live_among
from awkward_dual.linear import Cast, Cumulate, Identity, LinearMap, Reshape, Sum, Take, Weighted
from awkward_dual.pair import lowest
from awkward_dual.rules.programs import count, finish, last, program
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
        rule(function, Kind.SELECT, apply=calls.apply_mover, data=data)


_mover(
    np.copy, np.ravel, np.reshape, np.transpose, np.swapaxes, np.moveaxis, np.rollaxis,
    np.squeeze, np.expand_dims, np.broadcast_to, np.repeat, np.tile, np.roll, np.flip,
    np.fliplr, np.flipud, np.rot90, np.take, np.take_along_axis, np.delete, np.diag,
    np.diagonal, np.diagflat, np.tril, np.triu, np.resize, np.trim_zeros,
    np.split, np.array_split, np.hsplit, np.vsplit, np.dsplit, np.stack,
    np.hstack, np.vstack, np.dstack, np.column_stack, np.block, np.matrix_transpose,
    np.linalg.matrix_transpose, np.linalg.diagonal, *filter(None, [getattr(np, "unstack", None)]),
)  # fmt: skip
_mover(np.broadcast_arrays, np.meshgrid, np.atleast_1d, np.atleast_2d, np.atleast_3d,
       data=tuple(range(32)))  # fmt: skip


def _where(_xp: Any, _y: Any, condition: Any, _a: Any, _b: Any) -> tuple[Any, ...]:
    return None, condition, ~condition


rule(np.where, Kind.SELECT, apply=calls.apply_where, data=(1, 2), elementwise=_where)
rule(np.concatenate, Kind.SELECT, apply=calls.apply_concatenate, data=(0,))
_mover(np.extract, np.compress, np.choose, data=(1,))
_mover(np.select, data=(1, 2))
_mover(np.append, data=(0, 1))
_mover(np.insert, data=(0, 2))

# -- linear maps


def _maps(function: Any, body: Callable[..., list[LinearMap]], of: str = "x") -> Rule:
    return rule(function, Kind.LINEAR, body, apply=calls.apply_maps, of=of)


def _imag(y: Any, x: Any) -> list[LinearMap]:
    whole = Identity(x.shape, x.dtype)
    return [Weighted(whole, -1j if x.dtype.kind == "c" else 0, whole, x.dtype, y.dtype)]


def _sum(
    y: Any, x: Any, axis: Any = None, dtype: Any = None, out: None = None, keepdims: bool = False
) -> list[LinearMap]:
    axes = range(x.ndim) if axis is None else [axis] if isinstance(axis, int) else axis
    axes = {a % x.ndim for a in axes}
    kept = tuple(1 if i in axes else n for i, n in enumerate(x.shape))
    return [
        Cast(x.shape, x.dtype, y.dtype),
        Sum(x.shape, kept, y.dtype),
        Reshape(kept, y.shape, y.dtype),
    ]


def _cumsum(y: Any, x: Any, axis: Any = None, dtype: Any = None, out: None = None) -> list[Any]:
    flat = y.shape if axis is None else x.shape
    return [
        Cast(x.shape, x.dtype, y.dtype),
        Reshape(x.shape, flat, y.dtype),
        Cumulate(flat, -1 if axis is None else axis, y.dtype),
    ]


_maps(np.real, lambda y, x: [Cast(x.shape, x.dtype, y.dtype)])
_maps(np.imag, _imag)
_maps(np.sum, _sum)
_maps(np.cumsum, _cumsum)


def _bincount(y: Any, x: Any, weights: Any = None, minlength: int = 0) -> list[LinearMap]:
    to_bins = Take(y.shape, np.asarray(lowest(x), dtype=np.int64), y.dtype).T
    return [Cast(to_bins.in_shape, weights.dtype, y.dtype), to_bins]


_maps(np.bincount, _bincount, of="weights")

# -- programs


@program(np.prod)
def _prod(xp: Any, x: Any, axis: Any = None, dtype: Any = None, out: Any = None,
          keepdims: Any = False) -> Any:  # fmt: skip
    z, kept = last(xp, x, axis)
    while z.shape[-1] > 1:
        half = z.shape[-1] // 2
        paired = z[..., :half] * z[..., half : 2 * half]
        z = xp.concatenate([paired, z[..., 2 * half :]], axis=-1) if z.shape[-1] % 2 else paired
    y = z[..., 0] if z.shape[-1] else xp.ones(z.shape[:-1])
    return finish(xp, y, kept, keepdims)


@program(np.cumprod)
def _cumprod(xp: Any, x: Any, axis: Any = None, dtype: Any = None, out: Any = None) -> Any:
    z = xp.reshape(x, -1) if axis is None else xp.moveaxis(x, axis, -1)
    step = 1
    while step < z.shape[-1]:
        z = xp.concatenate([z[..., :step], z[..., step:] * z[..., :-step]], axis=-1)
        step *= 2
    return z if axis is None else xp.moveaxis(z, -1, axis)


def _extremum(argument: str, ignore_nan: bool) -> Callable[..., Any]:
    def body(xp: Any, x: Any, axis: Any = None, out: Any = None, keepdims: Any = False) -> Any:
        z, kept = last(xp, x, axis)
        # as maximum does, argmax finds the first NaN, nanargmax the first number
        find = getattr(xp, argument)
        if ignore_nan:
            all_nan = xp.all(xp.isnan(z), axis=-1)
            index = find(xp.where(all_nan[..., np.newaxis], 0.0, z), axis=-1)
        else:
            index = find(z, axis=-1)
        y = xp.take_along_axis(z, np.expand_dims(xp.asarray(index), -1), axis=-1)[..., 0]
        return finish(xp, y, kept, keepdims)

    return body


program(np.max, np.amax, kind=Kind.SELECT)(_extremum("argmax", False))
program(np.min, np.amin, kind=Kind.SELECT)(_extremum("argmin", False))
program(np.nanmax, kind=Kind.SELECT)(_extremum("nanargmax", True))
program(np.nanmin, kind=Kind.SELECT)(_extremum("nanargmin", True))


@program(np.ptp)
def _ptp(xp: Any, x: Any, axis: Any = None, out: Any = None, keepdims: Any = False) -> Any:
    keepdims = keepdims is True
    return xp.max(x, axis=axis, keepdims=keepdims) - xp.min(x, axis=axis, keepdims=keepdims)


@program(np.nansum)
def _nansum(xp: Any, x: Any, axis: Any = None, **kwargs: Any) -> Any:
    return xp.sum(xp.where(xp.isnan(x), 0, x), axis=axis, **kwargs)


@program(np.nanprod)
def _nanprod(xp: Any, x: Any, axis: Any = None, **kwargs: Any) -> Any:
    return xp.prod(xp.where(xp.isnan(x), 1, x), axis=axis, **kwargs)


@program(np.nancumsum)
def _nancumsum(xp: Any, a: Any, axis: Any = None, dtype: Any = None, out: Any = None) -> Any:
    return xp.cumsum(xp.where(xp.isnan(a), 0, a), axis=axis)


@program(np.nancumprod)
def _nancumprod(xp: Any, a: Any, axis: Any = None, dtype: Any = None, out: Any = None) -> Any:
    return xp.cumprod(xp.where(xp.isnan(a), 1, a), axis=axis)


def _cumulative(name: str, first: int) -> Callable[..., Any]:
    def body(xp: Any, x: Any, axis: Any = None, dtype: Any = None, out: Any = None,
             include_initial: bool = False) -> Any:  # fmt: skip
        axis = 0 if axis is None else axis
        y = getattr(xp, name)(x, axis=axis)
        if not include_initial:
            return y
        shape = [1 if i == axis % x.ndim else n for i, n in enumerate(x.shape)]
        return xp.concatenate([xp.full(shape, first), y], axis=axis)

    return body


# those of the Array API, in later releases of NumPy
for _name, _of, _first in (("cumulative_sum", "cumsum", 0), ("cumulative_prod", "cumprod", 1)):
    if hasattr(np, _name):
        program(getattr(np, _name))(_cumulative(_of, _first))


@program(np.sort, kind=Kind.SELECT)
def _sort(xp: Any, x: Any, axis: Any = -1, kind: Any = None, order: Any = None,
          stable: Any = None) -> Any:  # fmt: skip
    if axis is None:
        x, axis = xp.ravel(x), -1
    return xp.take_along_axis(x, xp.argsort(x, axis=axis, kind="stable"), axis=axis)


@program(np.unique, kind=Kind.SELECT)
def _unique(xp: Any, x: Any, return_index: bool = False, return_inverse: bool = False,
            return_counts: bool = False, axis: Any = None, **kwargs: Any) -> Any:  # fmt: skip
    if return_index or return_inverse or return_counts or axis is not None:
        raise TypeError("np.unique of a live array supports neither extra outputs nor an axis")
    _, index = np.unique(lowest(x), return_index=True, **kwargs)
    return xp.ravel(x)[index]


@program(np.full_like, kind=Kind.SELECT)
def _full_like(xp: Any, x: Any, fill_value: Any, dtype: Any = None, order: Any = "K",
               subok: bool = True, shape: Any = None) -> Any:  # fmt: skip
    return xp.broadcast_to(fill_value, np.shape(x) if shape is None else shape)


@program(np.clip)
def _clip(xp: Any, x: Any, a_min: Any = None, a_max: Any = None, out: Any = None, *,
          min: Any = None, max: Any = None) -> Any:  # fmt: skip
    low = min if a_min is None else a_min
    high = max if a_max is None else a_max
    y = x if low is None else xp.maximum(x, low)
    return y if high is None else xp.minimum(y, high)


#: how `np.pad` may fill by moving elements
_PADDING = ("constant", "edge", "reflect", "symmetric", "wrap", "empty")


@program(np.pad, kind=Kind.SELECT)
def _pad(xp: Any, array: Any, pad_width: Any, mode: Any = "constant", **kwargs: Any) -> Any:
    if mode not in _PADDING or kwargs.get("reflect_type") == "odd" or live_among([*kwargs.values()]):
        raise TypeError(f"np.pad of a live array fills by {', '.join(_PADDING)}, with constants")
    numbers = xp.arange(1, array.size + 1).reshape(array.shape)
    kwargs.pop("constant_values", None)
    numbers = xp.pad(numbers, pad_width, "constant" if mode == "empty" else mode, **kwargs)
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
def _angle(xp: Any, x: Any, deg: bool = False) -> Any:
    y = xp.arctan2(xp.imag(x), xp.real(x))
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
