"""From numbers and arrays that are not Awkward's to duals: the tangents they are given, checked."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import awkward as ak
import numpy as np

from awkward_dual.array import DualArray, as_dual, wrap
from awkward_dual.devices import device_of, dual_name
from awkward_dual.errors import TangentMismatch
from awkward_dual.pair import Pair, lowest, raw_or_live, weaken

__all__ = ("attach_number", "refuse_tangent", "where_is")


def attach_number(x: Any, dx: Any, make: Callable[[Any, Any], Any], path: str) -> Any:
    """`leaves.attach` of a number, or an array of NumPy's or CuPy's or a dual one."""
    is_array = device_of(x) is not None or isinstance(x, np.ndarray | Pair)
    value = raw_or_live(as_dual(x)) if is_array else weaken(_plain(x))
    if value.dtype.kind not in "fc":
        return as_dual(value) if value.ndim else x
    other = None if dx is None else _tangent_of(x, value, dx, path, make)
    made = make(value, other)
    if made is value and type(x) in (float, complex):
        return x
    return wrap(made) if isinstance(made, np.ndarray) else made


def _plain(x: Any) -> Any:
    """A number of a subclass of Python's float or complex as one of these."""
    if isinstance(x, np.generic) or type(x) in (float, complex):
        return x
    return float(x) if isinstance(x, float) else complex(x)


def refuse_tangent(x: Any, dx: Any, path: str) -> None:
    """Raise if a tangent is given for what has none, and would be dropped."""
    known = isinstance(x, int | str | bytes | np.generic) or x is None
    known = known or ak.typetracer.is_unknown_scalar(x)
    # an integer as the tangent of one is of its type, and ignored as in arrays
    if not known or (isinstance(x, int) and isinstance(dx, float | complex) and dx != 0):
        foreign = hasattr(x, "__array__") or hasattr(x, "__cuda_array_interface__")
        raise TangentMismatch(
            f"{where_is(path)}a {type(x).__name__} has no tangents ({dx!r} was given); "
            + ("make an array of NumPy or Awkward of it" if foreign else "pass a float or an array")
            + ", or None as its tangent"
        )


def _tangent_of(x: Any, value: Any, dx: Any, path: str, make: Callable[[Any, Any], Any]) -> Any:
    if isinstance(dx, ak.Array):
        try:
            on_dual = dx.layout.to_backend(dual_name(dx.layout.backend.name))
            values = on_dual.to_backend_array(allow_missing=False)
        except ValueError:
            raise TangentMismatch(
                f"{where_is(path)}the primal is {_describe(value)}, its tangent {dx.type}"
            ) from None
        dx = values
    other = _as_number(value, dx, path)
    shape = np.shape(other)
    if getattr(make, "takes_directions", False) and len(shape) == value.ndim + 1:
        shape = shape[:-1]
    fits = shape == np.shape(value) and other.dtype.kind in "biufc"
    if isinstance(x, np.ndarray | DualArray) and value.ndim:
        fits = fits and other.dtype == value.dtype
    if other.dtype.kind == "c" and value.dtype.kind != "c":
        fits = False
    if not fits:
        raise TangentMismatch(
            f"{where_is(path)}the primal is {_describe(value)}, its tangent {_describe(other)}"
        )
    other = _beside(value, other, path)
    return other if other.dtype == value.dtype else raw_or_live(as_dual(other).astype(value.dtype))


def _beside(value: Any, other: Any, path: str) -> Any:
    """A tangent on the device of its primal; only numbers move by themselves."""
    device, own = device_of(lowest(value)), device_of(lowest(other))
    if device is own:
        return other
    if device is not None and not np.ndim(lowest(other)):
        return raw_or_live(device.arrays.moved(other))
    where = "on the host" if device is None else "on the GPU"
    raise TangentMismatch(f"{where_is(path)}the primal is {where}, its tangent is not")


def _as_number(value: Any, dx: Any, path: str) -> Any:
    """A tangent of a number or of a NumPy array as a value."""
    if isinstance(dx, np.ma.MaskedArray):
        raise TangentMismatch(
            f"{where_is(path)}a masked array is no tangent, for what is masked has a value too; "
            "fill it, for example with dx.filled(0)"
        )
    try:
        is_array = isinstance(dx, Pair | np.ndarray | list) or device_of(dx) is not None
        return raw_or_live(as_dual(dx)) if is_array else np.asarray(dx)
    except ValueError:
        raise TangentMismatch(
            f"{where_is(path)}the primal is {_describe(value)}, its tangent a nested "
            f"{type(dx).__name__} that is no array"
        ) from None


def _describe(x: Any) -> str:
    shape = " * ".join(map(str, np.shape(x)))
    return f"{shape} * {x.dtype}" if shape else f"a number of type {x.dtype}"


def where_is(path: str) -> str:
    return f"argument {path}: " if path else ""
