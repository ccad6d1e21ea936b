"""How much memory runs may keep: what a program would have freed, and tangents that are there.

A run keeps what its steps look at until someone asks for its tangent. That takes the place of
tangents that were not computed, and is limited by what the program itself takes.
"""

from __future__ import annotations

import weakref
from functools import partial
from typing import Any

from awkward_dual.levels import Level
from awkward_dual.runs.guards import is_alone

__all__ = ("Budget", "budget_of")

#: bytes for each byte that the program takes at its peak, and for each direction
PRIMALS, TANGENTS = 1.0, 1.6
#: arrays, and tangents, that are left for what comes before all is freed
SPARE = 1.5
#: arrays that any program is taken to need: two, and at times a third
FEWEST = 2.4


class Budget:
    """The large arrays of one call of an operator.

    Attributes
    ----------
    peak
        The most bytes that the primals took which somebody else than runs had.
    """

    __slots__ = ("_arrays", "_bytes", "_primals", "peak")

    def __init__(self) -> None:
        self._arrays: dict[int, Any] = {}
        #: the bytes of those that somebody else has
        self._primals: dict[int, int] = {}
        self._bytes = 0
        self.peak = 0.0

    def add(self, array: Any, *, is_primal: bool = True) -> None:
        """Count an array until it is freed."""
        key = id(array)
        if key not in self._arrays:
            freed = partial(self._forget, key, array.nbytes)
            self._arrays[key] = weakref.ref(array, freed)
            self._bytes += array.nbytes
            if is_primal:
                self._primals[key] = array.nbytes

    def _forget(self, key: int, size: int, _reference: Any) -> None:
        del self._arrays[key]
        self._primals.pop(key, None)
        self._bytes -= size

    def allows(self, directions: int, size: int, copies: int = 0) -> bool:
        """Whether there is room for the next array of so many bytes, and tangents of this one.

        Parameters
        ----------
        directions, size
            How many tangents there are, and the bytes of each.
        copies
            The bytes of what would be copied.
        """
        # a copy: what is freed meanwhile leaves the dictionary
        for key in self._primals.copy():
            if is_alone(key):
                # nobody can get at it any more
                self._primals.pop(key, None)
        taken = sum(self._primals.values())
        self.peak = max(self.peak if taken else 0, taken, FEWEST * size)
        most = (PRIMALS + TANGENTS * directions) * self.peak
        spare = SPARE * (1 + directions) * size
        return self._bytes + copies + directions * size + spare <= most


def budget_of(level: Level) -> Budget:
    """That of a call."""
    if level.budget is None:
        level.budget = Budget()
    return level.budget  # type: ignore[no-any-return]
