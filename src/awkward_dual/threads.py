"""The threads in which loops over large arrays run."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, ClassVar

import numpy as np

__all__ = ("in_threads", "num_threads", "run_all", "set_num_threads")


class _State:
    threads = 1
    lock = threading.Lock()
    #: by the number of threads; loops that run may use one that is no longer asked for
    pools: ClassVar[dict[int, ThreadPoolExecutor]] = {}


def _after_fork() -> None:
    """A forked process has no threads but its own, and none that would release the lock."""
    _State.lock = threading.Lock()
    _State.pools = {}


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


def set_num_threads(count: int) -> int:
    """Let compiled loops over large arrays run in several threads.

    Parameters
    ----------
    count : int
        How many; 1 is the default.

    Returns
    -------
    int
        The number before.

    Raises
    ------
    ValueError
        If it is less than one.

    Examples
    --------
    >>> import awkward_dual as ad
    >>> before = ad.set_num_threads(2)
    >>> ad.set_num_threads(before)
    2
    """
    given: Any = count
    if isinstance(given, bool) or not isinstance(given, int | np.integer) or given < 1:
        raise ValueError(f"the number of threads is a positive integer, not {count!r}")
    with _State.lock:
        before, _State.threads = _State.threads, int(count)
    return before


def num_threads() -> int:
    """The number chosen by `set_num_threads`."""
    return _State.threads


def run_all(function: Callable[[Any], None], parts: Sequence[Any], threads: int) -> None:
    """Call a function for each of several parts, in so many threads."""
    with _State.lock:
        if threads not in _State.pools:
            _State.pools[threads] = ThreadPoolExecutor(threads)
        pool = _State.pools[threads]
    try:
        found = pool.map(function, parts)
    except RuntimeError:
        # no threads are begun while Python ends
        found = map(function, parts)
    list(found)


def in_threads(run: Callable[[slice], None], length: int) -> None:
    """Run a function on one part of so many elements in each thread."""
    threads = num_threads()
    size = max(1, -(-length // threads))
    parts = [slice(start, min(start + size, length)) for start in range(0, length, size)]
    if len(parts) > 1:
        run_all(run, parts, threads)
    else:
        run(parts[0])
