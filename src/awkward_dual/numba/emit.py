"""Rules as instructions: bodies of the rule table run on numbers that write LLVM IR.

A row's body is a function of an array module, the output and the inputs. Here
the module is an `Emitter` and the numbers are `Traced`: every operation on them
appends instructions to the function that is being compiled, without Numba's
type inference. The rules are thus the very ones of the array operations.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import llvmlite.ir
import numpy as np
from numba.core import types
from numba.core.errors import TypingError
from numba.np.numpy_support import as_dtype

from awkward_dual.numba.digamma import digamma
from awkward_dual.rules.table import Rule, name_of
from awkward_dual.twins import COMPANIONS

__all__ = ("Emitter", "Traced")

#: what rules call and Numba does not know
_OWN = {"psi": digamma}

_ARITHMETIC = {"add": "fadd", "sub": "fsub", "mul": "fmul", "truediv": "fdiv"}
_COMPARISONS = {"eq": "==", "lt": "<", "le": "<=", "gt": ">", "ge": ">="}


class Traced:
    """A number in a register: a float, an integer or a truth value.

    Parameters
    ----------
    emit : Emitter
        What writes its operations.
    type : numba type
        Its type.
    value : llvmlite.ir.Value
        The register.
    whole : llvmlite.ir.Value, optional
        The same number as an integer, if it is one: integer powers are products.
    """

    __slots__ = ("emit", "type", "value", "whole")
    __hash__ = None  # type: ignore[assignment]

    def __init__(self, emit: Emitter, type: Any, value: Any, whole: Any = None) -> None:
        self.emit = emit
        self.type = type
        self.value = value
        self.whole = whole

    @property
    def dtype(self) -> Any:
        return as_dtype(self.type)

    def astype(self, dtype: Any) -> Traced:
        """Itself, with an integer beside it for an integer dtype."""
        whole = self.whole
        if np.dtype(dtype).kind == "i" and whole is None:
            whole = self.emit.builder.fptosi(self.value, llvmlite.ir.IntType(64))
        return Traced(self.emit, self.type, self.value, whole)

    def __neg__(self) -> Traced:
        builder = self.emit.builder
        whole = None if self.whole is None else builder.neg(self.whole)
        return Traced(self.emit, self.type, builder.fneg(self.value), whole)

    def __invert__(self) -> Traced:
        return Traced(self.emit, self.type, self.emit.builder.not_(self.value))

    def __and__(self, other: Traced) -> Traced:
        return Traced(self.emit, self.type, self.emit.builder.and_(self.value, other.value))

    def __or__(self, other: Traced) -> Traced:
        return Traced(self.emit, self.type, self.emit.builder.or_(self.value, other.value))

    def __ne__(self, other: Any) -> Any:
        return ~(self == other)

    def __pow__(self, exponent: Any) -> Any:
        return self.emit.power(self, exponent)

    def __rpow__(self, base: Any) -> Any:
        return self.emit.power(self.emit.number(base), self)

    def __bool__(self) -> bool:
        raise TypingError("a rule that branches on values cannot be compiled")

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
        if method != "__call__" or kwargs:
            return NotImplemented
        return self.emit.call(ufunc, *inputs)


def _arithmetic(name: str, instruction: str) -> None:
    def operate(self: Traced, other: Any) -> Traced:
        return self.emit.arithmetic(instruction, self, self.emit.number(other))

    def reflected(self: Traced, other: Any) -> Traced:
        return self.emit.arithmetic(instruction, self.emit.number(other), self)

    setattr(Traced, f"__{name}__", operate)
    setattr(Traced, f"__r{name}__", reflected)


def _comparison(name: str, sign: str) -> None:
    def compare(self: Traced, other: Any) -> Traced:
        emit = self.emit
        other = emit.number(other)
        return Traced(emit, types.boolean, emit.builder.fcmp_ordered(sign, self.value, other.value))

    setattr(Traced, f"__{name}__", compare)


for _name, _instruction in _ARITHMETIC.items():
    _arithmetic(_name, _instruction)
for _name, _sign in _COMPARISONS.items():
    _comparison(_name, _sign)


class Emitter:
    """The array module of a rule's body in compiled code.

    Parameters
    ----------
    context, builder
        Numba's target context, and where the instructions go.
    float_type : numba.types.Float
        The type of the result, which every operand is brought to.
    """

    def __init__(self, context: Any, builder: Any, float_type: Any) -> None:
        self.context = context
        self.builder = builder
        self.float_type = float_type
        self.row: Rule | None = None
        self.y: Any = None

    def __getattr__(self, name: str) -> Callable[..., Any]:
        function = getattr(np, name)
        return lambda *args: self.call(function, *args)

    # -- numbers

    def number(self, x: Any) -> Traced:
        """A Python number as a traced one."""
        if isinstance(x, Traced):
            return x
        value = self.context.get_constant(self.float_type, float(x))
        whole = None
        if isinstance(x, int):
            whole = self.context.get_constant(types.int64, x)
        return Traced(self, self.float_type, value, whole)

    def operand(self, numba_type: Any, value: Any) -> Traced:
        """An argument of the compiled function, in the type of the result."""
        whole = None
        if isinstance(numba_type, types.Integer):
            whole = self.context.cast(self.builder, value, numba_type, types.int64)
        value = self.context.cast(self.builder, value, numba_type, self.float_type)
        return Traced(self, self.float_type, value, whole)

    def arithmetic(self, instruction: str, a: Traced, b: Traced) -> Traced:
        whole = None
        if a.whole is not None and b.whole is not None and instruction != "fdiv":
            whole = getattr(self.builder, instruction[1:])(a.whole, b.whole)
        value = getattr(self.builder, instruction)(a.value, b.value)
        return Traced(self, self.float_type, value, whole)

    def power(self, base: Any, exponent: Any) -> Any:
        """Integer powers are products, as Numba multiplies them out for plain numbers."""
        if isinstance(exponent, int) and exponent == 2:
            return base * base
        exponent = self.number(exponent)
        if exponent.whole is None:
            return self.call(np.power, base, exponent)
        # inverted here: Numba would raise where the product is 0, as it may be where the primal is not
        builder, whole = self.builder, exponent.whole
        is_negative = builder.icmp_signed("<", whole, whole.type(0))
        size = builder.select(is_negative, builder.neg(whole), whole)
        product = self.call(pow, base, Traced(self, types.int64, size))
        inverse = self.number(1) / product
        value = builder.select(is_negative, inverse.value, product.value)
        return Traced(self, self.float_type, value)

    # -- functions

    def call(self, function: Any, *args: Any) -> Any:
        """A call of any function that Numba knows.

        Raises
        ------
        TypingError
            If it does not know it for these types.
        """
        companion = None if self.row is None else COMPANIONS.get((self.row.target, function))
        if companion is not None:
            return companion(self, self.y, *args)
        numbers = [self.number(a) for a in args]
        result_type, result = call_plain(
            self.context, self.builder, _OWN.get(name_of(function), function),
            [x.type for x in numbers], [x.value for x in numbers],
        )  # fmt: skip
        if isinstance(result_type, types.Boolean):
            return Traced(self, types.boolean, result)
        value = self.context.cast(self.builder, result, result_type, self.float_type)
        return Traced(self, self.float_type, value)

    def where(self, mask: Any, a: Any, b: Any) -> Any:
        a, b = self.number(a), self.number(b)
        whole = None
        if a.whole is not None and b.whole is not None:
            whole = self.builder.select(mask.value, a.whole, b.whole)
        return Traced(self, a.type, self.builder.select(mask.value, a.value, b.value), whole)

    def ldexp(self, x: Any, n: Any) -> Any:
        return self.call(np.ldexp, x, Traced(self, types.int64, n.whole))

    def zeros_like(self, x: Any, dtype: Any = None) -> Any:
        if dtype is bool:
            return Traced(self, types.boolean, self.context.get_constant(types.boolean, False))
        return self.number(0)

    def ones_like(self, x: Any) -> Any:
        return self.number(1)

    def real(self, x: Any) -> Any:
        return x

    # -- rules

    def partials(self, row: Rule, y: Any, x: list[Any]) -> Any:
        """What the body of a row gives, for an output (a tuple of several) and the inputs."""
        self.row, self.y = row, y
        return row.body(self, y, *x)

    def tangent(self, row: Rule, partials: Any, tangents: list[Any]) -> Any:
        """The sum of partial times tangent, or ``None``; zero absorbs."""
        out = None
        for partial, tangent in zip(partials, tangents, strict=True):
            if partial is None or tangent is None:
                continue
            value = partial() if callable(partial) else partial
            out = self._add(out, value, tangent)
        return out

    def _add(self, out: Any, partial: Any, tangent: Any) -> Any:
        builder = self.builder
        if not isinstance(partial, Traced):
            if partial in (1, -1) and out is not None:
                return (builder.fadd if partial == 1 else builder.fsub)(out, tangent)
            if partial == 0:
                return out
        term = self.product(partial, tangent)
        return term if out is None else builder.fadd(out, term)

    def product(self, partial: Any, tangent: Any) -> Any:
        """Partial times tangent, 0 where either is 0."""
        builder = self.builder
        zero = llvmlite.ir.Constant(tangent.type, [0.0] * tangent.type.count)
        if not isinstance(partial, Traced):
            if partial in (1, -1):
                return tangent if partial == 1 else builder.fneg(tangent)
            return builder.fmul(self._spread(self.number(partial).value, tangent.type), tangent)
        if isinstance(partial.type, types.Boolean):
            return builder.select(partial.value, tangent, zero)
        live = builder.fcmp_unordered("!=", tangent, zero)
        factor = self._spread(partial.value, tangent.type)
        live = builder.and_(live, builder.fcmp_unordered("!=", factor, zero))
        return builder.select(live, builder.fmul(factor, tangent), zero)

    def _spread(self, value: Any, vector: Any) -> Any:
        lane = llvmlite.ir.IntType(32)
        undefined = llvmlite.ir.Constant(vector, llvmlite.ir.Undefined)
        first = self.builder.insert_element(undefined, value, lane(0))
        mask = llvmlite.ir.Constant(llvmlite.ir.VectorType(lane, vector.count), [0] * vector.count)
        return self.builder.shuffle_vector(first, undefined, mask)


def call_plain(
    context: Any, builder: Any, function: Any, arg_types: Sequence[Any], values: Sequence[Any]
) -> tuple[Any, Any]:
    """A call as Numba lowers it for plain numbers: the type and the value of its result."""
    typing = context.typing_context
    function_type = numba_function(typing, function)
    if function_type is None:
        raise TypingError(f"Numba does not know {name_of(function)!r}, which a rule calls")
    signature = function_type.get_call_type(typing, tuple(arg_types), {})
    cast = [
        context.cast(builder, value, given, wanted)
        for value, given, wanted in zip(values, arg_types, signature.args, strict=False)
    ]
    # defaults
    cast += [context.get_constant_null(wanted) for wanted in signature.args[len(values) :]]
    implementation = context.get_function(function_type, signature)
    result = implementation(builder, cast)
    context.add_linking_libs(getattr(implementation, "libs", ()))
    return signature.return_type, result


def numba_function(typing: Any, function: Any) -> Any:
    """The Numba type of a function, ``None`` if Numba does not know it."""
    try:
        return typing.resolve_value_type(function)
    except (TypingError, ValueError):
        return None
