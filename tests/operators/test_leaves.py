"""Tangents match primals in type, list lengths and missing pattern, not in layout."""

from __future__ import annotations

from typing import Any

import awkward as ak
import numpy as np
import pytest

import awkward_dual as ad
from awkward_dual.errors import TangentMismatch


def index(*numbers: int) -> ak.index.Index64:
    return ak.index.Index64(np.array(numbers))


def numbers(*values: float) -> ak.contents.NumpyArray:
    return ak.contents.NumpyArray(np.array(values))


def push(primal: Any, tangent: Any) -> Any:
    return ad.jvp(lambda x: x, (primal,), (tangent,))


def without_text(nested: Any) -> Any:
    if isinstance(nested, list):
        return [without_text(item) for item in nested]
    return "" if isinstance(nested, str) else nested


MISMATCHES = [
    ([[1.0, 2.0], [3.0]], [[1.0], [2.0, 3.0]], r"\[0\]: 2 elements against 1"),
    ([1.0, None], [None, 1.0], r"\[0\]: missing in the tangent only"),
    ([None, 1.0], [1.0, None], r"\[0\]: missing in the primal only"),
    ([1.0, None], [1.0, 2.0], r"\?float64 against float64"),
    ([1.0], [1], "float64 against int64"),
    ([1.0], np.array([1.0], dtype="f4"), "float64 against float32"),
    ([1.0], [1.0, 2.0], "1 elements against 2"),
    ([{"a": 1.0}], [{"b": 1.0}], "{a: float64} against {b: float64}"),
    ([(1.0, 2.0)], [{"0": 1.0, "1": 2.0}], r"\(float64, float64\) against"),
    ([{"a": [1.0]}], [{"a": 1.0}], r"\['a'\]: var \* float64 against float64"),
    ([1.0, "a"], [2.0, "b", "c"], "2 elements against 3"),
    ([1.0, [1.0]], [[1.0], 1.0], r"\|0|different members"),
    (np.ones((2, 2)), [[1.0, 1.0], [1.0, 1.0]], r"2 \* float64 against var \* float64"),
    (np.ones((2, 3)), np.ones((2, 2)), "lists of 3 against lists of 2"),
    ([1.0], np.ones((1, 2)), "directions"),
    ([[1.0]], [[[1.0]]], "against"),
]


@pytest.mark.parametrize(("primal", "tangent", "where"), MISMATCHES)
def test_an_error_shows_both_types_and_where_they_differ(
    primal: Any, tangent: Any, where: str
) -> None:
    primal, tangent = (
        ak.from_numpy(x, regulararray=True) if isinstance(x, np.ndarray) else ak.Array(x)
        for x in (primal, tangent)
    )
    with pytest.raises(TangentMismatch, match=where) as caught:
        push(primal, tangent)
    assert f"primal:  {primal.type}" in str(caught.value)
    assert f"tangent: {tangent.type}" in str(caught.value)
    assert "argument [0]" in str(caught.value)


@pytest.mark.parametrize(
    ("primal", "tangent"),
    [
        (ak.Array([1.0]), [1.0]),
        (ak.Array([1.0]), 1.0),
        (1.0, ak.Array([1.0])),
        (1.0, "a"),
        (1.0, 1j),
        (1.0, [1.0]),
        (1.0, {}),
        (np.ones(2), np.ones(3)),
        (np.ones(2), np.ones(2, dtype=np.float32)),
        (np.ones(2), np.ones((1, 2))),
        (ak.Array([{"a": 1.0}])[0], {"a": 1.0}),
        (ak.Array([{"a": 1.0}])[0], ak.Array([{"b": 1.0}])[0]),
    ],
    ids=str,
)
def test_other_kinds_do_not_fit(primal: Any, tangent: Any) -> None:
    with pytest.raises(TangentMismatch, match=r"argument \[0\]"):
        push(primal, tangent)


@pytest.mark.parametrize(
    "layout",
    [
        ak.contents.IndexedArray(index(2, 0, 1), numbers(40.0, 60.0, 4.0)),
        ak.contents.ListOffsetArray(index(1, 4), numbers(0.0, 4.0, 40.0, 60.0, 9.0)),
        ak.contents.ListArray(index(1), index(4), numbers(0.0, 4.0, 40.0, 60.0, 9.0)),
        ak.contents.ListArray(index(4, 1), index(4, 4), numbers(0.0, 4.0, 40.0, 60.0))[1:],
        ak.contents.ByteMaskedArray(
            ak.index.Index8(np.array([1, 0, 1])), numbers(4.0, 1e9, 60.0), valid_when=True
        ),
        ak.contents.BitMaskedArray(
            ak.index.IndexU8(np.array([5], dtype=np.uint8)),
            numbers(4.0, 1e9, 60.0),
            valid_when=True,
            length=3,
            lsb_order=True,
        ),
        ak.contents.IndexedOptionArray(index(1, -1, 0), numbers(60.0, 4.0)),
        ak.contents.UnmaskedArray(numbers(4.0, 40.0, 60.0)),
        ak.contents.NumpyArray(np.arange(12.0).reshape(2, 3, 2)),
        ak.contents.NumpyArray(np.arange(12.0)[::-2]),
        ak.contents.RegularArray(numbers(1.0, 2.0, 3.0, 4.0, 5.0), 2),
        ak.contents.RecordArray([numbers(1.0, 2.0, 3.0), numbers(1.0, 2.0)], ["a", "b"], length=2),
        ak.concatenate([ak.Array([1.0, 2.0]), ak.Array([["text"], []])]).layout,
        ak.concatenate([ak.Array([1.0]), ak.Array([[2.0, 3.0]]), ak.Array([4.0])]).layout,
    ],
    ids=lambda layout: type(layout).__name__,
)
def test_layouts_are_repacked(layout: Any) -> None:
    primal = ak.Array(layout)
    repacked = ak.Array(ak.to_packed(primal, highlevel=False))
    for tangent in (primal, repacked):
        value, out = push(primal, tangent)
        assert value.type == out.type == primal.type
        assert ak.array_equal(value, primal, same_content_types=False)
        assert out.to_list() == without_text(primal.to_list())


def test_an_element_shown_twice_has_two_tangents() -> None:
    primal = ak.Array(ak.contents.IndexedArray(index(1, 1, 0), numbers(3.0, 2.0)))
    _, tangent = ad.jvp(lambda x: x * x, (primal,), (ak.Array([1.0, 10.0, 10.0]),))
    assert tangent.to_list() == [4.0, 40.0, 60.0]
    lists = ak.Array(ak.contents.ListArray(index(0, 1), index(2, 3), numbers(2.0, 2.0, 3.0)))
    _, tangent = ad.jvp(lambda x: x * x, (lists,), (ak.Array([[1.0, 10.0], [100.0, 10.0]]),))
    assert tangent.to_list() == [[4.0, 40.0], [400.0, 60.0]]


def test_cotangents_of_an_element_shown_twice() -> None:
    primal = ak.Array(ak.contents.IndexedArray(index(1, 1, 0), numbers(3.0, 2.0)))
    _, pullback = ad.vjp(lambda x: x * x, primal)
    assert pullback(ak.Array([1.0, 10.0, 10.0]))[0].to_list() == [4.0, 40.0, 60.0]


def test_a_result_that_shows_an_element_twice() -> None:
    x = ak.Array([{"a": 2.0, "n": 1}, {"a": 3.0, "n": 2}])
    _value, pullback = ad.vjp(lambda x: x[[1, 1, 0]], x)
    weights = ak.Array([{"a": a, "n": 0} for a in (1.0, 10.0, 100.0)])
    assert pullback(weights)[0].a.to_list() == [100.0, 11.0]


def test_missing_patterns_in_another_spelling() -> None:
    primal = ak.Array([1.0, None, 3.0])
    masked = ak.contents.ByteMaskedArray(
        ak.index.Index8(np.array([0, 1, 0])), numbers(10.0, 1e9, 30.0), valid_when=False
    )
    assert push(primal, ak.Array(masked))[1].to_list() == [10.0, None, 30.0]


def test_regular_arrays_and_numpy_arrays_are_one_type() -> None:
    primal = ak.from_numpy(np.ones((2, 3)), regulararray=True)
    assert push(primal, ak.from_numpy(np.full((2, 3), 2.0)))[1].to_list() == [[2.0] * 3] * 2


def test_float32_tangents_for_float32() -> None:
    single = ak.values_astype(ak.Array([[1.0, 2.0], [3.0]]), np.float32)
    value, tangent = ad.jvp(lambda x: np.exp(x) * 2.5, (single,), (single,))
    assert value.type == tangent.type == (single * 1).type
    assert ad.grad(lambda x: ak.sum(np.exp(x) * 2.5))(single).type == single.type


def test_behaviors_and_names_stay() -> None:
    points = ak.Array([{"x": 1.0}], with_name="point", behavior={"point": ak.Record})
    value, tangent = push(points, points)
    assert ak.parameters(value) == ak.parameters(tangent) == {"__record__": "point"}
    assert value.behavior == points.behavior


@pytest.mark.parametrize("index", [ak.index.Index32, ak.index.IndexU32, ak.index.Index64])
@pytest.mark.parametrize("is_record", [False, True])
def test_programs_see_the_offsets_of_their_arguments(index: Any, is_record: bool) -> None:
    offsets = index(np.array([0, 2, 2, 3]))
    content: Any = ak.contents.NumpyArray(np.arange(4.0))
    if is_record:
        content = ak.contents.RecordArray([content], ["a"])
    x = ak.Array(ak.contents.ListOffsetArray(offsets, content))
    seen: list[Any] = []

    def program(x: Any) -> Any:
        seen.append(ak.num(x))
        return ak.sum(x.a if is_record else x) ** 2

    ad.jvp(program, (x,), (x,))
    ad.grad(program)(x)
    assert [str(n.type) for n in seen] == [str(ak.num(x).type)] * 2
