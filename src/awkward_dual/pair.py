"""The pair of a primal and a tangent, without behaviour.

Words used throughout: a *raw* array or scalar is one of the array module (NumPy
or CuPy) without any derivative; a *value* is a raw one or a live `Pair`. A pair
whose tangent is ``None`` is the same thing as its primal.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import Any, ClassVar

import numpy as np

from awkward_dual.errors import TangentLost
from awkward_dual.levels import Level, check_alive
from awkward_dual.tape import Node

__all__ = (
    "Pair",
    "as_view",
    "check_cast",
    "check_view",
    "is_recorded",
    "is_shared",
    "lowest",
    "make",
    "may_be_view",
    "on_level",
    "operand",
    "raw_or_live",
    "strengthen",
    "strong",
    "top_level",
    "view_of",
    "weaken",
)


class WeakFloat(np.float64):
    """A Python float inside a dual number: NumPy lets an array's dtype win over it (NEP 50)."""


class WeakComplex(np.complex128):
    """A Python complex inside a dual number."""


def weaken(x: Any) -> Any:
    """A Python float or complex as the NumPy scalar that remembers that it was one."""
    if type(x) is float:
        return WeakFloat(x)
    return WeakComplex(x) if type(x) is complex else x


def strengthen(x: Any) -> Any:
    """The plain NumPy scalar of a weak one."""
    if type(x) is WeakFloat:
        return np.float64(x)
    return np.complex128(x) if type(x) is WeakComplex else x


class Pair:
    """A primal and its tangent on one level.

    ``_primal`` is raw or a live pair of a lower level, ``_tangent`` is ``None``,
    a raw array or live pair of shape ``(k, *shape)``, or a node of a tape.
    """

    __slots__ = ("_base", "_level", "_primal", "_seen", "_tangent", "_version", "dtype", "shape")

    #: the array module of the lowest primal
    array_module: ClassVar[Any]

    #: the class whose tangents are there already, where they may be pending
    plain: ClassVar[type[Any] | None] = None

    #: the class of those whose tangents may be pending, if there is one
    deferred: ClassVar[Any] = None

    #: those of the primal; Awkward asks for them more often than for anything else
    shape: tuple[int, ...]
    dtype: Any
    _primal: Any
    _tangent: Any
    #: ``None`` without a tangent, which this tells without asking for it
    _level: Level | None
    #: the pair that this one is a view of, and the version of it that was seen
    _base: Pair | None
    _seen: int
    #: how often a live value was written here
    _version: int

    @classmethod
    def _new(cls, primal: Any, tangent: Any = None, level: Level | None = None) -> Any:
        self = object.__new__(cls)
        self._primal = primal
        self._tangent = tangent
        self._level = None if tangent is None else level
        self._base = None
        self._version = 0
        self.shape = primal.shape
        self.dtype = primal.dtype
        return self

    @property
    def noted(self) -> Any:
        """The tangent, which may be pending."""
        return self._tangent

    @property
    def ndim(self) -> int:
        return len(self.shape)

    @property
    def size(self) -> int:
        return self._primal.size  # type: ignore[no-any-return]


def strong(x: Any) -> Any:
    """A number, dual or not, as one of NumPy, which does not yield to the dtype of an array."""
    if isinstance(x, Pair):
        return x if x.ndim else type(x)._new(strong(x._primal), x._tangent, x._level)
    return strengthen(x)


def raw_or_live(x: Any) -> Any:
    """The normal form of `x`: a pair without tangent becomes its primal."""
    while isinstance(x, Pair) and x._level is None:
        x = x._primal
    return x


def lowest(x: Any) -> Any:
    """The raw array or scalar at the bottom of `x`."""
    while isinstance(x, Pair):
        x = x._primal
    return x


def is_recorded(t: Any) -> bool:
    """Whether a tangent is a node of a tape, or a dual whose own tangent is one."""
    while isinstance(t, Pair):
        if isinstance(t.noted, Node):
            return True
        t = t._primal
    return isinstance(t, Node)


def operand(x: Any) -> Any:
    """The lowest primal as the operation of the ``cpu`` backend would see it."""
    x = lowest(x)
    if type(x) is WeakFloat:
        return float(x)
    return complex(x) if type(x) is WeakComplex else x


def make(cls: type[Pair], primal: Any, tangent: Any, level: Level | None) -> Any:
    """A value from its halves, in normal form."""
    return primal if tangent is None else cls._new(primal, tangent, level)


def top_level(values: Iterable[Any]) -> tuple[Level | None, type[Pair] | None]:
    """The highest live level among `values`, and the class of its pairs.

    Raises
    ------
    LevelError
        If that level belongs to a call that has ended.
    TangentLost
        If one is a view that has missed a write.
    """
    level: Level | None = None
    cls: type[Pair] | None = None
    for x in values:
        if isinstance(x, Pair):
            if x._base is not None:
                check_view(x)
            while x._level is None:
                x = x._primal
                if not isinstance(x, Pair):
                    break
            else:
                found = x._level
                assert found is not None
                if level is None or found.serial > level.serial:
                    level, cls = found, x.plain or type(x)
                if not found.alive:
                    check_alive(found)
    return level, cls


def as_view(x: Any, of: Pair) -> Any:
    """Mark a pair as a view of another, if their primals share memory."""
    if x is not of and may_be_view(x, of) and np.may_share_memory(lowest(x), lowest(of)):
        view_of(x, of)
    return x


def may_be_view(x: Any, of: Pair) -> bool:
    """Whether the primal of a pair is not its own memory, or is that of another."""
    raw = lowest(x)
    own = raw is lowest(of) and getattr(raw, "ndim", 0) > 0
    return isinstance(x, Pair) and (own or getattr(raw, "base", None) is not None)


def is_shared(x: Pair) -> bool:
    """Whether the raw array of a constant may be had, and changed in place, by others than it."""
    return getattr(x._primal, "base", None) is not None or _references(x) > _ALONE


def _references(x: Pair) -> int:
    raw = x._primal
    return sys.getrefcount(raw)


#: what is counted for an array that a pair alone has
_ALONE = _references(Pair._new(np.empty(1)))


def view_of(x: Any, of: Pair) -> Any:
    """Mark a pair as a view of another."""
    x._base = of if of._base is None else of._base
    x._seen = x._base._version
    return x


def check_cast(x: Any, to: Any, what: str) -> None:
    """Raise where NumPy would not write a value into an array.

    Raises
    ------
    TypeError
        As NumPy, whose rule is that of the same kind.
    """
    dtype = getattr(x, "dtype", None)
    if dtype is not None and not np.can_cast(dtype, to.dtype, casting="same_kind"):
        raise TypeError(
            f"cannot cast the output of {what!r} from {dtype!r} to {to.dtype!r} with casting rule "
            "'same_kind'"
        )


def check_view(x: Pair) -> None:
    """Raise if `x` is a view that has missed a write to its array.

    Raises
    ------
    TangentLost
        Live values are not written in place, so a view taken before does not show them.
    """
    if x._base is not None and x._seen != x._base._version:
        raise TangentLost(
            "using a view of an array that was written to afterwards, with live values,",
            "take the view after the write, or copy before it",
        )


def on_level(x: Any, level: Level | None) -> tuple[Any, Any]:
    """The primal and tangent of `x` on `level`; a value of another level is a constant there."""
    if not isinstance(x, Pair):
        return x, None
    check_view(x)
    x = raw_or_live(x)
    if isinstance(x, Pair) and x._level is level:
        return x._primal, x._tangent
    return x, None
