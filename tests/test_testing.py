"""The public checks: they pass what is right and catch what is wrong."""

from __future__ import annotations

from typing import Any

import awkward as ak
import numpy as np
import pytest

import awkward_dual as ad
from awkward_dual.linear import Permute
from awkward_dual.rules import rows
from awkward_dual.testing import assert_equal, check_grads

X = ak.Array([[0.5, 1.0], [], [2.0]])
RECORDS = ak.Array([{"a": 1.0, "n": 1, "s": "x"}, {"a": 2.0, "n": 2, "s": "y"}])


def wrong(slope: float) -> Any:
    """The sine, with a derivative that is off by a factor."""
    func = ad.custom_jvp(np.sin)
    func.defjvp(lambda p, t: (np.sin(p[0]), slope * np.cos(p[0]) * t[0]))
    return func


class TestCheckGrads:
    @pytest.mark.parametrize(
        "args",
        [
            (X,),
            (0.3,),
            (np.array([0.1, 0.2]),),
            (ak.values_astype(X, np.float32),),
            (np.float32(0.3),),
        ],
        ids=lambda args: type(args[0]).__name__,
    )
    def test_right_rules_pass(self, args: Any) -> None:
        check_grads(lambda x: np.sin(x) * x, args, order=2)

    def test_trees_integers_and_strings_ride_along(self) -> None:
        func = lambda p, r: {"y": r.a * p["k"] * r.n, "r": r, "n": 3}
        check_grads(func, ({"k": 2.0, "n": 5}, RECORDS), order=2)

    @pytest.mark.parametrize("modes", [("fwd",), ("fwd", "rev")])
    @pytest.mark.parametrize("slope", [1.00001, 0.0, -1.0, np.nan, np.inf])
    def test_a_wrong_rule_is_caught(self, slope: float, modes: Any) -> None:
        with pytest.raises(AssertionError, match="derivative is off at result, element"):
            check_grads(wrong(slope), (X,), modes=modes)

    def test_the_worst_element_is_shown_by_its_path(self) -> None:
        func = ad.custom_jvp(lambda x: x * 1.0)
        func.defjvp(lambda p, t: (p[0] * 1.0, ak.where(p[0] == 2.0, 3.0, 1.0) * t[0]))
        with pytest.raises(AssertionError, match=r"element \[2\]\[0\].*differences give"):
            check_grads(func, (X,))
        with pytest.raises(AssertionError, match=r"result\['y'\], element \[2\]\[0\]"):
            check_grads(lambda x: {"x": x, "y": func(x)}, (X,))

    def test_a_wrong_second_derivative_is_caught(self) -> None:
        func = ad.custom_jvp(lambda x: x**2)
        func.defjvp(lambda p, t: (p[0] ** 2, 2 * ad.stop_gradient(p[0]) * t[0]))
        check_grads(func, (1.5,))
        with pytest.raises(AssertionError):
            check_grads(func, (1.5,), order=2)

    def test_a_wrong_transposed_map_is_caught(self, monkeypatch: pytest.MonkeyPatch) -> None:
        # the transposed of a permutation is its inverse, which is another one for three axes
        monkeypatch.setattr(
            Permute, "T", property(lambda self: Permute(self.out_shape, self.axes, self.in_dtype))
        )
        x = np.arange(8.0).reshape(2, 2, 2)
        with pytest.raises(AssertionError, match="not the transposed"):
            check_grads(lambda x: x.transpose(1, 2, 0) * np.arange(2.0), (x,))

    def test_a_reverse_mode_that_is_not_finite_is_caught(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        from awkward_dual import engine

        original = engine.scatter_add

        def poisoned(out: Any, *args: Any) -> None:
            original(out, *args)
            out.flat[0] = np.nan

        monkeypatch.setattr(engine, "scatter_add", poisoned)
        with pytest.raises(AssertionError, match="not finite"):
            check_grads(lambda x: ak.sort(x, axis=1)[:1, 1:], (X,))

    def test_a_wrong_value_is_caught(self) -> None:
        with pytest.raises(AssertionError, match="value differs"):
            check_grads(lambda x: x * (2.0 if ad.is_live(x) else 1.0), (X,))

    def test_modes_are_checked(self) -> None:
        with pytest.raises(ValueError, match="'fwd' and 'rev'"):
            check_grads(np.sin, (1.0,), modes=("forward",))

    def test_tolerances(self) -> None:
        with pytest.raises(AssertionError):
            check_grads(wrong(1.001), (X,), modes=("fwd",))
        check_grads(wrong(1.001), (X,), modes=("fwd",), rtol=1e-2)

    def test_the_table_is_left_alone(self) -> None:
        before = rows()
        check_grads(np.sin, (0.5,))
        assert rows() == before


EQUAL = {
    "arrays": (X, ak.Array([[0.5, 1.0], [], [2.0]])),
    "layouts": (ak.Array([1.0, 2.0, 3.0])[[0, 2]], ak.Array([1.0, 3.0])),
    "nan": (ak.Array([np.nan]), ak.Array([np.nan])),
    "records": (RECORDS[0], RECORDS[:1][0]),
    "integers": (ak.Array([[1], [2, 3]])[[1, 0]], ak.Array([[2, 3], [1]])),
    "absent and zero": (ad.dual(X, X * 0), X),
    "duals": (ad.dual(X, X) * 2, ad.dual(X * 2, X * 2)),
    "trees": ({"a": [1.0, "x", None, 3]}, {"a": [1.0, "x", None, 3]}),
    "numbers": (ad.dual(2.0, 1.0) ** 2, ad.dual(4.0, 4.0)),
}
DIFFERENT = {
    "primals": (X, X * 2),
    "tangents": (ad.dual(X, X), ad.dual(X, X * 2)),
    "a live and a constant": (ad.dual(X, X), X),
    "list lengths": (X, ak.Array([[0.5], [1.0], [2.0]])),
    "missing pattern": (ak.Array([1.0, None]), ak.Array([None, 1.0])),
    "dtype": (X, ak.values_astype(X, np.float32)),
    "dtype of numbers": (np.float32(1.0), np.float64(1.0)),
    "integers and floats": (ak.Array([1]), ak.Array([1.0])),
    "integers": (ak.Array([1, 2]), ak.Array([1, 3])),
    "numpy integers": (np.array([1, 2]), np.array([1, 3])),
    "strings": (ak.Array(["a"]), ak.Array(["b"])),
    "integer fields": (RECORDS, ak.with_field(RECORDS, [1, 3], "n")),
    "string fields": (RECORDS, ak.with_field(RECORDS, ["x", "z"], "s")),
    "records": (RECORDS[0], RECORDS[1]),
    "leaves of trees": ({"a": [1.0]}, {"a": [2.0]}),
    "keys": ({"a": 1.0}, {"b": 1.0}),
    "lengths": ([1.0], [1.0, 2.0]),
    "None": (1.0, None),
    "kinds": (X, 1.0),
}


class TestAssertEqual:
    @pytest.mark.parametrize("name", EQUAL)
    def test_equal(self, name: str) -> None:
        a, b = EQUAL[name]
        assert_equal(a, b)
        assert_equal(b, a)

    @pytest.mark.parametrize("name", DIFFERENT)
    def test_different(self, name: str) -> None:
        a, b = DIFFERENT[name]
        for pair in ((a, b), (b, a)):
            with pytest.raises(AssertionError, match="differ"):
                assert_equal(*pair)

    def test_tolerances(self) -> None:
        with pytest.raises(AssertionError, match="primals differ"):
            assert_equal(X, X * (1 + 1e-12))
        assert_equal(X, X * (1 + 1e-12), rtol=1e-10)
        with pytest.raises(AssertionError, match="tangents differ"):
            assert_equal(ad.dual(X, X), ad.dual(X, X + 1e-12))
        assert_equal(ad.dual(X, X), ad.dual(X, X + 1e-12), atol=1e-10)

    def test_nested_levels(self) -> None:
        def inner(x: Any) -> Any:
            assert_equal(x * x, x**2)
            with pytest.raises(AssertionError, match="tangents differ"):
                assert_equal(x * x, x * ad.stop_gradient(x))
            return x

        ad.jvp(lambda x: ad.jvp(inner, (x,), (1.0,))[0], (3.0,), (1.0,))


def test_a_selection_that_changes_within_a_step_is_no_check() -> None:
    x = np.array([1.0, 2.0])
    program = lambda s: x[x > ad.primal(s)] * ad.stop_gradient(s)
    with pytest.raises(AssertionError, match="where a selection changes"):
        check_grads(program, (1.9999,))


def test_arrays_of_different_libraries_differ() -> None:
    with pytest.raises(AssertionError, match="differ in type"):
        assert_equal(ak.Array([1.0]), np.array([1.0]))
    with pytest.raises(AssertionError, match="differ in type"):
        assert_equal(np.array([1.0]), ak.Array([1.0]))
