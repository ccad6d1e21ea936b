"""Arrays that a derivative still needs, and that others may write to before it is computed.

A write through a dual is seen: what depends on the array is computed first. A write through
NumPy is not: marks tell, when the derivative is computed, that there was one.
"""

from __future__ import annotations

import weakref
from collections.abc import Iterable
from typing import Any, Protocol, TypeVar

import numpy as np

from awkward_dual import compiled, loops
from awkward_dual.errors import TangentLost

__all__ = ("Holder", "check", "guard", "is_lent", "lend", "may_be_late", "settle_readers")

#: below this many elements nothing is computed later than it is used
SMALLEST = 2**14


class Holder(Protocol):
    """What keeps arrays for later."""

    guards: list[tuple[Any, int]]

    def settle(self) -> Any:
        """Compute what the arrays are kept for."""

    def arrays(self) -> list[Any]:
        """The arrays that it keeps."""


H = TypeVar("H", bound=Holder)

_holders: weakref.WeakSet[Any] = weakref.WeakSet()
#: buffers that others have, by their identity
_lent: weakref.WeakValueDictionary[int, Any] = weakref.WeakValueDictionary()


def may_be_late(size: int) -> bool:
    """Whether what depends on so many elements may be computed later than they are used."""
    return size >= SMALLEST or compiled.engine_name() == "compiled"


def guard(holder: H, arrays: list[Any]) -> H:
    """Watch over arrays that `holder` keeps."""
    holder.guards = [(array, _mark(array)) for array in arrays]
    _holders.add(holder)
    return holder


def settle_readers(array: Any) -> None:
    """Compute what depends on an array, before it is written to."""
    for holder in list(_holders):
        if any(np.may_share_memory(array, kept) for kept in holder.arrays()):
            holder.settle()


def lend(array: Any) -> None:
    """Remember that others have an array, and watch over it where it is kept already."""
    if type(array) is not np.ndarray or not may_be_late(array.size):
        return
    owner = _owner(array)
    _lent[id(owner)] = owner
    for holder in list(_holders):
        marked = [kept for kept, _ in holder.guards]
        for kept in holder.arrays():
            if np.may_share_memory(array, kept) and not any(kept is a for a in marked):
                holder.guards.append((kept, _mark(kept)))


def is_lent(array: Any) -> bool:
    """Whether others have an array."""
    owner = _owner(array)
    return _lent.get(id(owner)) is owner


def _owner(array: Any) -> Any:
    return array.base if type(array.base) is np.ndarray else array


def check(holders: Iterable[Any]) -> None:
    """Raise if an array was changed in place.

    Raises
    ------
    TangentLost
        Its values at the time when it was used are gone.
    """
    guards = {(id(array), mark): array for holder in holders for array, mark in holder.guards}
    for (_, mark), array in guards.items():
        if _mark(array) != mark:
            raise TangentLost(
                "an array that was changed in place after it was used, before the derivative "
                "of the result was computed,",
                "change a copy of it",
            )


def _mark(array: Any) -> int:
    bits = np.ascontiguousarray(array).reshape(-1)
    return loops.fingerprint(bits.view(f"u{array.dtype.itemsize}"))
