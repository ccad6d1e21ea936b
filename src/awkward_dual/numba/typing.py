"""Which Numba type a Python object has: duals, and what must not reach compiled code."""

from __future__ import annotations

from typing import Any

import awkward as ak
import numba
import numpy as np
from numba.core import types
from numba.core.typing.typeof import Purpose
from numba.experimental.jitclass._box import Box as jitclass_box
from numba.experimental.structref import StructRefProxy
from numba.extending import typeof_impl
from numba.np.numpy_support import from_dtype

from awkward_dual.array import DualArray
from awkward_dual.errors import TangentLost
from awkward_dual.numba.buffers import ConstantArrayType, typeof_buffer
from awkward_dual.numba.crossing import halves_of
from awkward_dual.numba.types import DualType, is_dual
from awkward_dual.numba.views import is_recorded, level_of_layout
from awkward_dual.pair import Pair, raw_or_live, top_level
from awkward_dual.tape import Node

__all__ = ("RecordedType", "register")


class RecordedType(types.Type):
    """A dual whose tangent is recorded; no machine code is made for it."""

    NAME = "recorded dual (of grad or vjp)"

    def __init__(self) -> None:
        super().__init__(name=self.NAME)


def _refuse_constant(c: Any, what: str) -> None:
    if c.purpose is Purpose.constant:
        raise TangentLost(
            f"{what} as a global or closure variable of a compiled function, where it would be "
            "compiled in,",
            "pass it as an argument",
        )


def _real_type(dtype: Any) -> Any:
    if dtype not in (np.float32, np.float64):
        raise TangentLost(
            f"a live {dtype} in compiled code", "compiled loops differentiate float32 and float64"
        )
    return from_dtype(dtype)


@typeof_impl.register(DualArray)
def typeof_dual(obj: DualArray, c: Any) -> Any:
    value = raw_or_live(obj)
    if not isinstance(value, Pair):
        plain = typeof_impl(np.asarray(obj), c)
        is_argument = c.purpose is Purpose.argument
        return ConstantArrayType(plain) if is_argument and value.ndim else plain
    _refuse_constant(c, "a dual")
    top_level([value])
    _, tangent = halves_of(value)
    if isinstance(tangent, Node):
        return RecordedType()
    if value.ndim == 0:
        return DualType(_real_type(value.dtype), len(tangent))
    if value.ndim == 1:
        return typeof_buffer(value, _real_type(value.dtype))
    raise TangentLost(
        f"a live NumPy array of {value.ndim} axes in compiled code",
        "pass it as an ak.Array, or flat",
    )


def _register_arrays(cls: Any, what: str) -> None:
    """Beside Awkward's own typeof: no live constants, and a type of its own for recorded ones."""

    def typeof_array(obj: Any, c: Any) -> Any:
        if ak.backend(obj) != "dual":
            return obj.numba_type
        layout = obj.layout.array if isinstance(obj, ak.Record) else obj.layout
        if obj._numbaview is None or c.purpose is Purpose.constant:
            if level_of_layout(layout) is not None:
                _refuse_constant(c, what)
            if is_recorded(layout):
                return RecordedType()
        return obj.numba_type

    typeof_impl.register(cls)(typeof_array)


def _refuse_inside(container: Any) -> None:
    """Containers that outlive a call do not know the level of the duals inside."""
    original = typeof_impl.dispatch(container)

    def typeof_container(obj: Any, c: Any) -> Any:
        found = original(obj, c)
        members = getattr(found, "struct", {})
        if found is not None and any(map(is_dual, (found, *members.values()))):
            raise TangentLost(
                f"a {container.__name__} of duals that is kept between calls of compiled functions",
                "make it inside of one, or use a list",
            )
        return found

    typeof_impl.register(container)(typeof_container)


def register() -> None:
    """Replace the typeof functions that Awkward registers; call it after Awkward has."""
    _register_arrays(ak.Array, "a dual array")
    _register_arrays(ak.Record, "a dual record")
    for container in (numba.typed.List, numba.typed.Dict, jitclass_box, StructRefProxy):
        _refuse_inside(container)
