"""Bessel functions and their kin (DLMF 9 to 11)."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from scipy import special

from awkward_dual.rules.special.common import (
    real_only,
    with_parameters,
)
from awkward_dual.rules.table import Kind, rule

# -- Bessel functions (DLMF 10.6.1, 10.29.1): the means of the neighbours cancel nowhere near 0


def _half_difference(ufunc: Any) -> Callable[..., Any]:
    return lambda xp, y, v, x: ((ufunc(v - 1, x) - ufunc(v + 1, x)) / 2,)


def _half_sum(ufunc: Any, sign: int) -> Callable[..., Any]:
    return lambda xp, y, v, x: (sign * (ufunc(v - 1, x) + ufunc(v + 1, x)) / 2,)


def _of_whole_order(body: Callable[..., Any]) -> Callable[..., Any]:
    """SciPy truncates the order."""
    return lambda xp, y, n, x: body(xp, y, xp.trunc(n), x)


def _scaled_by_absolute(ufunc: Any, mean: Callable[..., Any]) -> Callable[..., Any]:
    """Times exp(-|x|), which has no complex derivative."""
    return real_only(ufunc, lambda xp, y, v, x: (mean(xp, y, v, x)[0] - xp.sign(x) * y,))


rule(special.j0, Kind.SMOOTH, lambda xp, y, x: (-special.j1(x),))
rule(special.j1, Kind.SMOOTH, lambda xp, y, x: ((special.j0(x) - special.jv(2.0, x)) / 2,))
rule(special.y0, Kind.SMOOTH, lambda xp, y, x: (-special.y1(x),))
rule(special.y1, Kind.SMOOTH, lambda xp, y, x: ((special.y0(x) - special.yn(2, x)) / 2,))
rule(special.i0, Kind.SMOOTH, lambda xp, y, x: (special.i1(x),))
rule(special.i1, Kind.SMOOTH, lambda xp, y, x: ((special.i0(x) + special.iv(2.0, x)) / 2,))
rule(special.k0, Kind.SMOOTH, lambda xp, y, x: (-special.k1(x),))
rule(special.k1, Kind.SMOOTH, lambda xp, y, x: (-(special.k0(x) + special.kn(2, x)) / 2,))
rule(special.i0e, Kind.SMOOTH, lambda xp, y, x: (special.i1e(x) - xp.sign(x) * y,))
rule(
    special.i1e,
    Kind.SMOOTH,
    lambda xp, y, x: ((special.i0e(x) + special.ive(2.0, x)) / 2 - xp.sign(x) * y,),
)
rule(special.k0e, Kind.SMOOTH, lambda xp, y, x: (y - special.k1e(x),))
rule(
    special.k1e,
    Kind.SMOOTH,
    lambda xp, y, x: (y - (special.k0e(x) + special.kve(2.0, x)) / 2,),
)
with_parameters(special.jv, "v", _half_difference(special.jv))
with_parameters(special.yv, "v", _half_difference(special.yv))
with_parameters(special.yn, "n", _of_whole_order(_half_difference(special.yn)))
with_parameters(special.hankel1, "v", _half_difference(special.hankel1))
with_parameters(special.hankel2, "v", _half_difference(special.hankel2))
with_parameters(special.iv, "v", _half_sum(special.iv, 1))
with_parameters(special.kv, "v", _half_sum(special.kv, -1))
with_parameters(special.kn, "n", _of_whole_order(_half_sum(special.kn, -1)))
# jve and yve are scaled by exp(-|im x|), which is 1 on the real axis
with_parameters(special.jve, "v", real_only(special.jve, _half_difference(special.jve)))
with_parameters(special.yve, "v", real_only(special.yve, _half_difference(special.yve)))
with_parameters(special.ive, "v", _scaled_by_absolute(special.ive, _half_sum(special.ive, 1)))
with_parameters(
    special.kve, "v", lambda xp, y, v, x: (y - (special.kve(v - 1, x) + special.kve(v + 1, x)) / 2,)
)
with_parameters(
    special.hankel1e,
    "v",
    lambda xp, y, v, x: (_half_difference(special.hankel1e)(xp, y, v, x)[0] - 1j * y,),
)
with_parameters(
    special.hankel2e,
    "v",
    lambda xp, y, v, x: (_half_difference(special.hankel2e)(xp, y, v, x)[0] + 1j * y,),
)
rule(
    special.iti0k0,
    Kind.SMOOTH,
    lambda xp, y, x: ((special.i0(x),), (special.k0(x),)),
)
rule(
    special.itj0y0,
    Kind.SMOOTH,
    lambda xp, y, x: ((special.j0(x),), (special.y0(x),)),
)

# -- functions of Bessel's kin: Airy (DLMF 9.2.1), Kelvin (10.61), Struve (11.4.29, 11.4.35)


def _airy(xp: Any, y: Any, x: Any) -> tuple[Any, ...]:
    # computed again: a rule sees one output with its tangent, and the others without
    ai, aip, bi, bip = special.airy(x)
    return (aip,), (x * ai,), (bip,), (x * bi,)


def _struve_term(xp: Any, v: Any, x: Any) -> Any:
    return (x / 2) ** v * special.rgamma(v + 1.5) / math.sqrt(math.pi)


rule(special.airy, Kind.SMOOTH, _airy)
rule(special.ber, Kind.SMOOTH, lambda xp, y, x: (special.berp(x),))
rule(special.bei, Kind.SMOOTH, lambda xp, y, x: (special.beip(x),))
rule(special.ker, Kind.SMOOTH, lambda xp, y, x: (special.kerp(x),))
rule(special.kei, Kind.SMOOTH, lambda xp, y, x: (special.keip(x),))
rule(special.berp, Kind.SMOOTH, lambda xp, y, x: (-special.bei(x) - y / x,))
rule(special.beip, Kind.SMOOTH, lambda xp, y, x: (special.ber(x) - y / x,))
rule(special.kerp, Kind.SMOOTH, lambda xp, y, x: (-special.kei(x) - y / x,))
rule(special.keip, Kind.SMOOTH, lambda xp, y, x: (special.ker(x) - y / x,))
with_parameters(
    special.struve,
    "v",
    lambda xp, y, v, x: (
        (special.struve(v - 1, x) - special.struve(v + 1, x) + _struve_term(xp, v, x)) / 2,
    ),
)
with_parameters(
    special.modstruve,
    "v",
    lambda xp, y, v, x: (
        (special.modstruve(v - 1, x) + special.modstruve(v + 1, x) + _struve_term(xp, v, x)) / 2,
    ),
)
