"""Bad primals and tangents: shapes, types, lengths, patterns, trees."""

from __future__ import annotations

import collections
import dataclasses
import datetime
import decimal
import fractions
from typing import Any

import awkward as ak
import numpy as np

import awkward_dual as ad
from awkward_dual import LevelError, TangentMismatch

X = ak.Array([[1.0, 2.0, 3.0], [], [4.0, 5.0]])
OPTION = ak.Array([1.0, None, 3.0])
RECORDS = ak.Array([{"a": 1.0, "n": 2}, {"a": 3.0, "n": 4}])
UNION = ak.Array([1.0, [2.0, 3.0], 4.0])
Point = collections.namedtuple("Point", ["a", "b"])


@dataclasses.dataclass
class Line:
    slope: Any
    offset: Any


class Anything:
    """An object that NumPy and Awkward know nothing about."""


def push(primal: Any, tangent: Any) -> Any:
    """The tangent of the square."""
    return ad.jvp(lambda x: x * x, (primal,), (tangent,))[1]


def same(primal: Any, tangent: Any) -> Any:
    """The tangent of the identity."""
    return ad.jvp(lambda x: x, (primal,), (tangent,))[1]


def shape(*lengths: int) -> Any:
    return ak.unflatten(np.ones(sum(lengths)), lengths)


def regular(*shape: int) -> Any:
    return ak.from_numpy(np.ones(shape), regulararray=True)


def cyclic() -> Any:
    out: list[Any] = [1.0]
    out.append(out)
    return out


def deep(depth: int) -> Any:
    out: Any = 1.0
    for _ in range(depth):
        out = [out]
    return out


def ended() -> Any:
    """A dual of a call that has ended."""
    kept: list[Any] = []
    ad.jvp(kept.append, (X,), (X,))
    return kept[0]


ROWS = [
    # how the arguments are handed over
    ("primals without their tuple", lambda: ad.jvp(np.sin, X, (X,)), TypeError, "write (primal,)"),
    ("tangents without their tuple", lambda: ad.jvp(np.sin, (X,), X), TypeError, "write (tangent,)"),
    ("a number for the primals", lambda: ad.jvp(np.sin, 1.0, (1.0,)), TypeError, "must be a tuple"),
    ("a dict for the primals", lambda: ad.jvp(np.sin, {"x": 1.0}, (1.0,)), TypeError, "not dict"),
    ("a string for the primals", lambda: ad.jvp(np.sin, "x", (1.0,)), TypeError, "not str"),
    ("a generator for the primals", lambda: ad.jvp(np.sin, (x for x in [1.0]), (1.0,)), TypeError, "not generator"),
    ("None for the primals", lambda: ad.jvp(np.sin, None, (1.0,)), TypeError, "not NoneType"),
    ("None for all tangents", lambda: ad.jvp(np.sin, (1.0,), None), TypeError, "not NoneType"),
    ("fewer tangents than primals", lambda: ad.jvp(np.add, (1.0, 2.0), (1.0,)), TypeError, "2 primals but 1 tangents"),
    ("more tangents than primals", lambda: ad.jvp(np.sin, (1.0,), (1.0, 2.0)), TypeError, "1 primals but 2 tangents"),
    ("no arguments at all", lambda: ad.jvp(lambda: 3.0, (), ()), (3.0, 0.0)),
    ("a function that takes fewer arguments", lambda: ad.jvp(lambda: 1.0, (1.0,), (1.0,)), TypeError, "positional argument"),
    ("a function that takes more arguments", lambda: ad.jvp(lambda x, y: x, (1.0,), (1.0,)), TypeError, "missing 1 required"),
    # lengths and lists
    ("fewer elements", lambda: push(X, X[:2]), TangentMismatch, "3 elements against 2"),
    ("other list lengths", lambda: push(X, shape(2, 1, 2)), TangentMismatch, "[0]: 3 elements against 2"),
    ("other list lengths further down", lambda: push(ak.Array([[[1.0]], [[2.0, 3.0]]]), ak.Array([[[1.0]], [[2.0], [3.0]]])), TangentMismatch, "[1]: 1 elements against 2"),
    ("one axis fewer", lambda: push(X, ak.flatten(X)), TangentMismatch, "3 elements against 5"),
    ("one axis more", lambda: push(X, X[:, np.newaxis]), TangentMismatch, "against"),
    ("no elements for some", lambda: push(X, X[:0]), TangentMismatch, "3 elements against 0"),
    ("some elements for none", lambda: push(X[:0], X), TangentMismatch, "0 elements against 3"),
    ("regular against var", lambda: push(regular(2, 2), shape(2, 2)), TangentMismatch, "2 * float64 against var * float64"),
    ("other regular sizes", lambda: push(regular(2, 3), regular(2, 2)), TangentMismatch, "lists of 3 against lists of 2"),
    ("other shapes of NumPy arrays", lambda: push(np.ones((2, 3)), np.ones((3, 2))), TangentMismatch, "2 * 3 * float64"),
    ("a NumPy array that would broadcast", lambda: push(np.ones(3), np.ones(1)), TangentMismatch, "3 * float64"),
    ("a number for an array", lambda: push(X, 1.0), TangentMismatch, "needs a tangent of that type"),
    ("a list for an array", lambda: push(X, X.to_list()), TangentMismatch, "needs a tangent of that type, not list"),
    ("an array for a number", lambda: push(1.0, np.ones(2)), TangentMismatch, "a number of type float64"),
    ("directions at the end", lambda: push(np.ones(3), np.ones((3, 2))), TangentMismatch, "3 * 2 * float64"),
    ("directions at the end of a ragged array", lambda: push(ak.Array([1.0, 2.0]), regular(2, 3)), TangentMismatch, "directions"),
    # missing values
    ("missing in the tangent", lambda: push(OPTION, ak.Array([1.0, None, None])), TangentMismatch, "missing in the tangent only"),
    ("missing in the primal", lambda: push(OPTION, ak.Array([1.0, 2.0, 3.0])), TangentMismatch, "?float64 against float64"),
    ("missing lists", lambda: push(ak.Array([[1.0], None]), ak.Array([None, [1.0]])), TangentMismatch, "missing in"),
    ("missing where the primal has no option", lambda: push(ak.Array([1.0, 2.0]), ak.Array([1.0, None])), TangentMismatch, "float64 against ?float64"),
    ("all missing", lambda: same(ak.Array([None, None]), ak.Array([None, None])), [None, None]),
    ("numbers for all missing", lambda: same(ak.Array([None, None]), ak.Array([1.0, 2.0])), [None, None]),
    # types
    ("float32 for float64", lambda: push(X, ak.values_astype(X, "f4")), TangentMismatch, "float64 against float32"),
    ("float64 for float32", lambda: push(np.ones(2, "f4"), np.ones(2)), TangentMismatch, "float32"),
    ("integers for floats", lambda: push(X, ak.values_astype(X, int)), TangentMismatch, "float64 against int64"),
    ("booleans for floats", lambda: push(X, X > 0), TangentMismatch, "float64 against bool"),
    ("complex for real", lambda: push(X, X * 1j), TangentMismatch, "float64 against complex128"),
    ("complex for a float", lambda: push(1.0, 1j), TangentMismatch, "complex128"),
    ("real for complex", lambda: push(X * 1j, X), TangentMismatch, "complex128 against float64"),
    ("strings for floats", lambda: push(X, ak.Array([["a", "b", "c"], [], ["d", "e"]])), TangentMismatch, "float64 against string"),
    ("strings for strings", lambda: same(ak.Array(["a", "bc"]), ak.Array(["def", ""])), ["", ""]),
    ("numbers for strings", lambda: same(ak.Array(["a", "bc"]), ak.Array([1.0, 2.0])), ["", ""]),
    ("a string for a float", lambda: push(1.0, "one"), TangentMismatch, "its tangent"),
    ("bytes for a float", lambda: push(1.0, b"one"), TangentMismatch, "its tangent"),
    ("an object for a float", lambda: push(1.0, Anything()), TangentMismatch, "its tangent"),
    ("an object for an array", lambda: push(X, Anything()), TangentMismatch, "not Anything"),
    ("a function for a float", lambda: push(1.0, np.sin), TangentMismatch, "its tangent"),
    ("a dict for a float", lambda: push(1.0, {}), TangentMismatch, "its tangent"),
    ("a list for a float", lambda: push(1.0, [1.0]), TangentMismatch, "its tangent"),
    ("objects for a NumPy array", lambda: push(np.ones(2), np.array([1.0, None])), TangentMismatch, "object"),
    ("dates for a NumPy array", lambda: push(np.ones(1), np.array(["2026-01-01"], "M8[D]")), TangentMismatch, "datetime64"),
    ("a masked array as the tangent", lambda: push(np.ones(2), np.ma.array([1.0, 2.0], mask=[0, 1])), TangentMismatch, "filled(0)"),
    ("a ragged list for a NumPy array", lambda: push(np.ones(2), [[1.0], [2.0, 3.0]]), TangentMismatch, "a nested list that is no array"),
    # what has no tangent
    ("a tangent for an integer", lambda: push(3, 1.0), TangentMismatch, "int has no tangents"),
    ("a tangent for a boolean", lambda: push(True, 1.0), TangentMismatch, "bool has no tangents"),
    ("a tangent for a string", lambda: same("a", 1.0), None),
    ("a tangent for None", lambda: same(None, 1.0), None),
    ("a tangent for an object", lambda: push(Anything(), 1.0), TangentMismatch, "Anything has no tangents"),
    ("a tangent for a function", lambda: push(np.sin, 1.0), TangentMismatch, "ufunc has no tangents"),
    ("a tangent for a class", lambda: push(float, 1.0), TangentMismatch, "type has no tangents"),
    ("a tangent for a set", lambda: push({1.0}, {1.0}), TangentMismatch, "set has no tangents"),
    ("a tangent for a Decimal", lambda: push(decimal.Decimal("1.5"), 1.0), TangentMismatch, "Decimal has no tangents"),
    ("a tangent for a Fraction", lambda: push(fractions.Fraction(1, 2), 1.0), TangentMismatch, "Fraction has no tangents"),
    ("a tangent for a date", lambda: push(datetime.date(2026, 1, 1), 1.0), TangentMismatch, "date has no tangents"),
    ("a tangent for a range", lambda: push(range(3), 1.0), TangentMismatch, "range has no tangents"),
    ("a tangent for a generator", lambda: push((x for x in [1.0]), 1.0), TangentMismatch, "generator has no tangents"),
    ("a tangent for an array builder", lambda: push(ak.ArrayBuilder(), 1.0), TangentMismatch, "ArrayBuilder has no tangents"),
    ("a tangent for a layout", lambda: push(X.layout, X.layout), TangentMismatch, "ListOffsetArray has no tangents"),
    ("tangents for an array of integers", lambda: same(np.array([1, 2]), np.array([0.5, 0.5])), [0, 0]),
    ("tangents for dates", lambda: same(np.array(["2026-01-01"], "M8[D]"), np.array([1.0])), [datetime.date(1970, 1, 1)]),
    # trees
    ("a list for a dict", lambda: push({"a": 1.0}, [1.0]), TypeError, "expected a dict at [0]"),
    ("a number for a dict", lambda: push({"a": 1.0}, 1.0), TypeError, "expected a dict"),
    ("a missing key", lambda: push({"a": 1.0, "b": 2.0}, {"a": 1.0}), TypeError, "keys 'b'"),
    ("another key", lambda: push({"a": 1.0}, {"b": 1.0}), TypeError, "keys 'a', 'b'"),
    ("a shorter list", lambda: push([1.0, 2.0], [1.0]), TypeError, "2 against 1"),
    ("a shorter namedtuple", lambda: push(Point(1.0, 2.0), (1.0,)), TypeError, "2 against 1"),
    ("a tuple for a dataclass", lambda: push(Line(1.0, 2.0), (1.0, 2.0)), TypeError, "expected a Line"),
    ("a wrong leaf far down", lambda: push({"a": [{"b": X}]}, {"a": [{"b": X[:1]}]}), TangentMismatch, "argument [0]['a'][0]['b']"),
    ("a list that holds itself", lambda: push(cyclic(), cyclic()), RecursionError, "recursion"),
    ("a list that holds itself, and no tangent", lambda: push(cyclic(), None), RecursionError, "recursion"),
    ("lists a hundred thousand deep", lambda: push(deep(100_000), None), RecursionError, "recursion"),
    ("keys that are no strings", lambda: ad.jvp(lambda p: p[3] * p[None], ({3: 2.0, None: 5.0},), ({3: 1.0, None: 0.0},)), (10.0, 5.0)),
    # records and unions
    ("a field missing", lambda: push(RECORDS, RECORDS[["a"]]), TangentMismatch, "{a: float64, n: int64} against {a: float64}"),
    ("a field too many", lambda: push(RECORDS[["a"]], RECORDS), TangentMismatch, "{a: float64} against"),
    ("a tuple for a record", lambda: push(ak.Array([{"0": 1.0}]), ak.Array([(1.0,)])), TangentMismatch, "against"),
    ("a number for a record", lambda: push(RECORDS[0], 1.0), TangentMismatch, "a record needs a record"),
    ("a dict for a record", lambda: push(RECORDS[0], {"a": 1.0, "n": 2}), TangentMismatch, "not dict"),
    ("an array for a record", lambda: push(RECORDS[0], RECORDS), TangentMismatch, "not Array"),
    ("a record for an array", lambda: push(RECORDS, RECORDS[0]), TangentMismatch, "not Record"),
    ("other members of a union", lambda: push(UNION, ak.Array([[2.0, 3.0], 1.0, 4.0])), TangentMismatch, "different members"),
    ("no union for a union", lambda: push(UNION, ak.Array([1.0, 2.0, 4.0])), TangentMismatch, "against"),
    # duals as arguments
    ("the dual of an ended call as the primal", lambda: push(ended(), X), LevelError, "has ended"),
    ("the dual of an ended call as the tangent", lambda: push(X, ended()), LevelError, "has ended"),
    ("a live tangent by hand", lambda: ad.dual(X, ad.dual(X, X)), LevelError, "nest awkward_dual.jvp"),
    ("a live primal by hand", lambda: ad.dual(ad.dual(X, X), X), LevelError, "nest awkward_dual.jvp"),
    ("a tangent by hand of another shape", lambda: ad.DualArray(np.ones(3), np.ones(2)), TangentMismatch, "expected (3,) or (k, *(3,))"),
    ("a tangent by hand of an object", lambda: ad.DualArray(np.ones(1), [None]), TangentMismatch, "a tangent of object"),
    ("a tangent by hand of a string", lambda: ad.DualArray(1.0, "a"), TangentMismatch, "does not fit a primal"),
    ("a dual of objects", lambda: ad.DualArray(np.array([None, 1.0]), [1.0, 1.0]), TypeError, "no array of numbers"),
    ("a dual of strings", lambda: ad.DualArray(np.array(["a"]), [1.0]), TangentMismatch, "has no tangents"),
    ("a dual of an integer", lambda: ad.dual(1, 1.0), TangentMismatch, "pass a float"),
    ("a dual with complex tangents of reals", lambda: ad.DualArray(np.ones(1), [1j]), TangentMismatch, "complex128"),
    ("a ragged list as a tangent by hand", lambda: ad.DualArray(np.ones(2), [[1.0], [1.0, 2.0]]), ValueError, "inhomogeneous"),
    ("a dual of a ragged list", lambda: ad.dual([[1.0], [2.0, 3.0]], [[1.0], [2.0]]), TypeError, "2 against 1"),
]  # fmt: skip
