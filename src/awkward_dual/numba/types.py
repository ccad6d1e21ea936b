"""The Numba types of dual numbers, and how they stand in registers and in memory.

A dual number is a primal and a vector of `k` tangents. In registers the
tangents are an LLVM vector, which vectorises; in memory they are an array,
because Numba aligns to the word and LLVM wants vectors aligned to their size.
"""

from __future__ import annotations

import hashlib
import importlib.resources
from typing import Any

import llvmlite.ir
import numpy as np
from numba.core import types
from numba.core.datamodel import models
from numba.core.imputils import lower_cast, lower_constant
from numba.core.typeconv import Conversion
from numba.extending import register_model
from numba.np.numpy_support import as_dtype

from awkward_dual.array import DualArray
from awkward_dual.errors import TangentLost
from awkward_dual.levels import GROUND

__all__ = ("ABI", "DualType", "is_dual", "make_dual", "primal_of", "tangent_of", "zero_tangent")


def _fingerprint() -> str:
    """A hash of the sources that compiled code depends on."""
    digest = hashlib.sha256()
    package = importlib.resources.files("awkward_dual")
    digest.update((package / "twins.py").read_bytes())
    for folder in (package / "rules", package / "rules" / "special", package / "numba"):
        for file in sorted(folder.iterdir(), key=lambda file: file.name):
            if file.name.endswith(".py"):
                digest.update(file.read_bytes())
    return digest.hexdigest()[:12]


#: names the version of the rules and of the memory layout: Numba's cache is keyed on type names
ABI = _fingerprint()


class DualType(types.Type):
    """The type of a dual number.

    Parameters
    ----------
    real : numba.types.Float
        The type of the primal and of each tangent.
    k : int
        How many tangents there are.
    """

    def __init__(self, real: Any, k: int) -> None:
        self.real = real
        self.k = k
        super().__init__(name=f"dual({real}, k={k}, rules {ABI})")

    def unify(self, typingctx: Any, other: Any) -> Any:
        """Numbers and duals with the same directions are duals together."""
        if isinstance(other, DualType):
            if other.k != self.k:
                return None
            other = other.real
        if not isinstance(other, types.Float | types.Integer):
            return None
        real = typingctx.unify_pairs(self.real, other)
        return DualType(real, self.k) if isinstance(real, types.Float) else None

    def can_convert_from(self, typingctx: Any, other: Any) -> Any:
        """Numbers are constants; a dual keeps its tangents in another precision."""
        if isinstance(other, DualType):
            return typingctx.can_convert(other.real, self.real) if other.k == self.k else None
        if isinstance(other, types.Float | types.Integer):
            return max(Conversion.safe, typingctx.can_convert(other, self.real))
        return None

    def cast_python_value(self, value: Any) -> Any:
        """A constant as an example of the type, for packages that compute with examples."""
        primal = as_dtype(self.real).type(value)
        return DualArray._new(primal, np.zeros(self.k, primal.dtype), GROUND)


def is_dual(numba_type: Any) -> bool:
    """Whether a type holds duals somewhere: the names of types show what they are made of."""
    return f"rules {ABI})" in numba_type.name


# -- the model


@register_model(DualType)
class DualModel(models.DataModel):
    """A vector in registers, an array in memory and in calls."""

    def __init__(self, dmm: Any, fe_type: DualType) -> None:
        super().__init__(dmm, fe_type)
        real = dmm.lookup(fe_type.real).get_value_type()
        vector = llvmlite.ir.VectorType(real, fe_type.k)
        array = llvmlite.ir.ArrayType(real, fe_type.k)
        self._value = llvmlite.ir.LiteralStructType([real, vector])
        self._data = llvmlite.ir.LiteralStructType([real, array])

    def get_value_type(self) -> Any:
        return self._value

    def get_data_type(self) -> Any:
        return self._data

    get_argument_type = get_return_type = get_data_type

    def as_data(self, builder: Any, value: Any) -> Any:
        array = array_of(builder, builder.extract_value(value, 1))
        out = llvmlite.ir.Constant(self._data, llvmlite.ir.Undefined)
        out = builder.insert_value(out, builder.extract_value(value, 0), 0)
        return builder.insert_value(out, array, 1)

    def from_data(self, builder: Any, value: Any) -> Any:
        vector = vector_of(builder, builder.extract_value(value, 1))
        out = llvmlite.ir.Constant(self._value, llvmlite.ir.Undefined)
        out = builder.insert_value(out, builder.extract_value(value, 0), 0)
        return builder.insert_value(out, vector, 1)

    as_argument = as_return = as_data
    from_argument = from_return = from_data


def index(i: int) -> Any:
    return llvmlite.ir.Constant(llvmlite.ir.IntType(32), i)


def vector_of(builder: Any, array: Any) -> Any:
    """The vector with the elements of an LLVM array."""
    vector_type = llvmlite.ir.VectorType(array.type.element, array.type.count)
    out = llvmlite.ir.Constant(vector_type, llvmlite.ir.Undefined)
    for i in range(array.type.count):
        out = builder.insert_element(out, builder.extract_value(array, i), index(i))
    return out


def array_of(builder: Any, vector: Any) -> Any:
    """The LLVM array with the elements of a vector."""
    array_type = llvmlite.ir.ArrayType(vector.type.element, vector.type.count)
    out = llvmlite.ir.Constant(array_type, llvmlite.ir.Undefined)
    for i in range(vector.type.count):
        out = builder.insert_value(out, builder.extract_element(vector, index(i)), i)
    return out


# -- halves


def primal_of(builder: Any, value: Any) -> Any:
    return builder.extract_value(value, 0)


def tangent_of(builder: Any, value: Any) -> Any:
    return builder.extract_value(value, 1)


def zero_tangent(context: Any, dual: DualType) -> Any:
    vector = context.get_value_type(dual).elements[1]
    return llvmlite.ir.Constant(vector, [0.0] * dual.k)


def make_dual(context: Any, builder: Any, dual: DualType, primal: Any, tangent: Any) -> Any:
    """The value of both halves."""
    out = llvmlite.ir.Constant(context.get_value_type(dual), llvmlite.ir.Undefined)
    return builder.insert_value(builder.insert_value(out, primal, 0), tangent, 1)


def cast_tangent(context: Any, builder: Any, tangent: Any, to: DualType) -> Any:
    """A tangent in the precision of another type."""
    target = context.get_value_type(to).elements[1]
    if tangent.type == target:
        return tangent
    if target.element == llvmlite.ir.DoubleType():
        return builder.fpext(tangent, target)
    return builder.fptrunc(tangent, target)


# -- casts and constants


@lower_cast(types.Float, DualType)
@lower_cast(types.Integer, DualType)
def cast_number(context: Any, builder: Any, fromty: Any, toty: DualType, value: Any) -> Any:
    """A number is a constant."""
    primal = context.cast(builder, value, fromty, toty.real)
    return make_dual(context, builder, toty, primal, zero_tangent(context, toty))


@lower_cast(DualType, DualType)
def cast_dual(context: Any, builder: Any, fromty: DualType, toty: DualType, value: Any) -> Any:
    primal = context.cast(builder, primal_of(builder, value), fromty.real, toty.real)
    tangent = cast_tangent(context, builder, tangent_of(builder, value), toty)
    return make_dual(context, builder, toty, primal, tangent)


@lower_cast(DualType, types.Float)
@lower_cast(DualType, types.Integer)
@lower_cast(DualType, types.Boolean)
@lower_cast(DualType, types.Complex)
def refuse_cast(context: Any, builder: Any, fromty: DualType, toty: Any, value: Any) -> Any:
    raise TangentLost(f"a cast to {toty} in compiled code", "use x.primal on purpose")


@lower_constant(DualType)
def lower_number(context: Any, builder: Any, dual: DualType, value: Any) -> Any:
    """A number of the program's text; a live dual would be compiled in, and is refused by typeof."""
    primal = context.get_constant(dual.real, float(value))
    return make_dual(context, builder, dual, primal, zero_tangent(context, dual))
