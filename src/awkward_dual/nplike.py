"""The array functions that Awkward calls, over dual buffers."""

from __future__ import annotations

from typing import Any

import numpy as np

from awkward_dual import apply, elementwise
from awkward_dual.adapter import ArrayModuleNumpyLike, Numpy, VirtualNDArray, materialized
from awkward_dual.array import DualArray, as_dual, wrap, wrap_all
from awkward_dual.calls import lowest_in
from awkward_dual.errors import TangentLost
from awkward_dual.pair import Pair, lowest, raw_or_live
from awkward_dual.rules import find
from awkward_dual.runs import settle_readers

__all__ = ("DualNumpy",)


#: types that hold no dual
_PLAIN = frozenset((np.ndarray, int, float, bool, type(None), str, np.int64, np.bool_))
_TYPES = (type, np.dtype)
#: functions of a shape, which Awkward calls most often of all
_MAKERS = ("empty", "ones", "zeros")


def _is_plain(x: Any) -> bool:
    """Whether an argument holds no dual."""
    if type(x) in _PLAIN or isinstance(x, _TYPES):
        return True
    return type(x) is tuple and all(type(item) is int for item in x)


class DualModule:
    """NumPy's functions with `DualArray` for ndarray."""

    ndarray = DualArray
    #: where the functions stand
    _functions: Any = np

    def __getattr__(self, name: str) -> Any:
        function = getattr(self._functions, name)
        if isinstance(function, type) or not callable(function):
            return function

        def make(shape: Any, dtype: Any = None) -> Any:
            shape = shape if type(shape) is int else lowest_in(shape)
            return wrap(function(shape, dtype=dtype))

        def call(*args: Any, **kwargs: Any) -> Any:
            # constants need not go through the protocol, and do so often
            raw = [a._primal if type(a) is DualArray and a._level is None else a for a in args]
            if all(map(_is_plain, raw)):
                if all(map(_is_plain, kwargs.values())):
                    return wrap_all(function(*raw, **kwargs))
                out = kwargs.get("out")
                raw_out = out._primal if type(out) is DualArray and out._level is None else None
                if len(kwargs) == 1 and type(raw_out) is np.ndarray:
                    settle_readers(raw_out)
                    function(*raw, out=raw_out)
                    return out
            return wrap_all(function(*args, **kwargs))

        found = make if name in _MAKERS else call
        found.__name__ = name
        found.__signature__ = _signature(function)  # type: ignore[attr-defined]
        # found once: the next look-up does not come here
        self.__dict__[name] = found
        return found

    def asarray(self, x: Any, dtype: Any = None) -> Any:
        return as_dual(x, dtype)

    def array(self, x: Any, dtype: Any = None, copy: bool = True) -> Any:
        return as_dual(x, dtype).copy()

    def ascontiguousarray(self, x: Any) -> Any:
        return x if lowest(x).flags.c_contiguous else as_dual(x).copy()

    def full(self, shape: Any, fill_value: Any, dtype: Any = None) -> Any:
        raw = raw_or_live(fill_value)
        if not isinstance(raw, Pair):
            return wrap(np.full(shape, raw, dtype))
        fill_value = as_dual(fill_value, dtype)
        return np.broadcast_to(fill_value, shape).copy()

    def full_like(self, x: Any, fill_value: Any, dtype: Any = None) -> Any:
        return self.full(x.shape, fill_value, dtype or x.dtype)

    def array_equal(self, a: Any, b: Any, equal_nan: bool = False) -> Any:
        raw_a, raw_b = lowest(a), lowest(b)
        # the offsets of one array, compared with themselves by every operation on it
        if raw_a is raw_b and raw_a.dtype.kind in "iu":
            return True
        return np.array_equal(raw_a, raw_b, equal_nan=equal_nan)

    def concatenate(self, arrays: Any, axis: Any = 0, casting: str = "same_kind") -> Any:
        if not apply.live_among(arrays):
            raw = [lowest(a) for a in arrays]
            return wrap(np.concatenate(raw, axis=axis, casting=casting))  # type: ignore[call-overload]
        return np.concatenate([as_dual(a) for a in arrays], axis=axis)


def _signature(function: Any) -> Any:
    import inspect

    try:
        return inspect.signature(function)
    except (TypeError, ValueError):
        return inspect.Signature()


class DualNumpy(ArrayModuleNumpyLike):
    """The nplike of `DualArray`; its primals are NumPy's."""

    is_eager = True
    supports_structured_dtypes = False
    supports_virtual_arrays = True

    def __init__(self) -> None:
        self._module = DualModule()

    # Awkward asks "nplike == Numpy.instance()" before it passes pointer arrays to the
    # kernels that flatten unions; that is how the buffers of this one are passed, too
    def __eq__(self, other: object) -> bool:
        return self is other or isinstance(other, Numpy)

    __hash__ = object.__hash__

    # the constructors of NumPy's masked arrays refuse live buffers
    @property
    def ma(self) -> Any:
        return np.ma

    @property
    def char(self) -> Any:
        return np.char

    @property
    def ndarray(self) -> type:
        return DualArray

    @classmethod
    def is_own_array_type(cls, type_: type) -> bool:
        return issubclass(type_, DualArray) and type_.array_module is np

    def is_c_contiguous(self, x: Any) -> bool:
        (x,) = materialized((x,))
        return bool(lowest(x).flags.c_contiguous) if isinstance(x, Pair) else True

    def strides(self, x: Any) -> tuple[int, ...]:
        return super().strides(lowest(x))  # type: ignore[no-any-return]

    def memory_ptr(self, x: Any) -> int:
        (x,) = materialized((x,))
        x = raw_or_live(x)
        if isinstance(x, Pair):
            raise TangentLost("a raw pointer to the buffer")
        return int(x.ctypes.data)

    def byteswap(self, x: Any) -> Any:
        if isinstance(x, VirtualNDArray) and not x.is_materialized:
            return VirtualNDArray(
                self,
                x._shape,
                x.dtype,
                lambda: self.byteswap(x.materialize()),
                lambda: x.shape,
                x.buffer_key,
                __enable_caching__=x.__enable_caching__,
            )
        (x,) = materialized((x,))
        return x.byteswap()

    def packbits(self, x: Any, *, axis: int | None = None, bitorder: Any = "big") -> Any:
        (x,) = materialized((x,))
        return wrap(np.packbits(lowest(x), axis=axis, bitorder=bitorder))

    def unpackbits(
        self, x: Any, *, axis: int | None = None, count: int | None = None, bitorder: Any = "big"
    ) -> Any:
        (x,) = materialized((x,))
        return wrap(np.unpackbits(lowest(x), axis=axis, count=count, bitorder=bitorder))

    def array_str(self, x: Any, **options: Any) -> str:
        return str(super().array_str(lowest(x), **options))

    def broadcast_arrays(self, *arrays: Any) -> list[Any]:
        shapes = {x.shape if isinstance(x, DualArray) else None for x in arrays}
        if len(shapes) == 1 and None not in shapes:
            return list(arrays)
        return list(np.broadcast_arrays(*(as_dual(x) for x in materialized(arrays))))

    def reshape(self, x: Any, shape: tuple[int, ...], *, copy: bool | None = None) -> Any:
        if not isinstance(x, DualArray):
            return super().reshape(x, shape, copy=copy)
        if copy:
            return x.copy().reshape(shape)
        if copy is False:
            np.reshape(lowest(x), shape, copy=False)
        return x.reshape(shape)

    def apply_ufunc(
        self, ufunc: Any, method: str, args: list[Any], kwargs: dict[str, Any] | None = None
    ) -> Any:
        if method != "__call__" or not args:
            raise NotImplementedError
        numpy = Numpy.instance()

        def call(*raw: Any) -> Any:
            return numpy.apply_ufunc(ufunc, method, list(raw), kwargs)

        return wrap_all(elementwise.call_ufunc(ufunc, find(ufunc), call, materialized(args)))

    def index_as_shape_item(self, x1: Any) -> int:
        return x1 if type(x1) is int else int(lowest(x1))
