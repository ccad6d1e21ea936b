"""Elementary functions, logistic functions, entropies, power transformations and losses."""

from __future__ import annotations

from typing import Any

from scipy import special

from awkward_dual.rules.special.common import (
    DEGREE,
    LN2,
    LN10,
)
from awkward_dual.rules.table import Kind, rule
from awkward_dual.rules.ufuncs import _power

# -- step

rule(special.gammasgn, Kind.STEP)
rule(special.round, Kind.STEP)

# -- what NumPy has, too (DLMF 4.2, 4.4)

rule(special.exp2, Kind.SMOOTH, lambda xp, y, x: (LN2 * y,))
rule(special.exp10, Kind.SMOOTH, lambda xp, y, x: (LN10 * y,))
rule(special.expm1, Kind.SMOOTH, lambda xp, y, x: (xp.exp(x),))
rule(special.log1p, Kind.SMOOTH, lambda xp, y, x: (1 / (1 + x),))
rule(special.cbrt, Kind.SMOOTH, lambda xp, y, x: (1 / (3 * y * y),))
rule(special.powm1, Kind.SMOOTH, lambda xp, y, x, p: _power(xp, x**p, x, p))

# -- circular functions of degrees

rule(special.sindg, Kind.SMOOTH, lambda xp, y, x: (DEGREE * special.cosdg(x),))
rule(special.cosdg, Kind.SMOOTH, lambda xp, y, x: (-DEGREE * special.sindg(x),))
rule(special.tandg, Kind.SMOOTH, lambda xp, y, x: (DEGREE * (1 + y * y),))
rule(special.cotdg, Kind.SMOOTH, lambda xp, y, x: (-DEGREE * (1 + y * y),))
rule(special.cosm1, Kind.SMOOTH, lambda xp, y, x: (-xp.sin(x),))
rule(
    special.radian,
    Kind.LINEAR,
    lambda xp, y, d, m, s: (DEGREE, DEGREE / 60, DEGREE / 3600),
)

# -- quotients with a removable singularity: hypergeometric functions have none (DLMF 15.4, 13.6)


def _expm1_ratio_slope(xp: Any, x: Any) -> Any:
    """The derivative of (exp(x) - 1) / x."""
    near = xp.absolute(x) < 1
    z = xp.where(near, 1, x)
    far = xp.exp(z) * (1 - 1 / z) / z + 1 / (z * z)
    # SciPy's hyp1f1 does not return from infinity
    return xp.where(near, special.hyp1f1(2, 3, xp.where(near, x, 0)) / 2, far)


def _log1p_ratio(xp: Any, x: Any) -> Any:
    """log(1 + x) / x."""
    near = xp.absolute(x) < 0.5
    far = xp.log(1 + x) / xp.where(near, 1, x)
    return xp.where(near, special.hyp2f1(1, 1, 2, xp.where(near, -x, 0)), far)


def _log1p_ratio_slope(xp: Any, x: Any) -> Any:
    """The derivative of log(1 + x) / x."""
    near = xp.absolute(x) < 0.5
    far = (1 / (1 + x) - _log1p_ratio(xp, x)) / xp.where(near, 1, x)
    return xp.where(near, -0.5 * special.hyp2f1(2, 2, 3, xp.where(near, -x, 0)), far)


rule(special.exprel, Kind.SMOOTH, lambda xp, y, x: (_expm1_ratio_slope(xp, x),))
rule(special.spence, Kind.SMOOTH, lambda xp, y, x: (-_log1p_ratio(xp, x - 1),))

# -- logistic functions: 1 - y has no correct digit from x = 37 on

rule(special.expit, Kind.SMOOTH, lambda xp, y, x: (y * special.expit(-x),))
rule(special.logit, Kind.SMOOTH, lambda xp, y, x: (1 / (x * (1 - x)),))
rule(special.log_expit, Kind.SMOOTH, lambda xp, y, x: (special.expit(-x),))

# -- entropies: 0 log 0 = 0, and constant where the factor stays 0


def _xlogy(xp: Any, y: Any, a: Any, b: Any) -> tuple[Any, Any]:
    corner = (a == 0) & (b == 0)
    return lambda: xp.log(b), lambda: xp.where(corner, 0, a / b)


def _xlog1py(xp: Any, y: Any, a: Any, b: Any) -> tuple[Any, Any]:
    corner = (a == 0) & (b == -1)
    return lambda: special.log1p(b), lambda: xp.where(corner, 0, a / (1 + b))


def _rel_entr(xp: Any, y: Any, a: Any, b: Any) -> tuple[Any, Any]:
    corner = (a == 0) & (b == 0)
    return lambda: xp.log(a / b) + 1, lambda: xp.where(corner, 0, -a / b)


def _kl_div(xp: Any, y: Any, a: Any, b: Any) -> tuple[Any, Any]:
    # (b - a) / b keeps the digits that 1 - a / b loses near ties
    corner = (a == 0) & (b == 0)
    return lambda: xp.log(a / b), lambda: xp.where(corner, 1, (b - a) / b)


rule(special.xlogy, Kind.SMOOTH, _xlogy)
rule(special.xlog1py, Kind.SMOOTH, _xlog1py)
rule(special.entr, Kind.SMOOTH, lambda xp, y, x: (-xp.log(x) - 1,))
rule(special.rel_entr, Kind.SMOOTH, _rel_entr)
rule(special.kl_div, Kind.SMOOTH, _kl_div)

# -- power transformations


def _boxcox(xp: Any, y: Any, x: Any, p: Any) -> tuple[Any, Any]:
    def exponent() -> Any:
        log = xp.log(xp.where(x == 0, 1, x))
        return xp.where(x == 0, 1 / (p * p), log * log * _expm1_ratio_slope(xp, p * log))

    return lambda: x ** (p - 1), exponent


def _boxcox1p(xp: Any, y: Any, x: Any, p: Any) -> tuple[Any, Any]:
    def exponent() -> Any:
        log = special.log1p(xp.where(x == -1, 0, x))
        return xp.where(x == -1, 1 / (p * p), log * log * _expm1_ratio_slope(xp, p * log))

    return lambda: xp.exp(special.xlog1py(p - 1, x)), exponent


def _inv_boxcox(xp: Any, y: Any, x: Any, p: Any) -> tuple[Any, Any]:
    power = special.inv_boxcox(x, p)
    return power / (1 + p * x), lambda: power * x * x * _log1p_ratio_slope(xp, p * x)


rule(special.boxcox, Kind.SMOOTH, _boxcox)
rule(special.boxcox1p, Kind.SMOOTH, _boxcox1p)
rule(special.inv_boxcox, Kind.SMOOTH, _inv_boxcox)
rule(special.inv_boxcox1p, Kind.SMOOTH, _inv_boxcox)

# -- robust losses


def _huber(xp: Any, y: Any, d: Any, r: Any) -> tuple[Any, Any]:
    size = xp.absolute(r)
    inside = size <= d
    return xp.where(inside, 0, size - d), xp.where(inside, r, d * xp.sign(r))


def _pseudo_huber(xp: Any, y: Any, d: Any, r: Any) -> tuple[Any, Any]:
    ratio = r / d
    size = xp.absolute(ratio)
    # beyond, the 1 is lost, and far beyond the square overflows
    root = xp.where(size > 1e9, size, xp.sqrt(1 + ratio * ratio))
    # d (2 root - 1 - 1 / root) - ..., brought to a form in which nothing cancels or overflows
    return lambda: d * root * (ratio / root * (ratio / (1 + root))) ** 2, r / root


rule(special.huber, Kind.SMOOTH, _huber)
rule(special.pseudo_huber, Kind.SMOOTH, _pseudo_huber)
