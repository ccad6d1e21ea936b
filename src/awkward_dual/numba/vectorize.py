"""A user's `numba.vectorize` function has a rule: its Python function, compiled for dual numbers.

The partials of all arguments come from one pass, with one direction for each
floating argument.
"""

from __future__ import annotations

import weakref
from typing import Any

import llvmlite.ir
import numba
import numpy as np
from numba.core import types
from numba.core.errors import NumbaError
from numba.core.typing import signature
from numba.extending import intrinsic, overload
from numba.np import arrayobj
from numba.np.ufunc.dufunc import DUFunc

from awkward_dual.errors import LevelError, MissingTangentRule
from awkward_dual.numba import init
from awkward_dual.numba.types import DualType, make_dual
from awkward_dual.pair import Pair
from awkward_dual.rules.table import Kind, Rule

__all__ = ("derive",)

_rules: weakref.WeakKeyDictionary[Any, Rule] = weakref.WeakKeyDictionary()


def derive(target: Any) -> Rule | None:
    """The row of a ufunc made by `numba.vectorize`; a user's own row comes before it."""
    if not isinstance(target, DUFunc):
        return None
    row = _rules.get(target)
    if row is None:
        init()
        row = _rules[target] = Rule(target, Kind.SMOOTH, _Partials(target), {"user": True})
    return row


class _Partials:
    """The body of a row: partials of all floating arguments at once."""

    def __init__(self, ufunc: Any) -> None:
        # weak, for the row is kept as long as the ufunc
        self.ufunc = weakref.ref(ufunc)
        self.loop = _loop(numba.njit(ufunc._dispatcher.py_func))

    def __call__(self, xp: Any, y: Any, *x: Any) -> tuple[Any, ...]:
        ufunc = self.ufunc()
        assert ufunc is not None
        if xp is not np or any(isinstance(a, Pair) for a in x):
            raise LevelError(
                f"nested operators through {ufunc.__name__!r}, which is compiled for dual numbers "
                "once; give it a rule with awkward_dual.def_ufunc_rule"
            )
        shape = np.shape(y)
        columns = tuple(
            np.ravel(np.broadcast_to(a, shape)).astype(dtype, copy=False)
            for a, dtype in zip(x, self._dtypes(ufunc, x), strict=True)
        )
        is_float = [column.dtype.kind == "f" for column in columns]
        out = np.empty((sum(is_float), columns[0].size))
        try:
            self.loop(columns, out)
        except NumbaError as error:
            message = str(error).strip().splitlines()
            raise MissingTangentRule(
                ufunc.__name__, "its function cannot be compiled for dual numbers", message[0]
            ) from error
        rows = iter(out.reshape((len(out), *shape)).astype(y.dtype, copy=False))
        return tuple(next(rows) if live else None for live in is_float)

    def _dtypes(self, ufunc: Any, x: Any) -> list[Any]:
        """What the ufunc's loops take: integers if all do, else the dtype given or the cast to."""
        loops = [kinds.split("->")[0] for kinds in ufunc.types]
        found = []
        for i, a in enumerate(x):
            kinds = [np.dtype(loop[i]) for loop in loops]
            wider = (dtype for dtype in kinds if np.can_cast(a.dtype, dtype))
            if all(dtype.kind in "iub" for dtype in kinds):
                found.append(max(kinds, key=lambda d: d.itemsize))
            else:
                found.append(a.dtype if a.dtype in kinds else next(wider, a.dtype))
        return found


def _write(out: Any, at: Any, y: Any) -> None:
    """Write the tangents of a result into a column."""


@overload(_write, strict=False)
def overload_write(out: Any, at: Any, y: Any) -> Any:
    if isinstance(y, DualType):

        def write(out: Any, at: Any, y: Any) -> None:
            tangent = y.tangent
            for j in range(out.shape[0]):
                out[j, at] = tangent[j]

    else:
        # a constant
        def write(out: Any, at: Any, y: Any) -> None:
            out[:, at] = 0.0

    return write


def _loop(function: Any) -> Any:
    """A compiled loop that writes the partials of `function`."""

    @intrinsic(strict=False)
    def seeded(typingctx, columns, at):  # type: ignore[no-untyped-def]
        """The arguments of one element, each float with a direction of its own."""
        k = sum(isinstance(t.dtype, types.Float) for t in columns)
        items = [DualType(t.dtype, k) if isinstance(t.dtype, types.Float) else t.dtype
                 for t in columns]  # fmt: skip

        def lower(context: Any, builder: Any, sig: Any, args: Any) -> Any:
            values, direction = [], 0
            for i, (column, item) in enumerate(zip(sig.args[0], items, strict=True)):
                array = arrayobj.make_array(column)(
                    context, builder, builder.extract_value(args[0], i)
                )
                pointer = builder.gep(array.data, [args[1]])
                value = context.unpack_value(builder, column.dtype, pointer)
                if isinstance(item, DualType):
                    unit = [float(j == direction) for j in range(k)]
                    vector = context.get_value_type(item).elements[1]
                    tangent = llvmlite.ir.Constant(vector, unit)
                    value = make_dual(context, builder, item, value, tangent)
                    direction += 1
                values.append(value)
            return context.make_tuple(builder, sig.return_type, values)

        return signature(types.Tuple(items), columns, types.intp), lower

    @numba.njit
    def loop(columns: Any, out: Any) -> None:
        for i in range(out.shape[1]):
            _write(out, i, function(*seeded(columns, i)))

    return loop
