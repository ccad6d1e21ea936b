"""What compiled code may ask of a dual number: its halves, and casts that keep the tangent."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba.core import types
from numba.core.imputils import lower_builtin
from numba.core.typing import signature
from numba.core.typing.templates import (
    AbstractTemplate,
    AttributeTemplate,
    infer,
    infer_getattr,
    infer_global,
)
from numba.extending import lower_getattr, overload
from numba.np.numpy_support import as_dtype

from awkward_dual.numba.types import DualType, array_of, primal_of, tangent_of
from awkward_dual.operators import primal, stop_gradient

__all__ = ()


@infer_getattr
class DualAttributes(AttributeTemplate):
    """``x.primal`` is a float, ``x.tangent`` a tuple of `k` floats."""

    key = DualType

    def resolve_primal(self, dual: DualType) -> Any:
        return dual.real

    def resolve_tangent(self, dual: DualType) -> Any:
        return types.UniTuple(dual.real, dual.k)


@lower_getattr(DualType, "primal")
def lower_primal(context: Any, builder: Any, dual: DualType, value: Any) -> Any:
    return primal_of(builder, value)


@lower_getattr(DualType, "tangent")
def lower_tangent(context: Any, builder: Any, dual: DualType, value: Any) -> Any:
    return array_of(builder, tangent_of(builder, value))


@infer_global(float)
class FloatOfDual(AbstractTemplate):
    """``float(x)`` keeps the precision, as that of Numba's own floats does, and the tangent."""

    key = float

    def generic(self, args: Any, kws: Any) -> Any:
        if len(args) == 1 and not kws and isinstance(args[0], DualType):
            return signature(args[0], args[0])
        return None


def _constructor(real: Any) -> None:
    """``np.float32(x)`` and ``np.float64(x)`` are casts, with the tangent; Numba lowers them so."""

    class NumberOfDual(AbstractTemplate):
        key = types.NumberClass(real)

        def generic(self, args: Any, kws: Any) -> Any:
            if len(args) == 1 and not kws and isinstance(args[0], DualType):
                return signature(DualType(real, args[0].k), args[0])
            return None

    infer(NumberOfDual)


_constructor(types.float32)
_constructor(types.float64)


@lower_builtin(float, DualType)
def lower_float(context: Any, builder: Any, sig: Any, args: Any) -> Any:
    return context.cast(builder, args[0], sig.args[0], sig.return_type)


@overload(primal, strict=False)
@overload(stop_gradient, strict=False)
def overload_primal(x: Any) -> Any:
    """``awkward_dual.primal`` and ``stop_gradient``, of plain numbers too."""
    if isinstance(x, DualType):
        return lambda x: x.primal
    return (lambda x: x) if isinstance(x, types.Number) else None


@overload(isinstance, strict=False)
def overload_isinstance(var: Any, typs: Any) -> Any:
    """A dual number is an instance of what its primal is one of."""
    if not isinstance(var, DualType):
        return None
    classes = list(typs) if isinstance(typs, types.BaseTuple) else [typs]
    if any(_is_class_of(t, var.real) for t in classes):
        return lambda var, typs: True
    return lambda var, typs: False


def _is_class_of(numba_type: Any, real: Any) -> bool:
    if isinstance(numba_type, types.NumberClass):
        return bool(numba_type.instance_type == real)
    # of Python's own, as Numba has it
    return real == types.float64 and getattr(numba_type, "typing_key", None) is float


# -- functions that are no ufuncs, and that Numba has for single numbers


@overload(np.clip, strict=False)
def overload_clip(a: Any, a_min: Any, a_max: Any) -> Any:
    """The bound that holds, with its tangent."""
    if not any(isinstance(t, DualType) for t in (a, a_min, a_max)):
        return None
    if isinstance(a_min, types.NoneType):
        return lambda a, a_min, a_max: np.minimum(a, a_max)
    if isinstance(a_max, types.NoneType):
        return lambda a, a_min, a_max: np.maximum(a, a_min)
    return lambda a, a_min, a_max: np.minimum(np.maximum(a, a_min), a_max)


@overload(np.nan_to_num, strict=False)
def overload_nan_to_num(
    x: Any, copy: Any = True, nan: Any = 0.0, posinf: Any = None, neginf: Any = None
) -> Any:
    """The number, or a constant."""
    if not isinstance(x, DualType):
        return None
    limits = np.finfo(as_dtype(x.real))
    largest, smallest = float(limits.max), float(limits.min)

    def implementation(x, copy=True, nan=0.0, posinf=None, neginf=None):  # type: ignore[no-untyped-def]
        if np.isnan(x):
            return nan
        if x == np.inf:
            return largest if posinf is None else posinf
        if x == -np.inf:
            return smallest if neginf is None else neginf
        return x

    return implementation
