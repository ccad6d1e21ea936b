"""Error functions and the normal distribution (DLMF 7)."""

from __future__ import annotations

import math
from typing import Any

from scipy import special

from awkward_dual.rules.special.common import (
    GAUSS,
    NORMAL,
    ROOT2,
    is_complex,
    with_parameters,
)
from awkward_dual.rules.table import Kind, rule

# -- error functions (DLMF 7)


def _odd_series(x: Any, sign: int) -> Any:
    """The sum of (2k + 1)!! (sign / 2x²)^k, from DLMF 7.12.1; twelve terms do from x = 10 on."""
    step = sign / (2 * x * x)
    total = 1.0
    for n in range(25, 1, -2):
        total = 1 + n * step * total
    return total


def _erfcx(xp: Any, y: Any, x: Any) -> tuple[Any]:
    near = 2 * x * y - GAUSS
    if is_complex(x):
        return (near,)
    # the difference loses x**2 digits
    return (xp.where(x > 10, -GAUSS / 2 * _odd_series(x, -1) / (x * x), near),)


def _dawsn(xp: Any, y: Any, x: Any) -> tuple[Any]:
    near = 1 - 2 * x * y
    if is_complex(x):
        return (near,)
    return (xp.where(xp.absolute(x) > 10, -0.5 * _odd_series(x, 1) / (x * x), near),)


def _mills(x: Any) -> Any:
    """The normal density over its integral up to `x`, far into the tail too."""
    return 2 * NORMAL / special.erfcx(-x / ROOT2)


def _voigt_profile(xp: Any, y: Any, x: Any, sigma: Any, gamma: Any) -> tuple[Any, Any, Any]:
    # the real part of w(z), DLMF 7.19.3
    z = (x + 1j * gamma) / (ROOT2 * sigma)
    scale = NORMAL / sigma
    slope = -2 * z * special.wofz(z) + 1j * GAUSS
    return (
        lambda: scale / (ROOT2 * sigma) * xp.real(slope),
        lambda: -(y + scale * xp.real(slope * z)) / sigma,
        lambda: -scale / (ROOT2 * sigma) * xp.imag(slope),
    )


rule(special.erf, Kind.SMOOTH, lambda xp, y, x: (GAUSS * xp.exp(-x * x),))
rule(special.erfc, Kind.SMOOTH, lambda xp, y, x: (-GAUSS * xp.exp(-x * x),))
rule(special.erfcx, Kind.SMOOTH, _erfcx)
rule(special.erfi, Kind.SMOOTH, lambda xp, y, x: (GAUSS * xp.exp(x * x),))
rule(special.dawsn, Kind.SMOOTH, _dawsn)
rule(special.wofz, Kind.SMOOTH, lambda xp, y, x: (-2 * x * y + 1j * GAUSS,))
rule(special.voigt_profile, Kind.SMOOTH, _voigt_profile)
rule(special.erfinv, Kind.SMOOTH, lambda xp, y, x: (xp.exp(y * y) / GAUSS,))
rule(special.erfcinv, Kind.SMOOTH, lambda xp, y, x: (-xp.exp(y * y) / GAUSS,))
rule(
    special.fresnel,
    Kind.SMOOTH,
    lambda xp, y, x: ((xp.sin(math.pi / 2 * x * x),), (xp.cos(math.pi / 2 * x * x),)),
)

# -- the normal and Student's distribution

rule(special.ndtr, Kind.SMOOTH, lambda xp, y, x: (NORMAL * xp.exp(-0.5 * x * x),))
rule(special.ndtri, Kind.SMOOTH, lambda xp, y, x: (xp.exp(0.5 * y * y) / NORMAL,))
rule(special.log_ndtr, Kind.SMOOTH, lambda xp, y, x: (_mills(x),))
rule(special.ndtri_exp, Kind.SMOOTH, lambda xp, y, x: (1 / _mills(y),))
rule(
    special.owens_t,
    Kind.SMOOTH,
    lambda xp, y, h, a: (
        -0.5 * NORMAL * xp.exp(-0.5 * h * h) * special.erf(a * h / ROOT2),
        xp.exp(-0.5 * h * h * (1 + a * a)) / (2 * math.pi * (1 + a * a)),
    ),
)


def _student_density(xp: Any, v: Any, t: Any) -> Any:
    log = 0.5 * (v + 1) * special.log1p(t * t / v) + special.betaln(0.5 * v, 0.5)
    return xp.exp(-log) / xp.sqrt(v)


with_parameters(special.stdtr, "df", lambda xp, y, v, t: (_student_density(xp, v, t),))
with_parameters(special.stdtrit, "df", lambda xp, y, v, p: (1 / _student_density(xp, v, y),))
