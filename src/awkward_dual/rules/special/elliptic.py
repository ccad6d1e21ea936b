"""Elliptic integrals, hypergeometric functions and orthogonal polynomials (DLMF 13 to 22)."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import special
from scipy.special import _ufuncs as hidden

from awkward_dual.rules.special.common import (
    refuse,
    with_parameters,
)
from awkward_dual.rules.table import Kind, rule

# -- elliptic integrals and functions (DLMF 19.4, 22.13)


def _ellipk_slope(xp: Any, m: Any, k: Any, e: Any, rest: Any) -> Any:
    # the quotient is 0 / 0 at m = 0
    near = xp.absolute(m) < 0.5
    series = math.pi / 8 * special.hyp2f1(1.5, 1.5, 2, xp.where(near, m, 0))
    return xp.where(near, series, (e - rest * k) / (2 * xp.where(near, 1, m) * rest))


def _ellipe(xp: Any, y: Any, m: Any) -> tuple[Any]:
    near = xp.absolute(m) < 0.5
    series = -math.pi / 8 * special.hyp2f1(0.5, 1.5, 2, xp.where(near, m, 0))
    return (xp.where(near, series, (y - special.ellipk(m)) / (2 * xp.where(near, 1, m))),)


def _ellipj(xp: Any, y: Any, u: Any, m: Any) -> tuple[Any, ...]:
    sn, cn, dn, _ = special.ellipj(u, m)
    return tuple((p, refuse(special.ellipj, "m", m)) for p in (cn * dn, -sn * dn, -m * sn * cn, dn))


def _ellipinc_root(xp: Any, phi: Any, m: Any) -> Any:
    return xp.sqrt(1 - m * xp.sin(phi) ** 2)


rule(
    special.ellipk,
    Kind.SMOOTH,
    lambda xp, y, m: (_ellipk_slope(xp, m, y, special.ellipe(m), 1 - m),),
)
rule(
    special.ellipkm1,
    Kind.SMOOTH,
    lambda xp, y, p: (-_ellipk_slope(xp, 1 - p, y, special.ellipe(1 - p), p),),
)
rule(special.ellipe, Kind.SMOOTH, _ellipe)
rule(special.ellipj, Kind.SMOOTH, _ellipj)
rule(
    special.ellipkinc,
    Kind.SMOOTH,
    lambda xp, y, phi, m: (
        lambda: 1 / _ellipinc_root(xp, phi, m),
        refuse(special.ellipkinc, "m", m),
    ),
)
rule(
    special.ellipeinc,
    Kind.SMOOTH,
    lambda xp, y, phi, m: (
        lambda: _ellipinc_root(xp, phi, m),
        refuse(special.ellipeinc, "m", m),
    ),
)

# -- Lambert's W (DLMF 4.13.4), hypergeometric functions (13.3.15, 13.3.22, 15.5.1, 16.3.1)

rule(hidden._lambertw, Kind.SMOOTH, lambda xp, y, x, k, tol: (xp.exp(-y) / (1 + y), None, None))
rule(special.wrightomega, Kind.SMOOTH, lambda xp, y, x: (y / (1 + y),))
with_parameters(special.hyp0f1, "v", lambda xp, y, v, x: (special.hyp0f1(v + 1, x) / v,))
with_parameters(
    special.hyp1f1, "a b", lambda xp, y, a, b, x: (a / b * special.hyp1f1(a + 1, b + 1, x),)
)
with_parameters(
    special.hyperu, "a b", lambda xp, y, a, b, x: (-a * special.hyperu(a + 1, b + 1, x),)
)
with_parameters(
    special.hyp2f1,
    "a b c",
    lambda xp, y, a, b, c, x: (a * b / c * special.hyp2f1(a + 1, b + 1, c + 1, x),),
)

# -- orthogonal polynomials (DLMF 18.9.15 to 18.9.28)


def _degree(n: Any) -> Any:
    """The degree as an integer, where SciPy has a more accurate loop for them."""
    whole = n.astype(np.int64)
    return whole if (whole == n).all() else n


def _polynomial(ufunc: Any, parameters: str, slope: Callable[..., Any]) -> None:
    """`slope` gives the derivative in the last argument, from the degree and the others."""

    def partials(xp: Any, y: Any, n: Any, *x: Any) -> tuple[Any]:
        # not every loop has a polynomial of degree -1
        return (xp.where(n == 0, 0, slope(_degree(xp.where(n == 0, 1, n)), *x)),)

    with_parameters(ufunc, parameters, partials)


_polynomial(
    special.eval_jacobi,
    "n alpha beta",
    lambda n, a, b, x: (n + a + b + 1) / 2 * special.eval_jacobi(n - 1, a + 1, b + 1, x),
)
_polynomial(
    special.eval_gegenbauer,
    "n alpha",
    lambda n, a, x: 2 * a * special.eval_gegenbauer(n - 1, a + 1, x),
)
_polynomial(
    special.eval_genlaguerre,
    "n alpha",
    lambda n, a, x: -special.eval_genlaguerre(n - 1, a + 1, x),
)
_polynomial(special.eval_laguerre, "n", lambda n, x: -special.eval_genlaguerre(n - 1, 1.0, x))
_polynomial(
    special.eval_legendre, "n", lambda n, x: (n + 1) / 2 * special.eval_jacobi(n - 1, 1.0, 1.0, x)
)
_polynomial(
    special.eval_sh_legendre,
    "n",
    lambda n, x: (n + 1) * special.eval_jacobi(n - 1, 1.0, 1.0, 2 * x - 1),
)
_polynomial(special.eval_chebyt, "n", lambda n, x: n * special.eval_chebyu(n - 1, x))
_polynomial(special.eval_chebyu, "n", lambda n, x: 2 * special.eval_gegenbauer(n - 1, 2.0, x))
_polynomial(special.eval_chebyc, "n", lambda n, x: n * special.eval_chebyu(n - 1, x / 2))
_polynomial(special.eval_chebys, "n", lambda n, x: special.eval_gegenbauer(n - 1, 2.0, x / 2))
_polynomial(special.eval_sh_chebyt, "n", lambda n, x: 2 * n * special.eval_chebyu(n - 1, 2 * x - 1))
_polynomial(
    special.eval_sh_chebyu, "n", lambda n, x: 4 * special.eval_gegenbauer(n - 1, 2.0, 2 * x - 1)
)
_polynomial(special.eval_hermite, "n", lambda n, x: 2 * n * special.eval_hermite(n - 1, x))
_polynomial(special.eval_hermitenorm, "n", lambda n, x: n * special.eval_hermitenorm(n - 1, x))
