"""Duals whose tangents are noted, and computed when someone asks for them."""

from __future__ import annotations

from typing import Any

from awkward_dual.array import DualArray
from awkward_dual.pair import Pair
from awkward_dual.runs import Pending

__all__ = ("DeferredArray",)

_slot: Any = Pair.__dict__["_tangent"]
_become = object.__dict__["__class__"].__set__


class DeferredArray(DualArray):
    """A `DualArray` until its tangent is asked for, which makes it one of the ordinary class."""

    __slots__ = ()
    plain = DualArray

    @property
    def noted(self) -> Any:
        return _slot.__get__(self)

    @property
    def _tangent(self) -> Any:
        tangent = self.noted
        if type(tangent) is Pending:
            self._tangent = tangent = tangent.settle()
        return tangent

    @_tangent.setter
    def _tangent(self, tangent: Any) -> None:
        _slot.__set__(self, tangent)
        if type(tangent) is not Pending:
            _become(self, DualArray)
