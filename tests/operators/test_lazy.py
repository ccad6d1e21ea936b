"""Virtual arrays: every leaf is loaded when the function touches it, and not before."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from typing import Any

import awkward as ak
import numpy as np
import pytest

import awkward_dual as ad
from awkward_dual import LevelError, TangentLost

COUNTS = [2, 0, 3]
COLUMNS = {
    "x": np.array([1.0, 2.0, 3.0, 4.0, 5.0]),
    "y": np.array([0.5, -1.0, 2.0, 0.1, 7.0]),
    "z": np.array([9.0, 8.0, 7.0, 6.0, 5.0]),
    "n": np.array([1, 2, 3, 4, 5]),
}


class Events:
    """A jagged record with virtual columns, and what was loaded of it."""

    def __init__(self, wrap: Callable[[Any], Any] = lambda form: form) -> None:
        self.loaded: list[str] = []
        leaves = [
            ak.forms.NumpyForm("int64" if name == "n" else "float64", form_key=name)
            for name in COLUMNS
        ]
        record = ak.forms.RecordForm([wrap(leaf) for leaf in leaves], list(COLUMNS))
        form = ak.forms.ListOffsetForm("i64", record, form_key="lists")
        buffers: dict[str, Any] = {
            f"{name}-data": self._generator(name, COLUMNS[name]) for name in COLUMNS
        }
        buffers["lists-offsets"] = self._generator("lists", np.cumsum([0, *COUNTS]))
        for name in ("mask", "index"):
            number = np.arange(5) if name == "index" else np.ones(5, np.int8)
            buffers[f"extra-{name}"] = self._generator(name, number)
        self.array = ak.from_buffers(form, len(COUNTS), buffers)

    def _generator(self, name: str, values: Any) -> Any:
        return lambda: (self.loaded.append(name), values)[1]

    def columns(self) -> list[str]:
        return [name for name in self.loaded if name in COLUMNS]


def plain() -> Any:
    return ak.unflatten(ak.Array(COLUMNS), COUNTS)


ONES = ak.zip({name: ak.ones_like(plain()[name]) for name in COLUMNS})


def program(events: Any) -> Any:
    return ak.sum(events.x[events.x > 1.5] ** 2, axis=1)


def total(events: Any) -> Any:
    return ak.sum(program(events))


@pytest.mark.parametrize(
    ("operator", "touched"),
    [
        (lambda e: ad.jvp(program, (e,), (ONES,)), ["x"]),
        (ad.grad(total), ["x"]),
        (ad.value_and_grad(total), ["x"]),
        (lambda e: ad.vjp(program, e)[1](ak.Array([1.0, 2.0, 3.0])), ["x"]),
        (lambda e: ad.hvp(total, (e,), (ONES,)), ["x"]),
        (lambda e: ad.linearize(program, e)[1](ONES), ["x"]),
        (ad.grad(lambda e: ak.sum(e.x * e.n)), ["n", "x"]),
        (ad.grad(lambda e: ak.sum(ak.num(e)) * 1.0), []),
        (lambda e: ad.jvp(lambda e: ak.sum(e[e.x > 1].y), (e,), (ONES,)), ["x", "y"]),
        (lambda e: ad.jvp(lambda e: e[:1].z, (e,), (ONES,)), ["z"]),
    ],
)
def test_only_what_is_touched_is_loaded(operator: Any, touched: list[str]) -> None:
    events = Events()
    lazy = operator(events.array)
    assert sorted(set(events.columns())) == touched
    assert len(events.columns()) == len(touched)
    eager = operator(plain())
    ad.testing.assert_equal(_materialized(lazy), eager)


def _materialized(x: Any) -> Any:
    if isinstance(x, tuple):
        return tuple(map(_materialized, x))
    return ak.materialize(x) if isinstance(x, ak.Array) else x


def test_virtual_tangents_are_loaded_with_their_primals() -> None:
    events, tangents = Events(), Events()
    _value, tangent = ad.jvp(program, (events.array,), (tangents.array,))
    assert tangents.columns() == events.columns() == ["x"]
    assert tangent.to_list() == [8.0, 0.0, 2 * (9.0 + 16.0 + 25.0)]


@pytest.mark.parametrize("operator", [ad.grad, lambda f: lambda x: ad.jvp(f, (x,), (ONES,))[1]])
def test_nested_operators_keep_levels_apart(operator: Any) -> None:
    events = Events()

    def inner(events: Any) -> Any:
        return ad.jvp(lambda s: ak.sum(s * events.x**2), (3.0,), (1.0,))[1]

    found = operator(inner)(events.array)
    expected = operator(lambda e: ak.sum(e.x**2))(plain())
    ad.testing.assert_equal(_materialized(found), expected)
    assert events.columns() == ["x"]


def test_the_same_leaf_in_two_levels() -> None:
    events = Events()
    third = ad.grad(lambda e: ak.sum(ad.grad(lambda e: ak.sum(e.x**3))(e).x))(events.array)
    assert third.x.to_list() == (6 * plain().x).to_list()
    assert events.columns() == ["x"]


@pytest.mark.parametrize("which", ["mask", "index"])
def test_behind_options_and_indices_all_is_loaded_and_right(which: str) -> None:
    def wrap(leaf: Any) -> Any:
        if which == "mask":
            return ak.forms.ByteMaskedForm("i8", leaf, valid_when=True, form_key="extra")
        return ak.forms.IndexedForm("i64", leaf, form_key="extra")

    found = ad.grad(lambda e: ak.sum(e.x * e.y))(Events(wrap).array)
    expected = ad.grad(lambda e: ak.sum(e.x * e.y))(plain())
    assert found.x.to_list() == expected.x.to_list()
    assert found.y.to_list() == expected.y.to_list()


def test_lists_with_gaps_put_tangents_where_the_elements_are() -> None:
    events = Events()
    gradient = ad.grad(lambda e: ak.sum(e.x**2))(events.array[[2, 0]])
    assert gradient.x.to_list() == [[6.0, 8.0, 10.0], [2.0, 4.0]]
    sliced = ad.grad(lambda e: ak.sum(e.x**2))(Events().array[1:])
    assert sliced.x.to_list() == [[], [6.0, 8.0, 10.0]]


# -- nothing is lost: a leaf tells that it is live when it is loaded


def test_a_live_leaf_is_live_before_it_is_loaded() -> None:
    found: list[bool] = []
    ad.jvp(lambda e: found.append(ad.is_live(e.y)), (Events().array,), (ONES,))
    ad.jvp(lambda e: found.append(ad.is_live(e.n)), (Events().array,), (ONES,))
    assert found == [True, False]


WAYS_OUT: dict[str, Callable[[Any], Any]] = {
    "asarray": lambda e: np.asarray(ak.flatten(e.x)),
    "to_numpy": lambda e: ak.to_numpy(ak.flatten(e.x)),
    "to_json": ak.to_json,
    "to_backend": lambda e: ak.to_backend(e.x, "cpu").to_list(),
    "to_arrow": lambda e: ak.to_arrow(e.x),
    "pickle": lambda e: pickle.dumps(e.x),
    "pack": ad.pack,
}


@pytest.mark.parametrize("name", WAYS_OUT)
def test_ways_out_are_loud(name: str) -> None:
    if name == "to_arrow":
        pytest.importorskip("pyarrow")
    way_out = WAYS_OUT[name]
    for operator in (lambda e: ad.jvp(way_out, (e,), (ONES,)), ad.grad(way_out)):
        with pytest.raises(TangentLost):
            operator(Events().array)


def test_to_list_gives_dual_numbers() -> None:
    def func(events: Any) -> Any:
        return events.x.to_list()[2][1] * events["y", 0].tolist()[0]

    _value, tangent = ad.jvp(func, (Events().array,), (ONES,))
    assert tangent == 4.0 + 0.5


def test_a_leaf_loaded_after_its_call() -> None:
    kept: list[Any] = []
    events = Events()
    ad.jvp(kept.append, (events.array,), (ONES,))
    assert events.columns() == []
    with pytest.raises(LevelError, match="has ended"):
        kept[0].x * 2
    assert ad.primal(kept[0]).x.to_list() == plain().x.to_list()


def test_what_is_returned_untouched() -> None:
    value, tangent = ad.jvp(lambda e: e, (Events().array,), (ONES,))
    assert value.to_list() == plain().to_list()
    assert tangent.x.to_list() == ONES.x.to_list()
    _, pullback = ad.vjp(lambda e: e.z, Events().array)
    assert pullback(plain().z)[0].z.to_list() == plain().z.to_list()


def test_a_generator_that_fails_can_be_tried_again() -> None:
    tries: list[int] = []

    def generate() -> Any:
        tries.append(1)
        if len(tries) == 1:
            raise OSError("try again")
        return np.array([1.0, 2.0])

    array = ak.from_buffers(ak.forms.NumpyForm("float64", form_key="x"), 2, {"x-data": generate})
    with pytest.raises(OSError, match="try again"):
        ad.grad(lambda x: ak.sum(x**2))(array)
    assert ad.grad(lambda x: ak.sum(x**2))(array).to_list() == [2.0, 4.0]


def test_typetracers_report_what_a_derivative_reads() -> None:
    """Tangents and cotangents too: dask-awkward loads what was touched, and nothing else."""
    x = ak.zip({name: ak.unflatten(column, COUNTS) for name, column in COLUMNS.items()})
    form = x.layout.form_with_key("{id}")

    def reads(func: Callable[[Any], Any]) -> set[str]:
        layout, report = ak.typetracer.typetracer_with_report(form)
        func(ak.Array(layout))
        keys = {form.content.content(name).form_key: name for name in COLUMNS}
        return {keys[key] for key in report.data_touched if key in keys}

    square = lambda x: ak.sum(x**2, axis=1)
    assert reads(lambda e: ad.jvp(square, (e.x,), (e.y,))) == {"x", "y"}
    assert reads(lambda e: ad.vjp(square, e.x)[1](ak.sum(e.y, axis=1))) == {"x", "y"}
    assert reads(lambda e: ad.hvp(lambda x: ak.sum(x**3), (e.x,), (e.z,))) == {"x", "z"}
    assert reads(lambda e: ad.dual(e.x, e.y)) == {"x", "y"}
    assert reads(lambda e: ad.jvp(lambda s: square(s * e.x), (1.0,), (1.0,))) == {"x"}
