"""Rows of dual numbers beside a builder that takes floats only: it is given tickets for them.

A ticket is a NaN whose payload is the number of a row. The row holds primal and
tangents. Compiled code writes rows through a header of four integers: where
they are, how many there are, for how many there is room, and how wide they are.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import awkward as ak
import numpy as np

from awkward_dual import adapter
from awkward_dual.array import DualArray
from awkward_dual.errors import LevelError
from awkward_dual.levels import check_alive

__all__ = ("PREFIX", "Tickets", "grow", "redeem", "redeem_leaf", "tickets_at")

#: the upper 16 bits of a ticket: a quiet NaN that no operation makes
PREFIX = 0x7FFD
_SHIFT = 48
_FIRST_ROOM = 1024

ADDRESS, COUNT, ROOM, WIDTH = range(4)
_at_address: dict[int, Tickets] = {}


class Tickets:
    """The rows of one builder, of one level."""

    def __init__(self) -> None:
        self.header = np.zeros(4, np.int64)
        self.rows = np.empty((0, 0))
        self.level: Any = None
        self.make: Callable[[Any, Any], Any] | None = None
        self.address = int(self.header.ctypes.data)
        _at_address[self.address] = self

    def forget(self) -> None:
        """The builder is gone."""
        _at_address.pop(self.address, None)

    def clear(self) -> None:
        self.header[COUNT] = 0

    def join(self, level: Any) -> None:
        """Take duals of a level.

        Raises
        ------
        LevelError
            If there are duals of another level already.
        """
        if level is None:
            return
        check_alive(level)
        if self.level is level:
            return
        if self.header[COUNT]:
            raise LevelError("a builder holds dual numbers of another call of an operator")
        self.header[:] = 0
        self.level, self.make = level, None

    def hand_over(self, level: Any, other: Any, make: Callable[[Any, Any], Any]) -> None:
        """The duals of a level, if there are any, belong to another; `make` makes them of halves."""
        if self.level is level:
            self.level, self.make = other, make

    def halves(self, primal: Any, tangent: Any) -> Any:
        """The dual array of both halves."""
        if self.make is not None:
            return self.make(primal, tangent)
        return DualArray._new(primal, tangent, self.level)

    def grow(self, width: int) -> None:
        """Make room for more rows.

        Raises
        ------
        LevelError
            If the rows so far have other directions.
        """
        count = int(self.header[COUNT])
        if count and self.header[WIDTH] != width:
            raise LevelError("a builder holds dual numbers with another number of directions")
        rows = np.empty((max(_FIRST_ROOM, 2 * count), width))
        if count:
            rows[:count] = self.rows[:count]
        self.rows = rows
        self.header[:] = rows.ctypes.data, count, len(rows), width


def tickets_at(address: int) -> Tickets | None:
    return _at_address.get(address)


def grow(address: int, width: int) -> None:
    """What compiled code calls when there is no room."""
    _at_address[address].grow(width)


def redeem(layout: Any, tickets: Tickets) -> Any:
    """A layout with dual numbers in place of their tickets."""
    if not tickets.header[COUNT]:
        return layout

    def action(layout: Any, **_: Any) -> Any:
        if layout.is_numpy and layout.dtype.kind in "fc":
            data = redeem_leaf(np.asarray(layout.data), tickets)
            return ak.contents.NumpyArray(
                data if isinstance(data, DualArray) else DualArray(data),
                parameters=layout.parameters,
            )
        return None

    return adapter.recursively_apply(layout.to_backend("dual"), action)


def redeem_leaf(data: Any, tickets: Tickets) -> Any:
    """An array with dual numbers in place of their tickets; without any, as it is."""
    if not tickets.header[COUNT]:
        return data
    real = data if data.dtype.kind == "f" else data.real
    bits = np.ascontiguousarray(real).view(np.uint64)
    number = (bits & np.uint64((1 << _SHIFT) - 1)).astype(np.int64)
    marked = (bits >> np.uint64(_SHIFT)) == PREFIX
    if not marked.any():
        return data
    rows = tickets.rows
    if marked.all() and np.array_equal(number, np.arange(number[0], number[0] + len(number))):
        # the usual case: a leaf of nothing but duals
        own = rows[number[0] : number[0] + len(number)].astype(data.dtype)
        primal, tangent = np.ascontiguousarray(own[:, 0]), np.ascontiguousarray(own[:, 1:])
    else:
        own = rows[number[marked]]
        primal = data.copy()
        primal[marked] = own[:, 0]
        tangent = np.zeros((len(data), rows.shape[1] - 1), data.dtype)
        tangent[marked] = own[:, 1:]
    return tickets.halves(primal, tangent.T)
