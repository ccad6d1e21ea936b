"""`DualArray`: the buffer of the dual backend, a primal and a tangent."""

from __future__ import annotations

import numbers
import operator
from collections.abc import Iterator
from typing import Any, ClassVar

import numpy as np

from awkward_dual import apply, calls
from awkward_dual.devices import device_of
from awkward_dual.errors import TangentLost
from awkward_dual.fitting import check_ground, fit_tangent
from awkward_dual.formatting import format_number, plain_repr
from awkward_dual.levels import GROUND, Level
from awkward_dual.methods import ArrayKit, give_methods
from awkward_dual.pair import (
    Pair,
    as_view,
    lowest,
    make,
    operand,
    raw_or_live,
    strengthen,
    view_of,
    weaken,
)
from awkward_dual.protocols import Protocols
from awkward_dual.rules import (
    curves,
    functions,
    order,
    products,
    reduce,
    reductions,
    statistics,
    structure,
    ufuncs,
)
from awkward_dual.runs import lend, settle_readers

__all__ = ("DualArray", "class_of")

#: the modules whose import fills the table
RULES = (ufuncs, functions, reductions, products, statistics, curves, reduce, order, structure)


class DualArray(Protocols):
    """An array, or a number, together with its tangent along ``k`` directions.

    Parameters
    ----------
    primal : array_like
        The value, of any shape and dtype.
    tangent : array_like, optional
        The derivative, of shape ``(k, *primal.shape)``, or ``primal.shape`` for
        one direction. It has the dtype of the primal. Without it the array is a
        constant.

    Raises
    ------
    TangentMismatch
        If the shape of the tangent does not fit, or the primal has no tangents
        (integers, booleans, strings, dates).

    Notes
    -----
    It is not an ndarray and has no ``__dlpack__``: whatever would take the
    primal and drop a live tangent raises `TangentLost` instead. Duals made here
    belong to the ground level, which never ends.

    Examples
    --------
    >>> import numpy as np
    >>> from awkward_dual import DualArray
    >>> x = DualArray(np.array([1.0, 4.0]), np.array([1.0, 1.0]))
    >>> np.sqrt(x).tangent
    array([[0.5 , 0.25]])
    """

    __slots__ = ("__weakref__",)

    array_module: ClassVar[Any] = np
    # above ndarray and np.generic, so that their operators ask ours
    __array_priority__: ClassVar[float] = 1000.0
    __hash__ = None  # type: ignore[assignment]

    def __init__(self, primal: Any, tangent: Any = None) -> None:
        primal = raw_or_live(primal)
        if not isinstance(primal, Pair):
            primal = weaken(primal)
            if not isinstance(primal, np.generic):
                primal = np.asarray(primal)
                primal = primal if primal.ndim else primal[()]
        if not hasattr(primal, "dtype") or primal.dtype.kind in "OV":
            raise TypeError(f"a {type(primal).__name__} is no array of numbers: {primal!r}")
        tangent = raw_or_live(tangent)
        self._level = None
        self._base = None
        self._version = 0
        self._primal = primal
        self._tangent = None
        self.shape = primal.shape
        self.dtype = primal.dtype
        if tangent is not None:
            check_ground(primal, tangent)
            self._tangent = fit_tangent(primal, tangent)
            self._level = GROUND
            lend(primal)

    # -- what it is

    @property  # type: ignore[misc]
    def __class__(self) -> Any:
        # libraries ask whether they have a number by isinstance(x, numbers.Real)
        return type(self) if self.shape else _NUMBERS.get(self.dtype.kind, type(self))

    @property
    def primal(self) -> Any:
        """The value: a NumPy array or scalar, or a `DualArray` of a lower level."""
        lend(self._primal)
        return strengthen(self._primal)

    @property
    def tangent(self) -> Any:
        """The tangent of shape ``(k, *shape)``, or ``None``."""
        lend(self._tangent)
        return self._tangent

    @property
    def level(self) -> Level | None:
        """The level of the tangent; ``None`` for a constant."""
        return self._level

    @property
    def T(self) -> Any:
        return self.transpose()

    @property
    def mT(self) -> Any:
        return np.matrix_transpose(self)

    @property
    def itemsize(self) -> int:
        return int(self.dtype.itemsize)

    @property
    def nbytes(self) -> int:
        """The size of the primal and, unless it is recorded, of the tangent, in bytes."""
        return int(self._primal.nbytes) + int(getattr(self._tangent, "nbytes", 0))

    @property
    def device(self) -> str:
        return str(getattr(lowest(self), "device", "cpu"))

    @property
    def strides(self) -> tuple[int, ...]:
        return lowest(self).strides  # type: ignore[no-any-return]

    @property
    def flags(self) -> Any:
        return lowest(self).flags

    @property
    def ctypes(self) -> Any:
        """The raw pointer of a constant."""
        return self._constant("a raw pointer").ctypes

    @property
    def real(self) -> Any:
        return np.real(self) if self.dtype.kind == "c" else self

    @property
    def imag(self) -> Any:
        return np.imag(self)

    @property
    def flat(self) -> Iterator[Any]:
        return iter(self.reshape(-1))

    def __len__(self) -> int:
        if self.ndim == 0:
            raise TypeError("len() of a dual number")
        return int(self.shape[0])

    def __iter__(self) -> Iterator[Any]:
        if self.ndim == 0:
            raise TypeError("iteration over a dual number")
        return (self[i] for i in range(len(self)))

    # -- readable

    def __repr__(self) -> str:
        name = (self.plain or type(self)).__name__
        if self._level is None:
            return f"{name}({plain_repr(self._primal)})"
        return f"{name}({plain_repr(self._primal)}, {plain_repr(self._tangent)})"

    def __str__(self) -> str:
        return format(self, "") if self.ndim == 0 else repr(self)

    def __format__(self, spec: str) -> str:
        if self._level is None:
            return format(self._primal, spec)
        return format_number(self, lambda number: format(number, spec))

    # -- indexing and writing

    def __getitem__(self, index: Any) -> Any:
        kind = type(index)
        if kind is int and self._level is None and type(self._primal) is np.ndarray:
            # offsets, which Awkward reads in every operation
            out = self._primal[index]
            return out if type(out) is not np.ndarray else self._constant_view(out)
        if kind is slice:
            if self._is_whole(index):
                # what is written to it is written here
                return self
            if self._level is None and type(self._primal) is np.ndarray:
                return self._constant_view(self._primal[index])
        return as_view(wrap(apply.getitem(self, index)), self)

    def _constant_view(self, raw: Any) -> Any:
        view = type(self)._new(raw)
        return view_of(view, self) if raw.size else view

    def _is_whole(self, index: slice) -> bool:
        """Whether a slice of the one axis leaves nothing out."""
        start, stop, step = index.start, index.stop, index.step
        return (
            len(self.shape) == 1
            and (start is None or start == 0)
            and (stop is None or stop == self.shape[0])
            and (step is None or step == 1)
        )

    def __setitem__(self, index: Any, value: Any) -> None:
        value = raw_or_live(value)
        if isinstance(value, list | tuple | range):
            value = raw_or_live(as_dual(value))
        if not apply.live_among([self, value]):
            raw = lowest(self)
            settle_readers(raw)
            raw[apply.plain_index(index)] = operand(value)
            return
        if self.dtype.kind not in "fc":
            raise TangentLost(f"assigning a live value to {self.dtype} elements")
        if self._base is not None:
            raise TangentLost(
                "writing to a view of another array, or to one of NumPy's own,",
                "write to the array itself, or to a copy, or assign the result",
            )
        self._replace(apply.assign(self, index, value))

    def __delitem__(self, index: Any) -> None:
        raise ValueError("cannot delete array elements")

    def _replace(self, value: Any) -> None:
        """Become another value: a written float buffer is a cell."""
        if isinstance(value, Pair):
            self._primal, self._tangent, self._level = value._primal, value._tangent, value._level
        else:
            self._primal, self._tangent, self._level = value, None, None
        self.shape, self.dtype = value.shape, value.dtype
        self._version += 1

    # -- shape and dtype

    def astype(self, dtype: Any, *, copy: bool = True, **kwargs: Any) -> Any:
        if not copy and self.dtype == dtype:
            return self
        if np.dtype(dtype).kind not in "fcbiu" and apply.live_among([self]):
            raise TangentLost(f"a cast to {np.dtype(dtype).name}")
        return wrap(apply.astype(self, dtype, copy=copy, **kwargs))

    def view(self, dtype: Any = None) -> Any:
        if dtype is None or self.dtype == dtype:
            # what is written to it is written here
            return self
        return as_view(wrap(apply.reinterpret(self, dtype)), self)

    def reshape(self, *shape: Any, order: str = "C", copy: bool | None = None) -> Any:
        if copy is not None:
            y = self.reshape(*shape, order=order)
            return y.copy() if copy else y
        if order != "C" and not (order == "A" and self.flags.c_contiguous):
            function: Any = np.reshape
            return function(self, shape[0] if len(shape) == 1 else shape, order=order)
        if len(shape) == 1:
            shape = tuple(shape[0]) if np.iterable(shape[0]) else (operator.index(shape[0]),)
        if shape == self.shape or (shape == (-1,) and len(self.shape) == 1):
            return self
        return as_view(wrap(apply.reshape(self, shape)), self)

    def transpose(self, *axes: Any) -> Any:
        if len(axes) == 1 and not isinstance(axes[0], int):
            (axes,) = axes
        return as_view(wrap(apply.transpose(self, axes or None)), self)

    def flatten(self, order: str = "C") -> Any:
        function: Any = np.ravel
        return function(self, order=order).copy()

    def sort(self, axis: int = -1, **kwargs: Any) -> None:
        self[...] = np.sort(self, axis=axis, **kwargs)

    def fill(self, value: Any) -> None:
        self[...] = value

    def copy(self, order: str = "C") -> Any:
        if not self.ndim:
            # a number is never written to
            return self
        x = raw_or_live(self)
        if not isinstance(x, Pair):
            return self._new(x.copy(order))
        # tangents are never written in place, so they need no copy
        return wrap(make(type(self), self._primal.copy(order), self._tangent, self._level))

    def __copy__(self) -> Any:
        return self.copy()

    def byteswap(self, inplace: bool = False) -> Any:
        if inplace:
            raise TypeError("byteswap of a DualArray is not done in place")
        return self._new(self._constant("byteswap").byteswap())


class DualReal(DualArray):
    """What a real dual number is an instance of, beside `DualArray`."""

    __slots__ = ()


class DualComplex(DualArray):
    """What a complex dual number is an instance of, beside `DualArray`."""

    __slots__ = ()


numbers.Real.register(DualReal)
numbers.Complex.register(DualComplex)
_NUMBERS: dict[str, Any] = {"f": DualReal, "c": DualComplex}

#: what `DualArray` computes with
_OPERANDS = (DualArray, np.ndarray, np.generic, list, tuple, range, int, float, complex)


def is_operand(x: Any) -> bool:
    """Whether `DualArray` may compute with `x`; everything else speaks for itself."""
    if isinstance(x, np.ma.MaskedArray | np.matrix):
        return False
    return isinstance(x, _OPERANDS)


def class_of(x: Any) -> type[DualArray]:
    """The class of duals over an array like `x`, which is raw or a dual."""
    if type(x) is np.ndarray:
        return DualArray
    if isinstance(x, DualArray):
        return type(x)
    device = device_of(x)
    return DualArray if device is None else device.arrays


def wrap(x: Any) -> Any:
    """A value as a `DualArray`; constants without axes stay NumPy scalars."""
    if isinstance(x, np.generic):
        return strengthen(x)
    if type(x) is np.ndarray:
        return DualArray._new(x) if x.ndim else x[()]
    if isinstance(x, np.ndarray) and not isinstance(x, np.ma.MaskedArray):
        return DualArray._new(np.asarray(x))
    device = device_of(x)
    # what a device gives without axes stays there: a number would have to be waited for
    return x if device is None or not x.ndim else device.arrays._new(x)


def wrap_all(x: Any) -> Any:
    """`wrap` for functions with several results."""
    if isinstance(x, tuple):
        items = [wrap_all(item) for item in x]
        return type(x)(*items) if hasattr(x, "_fields") else tuple(items)
    return [wrap_all(item) for item in x] if isinstance(x, list) else wrap(x)


def as_dual(x: Any, dtype: Any = None) -> Any:
    """`np.asarray` that keeps tangents: of numbers, arrays and nested lists with duals."""
    if isinstance(x, list | tuple) and apply.live_among(calls.pairs_in(x)):
        x = np.stack([as_dual(item) for item in x])
    if not isinstance(x, DualArray):
        device = device_of(x)
        x = device.arrays._new(x) if device is not None else DualArray._new(
            np.asarray(x) if not isinstance(x, list | tuple) else np.array(calls.lowest_in(x))
        )  # fmt: skip
    return x if dtype is None or x.dtype == dtype else x.astype(dtype)


def is_operand_type(t: type) -> bool:
    """Whether NumPy's functions may take arguments of this type beside duals."""
    return issubclass(t, DualArray | np.ndarray | np.generic)


give_methods(DualArray, ArrayKit(is_operand, is_operand_type, as_dual, wrap_all))
