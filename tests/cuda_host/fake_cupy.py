"""A CuPy over NumPy: what the plumbing of ``dual-cuda`` is driven with where there is no GPU.

Its arrays are no NumPy arrays and refuse to become any without being told to, as
those of CuPy do; every crossing to the host is counted. Its ``RawModule``
compiles CUDA sources for the host. Awkward's own CUDA kernels need a GPU: here
those of the ``cpu`` backend stand for them, under the names that CUDA supports.

`install` puts it into ``sys.modules``; do that in a process of its own.
"""

from __future__ import annotations

import functools
import operator
import sys
import types
from typing import Any

import numpy as np

from awkward_dual import adapter
from kernels import manifest
from kernels.cuda_host import HostModule

__all__ = ("crossings", "install", "ndarray")

#: names of NumPy that CuPy 14 lacks
MISSING = frozenset(
    [
        "asmatrix",
        "block",
        "bmat",
        "busday_count",
        "busday_offset",
        "datetime_as_string",
        "datetime_data",
        "einsum_path",
        "frompyfunc",
        "fromregex",
        "geomspace",
        "histogram_bin_edges",
        "insert",
        "is_busday",
        "isnat",
        "matvec",
        "nanpercentile",
        "nanquantile",
        "nested_iters",
        "polyder",
        "polydiv",
        "polyint",
        "spacing",
        "unstack",
        "vecdot",
        "vecmat",
    ]
)
#: those that take NumPy's arrays, to copy them to the device
_FROM_HOST = frozenset(("array", "asarray", "asanyarray", "ascontiguousarray"))

_count = {"host": 0}


def crossings() -> int:
    """How often anything came to the host so far."""
    return _count["host"]


def _crossed() -> None:
    """Note a crossing, unless Awkward prints an argument for an error that may come."""
    frame: Any = sys._getframe(1)
    while frame is not None:
        if frame.f_globals.get("__name__") == "awkward.prettyprint":
            return
        frame = frame.f_back
    _count["host"] += 1


class _Flags:
    def __init__(self, flags: Any) -> None:
        self.c_contiguous = flags.c_contiguous
        self.f_contiguous = flags.f_contiguous
        self.owndata = flags.owndata

    def __getitem__(self, name: str) -> bool:
        return bool(getattr(self, name.lower()))


class Device:
    id = 0

    def __enter__(self) -> Device:
        return self

    def __exit__(self, *args: Any) -> None: ...

    def synchronize(self) -> None: ...


class _Pointer:
    def __init__(self, address: int) -> None:
        self.ptr = address


class ndarray:
    """An array of the fake device; its NumPy array is nobody's business but this module's."""

    __slots__ = ("_host", "base")
    __array_priority__ = 100
    __hash__ = None  # type: ignore[assignment]

    def __init__(self, shape: Any, dtype: Any = float) -> None:
        self._host = np.zeros(shape, dtype)
        self.base: Any = None

    shape = property(lambda self: self._host.shape)
    dtype = property(lambda self: self._host.dtype)
    ndim = property(lambda self: self._host.ndim)
    size = property(lambda self: self._host.size)
    nbytes = property(lambda self: self._host.nbytes)
    itemsize = property(lambda self: self._host.itemsize)
    strides = property(lambda self: self._host.strides)
    flags = property(lambda self: _Flags(self._host.flags))
    device = property(lambda self: Device())
    data = property(lambda self: _Pointer(self._host.ctypes.data))
    T = property(lambda self: _wrap(self._host.T, self))
    real = property(lambda self: _wrap(self._host.real, self))
    imag = property(lambda self: _wrap(self._host.imag, self))

    def __len__(self) -> int:
        return len(self._host)

    def __iter__(self) -> Any:
        return (self[i] for i in range(len(self)))

    def __repr__(self) -> str:
        return repr(self._host)

    # -- to the host

    def get(self) -> Any:
        _crossed()
        return self._host.copy()

    def item(self, *args: Any) -> Any:
        _crossed()
        return self._host.item(*args)

    def tolist(self) -> Any:
        _crossed()
        return self._host.tolist()

    def _number(self, kind: Any) -> Any:
        _crossed()
        return kind(self._host)

    __bool__ = functools.partialmethod(_number, bool)
    __int__ = functools.partialmethod(_number, int)
    __float__ = functools.partialmethod(_number, float)
    __complex__ = functools.partialmethod(_number, complex)

    def __array__(self, *args: Any, **kwargs: Any) -> Any:
        raise TypeError("Implicit conversion to a NumPy array is not allowed.")

    # -- indexing

    def __getitem__(self, index: Any) -> Any:
        return _wrap(self._host[_index(index)], self)

    def __setitem__(self, index: Any, value: Any) -> None:
        self._host[_index(index)] = _unwrap(value)

    # -- the protocols of NumPy

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
        if ufunc.__name__ in MISSING or not all(_is_known(x) for x in inputs):
            return NotImplemented
        return _call(getattr(ufunc, method), inputs, kwargs)

    def __array_function__(self, func: Any, types: Any, args: Any, kwargs: Any) -> Any:
        if func.__name__ in MISSING or not all(t in (ndarray, np.ndarray) for t in types):
            return NotImplemented
        return _call(func, args, kwargs)


def _is_known(x: Any) -> bool:
    return isinstance(x, ndarray | np.generic | bool | int | float | complex | np.ndarray)


def _wrap(x: Any, base: Any = None) -> Any:
    if isinstance(x, np.ndarray | np.generic):
        out = object.__new__(ndarray)
        out._host = np.asarray(x)
        is_view = base is not None and np.may_share_memory(out._host, base._host)
        out.base = (base if base.base is None else base.base) if is_view else None
        return out
    if isinstance(x, tuple) and hasattr(x, "_fields"):
        return type(x)(*(_wrap(item) for item in x))
    return type(x)(_wrap(item) for item in x) if isinstance(x, tuple | list) else x


def _unwrap(x: Any) -> Any:
    if isinstance(x, ndarray):
        return x._host
    if isinstance(x, np.ndarray):
        raise TypeError(f"Unsupported type {type(x)}")
    if isinstance(x, tuple | list):
        return type(x)(_unwrap(item) for item in x)
    if isinstance(x, bool | int | float | complex | str | slice | type | None | np.generic):
        return x
    if isinstance(x, np.dtype) or x is Ellipsis:
        return x
    raise TypeError(f"Unsupported type {type(x)}")


def _index(index: Any) -> Any:
    items = index if isinstance(index, tuple) else (index,)
    for item in items:
        if isinstance(item, np.ndarray):
            raise TypeError("an index of the host")
    out = tuple(_unwrap(item) for item in items)
    return out if isinstance(index, tuple) else out[0]


def _call(function: Any, args: Any, kwargs: dict[str, Any]) -> Any:
    if function.__name__ in ("at",):
        function(*_unwrap(args), **{k: _unwrap(v) for k, v in kwargs.items()})
        return None
    outs = kwargs.get("out")
    with np.errstate(all="ignore"):
        result = function(*_unwrap(args), **{k: _unwrap(v) for k, v in kwargs.items()})
    if outs is not None:
        return outs[0] if isinstance(outs, tuple) and len(outs) == 1 else outs
    if type(result) is bool and function.__name__ in ("array_equal", "allclose"):
        result = np.bool_(result)
    return _wrap(result)


def _operator(name: str, function: Any, reflected: bool = False) -> None:
    ufunc = getattr(np, name)

    def method(self: Any, other: Any) -> Any:
        if not _is_known(other):
            asks = getattr(type(other), "__array_ufunc__", None)
            if asks is None:
                raise TypeError(f"Unsupported type {type(other)}")
            args = (other, self) if reflected else (self, other)
            return other.__array_ufunc__(ufunc, "__call__", *args)
        args = (other, self) if reflected else (self, other)
        return _call(ufunc, args, {})

    setattr(ndarray, f"__{'r' if reflected else ''}{function}__", method)


for _name, _short in {
    "add": "add", "subtract": "sub", "multiply": "mul", "divide": "truediv", "power": "pow",
    "floor_divide": "floordiv", "remainder": "mod", "bitwise_and": "and", "bitwise_or": "or",
    "bitwise_xor": "xor", "divmod": "divmod",
}.items():  # fmt: skip
    _operator(_name, _short)
    _operator(_name, _short, reflected=True)
for _name, _short in {
    "equal": "eq", "not_equal": "ne", "less": "lt", "less_equal": "le", "greater": "gt",
    "greater_equal": "ge",
}.items():  # fmt: skip
    _operator(_name, _short)


def _in_place(short: str) -> None:
    function = getattr(operator, f"i{short}")

    def method(self: Any, other: Any) -> Any:
        function(self._host, _unwrap(other))
        return self

    setattr(ndarray, f"__i{short}__", method)


for _short in ("add", "sub", "mul", "truediv"):
    _in_place(_short)
_UNARY = {"neg": np.negative, "pos": np.positive, "invert": np.invert, "abs": np.absolute}
for _short, _ufunc in _UNARY.items():
    setattr(ndarray, f"__{_short}__", lambda self, ufunc=_ufunc: _call(ufunc, (self,), {}))


def _method(name: str) -> None:
    def method(self: Any, *args: Any, **kwargs: Any) -> Any:
        result = getattr(self._host, name)(
            *_unwrap(args), **{k: _unwrap(v) for k, v in kwargs.items()}
        )
        if kwargs.get("out") is not None:
            return kwargs["out"]
        return _wrap(result, self)

    setattr(ndarray, name, method)


_METHODS = (
    "all any argmax argmin argsort astype clip conj conjugate copy cumprod cumsum diagonal dot fill "
    "flatten max mean min nonzero prod ravel repeat reshape round searchsorted squeeze std sum "
    "swapaxes take transpose var view"
)
for _name in _METHODS.split():
    _method(_name)


class RawModule(HostModule):
    """Sources compiled for the host, over the arrays of the fake device."""

    def get_function(self, name: str) -> Any:
        kernel = super().get_function(name)

        def call(grid: Any, block: Any, args: Any) -> None:
            kernel(grid, block, [a._host if isinstance(a, ndarray) else a for a in args])

        return call


def _module() -> types.ModuleType:
    module: Any = types.ModuleType("cupy")
    module.ndarray = ndarray
    module.RawModule = RawModule
    module.__version__ = "14.2.0"
    module.crossings = crossings
    stream = types.SimpleNamespace(ptr=0, synchronize=lambda: None)
    module.cuda = types.SimpleNamespace(Device=Device, get_current_stream=lambda: stream)
    module.asnumpy = lambda x: x.get() if isinstance(x, ndarray) else np.asarray(x)
    for name in dir(np):
        function = getattr(np, name)
        if name.startswith("_") or name in MISSING or hasattr(module, name):
            continue
        if isinstance(function, type) or not callable(function):
            setattr(module, name, function)
        elif isinstance(function, np.ufunc):
            setattr(module, name, _Ufunc(function))
        else:
            setattr(module, name, _function(name, function))
    return module


class _Ufunc:
    def __init__(self, ufunc: Any) -> None:
        self.__name__ = ufunc.__name__
        self._ufunc = ufunc
        self.nin, self.nout = ufunc.nin, ufunc.nout

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return _call(self._ufunc, args, {k: v for k, v in kwargs.items() if v is not None})

    def at(self, *args: Any) -> None:
        _call(self._ufunc.at, args, {})


def _function(name: str, function: Any) -> Any:
    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        if name in _FROM_HOST:
            args = tuple(_wrap(a) if isinstance(a, np.ndarray | np.generic) else a for a in args)
            first = args[0]
            if isinstance(first, ndarray) and name != "array":
                dtype = kwargs.get("dtype", args[1] if len(args) > 1 else None)
                same = dtype is None or np.dtype(dtype) == first.dtype
                if same and (name != "ascontiguousarray" or first.flags.c_contiguous):
                    return first
        return _call(function, args, kwargs)

    return call


class _Kernel:
    """A kernel of ``cpu`` in the place of one of CUDA."""

    def __init__(self, key: Any, kernel: Any) -> None:
        self.key = key
        self._kernel = kernel

    def __call__(self, *args: Any) -> Any:
        args = adapter.materialized(args)
        for x in args:
            assert not isinstance(x, np.ndarray), f"{self.key[0]} got an array of the host"
        return self._kernel(*(x._host if isinstance(x, ndarray) else x for x in args))


def install() -> Any:
    """Put the fake into ``sys.modules``, and kernels of ``cpu`` into Awkward's CUDA backend."""
    sys.modules["cupy"] = module = _module()
    ndarray.__module__ = "cupy"

    listed = manifest.load()

    def getitem(self: Any, key: Any) -> Any:
        if listed[key[0]].cuda == "unsupported":
            raise AssertionError(f"Operation '{key[0]}' is not supported on CUDA backend.")
        return _Kernel(key, adapter.NumpyBackend.instance()[key])

    adapter.CupyBackend.__getitem__ = getitem
    return module
