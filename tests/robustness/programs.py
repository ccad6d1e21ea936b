"""Bad operations on live values inside of the function: the error of ``cpu``, or one that says more."""

from __future__ import annotations

import ctypes
import json
import math
import pickle
from typing import Any

import awkward as ak
import numpy as np

import awkward_dual as ad
from awkward_dual import DirectionMismatch, MissingTangentRule, TangentLost

X = ak.Array([[1.0, 2.0, 3.0], [], [4.0, 5.0]])
V = np.array([1.0, 2.0, 3.0])
M = np.ones((2, 3))


def on(program: Any, x: Any = X) -> Any:
    """The tangent of a program at `x` along `x`."""
    return ad.jvp(program, (x,), (x,))[1]


def assigns(x: Any) -> Any:
    x[0] = 3.0
    return x


def assigns_to_numpy(x: Any) -> Any:
    out = np.zeros(3)
    out[0] = x[0]
    return out


def assigns_wrong_shape(x: Any) -> Any:
    x[:2] = x * 2
    return x


def assigns_beyond(x: Any) -> Any:
    x[7] = 1.0
    return x


def assigns_field(x: Any) -> Any:
    x = ak.zip({"a": x})
    x["b"] = [1, 2]
    return x


def deletes(x: Any) -> Any:
    del x[0]
    return x


def two_of_three(x: Any) -> Any:
    a, b = x
    return a * b


ROWS = [
    # indices
    ("an index beyond the end", lambda: on(lambda x: x[7]), IndexError, "cannot slice"),
    ("an index beyond the end of a NumPy array", lambda: on(lambda x: x[7], V), IndexError, "out of bounds"),
    ("an index beyond a list", lambda: on(lambda x: x[:, 0]), IndexError, "index out of range"),
    ("a float as an index", lambda: on(lambda x: x[1.5]), TypeError, "only integers"),
    ("a live float as an index", lambda: on(lambda x: V[x[0]], V), TangentLost, "NumPy array"),
    ("a live array as an index", lambda: on(lambda x: X[x], V), TypeError, "must be an array of integers or booleans"),
    ("a live array as an index of NumPy's", lambda: on(lambda x: V[x], V), TangentLost, "NumPy array"),
    ("too many indices of a ragged array", lambda: on(lambda x: x[0, 0, 0, 0]), IndexError, "too many indices"),
    ("too many indices", lambda: on(lambda x: x[0, 0], V), IndexError, "too many indices"),
    ("a mask of another length", lambda: on(lambda x: x[np.array([True, False])], V), IndexError, "boolean"),
    ("a ragged mask of other lengths", lambda: on(lambda x: x[ak.Array([[True], [], [True, False]])]), [[1.0], [], [4.0]]),
    ("a field that is not there", lambda: on(lambda x: ak.zip({"a": x})["b"]), ak.errors.FieldNotFoundError, "no field 'b'"),
    ("an attribute that is not there", lambda: on(lambda x: x.nothing), AttributeError, "nothing"),
    ("an attribute of a number that is not there", lambda: on(lambda x: x.nothing, 1.0), AttributeError, "nothing"),
    ("a dict as an index", lambda: on(lambda x: x[{}], V), IndexError, "only integers"),
    # shapes
    ("lists that do not broadcast", lambda: on(lambda x: x + x[:, :1]), ValueError, "cannot broadcast"),
    ("NumPy arrays that do not broadcast", lambda: on(lambda x: x + np.ones(2), V), ValueError, "could not be broadcast"),
    ("live arrays that do not broadcast", lambda: on(lambda x: x[:2] + x, V), ValueError, "could not be broadcast"),
    ("a matrix product of wrong shapes", lambda: on(lambda x: x @ x, M), ValueError, "matmul"),
    ("a reshape of a wrong size", lambda: on(lambda x: np.reshape(x, (2, 2)), V), ValueError, "reshape"),
    ("an axis that is not there", lambda: on(lambda x: ak.sum(x, axis=4)), ValueError, "axis"),
    ("an axis of NumPy that is not there", lambda: on(lambda x: np.sum(x, axis=4), V), ValueError, "axis 4"),
    ("an axis that is a string", lambda: on(lambda x: ak.sum(x, axis="x")), ValueError, "not found in named_axis"),
    ("stacks of different shapes", lambda: on(lambda x: np.stack([x, x[:2]]), V), ValueError, "same shape"),
    ("concatenation of different dimensions", lambda: on(lambda x: np.concatenate([x, M]), V), ValueError, "dimensions"),
    ("concatenation of nothing", lambda: on(lambda x: ak.concatenate([])), TypeError, "empty iterable"),
    ("counts that do not sum up", lambda: on(lambda x: ak.unflatten(x, [2, 2]), V), ValueError, "structure imposed by 'counts'"),
    ("a zip of different lengths", lambda: on(lambda x: ak.zip({"a": x, "b": x[:2]})), ValueError, "cannot broadcast"),
    ("combinations of a negative number", lambda: on(lambda x: ak.combinations(x, -1)), ValueError, "n"),
    ("a transposition of axes that are not there", lambda: on(lambda x: np.transpose(x, (0, 2)), M), ValueError, "axis 2"),
    ("a dot product of different lengths", lambda: on(lambda x: np.dot(x, x[:2]), V), ValueError, "aligned"),
    ("a new shape for a live array", lambda: on(lambda x: x.reshape(5, 5), V), ValueError, "reshape"),
    # types
    ("a sum with a string", lambda: on(lambda x: x + "a", 1.0), TypeError, "'DualArray' and 'str'"),
    ("a sum with None", lambda: on(lambda x: x + None, V), TypeError, "'NoneType'"),
    ("a sum with a dict", lambda: on(lambda x: x + {}), ValueError, "cannot broadcast records"),
    ("a sum with an object", lambda: on(lambda x: x + object(), V), TypeError, "'object'"),
    ("a power of a string", lambda: on(lambda x: x ** "2", 2.0), TypeError, "'DualArray' and 'str'"),
    ("a list of strings among operands", lambda: on(lambda x: x * ["a", "b", "c"], V), TypeError, "'multiply'"),
    ("a ragged list among operands", lambda: on(lambda x: x * [[1.0], [2.0, 3.0]], V), ValueError, "inhomogeneous"),
    ("dates among operands", lambda: on(lambda x: x + np.array(["2026-01-01"], "M8[D]"), V), TypeError, "'add'"),
    ("strings among operands", lambda: on(lambda x: x + ak.Array(["a", "b", "c"]), ak.Array([1.0, 2.0, 3.0])), ValueError, "cannot broadcast"),
    ("a ufunc without arguments", lambda: on(lambda x: np.sin(), V), TypeError, "0 were given"),
    ("a ufunc of too many arguments", lambda: on(lambda x: np.sin(x, x, x), V), TypeError, "positional arguments"),
    ("an unknown keyword of a ufunc", lambda: on(lambda x: np.sin(x, nothing=1), V), TypeError, "nothing"),
    ("a cast that loses", lambda: on(lambda x: np.add(x, x, casting="nope"), V), ValueError, "casting"),
    ("a bitwise operation on floats", lambda: on(lambda x: x & 1, V), TypeError, "not supported"),
    ("a shift of floats", lambda: on(lambda x: x << 1, V), TypeError, "not supported"),
    ("an unknown dtype", lambda: on(lambda x: x.astype("nope"), V), TypeError, "nope"),
    ("a cast to strings", lambda: on(lambda x: x.astype(str), V), TangentLost, "a cast to str"),
    ("a cast to dates", lambda: on(lambda x: x.astype("M8[D]"), V), TangentLost, "a cast to datetime64"),
    ("a cast to objects", lambda: on(lambda x: x.astype(object), V), TangentLost, "a cast to object"),
    # truth and control flow
    ("the truth of an array", lambda: on(lambda x: x if x > 0 else -x), ValueError, "truth value"),
    ("the truth of a NumPy array", lambda: on(lambda x: x if x else -x, V), ValueError, "ambiguous"),
    ("iteration over a number", lambda: on(list, 1.0), TypeError, "iteration over a dual number"),
    ("the length of a number", lambda: on(len, 1.0), TypeError, "len() of a dual number"),
    ("a call of a number", lambda: on(lambda x: x(), 1.0), TypeError, "not callable"),
    ("a range of a number", lambda: on(range, 1.0), TangentLost, "operator.index()"),
    ("a live number times a list", lambda: on(lambda x: [3.0] * x, 2.0), [6.0]),
    ("a live number as a key", lambda: on(lambda x: {x: 1}, 1.0), TypeError, "unhashable"),
    ("a live number in a set", lambda: on(lambda x: {x}, 1.0), TypeError, "unhashable"),
    ("a live number as a shape", lambda: on(np.zeros, 2.0), TypeError, "expected a sequence of integers"),
    ("a live number as an axis", lambda: on(lambda x: np.sum(V, axis=x), 0.0), TangentLost, "operator.index()"),
    ("a live number as a count", lambda: on(lambda x: ak.pad_none(X, x), 2.0), ctypes.ArgumentError, "wrong type"),
    ("a comparison with a string", lambda: on(lambda x: x < "a", V), TypeError, "'DualArray' and 'str'"),
    ("unpacking into too few", lambda: on(two_of_three, V), ValueError, "too many values"),
    # writing
    ("an assignment to an Awkward Array", lambda: on(assigns), TypeError, "only fields may be assigned"),
    ("an assignment of a live number to NumPy", lambda: on(assigns_to_numpy, V), ValueError, "setting an array element"),
    ("an assignment of another shape", lambda: on(assigns_wrong_shape, V), ValueError, "broadcast"),
    ("an assignment beyond the end", lambda: on(assigns_beyond, V), IndexError, "out of bounds"),
    ("a field of another length", lambda: on(assigns_field), ValueError, "cannot broadcast"),
    ("a deletion of an element", lambda: on(deletes, V), ValueError, "cannot delete array elements"),
    ("out= into NumPy", lambda: on(lambda x: np.sin(x, out=np.zeros(3)), V), TangentLost, "`out`"),
    # ways out
    ("float of an array of one", lambda: on(float, np.ones(1)), TangentLost, "float()"),
    ("math.sqrt", lambda: on(math.sqrt, 4.0), TangentLost, "float()"),
    ("sum with math.fsum", lambda: on(math.fsum, V), TangentLost, "float()"),
    ("a complex number of a live one", lambda: on(lambda x: complex(x, 1.0), 1.0), TangentLost, "complex()"),
    ("JSON of a live number", lambda: on(json.dumps, 1.0), TypeError, "not JSON serializable"),
    ("pickle of a running call", lambda: on(pickle.dumps, V), TangentLost, "serialising"),
    ("np.save of a live array", lambda: on(lambda x: np.save("/dev/null", x), V), MissingTangentRule, "save"),
    ("an array of objects", lambda: on(lambda x: np.array([x, None], dtype=object), 1.0), TangentLost, "NumPy array"),
    ("a record of NumPy's", lambda: on(lambda x: np.array([(x, 1)], dtype=[("a", "f8"), ("b", "i4")]), 1.0), ValueError, "setting an array element"),
    ("frombuffer of a live array", lambda: on(np.frombuffer, V), TypeError, "bytes-like"),
    ("an unknown NumPy function", lambda: on(np.fft.fft, V), MissingTangentRule, "numpy.fft.fft"),
    ("an unknown ufunc method", lambda: on(np.add.accumulate, V), MissingTangentRule, "add.accumulate"),
    ("different directions in one level", lambda: ad.dual(1.0, np.ones(2)) + ad.dual(1.0, np.ones(3)), DirectionMismatch, "different numbers of directions"),
    ("to_numpy of a ragged array", lambda: on(ak.to_numpy), TangentLost, "NumPy array"),
    ("an unknown backend", lambda: on(lambda x: ak.to_backend(x, "nope")), ValueError, "nope"),
]  # fmt: skip
