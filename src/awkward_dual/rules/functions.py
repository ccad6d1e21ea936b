"""Rules of NumPy functions that are no ufuncs.

Three ways to say what a function does to tangents:

- `_mover`: it only moves elements or fills with zero (kind select);
- `_maps`: it is one of the linear maps (kind linear);
- `_program`: it equals a program of operations that have rows (kind smooth, or
  select where the program is a gather).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from awkward_dual import calls
from awkward_dual.apply import live_among
from awkward_dual.linear import Cast, Cumulate, Identity, LinearMap, Reshape, Sum, Weighted
from awkward_dual.pair import lowest
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
    np.hstack, np.vstack, np.dstack, np.column_stack, np.block,
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


def _maps(function: Any, body: Callable[..., list[LinearMap]]) -> Rule:
    return rule(function, Kind.LINEAR, body, apply=calls.apply_maps)


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
        Reshape(kept, np.shape(y), y.dtype),
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

# -- programs


def _program(*functions: Any, kind: Kind = Kind.SMOOTH) -> Callable[[Any], Any]:
    def write(body: Callable[..., Any]) -> Callable[..., Any]:
        for function in dict.fromkeys(functions):
            rule(function, kind, body, apply=calls.apply_program)
        return body

    return write


def _last(xp: Any, x: Any, axis: Any) -> tuple[Any, Any]:
    """`x` with the reduced axes as one last axis, and the shape that keeps them as ones."""
    axes = tuple(range(x.ndim)) if axis is None else (axis,) if isinstance(axis, int) else axis
    axes = tuple(sorted(a % x.ndim for a in axes))
    rest = tuple(a for a in range(x.ndim) if a not in axes)
    moved = xp.transpose(x, (*rest, *axes))
    kept = tuple(1 if i in axes else n for i, n in enumerate(x.shape))
    return xp.reshape(moved, (*(x.shape[a] for a in rest), int(_count(x, axis)))), kept


def _count(x: Any, axis: Any) -> Any:
    """How many elements are reduced to one; a NumPy number, so that it may divide when it is 0."""
    axes = range(x.ndim) if axis is None else (axis,) if isinstance(axis, int) else axis
    return np.prod([x.shape[a] for a in axes], dtype=np.float64)


def _finish(xp: Any, y: Any, kept: Any, keepdims: Any) -> Any:
    return xp.reshape(y, kept) if keepdims is True else y


@_program(np.mean)
def _mean(xp: Any, x: Any, axis: Any = None, dtype: Any = None, out: Any = None,
          keepdims: Any = False) -> Any:  # fmt: skip
    y = xp.sum(x, axis=axis, keepdims=keepdims is True)
    return y / _count(x, axis)


@_program(np.var)
def _var(xp: Any, x: Any, axis: Any = None, dtype: Any = None, out: Any = None, ddof: Any = 0,
         keepdims: Any = False) -> Any:  # fmt: skip
    deviation = xp.absolute(x - xp.mean(x, axis=axis, keepdims=True))
    y = xp.sum(deviation * deviation, axis=axis, keepdims=keepdims is True)
    return y / np.maximum(_count(x, axis) - ddof, 0.0)


@_program(np.std)
def _std(xp: Any, x: Any, axis: Any = None, dtype: Any = None, out: Any = None, ddof: Any = 0,
         keepdims: Any = False) -> Any:  # fmt: skip
    return xp.sqrt(xp.var(x, axis=axis, ddof=ddof, keepdims=keepdims is True))


@_program(np.average)
def _average(xp: Any, x: Any, axis: Any = None, weights: Any = None) -> Any:
    if weights is None:
        return xp.mean(x, axis=axis)
    if np.ndim(weights) == 1 and x.ndim > 1:
        shape = [1] * x.ndim
        shape[axis] = -1
        weights = xp.reshape(weights, shape)
    weights = weights + xp.zeros(x.shape)
    return xp.sum(x * weights, axis=axis) / xp.sum(weights, axis=axis)


@_program(np.prod)
def _prod(xp: Any, x: Any, axis: Any = None, dtype: Any = None, out: Any = None,
          keepdims: Any = False) -> Any:  # fmt: skip
    z, kept = _last(xp, x, axis)
    while z.shape[-1] > 1:
        half = z.shape[-1] // 2
        paired = z[..., :half] * z[..., half : 2 * half]
        z = xp.concatenate([paired, z[..., 2 * half :]], axis=-1) if z.shape[-1] % 2 else paired
    y = z[..., 0] if z.shape[-1] else xp.ones(z.shape[:-1])
    return _finish(xp, y, kept, keepdims)


@_program(np.cumprod)
def _cumprod(xp: Any, x: Any, axis: Any = None, dtype: Any = None, out: Any = None) -> Any:
    z = xp.reshape(x, -1) if axis is None else xp.moveaxis(x, axis, -1)
    step = 1
    while step < z.shape[-1]:
        z = xp.concatenate([z[..., :step], z[..., step:] * z[..., :-step]], axis=-1)
        step *= 2
    return z if axis is None else xp.moveaxis(z, -1, axis)


def _extremum(argument: str, ignore_nan: bool) -> Callable[..., Any]:
    def body(xp: Any, x: Any, axis: Any = None, out: Any = None, keepdims: Any = False) -> Any:
        z, kept = _last(xp, x, axis)
        # as maximum does, argmax finds the first NaN, nanargmax the first number
        find = getattr(xp, argument)
        if ignore_nan:
            all_nan = xp.all(xp.isnan(z), axis=-1)
            index = find(xp.where(all_nan[..., np.newaxis], 0.0, z), axis=-1)
        else:
            index = find(z, axis=-1)
        y = xp.take_along_axis(z, np.expand_dims(xp.asarray(index), -1), axis=-1)[..., 0]
        return _finish(xp, y, kept, keepdims)

    return body


_program(np.max, np.amax, kind=Kind.SELECT)(_extremum("argmax", False))
_program(np.min, np.amin, kind=Kind.SELECT)(_extremum("argmin", False))
_program(np.nanmax, kind=Kind.SELECT)(_extremum("nanargmax", True))
_program(np.nanmin, kind=Kind.SELECT)(_extremum("nanargmin", True))


@_program(np.ptp)
def _ptp(xp: Any, x: Any, axis: Any = None, out: Any = None, keepdims: Any = False) -> Any:
    keepdims = keepdims is True
    return xp.max(x, axis=axis, keepdims=keepdims) - xp.min(x, axis=axis, keepdims=keepdims)


@_program(np.nansum)
def _nansum(xp: Any, x: Any, axis: Any = None, **kwargs: Any) -> Any:
    return xp.sum(xp.where(xp.isnan(x), 0, x), axis=axis, **kwargs)


@_program(np.nanprod)
def _nanprod(xp: Any, x: Any, axis: Any = None, **kwargs: Any) -> Any:
    return xp.prod(xp.where(xp.isnan(x), 1, x), axis=axis, **kwargs)


@_program(np.nanmean)
def _nanmean(xp: Any, x: Any, axis: Any = None, **kwargs: Any) -> Any:
    count = xp.sum(~xp.asarray(xp.isnan(x)), axis=axis, **kwargs)
    return xp.nansum(x, axis=axis, **kwargs) / count


@_program(np.sort, kind=Kind.SELECT)
def _sort(xp: Any, x: Any, axis: Any = -1, kind: Any = None, order: Any = None,
          stable: Any = None) -> Any:  # fmt: skip
    if axis is None:
        x, axis = xp.ravel(x), -1
    return xp.take_along_axis(x, xp.argsort(x, axis=axis, kind="stable"), axis=axis)


@_program(np.unique, kind=Kind.SELECT)
def _unique(xp: Any, x: Any, return_index: bool = False, return_inverse: bool = False,
            return_counts: bool = False, axis: Any = None, **kwargs: Any) -> Any:  # fmt: skip
    if return_index or return_inverse or return_counts or axis is not None:
        raise TypeError("np.unique of a live array supports neither extra outputs nor an axis")
    _, index = np.unique(lowest(x), return_index=True, **kwargs)
    return xp.ravel(x)[index]


@_program(np.full_like, kind=Kind.SELECT)
def _full_like(xp: Any, x: Any, fill_value: Any, dtype: Any = None, order: Any = "K",
               subok: bool = True, shape: Any = None) -> Any:  # fmt: skip
    return xp.broadcast_to(fill_value, np.shape(x) if shape is None else shape)


@_program(np.clip)
def _clip(xp: Any, x: Any, a_min: Any = None, a_max: Any = None, out: Any = None, *,
          min: Any = None, max: Any = None) -> Any:  # fmt: skip
    low = min if a_min is None else a_min
    high = max if a_max is None else a_max
    y = x if low is None else xp.maximum(x, low)
    return y if high is None else xp.minimum(y, high)


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


@_program(np.angle)
def _angle(xp: Any, x: Any, deg: bool = False) -> Any:
    y = xp.arctan2(xp.imag(x), xp.real(x))
    return y * (180.0 / np.pi) if deg else y


@_program(np.sinc)
def _sinc(xp: Any, x: Any) -> Any:
    t = np.pi * x
    near = xp.absolute(t) < 1
    # sin(t) / t has no derivative at 0; its power series, to full precision, has all of them
    square = xp.where(near, t * t, 0)
    series = 1.0
    for n in range(20, 0, -2):
        series = 1 - square / (n * (n + 1)) * series
    return xp.where(near, series, xp.sin(t) / xp.where(near, 1, t))


@_program(np.diff)
def _diff(xp: Any, x: Any, n: int = 1, axis: int = -1) -> Any:
    for _ in range(n):
        x = xp.moveaxis(x, axis, -1)
        x = xp.moveaxis(x[..., 1:] - x[..., :-1], -1, axis)
    return x


@_program(np.ediff1d)
def _ediff1d(xp: Any, x: Any) -> Any:
    return xp.diff(xp.ravel(x))


@_program(np.matmul)
def _matmul(xp: Any, a: Any, b: Any) -> Any:
    row, column = np.ndim(a) == 1, np.ndim(b) == 1
    a = a[np.newaxis, :] if row else a
    b = b[:, np.newaxis] if column else b
    y = xp.sum(a[..., :, :, np.newaxis] * b[..., np.newaxis, :, :], axis=-2)
    y = y[..., 0] if column else y
    return y[..., 0, :] if row and not column else y[..., 0] if row else y


@_program(np.dot)
def _dot(xp: Any, a: Any, b: Any) -> Any:
    if np.ndim(a) == 0 or np.ndim(b) == 0:
        return a * b
    if np.ndim(b) <= 2:
        return xp.matmul(a, b)
    raise TypeError("np.dot of live arrays supports at most two axes on the right; use np.matmul")


@_program(np.vdot)
def _vdot(xp: Any, a: Any, b: Any) -> Any:
    return xp.sum(xp.conjugate(xp.ravel(a)) * xp.ravel(b))


@_program(np.inner)
def _inner(xp: Any, a: Any, b: Any) -> Any:
    if np.ndim(a) == 0 or np.ndim(b) == 0:
        return a * b
    shape = (*np.shape(a)[:-1], *(1,) * (np.ndim(b) - 1), np.shape(a)[-1])
    return xp.sum(xp.reshape(a, shape) * b, axis=-1)


@_program(np.outer)
def _outer(xp: Any, a: Any, b: Any, out: Any = None) -> Any:
    return xp.ravel(a)[:, np.newaxis] * xp.ravel(b)[np.newaxis, :]


@_program(np.linalg.norm)
def _norm(xp: Any, x: Any, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Any:
    if ord not in (None, 2) or (ord == 2 and (axis if axis is not None else x.ndim - 1) != 0):
        raise TypeError("np.linalg.norm of a live array supports the default order only")
    size = xp.absolute(x)
    return xp.sqrt(xp.sum(size * size, axis=axis, keepdims=keepdims))
