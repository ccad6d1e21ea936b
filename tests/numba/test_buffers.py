"""Buffers of dual numbers: output, NumPy arguments, slices, what may be written."""

from __future__ import annotations

from typing import Any

import awkward as ak
import numpy as np
import pytest

numba = pytest.importorskip("numba")

import awkward_dual as ad  # noqa: E402
from awkward_dual.numba import zeros  # noqa: E402
from awkward_dual.testing import assert_equal  # noqa: E402

X = ak.Array([[1.0, 2.0], [], [3.0]])


@numba.njit
def squares(events: Any) -> Any:
    out = zeros(len(events), like=events)
    for i, event in enumerate(events):
        for x in event:
            out[i] += x * x
    out[-1] = out[0] * 2
    out[1] = 1
    return out


def array_squares(x: Any) -> Any:
    first = ak.sum(x**2, axis=1)[0]
    return ak.Array([first, 0 * first + 1, 2 * first])


def test_output_buffers() -> None:
    value, tangent = ad.jvp(squares, (X,), (X,))
    assert isinstance(value, np.ndarray)
    expected = ad.jvp(array_squares, (X,), (X,))
    assert (value.tolist(), tangent.tolist()) == tuple(part.to_list() for part in expected)
    jacobian = ad.jacfwd(squares)(X)
    assert_equal(jacobian, np.asarray(ad.jacfwd(array_squares)(X)))


def test_the_same_function_on_plain_arrays() -> None:
    np.testing.assert_array_equal(squares(X), [5.0, 1.0, 10.0])
    np.testing.assert_array_equal(squares.py_func(X), [5.0, 1.0, 10.0])
    found = squares.py_func(ad.dual(X, X))
    assert_equal(found, squares(ad.dual(X, X)))


@pytest.mark.parametrize("like", [np.float32(1), 2.0, np.float32([1.0])], ids=str)
def test_precision(like: Any) -> None:
    made = numba.njit(lambda like: zeros(2, like=like))(ad.dual(like, like))
    assert made.dtype == np.asarray(like).dtype


@numba.njit
def numpy_loop(x: Any) -> Any:
    total = 0.0
    for e in x:
        total += e * e
    part = x[1:]
    return total * part[-1], part, len(x), x.size, x.shape, x.ndim, x[::-1][0]


@pytest.mark.parametrize("stride", [1, 2])
def test_numpy_arguments(stride: int) -> None:
    x = np.arange(1.0, 7.0)[::stride]
    value, tangent = ad.jvp(numpy_loop, (x,), (np.ones_like(x),))
    assert value[0] == np.sum(x**2) * x[-1]
    assert tangent[0] == 2 * np.sum(x) * x[-1] + np.sum(x**2)
    np.testing.assert_array_equal(value[1], x[1:])
    assert value[2:6] == (len(x), len(x), (len(x),), 1)
    assert (value[6], tangent[6]) == (x[-1], 1.0)


def test_arrays_without_tangents() -> None:
    """What a step function makes of a dual array is a constant."""
    scaled = numba.njit(lambda n, x: (n[0] * x[-1], n[1:], len(n)))

    def steps(x: Any) -> Any:
        product, rest, length = scaled(np.floor(x), x)
        return product * length + rest[0]

    x = np.array([2.5, 3.0])
    assert ad.jvp(steps, (x,), (np.ones(2),)) == (15.0, 4.0)
    np.testing.assert_array_equal(ad.grad(steps)(x), [0.0, 4.0])


def test_arguments_are_read_only() -> None:
    """Duals share their tangents: writing one would change others."""

    @numba.njit
    def write(x: Any) -> Any:
        x[0] = 1.0

    with pytest.raises(numba.core.errors.TypingError, match="zeros"):
        write(ad.dual(np.ones(2), np.ones(2)))


def test_buffers_between_compiled_functions() -> None:
    @numba.njit
    def fill(out: Any, x: Any) -> None:
        for i in range(len(out)):
            out[i] = x * i

    @numba.njit
    def outer(x: Any) -> Any:
        out = zeros(3, like=x)
        fill(out, x)
        return out[2], out, (out, x)

    value, tangent = ad.jvp(outer, (2.0,), (1.0,))
    assert (value[0], tangent[0]) == (4.0, 2.0)
    np.testing.assert_array_equal(tangent[1], [0, 1, 2])
    np.testing.assert_array_equal(tangent[2][0], [0, 1, 2])


def test_more_axes() -> None:
    with pytest.raises(ad.TangentLost, match="2 axes"):
        numba.njit(lambda x: x[0, 0])(ad.dual(np.ones((2, 2)), np.ones((2, 2))))


def test_values_that_do_not_fit() -> None:
    @numba.njit
    def assign(x: Any) -> Any:
        out = zeros(1, like=x)
        out[0] = 1j
        return out

    with pytest.raises(numba.core.errors.TypingError, match="cannot assign"):
        assign(ad.dual(1.0, 1.0))
