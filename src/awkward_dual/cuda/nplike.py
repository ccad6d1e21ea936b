"""The array functions that Awkward calls, over dual buffers of CuPy."""

from __future__ import annotations

from typing import Any

import numpy as np

from awkward_dual import apply
from awkward_dual.adapter import Cupy, PlaceholderArray, materialized
from awkward_dual.array import wrap, wrap_all
from awkward_dual.cuda.array import DualCudaArray, as_dual_cuda, call_ufunc
from awkward_dual.cuda.engine import xp
from awkward_dual.cuda.singleton import OwnInstance
from awkward_dual.errors import TangentLost
from awkward_dual.nplike import DualModule, DualNumpy
from awkward_dual.pair import Pair, lowest, raw_or_live
from awkward_dual.rules import find

__all__ = ("DualCupy",)


class DualCudaModule(DualModule):
    """CuPy's functions with `DualCudaArray` for ndarray."""

    ndarray = DualCudaArray
    _functions = xp

    def asarray(self, x: Any, dtype: Any = None) -> Any:
        return as_dual_cuda(x, dtype)

    def array(self, x: Any, dtype: Any = None, copy: bool = True) -> Any:
        return as_dual_cuda(x, dtype).copy()

    def array_equal(self, a: Any, b: Any, equal_nan: bool = False) -> Any:
        raw_a, raw_b = lowest(a), lowest(b)
        if raw_a is raw_b and raw_a.dtype.kind in "iu":
            return True
        return Cupy.instance().array_equal(raw_a, raw_b, equal_nan=equal_nan)

    def concatenate(self, arrays: Any, axis: Any = 0, casting: str = "same_kind") -> Any:
        if not apply.live_among(arrays):
            return wrap(np.concatenate([lowest(as_dual_cuda(a)) for a in arrays], axis=axis))
        return np.concatenate([as_dual_cuda(a) for a in arrays], axis=axis)

    def full(self, shape: Any, fill_value: Any, dtype: Any = None) -> Any:
        return np.broadcast_to(as_dual_cuda(fill_value, dtype), shape).copy()

    def ascontiguousarray(self, x: Any) -> Any:
        return x if lowest(x).flags.c_contiguous else as_dual_cuda(x).copy()


class DualCupy(OwnInstance, DualNumpy):
    """The nplike of `DualCudaArray`; its primals are CuPy's."""

    is_eager = False

    def __init__(self) -> None:
        self._module = DualCudaModule()

    # as with that of NumPy: Awkward asks which of the two it is, to pass arrays of pointers
    def __eq__(self, other: object) -> bool:
        return self is other or isinstance(other, Cupy)

    __hash__ = object.__hash__

    @property
    def ma(self) -> Any:
        return Cupy.instance().ma

    @property
    def char(self) -> Any:
        return Cupy.instance().char

    @property
    def ndarray(self) -> type:
        return DualCudaArray

    @classmethod
    def is_own_array_type(cls, type_: type) -> bool:
        return issubclass(type_, DualCudaArray)

    def is_c_contiguous(self, x: Any) -> bool:
        if isinstance(x, PlaceholderArray):
            return True
        (x,) = materialized((x,))
        return bool(lowest(x).flags.c_contiguous)

    def frombuffer(self, buffer: Any, *, dtype: Any = None, count: Any = -1) -> Any:
        return wrap(Cupy.instance().frombuffer(buffer, dtype=dtype, count=count))

    def memory_ptr(self, x: Any) -> int:
        (x,) = materialized((x,))
        x = raw_or_live(x)
        if isinstance(x, Pair):
            raise TangentLost("a raw pointer to the buffer")
        return int(x.data.ptr)

    def byteswap(self, x: Any) -> Any:
        (x,) = materialized((x,))
        x = raw_or_live(x)
        if isinstance(x, Pair):
            raise TangentLost("byteswap")
        return wrap(Cupy.instance().byteswap(x))

    def repeat(self, x: Any, repeats: Any, *, axis: int | None = None) -> Any:
        x, repeats = materialized((x, repeats))
        cupy = Cupy.instance()
        if not apply.live_among([x]):
            return wrap(cupy.repeat(lowest(x), lowest(repeats), axis=axis))
        if axis is not None:
            raise NotImplementedError(f"repeat for CuPy with axis={axis!r}")
        flat = x.reshape(-1)
        return flat[cupy.repeat(xp.arange(flat.size), lowest(repeats))]

    def apply_ufunc(
        self, ufunc: Any, method: str, args: list[Any], kwargs: dict[str, Any] | None = None
    ) -> Any:
        if method != "__call__" or not args:
            raise NotImplementedError
        cupy = Cupy.instance()

        def call(*raw: Any) -> Any:
            return cupy.apply_ufunc(ufunc, method, list(raw), kwargs)

        return wrap_all(call_ufunc(ufunc, find(ufunc), call, materialized(args)))

    def broadcast_arrays(self, *arrays: Any) -> list[Any]:
        return list(np.broadcast_arrays(*(as_dual_cuda(x) for x in materialized(arrays))))

    def reshape(self, x: Any, shape: tuple[int, ...], *, copy: bool | None = None) -> Any:
        (x,) = materialized((x,)) if not isinstance(x, DualCudaArray) else (x,)
        if isinstance(x, PlaceholderArray):
            return super().reshape(x, shape, copy=copy)
        x = as_dual_cuda(x)
        return x.copy().reshape(shape) if copy else x.reshape(shape)

    def array_str(self, x: Any, **options: Any) -> str:
        return str(np.array_str(lowest(x).get(), **options))


def _reducer(name: str) -> Any:
    """A reducer: of constants as Awkward's own for CuPy, which gives numbers of the host."""

    def method(self: Any, x: Any, *, axis: Any = None, **options: Any) -> Any:
        (x,) = materialized((x,))
        if not apply.live_among([x]):
            options = {key: lowest(value) for key, value in options.items()}
            return wrap(getattr(Cupy.instance(), name)(lowest(x), axis=axis, **options))
        options = {"out" if key == "maybe_out" else key: value for key, value in options.items()}
        options = {key: value for key, value in options.items() if value is not None}
        return wrap_all(getattr(np, name)(x, axis=axis, **options))

    method.__name__ = name
    return method


for _name in ("all", "any", "count_nonzero", "max", "min", "sum"):
    setattr(DualCupy, _name, _reducer(_name))
