"""Runs of rules on large arrays: as the rules one by one, whoever asks for what, and when."""

from __future__ import annotations

import copy
import gc
import pickle
import sys
import weakref
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import awkward as ak
import numpy as np
import pytest

import awkward_dual as ad
from awkward_dual import compiled
from awkward_dual.deferred import DeferredArray
from awkward_dual.levels import GROUND
from awkward_dual.runs import budget, guards, pending
from awkward_dual.runs import program as programs

SIZE = 3_000
RNG = np.random.default_rng(2)
X, Y = RNG.uniform(0.5, 2.0, (2, SIZE))
V, W = RNG.normal(size=(2, SIZE))
EIGHT = RNG.normal(size=(8, SIZE))
OFFSETS = np.concatenate([[0], np.sort(RNG.integers(0, SIZE, 700)), [SIZE]])


@pytest.fixture(autouse=True)
def _forced(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    # several blocks, the last one shorter
    monkeypatch.setattr(programs, "SHORTEST", 250)
    monkeypatch.setattr(programs, "BLOCK", 1_100)
    # at the ground level what is left of earlier tests would count
    monkeypatch.setattr(GROUND, "budget", None)
    before = ad.set_engine("compiled")
    yield
    ad.set_engine(before)


@pytest.fixture
def room(monkeypatch: pytest.MonkeyPatch) -> None:
    """Memory for tangents that are computed late, also in programs of a few arrays."""
    monkeypatch.setattr(budget, "FEWEST", 100)


def with_numpy(call: Any) -> Any:
    before = ad.set_engine("numpy")
    try:
        return call()
    finally:
        ad.set_engine(before)


def ragged(x: Any) -> Any:
    return ak.unflatten(x, np.diff(OFFSETS))


def squares(x: Any) -> Any:
    return ak.sum(x**2) if isinstance(x, ak.Array) else x**2


def shared(x: Any, y: Any) -> Any:
    """Results that are read more than once, in one run and in several."""
    a = np.exp(-x * y)
    b = np.sqrt(a + x * x)
    return (a * b + b / y, np.tanh(b) * a, a)


def with_numbers(x: Any, y: Any) -> Any:
    return (2.0 * x / (1 + y) - 3, x**2 + 1 / y**3, np.arctan2(x, 2.0))


def with_constants(x: Any, y: Any) -> Any:
    return (x * Y + np.maximum(y, X), np.hypot(x, Y) / X, np.where(X > 1, x, y * x))


def with_steps(x: Any, y: Any) -> Any:
    z = x * y
    return (z * (z > 1), np.floor(z) + z, np.copysign(z, x - y))


PROGRAMS = [shared, with_numbers, with_constants, with_steps]


def close(found: Any, expected: Any) -> None:
    assert found.dtype == expected.dtype
    scale = np.abs(expected).max()
    eps = np.finfo(expected.dtype).eps
    np.testing.assert_allclose(found, expected, rtol=16 * eps, atol=16 * eps * scale)


@pytest.mark.parametrize("program", PROGRAMS)
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("which", ["x", "y", "both"])
def test_forward(program: Any, dtype: Any, which: str) -> None:
    x, y, v, w = (a.astype(dtype) for a in (X, Y, V, W))
    tangents = (v if which != "y" else None, w if which != "x" else None)
    found = ad.jvp(program, (x, y), tangents)
    expected = with_numpy(lambda: ad.jvp(program, (x, y), tangents))
    for a, b in zip(found[0], expected[0], strict=True):
        np.testing.assert_array_equal(a, b)
    for a, b in zip(found[1], expected[1], strict=True):
        close(a, b)


@pytest.mark.parametrize("program", PROGRAMS)
def test_eight_directions(program: Any) -> None:
    def call() -> list[Any]:
        x, y = ad.DualArray(X, EIGHT), ad.DualArray(Y, EIGHT[::-1].copy())
        return [out.tangent for out in program(x, y)]

    for a, b in zip(call(), with_numpy(call), strict=True):
        close(a, b)


@pytest.mark.parametrize("program", PROGRAMS)
def test_backward(program: Any) -> None:
    def call() -> Any:
        value, pullback = ad.vjp(program, X, Y)
        return pullback(tuple(np.sin(z) for z in value))

    for a, b in zip(call(), with_numpy(call), strict=True):
        close(a, b)


@pytest.mark.parametrize("program", PROGRAMS)
def test_transposition(program: Any) -> None:
    c = RNG.normal(size=(3, SIZE))
    _, forward = ad.jvp(program, (X, Y), (V, W))
    dx, dy = ad.vjp(program, X, Y)[1](tuple(c))
    left = sum(np.vdot(a, b) for a, b in zip(c, forward, strict=True))
    assert np.isclose(left, np.vdot(dx, V) + np.vdot(dy, W), rtol=1e-12)


def test_numbers_that_are_differentiated() -> None:
    def program(p: Any) -> Any:
        x = ak.Array(X)
        for i in range(len(p)):
            x = x * (1 + p[i] * Y**i)
        return ak.sum(np.sqrt(x) * x)

    p = np.array([0.1, -0.2, 0.05])
    jacobian = ad.jacfwd(program)(p)
    close(jacobian, with_numpy(lambda: ad.jacfwd(program)(p)))
    close(ad.grad(program)(p), jacobian)
    differences = [(program(p + h) - program(p - h)) / 2e-6 for h in 1e-6 * np.eye(3)]
    np.testing.assert_allclose(jacobian, differences, rtol=1e-7)


@pytest.mark.parametrize("axis", [None, -1])
def test_gathers_and_sums(axis: Any) -> None:
    def program(x: Any) -> Any:
        a, b = ak.unzip(ak.combinations(x, 2))
        return ak.sum(np.exp(-((a - b) ** 2)) * a, axis=axis)

    x, v = ragged(X), ragged(V)
    for call in (
        lambda: np.asarray(ad.jvp(program, (x,), (v,))[1]),
        lambda: ad.grad(lambda x: squares(program(x)))(x).layout.content.data,
    ):
        close(call(), with_numpy(call))


@pytest.mark.parametrize("index", [slice(None, None, -1), slice(-SIZE, None), slice(0, 100)])
def test_gathers_by_an_index(index: slice) -> None:
    where = ad.DualArray(np.arange(-SIZE, 0)[index].repeat(3))

    def program(x: Any) -> Any:
        picked = x[where]
        return np.exp(-picked) * picked + np.sqrt(x[where]), picked * 2

    def forward() -> Any:
        return [y.tangent for y in program(ad.DualArray(X, EIGHT))]

    def backward() -> Any:
        value, pullback = ad.vjp(program, X)
        return pullback(tuple(np.cos(y) for y in value))

    for call in (forward, backward):
        for a, b in zip(call(), with_numpy(call), strict=True):
            close(a, b)


def test_sums_of_what_others_read() -> None:
    def program(x: Any) -> Any:
        y = np.sin(x) * x
        first = ak.sum(y, axis=-1)
        return first, ak.sum(y * y, axis=-1), ak.sum(y, axis=-1), y

    x, v = ragged(X), ragged(V)
    found = ad.jvp(program, (x,), (v,))[1]
    expected = with_numpy(lambda: ad.jvp(program, (x,), (v,))[1])
    for a, b in zip(found, expected, strict=True):
        close(ak.to_numpy(ak.flatten(a, axis=None)), ak.to_numpy(ak.flatten(b, axis=None)))


@pytest.mark.usefixtures("room")
def test_what_is_not_asked_for_is_not_computed(monkeypatch: pytest.MonkeyPatch) -> None:
    swept = []
    sweep = pending._sweep
    monkeypatch.setattr(pending, "_sweep", lambda *a: (swept.append(a[0].steps), sweep(*a))[1])
    x = ad.DualArray(X, V)
    y = np.sqrt(x) * 2
    z = y + x
    assert isinstance(y, DeferredArray)
    assert isinstance(z, DeferredArray)
    assert not swept
    dz = z.tangent
    assert swept == [3]
    assert type(z) is ad.DualArray
    assert z.tangent is dz
    # it is computed a second time, with what is behind it, and then it is there
    dy = y.tangent
    assert swept == [3, 2, 1]
    assert y.tangent is dy
    assert len(swept) == 3
    close(dy[0], V / np.sqrt(X))


def test_a_tangent_that_two_read_is_computed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    x = ad.DualArray(X, V)
    y = np.exp(x)
    a, b = y * 2, y * x
    close(a.tangent[0], 2 * np.exp(X) * V)
    assert y.noted.work is None
    close(b.tangent[0], np.exp(X) * (1 + X) * V)


def test_long_chains() -> None:
    def program(x: Any) -> Any:
        for _ in range(150):
            x = np.sqrt(x * 1.5 + 0.1)
        return x

    _, dy = ad.jvp(program, (X,), (V,))
    close(dy, with_numpy(lambda: ad.jvp(program, (X,), (V,))[1]))
    (dx,) = ad.vjp(program, X)[1](W)
    close(dx, with_numpy(lambda: ad.vjp(program, X)[1](W))[0])


def test_what_is_read_often_does_not_cost_more_and_more() -> None:
    x = ad.DualArray(X, V)
    for _ in range(60):
        x = x * x / (1 + x)
    assert np.isfinite(x.tangent).all()


def test_a_run_keeps_few_arrays() -> None:
    # the arrays that exp keeps are its values
    x = ad.DualArray(X, V)
    values = []
    for _ in range(12):
        x = np.exp(-x)
        values.append(weakref.ref(x.primal))
    del x
    gc.collect()
    assert not any(ref() is not None for ref in values)
    kept = []

    def program(x: Any) -> Any:
        for _ in range(12):
            x = np.exp(-x)
            kept.append(len(x.noted.kept))
        return x

    ad.jvp(program, (X,), (V,))
    assert max(kept) <= 5


def test_values_that_follow_from_others_are_not_kept() -> None:
    def program(x: Any) -> Any:
        a = np.exp(x)
        b = np.sqrt(1 + a * a)
        return a / (b - 0.5) / x

    x = ad.DualArray(X, V)
    y = program(x)
    # exp(x), and x itself
    assert len(y.noted.kept) == 2
    close(y.tangent, with_numpy(lambda: program(ad.DualArray(X, V)).tangent))


def test_values_that_follow_from_what_was_changed_are_kept() -> None:
    x = X.copy()
    dual = ad.DualArray(x, V)
    y = dual * 3.0
    old = y.primal.copy()
    x[...] = 100.0
    z = np.sqrt(y)
    close(z.tangent[0], 3.0 * V / (2 * np.sqrt(old)))


def test_values_that_follow_from_a_cell_are_kept() -> None:
    c = ad.DualArray(Y.copy())
    x = ad.DualArray(X, V)
    y = np.exp(x)
    product = y * c
    c[...] = 100.0
    z = np.sqrt(product) * c * y
    expected = (
        50.0 * np.sqrt(np.exp(X) * Y) * V * np.exp(X)
        + 100.0 * np.sqrt(np.exp(X) * Y) * np.exp(X) * V
    )
    close(z.tangent[0], expected)


def test_equal_indices_are_kept_once() -> None:
    x, y = ad.DualArray(X, V), ad.DualArray(Y, W)
    index = RNG.integers(0, SIZE, 2 * SIZE)
    a, b = x[ad.DualArray(index)], y[ad.DualArray(index.copy())]
    c = y[ad.DualArray(index[::-1].copy())]
    held = [z.noted.work[0].index for z in (a, b, c)]
    assert held[0] is held[1]
    assert held[0] is not held[2]
    close(b.tangent[0], W[index])
    close(c.tangent[0], W[index[::-1]])


CHOICES: list[Any] = [
    lambda x, y: np.where(x > y, x * y, y),
    lambda x, y: np.where(x > 1, x * x, 2.0),
    lambda x, y: np.where(x.astype(np.int64) > 0, 1.5, y * x),
    lambda x, y: np.nan_to_num(x / np.where(y > 1, y, 0.0) * x, nan=3.0, posinf=1.0),
]


@pytest.mark.parametrize("choose", CHOICES)
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_choices(choose: Any, dtype: Any) -> None:
    def program(x: Any, y: Any) -> Any:
        with np.errstate(all="ignore"):
            return np.sqrt(np.abs(choose(x, y)) + x)

    arguments = (X.astype(dtype), Y.astype(dtype)), (V.astype(dtype), W.astype(dtype))
    found = ad.jvp(program, *arguments)
    expected = with_numpy(lambda: ad.jvp(program, *arguments))
    np.testing.assert_array_equal(found[0], expected[0])
    close(found[1], expected[1])
    x = ad.DualArray(*(a[0] for a in arguments))
    y = ad.DualArray(*(a[1] for a in arguments))
    with np.errstate(all="ignore"):
        assert isinstance(choose(x * 1, y * 1), DeferredArray)
    c = np.sin(expected[0])
    for a, b in zip(
        ad.vjp(program, *arguments[0])[1](c),
        with_numpy(lambda: ad.vjp(program, *arguments[0])[1](c)),
        strict=True,
    ):
        close(a, b)


PREPARED: list[Any] = [
    lambda x, y: np.tanh(x * 2) * y,
    lambda x, y: x**1.7 * np.sqrt(y),
    lambda x, y: np.exp(-(x**y) * 2),
    lambda x, y: np.sin(x * 3) * np.cos(y / 2),
]


@pytest.mark.parametrize("program", PREPARED)
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("directions", [1, 8])
def test_what_numpy_prepares(
    program: Any, dtype: Any, directions: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compiled, "BLOCK", 700)

    def call() -> Any:
        x = ad.DualArray(X.astype(dtype), EIGHT[:directions].astype(dtype))
        y = ad.DualArray(Y.astype(dtype), EIGHT[::-1][:directions].astype(dtype))
        return program(x, y).tangent

    close(call(), with_numpy(call))


@pytest.mark.parametrize("x", [1e4, -1e5, 1.00001e5, 1e17, np.inf, -np.inf, np.nan])
def test_sines_of_large_arguments(x: float) -> None:
    def call() -> Any:
        values = np.concatenate([X, [x]])
        with np.errstate(all="ignore"):
            dual = ad.DualArray(values, np.ones_like(values)) * 1.0
            return np.sin(dual).tangent + np.cos(dual).tangent

    close(call()[:, :SIZE], with_numpy(call)[:, :SIZE])
    np.testing.assert_allclose(call()[:, SIZE:], with_numpy(call)[:, SIZE:], rtol=1e-14)


def test_arrays_with_gaps_and_off_their_borders() -> None:
    base = np.zeros(8 * SIZE + 1, np.uint8)
    shifted = base[1:].view(np.float64)
    shifted[:] = Y
    assert not shifted.flags.aligned
    x = ad.DualArray(np.repeat(X, 2)[::2], np.repeat(V, 2)[::2])
    y = ad.DualArray(shifted, V[::-1])
    z = np.exp(x * y) / y[::-1]
    expected = np.exp(X * Y) * (V * Y + X * V[::-1]) / Y[::-1]
    close(z.tangent[0], expected - np.exp(X * Y) * V / Y[::-1] ** 2)


INEXACT: list[Any] = [
    lambda x, y: np.maximum(np.hypot(2 * x, 2 * y), 1.0),
    lambda x, y: np.copysign(np.hypot(x * 1, y * 1), -1.0),
    lambda x, y: np.fmin(np.hypot(x * 1, y * 1), 10.0),
    lambda x, y: np.exp(x * 0 + 1) / np.absolute((x - 1) * 0.0 - 0.0) + y,
    lambda x, y: np.minimum(np.power(x * 1, 2.0), y),
]


@pytest.mark.parametrize("program", INEXACT)
def test_rules_compare_what_numpy_gave(program: Any) -> None:
    with np.errstate(all="ignore"):
        found = ad.jvp(program, (X, Y), (V, W))[1]
        np.testing.assert_array_equal(found, with_numpy(lambda: ad.jvp(program, (X, Y), (V, W))[1]))


@pytest.mark.parametrize("function", [np.arctan2, np.hypot])
def test_booleans_are_numbers(function: Any) -> None:
    mask = X > 1

    def call() -> list[Any]:
        programs: list[Any] = [lambda x: function(x * 1, mask), lambda x: function(mask, x * 1)]
        return [
            ad.jvp(program, (X.astype(dtype),), (V.astype(dtype),))[1]
            for program in programs
            for dtype in (np.float64, np.float32)
        ]

    for found, expected in zip(call(), with_numpy(call), strict=True):
        close(found, expected)


def test_what_has_no_partial_gives_no_warning() -> None:
    x = X.copy()
    x[0] = np.inf
    _, dy = ad.jvp(lambda x, y: np.logaddexp(x * 1, y * 1), (x, Y), (V, W))
    assert np.isfinite(dy[1:]).all()


# -- what changes in between


@pytest.mark.usefixtures("room")
@pytest.mark.parametrize(
    "take", [lambda a: a.primal, ad.primal, lambda a: ad.pack(a)["primal"], ad.stop_gradient]
)
def test_intermediate_values_that_others_write_to(take: Any) -> None:
    x = ad.DualArray(X, V)
    for before in (True, False):
        a = x + 1.0
        raw = take(a) if before else None
        b = a * a
        (raw if before else take(a))[:] = 5.0
        with pytest.raises(ad.TangentLost, match="changed in place"):
            _ = b.tangent


def test_a_part_that_others_write_to() -> None:
    a = ad.DualArray(X, V) + 1.0
    b = a * a
    a[:10].primal[:] = 7.0
    with pytest.raises(ad.TangentLost, match="changed in place"):
        _ = b.tangent


def test_values_that_others_write_to() -> None:
    x = ad.DualArray(X, V)
    s = np.sqrt(x * x + 1.0)
    d = np.exp(x) / s
    ad.primal(s)[:] = 9.0
    with pytest.raises(ad.TangentLost, match="changed in place"):
        _ = d.tangent


def test_tangents_that_others_write_to() -> None:
    x = ad.DualArray(X, V.copy())
    y = np.exp(x)
    z = x[ad.DualArray(np.arange(SIZE)[::-1].copy())]
    x.tangent[...] = 7.0
    for late in (y, z):
        with pytest.raises(ad.TangentLost, match="changed in place"):
            _ = late.tangent


def test_tangents_that_are_changed_while_a_function_runs() -> None:
    v = V.copy()

    def program(x: Any) -> Any:
        y = np.exp(x) * x
        v[:] = 9.0
        return y

    for x, dx in ((X, v), (ak.Array(X), ak.Array(v))):
        v[:] = V
        with pytest.raises(ad.TangentLost, match="changed in place"):
            ad.jvp(program, (x,), (dx,))


def test_given_tangents_are_the_same_in_all_of_the_call(monkeypatch: pytest.MonkeyPatch) -> None:
    marked = []
    mark_of = guards.mark_of
    monkeypatch.setattr(guards, "mark_of", lambda x: marked.append(x.shape) or mark_of(x))
    v = V.copy()
    _, tangent = ad.jvp(lambda x: x * 3.0 + x / 2.0 + np.sinh(x * 2.0), (X,), (v,))
    close(tangent, (3.5 + 2 * np.cosh(2 * X)) * V)
    # when it is given, and at the end
    assert marked.count((1, SIZE)) == 2

    def program(x: Any) -> Any:
        y = x * 3.0
        v[:] = 9.0
        z = x / 2.0
        return y + z

    with pytest.raises(ad.TangentLost, match="changed in place"):
        ad.jvp(program, (X,), (v,))


@pytest.mark.parametrize("use", [np.sort, np.cumsum, lambda x: x[::-1], lambda x: x[x > 1]])
def test_given_tangents_that_are_changed_after_any_use(use: Any) -> None:
    v = V.copy()

    def program(x: Any) -> Any:
        use(x)
        v[3] = 5.0
        return x * 2.0

    with pytest.raises(ad.TangentLost, match="changed in place"):
        ad.jvp(program, (X,), (v,))


@pytest.mark.parametrize("tangents", [V, EIGHT])
def test_steps_that_pass_their_tangent_on(tangents: Any) -> None:
    x = ad.DualArray(X, tangents)
    y = np.positive(x + 1.0) - 2.0
    z = np.sin(y) + y
    dx = np.atleast_2d(tangents)
    close(z.tangent, (np.cos(X - 1.0) + 1.0) * dx)
    first, second = x + 1.0, x - 1.0
    first.tangent[...] = 0.0
    close(second.tangent, dx)
    close(x.tangent, dx)
    # one that others have ends a run
    middle = x + 3.0
    late = np.exp(middle)
    close(middle.tangent, dx)
    close(late.tangent, np.exp(X + 3.0) * dx)


def test_arrays_that_are_used_before_and_after_a_write() -> None:
    c, x = X.copy(), ad.DualArray(X, V)
    before = np.exp(x) * c
    c[:] = 2.0
    after = np.exp(x) * c
    close(after.tangent[0], 2 * np.exp(X) * V)
    close(before.tangent[0], np.exp(X) * X * V)

    def program(x: Any, c: Any) -> Any:
        before = np.exp(x) * c
        c[...] = 2.0
        return before, np.exp(x) * c

    (_, _), (first, second) = ad.jvp(program, (X, X.copy()), (V, None))
    close(first, np.exp(X) * X * V)
    close(second, 2 * np.exp(X) * V)


def test_the_same_array_in_two_calls() -> None:
    x = X.copy()
    _, first = ad.vjp(lambda x: np.exp(x) * x, x)
    x += 1.0
    _, second = ad.vjp(lambda x: np.exp(x) * x, x)
    close(second(V)[0], np.exp(x) * (1 + x) * V)
    close(first(V)[0], np.exp(X) * (1 + X) * V)


def test_a_constant_that_is_changed_and_restored(monkeypatch: pytest.MonkeyPatch) -> None:
    buffer = np.ones(SIZE)
    constant = ak.Array(buffer)

    def program(x: Any) -> Any:
        y = 0.0
        for k in (1.0, 2.0, 1.0):
            buffer[:] = k
            y = y + np.exp(x) * constant
        return y

    x = ak.Array(X)
    # there is no room for late tangents: they are computed before it is changed
    close(ad.jvp(program, (x,), (ak.Array(V),))[1].layout.data, 4 * np.exp(X) * V)
    monkeypatch.setattr(budget, "FEWEST", 100)
    with pytest.raises(ad.TangentLost, match="changed in place"):
        ad.jvp(program, (x,), (x,))


def test_given_tangents_are_copied() -> None:
    v = V.copy()
    duals = [ad.DualArray(X, t) for t in (v, memoryview(v), v[:], v.reshape(1, -1))]
    late = [np.exp(x) for x in duals]
    v[:] = 9.0
    for y in late:
        close(y.tangent[0], np.exp(X) * V)


def test_a_value_that_is_written_to_before_the_pullback() -> None:
    for way in (None, True):
        value, pullback = ad.vjp(np.exp, X, copy=way)
        value[:] = 1.0
        close(pullback(V)[0], np.exp(X) * V)
    value, pullback = ad.vjp(lambda x: np.sqrt(x * x + 1), X, copy=False)
    value[:] = 1.0
    with pytest.raises(ad.TangentLost, match="changed in place"):
        pullback(V)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, np.complex64, np.complex128])
def test_marks_tell_changes(dtype: Any) -> None:
    x = np.ones((3, 5), dtype)
    mark = guards.mark_of(x)
    for value in (-1.0, np.nextafter(dtype(1).real, dtype(2).real)):
        x[2, 1] = value
        assert guards.mark_of(x) != mark
        x[2, 1] = 1.0
    assert guards.mark_of(x) == mark


def test_indices_of_others_are_not_shared() -> None:
    x = ad.DualArray(X, V)
    first, second = (np.arange(SIZE)[::-1].copy() for _ in range(2))
    y = x[ad.DualArray(first)]
    first[:] = 0
    z = x[ad.DualArray(second)]
    np.testing.assert_array_equal(z.tangent[0], V[::-1])
    with pytest.raises(ad.TangentLost, match="changed in place"):
        _ = y.tangent


def test_a_collection_of_garbage_that_writes() -> None:
    class Writer:
        def __init__(self) -> None:
            self.me = self
            self.cell = ad.DualArray(np.zeros(SIZE))

        def __del__(self) -> None:
            self.cell[0] = 1.0

    before = gc.get_threshold()
    gc.set_threshold(1)
    try:
        for _ in range(30):
            Writer()
            x = ad.DualArray(X, V)
            y = np.exp(x) * x
            assert y.primal is not None
        close(y.tangent[0], np.exp(X) * (1 + X) * V)
    finally:
        gc.set_threshold(*before)


def test_a_numpy_array_may_be_written_to() -> None:
    def program(x: Any) -> Any:
        w = np.empty(SIZE)
        total = x
        for i in range(4):
            w[...] = i + Y
            total = total * w
        return total

    x = ad.DualArray(X, V)
    close(program(x).tangent[0], program(V))
    close(ad.vjp(program, X)[1](W)[0], program(W))


def test_a_constant_of_a_dual_may_be_written_to() -> None:
    x, w = ad.DualArray(X, V), ad.DualArray(Y.copy())
    product = x * w
    assert isinstance(product, DeferredArray)
    w[:10] = 0.0
    close(product.tangent[0], V * Y)


def test_a_constant_that_changes_unseen_is_loud() -> None:
    w = Y.copy()
    x, constant = ad.DualArray(X, V), ad.DualArray(w)
    product = x * constant
    w[5] = 1.0
    with pytest.raises(ad.TangentLost, match="changed in place after it was used"):
        _ = product.tangent


def test_an_index_that_changes_unseen_is_loud() -> None:
    index = np.arange(SIZE)[::-1].copy()
    picked = ad.DualArray(X, V)[ad.DualArray(index)]
    index.sort()
    with pytest.raises(ad.TangentLost, match="changed in place"):
        _ = picked.tangent


def test_an_input_that_changes_unseen_is_loud() -> None:
    x = X.copy()

    def program(dual: Any) -> Any:
        y = np.sin(dual)
        x[:] = 0.0
        return y

    with pytest.raises(ad.TangentLost, match="changed in place"):
        ad.jvp(program, (x,), (V,))
    x[:] = X
    y = program(ad.DualArray(x, V))
    with pytest.raises(ad.TangentLost, match="changed in place"):
        _ = y.tangent


@pytest.mark.usefixtures("room")
def test_a_primal_that_was_taken_out_and_changes_is_loud() -> None:
    y = np.exp(ad.DualArray(X, V))
    z = np.sin(y)
    y.primal[...] = 0.0
    with pytest.raises(ad.TangentLost, match="changed in place"):
        _ = z.tangent
    y = np.exp(ad.DualArray(X, V))
    out = y.primal
    z = np.sin(y)
    out[...] = 0.0
    with pytest.raises(ad.TangentLost, match="changed in place"):
        _ = z.tangent


def test_a_tangent_that_is_used_again() -> None:
    v, results = np.zeros(SIZE), []
    for i in range(3):
        v[...] = 0.0
        v[i] = 1.0
        results.append(np.square(ad.DualArray(X, v)))
    for i, y in enumerate(results):
        assert np.flatnonzero(y.tangent).tolist() == [i]


@pytest.mark.parametrize("engine", ["numpy", "compiled"])
def test_a_product_with_what_is_written_to(engine: str) -> None:
    ad.set_engine(engine)

    def program(x: Any) -> Any:
        c = ad.DualArray(Y.copy())
        y = x * c
        c[...] = 100.0
        return y

    for n in (SIZE, 5):
        (dx,) = ad.vjp(lambda x, n=n: program(x)[:n], X)[1](W[:n])
        close(dx, np.where(np.arange(SIZE) < n, W * Y, 0.0))


def test_a_constant_that_is_written_to_before_the_pullback() -> None:
    def cell(x: Any) -> Any:
        c = ad.DualArray(Y.copy())
        y = np.arctan2(x, c) / c
        c[...] = 100.0
        c += 1.0
        return y

    def unseen(x: Any) -> Any:
        c = Y.copy()
        y = x / ad.DualArray(c)
        c[...] = 100.0
        return y

    (dx,) = ad.vjp(cell, X)[1](W)
    close(dx, ad.vjp(lambda x: np.arctan2(x, Y) / Y, X)[1](W)[0])
    _, pullback = ad.vjp(unseen, X)
    with pytest.raises(ad.TangentLost, match="changed in place"):
        pullback(W)


def test_a_live_cell_that_is_written_to() -> None:
    x = ad.DualArray(X, V)
    y = np.exp(x)
    z = y * x
    y[:100] = 0.0
    close(z.tangent[0], np.exp(X) * (1 + X) * V)
    close(y.tangent[0], np.where(np.arange(SIZE) < 100, 0.0, np.exp(X) * V))
    y += 1
    close(y.primal, np.where(np.arange(SIZE) < 100, 0.0, np.exp(X)) + 1)


def test_a_whole_slice_is_the_array() -> None:
    x = ad.DualArray(X.copy(), V)
    x[:][:5] = 0.0
    assert (x.primal[:5] == 0).all()
    assert (x.tangent[0, :5] == 0).all()


# -- levels, copies, threads


def test_the_level_has_ended() -> None:
    kept = []
    ad.jvp(lambda x: kept.append(np.exp(x)) or x, (X,), (V,))
    close(kept[0].tangent[0], np.exp(X) * V)
    with pytest.raises(ad.LevelError):
        _ = kept[0] * 2


def test_the_level_has_ended_before_it_is_asked_for() -> None:
    kept = []
    ad.jvp(lambda x: kept.append(np.exp(x)) or x, (X,), (V,))
    with pytest.raises(ad.LevelError):
        _ = kept[0] * 2
    with pytest.raises(ad.LevelError):
        _ = kept[0] > 2


def test_second_order() -> None:
    def program(x: Any) -> Any:
        return ak.sum(np.exp(-x * x) * np.sqrt(x))

    x, v = ragged(X), ragged(V)
    found = ad.hvp(program, (x,), (v,))
    expected = with_numpy(lambda: ad.hvp(program, (x,), (v,)))
    close(ak.to_numpy(ak.flatten(found)), ak.to_numpy(ak.flatten(expected)))
    ad.testing.check_grads(lambda x: np.exp(-x) * x, (X[:4],), order=2)


def test_linearize_and_checkpoint() -> None:
    def program(x: Any) -> Any:
        return np.sin(x) * x / (1 + x)

    _, push = ad.linearize(program, X)
    _, expected = ad.jvp(program, (X,), (V,))
    close(push(V), expected)
    (dx,) = ad.vjp(ad.checkpoint(program), X)[1](W)
    close(dx, ad.vjp(program, X)[1](W)[0])


def test_an_array_beside_its_own_elements() -> None:
    order = ad.DualArray(RNG.permutation(SIZE))

    def program(x: Any) -> Any:
        return np.sum(np.sin(x * x[order]) + x)

    gradient = ad.grad(program)(X)
    close(gradient, with_numpy(lambda: ad.grad(program)(X)))


def test_rows_of_cotangents() -> None:
    def program(x: Any) -> Any:
        y = np.exp(-x) * x
        return np.stack([np.sum(y), np.sum(y * y), np.sum(np.sqrt(x) * y)])

    close(ad.jacrev(program)(X), with_numpy(lambda: ad.jacrev(program)(X)))


def test_copies() -> None:
    x = ad.dual(X, V)
    for make in (copy.copy, copy.deepcopy, lambda y: pickle.loads(pickle.dumps(y))):
        y = make(np.exp(x))
        close(y.tangent[0], np.exp(X) * V)
    assert repr(np.exp(x)).startswith("DualArray(")


def test_threads() -> None:
    before = ad.set_num_threads(3)
    try:
        for program in PROGRAMS:
            test_forward(program, np.float64, "both")
            test_backward(program)
        test_gathers_and_sums(-1)
        test_numbers_that_are_differentiated()
    finally:
        ad.set_num_threads(before)


def test_a_sum_of_what_another_thread_computes(monkeypatch: pytest.MonkeyPatch) -> None:
    y = np.exp(ad.DualArray(X, V))
    noted = y.noted
    expected = np.add.reduceat(np.exp(X) * V, [0, 10])
    sweep = pending._sweep

    def late(last: Any, work: Any, *consume: Any) -> Any:
        if consume:
            # between the question and the answer
            last.hold(sweep(last, work))
        return sweep(last, work, *consume)

    monkeypatch.setattr(pending, "_sweep", late)
    close(pending.sum_segments(noted, np.array([0, 10, SIZE]))[0], expected)


def test_other_byte_orders() -> None:
    x = ad.DualArray(X.astype(">f8"), V)
    close(x[ad.DualArray(np.array([0, 2, -1]))].tangent[0].astype(float), V[[0, 2, -1]])
    close(np.exp(x).tangent[0].astype(float), np.exp(X) * V)


@pytest.mark.parametrize("engine", ["numpy", "compiled"])
def test_aliases(engine: str) -> None:
    ad.set_engine(engine)
    for alias in (lambda y: y[:], lambda y: y.view(), lambda y: y.reshape(-1)):
        y = np.sin(ad.DualArray(X, V))
        z = alias(y)
        z[...] = ad.DualArray(Y, W)
        close(y.tangent[0], W)
        y *= 2
        close(z.tangent[0], 2 * W)


def test_threads_that_write_while_others_note() -> None:
    x, v = ragged(X), ragged(V)

    def program(x: Any) -> Any:
        # options are broadcast by writes into indices
        return ak.sum(np.sin(x) * ak.max(x, axis=-1))

    expected = ad.jvp(program, (x,), (v,))[1]
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        with ThreadPoolExecutor(8) as pool:
            found = list(pool.map(lambda _: ad.jvp(program, (x,), (v,))[1], range(48)))
    finally:
        sys.setswitchinterval(before)
    assert set(found) == {expected}


def test_threads_that_ask_for_the_same() -> None:
    for _ in range(20):
        x = ad.DualArray(X, V)
        y = np.exp(-x) * x
        results = [y, y * x, np.sqrt(y + 1), y / x] * 2
        with ThreadPoolExecutor(8) as pool:
            found = list(pool.map(lambda z: z.tangent[0], results))
        close(found[0], np.exp(-X) * (1 - X) * V)
        close(found[1], np.exp(-X) * (2 * X - X * X) * V)
        close(found[3], -np.exp(-X) * V)


@pytest.mark.parametrize("value", [0.0, np.inf, np.nan])
def test_zero_absorbs(value: float) -> None:
    x = X.copy()
    x[7] = value
    v = V.copy()
    v[7] = 0.0
    with np.errstate(all="ignore"):
        _, dy = ad.jvp(lambda x: np.sqrt(x) * np.log(x) / x, (x,), (v,))
        (dx,) = ad.vjp(lambda x: np.sqrt(x) * np.log(x) / x, x)[1](v)
    assert dy[7] == 0
    assert dx[7] == 0


def test_no_directions() -> None:
    x = ad.DualArray(X, np.empty((0, SIZE)))
    y = np.exp(x) * x
    assert y.tangent.shape == (0, SIZE)
    assert x[ad.DualArray(np.arange(5))].tangent.shape == (0, 5)


def test_numbers_of_directions_must_agree() -> None:
    x, y = np.exp(ad.DualArray(X, V)), np.exp(ad.DualArray(Y, EIGHT))
    with pytest.raises(ad.DirectionMismatch):
        _ = x * y


def test_a_tangent_that_is_taken_out_and_changed_before_it_is_read() -> None:
    def program(x: Any) -> Any:
        u = np.sin(x)
        z = u * u
        np.asarray(ad.tangent(u))[:] = 0.0
        return z

    with pytest.raises(ad.TangentLost, match="changed in place"):
        ad.jvp(program, (X,), (np.ones(SIZE),))


def test_small_tangents_that_a_run_keeps(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those are copied: nobody is told when they are changed."""
    monkeypatch.setattr(compiled._State, "work", compiled.WORK)
    ad.set_engine("auto")
    size = 450_000
    t, large = np.array([1.0, 2.0]), np.linspace(1.0, 2.0, size)
    y = np.sin(ad.dual(2.0, t) * large)
    assert isinstance(y, DeferredArray)
    t[:] = 0.0
    np.testing.assert_allclose(ad.tangent(y)[:, 1], 2 * large * np.cos(2 * large), rtol=1e-12)

    x, dx, index = np.linspace(1.0, 2.0, 10), np.ones(10), np.arange(size) % 10

    def program(x: Any) -> Any:
        y = np.sin(x[index])
        dx[:] = 0.0
        return y

    found = ad.jvp(program, (ak.Array(x),), (ak.Array(dx),))[1]
    np.testing.assert_allclose(found, np.cos(x)[index], rtol=1e-14)


def test_arguments_of_a_jacobian_that_are_changed() -> None:
    own = X.copy()

    def program(x: Any) -> Any:
        y = np.sin(x) * x
        own[:] = 0.0
        return np.sum(y)

    with pytest.raises(ad.TangentLost, match="changed in place"):
        ad.jacfwd(program, chunk_size=SIZE)(own)


def test_a_dual_that_outlives_its_call_and_a_tangent_that_is_changed_later() -> None:
    kept: list[Any] = []
    v = V.copy()
    ad.jvp(lambda x: (kept.append(np.sin(x)), 1.0)[1], (X,), (v,))
    v[:] = 100.0
    with pytest.raises(ad.TangentLost, match="changed in place"):
        ad.tangent(kept[0])


def test_runs_in_deep_stacks() -> None:
    """A run is walked without Python's stack."""

    def program(x: Any) -> Any:
        for _ in range(190):
            x = x * 0.99
        return np.cumsum(x)

    def deep(depth: int) -> Any:
        return deep(depth - 1) if depth else ad.jvp(program, (X,), (V,))[1]

    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(limit + 200)
    try:
        np.testing.assert_allclose(deep(limit - 150), with_numpy(lambda: deep(0)), rtol=1e-10)
    finally:
        sys.setrecursionlimit(limit)
