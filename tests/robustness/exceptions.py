"""Exceptions in the user's function, at every operator: they come out as they were raised."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from typing import Any

import awkward as ak
import numpy as np

import awkward_dual as ad
from awkward_dual import LevelError, TangentLost
from awkward_dual.rules.table import forget
from awkward_dual.testing import check_grads

X = ak.Array([[1.0, 2.0, 3.0], [], [4.0, 5.0]])
V = np.array([1.0, 2.0])


class Custom(Exception):
    """An exception of the user's own, with arguments of its own."""

    def __init__(self, code: int, *, reason: str) -> None:
        super().__init__(code)
        self.reason = reason

    def __str__(self) -> str:
        return f"code {self.args[0]}: {self.reason}"


def fails(kind: type[BaseException] = ValueError, *args: Any, **options: Any) -> Any:
    """A function that computes something, and then raises."""

    def func(*values: Any) -> Any:
        # a rule gets tuples of primals and tangents
        flat = [x for item in values for x in (item if isinstance(item, tuple) else (item,))]
        _ = [ak.sum(x * x) if isinstance(x, ak.Array) else x * x for x in flat]
        raise kind(*(args or ("in the user's function",)), **options)

    return func


def fails_later(func: Callable[..., Any], times: int) -> Callable[..., Any]:
    """A function that raises when it is called once too often."""
    calls = iter(range(times))

    def counted(*args: Any) -> Any:
        if next(calls, None) is None:
            raise ValueError("called once too often")
        return func(*args)

    return counted


def forever(x: Any) -> Any:
    return forever(x * 1.0)


def forever_nested(x: Any) -> Any:
    return ad.jvp(forever_nested, (x,), (1.0,))[1]


def forever_reverse(x: Any) -> Any:
    return ad.grad(forever_reverse)(x)


def stops(x: Any) -> Any:
    return next(iter(())) * x


def warns(x: Any) -> Any:
    warnings.warn("in the user's function", UserWarning, stacklevel=1)
    return x * x


def quiet_and_fails(x: Any) -> Any:
    with np.errstate(all="ignore"):
        return fails()(x)


def exhausts(x: Any) -> Any:
    return np.zeros(2**62 // 8) * x


def catches(x: Any) -> Any:
    """A function that goes on after an error in an operator."""
    try:
        ad.grad(fails())(x)
    except ValueError:
        return x * x
    raise AssertionError


def catches_loss(x: Any) -> Any:
    try:
        return float(x)
    except TangentLost:
        return x * 3.0


def finally_computes(x: Any) -> Any:
    try:
        raise KeyError("first")
    finally:
        _ = x * x


def chained(x: Any) -> Any:
    try:
        float(x)
    except TangentLost as error:
        raise RuntimeError("from a loss") from error


def rule_fails() -> Any:
    func = ad.custom_jvp(lambda x: x * x)
    func.defjvp(fails())
    return func


def partials_fail() -> Any:
    func = np.frompyfunc(lambda x: x * x, 1, 1)
    ad.def_ufunc_rule(func, lambda xp, y, x: fails()(x))
    try:
        return ad.grad(func)(2.0)
    finally:
        forget(func)


def half_consumed() -> Iterator[Any]:
    """A generator that calls an operator at each step; it is left before its end."""
    for i in range(10):
        yield ad.grad(lambda x, i=i: x**i)(2.0)
    raise AssertionError


def generates(x: Any) -> Iterator[Any]:
    yield x * x
    yield x * x * x


def left_inside(x: Any) -> Any:
    """A generator over a live number, left half consumed inside of the function."""
    steps = generates(x)
    return next(steps)


def thrown_into(x: Any) -> Any:
    steps = generates(x)
    next(steps)
    steps.throw(ValueError("thrown into the generator"))


def generator_kept() -> Any:
    """A generator over a live number that outlives its call."""
    kept: list[Any] = []
    ad.jvp(lambda x: kept.append(generates(x)), (2.0,), (1.0,))
    return next(kept[0])


def custom_fails() -> Any:
    func = ad.custom_jvp(fails())
    func.defjvp(lambda p, t: (p[0], t[0]))
    return func


def divides_strictly(x: Any) -> Any:
    with np.errstate(divide="raise"):
        return np.divide(1.0, np.add(x, np.zeros(1)))[0]


def power(x: Any, n: int) -> Any:
    return 1.0 if n == 0 else x * power(x, n - 1)


def long_chain(x: Any) -> Any:
    for _ in range(10_000):
        x = x * 1.0
    return x


ROWS = [
    ("raised in jvp", lambda: ad.jvp(fails(), (X,), (X,)), ValueError, "in the user's function"),
    ("raised in vjp", lambda: ad.vjp(fails(), X), ValueError, "in the user's function"),
    ("raised in grad", lambda: ad.grad(fails())(X), ValueError, "in the user's function"),
    ("raised in value_and_grad", lambda: ad.value_and_grad(fails())(X), ValueError, "in the user's function"),
    ("raised in jacfwd", lambda: ad.jacfwd(fails())(X), ValueError, "in the user's function"),
    ("raised in jacrev", lambda: ad.jacrev(fails())(X), ValueError, "in the user's function"),
    ("raised in hessian", lambda: ad.hessian(fails())(V), ValueError, "in the user's function"),
    ("raised in hvp", lambda: ad.hvp(fails(), (X,), (X,)), ValueError, "in the user's function"),
    ("raised in linearize", lambda: ad.linearize(fails(), X), ValueError, "in the user's function"),
    ("raised in elementwise_grad", lambda: ad.elementwise_grad(fails())(X), ValueError, "in the user's function"),
    ("raised in checkpoint, forward", lambda: ad.jvp(ad.checkpoint(fails()), (2.0,), (1.0,)), ValueError, "in the user's function"),
    ("raised in checkpoint, reverse", lambda: ad.grad(ad.checkpoint(fails()))(2.0), ValueError, "in the user's function"),
    ("raised in custom_jvp", lambda: ad.jvp(custom_fails(), (2.0,), (1.0,)), ValueError, "in the user's function"),
    ("raised in the rule, forward", lambda: ad.jvp(rule_fails(), (2.0,), (1.0,)), ValueError, "in the user's function"),
    ("raised in the rule, reverse", lambda: ad.grad(rule_fails())(2.0), ValueError, "in the user's function"),
    ("raised in the partials of a ufunc", partials_fail, ValueError, "in the user's function"),
    ("raised in check_grads", lambda: check_grads(fails(), (2.0,)), ValueError, "in the user's function"),
    ("raised in the second chunk of jacfwd", lambda: ad.jacfwd(fails_later(np.square, 1), chunk_size=1)(V), ValueError, "once too often"),
    ("raised in the pullback of a checkpoint", lambda: ad.vjp(ad.checkpoint(fails_later(np.square, 1)), 2.0)[1](1.0), ValueError, "once too often"),
    ("raised in the second of two nested calls", lambda: ad.jvp(ad.grad(fails()), (2.0,), (1.0,)), ValueError, "in the user's function"),
    ("raised in the third of three nested calls", lambda: ad.grad(ad.grad(ad.grad(fails())))(2.0), ValueError, "in the user's function"),
    # kinds of exceptions
    ("an exception of one's own", lambda: ad.grad(fails(Custom, 3, reason="because"))(X), Custom, "code 3: because"),
    ("KeyboardInterrupt", lambda: ad.grad(fails(KeyboardInterrupt))(X), KeyboardInterrupt, "in the user's function"),
    ("SystemExit", lambda: ad.jvp(fails(SystemExit, 3), (X,), (X,)), SystemExit, "3"),
    ("GeneratorExit", lambda: ad.jvp(fails(GeneratorExit), (X,), (X,)), GeneratorExit, "in the user's function"),
    ("StopIteration", lambda: ad.grad(stops)(2.0), StopIteration, ""),
    ("MemoryError", lambda: ad.grad(fails(MemoryError, "full"))(X), MemoryError, "full"),
    ("a real MemoryError", lambda: ad.grad(exhausts)(2.0), MemoryError, "allocate"),
    ("NotImplementedError", lambda: ad.grad(fails(NotImplementedError, "later"))(X), NotImplementedError, "later"),
    ("AssertionError", lambda: ad.grad(fails(AssertionError, "no"))(X), AssertionError, "no"),
    ("an error of the system", lambda: ad.grad(fails(OSError, 2, "no such file"))(X), OSError, "no such file"),
    ("a warning as an error", lambda: ad.grad(warns)(2.0), UserWarning, "in the user's function"),
    ("the error of a loss, chained", lambda: ad.grad(chained)(2.0), RuntimeError, "from a loss"),
    ("an error with a live value behind it", lambda: ad.grad(finally_computes)(2.0), KeyError, "first"),
    ("an error under np.errstate", lambda: ad.grad(quiet_and_fails)(2.0), ValueError, "in the user's function"),
    ("a floating point error that raises", lambda: ad.grad(divides_strictly)(0.0), FloatingPointError, "divide by zero"),
    ("an error that is caught inside", lambda: ad.grad(catches)(3.0), 6.0),
    ("a loss that is caught inside", lambda: ad.grad(catches_loss)(3.0), 3.0),
    # recursion
    ("recursion without end", lambda: ad.grad(forever)(1.0), RecursionError, "recursion"),
    ("recursion without end in jvp", lambda: ad.jvp(forever, (X,), (X,)), RecursionError, "recursion"),
    ("nested jvp without end", lambda: forever_nested(1.0), RecursionError, "recursion"),
    ("nested grad without end", lambda: forever_reverse(1.0), RecursionError, "recursion"),
    ("recursion that ends", lambda: ad.grad(power)(2.0, 50) == 50 * 2.0**49, True),
    ("a tape ten thousand operations long", lambda: ad.grad(long_chain)(1.0), 1.0),
    # generators
    ("a generator of operators, left early", lambda: [next(half_consumed()), next(half_consumed())], [0.0, 0.0]),
    ("a generator left inside of the function", lambda: ad.grad(left_inside)(3.0), 6.0),
    ("an error thrown into a generator", lambda: ad.grad(thrown_into)(3.0), ValueError, "thrown into the generator"),
    ("a generator that outlives its call", generator_kept, LevelError, "has ended"),
    ("a generator as the function", lambda: ad.grad(generates)(3.0), TypeError, "returned a generator"),
    ("a generator of live numbers summed", lambda: ad.grad(lambda x: sum(generates(x)))(3.0), 33.0),
    ("a generator of live numbers made an array", lambda: ad.grad(lambda x: ak.sum(ak.Array(list(generates(x)))))(3.0), 33.0),
]  # fmt: skip
