"""How rows say that a NumPy function equals a program of operations that have rows themselves."""

from __future__ import annotations

import numbers
from collections.abc import Callable
from typing import Any

import numpy as np

from awkward_dual import calls
from awkward_dual.rules.table import Kind, rule

__all__ = (
    "accumulator",
    "as_array",
    "as_axes",
    "count",
    "finish",
    "keeps",
    "last",
    "program",
    "square",
)


def program(*functions: Any, kind: Kind = Kind.SMOOTH) -> Callable[[Any], Any]:
    """Enter rows for functions whose program is what is decorated: ``(xp, *args, **kwargs)``."""

    def write(body: Callable[..., Any]) -> Callable[..., Any]:
        for function in dict.fromkeys(functions):
            rule(function, kind, body, apply=calls.apply_program)
        return body

    return write


def as_array(x: Any, least: Any = None) -> Any:
    """`x`, which may be a number or a list, as an array, or a dual one; of a dtype of the least precision."""
    x = x if hasattr(x, "dtype") else np.asarray(x)
    dtype = x.dtype if least is None else np.result_type(x.dtype, least)
    return x if x.dtype == dtype else x.astype(dtype)


def accumulator(a: Any, dtype: Any) -> Any:
    """`a` in the dtype that NumPy accumulates in."""
    dtype = np.float32 if dtype is None and a.dtype == np.float16 else dtype
    return a if dtype is None else a.astype(dtype)


def square(xp: Any, x: Any) -> Any:
    """The square of the absolute value, which has all derivatives at zero too."""
    return x * x if x.dtype.kind != "c" else xp.real(x * xp.conjugate(x))


def as_axes(x: Any, axis: Any) -> tuple[int, ...]:
    """What NumPy's argument `axis` means for `x`: numbers of axes from the front."""
    if not x.ndim:
        # NumPy lets a number have one axis
        return ()
    axes = range(x.ndim) if axis is None else axis if np.iterable(axis) else (axis,)
    return tuple(int(a) % x.ndim for a in axes)


def last(xp: Any, x: Any, axis: Any) -> tuple[Any, Any]:
    """`x` with the reduced axes as one last axis, and the shape that keeps them as ones."""
    axes = tuple(sorted(as_axes(x, axis)))
    rest = tuple(a for a in range(x.ndim) if a not in axes)
    moved = xp.transpose(x, (*rest, *axes))
    kept = tuple(1 if i in axes else n for i, n in enumerate(x.shape))
    return xp.reshape(moved, (*(x.shape[a] for a in rest), int(count(x, axis)))), kept


def count(x: Any, axis: Any) -> Any:
    """How many elements are reduced to one; a NumPy number, so that it may divide when it is 0."""
    return np.prod([x.shape[a] for a in as_axes(x, axis)], dtype=np.float64)


def keeps(keepdims: Any) -> bool:
    """Whether reduced axes are to be kept as ones; NumPy has a default that is neither."""
    return isinstance(keepdims, numbers.Integral | np.bool_) and bool(keepdims)


def finish(xp: Any, y: Any, kept: Any, keepdims: Any) -> Any:
    """A result of reduced axes, which are kept as ones if that is asked for."""
    return xp.reshape(y, kept) if keeps(keepdims) else y
