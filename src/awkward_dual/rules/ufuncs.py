"""Rules of NumPy's ufuncs.

A partial is derived from the output where that is as accurate; where it is not,
the reason stands beside it. Corner truths are literal in `kernels/corners.py`.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from awkward_dual.pair import lowest
from awkward_dual.rules.table import Kind, rule

_LN2 = math.log(2.0)
_LN10 = math.log(10.0)
_DEGREE = math.pi / 180.0

# -- step: comparisons, predicates, rounding, integers

for _step in [
    "equal",
    "not_equal",
    "less",
    "less_equal",
    "greater",
    "greater_equal",
    "logical_and",
    "logical_or",
    "logical_xor",
    "logical_not",
    "isnan",
    "isinf",
    "isfinite",
    "isnat",
    "signbit",
    "floor",
    "ceil",
    "trunc",
    "rint",
    "spacing",
    "floor_divide",
    "bitwise_and",
    "bitwise_or",
    "bitwise_xor",
    "bitwise_count",
    "invert",
    "left_shift",
    "right_shift",
    "gcd",
    "lcm",
]:
    if hasattr(np, _step):
        rule(getattr(np, _step), Kind.STEP)
# z/|z| is neither a step nor complex-linear
rule(np.sign, Kind.STEP, real_only=True)

# -- linear: partials that do not depend on the input

rule(np.add, Kind.LINEAR, lambda xp, y, a, b: (1, 1))
rule(np.subtract, Kind.LINEAR, lambda xp, y, a, b: (1, -1))
rule(np.negative, Kind.LINEAR, lambda xp, y, x: (-1,))
rule(np.positive, Kind.LINEAR, lambda xp, y, x: (1,))
rule(np.conjugate, Kind.LINEAR, lambda xp, y, x: (1,), conjugates=True)
for _degrees in dict.fromkeys((np.rad2deg, np.degrees)):
    rule(_degrees, Kind.LINEAR, lambda xp, y, x: (1 / _DEGREE,))
for _radians in dict.fromkeys((np.deg2rad, np.radians)):
    rule(_radians, Kind.LINEAR, lambda xp, y, x: (_DEGREE,))

# -- select: the tangent of the operand that the result is, the first on ties


def _first_or_nan(xp: Any, y: Any, a: Any, b: Any) -> tuple[Any, Any]:
    first = (y == a) | xp.isnan(a)
    return first, ~first


def _first_not_nan(xp: Any, y: Any, a: Any, b: Any) -> tuple[Any, Any]:
    first = (y == a) | xp.isnan(y)
    return first, ~first


rule(np.maximum, Kind.SELECT, _first_or_nan)
rule(np.minimum, Kind.SELECT, _first_or_nan)
rule(np.fmax, Kind.SELECT, _first_not_nan)
rule(np.fmin, Kind.SELECT, _first_not_nan)
rule(np.heaviside, Kind.SELECT, lambda xp, y, x, h: (xp.zeros_like(x, dtype=bool), x == 0))
rule(np.nextafter, Kind.SELECT, lambda xp, y, x, to: (x != to, x == to))

# -- smooth: arithmetic


def _power(xp: Any, y: Any, x: Any, p: Any) -> tuple[Any, Any]:
    # x**0 is the constant 1, at x = 0 too; an exponent without tangent needs no logarithm
    def base() -> Any:
        if isinstance(p, np.generic) and p in (0, 1, 2):
            return p * x if p == 2 else p
        if getattr(p, "ndim", None) == 0 and p != 0:
            # one exponent for all: NumPy squares instead, where that is the power
            return p * x ** (p - 1)
        # p x**(p - 1) is 0 there; for a live p it has the derivative 1 / x still
        flat = p == 0 if lowest(p) is p else (p == 0) & ((x == 0) | xp.isnan(x))
        return xp.where(flat, 0, p * x ** xp.where(flat, 1, p - 1))

    # 0**p is a step in p: infinite, 1 at p = 0, then 0
    def exponent() -> Any:
        flat = (y == 0) | (x == 0)
        return xp.where(flat, 0, y * xp.log(xp.where(flat, 1, x)))

    return base, exponent


rule(np.multiply, Kind.SMOOTH, lambda xp, y, a, b: (b, a))
rule(np.divide, Kind.SMOOTH, lambda xp, y, a, b: (1 / b, lambda: -y / b))
rule(np.power, Kind.SMOOTH, _power)
rule(np.float_power, Kind.SMOOTH, _power)
rule(np.remainder, Kind.SMOOTH, lambda xp, y, a, b: (1, lambda: -xp.floor_divide(a, b)))
# a / b may round up to an integer
rule(np.fmod, Kind.SMOOTH, lambda xp, y, a, b: (1, lambda: -xp.rint((a - y) / b)))
rule(np.divmod, Kind.SMOOTH, lambda xp, y, a, b: (None, (1, lambda: -y[0])))
rule(np.modf, Kind.LINEAR, lambda xp, y, x: ((1,), None))
rule(np.frexp, Kind.SMOOTH, lambda xp, y, x: ((xp.ldexp(xp.ones_like(x), -y[1]),), None))
# the exponent comes as a number of the result's type, like every operand
rule(
    np.ldexp,
    Kind.SMOOTH,
    lambda xp, y, x, n: (xp.ldexp(xp.ones_like(y), n.astype(np.intc)), None),
)
rule(np.square, Kind.SMOOTH, lambda xp, y, x: (2 * x,))
rule(np.sqrt, Kind.SMOOTH, lambda xp, y, x: (0.5 / y,))
rule(np.cbrt, Kind.SMOOTH, lambda xp, y, x: (1 / (3 * y * y),))
rule(np.reciprocal, Kind.SMOOTH, lambda xp, y, x: (-y * y,))

# -- smooth: norms, with the subgradient 0 at their kink


def _absolute(xp: Any, y: Any, x: Any) -> tuple[Any]:
    if x.dtype.kind == "c":
        return (xp.where(y == 0, 0, xp.conjugate(x) / xp.where(y == 0, 1, y)),)
    return (xp.sign(x),)


def _copysign(xp: Any, y: Any, x: Any, s: Any) -> tuple[Any, None]:
    return xp.sign(x) * xp.sign(y), None


def _hypot(xp: Any, y: Any, a: Any, b: Any) -> tuple[Any, Any]:
    norm = xp.where(y == 0, 1, y)
    return a / norm, b / norm


rule(np.absolute, Kind.SMOOTH, _absolute)
rule(np.fabs, Kind.SMOOTH, lambda xp, y, x: (xp.sign(x),))
rule(np.hypot, Kind.SMOOTH, _hypot)
rule(np.copysign, Kind.SMOOTH, _copysign)

# -- smooth: exponentials and logarithms

rule(np.exp, Kind.SMOOTH, lambda xp, y, x: (y,))
rule(np.exp2, Kind.SMOOTH, lambda xp, y, x: (_LN2 * y,))
# y + 1 would be 0 from x = -37 on
rule(np.expm1, Kind.SMOOTH, lambda xp, y, x: (xp.exp(x),))
rule(np.log, Kind.SMOOTH, lambda xp, y, x: (1 / x,))
rule(np.log2, Kind.SMOOTH, lambda xp, y, x: (1 / (_LN2 * x),))
rule(np.log10, Kind.SMOOTH, lambda xp, y, x: (1 / (_LN10 * x),))
rule(np.log1p, Kind.SMOOTH, lambda xp, y, x: (1 / (1 + x),))
rule(np.logaddexp, Kind.SMOOTH, lambda xp, y, a, b: (xp.exp(a - y), xp.exp(b - y)))
rule(np.logaddexp2, Kind.SMOOTH, lambda xp, y, a, b: (xp.exp2(a - y), xp.exp2(b - y)))

# -- smooth: circular functions


def _arctan2(xp: Any, y: Any, a: Any, b: Any) -> tuple[Any, Any]:
    # b / (a**2 + b**2) and -a / (a**2 + b**2), by a ratio whose square never overflows
    is_flat = xp.absolute(a) <= xp.absolute(b)
    long, short = xp.where(is_flat, b, a), xp.where(is_flat, a, b)
    ratio = short / long
    near = 1 / (long * (1 + ratio * ratio))
    far = ratio * near
    return xp.where(is_flat, near, far), -xp.where(is_flat, far, near)


def _on_branch(xp: Any, root: Any, like: Any) -> Any:
    """A square root with the sign of another number: at a branch cut a zero has lost its own."""
    return xp.where(xp.real(root * xp.conjugate(like)) < 0, -root, root)


def _sine_root(xp: Any, y: Any, x: Any, of: Any) -> Any:
    """The square root of 1 - x**2, which is `of(y)`; that of complex numbers on its branch."""
    # (1 - x) * (1 + x) keeps the digits that 1 - x**2 loses near 1
    root = xp.sqrt((1 - x) * (1 + x))
    return _on_branch(xp, root, of(y)) if x.dtype.kind == "c" else root


def _square_of_secant(xp: Any, x: Any) -> Any:
    """sech(x)**2 of complex numbers, where cosh overflows too."""
    t = xp.exp(2 * xp.where(xp.real(x) < 0, x, -x))
    return 4 * t / (1 + t) ** 2


def _tan(xp: Any, y: Any, x: Any) -> tuple[Any]:
    # 1 + y**2 has no correct digit far from the real axis
    return (1 + y * y if x.dtype.kind != "c" else _square_of_secant(xp, 1j * x),)


rule(np.sin, Kind.SMOOTH, lambda xp, y, x: (xp.cos(x),))
rule(np.cos, Kind.SMOOTH, lambda xp, y, x: (-xp.sin(x),))
rule(np.tan, Kind.SMOOTH, _tan)
rule(np.arcsin, Kind.SMOOTH, lambda xp, y, x: (1 / _sine_root(xp, y, x, xp.cos),))
rule(np.arccos, Kind.SMOOTH, lambda xp, y, x: (-1 / _sine_root(xp, y, x, xp.sin),))
rule(np.arctan, Kind.SMOOTH, lambda xp, y, x: (1 / (1 + x * x),))
rule(np.arctan2, Kind.SMOOTH, _arctan2)

# -- smooth: hyperbolic functions


def _arcsinh(xp: Any, y: Any, x: Any) -> tuple[Any]:
    if x.dtype.kind == "c":
        return (1 / _on_branch(xp, xp.sqrt(x * x + 1), xp.cosh(y)),)
    size = xp.absolute(x)
    # beyond, the 1 is lost, and far beyond the square overflows
    limit = float(np.finfo(x.dtype).eps) ** -0.5
    return (1 / xp.where(size > limit, size, xp.sqrt(1 + x * x)),)


def _arccosh(xp: Any, y: Any, x: Any) -> tuple[Any]:
    root = xp.sqrt(x - 1) * xp.sqrt(x + 1)
    return (1 / (_on_branch(xp, root, xp.sinh(y)) if x.dtype.kind == "c" else root),)


def _tanh(xp: Any, y: Any, x: Any) -> tuple[Any]:
    # 1 - y**2 has no correct digit from x = 19 on
    return (1 / xp.cosh(x) ** 2 if x.dtype.kind != "c" else _square_of_secant(xp, x),)


rule(np.sinh, Kind.SMOOTH, lambda xp, y, x: (xp.cosh(x),))
rule(np.cosh, Kind.SMOOTH, lambda xp, y, x: (xp.sinh(x),))
rule(np.tanh, Kind.SMOOTH, _tanh)
rule(np.arcsinh, Kind.SMOOTH, _arcsinh)
rule(np.arccosh, Kind.SMOOTH, _arccosh)
rule(np.arctanh, Kind.SMOOTH, lambda xp, y, x: (1 / ((1 - x) * (1 + x)),))
