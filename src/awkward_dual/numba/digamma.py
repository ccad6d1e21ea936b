"""The digamma function, for the derivatives of ``math.gamma`` and ``math.lgamma``."""

from __future__ import annotations

import math
from typing import Any

import numba

__all__ = ("digamma",)

#: B(2n) / 2n of the asymptotic series, n = 1 to 7
_BERNOULLI = (1 / 12, -1 / 120, 1 / 252, -1 / 240, 1 / 132, -691 / 32760, 1 / 12)


@numba.njit
def digamma(x: Any) -> Any:
    """The logarithmic derivative of the gamma function (DLMF 5.4 to 5.11).

    Parameters
    ----------
    x : float
        Anywhere on the real axis.

    Returns
    -------
    float
        NaN at the poles -1, -2 ..., and infinite at 0, as SciPy has it.

    Examples
    --------
    >>> from awkward_dual.numba.digamma import digamma
    >>> round(digamma(1.0), 12)
    -0.577215664902
    """
    out = 0.0
    if x == 0.0:
        return -math.copysign(math.inf, x)
    if x < 0.0:
        if x == math.floor(x):
            return math.nan
        # the reflection formula, DLMF 5.5.4; the tangent of the fraction keeps digits of far x
        out -= math.pi / math.tan(math.pi * (x - math.floor(x)))
        x = 1.0 - x
    # the recurrence, DLMF 5.5.2
    while x < 10.0:
        out -= 1.0 / x
        x += 1.0
    # the asymptotic series, DLMF 5.11.2
    square = 1.0 / (x * x)
    series = 0.0
    for coefficient in _BERNOULLI[::-1]:
        series = (series + coefficient) * square
    return out + math.log(x) - 0.5 / x - series
