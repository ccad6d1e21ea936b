"""What others have of a recorded call, and may change before its pullback."""

from __future__ import annotations

import copy
from typing import Any

import awkward as ak
import numpy as np

from awkward_dual import compiled
from awkward_dual.apply import strided_copy
from awkward_dual.devices import device_of
from awkward_dual.pair import Pair, lowest, raw_or_live
from awkward_dual.runs.guards import Held, check, held, mark_of
from awkward_dual.trees import map_tree

__all__ = ("COPIED", "Kept")

#: up to this many elements an argument or a result is copied
COPIED = 2**20


class Kept:
    """Arguments and results of a call: copied, or watched over where copies cost too much."""

    def __init__(self, *, copies_all: bool) -> None:
        self.copies_all = copies_all
        self.guards: list[tuple[Held, int]] = []

    def own(self, tree: Any) -> Any:
        """What the tape is to have in place of arguments, or its caller in place of results."""
        return map_tree(lambda x, path: self._own(x), tree)

    def _own(self, x: Any) -> Any:
        if isinstance(x, ak.Array | ak.Record):
            return self._own_layout(x)
        is_array = isinstance(x, np.ndarray | Pair) or device_of(x) is not None
        if is_array and self._is_copied([x]):
            return strided_copy(x) if type(x) is np.ndarray else copy.deepcopy(x)
        if is_array:
            self._watch(x)
        return x

    def _own_layout(self, x: Any) -> Any:
        is_record = isinstance(x, ak.Record)
        layout = x.layout.array if is_record else x.layout
        # nobody has what was not loaded yet
        if ak.backend(x) == "typetracer" or not layout.is_all_materialized:
            return x
        buffers = list(ak.to_buffers(layout)[2].values())
        if self._is_copied(buffers):
            kind = ak.Record if is_record else ak.Array
            copies = {id(a): strided_copy(a) for a in map(lowest, buffers) if type(a) is np.ndarray}
            return kind(copy.deepcopy(x.layout, copies), behavior=x.behavior, attrs=x.attrs)
        for buffer in buffers:
            self._watch(buffer)
        return x

    def _is_copied(self, arrays: list[Any]) -> bool:
        is_small = sum(a.size for a in arrays) <= COPIED
        return self.copies_all or is_small or not all(map(_can_be_watched, arrays))

    def _watch(self, array: Any) -> None:
        raw = lowest(array)
        self.guards.append((held(raw), mark_of(raw)))

    def check(self) -> None:
        """Raise if one that is watched was changed in place.

        Raises
        ------
        TangentLost
            Its values at the time of the call are gone.
        """
        check([self])


def _can_be_watched(array: Any) -> bool:
    """Whether a change of an array can be seen: of constants of the host, by compiled loops."""
    raw = raw_or_live(array)
    is_known = type(raw) is np.ndarray and raw.dtype.kind in "biufc"
    return is_known and compiled.engine_name() != "numpy"
