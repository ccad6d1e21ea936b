"""Odd but good input: NaN, infinity, nothing, much, strange layouts and numbers. The answer is right."""

from __future__ import annotations

import math
from typing import Any

import awkward as ak
import numpy as np

import awkward_dual as ad
from awkward_dual import TangentLost

nan, inf = math.nan, math.inf
X = ak.Array([[1.0, 2.0, 3.0], [], [4.0, 5.0]])
EMPTY = ak.Array([])
NOTHING = ak.Array([[], [], []])


def square(x: Any) -> Any:
    return x * x


def push(x: Any, program: Any = square, dx: Any = None) -> Any:
    """The tangent of a program along ones."""
    if dx is None:
        dx = ak.ones_like(x) if isinstance(x, ak.Array | ak.Record) else np.ones_like(x)[()]
    return ad.jvp(program, (x,), (dx,))[1]


def many_arguments(count: int) -> Any:
    ones = (1.0,) * count
    return ad.grad(lambda *args: sum(args), tuple(range(count)))(*ones) == ones


def nested_lists(depth: int) -> Any:
    array = ak.Array([2.0])
    for _ in range(depth):
        array = array[np.newaxis]
    return float(ad.grad(lambda x: ak.sum(x * x))(array)[(0,) * (depth + 1)])


def much() -> Any:
    """A million lists."""
    x = ak.unflatten(np.full(3_000_000, 2.0), np.full(1_000_000, 3))
    gradient = ad.grad(lambda x: ak.sum(ak.max(x * x, axis=1)))(x)
    return ak.sum(gradient), len(gradient)


def beyond_memory() -> Any:
    """An array with more elements than there are addresses, of one number."""
    x = np.broadcast_to(np.float64(2.0), 2**55)
    return ad.jvp(square, (x,), (x,))


def sliced_beyond_memory() -> Any:
    x = np.broadcast_to(np.float64(2.0), 2**55)
    return ad.jvp(lambda x: x[:3] * x[5], (x,), (x,))[1]


def foreign_endian() -> Any:
    return push(np.array([1.0, 2.0], dtype=">f8"), square, np.ones(2, dtype=">f8"))


def read_only() -> Any:
    x = np.array([1.0, 2.0])
    x.flags.writeable = False
    return push(x)


def overlapping() -> Any:
    """Lists that show elements twice."""
    index = ak.index.Index64
    layout = ak.contents.ListArray(
        index(np.array([0, 1])),
        index(np.array([2, 3])),
        ak.contents.NumpyArray(np.array([1.0, 2.0, 3.0])),
    )
    return ad.grad(lambda x: ak.sum(x * x))(ak.Array(layout))


def broken_offsets() -> Any:
    """Lists that would reach beyond their content: Awkward ends them there."""
    index = ak.index.Index64
    layout = ak.contents.ListOffsetArray(
        index(np.array([0, 2, 9])), ak.contents.NumpyArray(np.array([1.0, 2.0, 3.0]))
    )
    return push(ak.Array(layout))


def broken_index() -> Any:
    layout = ak.contents.IndexedArray(
        ak.index.Index64(np.array([0, 9])), ak.contents.NumpyArray(np.array([1.0, 2.0]))
    )
    return push(ak.Array(layout))


def broken_tags() -> Any:
    layout = ak.contents.UnionArray(
        ak.index.Index8(np.array([0, 5], np.int8)),
        ak.index.Index64(np.array([0, 0])),
        [ak.contents.NumpyArray(np.array([1.0])), ak.Array([["a"]]).layout],
    )
    return push(ak.Array(layout), lambda x: x, ak.Array(layout))


class Degrees(float):
    """A float with another name."""


class Tagged(np.ndarray):
    """An array with another name."""


def nine_levels() -> Any:
    func: Any = lambda x: x**8
    for _ in range(9):
        func = ad.grad(func) if _ % 2 else slope(func)
    return func(1.0)


def slope(func: Any) -> Any:
    return lambda x: ad.jvp(func, (x,), (1.0,))[1]


def through_builder(x: Any) -> Any:
    builder = ak.ArrayBuilder()
    builder.append(x)
    return ak.sum(builder.snapshot())


ROWS = [
    # NaN and infinity everywhere
    ("NaN everywhere", lambda: push(ak.Array([[nan, nan], [], [nan]])), [[nan, nan], [], [nan]]),
    ("NaN everywhere in a sum", lambda: push(np.full(3, nan), np.sum), 3.0),
    ("NaN everywhere in a maximum", lambda: push(ak.Array([[nan, nan], [], [1.0]]), lambda x: ak.max(x, axis=1)), [0.0, None, 1.0]),
    ("NaN everywhere in sorting", lambda: ad.jvp(lambda x: ak.sort(x, axis=1), (ak.Array([[nan, nan]]),), (ak.Array([[1.0, 2.0]]),))[1], [[1.0, 2.0]]),
    ("NaN everywhere in a gradient", lambda: ad.grad(lambda x: ak.sum(ak.where(np.isnan(x), 0.0, x * x)))(ak.Array([[nan, 2.0], [nan]])), [[0.0, 4.0], [0.0]]),
    ("NaN in the tangent only", lambda: push(np.array([1.0, 2.0]), lambda x: x * 0.0, np.array([nan, 1.0])), [0.0, 0.0]),
    ("NaN in the cotangent only", lambda: ad.vjp(lambda x: x * 0.0, np.array([1.0, 2.0]))[1](np.array([nan, 1.0]))[0], [0.0, 0.0]),
    ("infinity everywhere", lambda: push(ak.Array([inf, -inf]), np.tanh), [0.0, 0.0]),
    ("infinity in the tangent", lambda: push(np.array([0.0, 2.0]), square, np.array([inf, inf])), [0.0, inf]),
    ("all products with zeros", lambda: push(ak.Array([[0.0, 0.0], [0.0]]), lambda x: ak.prod(x, axis=1)), [0.0, 1.0]),
    ("numbers at the end of the range", lambda: push(np.array([1.7e308]), lambda x: x / 2), [0.5]),
    ("subnormal numbers", lambda: push(np.array([5e-324]), lambda x: x * 3), [3.0]),
    ("negative zero", lambda: push(np.array([-0.0]), np.abs), [0.0]),
    # nothing
    ("an array of nothing", lambda: push(EMPTY), []),
    ("lists of nothing", lambda: push(NOTHING), [[], [], []]),
    ("the sum of nothing", lambda: ad.value_and_grad(ak.sum)(X[:0]), (0.0, [])),
    ("the maximum of nothing", lambda: push(X[:0], lambda x: ak.max(x, axis=None)), None),
    ("a NumPy array of nothing", lambda: push(np.zeros((0, 3))), []),
    ("the Jacobian of nothing", lambda: ad.jacfwd(square)(np.zeros(0)), []),
    ("the Jacobian with respect to nothing", lambda: ad.jacrev(np.sum)(np.zeros(0)), []),
    ("the Hessian of nothing", lambda: ad.hessian(lambda x: np.sum(x * x))(np.zeros(0)), []),
    ("records of nothing", lambda: push(ak.Array([{}, {}]), lambda x: x), [{}, {}]),
    ("a dict of nothing", lambda: ad.jvp(lambda p: 1.0, ({},), ({},))[1], 0.0),
    ("combinations of nothing", lambda: push(X[:0], lambda x: ak.combinations(x, 2)), []),
    ("concatenation with nothing", lambda: push(X, lambda x: ak.concatenate([x, x[:0]])), [[1.0, 1.0, 1.0], [], [1.0, 1.0]]),
    ("strings only", lambda: push(ak.Array(["a", "b"]), lambda x: x), ["", ""]),
    # much
    ("a million lists", much, (4_000_000.0, 1_000_000)),
    ("a thousand arguments", lambda: many_arguments(1000), True),
    ("lists forty deep", lambda: nested_lists(40), 4.0),
    ("an array beyond memory", beyond_memory, MemoryError, "allocate"),
    ("a part of an array beyond memory", sliced_beyond_memory, [8.0, 8.0, 8.0]),
    ("nine levels", nine_levels, 0.0),
    # strange numbers
    ("foreign byte order", foreign_endian, [2.0, 4.0]),
    ("read-only memory", read_only, [2.0, 4.0]),
    ("negative strides", lambda: push(np.arange(6.0)[::-2]), [10.0, 6.0, 2.0]),
    ("Fortran order", lambda: push(np.asfortranarray(np.arange(4.0).reshape(2, 2))), [[0.0, 2.0], [4.0, 6.0]]),
    ("an array without axes", lambda: push(np.array(3.0)), 6.0),
    ("five axes", lambda: push(np.full((1, 1, 1, 1, 1), 3.0)), [[[[[6.0]]]]]),
    ("half precision", lambda: push(np.array([3.0], np.float16), square, np.ones(1, np.float16)), [6.0]),
    ("extended precision", lambda: push(np.array([3.0], np.longdouble), square, np.ones(1, np.longdouble)), [6.0]),
    ("single complex precision", lambda: push(np.array([1j], np.complex64), square, np.ones(1, np.complex64)), [2j]),
    ("a float subclass", lambda: ad.grad(square)(Degrees(3.0)), 6.0),
    ("an array of a subclass", lambda: push(np.array([3.0]).view(Tagged)), [6.0]),
    # broken layouts
    ("lists that show an element twice", overlapping, [[2.0, 4.0], [4.0, 6.0]]),
    ("lists that reach beyond their content", broken_offsets, [[2.0, 4.0], [6.0]]),
    ("an index beyond its content", broken_index, ValueError, "index"),
    ("tags beyond the contents", broken_tags, ValueError, "tags from 0 to 5"),
    # numbers as text
    ("a live number in an f-string", lambda: ad.jvp(lambda x: (x * x, f"{x:.1f}")[0], (2.0,), (1.0,))[1], 4.0),
    ("an unknown format", lambda: ad.jvp(lambda x: f"{x:nope}", (2.0,), (1.0,)), ValueError, "Invalid format"),
    ("a format of an array", lambda: ad.jvp(lambda x: f"{x:.1f}", (np.ones(2),), (np.ones(2),)), TypeError, "format"),
    ("the text of a live array", lambda: ad.jvp(lambda x: (x * x, str(x), repr(x))[0], (X,), (X,))[1], [[2.0, 8.0, 18.0], [], [32.0, 50.0]]),
    ("text to a number and back", lambda: ad.grad(lambda x: float(str(x)))(2.0), ValueError, "could not convert"),
    ("a number through a builder", lambda: ad.grad(through_builder)(2.0), TangentLost, ""),
]  # fmt: skip
