"""`DualArray`: the buffer pair as a number, as an array, as text."""

from __future__ import annotations

import gc
import operator
import tracemalloc
from typing import Any

import awkward as ak
import numpy as np
import pytest

import awkward_dual as ad
from awkward_dual import DualArray

X = np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
DX = np.arange(12.0).reshape(2, 2, 3)


@pytest.fixture
def x() -> DualArray:
    return DualArray(X.copy(), DX)


class TestConstruction:
    def test_one_direction_needs_no_axis(self) -> None:
        assert DualArray(X, X).tangent.shape == (1, 2, 3)
        assert DualArray(X, DX).tangent.shape == (2, 2, 3)
        assert DualArray(2.0, 1.0).tangent.shape == (1,)
        assert DualArray(2.0, [1.0, 2.0]).tangent.shape == (2,)

    def test_the_tangent_has_the_dtype_of_the_primal(self) -> None:
        assert DualArray(X.astype("f4"), X).tangent.dtype == np.float32
        assert DualArray(X, X.astype(int)).tangent.dtype == np.float64
        assert DualArray(X + 0j, X).tangent.dtype == np.complex128

    @pytest.mark.parametrize(
        ("primal", "tangent"),
        [
            (X, X[:1]),
            (X, DX[:, :1]),
            (2.0, X),
            (X, X + 1j),
            (X, "text"),
            (np.array([1, 2]), np.ones(2)),
            (np.array([True]), np.ones(1)),
            (np.array(["a"]), np.ones(1)),
            (3, 1.0),
        ],
        ids=lambda x: str(getattr(x, "dtype", x)),
    )
    def test_what_does_not_fit(self, primal: Any, tangent: Any) -> None:
        with pytest.raises(ad.TangentMismatch):
            DualArray(primal, tangent)

    def test_it_is_no_ndarray(self, x: DualArray) -> None:
        assert not isinstance(x, np.ndarray)
        assert not hasattr(x, "__dlpack__")
        assert not hasattr(x, "__array_interface__")


class TestShape:
    def test_it_looks_like_its_primal(self, x: DualArray) -> None:
        assert (x.shape, x.ndim, x.size, x.dtype, len(x)) == ((2, 3), 2, 6, np.float64, 2)
        assert (x.itemsize, x.nbytes) == (8, 48 + 96)
        assert x.strides == X.strides

    @pytest.mark.parametrize(
        "index",
        [0, -1, (1, 2), slice(None, None, -1), (slice(None), 1), ..., None, (..., 0), (None, 0),
         [1, 0, 1], (slice(None), [2, 0]), ([0, 1], [2, 0]), np.array([True, False]), X > 2.5,
         (0, slice(1, None)), ([[0, 1], [1, 0]],), np.int64(1), (np.array([1]), 0)],
        ids=str,
    )  # fmt: skip
    def test_indices(self, x: DualArray, index: Any) -> None:
        out = x[index]
        np.testing.assert_array_equal(out.primal, X[index])
        for i in range(2):
            np.testing.assert_array_equal(out.tangent[i], DX[i][index])

    @pytest.mark.parametrize(
        "move",
        [
            lambda a: a.T,
            lambda a: a.reshape(3, 2),
            lambda a: a.reshape(-1),
            lambda a: a.ravel(),
            lambda a: a.transpose(1, 0),
            lambda a: a.swapaxes(0, 1),
            lambda a: a.flatten(),
            lambda a: np.concatenate([a, a[:1]]),
            lambda a: np.stack([a, a], axis=1),
            lambda a: np.roll(a, 1, axis=1),
            lambda a: np.repeat(a, 2, axis=0),
            lambda a: a.astype(np.float32),
            lambda a: a.sum(axis=0),
            lambda a: np.cumsum(a, axis=1),
        ],
    )
    def test_moves_are_those_of_each_direction(self, x: DualArray, move: Any) -> None:
        out = move(x)
        np.testing.assert_array_equal(out.primal, move(X))
        for i in range(2):
            np.testing.assert_array_equal(out.tangent[i], move(DX[i]))

    def test_iteration(self, x: DualArray) -> None:
        assert [row.tangent.tolist() for row in x] == [DX[:, 0].tolist(), DX[:, 1].tolist()]
        with pytest.raises(TypeError):
            iter(x[0, 0])
        with pytest.raises(TypeError):
            len(x[0, 0])


class TestWriting:
    def test_a_written_buffer_is_a_cell(self, x: DualArray) -> None:
        before = x.copy()
        x[0, 1] = x[1, 2] * 2
        assert x.primal[0, 1] == 12.0
        assert x.tangent[:, 0, 1].tolist() == (2 * DX[:, 1, 2]).tolist()
        assert before.primal[0, 1] == 2.0
        x[1] = 0.0
        assert not x.tangent[:, 1].any()

    def test_duplicates_keep_the_last(self) -> None:
        x = DualArray(np.zeros(2))
        x[[0, 0]] = DualArray(np.array([1.0, 2.0]), np.array([10.0, 20.0]))
        assert (x.primal.tolist(), x.tangent.tolist()) == ([2.0, 0.0], [[20.0, 0.0]])

    def test_in_place_operators(self, x: DualArray) -> None:
        y = x
        y *= 2.0
        assert y is x
        np.testing.assert_array_equal(x.tangent, 2 * DX)

    def test_programs_with_writes(self) -> None:
        def func(x: Any) -> Any:
            y = x.copy()
            y[0] = y[1] * 2
            y[1] *= x[0]
            y += x
            y[[2, 0]] = y[[0, 2]] * x[1]
            return np.sum(y**2)

        ad.testing.check_grads(func, (np.array([1.0, 2.0, 3.0]),), order=3)

    def test_arguments_of_the_caller_are_not_written(self) -> None:
        def func(x: Any) -> Any:
            x[0] = 5.0 * x[1]
            return np.sum(x**2)

        argument = np.array([1.0, 2.0])
        assert ad.grad(func)(argument).tolist() == [0.0, 104.0]
        assert argument.tolist() == [1.0, 2.0]

        def with_field(r: Any) -> Any:
            r["b"] = r.a**2
            return ak.sum(r.b)

        records = ak.Array([{"a": 1.0}, {"a": 2.0}])
        assert ad.grad(with_field)(records).a.to_list() == [2.0, 4.0]
        assert records.fields == ["a"]


class TestNumbers:
    @pytest.mark.parametrize("name", ["add", "sub", "mul", "truediv", "pow", "mod"])
    @pytest.mark.parametrize("other", [3, 3.0, np.float64(3.0), np.int64(3), True])
    def test_operators_with_numbers(self, name: str, other: Any) -> None:
        func = getattr(operator, name)
        x = DualArray(2.0, 1.0)
        for left, right in ((x, other), (other, x)):
            out = func(left, right)
            plain = func(*(2.0 if z is x else z for z in (left, right)))
            assert float(ad.primal(out)) == plain
            slope = ad.jvp(
                lambda z, lx=left is x: func(z, other) if lx else func(other, z), (2.0,), (1.0,)
            )
            assert float(ad.tangent(out)) == slope[1]

    def test_comparisons_are_of_primals(self) -> None:
        x, y = DualArray(2.0, 1.0), DualArray(2.0, -5.0)
        assert x == y
        assert x <= y
        assert not x < y
        assert x > 1
        assert 1 < x  # noqa: SIM300
        assert type(x > 1) in (bool, np.bool_)
        assert sorted([y, x, 1.0])[0] == 1.0

    def test_unknown_operands_speak_for_themselves(self) -> None:
        class Own:
            def __radd__(self, other: Any) -> str:
                return "own"

        assert DualArray(2.0, 1.0) + Own() == "own"
        with pytest.raises(TypeError):
            DualArray(2.0, 1.0) + "text"
        with pytest.raises(TypeError):
            DualArray(2.0, 1.0) + None

    def test_round_is_a_step(self) -> None:
        assert round(DualArray(2.6, 1.0)) == 3
        assert round(DualArray(2.64, 1.0), 1) == 2.6


class TestText:
    def test_numbers(self) -> None:
        assert repr(DualArray(2.5, 1.0)) == "DualArray(2.5, [1.])"
        assert str(DualArray(2.5, -1.0)) == "2.5-1.0ε"
        assert f"{DualArray(2.5, [1.0, 2.0]):.1f}" == "2.5+[1.0, 2.0]ε"
        assert f"{DualArray(2.5)}" == "2.5"
        assert repr(DualArray(np.ones(2), np.ones(2))) == "DualArray([1., 1.], [[1., 1.]])"

    def test_nested_numbers(self) -> None:
        seen: list[str] = []
        ad.jvp(
            lambda x: ad.jvp(lambda y: seen.append(str(y * y)) or y, (x,), (1.0,))[0],
            (3.0,),
            (1.0,),
        )
        assert seen == ["9.0+6.0ε+(6.0+2.0ε)ε"]

    def test_arrays_of_awkward(self) -> None:
        x = ad.dual(ak.Array([[1.123456, 2.0], [], [1e9]]), ak.Array([[1.0, -2.0], [], [0.5]]))
        assert str(x) == "[[1.12+1ε, 2-2ε], [], [1e+09+0.5ε]]"
        assert repr(x) == "<Array [[1.12+1ε, 2-2ε], [], [1e+09+0.5ε]] type='3 * var * float64'>"
        assert "1.12346+1ε" in f"{x.show(precision=6, stream=None)}"


CALLS = {
    "jvp": lambda f, x: ad.jvp(f, (x,), (x,)),
    "grad": lambda f, x: ad.grad(f)(x),
    "checkpoint": lambda f, x: ad.grad(ad.checkpoint(f))(x),
    "hvp": lambda f, x: ad.hvp(f, (x,), (x,)),
    "linearize": lambda f, x: ad.linearize(f, x)[1](x),
    "loop": lambda f, x: ad.jvp(lambda x: ak.Array([e[0] * e for e in x if len(e)]), (x,), (x,)),
}


@pytest.mark.parametrize("name", CALLS)
def test_memory_stays_flat(name: str) -> None:
    x = ak.unflatten(ak.Array(np.linspace(0.0, 1.0, 1000)), np.full(100, 10))
    small = x[:3]
    argument = small if name == "loop" else x

    def func(x: Any) -> Any:
        return ak.sum(np.sin(x), axis=None)

    calls = {"jvp": 300, "loop": 12}.get(name, 20)
    for _ in range(5):
        CALLS[name](func, argument)
    gc.collect()
    tracemalloc.start()
    try:
        for _ in range(calls):
            CALLS[name](func, argument)
        gc.collect()
        growth, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    # one array of this size is 8 kB, and each call makes dozens
    assert growth < 60_000
