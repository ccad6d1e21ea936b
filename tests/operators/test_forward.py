"""`jvp`: arguments, results, and what it says when they do not fit."""

from __future__ import annotations

import collections
import dataclasses
import datetime
import enum
import functools
import types
from typing import Any, NamedTuple

import awkward as ak
import numpy as np
import pytest

import awkward_dual as ad
from awkward_dual.testing import assert_equal

X = ak.Array([[1.0, 2.0], [], [3.0]])
RECORDS = ak.Array([{"a": 1.5, "n": 3, "s": "one"}, {"a": 2.5, "n": 4, "s": "two"}])


@dataclasses.dataclass(frozen=True)
class Line:
    slope: float
    degree: int = 2
    offset: float = dataclasses.field(init=False, default=3.0)


class Pair(NamedTuple):
    u: float
    v: float


class Strict:
    """Stands for nothing that could be differentiated."""


def test_arrays() -> None:
    value, tangent = ad.jvp(lambda x: ak.sum(x**2, axis=1), (X,), (ak.ones_like(X),))
    assert value.to_list() == [5.0, 0.0, 9.0]
    assert tangent.to_list() == [6.0, 0.0, 6.0]
    assert ak.backend(value, tangent) == "cpu"


def test_the_alias_in_awkward() -> None:
    assert ak.jvp is ad.jvp


def test_scalar_results_are_numpy_scalars() -> None:
    for argument in (2.0, np.float64(2.0), np.array(2.0)):
        value, tangent = ad.jvp(lambda x: x**3, (argument,), (1.0,))
        assert type(value) is type(tangent) is np.float64
        assert (value, tangent) == (8.0, 12.0)
    value, tangent = ad.jvp(ak.sum, (X,), (X,))
    assert type(value) is type(tangent) is np.float64


def test_numpy_arrays() -> None:
    x = np.array([[1.0, 2.0], [3.0, 4.0]])
    value, tangent = ad.jvp(lambda x: np.sum(x * x.T, axis=0), (x,), (np.eye(2),))
    assert type(value) is type(tangent) is np.ndarray
    np.testing.assert_array_equal(tangent, [2.0, 8.0])


def test_records_of_arrays() -> None:
    _value, tangent = ad.jvp(lambda r: r.a * r.n, (RECORDS,), (RECORDS,))
    assert tangent.to_list() == [4.5, 10.0]


def test_a_record() -> None:
    value, tangent = ad.jvp(lambda r: r, (RECORDS[1],), (RECORDS[0],))
    assert isinstance(value, ak.Record)
    assert isinstance(tangent, ak.Record)
    assert tangent.to_list() == {"a": 1.5, "n": 0, "s": ""}
    assert ad.jvp(lambda r: r.a * r.n, (RECORDS[1],), (RECORDS[0],)) == (10.0, 6.0)


@pytest.mark.parametrize("container", [tuple, list, lambda x: {"u": x[0], "v": x[1]}])
def test_trees(container: Any) -> None:
    tree, tangents = container([3.0, X]), container([1.0, None])

    def swapped(tree: Any) -> Any:
        u, v = tree.values() if isinstance(tree, dict) else tree
        return container([u * v, {"deep": (u**2, None, "text", 7)}])

    value, tangent = ad.jvp(swapped, (tree,), (tangents,))
    assert type(value) is type(tangent) is type(tree)
    first, second = tangent.values() if isinstance(tangent, dict) else tangent
    assert first.to_list() == X.to_list()
    assert second == {"deep": (6.0, None, None, 0)}


def test_named_tuples() -> None:
    _value, tangent = ad.jvp(lambda p: Pair(p.u * p.v, p.u), (Pair(2.0, 3.0),), (Pair(1.0, 10.0),))
    assert tangent == Pair(23.0, 1.0)
    assert type(tangent) is Pair


def test_dataclasses() -> None:
    line = Line(2.0)
    value, tangent = ad.jvp(lambda p: p.slope**p.degree * p.offset, (line,), (Line(1.0),))
    assert (value, tangent) == (12.0, 4.0 * 3.0 + 4.0 * 3.0)
    assert line == Line(2.0)


def test_subclasses_of_dict_keep_what_they_are() -> None:
    tree = collections.defaultdict(list, a=1.0)
    value, _ = ad.jvp(lambda d: d, (tree,), (tree,))
    assert value.default_factory is list
    assert value["new"] == []


def test_tangents_of_none() -> None:
    _, tangent = ad.jvp(lambda x, y: x * y, (X, 2.0), (None, 1.0))
    assert tangent.to_list() == X.to_list()
    _value, tangent = ad.jvp(lambda x, y: x * y, (X, 2.0), (None, None))
    assert_equal(tangent, X * 0)


def test_values_on_integer_leaves_are_ignored() -> None:
    assert ad.jvp(lambda n, x: n * x, (3, 2.0), (5, 1.0)) == (6.0, 3.0)
    assert ad.jvp(lambda n, x: n * x, (3, 2.0), ("anything", 1.0)) == (6.0, 3.0)


def test_integer_boolean_and_string_leaves_come_back_as_zeros_like() -> None:
    mixed = ak.zip({"r": RECORDS, "b": [True, False]})
    _, tangent = ad.jvp(lambda r: r, (mixed,), (mixed,))
    assert tangent.type == ak.zeros_like(mixed).type
    assert tangent.r.n.to_list() == [0, 0]
    assert tangent.r.s.to_list() == ["", ""]
    assert tangent.b.to_list() == [False, False]
    assert tangent.r.a.to_list() == [1.5, 2.5]


def test_results_that_do_not_depend_on_the_arguments() -> None:
    value, tangent = ad.jvp(lambda x: (RECORDS, 1.5, 2, np.ones(2), X), (3.0,), (1.0,))
    assert ak.backend(value[0]) == "cpu"
    assert_equal(tangent[4], X * 0)
    assert tangent[1:3] == (0.0, 0)
    np.testing.assert_array_equal(tangent[3], np.zeros(2))
    assert tangent[0].n.to_list() == [0, 0]


def test_auxiliary_results() -> None:
    _value, _tangent, aux = ad.jvp(lambda x: (x * 2, {"x": x, "n": 3}), (X,), (X,), has_aux=True)
    assert not ad.is_live(aux)
    assert aux["x"].to_list() == X.to_list()
    with pytest.raises(TypeError, match="pair"):
        ad.jvp(lambda x: x, (X,), (X,), has_aux=True)


def test_dual_inputs_give_dual_results() -> None:
    constant = ak.to_backend(X, "dual")
    value, tangent = ad.jvp(lambda x: x**2, (constant,), (X,))
    assert ak.backend(value, tangent) == "dual"
    assert not ad.is_live((value, tangent))


def test_live_inputs_stay_live() -> None:
    x = ad.dual(X, ak.ones_like(X))
    value, tangent = ad.jvp(lambda x: x**3, (x,), (ak.ones_like(X),))
    assert_equal(ad.tangent(value), 3 * X**2)
    assert_equal(ad.tangent(tangent), 6 * X)


def test_typetracers() -> None:
    tracer = ak.Array(X.layout.to_typetracer(forget_length=True))
    for scale, dscale in ((2.0, 1.0), (np.float32(2.0), None)):
        value, tangent = ad.jvp(
            lambda x, a: ak.sum(a * x**2, axis=1), (tracer, scale), (tracer, dscale)
        )
        assert ak.backend(value, tangent) == "typetracer"
        assert str(value.layout.form.type) == str(tangent.layout.form.type) == "float64"
    value, tangent = ad.jvp(lambda x: ak.sum(x, axis=None), (tracer,), (None,))
    assert value.dtype == tangent.dtype == np.float64


@pytest.mark.parametrize(
    "empty",
    [
        ak.Array([[1.0]])[:0],
        ak.Array([[[1.0]]])[:0],
        ak.Array([None, 1.0])[:0],
        ak.Array([{"a": 1.0, "n": 2}])[:0],
        ak.from_numpy(np.zeros((0, 3)), regulararray=True),
        ak.from_numpy(np.zeros((3, 0)), regulararray=True),
        ak.from_numpy(np.zeros((0, 3))),
        ak.Array([[], []]),
        ak.Array([]),
        np.zeros((0, 2)),
    ],
    ids=lambda x: str(getattr(x, "type", x.shape if isinstance(x, np.ndarray) else x)),
)
def test_empty_arrays(empty: Any) -> None:
    value, tangent = ad.jvp(lambda x: x[::-1], (empty,), (empty,))
    for out in (value, tangent, ad.vjp(lambda x: x[::-1], empty)[1](empty)[0]):
        assert type(out) is type(empty)
        assert getattr(out, "type", None) == getattr(empty, "type", None)


def test_slices_of_lists_come_back() -> None:
    _, tangent = ad.jvp(lambda x: x[1:], (X,), (X,))
    assert tangent.to_list() == X[1:].to_list()
    _, tangent = ad.jvp(lambda x: ak.mask(x, x > 1)[::-1], (X,), (X,))
    assert tangent.to_list() == [[3.0], [], [None, 2.0]]


class TestErrors:
    @pytest.mark.parametrize("wrong", [2.0, None, X, {"x": 1.0}])
    def test_no_tuple(self, wrong: Any) -> None:
        with pytest.raises(TypeError, match=r"write \(primal,\)"):
            ad.jvp(lambda x: x, wrong, (1.0,))
        with pytest.raises(TypeError, match=r"write \(tangent,\)"):
            ad.jvp(lambda x: x, (1.0,), wrong)

    def test_counts(self) -> None:
        with pytest.raises(TypeError, match="1 primals but 2 tangents"):
            ad.jvp(lambda x: x, (1.0,), (1.0, 2.0))
        with pytest.raises(TypeError, match="argument"):
            ad.jvp(lambda x: x, (1.0, 2.0), (1.0, 2.0))

    @pytest.mark.parametrize(
        ("primal", "tangent", "where"),
        [
            ({"a": 1.0}, [1.0], r"dict at \[0\].*list"),
            ([1.0, 2.0], [1.0], r"differ at \[0\]"),
            ({"a": 1.0}, {"b": 1.0}, r"differ at \[0\]"),
            ({"a": [1.0]}, {"a": {}}, r"list at \[0\]\['a'\]"),
            (Line(1.0), {"slope": 1.0}, r"Line at \[0\]"),
        ],
    )
    def test_trees_that_differ(self, primal: Any, tangent: Any, where: str) -> None:
        with pytest.raises(TypeError, match=where):
            ad.jvp(lambda x: x, (primal,), (tangent,))

    @pytest.mark.parametrize(
        "opaque",
        [
            np.array([(1.0, 2)], dtype=[("a", "f8"), ("n", "i4")]),
            np.ma.array([1.0, 2.0], mask=[False, True]),
            np.array([1.0, Strict()], dtype=object),
        ],
        ids=["structured", "masked", "object"],
    )
    def test_arrays_whose_numbers_no_tangent_reaches(self, opaque: Any) -> None:
        for call in (
            lambda: ad.jvp(lambda x: 1.0, (opaque,), (opaque,)),
            lambda: ad.vjp(lambda x: 1.0, opaque),
            lambda: ad.jacfwd(lambda x: 1.0)(opaque),
        ):
            with pytest.raises(TypeError, match=r"ak\.Array|only floating"):
                call()

    def test_duals_in_an_object_array(self) -> None:
        def collect(x: Any) -> Any:
            out = np.empty(2, dtype=object)
            out[0], out[1] = x, x
            return out

        with pytest.raises(TypeError, match=r"ak\.Array"):
            ad.jvp(collect, (1.0,), (1.0,))


class Unknown:
    """A kind of result that no operator knows."""

    def __init__(self, x: Any) -> None:
        self.x = x


@pytest.mark.parametrize(
    "wrap",
    [
        Unknown,
        lambda x: collections.deque([x]),
        lambda x: types.SimpleNamespace(x=x),
        lambda x: types.MappingProxyType({"x": x}),
        lambda x: {"x": x}.values(),
        lambda x: (y for y in [x]),
        lambda x: [1.0, Unknown(x)],
    ],
    ids=["object", "deque", "namespace", "proxy", "view", "generator", "in a list"],
)
def test_results_of_unknown_kinds_are_loud(wrap: Any) -> None:
    """Their tangents would be lost in silence."""
    f = lambda s: wrap(2 * s)
    for call in (
        lambda: ad.jvp(f, (1.5,), (1.0,)),
        lambda: ad.vjp(f, 1.5),
        lambda: ad.jacfwd(f)(1.5),
        lambda: ad.jacrev(f)(1.5),
        lambda: ad.linearize(f, 1.5),
    ):
        with pytest.raises(TypeError, match=r"the function returned a .* has_aux=True"):
            call()
    value, _, aux = ad.jvp(lambda s: (s, wrap(2.0)), (1.5,), (1.0,), has_aux=True)
    assert value == 1.5
    assert aux is not None


def test_results_without_tangents_pass() -> None:
    result = {"n": 3, "s": "text", "b": b"x", "none": None, "day": datetime.date(2000, 1, 1),
              "flag": True, "kind": enum.Enum("Kind", "A").A}  # fmt: skip
    value, _ = ad.jvp(lambda s: (s, result), (1.5,), (1.0,))
    assert value[1] == result


def test_layouts_come_back_as_arrays() -> None:
    x = ak.Array([[1.0, 2.0], [3.0]])
    f = lambda x: ak.sum(x * x, axis=1, highlevel=False)
    value, tangent = ad.jvp(f, (x,), (x,))
    assert value.to_list() == [5.0, 9.0]
    assert tangent.to_list() == [10.0, 18.0]
    assert ad.vjp(f, x)[1](ak.Array([1.0, 0.0]))[0].to_list() == [[2.0, 4.0], [0.0]]
    assert ad.jacfwd(lambda s: f(x * s))(1.0).to_list() == [10.0, 18.0]


@dataclasses.dataclass
class Momentum:
    a: float

    @functools.cached_property
    def square(self) -> Any:
        return self.a**2


def test_cached_properties_of_arguments_are_computed_again() -> None:
    p = Momentum(1.5)
    assert p.square == 2.25
    assert ad.grad(lambda p: p.square)(p) == Momentum(3.0)
    assert ad.jvp(lambda p: p.square, (p,), (Momentum(1.0),)) == (2.25, 3.0)
    assert p.square == 2.25
