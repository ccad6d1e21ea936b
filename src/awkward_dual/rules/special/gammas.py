"""Gamma and beta functions, the distributions made of them, and integrals (DLMF 5, 6, 8)."""

from __future__ import annotations

import math
from typing import Any

from scipy import special
from scipy.special import _ufuncs as hidden

from awkward_dual.rules.special.common import (
    real_only,
    refuse,
    with_parameters,
)
from awkward_dual.rules.table import Kind, rule

# -- gamma functions (DLMF 5)


def _rgamma(xp: Any, y: Any, x: Any) -> tuple[Any]:
    # by reflection, DLMF 5.5.3, there is no pole on the left
    left = xp.real(x) < 0.5
    z = xp.where(left, x, 0)
    mirrored = xp.cos(math.pi * z) - special.psi(1 - z) * xp.sin(math.pi * z) / math.pi
    right = -y * special.psi(xp.where(left, 1, x))
    return (xp.where(left, special.gamma(1 - z) * mirrored, right),)


def _beta(xp: Any, y: Any, a: Any, b: Any) -> tuple[Any, Any]:
    both = special.psi(a + b)
    return lambda: y * (special.psi(a) - both), lambda: y * (special.psi(b) - both)


def _betaln(xp: Any, y: Any, a: Any, b: Any) -> tuple[Any, Any]:
    both = special.psi(a + b)
    return lambda: special.psi(a) - both, lambda: special.psi(b) - both


def _binom(xp: Any, y: Any, n: Any, k: Any) -> tuple[Any, Any]:
    rest = special.psi(n - k + 1)
    return lambda: y * (special.psi(n + 1) - rest), lambda: y * (rest - special.psi(k + 1))


def _poch(xp: Any, y: Any, x: Any, m: Any) -> tuple[Any, Any]:
    top = special.psi(x + m)
    return lambda: y * (top - special.psi(x)), lambda: y * top


rule(special.gamma, Kind.SMOOTH, lambda xp, y, x: (y * special.psi(x),))
rule(special.gammaln, Kind.SMOOTH, lambda xp, y, x: (special.psi(x),))
rule(special.loggamma, Kind.SMOOTH, lambda xp, y, x: (special.psi(x),))
rule(special.rgamma, Kind.SMOOTH, _rgamma)
rule(
    special.psi,
    Kind.SMOOTH,
    real_only(special.psi, lambda xp, y, x: (special.zeta(2.0, x),)),
)
rule(special.beta, Kind.SMOOTH, _beta)
rule(special.betaln, Kind.SMOOTH, _betaln)
rule(special.binom, Kind.SMOOTH, _binom)
rule(special.poch, Kind.SMOOTH, _poch)
# DLMF 25.11.17
with_parameters(
    hidden._zeta,
    "x",
    real_only(hidden._zeta, lambda xp, y, s, q: (-s * special.zeta(s + 1, q),)),
)

# -- incomplete gamma functions (DLMF 8.8.13) and the distributions made of them


def _gamma_density(xp: Any, a: Any, x: Any) -> Any:
    """x**(a - 1) exp(-x) / gamma(a)."""
    # logarithms where powers overflow; powers near zero, where the logarithm has no derivative
    log = special.gammaln(a)
    small = (a < 10) & (x < 1)
    return xp.where(
        small,
        xp.where(small, x, 1) ** xp.where(small, a - 1, 1) * xp.exp(-x - log),
        xp.exp(special.xlogy(a - 1, xp.where(small, 1, x)) - x - log),
    )


def _gamma_distribution(ufunc: Any, sign: int) -> None:
    def body(xp: Any, y: Any, a: Any, b: Any, x: Any) -> tuple[Any, Any, Any]:
        density = sign * _gamma_density(xp, b, a * x)
        return x * density, refuse(ufunc, "b", b), a * density

    rule(ufunc, Kind.SMOOTH, body)


with_parameters(special.gammainc, "a", lambda xp, y, a, x: (_gamma_density(xp, a, x),))
with_parameters(special.gammaincc, "a", lambda xp, y, a, x: (-_gamma_density(xp, a, x),))
with_parameters(special.gammaincinv, "a", lambda xp, y, a, p: (1 / _gamma_density(xp, a, y),))
with_parameters(special.gammainccinv, "a", lambda xp, y, a, p: (-1 / _gamma_density(xp, a, y),))
with_parameters(special.chdtr, "v", lambda xp, y, v, x: (_gamma_density(xp, v / 2, x / 2) / 2,))
with_parameters(special.chdtrc, "v", lambda xp, y, v, x: (-_gamma_density(xp, v / 2, x / 2) / 2,))
with_parameters(special.chdtri, "v", lambda xp, y, v, p: (-2 / _gamma_density(xp, v / 2, y / 2),))
_gamma_distribution(special.gdtr, 1)
_gamma_distribution(special.gdtrc, -1)

# -- incomplete beta functions (DLMF 8.17) and the distributions made of them


def _beta_density(xp: Any, a: Any, b: Any, x: Any) -> Any:
    """x**(a - 1) (1 - x)**(b - 1) / beta(a, b)."""
    # as in _gamma_density, at both ends
    log = special.betaln(a, b)
    low, high = (a < 10) & (x < 0.1), (b < 10) & (x > 0.9)
    left = special.xlogy(a - 1, xp.where(low, 1, x))
    right = special.xlog1py(b - 1, xp.where(high, 0, -x))
    power = xp.where(low, x, 1) ** xp.where(low, a - 1, 1)
    power = power * xp.where(high, 1 - x, 1) ** xp.where(high, b - 1, 1)
    return power * xp.exp(left + right - log)


def _f_density(xp: Any, m: Any, n: Any, x: Any) -> Any:
    total = m * x + n
    return m * n / (total * total) * _beta_density(xp, 0.5 * m, 0.5 * n, m * x / total)


def _of_beta(ufunc: Any, sign: int) -> None:
    with_parameters(ufunc, "a b", lambda xp, y, a, b, x: (sign * _beta_density(xp, a, b, x),))


def _of_beta_inverse(ufunc: Any, sign: int) -> None:
    with_parameters(ufunc, "a b", lambda xp, y, a, b, p: (sign / _beta_density(xp, a, b, y),))


_of_beta(special.betainc, 1)
_of_beta(special.betaincc, -1)
_of_beta_inverse(special.betaincinv, 1)
_of_beta_inverse(special.betainccinv, -1)
with_parameters(special.fdtr, "dfn dfd", lambda xp, y, m, n, x: (_f_density(xp, m, n, x),))
with_parameters(special.fdtrc, "dfn dfd", lambda xp, y, m, n, x: (-_f_density(xp, m, n, x),))
with_parameters(special.fdtri, "dfn dfd", lambda xp, y, m, n, p: (1 / _f_density(xp, m, n, y),))


def _sinh_ratio(xp: Any, x: Any) -> Any:
    """sinh(x) / x, without overflow before that of sinh."""
    up, down = special.exprel(2 * x) * xp.exp(-x), special.exprel(-2 * x) * xp.exp(x)
    return xp.where(x > 0, down, up)


# -- exponential, sine and cosine integrals (DLMF 6, 8.19)


def _expn(xp: Any, y: Any, n: Any, x: Any) -> tuple[Any]:
    below = special.expn(xp.where(n < 1, 0, n - 1), x)
    # 8.19.12 at n = 0
    return (-xp.where(n < 1, xp.exp(-x) * (1 + x) / (x * x), below),)


rule(special.expi, Kind.SMOOTH, lambda xp, y, x: (xp.exp(x) / x,))
rule(special.exp1, Kind.SMOOTH, lambda xp, y, x: (-xp.exp(-x) / x,))
with_parameters(special.expn, "n", _expn)
rule(
    special.sici,
    Kind.SMOOTH,
    real_only(special.sici, lambda xp, y, x: ((xp.sinc(x / math.pi),), (xp.cos(x) / x,))),
)
rule(
    special.shichi,
    Kind.SMOOTH,
    real_only(special.shichi, lambda xp, y, x: ((_sinh_ratio(xp, x),), (xp.cosh(x) / x,))),
)
