"""Which call of an operator a tangent belongs to."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from awkward_dual.errors import LevelError

__all__ = ("GROUND", "Level", "check_alive", "inspection", "is_running", "new_level")

_serials = itertools.count()
_inspecting: ContextVar[bool] = ContextVar("_inspecting", default=False)
_running: ContextVar[bool] = ContextVar("_running", default=False)


class Level:
    """One call of a differential operator.

    Serial numbers are unique in the process and grow, so that of two live
    levels the later one is the inner one. Levels are not thread-local: worker
    threads may use the duals of the call that started them while it runs.
    """

    __slots__ = ("alive", "budget", "serial")

    def __init__(self) -> None:
        self.serial = next(_serials)
        self.alive = True
        #: what its large arrays take: see `runs.budget`
        self.budget: Any = None

    def __repr__(self) -> str:
        state = "ground" if self is GROUND else "alive" if self.alive else "ended"
        return f"<Level {self.serial} {state}>"


#: The level of duals made by hand; it never ends.
GROUND = Level()


@contextmanager
def new_level() -> Iterator[Level]:
    """Open a level that ends with the block."""
    level = Level()
    token = _running.set(True)
    try:
        yield level
    finally:
        _running.reset(token)
        level.alive = False


def is_running() -> bool:
    """Whether this is a differentiated function, or was called by one."""
    return _running.get()


@contextmanager
def inspection() -> Iterator[None]:
    """Let duals of ended calls be looked at: printed, and taken apart."""
    token = _inspecting.set(True)
    try:
        yield
    finally:
        _inspecting.reset(token)


def check_alive(level: Level) -> None:
    """Raise unless the call that `level` belongs to is still running.

    Raises
    ------
    LevelError
        If the call has ended.
    """
    if not level.alive and not _inspecting.get():
        raise LevelError(
            f"a dual of a call that has ended (level {level.serial}) was used in an operation; "
            "return it from the differentiated function instead of keeping it, "
            "or detach it with awkward_dual.primal(x)"
        )
