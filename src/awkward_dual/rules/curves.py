"""Rules of functions that are given by samples: interpolation, differences, integrals, polynomials."""

from __future__ import annotations

from typing import Any

import numpy as np

from awkward_dual.pair import lowest
from awkward_dual.rules.programs import as_array, as_axes, program


@program(np.interp)
def _interp(module: Any, x: Any, xp: Any, fp: Any, left: Any = None, right: Any = None,
            period: Any = None) -> Any:  # fmt: skip
    x, knots, values = (as_array(a, np.float64) for a in (x, xp, fp))
    if period is not None:
        period = abs(period)
        x, knots, left, right = x % period, knots % period, None, None
        order = np.argsort(lowest(knots))
        knots, values = knots[order], values[order]
        knots = module.concatenate([knots[-1:] - period, knots, knots[:1] + period])
        values = module.concatenate([values[-1:], values, values[:1]])
    inside = values[0]
    if len(knots) > 1:
        # at a knot the interval to its right, as NumPy takes it
        i = np.searchsorted(lowest(knots), lowest(x), side="right") - 1
        i = np.clip(i, 0, len(knots) - 2)
        width = knots[i + 1] - knots[i]
        slope = (values[i + 1] - values[i]) / module.where(lowest(width) == 0, 1.0, width)
        # from the other end where this one is infinite
        end = np.where(np.isinf(lowest(knots)[i]), i + 1, i)
        inside = values[end] + (x - knots[end]) * slope
    y = module.where(lowest(x) < lowest(knots)[0], values[0] if left is None else left, inside)
    return module.where(lowest(x) > lowest(knots)[-1], values[-1] if right is None else right, y)


@program(np.diff)
def _diff(xp: Any, a: Any, n: int = 1, axis: int = -1, prepend: Any = None,
          append: Any = None) -> Any:  # fmt: skip
    if not n:
        # nothing is put before or after it
        return a
    a = xp.moveaxis(as_array(a), axis, -1)
    for end, x in ((0, prepend), (1, append)):
        if x is None:
            continue
        x = as_array(x)
        x = xp.moveaxis(x, axis, -1) if x.ndim else xp.broadcast_to(x, (*a.shape[:-1], 1))
        a = xp.concatenate([a, x] if end else [x, a], axis=-1)
    for _ in range(n):
        a = a[..., 1:] - a[..., :-1]
    return xp.moveaxis(a, -1, axis)


@program(np.ediff1d)
def _ediff1d(xp: Any, ary: Any, to_end: Any = None, to_begin: Any = None) -> Any:
    y = xp.diff(xp.ravel(as_array(ary)))
    ends = [None if x is None else xp.ravel(as_array(x)) for x in (to_begin, to_end)]
    return xp.concatenate([x for x in (ends[0], y, ends[1]) if x is not None])


@program(np.gradient)
def _gradient(xp: Any, f: Any, *varargs: Any, axis: Any = None, edge_order: int = 1) -> Any:
    f = as_array(f)
    axes = as_axes(f, axis)
    spacings = varargs or (1.0,)
    spacings = spacings * len(axes) if len(spacings) == 1 else spacings
    found = [_slopes(xp, f, h, a, edge_order) for a, h in zip(axes, spacings, strict=True)]
    return found[0] if len(axes) == 1 else tuple(found)


def _slopes(xp: Any, f: Any, spacing: Any, axis: int, edge_order: int) -> Any:
    """By second-order differences inside, and of the order `edge_order` at both ends."""
    f = xp.moveaxis(f, axis, -1)
    spacing = as_array(spacing)
    h = xp.diff(spacing) if np.ndim(spacing) else xp.broadcast_to(spacing, (f.shape[-1] - 1,))
    slope = xp.diff(f) / h
    before, after = h[:-1], h[1:]
    inner = (before * slope[..., 1:] + after * slope[..., :-1]) / (before + after)
    first, final = slope[..., :1], slope[..., -1:]
    if edge_order == 2:
        bend = (slope[..., 1:] - slope[..., :-1]) / (before + after)
        first = first - h[:1] * bend[..., :1]
        final = final + h[-1:] * bend[..., -1:]
    return xp.moveaxis(xp.concatenate([first, inner, final], axis=-1), -1, axis)


def _trapezoid(xp: Any, y: Any, x: Any = None, dx: Any = 1.0, axis: int = -1) -> Any:
    y = as_array(y)
    (axis,) = as_axes(y, axis)
    before = (slice(None),) * axis
    if x is not None:
        x = as_array(x)
        lengths = tuple(-1 if i == axis else 1 for i in range(y.ndim))
        dx = xp.reshape(xp.diff(x), lengths) if x.ndim == 1 else xp.diff(x, axis=axis)
    upper, lower = (*before, slice(1, None)), (*before, slice(-1))
    return xp.sum(dx * (y[upper] + y[lower]) / 2, axis=axis)


program(np.trapezoid)(_trapezoid)


# -- polynomials and products of sequences


@program(np.polyval)
def _polyval(xp: Any, p: Any, x: Any) -> Any:
    p, x = as_array(p), as_array(x)
    y = xp.zeros(x.shape)
    for i in range(len(p)):
        y = y * x + p[i]
    return y


@program(np.vander)
def _vander(xp: Any, x: Any, N: Any = None, increasing: bool = False) -> Any:
    powers = range(len(x) if N is None else N)
    if not powers:
        return xp.zeros((len(x), 0))
    return xp.stack([x**i for i in (powers if increasing else reversed(powers))], axis=-1)


@program(np.convolve)
def _convolve(xp: Any, a: Any, v: Any, mode: Any = "full") -> Any:
    a, v = (xp.reshape(as_array(x), -1) for x in (a, v))
    if len(v) > len(a):
        a, v = v, a
    n, m = len(a), len(v)
    margin = xp.zeros(m - 1)
    padded = xp.concatenate([margin, a, margin])
    y = xp.matmul(padded[np.arange(n + m - 1)[:, np.newaxis] + np.arange(m)[::-1]], v)
    parts = {"valid": (m - 1, n - m + 1), "same": ((m - 1) // 2, n), "full": (0, n + m - 1)}
    start, size = parts[mode] if mode in parts else [*parts.values()][mode]
    return y[start : start + size]


@program(np.correlate)
def _correlate(xp: Any, a: Any, v: Any, mode: Any = "valid") -> Any:
    a, v = (xp.reshape(as_array(x), -1) for x in (a, v))
    if len(v) > len(a):
        return xp.conjugate(xp.correlate(v, a, mode))[::-1]
    return xp.convolve(a, xp.conjugate(v)[::-1], mode)


# -- sequences between two ends


@program(np.linspace)
def _linspace(xp: Any, start: Any, stop: Any, num: int = 50, endpoint: bool = True,
              retstep: bool = False, dtype: Any = None, axis: int = 0) -> Any:  # fmt: skip
    start, stop = as_array(start, np.float64), as_array(stop, np.float64)
    parts = num - 1 if endpoint else num
    share = np.arange(num) / max(parts, 1)
    delta = stop - start
    y = start + delta * share.reshape((-1, *(1,) * np.ndim(delta)))
    y = xp.moveaxis(y, 0, axis)
    return (y, delta / max(parts, 1)) if retstep else y


@program(np.logspace)
def _logspace(xp: Any, start: Any, stop: Any, num: int = 50, endpoint: bool = True,
              base: Any = 10.0, dtype: Any = None, axis: int = 0) -> Any:  # fmt: skip
    ndim = max(np.ndim(x) for x in (start, stop, base))
    if np.ndim(base):
        start, stop, base = (as_array(x) for x in (start, stop, base))
        start, stop, base = (
            xp.reshape(x, (1,) * (ndim - x.ndim) + x.shape) for x in (start, stop, base)
        )
        base = xp.expand_dims(base, axis)
    return base ** xp.linspace(start, stop, num, endpoint, axis=axis)


@program(np.geomspace)
def _geomspace(xp: Any, start: Any, stop: Any, num: int = 50, endpoint: bool = True,
               dtype: Any = None, axis: int = 0) -> Any:  # fmt: skip
    start, stop = as_array(start, np.float64), as_array(stop, np.float64)
    exponents = xp.linspace(0.0 * lowest(start), 1.0 + 0.0 * lowest(stop), num, endpoint)
    return xp.moveaxis(start * (stop / start) ** exponents, 0, axis)


@program(np.unwrap)
def _unwrap(xp: Any, p: Any, discont: Any = None, axis: int = -1, period: Any = 2 * np.pi) -> Any:
    # multiples of the period are added: a step, unless the period itself is live
    if lowest(period) is not period:
        raise TypeError("np.unwrap with a live period")
    return p
