"""Ufuncs as CUDA kernels: the tangent, and the value of plain arithmetic, in one pass over memory.

A kernel is written from the body of the rule, which runs once on symbols. So
there is no second table of derivatives, and a rule that has no formula (a branch
on values, an operation on whole arrays) is left to CuPy's operations.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from threading import Lock
from typing import Any

import numpy as np

from awkward_dual.cuda.modules import THREADS, launch, type_name
from awkward_dual.errors import MissingTangentRule
from awkward_dual.rules.table import Kind, Rule
from awkward_dual.tracing import NoFormula

__all__ = ("kernel_text", "value_and_tangent")

_KINDS = (Kind.SMOOTH, Kind.LINEAR, Kind.SELECT)
_SIGNS = {
    np.add: "+", np.subtract: "-", np.multiply: "*", np.divide: "/", np.equal: "==",
    np.not_equal: "!=", np.less: "<", np.less_equal: "<=", np.greater: ">",
    np.greater_equal: ">=",
}  # fmt: skip
#: NumPy's name and CUDA's, of functions of numbers of one type
_FUNCTIONS = {
    "arctan2": "atan2", "cbrt": "cbrt", "cos": "cos", "cosh": "cosh", "exp": "exp",
    "exp2": "exp2", "hypot": "hypot", "log": "log", "sin": "sin", "sinh": "sinh",
    "sqrt": "sqrt", "trunc": "trunc",
}  # fmt: skip
#: values that IEEE rounds in one way only; all others are those of CuPy's own loops
_EXACT = (np.add, np.subtract, np.multiply, np.divide, np.negative, np.positive, np.sqrt)

_lock = Lock()
_texts: dict[Any, str | None] = {}


class _Symbol:
    """An expression of one element."""

    __hash__ = None  # type: ignore[assignment]

    def __init__(self, code: str, dtype: Any, is_bool: bool = False) -> None:
        self.code = code
        self.dtype = dtype
        self.is_bool = is_bool

    def __bool__(self) -> bool:
        raise NoFormula("a branch on values")

    def __array_ufunc__(self, ufunc: Any, method: str, *args: Any, **kwargs: Any) -> Any:
        if method != "__call__" or kwargs:
            raise NoFormula(method)
        return _call(ufunc, self.dtype, args)

    def __neg__(self) -> _Symbol:
        return _Symbol(f"(-{self.code})", self.dtype)

    def __invert__(self) -> _Symbol:
        return _Symbol(f"(!{self.code})", self.dtype, True)

    def __and__(self, other: Any) -> _Symbol:
        return _Symbol(f"({self.code} && {_code(other)})", self.dtype, True)

    def __or__(self, other: Any) -> _Symbol:
        return _Symbol(f"({self.code} || {_code(other)})", self.dtype, True)

    def __pow__(self, exponent: Any) -> Any:
        if isinstance(exponent, _Symbol) or exponent not in (1, 2):
            raise NoFormula("a power")
        return self if exponent == 1 else _Symbol(f"({self.code} * {self.code})", self.dtype)


def _operators() -> None:
    names = {
        "add": np.add, "sub": np.subtract, "mul": np.multiply, "truediv": np.divide,
        "eq": np.equal, "ne": np.not_equal, "lt": np.less, "le": np.less_equal,
        "gt": np.greater, "ge": np.greater_equal,
    }  # fmt: skip
    for name, ufunc in names.items():

        def forward(self: Any, other: Any, ufunc: Any = ufunc) -> Any:
            return _call(ufunc, self.dtype, (self, other))

        def reflected(self: Any, other: Any, ufunc: Any = ufunc) -> Any:
            return _call(ufunc, self.dtype, (other, self))

        setattr(_Symbol, f"__{name}__", forward)
        if name in ("add", "sub", "mul", "truediv"):
            setattr(_Symbol, f"__r{name}__", reflected)


_operators()


def _code(x: Any) -> str:
    if isinstance(x, _Symbol):
        return x.code
    if isinstance(x, bool | int | float | np.bool_ | np.floating) and np.isfinite(x):
        return f"F({float(x)!r})"
    raise NoFormula(f"the operand {x!r}")


def _call(ufunc: Any, dtype: Any, args: Sequence[Any]) -> _Symbol:
    codes = [_code(a) for a in args]
    if ufunc in _SIGNS:
        sign = _SIGNS[ufunc]
        return _Symbol(f"({codes[0]} {sign} {codes[1]})", dtype, sign in "== != <= >=")
    if ufunc in (np.negative, np.positive):
        return _Symbol(f"({'-' if ufunc is np.negative else ''}{codes[0]})", dtype)
    name = getattr(ufunc, "__name__", "")
    if name in _FUNCTIONS:
        return _Symbol(f"{_FUNCTIONS[name]}({', '.join(codes)})", dtype)
    raise NoFormula(f"the function {ufunc!r}")


class _Functions:
    """The array module that a body sees."""

    def __init__(self, dtype: Any) -> None:
        self.dtype = dtype

    def __getattr__(self, name: str) -> Callable[..., Any]:
        function = getattr(np, name)
        return lambda *args: _call(function, self.dtype, args)

    def where(self, condition: Any, a: Any, b: Any) -> _Symbol:
        return _Symbol(f"({_code(condition)} ? {_code(a)} : {_code(b)})", self.dtype)

    def sign(self, x: Any) -> _Symbol:
        # a NaN stays one
        return self.where(x > 0, 1.0, self.where(x < 0, -1.0, x))

    def isnan(self, x: Any) -> _Symbol:
        return _Symbol(f"({_code(x)} != {_code(x)})", self.dtype, True)

    def absolute(self, x: Any) -> _Symbol:
        return _Symbol(f"fabs({_code(x)})", self.dtype)


def kernel_text(row: Rule, dtype: Any, arrays: Sequence[bool], live: Sequence[int]) -> str:
    """The source of the kernel of a rule.

    Parameters
    ----------
    row
        The rule of a ufunc with one output.
    dtype
        Of all its operands, float32 or float64.
    arrays
        Which inputs are arrays; the others are numbers.
    live
        The inputs, from 0, that carry a tangent.

    Raises
    ------
    NoFormula
        If the body has no formula.
    """
    names = ["y", *(f"x{i}" for i in range(len(arrays)))]
    symbols = [_Symbol(name, dtype) for name in names]
    try:
        found = row.body(_Functions(dtype), *symbols)
    except (AttributeError, TypeError) as error:
        raise NoFormula(str(error)) from None
    terms = []
    for j, i in enumerate(live):
        try:
            partial = found[i]() if callable(found[i]) else found[i]
        except MissingTangentRule as error:
            raise NoFormula(str(error)) from None
        if partial is None:
            raise NoFormula("no partial")
        is_one = not isinstance(partial, _Symbol) and partial == 1
        terms.append((f"t{j}[k * n + i]", None if is_one else _code(partial)))
    value = None
    if row.target in _EXACT:
        value = _call(row.target, dtype, symbols[1:]).code
    return _text(value, arrays, terms)


def _text(value: str | None, arrays: Sequence[bool], terms: list[tuple[str, str | None]]) -> str:
    inputs = [f"const F* x{i}_" if a else f"F x{i}" for i, a in enumerate(arrays)]
    tangents = [f"const F* t{j}" for j in range(len(terms))]
    whole = "F* y_" if value else "const F* y_"
    arguments = ", ".join(["F* out", whole, *inputs, *tangents, "Index n", "Index rows"])
    lines = [
        "template <typename F>",
        f"__global__ void rule({arguments}) {{",
        "    for (Index i = blockIdx.x * Index(blockDim.x) + threadIdx.x; i < n;",
        "         i += Index(gridDim.x) * blockDim.x) {",
        *(f"        const F x{i} = x{i}_[i];" for i, a in enumerate(arrays) if a),
        f"        const F y = {value or 'y_[i]'};",
        *(["        y_[i] = y;"] if value else []),
        *(f"        const F c{j} = F({c});" for j, (_, c) in enumerate(terms) if c),
        "        for (Index k = 0; k < rows; k++) {",
    ]
    sums = []
    for j, (t, c) in enumerate(terms):
        sums.append(f"absorbing<F>(c{j}, {t})" if c else t)
    lines += [f"            out[k * n + i] = {' + '.join(sums)};", "        }", "    }", "}"]
    return "\n".join(lines) + "\n"


def _find(row: Rule, dtype: Any, arrays: tuple[bool, ...], live: tuple[int, ...]) -> str | None:
    key = (row.target, dtype, arrays, live)
    if key not in _texts:
        with _lock:
            try:
                _texts[key] = kernel_text(row, dtype, arrays, live)
            except NoFormula:
                _texts[key] = None
    return _texts[key]


def value_and_tangent(
    row: Rule, call: Callable[..., Any], x: Sequence[Any], dx: Sequence[Any]
) -> tuple[Any, Any] | None:
    """The value of a ufunc and its tangent by one kernel; ``None`` for the general way.

    Parameters
    ----------
    row
        The ufunc's rule.
    call
        What computes the value where the kernel does not.
    x
        Operands: raw arrays of one shape and floating dtype, or numbers.
    dx
        Tangents of shape ``(k, *shape)``, or ``None``.
    """
    first = next((a for a in x if np.ndim(a)), None)
    if first is None or row.kind not in _KINDS or row.option("user") or row.option("conjugates"):
        return None
    dtype, shape = first.dtype, first.shape
    live = tuple(i for i, t in enumerate(dx) if t is not None)
    arrays = tuple(bool(np.ndim(a)) for a in x)
    if not _fits(x, dx, arrays, dtype, shape, live):
        return None
    text = _find(row, dtype, arrays, live)
    if text is None:
        return None
    from awkward_dual.cuda.engine import xp

    exact = row.target in _EXACT
    y = xp.empty(shape, dtype=dtype) if exact else call(*x)
    if y.dtype != dtype or y.shape != shape:
        return None
    tangents = [xp.ascontiguousarray(dx[i]) for i in live]
    rows = tangents[0].shape[0]
    dy = xp.empty((rows, *shape), dtype=dtype)
    if dy.size:
        inputs = [xp.ascontiguousarray(a) if is_array else dtype.type(a)
                  for a, is_array in zip(x, arrays, strict=True)]  # fmt: skip
        name = f"rule_{hashlib.sha256(text.encode()).hexdigest()[:12]}"
        arguments = (dy, xp.ascontiguousarray(y), *inputs, *tangents, first.size, rows)
        launch(name, f"rule<{type_name(dtype)}>", -(-first.size // THREADS), arguments, text)
    elif exact:
        return None
    return y, dy


def _fits(
    x: Sequence[Any],
    dx: Sequence[Any],
    arrays: Sequence[bool],
    dtype: Any,
    shape: tuple[int, ...],
    live: Sequence[int],
) -> bool:
    """Whether operands are arrays of one shape and type or plain numbers, tangents of the arrays."""
    if dtype not in (np.float32, np.float64) or not live:
        return False
    rows = {dx[i].shape[0] for i in live}
    if len(rows) != 1 or any(dx[i].shape[1:] != shape or dx[i].dtype != dtype for i in live):
        return False
    return all(
        (a.shape == shape and a.dtype == dtype) if is_array else _is_number(a, dtype)
        for a, is_array in zip(x, arrays, strict=True)
    )


def _is_number(a: Any, dtype: Any) -> bool:
    return type(a) in (float, int) or (isinstance(a, np.generic) and a.dtype == dtype)
