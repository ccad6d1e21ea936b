"""Rules of Awkward's kernels that sort, search and compare data."""

from __future__ import annotations

from typing import Any

import numpy as np

from awkward_dual.rules.table import Kind, rule

for _name in (
    "awkward_argsort",
    "awkward_NumpyArray_subrange_equal",
    "awkward_NumpyArray_subrange_equal_bool",
    "awkward_unique_ranges_bool",
):
    rule(_name, Kind.STEP)


def _sort(xp: Any, y: Any, a: Any) -> Any:
    # argsort and sort use the same comparator, so the permutation is the one the
    # values went through, with NaN and with ties that are not stable
    inside = a.segment >= 0
    return np.where(inside, a.permutation() + a.offsets[np.maximum(a.segment, 0)], -1)


rule(
    "awkward_sort",
    Kind.SELECT,
    _sort,
    args=("toptr", "fromptr", "length", "offsets", "offsetslength", "ascending", "stable"),
)


def _unique_ranges(xp: Any, y: Any, a: Any) -> tuple[Any, Any]:
    """The first of each run of equal elements within its bin, moved to the front.

    Returns the index and the new offsets. Awkward's kernel writes a bin that
    begins with NaN one element too long, beyond its buffer for ``[[nan]]``; this
    does not, and counts each NaN as a run of its own.
    """
    x = a.toptr
    starts, stops = a.offsets[:-1], a.offsets[1:]
    inside = np.zeros(len(x), dtype=bool)
    opens = np.zeros(len(x), dtype=bool)
    opens[starts[starts < stops]] = True
    inside[a.offsets[0] : a.offsets[-1]] = True
    differs = np.ones(len(x), dtype=bool)
    differs[1:] = x[1:] != x[:-1]
    keep = inside & (opens | differs)
    index = np.full(len(x), -1, dtype=np.int64)
    kept = np.flatnonzero(keep)
    index[: len(kept)] = kept
    # how many are kept before each offset
    return index, np.concatenate([[0], np.cumsum(keep)])[a.offsets]


rule(
    "awkward_unique_ranges",
    Kind.SELECT,
    _unique_ranges,
    args=("toptr", "fromoffsets", "offsetslength", "tooffsets"),
    in_place=True,
)
