"""Quicker twins of NumPy's functions, for partials; values always come from NumPy itself.

NumPy leaves sine and cosine of float64 to the C library, element by element. As
the partials of one another they are wanted to a unit in the last place or two, which
the classical reduction by quarters of a turn and two polynomials give in a loop
without branches, an order of magnitude quicker. A hyperbolic cosine follows from the sine, which
is there already, and the other way round.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

__all__ = ("COMPANIONS", "LARGEST", "TWINS", "has_twin", "quarters")

#: beyond this the reduction loses digits: at most 2 units in the last place up to here
LARGEST = 1e5

# Payne and Hanek, and Cody and Waite, in the constants of fdlibm (s_sin.c, k_sin.c, k_cos.c, e_rem_pio2.c):
# two over pi, the parts of pi over two, and the minimax polynomials on [-pi/4, pi/4]
_TURN = 6.36619772367581382433e-01
_P1, _P2, _P3 = 1.57079632673412561417e00, 6.07710050630396597660e-11, 2.02226624879595063154e-21
_S1, _S2, _S3 = -1.66666666666666324348e-01, 8.33333333332248946124e-03, -1.98412698298579493134e-04
_S4, _S5, _S6 = 2.75573137070700676789e-06, -2.50507602534068634195e-08, 1.58969099521155010221e-10
_C1, _C2, _C3 = 4.16666666666666019037e-02, -1.38888888888741095749e-03, 2.48015872894767294178e-05
_C4, _C5, _C6 = -2.75573143513906633035e-07, 2.08757232129817482790e-09, -1.13596475577881948265e-11
#: a number to which a double is rounded to an integer by adding
_ROUND = 6755399441055744.0


def quarters(x: Any, shift: float, out: Any) -> None:
    """The sine of `x` advanced by `shift` quarters of a turn, for \\|x\\| up to `LARGEST`."""
    for i in range(len(out)):
        n = (x[i] * _TURN + _ROUND) - _ROUND
        r = ((x[i] - n * _P1) - n * _P2) - n * _P3
        q = n + shift
        q = q - 4.0 * np.floor(q * 0.25)
        z = r * r
        sine = r + r * z * (_S1 + z * (_S2 + z * (_S3 + z * (_S4 + z * (_S5 + z * _S6)))))
        half = 0.5 * z
        cosine = 1.0 - half
        rest = z * z * (_C1 + z * (_C2 + z * (_C3 + z * (_C4 + z * (_C5 + z * _C6)))))
        cosine = cosine + ((1.0 - cosine) - half + rest)
        y = cosine if (q == 1.0) | (q == 3.0) else sine
        out[i] = -y if q >= 2.0 else y


#: the quarters of a turn by which each function is ahead of the sine
TWINS: dict[Any, float] = {np.sin: 0.0, np.cos: 1.0}


def has_twin(function: Any, args: Any) -> bool:
    """Whether the twin of a function is as good as itself for these arguments."""
    if function not in TWINS or args[0].dtype != np.float64 or not args[0].ndim:
        return False
    # a NaN fails both
    return bool(args[0].max() <= LARGEST and args[0].min() >= -LARGEST)


def _cosh_of_sinh(xp: Any, y: Any, x: Any) -> Any:
    size = xp.absolute(y)
    # beyond, the 1 is lost, and far beyond the square overflows
    return xp.where(size > 1e9, size, xp.sqrt(1.0 + y * y))


def _sinh_of_cosh(xp: Any, y: Any, x: Any) -> Any:
    # the difference from 1 has lost its digits where x is small: there the power series stands in
    square = power = x * x
    # from pairs of coefficients on: no long chain of products
    series: list[Any] = [1 / math.factorial(n) for n in range(3, 20, 2)]
    while len(series) > 1:
        pairs = list(zip(series[::2], series[1::2], strict=False))
        series = [low + power * high for low, high in pairs] + series[2 * len(pairs) :]
        power = power * power
    far = xp.where(y > 1e9, y, xp.sqrt((y - 1.0) * (y + 1.0)))
    return xp.where(square < 1.0, x + x * square * series[0], xp.where(x < 0, -far, far))


#: what stands in for a function of x in the loop of another: (that one, the function)
COMPANIONS: dict[Any, Callable[..., Any]] = {
    (np.sinh, np.cosh): _cosh_of_sinh,
    (np.cosh, np.sinh): _sinh_of_cosh,
}
