"""What operators are called with: functions, `argnums`, tuples of arguments, `has_aux`."""

from __future__ import annotations

import datetime
import enum
from typing import Any

import awkward as ak
import numpy as np

from awkward_dual.adapter import MaybeNone
from awkward_dual.devices import device_of
from awkward_dual.operators.leaves import is_differentiable
from awkward_dual.pair import Pair, raw_or_live
from awkward_dual.trees import map_tree

__all__ = (
    "ArgNums",
    "as_tuple",
    "check_function",
    "check_scalar",
    "one_for_each",
    "out_and_aux",
    "pick_arguments",
    "put_arguments",
)

ArgNums = int | tuple[int, ...]


def check_function(func: Any, what: str) -> None:
    """Raise unless an operator was given a function.

    Raises
    ------
    TypeError
        If `func` cannot be called; most often it is the value of a function.
    """
    if not callable(func):
        raise TypeError(
            f"{what} needs a function, not {type(func).__name__}; "
            f"pass the function itself, {what}(f), not its value {what}(f(x))"
        )


def one_for_each(primals: Any, tangents: Any) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
    """Arguments and their tangents, as tuples of one length.

    Raises
    ------
    TypeError
        If they are no tuples, or their lengths differ.
    """
    for name, what in (("primals", primals), ("tangents", tangents)):
        if not isinstance(what, tuple | list):
            raise TypeError(
                f"{name} must be a tuple with one entry for each argument of the function, "
                f"not {type(what).__name__}; for one argument write ({name[:-1]},)"
            )
    if len(primals) != len(tangents):
        raise TypeError(f"{len(primals)} primals but {len(tangents)} tangents")
    return tuple(primals), tuple(tangents)


def out_and_aux(result: Any, has_aux: bool) -> tuple[Any, Any]:
    """The result of a function and what it returned beside it.

    Raises
    ------
    TypeError
        If the result, or a part of it, is of a kind in which tangents would not be found.
    """
    if has_aux and (not isinstance(result, tuple) or len(result) != 2):
        raise TypeError("with has_aux=True the function must return a pair (result, aux)")
    out, aux = result if has_aux else (result, None)
    return map_tree(_known, out), aux


#: what a result may hold that has no tangents
_INERT = (str, bytes, int, type(None), np.generic, enum.Enum, datetime.date, datetime.timedelta)
_KNOWN = (ak.Array, ak.Record, Pair, np.ndarray, float, complex)


def _known(x: Any, path: str) -> Any:
    if isinstance(x, MaybeNone):
        # a number of a typetracer, which may be missing
        return x.content
    if isinstance(x, ak.contents.Content | ak.record.Record):
        return ak.Record(x) if isinstance(x, ak.record.Record) else ak.Array(x)
    if isinstance(x, (*_KNOWN, *_INERT)) or device_of(x) or ak.typetracer.is_unknown_scalar(x):
        return x
    where = f" (at {path})" if path else ""
    raise TypeError(
        f"the function returned a {type(x).__name__}{where}, in which tangents are not looked for; "
        "return arrays, numbers, or dicts, tuples, lists and dataclasses of them, "
        "and everything else beside the result, with has_aux=True"
    )


def check_scalar(value: Any) -> None:
    """Raise unless `value` is one real number."""
    is_dual = isinstance(value, Pair) or device_of(value) is not None
    is_scalar = isinstance(value, np.generic) or (is_dual and value.ndim == 0)
    if (is_scalar or ak.typetracer.is_unknown_scalar(value)) and value.dtype.kind == "f":
        return
    raw = raw_or_live(value)
    if isinstance(value, ak.Array | ak.Record):
        what = value.type
    else:
        what = getattr(raw, "dtype", type(raw).__name__)
    way_out = "reduce it, for example with ak.sum(..., axis=None), or use vjp, jacfwd or jacrev"
    if isinstance(value, tuple):
        way_out += "; for a pair (result, aux) say has_aux=True"
    raise TypeError(
        f"grad needs a function with one real number as its result, not {what}; {way_out}"
    )


def as_tuple(argnums: Any) -> tuple[int, ...]:
    """`argnums` as a tuple.

    Raises
    ------
    TypeError
        If it is neither an int nor a tuple of them.
    """
    many = isinstance(argnums, tuple | list)
    picked = tuple(argnums) if many else (argnums,)
    if not all(isinstance(i, int | np.integer) and not isinstance(i, bool) for i in picked):
        raise TypeError(f"argnums must be an int or a tuple of ints, not {argnums!r}")
    return tuple(map(int, picked))


def pick_arguments(args: tuple[Any, ...], argnums: tuple[int, ...], what: str) -> tuple[Any, ...]:
    """The arguments to differentiate.

    Raises
    ------
    TypeError
        If there is no such argument, one is named twice, or one holds no floating numbers.
    """
    for i in argnums:
        if not -len(args) <= i < len(args):
            raise TypeError(
                f"argnums={i}, but the function was called with {len(args)} arguments by position"
            )
    if len({i % len(args) for i in argnums}) != len(argnums):
        raise TypeError(f"argnums={argnums} names an argument twice")
    for i in argnums:
        kinds: list[str | None] = []
        map_tree(lambda x, path, kinds=kinds: kinds.append(_without_derivative(x)), args[i])
        if kinds and None not in kinds:
            raise TypeError(
                f"{what} of argument {i}, which is {', '.join(map(str, dict.fromkeys(kinds)))}: "
                "only floating and complex numbers have derivatives; pass a float"
            )
        map_tree(lambda x, path, i=i: _refuse_integer(x, f"{what} of argument {i}{path}"), args[i])
    return tuple(args[i] for i in argnums)


def _refuse_integer(x: Any, what: str) -> None:
    """Raise for an integer among floats, whose derivative would be zero in silence."""
    is_array = isinstance(x, np.ndarray | np.generic | Pair) or device_of(x) is not None
    if (is_array and x.dtype.kind in "iu") or (isinstance(x, int) and not isinstance(x, bool)):
        raise TypeError(
            f"{what}, which is {getattr(x, 'dtype', 'int')}: only floating and complex numbers "
            "have derivatives; pass a float, or what is constant as another argument"
        )


def _without_derivative(x: Any) -> str | None:
    """What a leaf of a tree is, if it has no derivatives."""
    if isinstance(x, ak.Array | ak.Record):
        layout = x.layout.array if isinstance(x, ak.Record) else x.layout
        name = str(layout.form.type)
        return None if is_differentiable(layout) or "unknown" in name else name
    has_dtype = isinstance(x, np.ndarray | np.generic | Pair) or device_of(x) is not None
    if has_dtype or ak.typetracer.is_unknown_scalar(x):
        return None if x.dtype.kind in "fc" else str(x.dtype)
    return None if isinstance(x, float | complex) else type(x).__name__


def put_arguments(args: tuple[Any, ...], argnums: tuple[int, ...], chosen: Any) -> list[Any]:
    """All arguments, with those that are differentiated replaced."""
    full = list(args)
    for i, x in zip(argnums, chosen, strict=True):
        full[i] = x
    return full
