"""Operators and functions of dual numbers, generated from the rule table.

For each operation there is one typing template, which asks Numba for the types
of the plain operation, and one lowering, which calls Numba's own code for the
primal, with the types of the arguments, and the row's body for the tangent. So
primals are those of the plain loop, bit for bit.
"""

from __future__ import annotations

import itertools
import math
import operator
from collections.abc import Iterator
from typing import Any

import numpy as np
from numba.core import types
from numba.core.errors import TypingError
from numba.core.imputils import lower_builtin
from numba.core.registry import cpu_target
from numba.core.typing import signature
from numba.core.typing.templates import AbstractTemplate, infer_global

from awkward_dual import rules
from awkward_dual.methods import BINARY, COMPARISONS, UNARY
from awkward_dual.numba.emit import Emitter, call_plain, numba_function
from awkward_dual.numba.types import (
    DualType,
    cast_tangent,
    make_dual,
    primal_of,
    tangent_of,
    zero_tangent,
)
from awkward_dual.rules.table import Kind, Rule, name_of

__all__ = ("known_functions", "register")

_NUMBERS = (types.Float, types.Integer, types.Boolean)
#: functions of `math` that SciPy has, and how it calls them
_SPECIAL = {"lgamma": "gammaln", "gamma": "gamma", "erf": "erf", "erfc": "erfc"}
#: what has a name of NumPy's and another meaning: the remainder to the nearest multiple
_DIFFERENT = {"remainder"}


def known_functions() -> dict[Any, Rule]:
    """Every Python object that compiled code may call on dual numbers, with its row."""
    found: dict[Any, Rule] = {}
    for row in rules.rows():
        if (isinstance(row.target, np.ufunc) and row.target.signature is None) or (
            row.kind is Kind.STEP and callable(row.target)
        ):
            found[row.target] = row
    found |= dict(_operators())
    found |= dict(_math_functions())
    return found


def _operators() -> Iterator[tuple[Any, Rule]]:
    for table in (BINARY, COMPARISONS, UNARY):
        for name, ufunc in table.items():
            row = rules.find(ufunc)
            assert row is not None
            for spelled in (name, f"{name}_", f"i{name}"):
                function = getattr(operator, spelled, None)
                if function is not None:
                    yield function, row
    step = rules.find(np.rint)
    builtins: tuple[tuple[Any, Any], ...] = (
        (abs, np.absolute),
        (divmod, np.divmod),
        (pow, np.power),
    )
    for function, ufunc in builtins:
        row = rules.find(ufunc)
        assert row is not None
        yield function, row
    assert step is not None
    # Python rounds to an integer; the second argument keeps a float, which is a step, too
    for function in (round, bool, operator.truth, operator.not_):
        yield function, step


def _math_functions() -> Iterator[tuple[Any, Rule]]:
    for name in dir(math):
        if name in _DIFFERENT:
            continue
        if name in _SPECIAL:
            target = _special(_SPECIAL[name])
        else:
            # acos is arccos
            target = getattr(np, name, None) or getattr(np, f"arc{name[1:]}", None)
        row = rules.find(target) if isinstance(target, np.ufunc) else None
        if row is not None:
            yield getattr(math, name), row


def _special(name: str) -> Any:
    """A function of SciPy, whose rules need it; without SciPy it has none."""
    try:
        from scipy import special
    except ImportError:
        return None
    return getattr(special, name)


# -- typing


def dual_signature(typing: Any, function: Any, row: Rule, args: tuple[Any, ...]) -> Any:
    """The signature of a function for arguments with duals among them.

    Raises
    ------
    TypingError
        If they differ in their directions, or one is no real number.
    """
    duals = [a for a in args if isinstance(a, DualType)]
    if len({a.k for a in duals}) != 1:
        raise TypingError(
            f"{name_of(function)!r} of dual numbers with different numbers of directions: "
            f"{', '.join(str(a.k) for a in duals)}"
        )
    if not all(isinstance(a, (DualType, *_NUMBERS)) for a in args):
        return None
    plain = typing.resolve_function_type(function, plain_types(args), {})
    for given, wanted in zip(args, plain.args, strict=False):
        if isinstance(given, DualType) and not isinstance(wanted, types.Float):
            raise TypingError(f"{name_of(function)!r} takes an integer; pass x.primal on purpose")
    return signature(_lifted(plain.return_type, row, duals[0].k), *args)


def plain_types(args: Any) -> tuple[Any, ...]:
    return tuple(a.real if isinstance(a, DualType) else a for a in args)


def _lifted(result: Any, row: Rule, k: int) -> Any:
    """The type of a result: floats carry tangents, unless they are steps."""
    if isinstance(result, types.BaseTuple):
        return types.Tuple([_lifted(t, row, k) for t in result])
    if isinstance(result, types.Float) and row.kind is not Kind.STEP:
        return DualType(result, k)
    return result


def _template(function: Any, row: Rule) -> None:
    class Template(AbstractTemplate):
        key = function

        def generic(self, args: Any, kws: Any) -> Any:
            if kws or not any(isinstance(a, DualType) for a in args):
                return None
            return dual_signature(self.context, function, row, args)

    Template.__name__ = f"dual_{name_of(function)}"
    infer_global(function)(Template)


# -- lowering


def _lower(function: Any, row: Rule) -> None:
    def lower(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        plain = [
            primal_of(builder, value) if isinstance(t, DualType) else value
            for t, value in zip(sig.args, args, strict=True)
        ]
        result_type, y = call_plain(context, builder, function, plain_types(sig.args), plain)
        if row.kind is Kind.STEP:
            return context.cast(builder, y, result_type, sig.return_type)
        if isinstance(sig.return_type, DualType):
            return _with_tangents(context, builder, row, sig, args, [result_type], [y])[0]
        outputs = [builder.extract_value(y, i) for i in range(len(result_type))]
        duals = _with_tangents(context, builder, row, sig, args, list(result_type), outputs)
        return context.make_tuple(builder, sig.return_type, duals)

    for arity in (1, 2):
        for classes in itertools.product((DualType, *_NUMBERS), repeat=arity):
            if DualType in classes:
                lower_builtin(function, *classes)(lower)


def _with_tangents(
    context: Any, builder: Any, row: Rule, sig: Any, args: Any, y_types: list[Any], y: list[Any]
) -> list[Any]:
    """Outputs with their tangents, by the body of the row."""
    returned = sig.return_type
    out_types = list(returned) if isinstance(returned, types.BaseTuple) else [returned]
    dual = next(t for t in out_types if isinstance(t, DualType))
    emit = Emitter(context, builder, dual.real)
    x, dx = [], []
    for t, value in zip(sig.args, args, strict=True):
        if isinstance(t, DualType):
            x.append(emit.operand(t.real, primal_of(builder, value)))
            dx.append(cast_tangent(context, builder, tangent_of(builder, value), dual))
        else:
            x.append(emit.operand(t, value))
            dx.append(None)
    outputs = [emit.operand(t, value) for t, value in zip(y_types, y, strict=True)]
    single = not isinstance(returned, types.BaseTuple)
    partials = emit.partials(row, outputs[0] if single else tuple(outputs), x)
    out = []
    for t, value, own in zip(out_types, y, [partials] if single else partials, strict=True):
        if not isinstance(t, DualType):
            out.append(value)
            continue
        tangent = None if own is None else emit.tangent(row, own, dx)
        tangent = zero_tangent(context, dual) if tangent is None else tangent
        out.append(make_dual(context, builder, t, value, tangent))
    return out


def register() -> None:
    """Tell Numba about every function of the table that it has for plain numbers."""
    typing = cpu_target.typing_context
    typing.refresh()
    for function, row in known_functions().items():
        if numba_function(typing, function) is not None:
            _template(function, row)
            _lower(function, row)
