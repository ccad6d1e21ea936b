"""Every function of the table, compiled: a few at a time, for a signature of numbers."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

numba = pytest.importorskip("numba")

import awkward_dual as ad  # noqa: E402
from awkward_dual.numba.functions import known_functions  # noqa: E402
from awkward_dual.rules.table import Rule  # noqa: E402

__all__ = ("FUNCTIONS", "arity", "label", "results")

#: how many functions share a compilation
TOGETHER = 16


def arity(row: Rule) -> int:
    return int(row.target.nin)


def label(function: Any) -> str:
    return f"{getattr(function, '__module__', None) or 'numpy'}.{function.__name__}"


def _is_scalar(function: Any, row: Rule) -> bool:
    """Ufuncs, operators and functions of `math`, without those in place, which are the same."""
    in_place = function.__name__.startswith("i") and function.__module__ == "_operator"
    return isinstance(row.target, np.ufunc) and not in_place


FUNCTIONS: dict[str, tuple[Any, Rule]] = {
    label(function): (function, row)
    for function, row in known_functions().items()
    if _is_scalar(function, row)
}


def _plain_works(function: Any, types: tuple[Any, ...]) -> bool:
    """Whether Numba has the plain function for numbers of these types."""
    from numba.core.registry import cpu_target

    typing = cpu_target.typing_context
    typing.refresh()
    try:
        signature = typing.resolve_function_type(function, types, {})
    except Exception:
        return False
    # Numba casts floats to integers silently
    return signature is not None and not any(
        isinstance(given, numba.types.Float) and not isinstance(wanted, numba.types.Float)
        for given, wanted in zip(types, signature.args, strict=False)
    )


@functools.cache
def supported(chars: str, *, every: bool = True) -> list[str]:
    """The functions that Numba has for numbers of these dtypes: every one, or one of each row."""
    numba.njit(lambda x: x)(1.0)
    types = tuple(numba.from_dtype(np.dtype(c)) for c in chars)
    names = [
        name for name, (function, row) in FUNCTIONS.items()
        if arity(row) == len(chars) and _plain_works(function, types)
    ]  # fmt: skip
    return names if every else list({FUNCTIONS[name][1].name: name for name in names}.values())


def _together(functions: list[Any], count: int) -> Callable[..., Any]:
    """A compiled function that calls each with its own arguments, and returns all results."""
    names = [f"f{i}" for i in range(len(functions))]
    calls = [f"{f}({', '.join(f'x{j}[{i}]' for j in range(count))})" for i, f in enumerate(names)]
    arguments = ", ".join(f"x{j}" for j in range(count))
    scope = dict(zip(names, functions, strict=True))
    exec(f"def call({arguments}):\n    return ({', '.join(calls)},)", scope)
    return numba.njit(scope["call"])  # type: ignore[no-any-return]


@functools.cache
def _compiled(names: tuple[str, ...]) -> Callable[..., Any]:
    functions = [FUNCTIONS[name][0] for name in names]
    return _together(functions, arity(FUNCTIONS[names[0]][1]))


def results(
    names: list[str], columns: dict[str, list[Any]], live: tuple[bool, ...]
) -> list[tuple[str, Any, Any]]:
    """For each function its plain result, and that with tangents 1 for the live arguments."""
    out = []
    for start in range(0, len(names), TOGETHER):
        own = tuple(names[start : start + TOGETHER])
        call = _compiled(own)
        plain = [np.array([columns[name][j] for name in own]) for j in range(len(live))]
        dual = [
            ad.dual(x, np.ones_like(x)) if yes else x for x, yes in zip(plain, live, strict=True)
        ]
        out += list(zip(own, call(*plain), call(*dual), strict=True))
    return out
