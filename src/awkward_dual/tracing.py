"""Bodies of rules as formulas: the arithmetic as text, everything else for NumPy to compute.

A body runs once on symbols. Sums, products, quotients, roots, comparisons and
choices become Python expressions of one element, which IEEE arithmetic rounds
the same in any loop. Every other function of an argument (cosh, exp, …) becomes
an array that NumPy's own loops compute beforehand; they are faster than compiled
ones. A function of an expression has no such array: then the body stays with NumPy.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from awkward_dual.twins import COMPANIONS

__all__ = ("EXACT", "Formulas", "NoFormula", "Symbol", "positions_in", "trace")


class NoFormula(Exception):
    """A body does what has no formula."""


@dataclass
class Formulas:
    """The partials of a rule as formulas of one element.

    Attributes
    ----------
    steps
        Names and the expressions they stand for, each once and in their order.
    partials
        One expression for each tangent; ``None`` for a partial that is the number 1.
    prepared
        What NumPy computes beforehand: a ufunc with the positions of its arguments,
        counted through the inputs and then the prepared ones, or numbers.
    """

    steps: dict[str, str] = field(default_factory=dict)
    partials: list[str | None] = field(default_factory=list)
    prepared: list[tuple[Any, tuple[Any, ...]]] = field(default_factory=list)

    def positions(self, count: int) -> frozenset[int]:
        """Of so many inputs the positions of those in the formulas themselves."""
        text = " ".join([*self.steps, *(p for p in self.partials if p)])
        return frozenset(i for i in range(count) if re.search(rf"\bx{i}\b", text))

    def used(self, count: int) -> frozenset[int]:
        """Of so many inputs the positions of those that anything is computed from."""
        return self.positions(count) | positions_in(self.prepared)

    def step(self, expression: str) -> str:
        """The name of an expression."""
        return self.steps.setdefault(expression, f"v{len(self.steps)}")


def positions_in(prepared: Sequence[tuple[Any, tuple[Any, ...]]]) -> frozenset[int]:
    """The positions of the inputs from which something is prepared."""
    args = (a for _, args in prepared for a in args if type(a) is int)
    return frozenset(a for a in args if a >= 0)


class Symbol:
    """A number in a formula: an input or prepared array by its position, or an expression."""

    __slots__ = ("code", "dtype", "formulas", "is_bool", "position")
    __hash__ = None  # type: ignore[assignment]

    def __init__(
        self,
        formulas: Formulas,
        dtype: Any,
        code: str,
        position: int | None,
        *,
        is_bool: bool = False,
    ) -> None:
        self.formulas = formulas
        self.dtype = dtype
        self.code = code
        self.position = position
        self.is_bool = is_bool

    def _made(self, expression: str, *, is_bool: bool = False) -> Symbol:
        name = self.formulas.step(expression)
        return Symbol(self.formulas, self.dtype, name, None, is_bool=is_bool)

    def __bool__(self) -> bool:
        raise NoFormula("a branch on values")

    def __neg__(self) -> Symbol:
        return self._made(f"-{_number(self)}")

    def __invert__(self) -> Symbol:
        return self._made(f"not {self.code}", is_bool=True)

    def __and__(self, other: Any) -> Symbol:
        return self._made(f"{self.code} & {_code(other)}", is_bool=True)

    def __or__(self, other: Any) -> Symbol:
        return self._made(f"{self.code} | {_code(other)}", is_bool=True)

    def __pow__(self, exponent: Any) -> Symbol:
        if isinstance(exponent, Symbol) or exponent not in (1, 2):
            raise NoFormula("a power")
        own: Any = self
        return own if exponent == 1 else own * own  # type: ignore[no-any-return]

    def __array_ufunc__(self, ufunc: Any, method: str, *args: Any, **kwargs: Any) -> Any:
        if method != "__call__" or kwargs:
            raise NoFormula(method)
        return _Functions(self.formulas, self.dtype).call(ufunc, *args)


def _operator(name: str, sign: str) -> None:
    is_bool = name in ("eq", "ne", "lt", "le", "gt", "ge")

    def forward(self: Symbol, other: Any) -> Symbol:
        return self._made(f"{_number(self)} {sign} {_number(other)}", is_bool=is_bool)

    def reflected(self: Symbol, other: Any) -> Symbol:
        return self._made(f"{_number(other)} {sign} {_number(self)}")

    setattr(Symbol, f"__{name}__", forward)
    if not is_bool:
        setattr(Symbol, f"__r{name}__", reflected)


#: functions that are operators
_SIGNS = {np.add: "+", np.subtract: "-", np.multiply: "*", np.divide: "/"}
#: functions whose formulas give NumPy's own values, bit for bit
EXACT = frozenset({*_SIGNS, np.sqrt, np.negative, np.power})

for _name, _sign in {
    "add": "+", "sub": "-", "mul": "*", "truediv": "/",
    "eq": "==", "ne": "!=", "lt": "<", "le": "<=", "gt": ">", "ge": ">=",
}.items():  # fmt: skip
    _operator(_name, _sign)


def _code(x: Any) -> str:
    if isinstance(x, Symbol):
        return x.code
    if isinstance(x, bool | np.bool_):
        return str(bool(x))
    if isinstance(x, int | float | np.floating) and np.isfinite(x):
        return f"F({float(x)!r})"
    raise NoFormula(f"the operand {x!r}")


def _number(x: Any) -> str:
    """The code of an operand of arithmetic: conditions count as 1 and 0."""
    if isinstance(x, bool | np.bool_):
        x = float(x)
    if isinstance(x, Symbol) and x.is_bool:
        return x.formulas.step(f"select({x.code}, F(1.0), F(0.0))")
    return _code(x)


class _Functions:
    """The array module that a body sees."""

    def __init__(
        self, formulas: Formulas, dtype: Any, target: Any = None, inputs: Sequence[Any] = ()
    ) -> None:
        self.formulas = formulas
        self.dtype = dtype
        self.target = target
        self.inputs = inputs

    def __getattr__(self, name: str) -> Callable[..., Any]:
        function = getattr(np, name)
        return lambda *args: self.call(function, *args)

    def _made(self, expression: str, *, is_bool: bool = False) -> Symbol:
        name = self.formulas.step(expression)
        return Symbol(self.formulas, self.dtype, name, None, is_bool=is_bool)

    def where(self, condition: Any, a: Any, b: Any) -> Symbol:
        # both are computed, so that the loop has no branches
        return self._made(f"select({_code(condition)}, {_number(a)}, {_number(b)})")

    def sqrt(self, x: Any) -> Symbol:
        return self._made(f"sqrt({_number(x)})")

    def negative(self, x: Any) -> Symbol:
        return self._made(f"-{_number(x)}")

    def power(self, x: Any, n: Any) -> Symbol:
        is_known = isinstance(n, float | np.floating) and n in (1, 2)
        return x**n if is_known else self._prepared(np.power, x, n)

    def sign(self, x: Any) -> Symbol:
        # a NaN stays one
        return self.where(x > 0, 1.0, self.where(x < 0, -1.0, x))

    def hypot(self, a: Any, b: Any) -> Symbol:
        if self.dtype == np.float32:
            a, b = (self.formulas.step(f"D({_number(x)})") for x in (a, b))
            return self._made(f"F(sqrt({a} * {a} + {b} * {b}))")
        # scaled by the longer side, so that no square overflows
        a, b = (self.absolute(x) for x in (a, b))
        long: Any = self.where(a >= b, a, b)
        short: Any = self.where(a >= b, b, a)
        ratio = short / long
        is_long = (short == 0) | (long > np.finfo(self.dtype).max)
        return self.where(is_long, long, long * self.sqrt(1.0 + ratio * ratio))

    def absolute(self, x: Any) -> Any:
        if not isinstance(x, Symbol):
            return self._made(_number(abs(x)))
        own: Any = x
        return self.where(own < 0, -own, own)

    def isfinite(self, x: Any) -> Symbol:
        return self.absolute(x) <= np.finfo(self.dtype).max  # type: ignore[no-any-return]

    def isnan(self, x: Any) -> Symbol:
        return self._made(f"{_number(x)} != {_number(x)}", is_bool=True)

    def call(self, function: Any, *args: Any) -> Symbol:
        """A function of inputs, for NumPy to compute beforehand."""
        if not isinstance(function, np.ufunc) or function.nout != 1:
            raise NoFormula(f"the function {function!r}")
        if function in _SIGNS:
            return self._made(f" {_SIGNS[function]} ".join(map(_number, args)))
        own = getattr(self, function.__name__) if function.__name__ in vars(_Functions) else None
        if own is not None:
            return own(*args)  # type: ignore[no-any-return]
        return self._prepared(function, *args)

    def _prepared(self, function: Any, *args: Any) -> Symbol:
        if any(isinstance(a, Symbol) and a.position is None for a in args):
            raise NoFormula("a function of an expression")
        companion = COMPANIONS.get((self.target, function))
        if companion is not None and len(args) == 1 and args[0] is self.inputs[1]:
            return companion(self, *self.inputs)  # type: ignore[no-any-return]
        key = (function, tuple(a.position if isinstance(a, Symbol) else _Number(a) for a in args))
        prepared = self.formulas.prepared
        if key not in prepared:
            prepared.append(key)
        place = prepared.index(key)
        return Symbol(self.formulas, self.dtype, f"f{place}[i]", -1 - place)


class _Number(float):
    """A number among positions, which it never equals."""

    def __eq__(self, other: object) -> bool:
        return type(other) is _Number and float(self) == float(other)

    __hash__ = float.__hash__


def trace(form: Any, live: Sequence[int], literals: Sequence[Any]) -> Formulas:
    """The partials with respect to the inputs `live` as formulas.

    Parameters
    ----------
    form
        A rule's body ``(xp, y, *x)`` and what it is applied to: see `compiled.Form`.
    literals
        The value of each input (the output first) that is to be written into the formula, else ``None``.

    Raises
    ------
    NoFormula
        If the body has none.
    """
    formulas = Formulas()
    dtype = np.dtype(form.scalar)
    numbers = [
        literal
        if literal is not None
        else Symbol(formulas, dtype, f"x{i}[i]" if n else f"x{i}", i, is_bool=i in form.flags)
        for i, (n, literal) in enumerate(zip(form.ndims, literals, strict=True))
    ]
    found = form.body(_Functions(formulas, dtype, form.target, numbers), *numbers)
    for i in live:
        partial = found[i]() if callable(found[i]) else found[i]
        if partial is None:
            raise NoFormula("no partial")
        is_one = not isinstance(partial, Symbol) and partial == 1
        formulas.partials.append(None if is_one else _number(partial))
    return formulas
