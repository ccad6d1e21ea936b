"""Arrays in every kind of layout, with values that no two of are equal."""

from __future__ import annotations

from typing import Any

import awkward as ak
import numpy as np
from awkward.contents import (
    BitMaskedArray,
    ByteMaskedArray,
    IndexedArray,
    IndexedOptionArray,
    ListArray,
    ListOffsetArray,
    NumpyArray,
    RecordArray,
    RegularArray,
    UnionArray,
    UnmaskedArray,
)
from awkward.index import Index8, Index64, IndexU8

_VALUES = np.array(
    [
        1.13,
        -0.42,
        2.71,
        0.58,
        -1.97,
        3.31,
        0.87,
        -2.64,
        1.75,
        0.29,
        -0.91,
        2.03,
        1.49,
        -3.17,
        0.66,
        2.38,
    ]
)


def numbers(n: int, dtype: Any = np.float64) -> Any:
    """The first `n` of a fixed list of numbers, as a layout."""
    return NumpyArray(_VALUES[:n].astype(dtype))


def _i64(*items: int) -> Any:
    return Index64(np.array(items))


def _i8(*items: int) -> Any:
    return Index8(np.array(items, dtype=np.int8))


FLAT = ak.Array(numbers(5))
POSITIVE = ak.Array([[1.2, 0.7, 2.5], [], [0.3, 1.9, 1.1]])
RAGGED = ak.Array(ListOffsetArray(_i64(0, 3, 3, 5, 6), numbers(6)))
#: of the same list lengths
OTHER = ak.Array(ListOffsetArray(_i64(0, 3, 3, 5, 6), NumpyArray(_VALUES[6:12])))
#: lists out of order, with gaps before, between and after them
GAPS = ak.Array(ListArray(_i64(7, 3, 1, 4), _i64(10, 3, 3, 6), numbers(12)))
OFFSET = ak.Array(ListOffsetArray(_i64(2, 5, 5, 7), numbers(9)))
#: some elements twice, some not at all
INDEXED = ak.Array(IndexedArray(_i64(3, 0, 3, 5), numbers(7)))
INDEXED_IN_LISTS = ak.Array(
    ListOffsetArray(_i64(0, 2, 2, 5), IndexedArray(_i64(4, 0, 2, 5, 0), numbers(6)))
)
REGULAR = ak.Array(RegularArray(numbers(6), 3))
SIZE_ZERO = ak.Array(RegularArray(numbers(0), 0, zeros_length=3))
ND = ak.Array(NumpyArray(_VALUES[:12].reshape(2, 2, 3)))
NESTED = ak.Array(ListOffsetArray(_i64(0, 2, 2, 3), ListOffsetArray(_i64(0, 2, 5, 6), numbers(6))))
INDEXED_OPTION = ak.Array(IndexedOptionArray(_i64(2, -1, 0, 4, -1), numbers(6)))
BYTE_MASKED = ak.Array(ByteMaskedArray(_i8(1, 0, 1, 1, 0), numbers(6), valid_when=True))
BIT_MASKED = ak.Array(
    BitMaskedArray(IndexU8(np.array([0b01011], dtype=np.uint8)), numbers(6), True, 5, True)
)
UNMASKED = ak.Array(UnmaskedArray(numbers(4)))
OPTION_IN_LISTS = ak.Array(
    ListOffsetArray(_i64(0, 3, 3, 5), IndexedOptionArray(_i64(2, -1, 0, 4, -1), numbers(6)))
)
OPTION_OF_LISTS = ak.Array(
    IndexedOptionArray(_i64(1, -1, 0), ListOffsetArray(_i64(0, 2, 5), numbers(5)))
)
#: numbers and lists of numbers
UNION = ak.Array(
    UnionArray(
        _i8(0, 1, 0, 1, 0), _i64(0, 0, 1, 1, 3),
        [numbers(4), ListOffsetArray(_i64(0, 2, 5), NumpyArray(_VALUES[6:11]))],
    )
)  # fmt: skip
#: lists of one depth and different layouts
UNION_OF_LISTS = ak.Array(
    UnionArray(
        _i8(0, 1, 0, 1), _i64(0, 0, 1, 1),
        [
            ListOffsetArray(_i64(0, 2, 3), numbers(3)),
            ListOffsetArray(
                _i64(0, 1, 4), RecordArray([NumpyArray(_VALUES[6:10])], ["x"])
            ),
        ],
    )
)  # fmt: skip
RECORDS = ak.Array(
    RecordArray(
        [numbers(4), ListOffsetArray(_i64(0, 1, 1, 3, 6), NumpyArray(_VALUES[4:10])), NumpyArray(np.arange(4))],
        ["x", "y", "n"],
    )
)  # fmt: skip
TUPLES = ak.Array(RecordArray([numbers(3), NumpyArray(_VALUES[5:8])], None))
STRINGS = ak.zip({"x": FLAT, "name": ["one", "two", "", "four", "five"]})
CATEGORICAL = ak.Array(
    IndexedArray(_i64(0, 1, 0), ak.to_layout(["a", "b"]), parameters={"__array__": "categorical"})
)
EMPTY_LISTS = ak.Array(ListOffsetArray(_i64(0, 0, 0), numbers(0)))
EMPTY = ak.Array(numbers(0))
FLOAT32 = ak.Array(ListOffsetArray(_i64(0, 3, 3, 5), numbers(5, np.float32)))
COMPLEX = ak.Array(ListOffsetArray(_i64(0, 3, 3, 5), NumpyArray(_VALUES[:5] + 1j * _VALUES[5:10])))
WITH_ZEROS = ak.Array([[1.5, 0.0, -2.5], [], [0.0, 0.0, 3.5], [0.0]])
NANS = ak.Array([[1.5, np.nan, -2.5], [], [np.nan], [0.5, 2.5]])

#: on which the reducers and the elementwise functions are tried
ZOO: dict[str, Any] = {
    "flat": FLAT, "ragged": RAGGED, "gaps": GAPS, "offset": OFFSET, "indexed": INDEXED,
    "indexed in lists": INDEXED_IN_LISTS, "regular": REGULAR, "size zero": SIZE_ZERO,
    "n-dimensional": ND, "nested": NESTED, "indexed option": INDEXED_OPTION,
    "byte masked": BYTE_MASKED, "bit masked": BIT_MASKED, "unmasked": UNMASKED,
    "option in lists": OPTION_IN_LISTS, "option of lists": OPTION_OF_LISTS, "union": UNION,
    "union of lists": UNION_OF_LISTS, "records": RECORDS, "tuples": TUPLES, "strings": STRINGS,
    "empty lists": EMPTY_LISTS, "empty": EMPTY, "float32": FLOAT32, "complex": COMPLEX,
}  # fmt: skip
