"""Operators called wrongly: no function, wrong argnums, results, cotangents, options, rules."""

from __future__ import annotations

from typing import Any

import awkward as ak
import numpy as np

import awkward_dual as ad
from awkward_dual import LevelError, MissingTangentRule, TangentLost, TangentMismatch
from awkward_dual.testing import assert_equal, check_grads

X = ak.Array([[1.0, 2.0, 3.0], [], [4.0, 5.0]])
ONES = ak.ones_like(X)


def total(x: Any) -> Any:
    return ak.sum(x * x)


def squares(x: Any) -> Any:
    return ak.sum(x * x, axis=1)


def pullback(func: Any = squares, *args: Any) -> Any:
    return ad.vjp(func, *(args or (X,)))[1]


def pusher() -> Any:
    return ad.linearize(squares, X)[1]


def with_rule(rule: Any) -> Any:
    """A function with this rule, called on something live."""
    func = ad.custom_jvp(lambda x: x * x)
    func.defjvp(rule)
    return ad.jvp(func, (X,), (ONES,))[1]


def nondiff(*argnums: Any) -> Any:
    func = ad.custom_jvp(lambda n, x: x**n, nondiff_argnums=argnums)
    func.defjvp(lambda n, primals, tangents: (func(n, *primals), tangents[0]))
    return func


def no_arguments() -> Any:
    return ad.grad(lambda: 1.0)()


def no_cotangent() -> Any:
    return pullback()()


def no_tangent() -> Any:
    return pusher()()


def nothing_but_nondiff() -> Any:
    return nondiff(0)()


def wrong_sine() -> Any:
    func = ad.custom_jvp(np.sin)
    func.defjvp(lambda p, t: (np.sin(p[0]), 1.5 * np.cos(p[0]) * t[0]))
    return func


def closing(x: Any) -> Any:
    func = ad.custom_jvp(lambda y: x * y)
    func.defjvp(lambda p, t: (func(*p), x * t[0]))
    return func(x)


ROWS = [
    # no function
    ("jvp of a value", lambda: ad.jvp(3.0, (1.0,), (1.0,)), TypeError, "jvp needs a function"),
    ("jvp of an array", lambda: ad.jvp(X, (1.0,), (1.0,)), TypeError, "jvp needs a function"),
    ("vjp of a value", lambda: ad.vjp(3.0, 1.0), TypeError, "vjp needs a function"),
    ("grad of a value", lambda: ad.grad(total(X)), TypeError, "grad needs a function"),
    ("grad of no function", lambda: ad.grad(None), TypeError, "grad needs a function"),
    ("value_and_grad of a value", lambda: ad.value_and_grad(3.0), TypeError, "value_and_grad needs a function"),
    ("jacfwd of a string", lambda: ad.jacfwd("sin"), TypeError, "jacfwd needs a function"),
    ("jacrev of a list", lambda: ad.jacrev([np.sin]), TypeError, "jacrev needs a function"),
    ("hessian of a value", lambda: ad.hessian(3.0), TypeError, "hessian needs a function"),
    ("hvp of a value", lambda: ad.hvp(3.0, (1.0,), (1.0,)), TypeError, "hvp needs a function"),
    ("linearize of a value", lambda: ad.linearize(3.0, 1.0), TypeError, "linearize needs a function"),
    ("checkpoint of a value", lambda: ad.checkpoint(3.0), TypeError, "checkpoint needs a function"),
    ("custom_jvp of a value", lambda: ad.custom_jvp(3.0), TypeError, "custom_jvp needs a function"),
    ("elementwise_grad of a value", lambda: ad.elementwise_grad(3.0), TypeError, "elementwise_grad needs a function"),
    ("check_grads of a value", lambda: check_grads(3.0, (1.0,)), TypeError, "check_grads needs a function"),
    ("a rule that is no function", lambda: ad.custom_jvp(np.sin).defjvp(3.0), TypeError, "defjvp needs a function"),
    # argnums
    ("argnums beyond the arguments", lambda: ad.grad(total, 1)(X), TypeError, "argnums=1, but the function was called with 1 arguments"),
    ("argnums before the arguments", lambda: ad.grad(total, -2)(X), TypeError, "argnums=-2"),
    ("negative argnums", lambda: ad.grad(lambda a, b: a * b * b, -1)(2.0, 3.0), 12.0),
    ("argnums twice", lambda: ad.grad(lambda a, b: a * b, (0, 0))(1.0, 2.0), TypeError, "names an argument twice"),
    ("argnums twice, once negative", lambda: ad.grad(lambda a, b: a * b, (1, -1))(1.0, 2.0), TypeError, "names an argument twice"),
    ("a float for argnums", lambda: ad.grad(total, 0.0)(X), TypeError, "argnums must be an int or a tuple of ints, not 0.0"),
    ("a string for argnums", lambda: ad.grad(total, "x")(X), TypeError, "argnums must be an int or a tuple of ints, not 'x'"),
    ("None for argnums", lambda: ad.jacfwd(total, None)(X), TypeError, "argnums must be an int or a tuple of ints, not None"),
    ("a string among argnums", lambda: ad.jacrev(total, (0, "x"))(X), TypeError, "argnums must be an int or a tuple of ints, not (0, 'x')"),
    ("a dict for argnums", lambda: ad.hessian(total, {0: 1})(X), TypeError, "argnums must be an int or a tuple of ints"),
    ("NumPy's integers for argnums", lambda: ad.grad(lambda a, b: a * b, np.int64(1))(2.0, 3.0), 2.0),
    ("a list for argnums", lambda: ad.grad(lambda a, b: a * b, [0, 1])(2.0, 3.0), (3.0, 2.0)),
    ("True for argnums", lambda: ad.grad(lambda a, b: a * b, True)(2.0, 3.0), TypeError, "not True"),
    ("no argnums", lambda: ad.grad(lambda a: a * a, ())(2.0), ()),
    ("argnums without arguments", no_arguments, TypeError, "called with 0 arguments by position"),
    ("the argument by keyword", lambda: ad.grad(lambda x: x * x)(x=2.0), TypeError, "called with 0 arguments by position"),
    ("elementwise_grad of a missing argument", lambda: ad.elementwise_grad(np.sin, 3)(X), TypeError, "argnums=3"),
    ("grad with respect to an integer", lambda: ad.grad(lambda x: x * x)(2), TypeError, "pass a float"),
    ("grad with respect to a string", lambda: ad.grad(len)("abc"), TypeError, "which is str"),
    ("grad with respect to integers", lambda: ad.grad(ak.sum)(ak.Array([1, 2])), TypeError, "which is int64"),
    ("grad with respect to strings", lambda: ad.grad(ak.count)(ak.Array(["a"])), TypeError, "which is string"),
    ("grad with respect to None", lambda: ad.grad(lambda x: 1.0)(None), TypeError, "which is NoneType"),
    ("grad with respect to dates", lambda: ad.grad(np.max)(np.array(["2026-01-01"], "M8[D]")), TypeError, "datetime64"),
    ("grad with respect to a dict of integers", lambda: ad.grad(lambda p: p["n"] * 1.0)({"n": 1}), TypeError, "which is int"),
    # results that have no gradient
    ("grad of an array", lambda: ad.grad(lambda x: x * x)(X), TypeError, "reduce it"),
    ("grad of an array of one number", lambda: ad.grad(lambda x: x)(np.ones(1)), TypeError, "reduce it"),
    ("grad of an integer", lambda: ad.grad(ak.count)(X), TypeError, "not int64"),
    ("grad of a boolean", lambda: ad.grad(lambda x: ak.any(x > 1))(X), TypeError, "not bool"),
    ("grad of a Python integer", lambda: ad.grad(lambda x: 3)(1.0), TypeError, "int"),
    ("grad of a complex number", lambda: ad.grad(lambda x: x * 1j)(1.0), TypeError, "complex"),
    ("grad of a string", lambda: ad.grad(lambda x: "abc")(1.0), TypeError, "str"),
    ("grad of None", lambda: ad.grad(lambda x: None)(1.0), TypeError, "NoneType"),
    ("grad of a tuple", lambda: ad.grad(lambda x: (x, x))(1.0), TypeError, "has_aux=True"),
    ("grad of a dict", lambda: ad.grad(lambda x: {"loss": x})(1.0), TypeError, "dict"),
    ("grad of a record", lambda: ad.grad(lambda x: ak.Record({"loss": 1.0}))(1.0), TypeError, "{loss: float64}"),
    ("grad of a missing value", lambda: ad.grad(lambda x: ak.max(x[:0]))(X), TypeError, "NoneType"),
    ("grad of a constant", lambda: ad.grad(lambda x: 3.0)(X), [[0.0, 0.0, 0.0], [], [0.0, 0.0]]),
    ("hessian of an array", lambda: ad.hessian(lambda x: x * x)(np.ones(2)), TypeError, "reduce it"),
    ("hvp of an array", lambda: ad.hvp(lambda x: x * x, (X,), (X,)), TypeError, "reduce it"),
    # has_aux
    ("has_aux without a pair", lambda: ad.jvp(np.sin, (1.0,), (1.0,), has_aux=True), TypeError, "must return a pair (result, aux)"),
    ("has_aux with three", lambda: ad.vjp(lambda x: (x, x, x), 1.0, has_aux=True), TypeError, "must return a pair"),
    ("has_aux with a list", lambda: ad.grad(lambda x: [x, x], has_aux=True)(1.0), TypeError, "must return a pair"),
    ("has_aux with None", lambda: ad.jacfwd(lambda x: None, has_aux=True)(1.0), TypeError, "must return a pair"),
    ("has_aux of jacrev without a pair", lambda: ad.jacrev(np.sin, has_aux=True)(1.0), TypeError, "must return a pair"),
    ("has_aux of a hessian without a pair", lambda: ad.hessian(lambda x: x * x, has_aux=True)(1.0), TypeError, "must return a pair"),
    ("anything as aux", lambda: ad.grad(lambda x: (x * x, {"a": [None, "b", x, int]}), has_aux=True)(3.0), (6.0, {"a": [None, "b", 3.0, int]})),
    # cotangents
    ("a cotangent of other list lengths", lambda: pullback()(ak.Array([1.0, 2.0])), TangentMismatch, "3 elements against 2"),
    ("a number as the cotangent of an array", lambda: pullback()(1.0), TangentMismatch, "needs a tangent of that type"),
    ("an integer cotangent", lambda: pullback()(ak.Array([1, 2, 3])), TangentMismatch, "float64 against int64"),
    ("a complex cotangent", lambda: pullback()(ak.Array([1j, 2j, 3j])), TangentMismatch, "float64 against complex128"),
    ("no cotangent", no_cotangent, TypeError, "missing 1 required positional argument"),
    ("two cotangents", lambda: pullback()(squares(X), squares(X)), TypeError, "takes 1 positional argument"),
    ("None as the cotangent", lambda: pullback()(None)[0], [[0.0, 0.0, 0.0], [], [0.0, 0.0]]),
    ("a string as the cotangent", lambda: pullback()("a"), TangentMismatch, "not str"),
    ("a tuple missing in the cotangent", lambda: pullback(lambda x: (x, x), 1.0)(1.0), TypeError, "expected a tuple"),
    ("a shorter cotangent", lambda: pullback(lambda x: (x, x), 1.0)((1.0,)), TypeError, "2 against 1"),
    ("a cotangent for a result without one", lambda: pullback(lambda x: "abc", 1.0)("abc"), (0.0,)),
    ("a number for a result of None", lambda: pullback(lambda x: None, 1.0)(1.0), (0.0,)),
    # linearize and hvp
    ("a tangent too few", no_tangent, TypeError, "1 against 0"),
    ("a tangent too many", lambda: pusher()(X, X), TypeError, "1 against 2"),
    ("a tangent of other list lengths", lambda: pusher()(X[:2]), TangentMismatch, "3 elements against 2"),
    ("hvp without a tuple", lambda: ad.hvp(total, X, (X,)), TypeError, "primals must be a tuple"),
    ("hvp without a tuple of tangents", lambda: ad.hvp(total, (X,), X), TypeError, "tangents must be a tuple"),
    ("hvp with tangents that do not fit", lambda: ad.hvp(total, (X,), (X[:2],)), TangentMismatch, "3 elements against 2"),
    ("hvp without arguments", lambda: ad.hvp(lambda: 1.0, (), ()), ()),
    # options
    ("chunks of no directions", lambda: ad.jacfwd(np.sin, chunk_size=0)(1.0), ValueError, "at least 1, not 0"),
    ("chunks of fewer than no directions", lambda: ad.jacrev(np.sin, chunk_size=-3)(1.0), ValueError, "at least 1, not -3"),
    ("chunks of a part of a direction", lambda: ad.jacfwd(np.sin, chunk_size=1.5)(1.0), TypeError, "chunk_size must be an int, not 1.5"),
    ("chunks of a string", lambda: ad.jacfwd(np.sin, chunk_size="all")(1.0), TypeError, "chunk_size must be an int, not 'all'"),
    ("an unknown option of jvp", lambda: ad.jvp(np.sin, (1.0,), (1.0,), holomorphic=True), TypeError, "holomorphic"),
    ("an unknown option of hessian", lambda: ad.hessian(np.sin, sparse=True)(1.0), TypeError, "sparse"),
    ("jacfwd with respect to complex numbers", lambda: ad.jacfwd(np.square)(1j), TypeError, "real and imaginary parts"),
    ("jacrev of a complex result", lambda: ad.jacrev(lambda x: x * 1j)(1.0), TypeError, "complex"),
    ("elementwise_grad of a complex result", lambda: ad.elementwise_grad(lambda x: x * 1j)(1.0), TypeError, "use jvp"),
    # rules of one's own
    ("a function without a rule", lambda: ad.custom_jvp(np.sin)(1.0), TypeError, "has no rule"),
    ("a keyword for a custom rule", lambda: nondiff(0)(2, x=1.0), TypeError, "keyword"),
    ("a keyword for a checkpoint", lambda: ad.grad(lambda x: ad.checkpoint(np.sin)(x=x))(1.0), TypeError, "keyword"),
    ("nondiff_argnums beyond the arguments", lambda: nondiff(5)(2, 3.0), TypeError, "nondiff_argnums"),
    ("nondiff_argnums without arguments", nothing_but_nondiff, TypeError, "nondiff_argnums"),
    ("an int for nondiff_argnums", lambda: ad.custom_jvp(np.sin, nondiff_argnums=0), TypeError, "nondiff_argnums"),
    ("a rule that gives None", lambda: with_rule(lambda p, t: None), TypeError, "must return a pair (result, tangent)"),
    ("a rule that gives a number", lambda: with_rule(lambda p, t: 3.0), TypeError, "must return a pair (result, tangent)"),
    ("a rule that gives a tangent only", lambda: with_rule(lambda p, t: t[0]), TypeError, "must return a pair (result, tangent)"),
    ("a rule that gives three", lambda: with_rule(lambda p, t: (p[0], t[0], t[0])), TypeError, "must return a pair (result, tangent)"),
    ("a rule with a number for an array", lambda: with_rule(lambda p, t: (p[0], 1.0)), TangentMismatch, "needs a tangent of that type"),
    ("a rule with other list lengths", lambda: with_rule(lambda p, t: (p[0], t[0][:2])), TangentMismatch, "3 elements against 2"),
    ("a rule with an integer tangent", lambda: with_rule(lambda p, t: (p[0], ak.values_astype(t[0], int))), TangentMismatch, "float64 against int64"),
    ("a rule that takes one argument", lambda: with_rule(lambda p: p), TypeError, "positional argument"),
    ("a rule for what is no ufunc", lambda: ad.def_ufunc_rule(len, lambda xp, y, x: (1.0,)), TypeError, "ufunc"),
    ("a rule for a ufunc that has one", lambda: ad.def_ufunc_rule(np.sin, lambda xp, y, x: (1.0,)), ValueError, "there is a rule for 'sin' already"),
    ("a ufunc rule that is no function", lambda: ad.def_ufunc_rule(np.frompyfunc(abs, 1, 1), 3.0), TypeError, "function"),
    # packing and checking
    ("packing a running call", lambda: ad.jvp(ad.pack, (X,), (X,)), TangentLost, "packing a dual of a running call"),
    ("packing a string", lambda: ad.pack("abc"), {"primal": "abc", "tangent": None}),
    ("unpacking a string", lambda: ad.unpack("abc"), TypeError, "as pack gives it"),
    ("unpacking None", lambda: ad.unpack(None), TypeError, "as pack gives it"),
    ("unpacking half", lambda: ad.unpack({"primal": X}), TypeError, "as pack gives it"),
    ("unpacking halves that do not fit", lambda: ad.unpack({"primal": X, "tangent": X[:2]}), TangentMismatch, "3 elements against 2"),
    ("an unknown mode to check", lambda: check_grads(np.sin, (1.0,), modes=("forward",)), ValueError, "fwd"),
    ("order zero to check", lambda: check_grads(np.sin, (1.0,), order=0), ValueError, "order"),
    ("a wrong rule to check", lambda: check_grads(wrong_sine(), (1.0,)), AssertionError, "differ"),
    ("equality with another type", lambda: assert_equal(X, ak.flatten(X)), AssertionError, "var * float64"),
    # tangents
    ("the tangent under grad", lambda: ad.grad(lambda x: ad.tangent(x) * x)(1.0), TypeError, "recorded, not computed"),
    ("a closure over what is differentiated", lambda: ad.grad(closing)(3.0), LevelError, "pass it as an argument"),
    ("the tangent of a constant", lambda: ad.tangent(3.0), 0.0),
    ("the primal of anything", lambda: ad.primal({"a": None, "b": "text"}), {"a": None, "b": "text"}),
    ("the level of anything", lambda: ad.is_live([None, "text", object, 1]), False),
    ("a function of unknown ufuncs", lambda: ad.grad(np.frompyfunc(lambda y: y, 1, 1))(1.0), MissingTangentRule, "def_ufunc_rule"),
]  # fmt: skip
