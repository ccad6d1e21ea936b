"""Rules of reductions, cumulations and sorting along the axes of NumPy's arrays."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from awkward_dual.pair import lowest
from awkward_dual.rules.programs import accumulator, finish, keeps, last, program
from awkward_dual.rules.table import Kind


@program(np.prod)
def _prod(xp: Any, a: Any, axis: Any = None, dtype: Any = None, out: Any = None,
          keepdims: Any = False) -> Any:  # fmt: skip
    z, kept = last(xp, accumulator(a, dtype), axis)
    while z.shape[-1] > 1:
        half = z.shape[-1] // 2
        paired = z[..., :half] * z[..., half : 2 * half]
        z = xp.concatenate([paired, z[..., 2 * half :]], axis=-1) if z.shape[-1] % 2 else paired
    y = z[..., 0] if z.shape[-1] else xp.ones(z.shape[:-1])
    return finish(xp, y, kept, keepdims)


@program(np.cumprod)
def _cumprod(xp: Any, a: Any, axis: Any = None, dtype: Any = None, out: Any = None) -> Any:
    a = a if dtype is None else a.astype(dtype)
    axis = axis if a.ndim else None
    z = xp.reshape(a, -1) if axis is None else xp.moveaxis(a, axis, -1)
    step = 1
    while step < z.shape[-1]:
        z = xp.concatenate([z[..., :step], z[..., step:] * z[..., :-step]], axis=-1)
        step *= 2
    return z if axis is None else xp.moveaxis(z, -1, axis)


def _extremum(argument: str, ignore_nan: bool) -> Callable[..., Any]:
    def body(xp: Any, a: Any, axis: Any = None, out: Any = None, keepdims: Any = False) -> Any:
        z, kept = last(xp, a, axis)
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
def _ptp(xp: Any, a: Any, axis: Any = None, out: Any = None, keepdims: Any = False) -> Any:
    keepdims = keeps(keepdims)
    return xp.max(a, axis=axis, keepdims=keepdims) - xp.min(a, axis=axis, keepdims=keepdims)


@program(np.nansum)
def _nansum(xp: Any, a: Any, axis: Any = None, dtype: Any = None, out: Any = None,
            keepdims: Any = False) -> Any:  # fmt: skip
    return xp.sum(xp.where(xp.isnan(a), 0, a), axis=axis, dtype=dtype, keepdims=keeps(keepdims))


@program(np.nanprod)
def _nanprod(xp: Any, a: Any, axis: Any = None, dtype: Any = None, out: Any = None,
             keepdims: Any = False) -> Any:  # fmt: skip
    return xp.prod(xp.where(xp.isnan(a), 1, a), axis=axis, dtype=dtype, keepdims=keeps(keepdims))


@program(np.nancumsum)
def _nancumsum(xp: Any, a: Any, axis: Any = None, dtype: Any = None, out: Any = None) -> Any:
    return xp.cumsum(xp.where(xp.isnan(a), 0, a), axis=axis, dtype=dtype)


@program(np.nancumprod)
def _nancumprod(xp: Any, a: Any, axis: Any = None, dtype: Any = None, out: Any = None) -> Any:
    return xp.cumprod(xp.where(xp.isnan(a), 1, a), axis=axis, dtype=dtype)


def _cumulative(name: str, first: int) -> Callable[..., Any]:
    def body(xp: Any, x: Any, axis: Any = None, dtype: Any = None, out: Any = None,
             include_initial: bool = False) -> Any:  # fmt: skip
        x, axis = x if x.ndim else xp.reshape(x, -1), 0 if axis is None else axis
        y = getattr(xp, name)(x, axis=axis, dtype=dtype)
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
def _sort(xp: Any, a: Any, axis: Any = -1, kind: Any = None, order: Any = None,
          stable: Any = None) -> Any:  # fmt: skip
    if axis is None:
        a, axis = xp.ravel(a), -1
    return xp.take_along_axis(a, xp.argsort(a, axis=axis, kind="stable"), axis=axis)


@program(np.unique, kind=Kind.SELECT)
def _unique(xp: Any, ar: Any, return_index: bool = False, return_inverse: bool = False,
            return_counts: bool = False, axis: Any = None, **kwargs: Any) -> Any:  # fmt: skip
    is_sorted = kwargs.get("sorted", True)
    if return_index or return_inverse or return_counts or axis is not None or not is_sorted:
        raise TypeError(
            "np.unique of a live array sorts, and has neither extra outputs nor an axis"
        )
    _, index = np.unique(lowest(ar), return_index=True, **kwargs)
    return xp.ravel(ar)[index]
