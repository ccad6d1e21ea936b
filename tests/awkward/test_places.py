"""Places where Awkward asks which backend it has, and a fifth one gets an answer.

Either the operation works with both halves, or it refuses a live tangent aloud.
"""

from __future__ import annotations

import copy
import numbers
import operator
import pickle
from typing import Any

import awkward as ak
import numpy as np
import pytest
from awkward.contents import IndexedArray, ListOffsetArray, UnionArray
from awkward.index import Index8, Index64

import awkward_dual as ad
from awkward_dual import DualArray, MissingTangentRule, TangentLost
from awkward_dual.adapter import PlaceholderArray
from awkward_dual.testing import check_grads

VALUES = ak.Array([[1.0, 2.0, 3.0], [], [4.0, 5.0]])
SLOPES = ak.Array([[0.1, 0.2, 0.3], [], [0.4, 0.5]])


@pytest.fixture
def x() -> Any:
    """A ragged array with a live tangent."""
    return ad.dual(VALUES, SLOPES)


@pytest.fixture
def flat() -> Any:
    """A flat array with a live tangent."""
    return ad.dual(ak.Array([1.0, 2.0, 3.0]), ak.Array([0.1, 0.2, 0.3]))


@pytest.fixture
def constant() -> Any:
    """A ragged array on dual without a tangent."""
    return ak.to_backend(VALUES, "dual")


def halves(x: Any) -> tuple[Any, Any]:
    """Lists of the primal and of the tangent."""
    return ak.to_list(ad.primal(x)), ak.to_list(ad.tangent(x))


# -- how an array comes in


def test_unions_are_flattened(flat: Any, x: Any) -> None:
    union = ak.concatenate([x, x[:, :1] * 2j], axis=0, mergebool=False)
    assert halves(ak.flatten(union))[1][:5] == [0.1, 0.2, 0.3, 0.4, 0.5]
    lists = ListOffsetArray(Index64(np.array([0, 1, 2])), ak.to_layout([{"a": 1}, {"a": 2}]))
    tags, index = Index8(np.array([0, 1, 0, 1, 0], np.int8)), Index64(np.array([0, 0, 1, 1, 2]))
    mixed = ak.Array(UnionArray(tags, index, [x.layout, lists]))
    assert ak.backend(mixed) == "dual"
    flattened = ak.flatten(mixed, axis=1)
    assert [e for e in ak.to_list(ad.tangent(flattened)) if isinstance(e, float)] == [
        0.1, 0.2, 0.3, 0.4, 0.5,
    ]  # fmt: skip


def test_dual_buffers_are_arrays() -> None:
    buffer = DualArray(np.array([1.0, 2.0]), np.array([0.5, 0.0]))
    assert halves(ak.Array(buffer)) == ([1.0, 2.0], [0.5, 0.0])
    assert halves(ak.Array({"a": buffer}).a) == ([1.0, 2.0], [0.5, 0.0])
    square = DualArray(np.ones((2, 2)), np.eye(2))
    assert halves(ak.Array(square)) == ([[1.0, 1.0]] * 2, [[1.0, 0.0], [0.0, 1.0]])
    assert isinstance(ak.to_layout(square).form, ak.forms.RegularForm)


def test_dual_numbers_are_scalars(x: Any) -> None:
    number = x[0, 1]
    assert halves(ak.where(VALUES > 2, x, number))[1] == [[0.2, 0.2, 0.3], [], [0.4, 0.5]]
    assert halves(ak.fill_none(ak.Array([1.0, None]), number))[1] == [0.0, 0.2]
    assert halves(ak.full_like(VALUES, number))[1] == [[0.2] * 3, [], [0.2] * 2]
    assert halves(ak.with_field(ak.zip({"a": VALUES}), number, "b").b)[1] == [
        [0.2] * 3,
        [],
        [0.2] * 2,
    ]
    assert halves(ak.concatenate([[7], x[0], number]))[1] == [0.0, 0.1, 0.2, 0.3, 0.2]
    with pytest.raises(TypeError, match="scalar"):
        ak.Array(number)


def test_dual_masks_and_indices_select(x: Any, constant: Any) -> None:
    assert halves(x[constant > 2])[1] == [[0.3], [], [0.4, 0.5]]
    assert halves(x[ak.argsort(constant, ascending=False)])[1] == [[0.3, 0.2, 0.1], [], [0.5, 0.4]]
    assert halves(x[DualArray(np.array([True, False, True]))])[1] == [[0.1, 0.2, 0.3], [0.4, 0.5]]
    assert halves(x[DualArray(np.array([2, 0])), ...])[1] == [[0.4, 0.5], [0.1, 0.2, 0.3]]


@pytest.mark.parametrize(
    "other", [VALUES, np.array([1.0, 2.0, 3.0]), 2.0, np.float32(2), [1.0, 2.0, 3.0]], ids=type
)
def test_constants_of_other_kinds_join_in(x: Any, other: Any) -> None:
    assert (
        ak.backend(x * other)
        == ak.backend(other * x if not isinstance(other, list) else x)
        == "dual"
    )
    expected = ak.to_list(SLOPES * other)
    assert halves(x * other)[1] == expected
    assert ak.backend(ak.concatenate([VALUES, x])) == "dual"
    assert ak.backend(ak.zip([VALUES, x])) == "dual"
    assert ak.backend(ak.where(np.array([True, False, True]), VALUES, x)) == "dual"
    assert ak.backend(x[np.array([True, False, True])]) == "dual"


def test_layouts_by_hand_join_constants_in(flat: Any) -> None:
    lists = ListOffsetArray(Index64(np.array([0, 2, 3])), flat.layout)
    assert halves(ak.Array(lists))[1] == [[0.1, 0.2], [0.3]]
    indexed = IndexedArray(Index64(np.array([2, 0])), flat.layout)
    assert halves(ak.Array(indexed))[1] == [0.3, 0.1]
    with pytest.raises(TypeError):
        ListOffsetArray(np.array([0, 1]), flat.layout)
    with pytest.raises(ValueError, match="len"):
        ListOffsetArray(Index64(np.array([], np.int64)), flat.layout)


def test_functions_of_awkward_that_forget_the_backend(flat: Any) -> None:
    # ak.flatten makes an index of a list, ak.full_like a content of a number
    empty = ak.contents.RegularArray(ad.dual(VALUES, SLOPES).layout, 0, zeros_length=0)
    assert ak.to_list(ak.flatten(empty, axis=2)) == []
    union = ak.concatenate([flat, ak.Array([{"a": 1}])])
    assert ak.to_list(ak.full_like(union, 2.5)) == [2.5, 2.5, 2.5, {"a": 2}]


def test_virtual_arrays_stay_virtual() -> None:
    loaded = []

    def load(name: str, array: Any) -> Any:
        def generate() -> Any:
            loaded.append(name)
            return array

        return generate

    form = ak.forms.RecordForm(
        [
            ak.forms.ListOffsetForm(
                "i64", ak.forms.NumpyForm("float64", form_key="x"), form_key="o"
            ),
            ak.forms.NumpyForm("float64", form_key="y"),
        ],
        ["x", "y"],
    )
    buffers = {
        "o-offsets": load("offsets", np.array([0, 2, 3])),
        "x-data": load("x", np.array([1.0, 2.0, 3.0])),
        "y-data": load("y", np.array([4.0, 5.0])),
    }
    for backend in ("cpu", "dual"):
        array = ak.from_buffers(form, 2, buffers, backend=backend)
        dual = ak.to_backend(array, "dual")
        assert (ak.backend(dual), loaded) == ("dual", [])
        assert ak.to_list(ak.num(dual.x)) == [2, 1]
        assert loaded == ["offsets"]
        assert ak.to_list(dual.x * 2) == [[2.0, 4.0], [6.0]]
        assert loaded == ["offsets", "x"]
        assert ak.to_list(ak.to_backend(dual.y, "cpu")) == [4.0, 5.0]
        assert loaded == ["offsets", "x", "y"]
        loaded.clear()
    array = ak.from_buffers(form, 2, buffers)
    value, tangent = ad.jvp(
        lambda x: ak.sum(x**2, axis=1), (array.x,), (ak.Array([[1.0, 1.0], [1.0]]),)
    )
    assert (value.to_list(), tangent.to_list()) == ([5.0, 9.0], [6.0, 6.0])
    assert "y" not in loaded


def test_placeholders_keep_raising() -> None:
    form = ak.forms.RecordForm(
        [ak.forms.NumpyForm("float64", form_key=key) for key in "ab"], list("ab"), form_key="r"
    )
    array = ak.from_buffers(
        form,
        2,
        {"a-data": np.array([1.0, 2.0]), "b-data": PlaceholderArray(None, (2,), np.dtype("f8"))},
    )
    dual = ak.to_backend(array, "dual")
    assert ak.to_list(dual.a * 2) == [2.0, 4.0]
    with pytest.raises(RuntimeError, match="should never have been encountered"):
        ak.to_list(dual.b * 2)


def test_lists_of_dual_numbers(x: Any) -> None:
    assert halves(ak.Array([e * 2 for e in x[0]])) == ([2.0, 4.0, 6.0], [0.2, 0.4, 0.6])
    rows = ak.from_iter([{"n": i, "e": row[0]} for i, row in enumerate(x) if len(row)])
    assert (ak.to_list(rows.n), halves(rows.e)[1]) == ([0, 2], [0.1, 0.4])


def test_typetracers(x: Any) -> None:
    traced = ak.to_backend(x, "typetracer")
    assert str(ak.sum(traced**2, axis=1).layout.form.type) == "float64"
    assert ak.backend(traced + VALUES) == "typetracer"


# -- inside


def test_fused_variance_is_that_of_the_cpu() -> None:
    array = ak.Array(np.random.default_rng(1).normal(size=(5, 1000)) * 1e-3 + 1e3)
    dual = ak.to_backend(array, "dual")
    for function in (ak.var, ak.std):
        assert ak.to_list(function(array, axis=-1)) == ak.to_list(function(dual, axis=-1))


def test_numbers_inside_an_index_are_plain(constant: Any) -> None:
    offsets = constant.layout.offsets
    assert isinstance(offsets[1], np.integer)
    assert isinstance(ak.sum(ak.num(constant)), np.integer)
    assert isinstance(ak.any(constant > 2), np.bool_ | bool)


def test_categories_are_compared(constant: Any) -> None:
    one = ak.str.to_categorical(ak.to_backend(ak.Array(["a", "b", "a"]), "dual"))
    two = ak.str.to_categorical(ak.Array(["a", "c", "c"]))
    for array in (one == two, two == one, one == ak.copy(one)):
        assert ak.backend(array) == "dual"
    assert ak.to_list(one == two) == [True, False, False]


def test_strings_ride_along(x: Any) -> None:
    named = ak.zip({"x": x, "name": ak.Array(["one", "two", "three"])})
    assert ak.to_list(named.name == "two") == [[False] * 3, [], [False] * 2]
    upper = ak.str.upper(named.name)
    assert ak.backend(upper) == "dual"
    assert halves(named.x[upper == "ONE"])[1] == [[0.1, 0.2, 0.3], [], []]
    assert ak.to_list(ak.str.length(named.name))[0] == [3, 3, 3]


def test_equality_is_that_of_primals(x: Any, constant: Any) -> None:
    assert ak.array_equal(x, constant)
    assert ak.almost_equal(x, VALUES)
    assert not ak.array_equal(x, VALUES + 1)


def test_outputs_into_slices_are_written(x: Any) -> None:
    assert halves(ak.concatenate([x, x[:, :1]], axis=1))[1][0] == [0.1, 0.2, 0.3, 0.1]


def test_delayed_execution_runs_the_operations(x: Any) -> None:
    from awkward._connect.cpu import lazy  # noqa: TID251 (a private place is what is tried)

    result = (lazy(x) * 2 + 1).compute()
    assert halves(result) == ([[3.0, 5.0, 7.0], [], [9.0, 11.0]], [[0.2, 0.4, 0.6], [], [0.8, 1.0]])


def test_fast_paths_over_raw_buffers_refuse(x: Any, constant: Any) -> None:
    from awkward._connect.cpu.helpers import filter_lists  # noqa: TID251

    assert ak.to_list(filter_lists(constant, lambda e: e > 2)) == [[3.0], [], [4.0, 5.0]]
    with pytest.raises(TangentLost):
        filter_lists(x, lambda e: e > 2)


# -- how an array goes out


def test_copies_have_both_halves(x: Any) -> None:
    for copied in (copy.copy(x), copy.deepcopy(x), ak.copy(x)):
        assert halves(copied) == halves(x)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_pickles_have_both_halves(x: Any, constant: Any, protocol: int) -> None:
    again = pickle.loads(pickle.dumps(x, protocol))
    assert ak.backend(again) == "dual"
    assert halves(again) == halves(x)
    record = ak.zip({"x": x, "n": [1, 2, 3]}, depth_limit=1)[0]
    assert halves(pickle.loads(pickle.dumps(record, protocol)).x) == halves(record.x)
    plain = pickle.loads(pickle.dumps(constant, protocol))
    assert ak.to_list(plain) == ak.to_list(VALUES)
    assert not ad.is_live(plain)


def test_pickles_of_a_running_call_are_refused() -> None:
    with pytest.raises(TangentLost, match="running call"):
        ad.jvp(lambda x: pickle.loads(pickle.dumps(x)), (VALUES,), (SLOPES,))


def test_buffers_have_both_halves(x: Any) -> None:
    form, length, container = ak.to_buffers(x)
    assert halves(ak.from_buffers(form, length, container)) == halves(x)
    assert halves(ak.from_buffers(form, length, container, backend="dual")) == halves(x)
    with pytest.raises(TangentLost):
        ak.to_buffers(x, backend="cpu")
    with pytest.raises(TangentLost):
        ak.from_buffers(
            form, length, {key: (lambda v=v: v) for key, v in container.items()}
        ).to_list()


def test_constants_go_everywhere(constant: Any, tmp_path: Any) -> None:
    assert ak.to_arrow(constant).to_pylist() == VALUES.to_list()
    assert ak.to_json(constant) == ak.to_json(VALUES)
    ak.to_parquet(constant, str(tmp_path / "x.parquet"))
    assert ak.from_parquet(str(tmp_path / "x.parquet")).to_list() == VALUES.to_list()
    assert np.array_equal(ak.to_numpy(constant[0]), [1.0, 2.0, 3.0])
    missing = ak.to_backend(ak.Array([1.0, None]), "dual")
    assert ak.to_numpy(missing).mask.tolist() == [False, True]
    assert [i.tolist() for i in ak.where(ak.mask(missing, [True, True]))] == [[0]]


def test_live_arrays_go_nowhere(x: Any, flat: Any, tmp_path: Any) -> None:
    exports = [
        ak.to_arrow, ak.to_arrow_table, ak.to_json, ak.to_dataframe,
        lambda x: ak.to_parquet(x, str(tmp_path / "x.parquet")),
        lambda x: ak.to_feather(x, str(tmp_path / "x.feather")),
        lambda x: ak.to_backend(x, "cpu"),
        lambda x: ak.to_numpy(x[0]),
    ]  # fmt: skip
    for export in exports:
        with pytest.raises((TangentLost, TypeError, ValueError)):
            export(x)
    with pytest.raises(TangentLost):
        np.asarray(flat)
    assert not list(tmp_path.iterdir()) or not (tmp_path / "x.parquet").exists()


@pytest.mark.parametrize("export", [ak.to_torch, ak.to_tensorflow, ak.to_raggedtensor])
def test_other_tensors_refuse(x: Any, export: Any) -> None:
    with pytest.raises((ValueError, ImportError, TypeError)):
        export(x)


def test_dlpack_is_not_spoken(flat: Any) -> None:
    assert not hasattr(flat.layout.data, "__dlpack__")
    assert not hasattr(flat.layout.data, "__array_interface__")


def test_numexpr(flat: Any) -> None:
    pytest.importorskip("numexpr")
    with pytest.raises((TangentLost, MissingTangentRule)):
        ak.numexpr.evaluate("flat * 2", {"flat": flat})


def test_compiled_loops(constant: Any, x: Any) -> None:
    numba = pytest.importorskip("numba")

    @numba.njit  # type: ignore[misc]
    def total(array: Any) -> float:
        out = 0.0
        for row in array:
            for e in row:
                out += e
        return out

    assert total(constant) == 15.0
    assert halves(total(x)) == (15.0, pytest.approx(1.5))


def test_cppyy_and_rdataframe_get_no_pointer(x: Any) -> None:
    from awkward._lookup import Lookup

    assert Lookup(ak.to_backend(VALUES, "dual").layout).arrayptrs.dtype == np.intp
    with pytest.raises(TangentLost):
        Lookup(x.layout)


def test_printing_uses_awkwards_precision(x: Any) -> None:
    assert str(x[:1] / 3) == "[[0.333+0.0333ε, 0.667+0.0667ε, 1+0.1ε]]"
    assert str(ak.to_backend(VALUES, "dual") / 3) == str(VALUES / 3)
    assert "type='3 * var * float64'" in repr(x)


def test_types_of_numbers(x: Any) -> None:
    assert str(ak.type(x[0, 0])) == "float64"


def test_behaviors_attributes_and_layouts(x: Any) -> None:
    behavior: dict[Any, Any] = {}

    @ak.mixin_class(behavior)
    class Point:
        @property
        def square(self) -> Any:
            return self.x * self.x  # type: ignore[attr-defined]

        @ak.mixin_class_method(np.add, {"Point"})
        def plus(self, other: Any) -> Any:
            return ak.zip({"x": self.x + other.x}, with_name="Point", behavior=behavior)  # type: ignore[attr-defined]

    points = ak.zip({"x": x}, with_name="Point", behavior=behavior)
    points.attrs["unit"] = "m"
    assert halves((points + points).square)[1][0] == pytest.approx([0.8, 3.2, 7.2])
    assert halves(points[0, 1].square)[1] == pytest.approx(0.8)

    def double(points: Any) -> Any:
        return ak.with_field(points, points.square * 2, "y")

    plain = ak.zip({"x": VALUES}, with_name="Point", behavior=behavior, attrs={"unit": "m"})
    value, tangent = ad.jvp(double, (plain,), (plain,))
    for result in (value, tangent):
        assert (result.attrs["unit"], result.layout.content.parameter("__record__")) == (
            "m",
            "Point",
        )
        assert ak.backend(result) == "cpu"
    assert ak.to_list(tangent.y) == ak.to_list(4 * VALUES**2)
    low = ak.sum(x, axis=1, highlevel=False)
    assert halves(ak.Array(low))[1] == pytest.approx([0.6, 0.0, 0.9])


@pytest.mark.parametrize("policy", ["pass-through", "promote", "error"])
@pytest.mark.parametrize(
    "number",
    [
        2,
        -2.5,
        True,
        1j,
        None,
        10**30,
        2**63,
        -(2**63),
        np.float32(1.5),
        np.int64(3),
        "a",
        np.ones(2),
    ],
    ids=repr,
)
def test_numbers_become_the_layouts_that_they_are_outside(number: Any, policy: str) -> None:
    def layout() -> Any:
        try:
            return ak.to_layout(number, primitive_policy=policy, none_policy=policy)
        except Exception as error:
            return type(error)

    inside: list[Any] = []
    ad.jvp(lambda x: (inside.append(layout()), x)[1], (1.0,), (1.0,))
    (found,), expected = inside, layout()
    assert type(found) is type(expected)
    if isinstance(expected, ak.contents.Content):
        assert found.is_equal_to(expected, all_parameters=True)
        assert found.backend is expected.backend
    else:
        assert np.array_equal(found, expected)


@pytest.mark.parametrize("kind", ["read-only", "dates"])
def test_kernels_take_buffers_that_c_may_not_write_to(kind: str) -> None:
    data = np.array([3, 1, 2], "M8[D]" if kind == "dates" else np.float64)
    data.flags.writeable = False
    x = ak.to_backend(ak.unflatten(ak.Array(data), [2, 1]), "dual")
    assert ak.to_list(ak.sort(x)) == ak.to_list(ak.sort(ak.unflatten(ak.Array(data), [2, 1])))


# -- across ragged lists

SHOWN = ak.Array([[1.0, 2.5, 4.0], [3.0, 1.2], [0.7]])
SPREADS: dict[str, Any] = {
    "rows shown twice": lambda x: ak.var(x[[0, 1, 0, 2]], axis=0),
    "spread of rows shown twice": lambda x: ak.std(x[[0, 1, 0, 2]], axis=0)[:2],
    "weights of integers": lambda x: ak.std(ak.Array([[1, 4, 2], [2, 5], [3]]), weight=x, axis=0)[
        :2
    ],
    "named lists": lambda x: ak.var(ak.with_parameter(x, "__list__", "named"), axis=0),
    "complex weights": lambda x: ak.var(x * (1 + 0.5j), weight=x + 1j, axis=0),
}


@pytest.mark.parametrize("name", SPREADS)
def test_variances_across_lists(name: str) -> None:
    check_grads(SPREADS[name], (SHOWN,))
    value, _ = ad.jvp(SPREADS[name], (SHOWN,), (SHOWN,))
    assert value.to_list() == SPREADS[name](SHOWN).to_list()


# -- the layout of an argument is the one that the program sees

MATRIX = ak.Array(np.array([[1.0, 2.0], [3.0, 4.0]]))
SEEN: dict[str, tuple[Any, Any]] = {
    "rows of NumPy": (MATRIX, lambda x: sum(row @ np.array([1.0, 2.0]) for row in x)),
    "zip without broadcasting": (MATRIX, lambda x: ak.zip_no_broadcast([x, x])),
    "rows without elements": (ak.Array(np.zeros((3, 0))), ak.mean),
    "masked rows": (
        ak.Array(
            ak.contents.ByteMaskedArray(
                ak.index.Index8(np.array([1, 0], dtype=np.int8)), MATRIX.layout, True
            )
        ),
        lambda x: ak.concatenate([x, x], axis=1),
    ),
    "offsets of 32 bits that do not begin at 0": (
        ak.Array(
            ak.contents.ListOffsetArray(
                ak.index.Index32(np.array([2, 5, 7], dtype=np.int32)),
                ak.contents.NumpyArray(np.array([9.0, 8.0, 3.0, 1.0, 2.0, 5.0, 4.0])),
            )
        ),
        lambda x: ak.sort(x, axis=1),
    ),
}


@pytest.mark.parametrize("name", SEEN)
def test_layouts_of_arguments(name: str) -> None:
    x, program = SEEN[name]
    value, tangent = ad.jvp(program, (x,), (x,))
    expected = program(x)
    if isinstance(expected, ak.Array):
        assert str(value.type) == str(tangent.type) == str(expected.type)
        assert value.to_list() == tangent.to_list() == expected.to_list()
    else:
        np.testing.assert_equal(value, expected)
        # the tangent of a mean of nothing is 0
        assert tangent == np.nan_to_num(expected)


# -- lists

PAIRS = ak.Array([[{"a": 1.0, "b": 2.0}, {"a": 3.0, "b": 4.0}], []])
LISTED: dict[str, Any] = {
    "missing records": lambda r: ak.firsts(r).to_list(),
    "pairs": lambda r: [p.to_list() for p in ak.flatten(ak.combinations(r, 2))],
    "padded": lambda r: ak.pad_none(r, 1).tolist(),
    "picked": lambda r: r[:, :1][[1, 0]].to_list(),
    "an array of rows": lambda r: ak.Array(list(r)),
}


@pytest.mark.parametrize("name", LISTED)
def test_lists_of_records(name: str) -> None:
    program = LISTED[name]
    value, tangent = ad.jvp(program, (PAIRS,), (PAIRS,))
    assert ak.to_list(value) == ak.to_list(tangent) == ak.to_list(program(PAIRS))


def test_many_numbers_of_half_precision() -> None:
    x = ak.Array(np.linspace(0, 1, 2060).astype(np.float16))
    v = ak.Array((np.arange(2060) % 7).astype(np.float16))
    tangent = ad.jvp(lambda x: ak.Array(list(x)), (x,), (v,))[1]
    assert ak.all(tangent == v)


def test_a_live_initial_of_lists() -> None:
    for x in ([[1.0, 3.0], [2.0]], np.array([[1.0, 3.0], [2.0, 2.0]])):
        found = ad.jvp(lambda s, x=x: ak.max(x, axis=1, initial=s), (2.5,), (1.0,))
        assert [part.to_list() for part in found] == [[3.0, 2.5], [0.0, 1.0]]


def test_a_live_number_in_place_of_nan_beside_integers() -> None:
    x = ak.Array([{"a": np.nan, "n": 1}])
    found = ad.jvp(lambda s: ak.nan_to_num(x, nan=s), (2.0,), (1.0,))
    assert [part.to_list() for part in found] == [[{"a": 2.0, "n": 1}], [{"a": 1.0, "n": 0}]]


# -- numbers

OPERATIONS = (operator.mul, operator.truediv, operator.add, operator.sub, operator.pow)


@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize("dtype", [np.float64, np.complex128, np.complex64, np.float32])
def test_operators_of_numpys_numbers_round_as_outside(operation: Any, dtype: Any) -> None:
    rng = np.random.default_rng(0)
    is_complex = dtype().dtype.kind == "c"
    for pair in rng.normal(size=(40, 2, 2)) @ ([1, 1j] if is_complex else [1, 0]):
        p, q = map(dtype, pair if is_complex else np.abs(pair))
        for f in (lambda q, p=p: operation(p, q), lambda q, p=p: operation(q, p)):
            value = ad.jvp(f, (q,), (dtype(1),))[0]
            assert value == f(q)
            assert value.dtype == f(q).dtype


def test_dual_numbers_are_numbers() -> None:
    """Behaviors ask for them so."""
    behavior: dict[Any, Any] = {}

    @ak.mixin_class(behavior)
    class Vector:
        @ak.mixin_class_method(np.multiply, {numbers.Number})
        def scaled(self, other: Any) -> Any:
            assert isinstance(other, numbers.Real)
            return ak.zip({"x": self.x * other}, with_name="Vector", behavior=behavior)

    v = ak.zip({"x": [1.0, 2.0]}, with_name="Vector", behavior=behavior)
    value, tangent = ad.jvp(lambda s: v * s, (2.0,), (1.0,))
    assert str(value.type) == "2 * Vector[x: float64]"
    assert tangent.x.to_list() == [1.0, 2.0]
    real, array = ad.dual(1.0, 1.0), ad.DualArray(np.ones(2))
    assert isinstance(real, ad.DualArray)
    assert np.isscalar(real)
    assert not isinstance(array, numbers.Number)
    z = ad.dual(1j, 1j)
    assert isinstance(z, numbers.Complex)
    assert not isinstance(z, numbers.Real)


def test_numbers_of_typetracers_that_may_be_missing() -> None:
    x = ak.to_backend(SHOWN, "typetracer")
    assert str(ad.grad(ak.max)(x).type) == str(x.type)
    value, tangent = ad.jvp(ak.max, (x,), (x,))
    assert value.dtype == tangent.dtype == np.float64
