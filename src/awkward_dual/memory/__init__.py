"""Large buffers that are taken again while a call lasts.

The pages of a large array are new to the process each time: the system finds and clears them, which
costs as much as to compute what is written there, and a derivative needs more arrays than a value.
While an operator runs, the large arrays of NumPy therefore come out of a `pool`, which
keeps what was freed until the call ends and never holds more than the arrays had at their peak.
"""

from __future__ import annotations

import functools
import os
import sys
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

__all__ = ("reuse_buffers", "reusing")

#: from so many elements on: smaller arrays the C library keeps itself
SMALLEST = 2**17


class _Call:
    """An outermost call of an operator, which may open the pool once.

    There is no lock: a handler of a signal or the garbage collector may come in at any time.
    """

    __slots__ = ("__weakref__", "first", "pool")

    def __init__(self) -> None:
        #: who takes it out may open the pool; threads may share a call
        self.first = [True]
        self.pool: Any = None

    def enter(self) -> None:
        """Open the pool, unless that was done, or the call is over."""
        pool = _pool()
        if self.first and pool.is_free():
            try:
                self.first.pop()
            except IndexError:
                return
            self.pool = pool
            pool.enter()

    def leave(self) -> None:
        """Close the pool, if it is open."""
        self.first.clear()
        if self.pool is not None:
            # in this order: an interrupt in between closes it twice, which does no harm
            self.pool.leave()
            self.pool = None

    # an interrupt may come before the end of `reusing`
    __del__ = leave


def _none() -> None:
    """The call outside of all calls."""


#: what refers to a call is the frame that it ends with alone
_call: ContextVar[Callable[[], _Call | None]] = ContextVar("_call", default=_none)


@contextmanager
def reusing() -> Iterator[None]:
    """Let large buffers that are freed in this block be taken again, once `reuse_buffers` is called."""
    if _call.get()() is not None:
        yield
        return
    call = _Call()
    token = _call.set(weakref.ref(call))
    try:
        yield
    finally:
        call.leave()
        _call.reset(token)


def reuse_buffers(elements: int) -> None:
    """Take the large arrays of this call out of the pool, now that it works on so many elements."""
    call = _call.get()()
    if call is not None and call.first and elements >= SMALLEST and _is_supported():
        call.enter()


def _after_fork() -> None:
    """A forked process has no threads but its own, that would end their calls."""
    if "awkward_dual.memory.pool" in sys.modules:
        call = _call.get()()
        _pool().begin_again(int(call is not None and call.pool is not None))


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


def _pool() -> Any:
    from awkward_dual.memory import pool

    return pool


@functools.cache
def _is_supported() -> bool:
    """Whether the C library is known, and a lock keeps threads out of the pool."""
    has_lock = getattr(sys, "_is_gil_enabled", lambda: True)()
    return has_lock and sys.platform == "linux" and sys.implementation.name == "cpython"
