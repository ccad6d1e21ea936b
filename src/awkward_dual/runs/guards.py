"""Arrays that a derivative still needs, and that others may write to before it is computed.

A write through a dual is seen: what depends on the array is computed first. A write through
NumPy is not: marks tell, when the derivative is computed, that there was one.
"""

from __future__ import annotations

import sys
import weakref
from collections.abc import Iterable
from typing import Any, Protocol, TypeVar

import numpy as np

from awkward_dual import compiled, loops
from awkward_dual.errors import TangentLost

__all__ = (
    "Given",
    "Held",
    "Holder",
    "bits_of",
    "check",
    "compare",
    "guard",
    "guards_of",
    "held",
    "held_index",
    "is_alone",
    "is_lent",
    "lend",
    "mark_of",
    "may_be_late",
    "settle_readers",
    "watch",
    "writes",
)

#: below this many elements nothing is computed later than it is used
SMALLEST = 2**14


class Holder(Protocol):
    """What keeps arrays for later."""

    guards: list[tuple[Held, int]]

    def settle(self) -> Any:
        """Compute what the arrays are kept for."""

    def arrays(self) -> list[Any]:
        """The arrays that it keeps."""


H = TypeVar("H", bound=Holder)


class _State:
    writes = 0


class Held:
    """The one reference of all runs to an array: what else refers to it are others."""

    __slots__ = ("__weakref__", "array")

    def __init__(self, array: Any) -> None:
        self.array = array

    @property
    def ndim(self) -> int:
        return self.array.ndim  # type: ignore[no-any-return]


#: by the identity of the array
_held: weakref.WeakValueDictionary[int, Held] = weakref.WeakValueDictionary()
#: indices by their marks
_indices: weakref.WeakValueDictionary[tuple[int, int], Held] = weakref.WeakValueDictionary()


def held(array: Any) -> Held:
    """The reference to an array."""
    found = _held.get(id(array))
    if found is None:
        _held[id(array)] = found = Held(array)
    return found


def held_index(index: Any) -> tuple[Held, int]:
    """The reference to an index, or to one with the same elements, and its mark.

    Awkward makes the same index anew for every field of a record.
    """
    mark = mark_of(index)
    found = _indices.get((mark, len(index)))
    if found is None or (found.array is not index and mark_of(found.array) != mark):
        # what others have may change for one and not for the other
        found = held(index)
        if not is_lent(index):
            _indices[mark, len(index)] = found
    return found, mark


def _references(reference: Held) -> int:
    return sys.getrefcount(reference.array)


#: what is counted for an array that nobody else has
_ALONE = _references(Held(np.empty(1)))


def is_alone(array: int) -> bool:
    """Whether an array, given by its identity, is kept by runs alone."""
    found = _held.get(array)
    return found is not None and _references(found) <= _ALONE


#: weak references, by the identity of what keeps arrays
_holders: dict[int, Any] = {}
#: buffers that others have, by their identity
_lent: weakref.WeakValueDictionary[int, Any] = weakref.WeakValueDictionary()


def may_be_late(size: int) -> bool:
    """Whether what depends on so many elements may be computed later than they are used."""
    return size >= SMALLEST or compiled.engine_name() == "compiled"


def guard(holder: H, arrays: list[Any]) -> H:
    """Watch over arrays that `holder` keeps."""
    # marked at each use: in between others may write, and write back
    return watch(holder, [(held(array), mark_of(array)) for array in arrays])


def watch(holder: H, marks: list[tuple[Held, int]]) -> H:
    """Watch over arrays whose marks are known."""
    holder.guards = marks
    key = id(holder)
    _holders[key] = weakref.ref(holder, lambda _: _holders.pop(key, None))
    return holder


def _all_holders() -> list[Any]:
    # a copy: other threads and the garbage collector change it at any time
    found = [reference() for reference in _holders.copy().values()]
    return [holder for holder in found if holder is not None]


def writes() -> int:
    """How often arrays of numbers were written to through duals."""
    return _State.writes


def settle_readers(array: Any) -> None:
    """Compute what depends on an array, before it is written to."""
    if type(array) is not np.ndarray:
        # runs keep nothing that is on a device
        return
    owner = _owner(array)
    if owner.base is None and not may_be_late(owner.size):
        return
    if array.dtype.kind in "fc":
        _State.writes += 1
    for holder in _all_holders():
        if any(np.may_share_memory(array, kept) for kept in holder.arrays()):
            holder.settle()


def lend(array: Any) -> None:
    """Remember that others have an array, and watch over it where it is kept already."""
    if type(array) is not np.ndarray or not may_be_late(_owner(array).size):
        return
    owner = _owner(array)
    _lent[id(owner)] = owner
    for holder in _all_holders():
        marked = {id(kept.array) for kept, _ in holder.guards}
        for kept in holder.arrays():
            if np.may_share_memory(array, kept) and id(kept) not in marked:
                holder.guards.append((held(kept), mark_of(kept)))


class Given:
    """Tangents that an operator was given, and that are the same in all of its call."""

    __slots__ = ("guards",)

    def __init__(self) -> None:
        self.guards: list[tuple[Held, int]] = []

    def add(self, tangent: Any) -> None:
        """Watch over one."""
        # a number that stands for all elements may have more of them than memory
        if (
            type(tangent) is np.ndarray
            and tangent.flags.c_contiguous
            and may_be_late(tangent.size)
            and compiled.pays(tangent.size)
        ):
            self.guards.append((held(tangent), mark_of(tangent)))
        else:
            # at each use, where runs come in later
            lend(tangent)

    def lend_all(self) -> None:
        """Others may change them from now on."""
        for kept, _ in self.guards:
            lend(kept.array)


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
    for kept, mark in guards_of(holders):
        compare(mark_of(kept.array), mark)


def guards_of(holders: Iterable[Any]) -> set[tuple[Held, int]]:
    """The arrays that some holders watch over, each once for a mark."""
    return {watched for holder in holders for watched in holder.guards}


def compare(mark: int, before: int) -> None:
    """Raise if an array no longer has the mark that it had before."""
    if mark != before:
        raise TangentLost(
            "an array that was changed in place after it was used, before the derivative "
            "of the result was computed,",
            "change a copy of it",
        )


def mark_of(array: Any) -> int:
    """A number by which a change of an array is seen."""
    return loops.fingerprint(bits_of(array))


def bits_of(array: Any) -> Any:
    """The elements of an array as unsigned integers; a view of them where they are contiguous."""
    bits = np.ascontiguousarray(array).reshape(-1)
    return bits.view(f"u{min(array.dtype.itemsize, 8)}")
