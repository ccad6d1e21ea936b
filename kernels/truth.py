"""Numerical truth: derivatives of plain functions, by high precision or by differences."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import mpmath
import numpy as np

__all__ = ("difference", "exact", "exact_second", "inner", "knows")

#: what mpmath calls otherwise, or has not; everything else is found by NumPy's name
_NAMED: dict[str, Callable[..., Any]] = {
    "absolute": mpmath.fabs,
    "add": lambda a, b: a + b,
    "arctan2": mpmath.atan2,
    "cbrt": lambda x: mpmath.sign(x) * mpmath.cbrt(abs(x)),
    "conjugate": mpmath.conj,
    "deg2rad": mpmath.radians,
    "divide": lambda a, b: a / b,
    "exp2": lambda x: mpmath.power(2, x),
    "float_power": mpmath.power,
    "log10": lambda x: mpmath.log(x) / mpmath.log(10),
    "log2": lambda x: mpmath.log(x) / mpmath.log(2),
    "logaddexp": lambda a, b: mpmath.log(mpmath.exp(a) + mpmath.exp(b)),
    "logaddexp2": lambda a, b: mpmath.log(2**a + 2**b) / mpmath.log(2),
    "multiply": lambda a, b: a * b,
    "negative": lambda x: -x,
    "positive": lambda x: x,
    "rad2deg": mpmath.degrees,
    "reciprocal": lambda x: 1 / x,
    "square": lambda x: x * x,
    "subtract": lambda a, b: a - b,
}


def _named(name: str) -> Callable[..., Any] | None:
    return _NAMED.get(name) or getattr(mpmath, name.replace("arc", "a"), None)


def _number(x: Any) -> Any:
    return mpmath.mpc(complex(x)) if np.iscomplexobj(x) else mpmath.mpf(float(x))


def knows(name: str, x: Sequence[Any], y: Any) -> bool:
    """Whether mpmath has a function of this name that gives `y` at `x`."""
    try:
        value = _elementwise(name, x, lambda f, numbers: f(*numbers))
    except TypeError:
        return False
    return value is not None and np.allclose(value, y, rtol=1e-5, atol=1e-5)


def _elementwise(
    name: str, arrays: Sequence[Any], of: Callable[[Callable[..., Any], list[Any]], Any]
) -> Any:
    function = _named(name)
    if function is None:
        return None
    out = []
    broadcast = np.broadcast_arrays(*arrays)
    with mpmath.workdps(50):
        for numbers in zip(*(a.ravel() for a in broadcast), strict=True):
            out.append(of(function, [_number(x) for x in numbers]))
        shape = broadcast[0].shape
        return np.array([complex(y) for y in out]).reshape(shape)


def exact(name: str, x: Sequence[Any], u: Sequence[Any]) -> Any:
    """The derivative of a ufunc in direction `u`, to full precision; of one that it knows."""
    n = len(x)

    def derivative(f: Callable[..., Any], at: list[Any]) -> Any:
        point, along = at[:n], at[n:]
        return mpmath.diff(lambda s: f(*(p + s * a for p, a in zip(point, along, strict=True))), 0)

    return _elementwise(name, [*x, *u], derivative)


def exact_second(name: str, x: Sequence[Any], u: Sequence[Any], v: Sequence[Any]) -> Any:
    """The second derivative of a ufunc in directions `u` and `v`."""
    n = len(x)

    def derivative(f: Callable[..., Any], at: list[Any]) -> Any:
        parts = list(zip(at[:n], at[n : 2 * n], at[2 * n :], strict=True))
        return mpmath.diff(
            lambda s, t: f(*(p + s * a + t * b for p, a, b in parts)), (0, 0), (1, 1)
        )

    return _elementwise(name, [*x, *u, *v], derivative)


def _wide(x: Any) -> Any:
    """`x` in double precision."""
    return x if isinstance(x, float | complex) else np.asarray(x) * np.float64(1.0)


def difference(
    f: Callable[..., Any], x: Sequence[Any], u: Sequence[Any], step: float = 2e-3
) -> Any:
    """The derivative of `f` in direction `u`, by central differences, extrapolated twice."""

    pairs = [(_wide(a), _wide(b)) for a, b in zip(x, u, strict=True)]

    def central(h: float) -> Any:
        ahead = f(*(a + h * b for a, b in pairs))
        behind = f(*(a - h * b for a, b in pairs))
        return (np.asarray(ahead) - np.asarray(behind)) / (2 * h)

    coarse, middle, fine = (central(step / 2**i) for i in range(3))
    first, second = (4 * middle - coarse) / 3, (4 * fine - middle) / 3
    return (16 * second - first) / 15


def inner(a: Any, b: Any) -> float:
    """Re<a, b>, conjugated on the left; zero times anything is zero."""
    total = 0.0
    for p, q in zip(np.ravel(a), np.ravel(b), strict=True):
        if p != 0 and q != 0:
            total += (np.conj(p) * q).real
    return total
