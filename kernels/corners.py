"""Corner truths: what is true where the models of the field disagree.

Every row is literal: an expression, its inputs with their tangents, the value and
the tangent that must come out, and why, citing an invariant of the design where
one decides. Rows are tested forward and transposed, and printed into the docs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

__all__ = ("CORNERS", "Corner")

inf, nan = float("inf"), float("nan")
_FIRST = "invariant 7: the first on ties"
_ABSORBS = "invariant 3: zero absorbs"
_KINK = "invariant 8: the subgradient 0"


@dataclass(frozen=True)
class Corner:
    """One truth.

    Parameters
    ----------
    expression
        Of NumPy (``np``) and Awkward (``ak``), in the names of `inputs`.
    inputs
        By name the value and its tangent: numbers, or nested lists for arrays.
    value, tangent
        What comes out, as numbers and lists.
    why
        One line.
    dtype
        Of all inputs that are lists.
    """

    expression: str
    inputs: Mapping[str, tuple[Any, Any]]
    value: Any
    tangent: Any
    why: str
    dtype: str = "float64"


def _one(f: str, x: Any, dx: Any, y: Any, dy: Any, why: str, dtype: str = "float64") -> Corner:
    return Corner(f, {"x": (x, dx)}, y, dy, why, dtype)


def _two(f: str, a: Any, da: Any, b: Any, db: Any, y: Any, dy: Any, why: str) -> Corner:
    return Corner(f, {"a": (a, da), "b": (b, db)}, y, dy, why)


_PAIRS = (
    _two("np.maximum(a, b)", 2.0, 10.0, 2.0, 20.0, 2.0, 10.0, _FIRST),
    _two("np.minimum(a, b)", 2.0, 10.0, 2.0, 20.0, 2.0, 10.0, _FIRST),
    _two("np.fmax(a, b)", 2.0, 10.0, 2.0, 20.0, 2.0, 10.0, _FIRST),
    _two("np.fmin(a, b)", 2.0, 10.0, 2.0, 20.0, 2.0, 10.0, _FIRST),
    _two("np.maximum(a, b)", 0.0, 10.0, -0.0, 20.0, 0.0, 10.0, "+0 and -0 are equal: a tie"),
    _two("np.minimum(a, b)", 0.0, 10.0, -0.0, 20.0, 0.0, 10.0, "+0 and -0 are equal: a tie"),
    _two("np.maximum(a, b)", nan, 10.0, 1.0, 20.0, nan, 10.0, "the result is the NaN: its tangent"),
    _two("np.maximum(a, b)", 1.0, 10.0, nan, 20.0, nan, 20.0, "the result is the NaN: its tangent"),
    _two("np.minimum(a, b)", nan, 10.0, nan, 20.0, nan, 10.0, "two NaN: the first"),
    _two("np.fmax(a, b)", nan, 10.0, 1.0, 20.0, 1.0, 20.0, "fmax skips NaN"),
    _two("np.fmin(a, b)", 1.0, 10.0, nan, 20.0, 1.0, 10.0, "fmin skips NaN"),
    _two("np.fmax(a, b)", nan, 10.0, nan, 20.0, nan, 10.0, "two NaN: the first"),
    _two("np.maximum(a, b)", inf, 10.0, inf, 20.0, inf, 10.0, _FIRST),
    _two("np.hypot(a, b)", 0.0, 1.0, 0.0, 1.0, 0.0, 0.0, _KINK),
    _two("np.hypot(a, b)", 3.0, 1.0, 0.0, 1.0, 3.0, 1.0, "an axis, not the origin"),
    _two("np.arctan2(a, b)", 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, _ABSORBS),
    _two("np.arctan2(a, b)", 1e200, 1e200, 1e200, 0.0, 0.7853981633974483, 0.5,
         "the square of the norm would overflow"),
    _two("np.heaviside(a, b)", 0.0, 10.0, 0.5, 20.0, 0.5, 20.0, "at the step the result is b"),
    _two("np.copysign(a, b)", 0.0, 10.0, -1.0, 20.0, -0.0, 0.0, _KINK),
    _two("np.copysign(a, b)", -2.0, 10.0, 3.0, 20.0, 2.0, -10.0, "|a|, so -a for negative a"),
    _two("np.remainder(a, b)", 6.0, 10.0, 3.0, 20.0, 0.0, -30.0, "a - floor(a/b) b, at a jump too"),
    _two("np.remainder(a, b)", -7.0, 10.0, 3.0, 20.0, 2.0, 70.0, "floor(-7/3) is -3"),
    _two("np.fmod(a, b)", -7.0, 10.0, 3.0, 20.0, -1.0, 50.0, "trunc(-7/3) is -2"),
    _two("np.divmod(a, b)[1]", -7.0, 10.0, 3.0, 20.0, 2.0, 70.0, "as remainder"),
    _two("np.multiply(a, b)", inf, 0.0, 0.0, 1.0, nan, inf, "its tangent is a db"),
    _two("np.multiply(a, b)", inf, 1.0, 0.0, 0.0, nan, 0.0, _ABSORBS),
    _two("np.divide(a, b)", 0.0, 0.0, 0.0, 0.0, nan, 0.0, _ABSORBS),
    _two("np.divide(a, b)", 1.0, 1.0, inf, 1.0, 0.0, 0.0, "1/inf is 0, and so is 1/inf**2"),
    _two("np.logaddexp(a, b)", -inf, 1.0, 2.0, 10.0, 2.0, 10.0, "exp(-inf) is an empty term"),
    _two("np.logaddexp(a, b)", 800.0, 1.0, 800.0, 3.0, 800.6931471805599, 2.0, "no overflow"),
)  # fmt: skip

_POWERS = (
    _one("x ** 0", 0.0, 3.0, 1.0, 0.0, "x**0 is the constant 1, at 0 too"),
    _one("x ** 0.0", inf, 3.0, 1.0, 0.0, "x**0 is the constant 1, at inf too"),
    _one("x ** 1", 0.0, 3.0, 0.0, 3.0, "the partial is 0**0 = 1"),
    _one("x ** 2", 0.0, 3.0, 0.0, 0.0, "a double root"),
    _one("x ** 2", -0.0, 3.0, 0.0, 0.0, "a double root"),
    _one("x ** 0.5", 0.0, 0.0, 0.0, 0.0, _ABSORBS),
    _one("x ** 0.5", 0.0, 1.0, 0.0, inf, "a vertical tangent"),
    _one("x ** -1.0", [0.0], [1.0], [inf], [-inf], "a pole"),
    _one("x ** 2", -3.0, 1.0, 9.0, -6.0, "an exponent without tangent needs no logarithm"),
    _one("x ** 3.0", -2.0, 1.0, -8.0, 12.0, "an exponent without tangent needs no logarithm"),
    _one("x ** 0.5", [-2.0], [1.0], [nan], [nan], "no real root"),
    _two("a ** b", -2.0, 1.0, 3.0, 0.0, -8.0, 12.0, _ABSORBS),
    _two("a ** b", -2.0, 1.0, 3.0, 1.0, -8.0, nan, "no real logarithm"),
    _two("a ** b", 0.0, 0.0, 2.0, 1.0, 0.0, 0.0, "0**b is constant for b > 0"),
    _two("a ** b", 0.0, 1.0, 1.0, 1.0, 0.0, 1.0, "0**b is constant for b > 0"),
    _two("a ** b", 0.0, 1.0, 0.0, 1.0, 1.0, 0.0, "0**b is a step at b = 0: derivative 0"),
    _two("a ** b", [0.0], [0.0], [-1.0], [1.0], [inf], [0.0], "0**b is constant for b < 0"),
    _two("a ** b", 1.0, 0.0, inf, 1.0, 1.0, 0.0, "log 1 is 0"),
    _two("a ** b", 2.0, 1.0, 3.0, 1.0, 8.0, 17.545177444479563, "12 + 8 log 2"),
    _one("2 ** x", 0.0, 1.0, 1.0, 0.6931471805599453, "log 2"),
    _one("0.0 ** x", 2.0, 1.0, 0.0, 0.0, "0**b is constant for b > 0"),
    _one("np.power(x, 3)", [-1.0, 0.0, 2.0], [1.0, 1.0, 1.0], [-1.0, 0.0, 8.0], [3.0, 0.0, 12.0],
         "an integer exponent", "float32"),
    _one("x ** 0", 0j, 1j, 1 + 0j, 0j, "x**0 is the constant 1, at 0 too"),
    _one("x ** 2", -1j, 1.0 + 0j, -1 + 0j, -2j, "2 z dz"),
)  # fmt: skip

_KINKS = (
    _one("abs(x)", 0.0, 5.0, 0.0, 0.0, _KINK),
    _one("abs(x)", -0.0, 5.0, 0.0, 0.0, _KINK),
    _one("np.fabs(x)", 0.0, 5.0, 0.0, 0.0, _KINK),
    _one("np.absolute(x)", -inf, 5.0, inf, -5.0, "left of the kink"),
    _one("abs(x)", 0j, 1 + 1j, 0.0, 0.0, _KINK),
    _one("abs(x)", 3 + 4j, 1 + 0j, 5.0, 0.6, "Re(conj(z) dz) / |z|"),
    _one("np.abs(x)", [0j, 4j], [1 + 0j, 2j], [0.0, 4.0], [0.0, 2.0], _KINK, "complex128"),
    _one("np.linalg.norm(x)", [0.0, 0.0], [1.0, 1.0], 0.0, 0.0, _KINK),
    _one("np.sqrt(x)", 0.0, 0.0, 0.0, 0.0, _ABSORBS),
    _one("np.sqrt(x)", 0.0, 2.0, 0.0, inf, "a vertical tangent"),
    _one("np.sqrt(x * x)", 0.0, 5.0, 0.0, 0.0, "invariant 3: 2x dx is 0 before the root"),
    _one("np.cbrt(x)", 0.0, 0.0, 0.0, 0.0, _ABSORBS),
    _one("np.log(x)", 0.0, 0.0, -inf, 0.0, _ABSORBS),
    _one("np.log(x)", 0.0, 1.0, -inf, inf, "a pole"),
    _one("np.sign(x)", 0.0, 5.0, 0.0, 0.0, "a step"),
    _one("np.floor(x)", 2.0, 5.0, 2.0, 0.0, "a step, at its jump too"),
    _one("np.round(x)", [0.5, 1.5], [1.0, 1.0], [0.0, 2.0], [0.0, 0.0], "a step"),
    _one("np.clip(x, 1.0, 2.0)", [0.0, 1.0, 1.5, 2.0, 3.0], [1.0] * 5, [1.0, 1.0, 1.5, 2.0, 2.0],
         [0.0, 1.0, 1.0, 1.0, 0.0], "invariant 7: at a bound the result is x"),
    _one("np.modf(x)[0]", -2.5, 5.0, -0.5, 5.0, "the integral part is a step"),
    _one("np.frexp(x)[0]", 0.0, 5.0, 0.0, 5.0, "0 has the exponent 0"),
)  # fmt: skip

_DIGITS = (
    _one("np.expm1(x)", -40.0, 1.0, -1.0, 4.248354255291589e-18, "exp(x), not y + 1, which is 0"),
    _one("np.tanh(x)", 20.0, 1.0, 1.0, 1.699341702116735e-17, "1/cosh(x)**2, not 1 - y**2"),
    _one("np.tanh(x)", 1000.0, 1.0, 1.0, 0.0, "no NaN where cosh overflows"),
    _one(
        "np.arcsin(x)", 0.9999999999, 1.0, 1.5707821846586877, 70710.67519510883, "(1 - x)(1 + x)"
    ),
    _one(
        "np.arccos(x)",
        0.9999999999,
        1.0,
        1.4142136208911564e-05,
        -70710.67519510883,
        "(1 - x)(1 + x)",
    ),
    _one(
        "np.arctanh(x)", 0.9999999999, 1.0, 11.859499013855018, 4999999586.548179, "(1 - x)(1 + x)"
    ),
    _one("np.log1p(x)", 1e-20, 1.0, 1e-20, 1.0, "1/(1 + x)"),
    _one("np.exp(x)", -inf, 1.0, 0.0, 0.0, "the partial is the result"),
    _one("np.arctan(x)", 1e200, 1.0, 1.5707963267948966, 0.0, "x*x overflows to the right limit"),
    _one("np.arcsinh(x)", 1e200, 1e200, 461.2101657793691, 1.0, "x*x would overflow"),
    _one(
        "np.arcsinh(x)", [16384.0], [16384.0], [10.3984375], [1.0], "x*x would overflow", "float16"
    ),
    _one("np.sinh(x)", [0.0], [1.0], [0.0], [1.0], "cosh(0)", "float32"),
)

_REDUCERS = (
    _one("ak.prod(x, axis=1)", [[2.0, 0.0, 5.0]], [[1.0, 1.0, 1.0]], [0.0], [10.0],
         "one zero keeps the product of its siblings"),
    _one("ak.prod(x, axis=1)", [[2.0, 0.0, 0.0]], [[1.0, 1.0, 1.0]], [0.0], [0.0], "two zeros"),
    _one("ak.prod(x, axis=1)", [[-2.0, 3.0, -4.0], [], [0.0]], [[1.0, 1.0, 1.0], [], [7.0]],
         [24.0, 1.0, 0.0], [-10.0, 0.0, 7.0], "negative numbers, no number, a zero alone"),
    _one("ak.prod(x, axis=1)", [[0.0, inf]], [[1.0, 0.0]], [nan], [inf], "product of the others"),
    _one("ak.prod(x, axis=None)", [[2.0, 0.0], [5.0]], [[1.0, 1.0], [1.0]], 0.0, 10.0,
         "one zero keeps the product of its siblings"),
    _one("ak.prod(x, axis=1)", [[2j, 0j]], [[1 + 0j, 1 + 0j]], [0j], [2j], "complex zeros too",
         "complex128"),
    _one("np.prod(x)", [2.0, 0.0, 5.0], [1.0, 1.0, 1.0], 0.0, 10.0, "one zero"),
    _one("np.cumprod(x)", [2.0, 0.0, 5.0], [1.0, 1.0, 1.0], [2.0, 0.0, 0.0], [1.0, 2.0, 10.0],
         "one zero"),
    _one("ak.sum(x, axis=1)", [[], [1.0, inf]], [[], [1.0, 0.0]], [0.0, inf], [0.0, 1.0],
         "an empty sum is 0, and so is its tangent"),
    _one("ak.sum(x, axis=1)", [[1.0, 2.0]], [[1.0, 2.0]], [3.0], [3.0], "invariant 10", "float32"),
    _one("ak.mean(x, axis=1, mask_identity=False)", [[]], [[]], [nan], [0.0], _ABSORBS),
    _one("ak.max(x, axis=1)", [[1.0, 3.0, 3.0]], [[1.0, 2.0, 4.0]], [3.0], [2.0], _FIRST),
    _one("ak.min(x, axis=1)", [[1.0, 0.0, -0.0]], [[1.0, 2.0, 4.0]], [0.0], [2.0], _FIRST),
    _one("ak.max(x, axis=None)", [[1.0, 3.0], [3.0]], [[1.0, 2.0], [4.0]], 3.0, 2.0, _FIRST),
    _one("ak.max(x, axis=1)", [[nan, 3.0], [1.0]], [[1.0, 2.0], [4.0]], [3.0, 1.0], [2.0, 4.0],
         "the kernel skips NaN"),
    _one("ak.max(x, axis=None)", [[1.0, nan], [3.0]], [[1.0, 2.0], [4.0]], nan, 2.0,
         "axis=None propagates NaN: its tangent"),
    _one("ak.max(x, axis=1, mask_identity=False)", [[nan], []], [[1.0], []], [-inf, -inf],
         [0.0, 0.0], "no element is the result"),
    _one("ak.max(x, axis=1)", [[], [2.0]], [[], [1.0]], [None, 2.0], [None, 1.0], "no element"),
    Corner("ak.max(x, axis=1, initial=i, mask_identity=False)",
           {"x": ([[1.0, 2.0], [5.0, 7.0], [5.0], []], [[1.0, 2.0], [3.0, 4.0], [6.0], []]),
            "i": (5.0, 10.0)},
           [5.0, 7.0, 5.0, 5.0], [10.0, 4.0, 6.0, 10.0],
           "initial wins with its tangent; in an exact tie the data, which come first"),
    Corner("ak.min(x, axis=1, initial=i, mask_identity=False)",
           {"x": ([[1.0, 2.0], [5.0], []], [[1.0, 2.0], [6.0], []]), "i": (1.5, 10.0)},
           [1.0, 1.5, 1.5], [1.0, 10.0, 10.0], "initial wins with its tangent"),
    _one("np.max(x)", [1.0, 3.0, 3.0], [1.0, 2.0, 4.0], 3.0, 2.0, _FIRST),
    _one("np.min(x)", [1.0, nan, nan], [1.0, 2.0, 4.0], nan, 2.0, "the first NaN"),
    _one("np.nanmax(x)", [nan, 3.0, 3.0], [1.0, 2.0, 4.0], 3.0, 2.0, _FIRST),
    _one("np.ptp(x)", [2.0, 2.0], [1.0, 4.0], 0.0, 0.0, "both ends are the first element"),
    _one("ak.argmax(x, axis=1)", [[1.0, 3.0]], [[1.0, 2.0]], [1], [0], "a step"),
    _one("ak.count_nonzero(x, axis=1)", [[0.0, 3.0]], [[1.0, 2.0]], [1], [0], "a step"),
    _one("ak.any(x, axis=1)", [[0.0, 3.0]], [[1.0, 2.0]], [True], [False], "a step"),
    _one("ak.var(x, axis=1)", [[2.0, 2.0]], [[1.0, 3.0]], [0.0], [0.0], "a minimum"),
    _one("ak.std(x, axis=1)", [[2.0, 2.0]], [[1.0, 3.0]], [0.0], [0.0], "invariants 3 and 8"),
    _one("np.std(x)", [2.0, 2.0], [1.0, 3.0], 0.0, 0.0, "invariants 3 and 8"),
    _one("ak.std(x, axis=1)", [[2.0]], [[1.0]], [0.0], [0.0], "invariants 3 and 8"),
)  # fmt: skip

_ORDER = (
    _one("ak.sort(x, axis=1)", [[2.0, 1.0, 2.0, 1.0]], [[1.0, 2.0, 3.0, 4.0]],
         [[1.0, 1.0, 2.0, 2.0]], [[2.0, 4.0, 1.0, 3.0]], "stable: ties keep their order"),
    _one("ak.sort(x, axis=1, ascending=False)", [[2.0, 1.0, 2.0, 1.0]], [[1.0, 2.0, 3.0, 4.0]],
         [[2.0, 2.0, 1.0, 1.0]], [[1.0, 3.0, 2.0, 4.0]], "stable downwards too"),
    _one("ak.sort(x, axis=1)", [[2.0, nan, 1.0], []], [[1.0, 2.0, 3.0], []],
         [[nan, 1.0, 2.0], []], [[2.0, 3.0, 1.0], []], "Awkward sorts NaN to the front"),
    _one("np.sort(x)", [2.0, 1.0, 2.0], [1.0, 2.0, 3.0], [1.0, 2.0, 2.0], [2.0, 1.0, 3.0], _FIRST),
    _one("np.sort(x * np.array([1.0, np.nan, 0.5, 1.0]))", 2.0, 1.0, [1.0, 2.0, 2.0, nan],
         [0.5, 1.0, 1.0, nan], "NumPy sorts NaN to the end"),
    _one("np.unique(x)", [2.0, 1.0, 2.0], [1.0, 2.0, 3.0], [1.0, 2.0], [2.0, 1.0], _FIRST),
    _one("ak.where(x > 0, 1 / x, x)", [0.0, 2.0], [1.0, 1.0], [0.0, 0.5], [1.0, -0.25],
         "invariant 3: the unselected 1/0 does not poison"),
    _one("np.where(x > 0, np.sqrt(x), 0.0)", [0.0, 4.0], [1.0, 1.0], [0.0, 2.0], [0.0, 0.25],
         "invariant 3: the unselected infinite slope does not poison"),
    _one("ak.where(x > 0, np.log(x), 7.0)", [-1.0, 1.0], [1.0, 1.0], [7.0, 0.0], [0.0, 1.0],
         "invariant 3: the unselected NaN does not poison"),
    _one("np.nan_to_num(x)", [nan, inf, 2.0], [1.0, 1.0, 1.0],
         [0.0, 1.7976931348623157e308, 2.0], [0.0, 0.0, 1.0], "replaced elements are constants"),
    _one("ak.firsts(x)", [[2.0, 1.0], []], [[1.0, 2.0], []], [2.0, None], [1.0, None],
         "invariant 7: the element's own tangent"),
    _one("x[[0, 0, 1]]", [2.0, 3.0], [1.0, 5.0], [2.0, 2.0, 3.0], [1.0, 1.0, 5.0], "taken twice"),
)  # fmt: skip

#: all rows, in the order in which the docs print them
CORNERS: tuple[Corner, ...] = (*_PAIRS, *_POWERS, *_KINKS, *_DIGITS, *_REDUCERS, *_ORDER)
