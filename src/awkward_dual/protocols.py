"""What NumPy asks of an array whose functions it was called with: ufuncs, their methods, all else."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from awkward_dual import apply, calls, rules
from awkward_dual.errors import MissingTangentRule, TangentLost
from awkward_dual.exits import Exits
from awkward_dual.methods import OPERATORS, ArrayKit
from awkward_dual.pair import Pair, as_view, check_cast, lowest, raw_or_live

__all__ = ("Protocols",)


class Protocols(Exits):
    """The protocols of NumPy."""

    __slots__ = ()

    _kit: ClassVar[ArrayKit]

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
        if not all(self._kit.is_operand(x) for x in inputs):
            return NotImplemented
        if method != "__call__":
            return self._ufunc_method(ufunc, method, inputs, kwargs)
        out = kwargs.pop("out", None)
        inputs = tuple(
            self._kit.as_dual(x) if isinstance(x, list | tuple | range) else x for x in inputs
        )
        if ufunc.signature is not None:
            result = self._kit.wrap_all(
                calls.call_function(ufunc, rules.find(ufunc), inputs, kwargs)
            )
        else:
            where = kwargs.pop("where", True)
            if where is True or (np.ndim(where) == 0 and lowest(where)):
                where = True
            elif out is not None:
                return _write_where(ufunc, inputs, kwargs, out, where)
            else:
                kwargs["where"] = where
            if where is not True and apply.live_among(inputs):
                raise TangentLost("the argument `where` of a ufunc", "use np.where instead")

            def call(*raw: Any) -> Any:
                return ufunc(*raw, **kwargs)

            if ufunc in OPERATORS and isinstance(inputs[0], np.generic) and np.ndim(inputs[1]) == 0:
                # the operator of a scalar on the left comes here too, and rounds in its own way
                call = OPERATORS[ufunc]
            row = rules.find(ufunc)
            result = self._kit.wrap_all(self._kit.call_ufunc(ufunc, row, call, inputs))
        return result if out is None else _write_out(out, result)

    def _ufunc_method(self, ufunc: Any, method: str, inputs: Any, kwargs: Any) -> Any:
        reductions = {"add": np.sum, "multiply": np.prod, "maximum": np.max, "minimum": np.min}
        function: Any = reductions.get(ufunc.__name__)
        if method == "reduce" and function is not None:
            kwargs.setdefault("axis", 0)
            if "out" in kwargs:
                (kwargs["out"],) = kwargs["out"]
            return function(*inputs, **kwargs)
        if method == "outer" and len(inputs) == 2:
            a, b = (self._kit.as_dual(x) for x in inputs)
            return ufunc(a.reshape(a.shape + (1,) * b.ndim), b, **kwargs)
        row = rules.find(ufunc)
        if not apply.live_among(inputs) or (row is not None and row.kind is rules.Kind.STEP):
            out = kwargs.pop("out", None)
            result = self._kit.wrap_all(
                getattr(ufunc, method)(*(lowest(x) for x in inputs), **kwargs)
            )
            return result if out is None else _write_out(out, result)
        raise MissingTangentRule(f"{ufunc.__name__}.{method}", "argument 0", self.dtype)

    def __array_function__(self, func: Any, types: Any, args: Any, kwargs: Any) -> Any:
        if not all(self._kit.is_operand_type(t) for t in types):
            return NotImplemented
        args, kwargs, out = calls.without_out(func, args, kwargs)
        if func is np.copyto:
            return _copyto(*args, **kwargs)
        result = self._kit.wrap_all(calls.call_function(func, rules.find(func), args, kwargs))
        for x in result if isinstance(result, list | tuple) else (result,):
            for array in calls.pairs_in(args):
                as_view(x, array)
        return result if out is None else _write_out((out,), result)


def _copyto(dst: Any, src: Any, casting: Any = "same_kind", where: Any = True) -> None:
    dst[...] = src if where is True else np.where(where, src, dst)


def _write_out(out: Any, result: Any, where: Any = True) -> Any:
    """Write results into the arguments `out`, and give those back."""
    results = result if isinstance(result, tuple) else (result,)
    written = []
    for target, value in zip((*out, *(None,) * (len(results) - len(out))), results, strict=True):
        written.append(value if target is None else target)
        if target is None:
            continue
        value = raw_or_live(value)
        if not isinstance(value, Pair):
            check_cast(value, target, "the function")
        elif not isinstance(target, Pair):
            raise TangentLost("the argument `out` of NumPy's own type")
        _copyto(target, value, where=where)
    return tuple(written) if isinstance(result, tuple) else written[0]


def _write_where(ufunc: Any, inputs: Any, kwargs: Any, out: Any, where: Any) -> Any:
    """A ufunc of the selected elements, written into `out`: the others stay as they were."""
    where = lowest(where)
    raw_out = tuple(None if x is None else np.array(lowest(x)) for x in out)
    # what NumPy warns of, and what it refuses, is that of the selected ones
    ufunc(*(lowest(x) for x in inputs), out=raw_out, where=where, **kwargs)
    with np.errstate(all="ignore"):
        result = ufunc(*inputs, **kwargs)
    return _write_out(out, result, where)
