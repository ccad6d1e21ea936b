"""Rules of means, spreads and quantiles of NumPy's arrays."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from awkward_dual.pair import lowest
from awkward_dual.rules.programs import (
    accumulator,
    as_array,
    as_axes,
    count,
    keeps,
    last,
    program,
    square,
)


@program(np.mean)
def _mean(xp: Any, a: Any, axis: Any = None, dtype: Any = None, out: Any = None,
          keepdims: Any = False) -> Any:  # fmt: skip
    return xp.sum(accumulator(a, dtype), axis=axis, keepdims=keeps(keepdims)) / count(a, axis)


@program(np.var)
def _var(xp: Any, a: Any, axis: Any = None, dtype: Any = None, out: Any = None, ddof: Any = 0,
         keepdims: Any = False) -> Any:  # fmt: skip
    x = _deviating(a, dtype)
    deviation = x - xp.mean(x, axis=axis, keepdims=True)
    y = xp.sum(square(xp, deviation), axis=axis, keepdims=keeps(keepdims))
    return y / np.maximum(count(a, axis) - ddof, 0.0)


def _deviating(a: Any, dtype: Any) -> Any:
    """`a` in the dtype in which its variance is computed."""
    if dtype is not None and a.dtype.kind == "c" and np.dtype(dtype).kind != "c":
        raise TypeError(f"the variance of complex live arrays in {np.dtype(dtype).name}")
    return accumulator(a, dtype)


def _root(variance: str) -> Callable[..., Any]:
    def body(xp: Any, a: Any, axis: Any = None, dtype: Any = None, out: Any = None, ddof: Any = 0,
             keepdims: Any = False) -> Any:  # fmt: skip
        x = _deviating(a, dtype)
        return xp.sqrt(getattr(xp, variance)(x, axis=axis, ddof=ddof, keepdims=keeps(keepdims)))

    return body


program(np.std)(_root("var"))
program(np.nanstd)(_root("nanvar"))


@program(np.average)
def _average(xp: Any, a: Any, axis: Any = None, weights: Any = None, returned: bool = False, *,
             keepdims: Any = False) -> Any:  # fmt: skip
    a, keepdims = as_array(a), keeps(keepdims)
    if weights is None:
        total = count(a, axis)
        y = xp.mean(a, axis=axis, keepdims=keepdims)
    else:
        weights = as_array(weights)
        if weights.shape != a.shape:
            # along the axes that are averaged, in the order in which they are given
            axes = as_axes(a, axis)
            weights = xp.transpose(weights, np.argsort(axes))
            shape = tuple(n if i in axes else 1 for i, n in enumerate(a.shape))
            weights = xp.broadcast_to(xp.reshape(weights, shape), a.shape)
        total = xp.sum(weights, axis=axis, keepdims=keepdims)
        y = xp.sum(a * weights, axis=axis, keepdims=keepdims) / total
    return (y, xp.broadcast_to(total, np.shape(y))) if returned else y


@program(np.nanmean)
def _nanmean(xp: Any, a: Any, axis: Any = None, dtype: Any = None, out: Any = None,
             keepdims: Any = False) -> Any:  # fmt: skip
    number = xp.sum(~xp.asarray(xp.isnan(a)), axis=axis, keepdims=keeps(keepdims))
    return xp.nansum(accumulator(a, dtype), axis=axis, keepdims=keeps(keepdims)) / number


@program(np.nanvar)
def _nanvar(xp: Any, a: Any, axis: Any = None, dtype: Any = None, out: Any = None, ddof: Any = 0,
            keepdims: Any = False) -> Any:  # fmt: skip
    x, is_nan = _deviating(a, dtype), xp.isnan(a)
    deviation = xp.where(is_nan, 0, x - xp.nanmean(x, axis=axis, keepdims=True))
    y = xp.sum(square(xp, deviation), axis=axis, keepdims=keeps(keepdims))
    return y / (xp.sum(~xp.asarray(is_nan), axis=axis, keepdims=keeps(keepdims)) - ddof)


# -- covariances


@program(np.cov)
def _cov(xp: Any, m: Any, y: Any = None, rowvar: bool = True, bias: bool = False, ddof: Any = None,
         fweights: Any = None, aweights: Any = None, dtype: Any = None) -> Any:  # fmt: skip
    x = xp.atleast_2d(as_array(m, np.float64))
    x = x if rowvar or np.ndim(m) == 1 else x.T
    if y is not None:
        y = xp.atleast_2d(as_array(y, np.float64))
        x = xp.concatenate([x, y if rowvar or y.shape[0] == 1 else y.T])
    ddof = (0 if bias else 1) if ddof is None else ddof
    weights: Any = None
    for own in (fweights, aweights):
        if own is not None:
            own = as_array(own, np.float64)
            weights = own if weights is None else weights * own
    if weights is None:
        weights, norm = 1.0, x.shape[1] - ddof
        mean = xp.mean(x, axis=1)
    else:
        norm = total = xp.sum(weights)
        mean = xp.sum(x * weights, axis=1) / total
        if aweights is not None:
            norm = total - ddof * xp.sum(weights * as_array(aweights, np.float64)) / total
        else:
            norm = total - ddof
    x = x - mean[:, np.newaxis]
    return xp.squeeze(xp.matmul(x, xp.conjugate((x * weights).T)) / norm)


@program(np.corrcoef)
def _corrcoef(xp: Any, x: Any, y: Any = None, rowvar: bool = True, dtype: Any = None) -> Any:
    c = xp.cov(x, y, rowvar)
    if np.ndim(c) == 0:
        return c / c
    spread = xp.sqrt(xp.real(xp.diag(c)))
    return c / spread[:, np.newaxis] / spread[np.newaxis, :]


# -- quantiles

#: which methods of `np.quantile` have a tangent: the neighbour below, and how much of the one above
_METHODS: dict[str, Callable[[Any], tuple[Any, Any]]] = {
    "linear": lambda at: (np.floor(at), None),
    "lower": lambda at: (np.floor(at), 0.0),
    "higher": lambda at: (np.ceil(at), 0.0),
    "nearest": lambda at: (np.round(at), 0.0),
    "midpoint": lambda at: (np.floor(at), 0.5 * (at % 1 > 0)),
}


def _at_quantile(
    xp: Any, a: Any, q: Any, axis: Any, method: str, keepdims: Any, *, skips_nan: bool
) -> Any:
    if method not in _METHODS:
        raise TypeError(
            f"quantiles of live arrays by the method {method!r}: there are {', '.join(_METHODS)}"
        )
    a, q = as_array(a), as_array(q)
    if skips_nan and q.ndim > 1 and np.iterable(axis):
        raise TypeError(
            "nanquantile of live arrays takes several axes or several rows of quantiles"
        )
    z, kept = last(xp, a, axis)
    lanes, own = z.shape[:-1], q.shape
    if not z.shape[-1]:
        return xp.full((*own, *(kept if keeps(keepdims) else lanes)), np.nan)
    z = xp.sort(as_array(z, np.float64), axis=-1)
    raw = lowest(z)
    highest = z.shape[-1] - 1
    if skips_nan:
        highest = xp.maximum(xp.sum(~xp.isnan(raw), axis=-1) - 1, 0)[..., np.newaxis]
    # the quantiles along the last axis, in place of the elements
    at = xp.reshape(q, -1) * highest
    below, share = _METHODS[method](lowest(at))
    share = at - below if share is None else share
    if not skips_nan:
        # NaN is the result, and sorted to the end
        is_nan = xp.isnan(raw[..., -1:])
        below, share = xp.where(is_nan, highest, below), xp.where(is_nan, 0.0, share)
    below, share, above = xp.broadcast_arrays(below, share, xp.minimum(below + 1, highest))
    wide = (*lanes, q.size)
    low, high = (
        xp.take_along_axis(z, xp.broadcast_to(lowest(i), wide).astype(np.int64), axis=-1)
        for i in (below, above)
    )
    y = xp.moveaxis(low + share * (high - low), -1, 0)
    return xp.reshape(y, (*own, *(kept if keeps(keepdims) else lanes)))


def _quantiles(scale: float, *, skips_nan: bool) -> Any:
    def body(xp: Any, a: Any, q: Any, axis: Any = None, out: Any = None,
             overwrite_input: bool = False, method: str = "linear",
             keepdims: Any = False) -> Any:  # fmt: skip
        q = as_array(q) / scale
        return _at_quantile(xp, a, q, axis, method, keepdims, skips_nan=skips_nan)

    return body


def _medians(*, skips_nan: bool) -> Any:
    def body(xp: Any, a: Any, axis: Any = None, out: Any = None, overwrite_input: bool = False,
             keepdims: Any = False) -> Any:  # fmt: skip
        return _at_quantile(xp, a, 0.5, axis, "linear", keepdims, skips_nan=skips_nan)

    return body


program(np.quantile)(_quantiles(1.0, skips_nan=False))
program(np.percentile)(_quantiles(100.0, skips_nan=False))
program(np.median)(_medians(skips_nan=False))
program(np.nanquantile)(_quantiles(1.0, skips_nan=True))
program(np.nanpercentile)(_quantiles(100.0, skips_nan=True))
program(np.nanmedian)(_medians(skips_nan=True))
