"""`jacfwd`, `jacrev`, `hessian` and `hvp`: axes, chunks and trees."""

from __future__ import annotations

from typing import Any

import awkward as ak
import numpy as np
import pytest

import awkward_dual as ad
from awkward_dual.testing import assert_equal

X = ak.Array([[1.0, 2.0], [], [3.0]])
both = pytest.mark.parametrize("jacobian", [ad.jacfwd, ad.jacrev])


@both
class TestAxes:
    def test_a_float_adds_none(self, jacobian: Any) -> None:
        columns = jacobian(lambda a: ak.sum(a * X, axis=1))(2.0)
        assert columns.to_list() == [3.0, 0.0, 3.0]
        assert type(jacobian(lambda a: a**2)(3.0)) is np.float64

    def test_a_numpy_array_adds_its_own(self, jacobian: Any) -> None:
        columns = jacobian(lambda p: ak.sum(p[0, 0] * X + p[1, 1], axis=1))(np.eye(2))
        assert columns.type == ak.from_numpy(np.ones((3, 2, 2)), regulararray=True).type
        assert columns[0].to_list() == [[3.0, 0.0], [0.0, 2.0]]
        assert jacobian(lambda p: p.T)(np.eye(2)).shape == (2, 2, 2, 2)

    def test_an_awkward_array_adds_one(self, jacobian: Any) -> None:
        columns = jacobian(lambda x: ak.sum(x**2, axis=1))(X)
        assert columns.to_list() == [[2.0, 4.0, 0.0], [0.0, 0.0, 0.0], [0.0, 0.0, 6.0]]
        assert str(columns.type) == "3 * 3 * float64"
        assert str(jacobian(lambda x: x * 2)(X).type) == "3 * var * 3 * float64"

    def test_records_field_after_field(self, jacobian: Any) -> None:
        records = ak.Array([{"a": 1.0, "n": 2, "b": 5.0}, {"a": 3.0, "n": 4, "b": 7.0}])
        columns = jacobian(lambda r: ak.zip({"ab": r.a * r.b, "n": r.n}))(records)
        assert columns.ab.to_list() == [[5.0, 0.0, 1.0, 0.0], [0.0, 7.0, 0.0, 3.0]]
        assert columns.n.to_list() == [0, 0]

    def test_options(self, jacobian: Any) -> None:
        columns = jacobian(lambda x: ak.sum(x**2, axis=-1))(ak.Array([[1.0, None], None, [3.0]]))
        assert columns.to_list() == [[2.0, 0.0], None, [0.0, 6.0]]

    def test_trees_in_trees(self, jacobian: Any) -> None:
        out = jacobian(lambda d: {"y": d["a"] * d["b"], "z": d["a"], "n": 3})({"a": 2.0, "b": 3.0})
        assert out == {
            "y": {"a": 3.0, "b": 2.0},
            "z": {"a": 1.0, "b": 0.0},
            "n": {"a": 0, "b": 0},
        }

    def test_several_arguments(self, jacobian: Any) -> None:
        a, x = jacobian(lambda a, x: ak.sum(a * x, axis=1), (0, 1))(2.0, X)
        assert a.to_list() == [3.0, 0.0, 3.0]
        assert x.to_list() == [[2.0, 2.0, 0.0], [0.0, 0.0, 0.0], [0.0, 0.0, 2.0]]

    @pytest.mark.parametrize("chunk_size", [1, 2, 3, 100, None])
    def test_chunks(self, jacobian: Any, chunk_size: int | None) -> None:
        def func(x: Any) -> Any:
            return ak.sum(np.sin(x) * ak.prod(x, axis=None), axis=1)

        expected = jacobian(func)(X)
        assert_equal(jacobian(func, chunk_size=chunk_size)(X), expected, rtol=1e-14)

    def test_a_chunk_has_at_least_one_direction(self, jacobian: Any) -> None:
        with pytest.raises(ValueError, match="at least 1"):
            jacobian(lambda x: x, chunk_size=0)(1.0)

    def test_results_that_do_not_depend_on_the_argument(self, jacobian: Any) -> None:
        assert jacobian(lambda x: 1.5)(2.0) == 0.0
        assert jacobian(lambda x: X)(np.ones(2)).to_list() == [[[0.0] * 2] * 2, [], [[0.0] * 2]]

    @pytest.mark.parametrize("empty", [ak.Array([[1.0]])[:0], np.zeros(0)], ids=["array", "numpy"])
    def test_empty_arguments(self, jacobian: Any, empty: Any) -> None:
        columns = jacobian(lambda x: np.ones(2) * ak.sum(x))(empty)
        assert columns.shape == (2, 0)
        assert len(jacobian(lambda x: x * 2)(empty)) == 0

    def test_auxiliary_results(self, jacobian: Any) -> None:
        columns, aux = jacobian(lambda x: (ak.sum(x, axis=1), x[1:]), has_aux=True)(X)
        assert len(columns) == 3
        assert aux.to_list() == X[1:].to_list()
        assert not ad.is_live((columns, aux))

    def test_keywords_are_handed_on(self, jacobian: Any) -> None:
        assert jacobian(lambda x, power: x**power)(3.0, power=3) == 27.0

    def test_complex_arguments_are_refused(self, jacobian: Any) -> None:
        with pytest.raises(TypeError, match="complex"):
            jacobian(abs)(1.0 + 2.0j)

    def test_typetracers_are_refused(self, jacobian: Any) -> None:
        tracer = ak.Array(X.layout.to_typetracer(forget_length=True))
        with pytest.raises(TypeError, match="trace the function with jvp"):
            jacobian(lambda x: x)(tracer)


def test_complex_results() -> None:
    assert ad.jacfwd(lambda x: x * (1 + 2j))(2.0) == 1 + 2j
    with pytest.raises(TypeError, match="jacfwd"):
        ad.jacrev(lambda x: x * (1 + 2j))(2.0)


def test_jacfwd_calls_once_a_chunk_and_jacrev_once() -> None:
    calls = []

    def func(x: Any) -> Any:
        calls.append(1)
        return x**2

    ad.jacfwd(func, chunk_size=2)(np.ones(5))
    assert len(calls) == 3
    ad.jacrev(func, chunk_size=2)(np.ones(5))
    assert len(calls) == 4


def test_progress() -> None:
    pytest.importorskip("tqdm")
    assert ad.jacfwd(lambda x: x**2, progress=True)(3.0) == 6.0


class TestHessian:
    def test_closed_forms(self) -> None:
        at = np.array([2.0, 3.0])
        cubic = lambda p: p[0] ** 2 * p[1] ** 3
        expected = [[54.0, 108.0], [108.0, 72.0]]
        for outer in (ad.jacfwd, ad.jacrev):
            for inner in (ad.jacfwd, ad.jacrev):
                np.testing.assert_allclose(outer(inner(cubic))(at), expected, rtol=1e-14)
        np.testing.assert_allclose(ad.hessian(cubic)(at), expected, rtol=1e-14)

    def test_ragged(self) -> None:
        hessian = ad.hessian(lambda x: ak.sum(x**3))(X)
        assert hessian.to_list() == [[[6.0, 0.0, 0.0], [0.0, 12.0, 0.0]], [], [[0.0, 0.0, 18.0]]]

    def test_dictionaries(self) -> None:
        hessian = ad.hessian(lambda d: d["a"] ** 2 * d["b"])({"a": 2.0, "b": 3.0})
        assert hessian == {"a": {"a": 6.0, "b": 4.0}, "b": {"a": 4.0, "b": 0.0}}

    def test_auxiliary_results(self) -> None:
        assert ad.hessian(lambda x: (x**3, 2 * x), has_aux=True)(3.0) == (18.0, 6.0)

    def test_products_with_zeros(self) -> None:
        x = ak.Array([[0.0, 0.0, 3.0]])
        hessian = ad.hessian(lambda x: ak.sum(ak.prod(x, axis=1)))(x)
        assert hessian.to_list() == [[[0.0, 3.0, 0.0], [3.0, 0.0, 0.0], [0.0, 0.0, 0.0]]]

    def test_hvp(self) -> None:
        product = ad.hvp(lambda x: ak.sum(x**3), (X,), (ak.ones_like(X),))
        assert product.to_list() == [[6.0, 12.0], [], [18.0]]
        assert ad.hvp(lambda x, y: x**2 * y, (2.0, 3.0), (1.0, None)) == (6.0, 4.0)


def test_arguments_without_numbers() -> None:
    assert ad.jacrev(lambda x: ak.sum(x, axis=1))(ak.Array([[], []])).to_list() == [0, 0]
    assert ad.jacrev(lambda p: np.ones(2))({}) == {}
    for operator in (ad.jacfwd, ad.jacrev):
        block = operator(lambda p: p["a"] * np.ones(2))({"a": 1.0, "none": None})
        assert block["none"] is None
        assert block["a"].tolist() == [1.0, 1.0]
