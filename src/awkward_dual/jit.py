"""Functions compiled by Numba, from its cache on disk where that serves.

The cache only saves time: without a place that can be written to, on a full disk, or with files that
are damaged, functions are compiled for this process alone.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable
from typing import Any

__all__ = ("callback", "jitted")

#: what a cache that does not serve raises: there is no place for it, the disk is full, a file is damaged
_FAILURES = (RuntimeError, OSError, EOFError, pickle.PickleError, ValueError, KeyError)


def jitted(function: Callable[..., Any], **options: Any) -> Any:
    """A compiled function."""
    import numba

    try:
        compiled = numba.njit(cache=True, **options)(function)
    except RuntimeError:
        return numba.njit(**options)(function)
    cache = compiled._cache
    cache.save_overload = _forgiving(cache.save_overload)
    cache.load_overload = _forgiving(cache.load_overload)
    return compiled


def callback(signature: Any, function: Callable[..., Any], **options: Any) -> Any:
    """A compiled function with an address, for code of the machine."""
    import numba

    try:
        return numba.cfunc(signature, cache=True, **options)(function)
    except _FAILURES:
        return numba.cfunc(signature, **options)(function)


def _forgiving(method: Callable[..., Any]) -> Callable[..., Any]:
    """A method of a cache that gives nothing where the cache does not serve."""

    def attempt(*args: Any) -> Any:
        try:
            return method(*args)
        except _FAILURES:
            return None

    return attempt
