"""`DualCudaArray`: the buffer of the backend ``dual-cuda``."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from awkward_dual import elementwise
from awkward_dual.array import DualArray, as_dual, is_operand, wrap_all
from awkward_dual.cuda import formulas
from awkward_dual.devices import device_of
from awkward_dual.errors import TangentMismatch
from awkward_dual.fitting import check_ground
from awkward_dual.levels import GROUND
from awkward_dual.linear import FunctionMap, LinearMap
from awkward_dual.methods import ArrayKit, give_methods
from awkward_dual.pair import Pair, lowest, make, raw_or_live
from awkward_dual.rules.table import Rule
from awkward_dual.tape import Node

__all__ = ("DualCudaArray", "as_dual_cuda", "as_operand", "call_ufunc", "on_device", "on_host")


class DualCudaArray(DualArray):
    """A CuPy array, or a number, together with its tangent along ``k`` directions.

    Parameters
    ----------
    primal : cupy.ndarray
        The value, of any shape and dtype; what is no CuPy array is copied to the
        current device.
    tangent : cupy.ndarray, optional
        The derivative, as that of a `DualArray`, on the same device.

    Raises
    ------
    TangentMismatch
        If the shape of the tangent does not fit, or the primal has no tangents.
    ModuleNotFoundError
        If CuPy is not installed.

    Notes
    -----
    As CuPy's own, it is never brought to the host without being told to:
    ``np.asarray`` raises, live or not; use ``primal.get()``.

    Examples
    --------
    >>> import cupy, numpy as np
    >>> from awkward_dual.cuda import DualCudaArray
    >>> x = DualCudaArray(cupy.array([1.0, 4.0]), cupy.ones(2))
    >>> np.sqrt(x).tangent
    array([[0.5 , 0.25]])
    """

    __slots__ = ()

    #: CuPy is found by its arrays: this module is imported without it
    array_module: ClassVar[Any] = None
    __hash__ = None

    def __init__(self, primal: Any, tangent: Any = None) -> None:
        primal = raw_or_live(primal)
        if not isinstance(primal, Pair):
            primal = _raw(primal)
        self._base = None
        self._version = 0
        self._primal, self._tangent, self._level = primal, None, None
        self.shape, self.dtype = primal.shape, primal.dtype
        tangent = raw_or_live(tangent)
        if tangent is not None:
            check_ground(primal, tangent)
            self._tangent = _fit(primal, tangent)
            self._level = GROUND

    @property
    def ctypes(self) -> Any:
        raise TypeError("memory of a GPU has no address on the host")

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Any:
        self._constant(
            "conversion to a NumPy array", "detach on purpose with awkward_dual.primal(x)"
        )
        raise TypeError(
            "implicit conversion to a NumPy array is not allowed; use x.primal.get() to have a copy"
        )

    @staticmethod
    def moved(x: Any) -> Any:
        """A value of the host on the device, with both halves."""
        return on_device(x)

    @staticmethod
    def home(x: Any) -> Any:
        """A value of the device on the host, with both halves."""
        return on_host(x)

    def byteswap(self, inplace: bool = False) -> Any:
        raise TypeError("byteswap of a DualCudaArray goes through ak.to_backend(x, 'cpu')")


def _fit(primal: Any, tangent: Any) -> Any:
    if primal.dtype.kind not in "fc":
        raise TangentMismatch(
            f"{primal.dtype} has no tangents; only floating and complex numbers do"
        )
    if isinstance(tangent, Node):
        return tangent
    tangent = _raw(tangent)
    kinds = "fciub" if primal.dtype.kind == "c" else "fiub"
    if tangent.dtype.kind not in kinds:
        raise TangentMismatch(
            f"a tangent of {tangent.dtype} does not fit a primal of {primal.dtype}"
        )
    if tangent.ndim == primal.ndim:
        tangent = tangent.reshape(1, *tangent.shape)
    if tangent.shape[1:] != primal.shape:
        raise TangentMismatch(
            f"a tangent of shape {tangent.shape} does not fit a primal of shape {primal.shape}: "
            f"expected {primal.shape} or (k, *{primal.shape})"
        )
    return tangent if tangent.dtype == primal.dtype else tangent.astype(primal.dtype)


def _raw(x: Any) -> Any:
    """A raw array as one of CuPy."""
    if device_of(x) is not None:
        return x
    from awkward_dual.cuda.engine import xp

    return xp.asarray(x)


# -- between host and device


class _Transfer(FunctionMap):
    """From the host to the device, or back: the identity, as far as numbers go."""

    __slots__ = ()

    def image(self, t: Any) -> Any:
        return self.forward(t)

    @property
    def T(self) -> LinearMap:
        return _Transfer(self.in_shape, self.in_shape, self.in_dtype, self.backward, self.forward)


def _transfer(x: Any, *, to_device: bool) -> LinearMap:
    there, back = (_move_in, _move_out) if to_device else (_move_out, _move_in)
    return _Transfer(x.shape, x.shape, x.dtype, there, back)


def _move_in(x: Any) -> Any:
    """A value on the device, whole."""
    if isinstance(x, Pair):
        return DualCudaArray._new(_move_in(x._primal), _moved(x._tangent, to_device=True), x._level)
    return _raw(np.asarray(x)) if isinstance(x, np.generic) else _raw(x)


def _move_out(x: Any) -> Any:
    """A value on the host, whole."""
    if isinstance(x, Pair):
        return DualArray._new(_move_out(x._primal), _moved(x._tangent, to_device=False), x._level)
    out = x if device_of(x) is None else x.get()
    return out if out.ndim else out[()]


def _moved(t: Any, *, to_device: bool) -> Any:
    if t is None:
        return None
    if isinstance(t, Node):
        return Node(t.shape, t.dtype, [(_transfer(t, to_device=to_device), t)])
    return (_move_in if to_device else _move_out)(t)


def on_device(x: Any) -> Any:
    """A value with both halves on the device; its pullback brings cotangents home."""
    x = raw_or_live(x)
    return x if isinstance(x, DualCudaArray) else _move_in(x)


def on_host(x: Any) -> Any:
    """A value with both halves on the host."""
    x = raw_or_live(x)
    return _move_out(x) if isinstance(x, DualCudaArray) or device_of(x) is not None else x


def as_operand(x: Any) -> Any:
    """A number of the host as an operand of the device: its value stays a number.

    An array of the host raises, as it does on the backend ``cuda``.
    """
    x = raw_or_live(x)
    if not isinstance(x, DualArray) or isinstance(x, DualCudaArray):
        return x
    if x.ndim:
        raise TypeError(
            "an array of the host meets one of the device; "
            'move it with ak.to_backend(x, "dual-cuda")'
        )
    return _number(x)


def _number(x: Any) -> Any:
    if not isinstance(x, Pair):
        return x
    return DualCudaArray._new(_number(x._primal), _moved(x._tangent, to_device=True), x._level)


# -- operations


def call_ufunc(ufunc: Any, row: Rule | None, call: Any, args: Any) -> Any:
    """`elementwise.call_ufunc` on the device: by one kernel where the rule has a formula."""
    args = [as_operand(a) for a in args]
    if row is not None and ufunc.nout == 1:
        short = _one_level(args)
        if short is not None:
            level, x, dx = short
            both = formulas.value_and_tangent(row, call, x, dx)
            if both is not None:
                return make(DualCudaArray, both[0], both[1], level)
    return elementwise.call_ufunc(ufunc, row, call, args)


def _one_level(args: Any) -> Any:
    """Level, primals and tangents, if there is one level of raw arrays; else ``None``."""
    level = None
    x, dx = [], []
    for a in args:
        t = None
        if isinstance(a, Pair):
            t, a_level = a._tangent, a._level
            if a._base is not None or not a.ndim or isinstance(a._primal, Pair):
                return None
            if t is not None:
                if isinstance(t, Node | Pair) or level not in (None, a_level):
                    return None
                level = a_level
            a = a._primal
        x.append(a)
        dx.append(t)
    return None if level is None or not level.alive else (level, x, dx)


def as_dual_cuda(x: Any, dtype: Any = None) -> Any:
    """`cupy.asarray` that keeps tangents."""
    if isinstance(x, DualArray) and not isinstance(x, DualCudaArray):
        x = on_device(x)
    elif isinstance(x, DualCudaArray) and device_of(lowest(x)) is None:
        # a number that was an operand becomes an array
        x = _move_in(x)
    elif isinstance(x, list | tuple):
        x = as_dual(x)
        x = x if isinstance(x, DualCudaArray) else _move_in(raw_or_live(x))
    if not isinstance(x, Pair):
        x = _raw(x)
    x = x if isinstance(x, DualCudaArray) else DualCudaArray._new(x)
    return x if dtype is None or x.dtype == dtype else x.astype(dtype)


def _is_operand(x: Any) -> bool:
    return is_operand(x) or device_of(x) is not None


def _is_operand_type(t: type) -> bool:
    plain = issubclass(t, DualArray | np.generic)
    return plain or t.__module__.partition(".")[0] == "cupy"


give_methods(
    DualCudaArray,
    ArrayKit(_is_operand, _is_operand_type, as_dual_cuda, wrap_all, call_ufunc),
)
