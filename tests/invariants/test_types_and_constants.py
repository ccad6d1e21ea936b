"""Invariants 10 and 11: types match, constants join in."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import awkward as ak
import numpy as np
import pytest

import awkward_dual as ad
from awkward_dual import adapter
from awkward_dual.testing import assert_equal
from tests.awkward.layouts import ZOO
from tests.programs import PROGRAMS, Program

X = ak.Array([[1.0, 2.0], [], [3.0]])
TEN = ak.Array([[10.0, 20.0], [], [30.0]])


class TestTypesMatch:
    @pytest.mark.parametrize("program", PROGRAMS, ids=str)
    def test_tangents_have_the_type_of_values(self, program: Program) -> None:
        value, tangent = ad.jvp(program.function, program.args, program.args)
        if isinstance(value, ak.Array):
            assert tangent.type == ak.zeros_like(value).type == value.type
        elif not isinstance(value, dict):
            assert np.asarray(value).dtype == np.asarray(tangent).dtype

    @pytest.mark.parametrize("dtype", ["f4", "f8", "c8", "c16"])
    def test_for_each_precision(self, dtype: str) -> None:
        x = ak.values_astype(X, dtype)
        for func in (
            lambda x: np.exp(x) * 2,
            lambda x: ak.prod(x, axis=1),
            lambda x: ak.concatenate([x, x], axis=1),
            lambda x: np.sqrt(x) / 3.0,
            lambda x: ak.where(abs(x) > 1.5, x, x * x),
        ):
            value, tangent = ad.jvp(func, (x,), (x,))
            assert value.type == tangent.type == func(x).type
            assert ad.vjp(func, x)[1](value)[0].type == x.type

    @pytest.mark.parametrize("dtype", [np.float16, np.longdouble])
    def test_other_precisions_as_far_as_awkward_goes(self, dtype: Any) -> None:
        x = np.array([1.0, 2.0], dtype=dtype)
        value, tangent = ad.jvp(lambda x: x**2, (x,), (x,))
        assert value.dtype == tangent.dtype == dtype
        assert ad.grad(lambda x: np.sum(x * x))(x).dtype == dtype

    def test_casts(self) -> None:
        gradient = ad.grad(lambda x: ak.sum(ak.values_astype(x, np.float32) * 2))(X)
        assert gradient.type == X.type
        assert_equal(ad.jvp(lambda x: ak.values_astype(x, int) * 1.5, (X,), (X,))[1], X * 0)


#: what users have at hand inside a function: each is ten times X, or ten
CONSTANTS: dict[str, Any] = {
    "cpu array": TEN,
    "dual constant": ak.to_backend(TEN, "dual"),
    "numpy array": np.array([[10.0], [10.0], [10.0]]),
    "numpy scalar": np.float64(10.0),
    "float": 10.0,
    "int": 10,
    "bool": True,
    "regular array": ak.from_numpy(np.full((3, 1), 10.0), regulararray=True),
}


class TestConstantsJoinIn:
    @pytest.mark.parametrize("name", CONSTANTS)
    @pytest.mark.parametrize("order", [lambda x, c: x * c, lambda x, c: c * x], ids=["x*c", "c*x"])
    def test_products(self, name: str, order: Any) -> None:
        constant = CONSTANTS[name]
        func = lambda x: order(x, constant)
        for found in (
            ad.jvp(func, (X,), (ak.ones_like(X),))[1],
            ad.elementwise_grad(func)(X),
            ad.linearize(func, X)[1](ak.ones_like(X)),
        ):
            assert found.to_list() == (ak.ones_like(X) * constant).to_list()

    def test_structures(self) -> None:
        mask, index = np.array([True, False, True]), np.array([2, 0])
        programs = {
            "zip": lambda x: ak.zip({"x": x, "c": TEN}).x * ak.zip({"x": x, "c": TEN}).c,
            "concatenate": lambda x: ak.concatenate([x, TEN, x * 2], axis=1),
            "where": lambda x: ak.where(TEN > 15, x, TEN),
            "mask": lambda x: x[mask],
            "awkward mask": lambda x: x[ak.Array(mask)],
            "ragged mask": lambda x: x[TEN > 15],
            "index": lambda x: x[index],
            "list index": lambda x: x[[2, 0]],
            "ragged index": lambda x: x[ak.Array([[1, 0], [], [0]])],
            "cartesian": lambda x: ak.cartesian({"x": x, "c": TEN}).x,
            "unflatten": lambda x: ak.unflatten(ak.flatten(x), np.array([1, 2])),
            "with_field": lambda x: ak.with_field(ak.zip({"c": TEN}), x, "x").x,
            "setitem": _set_field,
            "numpy function": lambda x: np.where(TEN > 15, x, 0.0),
            "broadcast": lambda x: ak.broadcast_arrays(x, np.array([1, 2, 3]))[0],
            "fill_none": lambda x: ak.fill_none(ak.pad_none(x, 2, axis=1), 7.0),
            "loop": lambda x: ak.Array([[e * 2.0 for e in inner] + [1.0] for inner in x]),
        }
        for name, func in programs.items():
            plain = func(X)
            value, tangent = ad.jvp(func, (X,), (X,))
            assert ak.to_list(value) == ak.to_list(plain), name
            if isinstance(value, ak.Array):
                assert ak.backend(value, tangent) == "cpu"
                tangent = ak.sum(abs(tangent), axis=None)
            assert tangent > 0.0, name

    @pytest.mark.parametrize("name", ZOO)
    def test_layouts_are_those_of_awkwards_constructors(self, name: str) -> None:
        layout = ZOO[name].layout
        joined = layout.to_backend("dual")
        built = type(layout)._to_backend.__wrapped__(layout, joined.backend)
        assert joined.is_equal_to(built, all_parameters=True)
        assert joined.form == built.form
        _same_attributes(joined, built)
        assert joined.to_backend("cpu").is_equal_to(layout, all_parameters=True)

    def test_columns_share_their_offsets(self) -> None:
        columns = ak.zip({"x": X, "y": X}, depth_limit=1).layout.to_backend("dual").contents
        assert columns[0].offsets is columns[1].offsets

    def test_virtual_columns_stay_virtual(self) -> None:
        loaded = []
        form = ak.forms.RecordForm(
            [ak.forms.NumpyForm("float64", form_key="x"), ak.forms.NumpyForm("float64", form_key="y")],
            ["x", "y"],
        )  # fmt: skip
        virtual = ak.from_buffers(
            form, 2, {"x-data": np.arange(2.0), "y-data": lambda: (loaded.append(1), np.ones(2))[1]}
        )
        dual = ak.to_backend(virtual, "dual")
        assert dual.x.to_list() == [0.0, 1.0]
        assert not loaded
        assert dual.y.to_list() == [1.0, 1.0]

    def test_live_duals_of_the_ground_join_in_too(self) -> None:
        outer = ad.dual(TEN, ak.ones_like(TEN))
        value, tangent = ad.jvp(lambda x: x * outer, (X,), (ak.ones_like(X),))
        assert ad.primal(tangent).to_list() == TEN.to_list()
        assert ad.tangent(value).to_list() == X.to_list()


def _same_attributes(a: Any, b: Any) -> None:
    """Nodes and indices have attributes of the same names and types, all the way down."""
    assert type(a) is type(b)
    # what is computed when it is asked for may be there or not
    names = {name for name in vars(a) if name.startswith("_")}
    assert names == {name for name in vars(b) if name.startswith("_")}
    for name in names:
        x, y = vars(a)[name], vars(b)[name]
        if isinstance(x, ak.contents.Content | ak.index.Index):
            _same_attributes(x, y)
        elif name == "_contents":
            for one, other in zip(x, y, strict=True):
                _same_attributes(one, other)
        elif name in ("_data", "_backend", "_nplike"):
            assert type(x) is type(y)


def _set_field(x: Any) -> Any:
    records = ak.zip({"c": TEN})
    records["x"] = x
    return records.x * records.c


class TestPlainArrays:
    def test_the_replaced_names_are_listed(self) -> None:
        names = adapter.replaced_names()
        assert len(names) == len(set(names))
        # Numba's dispatcher joins them when Numba is loaded
        assert all(name.startswith(("awkward.", "numba.")) for name in names)
        assert any("to_layout" in name for name in names)

    def test_they_do_not_become_dual(self) -> None:
        for out in (
            ak.Array([1.0]),
            ak.from_iter([[1.0], []]),
            ak.concatenate([X, TEN]),
            X * 2.0,
            ak.from_numpy(np.ones(2)),
            ak.from_buffers(*ak.to_buffers(X)),
            ak.zip({"x": X, "y": TEN}),
            ak.to_backend(ad.dual(X, None), "cpu"),
        ):
            assert ak.backend(out) == "cpu"

    def test_registering_is_idempotent_and_can_be_undone(self) -> None:
        code = """
import awkward as ak, numpy as np
from awkward._backends import dispatch
def state():
    return (ak.operations.ak_to_layout._impl, ak.operations.ak_from_iter._impl,
            dispatch.common_backend, ak.contents.ListOffsetArray.__init__,
            ak.Array.__reduce_ex__, dict(dispatch._name_to_backend_cls),
            len(dispatch._backend_lookup_factories), ak.operations.ak_var._impl.__code__)
before = state()
import awkward_dual as ad
assert state() != before
for _ in range(2):
    ad.register(); ad.register()
    assert ak.jvp is ad.jvp
    assert ad.jvp(lambda x: ak.sum(x**2), (ak.Array([3.0]),), (ak.Array([1.0]),)) == (9.0, 6.0)
    ad.unregister(); ad.unregister()
    assert state() == before
    assert not hasattr(ak, "jvp")
    assert ak.var(ak.Array([[1.0, 2.0]]), axis=1).to_list() == [0.25]
    try:
        ak.Array([1.0], backend="dual")
    except (ValueError, KeyError, TypeError):
        pass
    else:
        raise AssertionError
"""
        subprocess.run([sys.executable, "-W", "error", "-c", code], check=True)
