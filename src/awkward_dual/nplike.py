"""The array functions that Awkward calls, over dual buffers."""

from __future__ import annotations

from typing import Any

import numpy as np

from awkward_dual import apply
from awkward_dual.adapter import ArrayModuleNumpyLike, Numpy, VirtualNDArray, maybe_materialize
from awkward_dual.array import DualArray, as_dual, wrap, wrap_all
from awkward_dual.errors import TangentLost
from awkward_dual.pair import Pair, lowest, raw_or_live
from awkward_dual.rules import find

__all__ = ("DualNumpy",)


class DualModule:
    """NumPy's functions with `DualArray` for ndarray."""

    ndarray = DualArray

    def __getattr__(self, name: str) -> Any:
        function = getattr(np, name)
        if isinstance(function, type) or not callable(function):
            return function

        def call(*args: Any, **kwargs: Any) -> Any:
            return wrap_all(function(*args, **kwargs))

        call.__name__ = name
        call.__signature__ = _signature(function)  # type: ignore[attr-defined]
        # found once: the next look-up does not come here
        self.__dict__[name] = call
        return call

    def asarray(self, x: Any, dtype: Any = None) -> Any:
        return as_dual(x, dtype)

    def array(self, x: Any, dtype: Any = None, copy: bool = True) -> Any:
        return as_dual(x, dtype).copy()

    def ascontiguousarray(self, x: Any) -> Any:
        return x if lowest(x).flags.c_contiguous else as_dual(x).copy()

    def full(self, shape: Any, fill_value: Any, dtype: Any = None) -> Any:
        fill_value = as_dual(fill_value, dtype)
        return np.broadcast_to(fill_value, shape).copy()

    def full_like(self, x: Any, fill_value: Any, dtype: Any = None) -> Any:
        return self.full(x.shape, fill_value, dtype or x.dtype)

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
        return issubclass(type_, DualArray)

    def is_c_contiguous(self, x: Any) -> bool:
        (x,) = maybe_materialize(x)
        return bool(lowest(x).flags.c_contiguous) if isinstance(x, Pair) else True

    def strides(self, x: Any) -> tuple[int, ...]:
        return super().strides(lowest(x))  # type: ignore[no-any-return]

    def memory_ptr(self, x: Any) -> int:
        (x,) = maybe_materialize(x)
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
        (x,) = maybe_materialize(x)
        return x.byteswap()

    def packbits(self, x: Any, *, axis: int | None = None, bitorder: Any = "big") -> Any:
        (x,) = maybe_materialize(x)
        return wrap(np.packbits(lowest(x), axis=axis, bitorder=bitorder))

    def unpackbits(
        self, x: Any, *, axis: int | None = None, count: int | None = None, bitorder: Any = "big"
    ) -> Any:
        (x,) = maybe_materialize(x)
        return wrap(np.unpackbits(lowest(x), axis=axis, count=count, bitorder=bitorder))

    def array_str(self, x: Any, **options: Any) -> str:
        return str(super().array_str(lowest(x), **options))

    def broadcast_arrays(self, *arrays: Any) -> list[Any]:
        return list(np.broadcast_arrays(*(as_dual(x) for x in maybe_materialize(*arrays))))

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

        return wrap_all(apply.call_ufunc(ufunc, find(ufunc), call, maybe_materialize(*args)))

    def index_as_shape_item(self, x1: Any) -> int:
        return int(lowest(x1))
