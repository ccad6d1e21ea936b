"""The operators and methods of an ndarray, made from the functions of their names.

They are given to any class of dual arrays, with the functions that tell its
operands and wrap its results.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from awkward_dual import elementwise, rules
from awkward_dual.pair import check_cast, check_view

__all__ = ("BINARY", "COMPARISONS", "OPERATORS", "UNARY", "ArrayKit", "give_methods")

BINARY = {
    "add": np.add, "sub": np.subtract, "mul": np.multiply, "truediv": np.divide,
    "floordiv": np.floor_divide, "mod": np.remainder, "pow": np.power,
    "and": np.bitwise_and, "or": np.bitwise_or, "xor": np.bitwise_xor,
    "lshift": np.left_shift, "rshift": np.right_shift,
}  # fmt: skip
COMPARISONS = {
    "eq": np.equal, "ne": np.not_equal, "lt": np.less, "le": np.less_equal,
    "gt": np.greater, "ge": np.greater_equal,
}  # fmt: skip
#: of numbers, by their ufuncs
OPERATORS = {ufunc: getattr(operator, f"{name}_" if name in ("and", "or") else name)
             for name, ufunc in BINARY.items()}  # fmt: skip
UNARY = {"neg": np.negative, "pos": np.positive, "invert": np.invert, "abs": np.absolute}
_METHODS = (
    "all any argmax argmin argpartition argsort cumprod cumsum diagonal dot max mean "
    "min nonzero prod ravel repeat round searchsorted squeeze std sum swapaxes take trace var"
)


class ArrayKit(NamedTuple):
    """What a class of dual arrays brings along."""

    is_operand: Callable[[Any], bool]
    is_operand_type: Callable[[type], bool]
    as_dual: Callable[[Any], Any]
    wrap_all: Callable[[Any], Any]
    call_ufunc: Callable[..., Any] = elementwise.call_ufunc


def give_methods(cls: Any, kit: ArrayKit) -> None:
    """Add the operators and methods to a class."""
    cls._kit = kit
    for name, ufunc in BINARY.items():
        function = OPERATORS[ufunc]
        setattr(cls, f"__{name}__", _binary(kit, ufunc, function))
        setattr(cls, f"__r{name}__", _binary(kit, ufunc, function, reflected=True))
        setattr(cls, f"__i{name}__", _in_place(function))
    cls.__divmod__ = _binary(kit, np.divmod, divmod)
    cls.__rdivmod__ = _binary(kit, np.divmod, divmod, reflected=True)
    for name, ufunc in COMPARISONS.items():
        setattr(cls, f"__{name}__", _binary(kit, ufunc, getattr(operator, name)))
    for name, unary in UNARY.items():
        setattr(cls, f"__{name}__", _unary(kit, unary, getattr(operator, name)))
    # the method, as that of a Python complex gives a Python complex
    conjugate = _unary(kit, np.conjugate, operator.methodcaller("conjugate"))
    cls.conj = cls.conjugate = lambda self: conjugate(self) if self.dtype.kind == "c" else self
    cls.__matmul__ = _method(np.matmul)
    cls.__rmatmul__ = lambda self, other: np.matmul(other, self)
    for name in _METHODS.split():
        setattr(cls, name, _method(getattr(np, name)))
    cls.compress = lambda self, condition, axis=None: np.compress(condition, self, axis=axis)
    cls.clip = lambda self, min=None, max=None, out=None, **kwargs: np.clip(
        self, min, max, out=out, **kwargs
    )


def _binary(
    kit: ArrayKit, ufunc: Any, function: Callable[..., Any], reflected: bool = False
) -> Any:
    # Python's operators compute the values: NumPy's scalar power is not the ufunc's
    def method(self: Any, other: Any) -> Any:
        if self._level is None and type(other) is int and type(self._primal) is np.ndarray:
            # offsets and indices, with which Awkward computes in every operation
            check_view(self)
            args = (other, self._primal) if reflected else (self._primal, other)
            return kit.wrap_all(function(*args))
        if not kit.is_operand(other):
            return NotImplemented
        if isinstance(other, list | tuple | range):
            other = kit.as_dual(other)
        args = (other, self) if reflected else (self, other)
        return kit.wrap_all(kit.call_ufunc(ufunc, rules.find(ufunc), function, args))

    return method


def _unary(kit: ArrayKit, ufunc: Any, function: Callable[..., Any]) -> Any:
    def method(self: Any) -> Any:
        return kit.wrap_all(kit.call_ufunc(ufunc, rules.find(ufunc), function, (self,)))

    return method


def _in_place(function: Callable[..., Any]) -> Any:
    def method(self: Any, other: Any) -> Any:
        if self.ndim == 0:
            return NotImplemented
        value = function(self, other)
        check_cast(value, self, function.__name__)
        self[...] = value
        return self

    return method


def _method(function: Any) -> Any:
    def method(self: Any, *args: Any, **kwargs: Any) -> Any:
        return function(self, *args, **kwargs)

    return method
