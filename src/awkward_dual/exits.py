"""Ways out of dual arrays: to plain numbers and arrays, bytes and pickles.

Whatever would drop a live tangent raises `TangentLost`.
"""

from __future__ import annotations

import copy
import operator
from typing import Any

import numpy as np

from awkward_dual.errors import TangentLost
from awkward_dual.levels import GROUND, is_running
from awkward_dual.pair import Pair, lowest, operand, raw_or_live, strengthen, top_level
from awkward_dual.tape import Node

__all__ = ("Exits",)


class Exits(Pair):
    """What Python and NumPy ask an array for when they want its plain values."""

    __slots__ = ()

    def _constant(self, what: str, hint: str = "") -> Any:
        x = raw_or_live(self)
        if isinstance(x, Pair):
            raise TangentLost(what, hint)
        return strengthen(x)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Any:
        raw = self._constant(
            "conversion to a NumPy array",
            "detach on purpose with awkward_dual.primal(x), or, to fill histograms, use "
            "awkward_dual.hist.counts",
        )
        # an index that a derivative still needs may not be changed from outside
        if copy or (copy is None and is_running() and np.asarray(raw).dtype.kind in "iu"):
            return np.array(raw, dtype=dtype)
        out = np.asarray(raw, dtype=dtype)
        if copy is False and out is not raw:
            raise ValueError("this conversion needs a copy")
        return out

    def __float__(self) -> float:
        return float(self._constant("float()"))

    def __int__(self) -> int:
        return int(self._constant("int()"))

    def __complex__(self) -> complex:
        return complex(self._constant("complex()"))

    def __index__(self) -> int:
        return operator.index(self._constant("operator.index()"))

    def __trunc__(self) -> int:
        return int(self._constant("math.trunc()"))

    def __floor__(self) -> int:
        return int(np.floor(self._constant("math.floor()")))

    def __ceil__(self) -> int:
        return int(np.ceil(self._constant("math.ceil()")))

    def item(self, *args: Any) -> Any:
        """A Python number, of a constant."""
        return self._constant("item()").item(*args)

    def tobytes(self, order: Any = "C") -> bytes:
        return self._constant("tobytes()").tobytes(order)  # type: ignore[no-any-return]

    def tolist(self) -> Any:
        """Nested lists of numbers, dual ones where a tangent is live."""
        x = raw_or_live(self)
        if not isinstance(x, Pair):
            return x.tolist()
        own: Any = self
        return own if self.ndim == 0 else [item.tolist() for item in own]

    def to_list(self) -> Any:
        """As `tolist`; a dual number refuses, for Awkward's builders ask it for plain ones."""
        if self.ndim == 0:
            self._constant("conversion to a plain number")
        return self.tolist()

    def __bool__(self) -> bool:
        # a comparison with zero: a step
        top_level([self])
        return bool(lowest(self))

    def __round__(self, digits: int | None = None) -> Any:
        # a step
        top_level([self])
        return round(operand(self), digits) if digits is not None else round(operand(self))

    def __reduce__(self) -> Any:
        level = self._level
        if level not in (None, GROUND) or isinstance(self._tangent, Node):
            raise TangentLost(
                "serialising a dual of a running call",
                "return it from the differentiated function first, "
                "or detach it with awkward_dual.primal(x)",
            )
        return type(self), (self._primal, self._tangent)

    def __deepcopy__(self, memo: Any) -> Any:
        tangent = self._tangent
        if not isinstance(tangent, Node):
            tangent = copy.deepcopy(tangent, memo)
        return self._new(copy.deepcopy(self._primal, memo), tangent, self._level)
