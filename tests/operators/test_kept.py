"""What is changed between `vjp` and its pullback: copied, or seen, never taken for what it was."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import awkward as ak
import numpy as np
import pytest

import awkward_dual as ad
from awkward_dual.operators import kept

RAGGED = ak.Array([[1.0, 2.0], [], [3.0]])
REGULAR = np.full((3, 2), 3.0)


def _sliced() -> tuple[Any, Any]:
    base = np.array([0.0, 1.0, 2.0, 3.0])
    return ak.unflatten(ak.Array(base), [1, 2, 1])[1:], base


def _masked() -> tuple[Any, Any]:
    base = np.array([1.0, 2.0, 3.0])
    return ak.mask(ak.Array(base), [True, False, True]), base


def _regular() -> tuple[Any, Any]:
    base = REGULAR.copy()
    return ak.Array(base), base


def _record() -> tuple[Any, Any]:
    base = np.array([1.0, 2.0, 3.0])
    return ak.zip({"a": ak.Array(base), "n": [1, 2, 3]})[1:], base


def _without_axes() -> tuple[Any, Any]:
    base = np.array(3.0)
    return base, base


def _matrix() -> tuple[Any, Any]:
    base = REGULAR.copy()
    return base[:, ::-1], base


def _offsets() -> tuple[Any, Any]:
    offsets = ak.index.Index64(np.array([0, 2, 2, 3]))
    layout = ak.contents.ListOffsetArray(offsets, ak.contents.NumpyArray(np.arange(1.0, 4.0)))
    return ak.Array(layout), offsets.data


ARGUMENTS = [_sliced, _masked, _regular, _record, _without_axes, _matrix, _offsets]


def squares(x: Any) -> Any:
    if isinstance(x, ak.Array) and ak.fields(x):
        x = x.a * x.n
    return ak.sum(x * x, axis=-1) if isinstance(x, ak.Array) and x.ndim > 1 else x * x


@pytest.fixture(params=["copied", "watched"], autouse=True)
def size(request: Any, monkeypatch: pytest.MonkeyPatch) -> str:
    """Small arrays, and the same as if they were large."""
    if request.param == "watched":
        monkeypatch.setattr(kept, "COPIED", 0)
        # without compiled loops nothing is watched, and all is copied
        request.getfixturevalue("default_engine")
    return str(request.param)


def compare(program: Any, x: Any, change: Callable[[Any], None], size: str, **options: Any) -> None:
    """The pullback after a change gives what it gives without, or raises where that is watched."""
    value, pullback = ad.vjp(program, x, copy=True)
    w = ak.ones_like(value) if isinstance(value, ak.Array) else np.ones_like(value)
    expected = ak.to_list(pullback(w)[0])
    value, pullback = ad.vjp(program, x, **options)
    change(value)
    if size == "watched" and options.get("copy") is not True:
        with pytest.raises(ad.TangentLost, match="changed in place"):
            pullback(w)
    else:
        assert ak.to_list(pullback(w)[0]) == expected


@pytest.mark.parametrize("copy", [None, True])
@pytest.mark.parametrize("argument", ARGUMENTS, ids=lambda a: a.__name__[1:])
def test_arguments(argument: Any, copy: bool | None, size: str) -> None:
    x, base = argument()
    zero = base.dtype.type(0)
    compare(squares, x, lambda _: base.fill(zero), size, copy=copy)


def test_values(size: str) -> None:
    def change(value: Any) -> None:
        value[:] = 7.0

    compare(np.exp, np.ones(3), change, size)
    compare(np.exp, np.ones(3), change, size, copy=True)


@pytest.mark.parametrize("copy", [None, True])
def test_aux(copy: bool | None, size: str) -> None:
    def program(x: Any) -> Any:
        y = np.exp(x)
        return y * y, y

    _, pullback, aux = ad.vjp(program, np.ones(3), has_aux=True, copy=copy)
    aux[:] = 7.0
    if size == "watched" and copy is None:
        with pytest.raises(ad.TangentLost, match="changed in place"):
            pullback(np.ones(3))
    else:
        np.testing.assert_allclose(pullback(np.ones(3))[0], 2 * np.exp(2.0))


def test_integers(size: str) -> None:
    x, n = np.array([1.0, 2.0, 3.0]), np.array([2, 1, 0])
    _, pullback = ad.vjp(lambda x, n: x[n] * 1.0, x, n)
    n[:] = 0
    if size == "watched":
        with pytest.raises(ad.TangentLost, match="changed in place"):
            pullback(x)
    else:
        assert pullback(x)[0].tolist() == [3.0, 2.0, 1.0]


@pytest.mark.parametrize("index", [np.array([2, 1, 0]), np.array([True, True, True])])
def test_an_index_in_a_closure(index: Any) -> None:
    n = index.copy()
    x = np.array([1.0, 2.0, 3.0])
    _, pullback = ad.vjp(lambda x: x[n] * 1.0, x)
    n[:] = 0
    expected = np.zeros(3)
    expected[index] = x
    assert pullback(x)[0].tolist() == expected.tolist()


def test_containers() -> None:
    d = {"a": np.ones(3)}
    _, pullback = ad.vjp(lambda d: d["a"] ** 2, d)
    d["b"] = np.ones(1)
    assert pullback(np.ones(3))[0]["a"].tolist() == [2.0, 2.0, 2.0]


@pytest.mark.parametrize("of_value", [False, True])
def test_duals_of_an_outer_call(of_value: bool) -> None:
    def program(x: Any) -> Any:
        x = x * 1.0
        y, pullback = ad.vjp(lambda t: np.exp(t) * t, x)
        (y if of_value else x)[...] = 7.0
        return pullback(np.ones(3))[0]

    x = np.array([1.0, 2.0, 3.0])
    value, tangent = ad.jvp(program, (x,), (np.ones(3),))
    np.testing.assert_allclose(value, np.exp(x) * (1 + x))
    np.testing.assert_allclose(tangent, np.exp(x) * (2 + x))


def test_what_is_not_loaded_stays_so() -> None:
    form, length, container = ak.to_buffers(ak.zip({"a": RAGGED, "b": RAGGED}))
    loaded = []

    def buffer(name: str) -> Any:
        return lambda: loaded.append(name) or container[name]

    x = ak.from_buffers(form, length, {name: buffer(name) for name in container})
    _, pullback = ad.vjp(lambda x: ak.sum(x.a**2), x)
    pullback(1.0)
    unread = [k for k in container if "data" in k and k not in loaded]
    assert len(unread) == 1, loaded


def test_a_jacobian_of_a_function_that_writes_to_its_argument(size: str) -> None:
    x = np.array([1.0, 2.0, 3.0])

    def program(a: Any) -> Any:
        y = a * a
        x[:] = 9.0
        return y

    if size == "watched":
        with pytest.raises(ad.TangentLost, match="changed in place"):
            ad.jacrev(program)(x)
    else:
        np.testing.assert_array_equal(ad.jacrev(program)(x), np.diag([2.0, 4.0, 6.0]))


@pytest.mark.parametrize("what", ["argument", "value"])
def test_what_is_changed_before_a_push(size: str, what: str) -> None:
    x = np.linspace(0.0, 1.0, 5)
    value, push = ad.linearize(np.exp, x)
    expected = np.exp(x)
    (x if what == "argument" else value)[:] = 5.0
    if size == "watched":
        with pytest.raises(ad.TangentLost, match="changed in place"):
            push(np.ones(5))
    else:
        np.testing.assert_array_equal(push(np.ones(5)), expected)


# -- what a tape looks at

ORDERS = {
    "an index": lambda a, x: x[a],
    "a part of an index": lambda a, x: x[a[1:]],
    "offsets": lambda a, x: ak.sum(
        ak.Array(ak.contents.ListOffsetArray(ak.index.Index64(a), ak.to_layout(x))), axis=1
    ),
    "an array of indices": lambda a, x: x[ak.Array(a)],
    "a condition": lambda a, x: np.where(a > 1, x, 2 * x),
    "a mask": lambda a, x: x[ak.Array(a > 1)],
    "a condition of Awkward": lambda a, x: ak.where(ak.Array(a) > 1, x, 2 * x),
    "a factor of a product": lambda a, x: np.asarray(a, dtype=float) * x,
}


@pytest.mark.parametrize("name", ORDERS)
@pytest.mark.parametrize("engine", ["numpy", "compiled"])
def test_integers_that_are_changed_after_their_use(name: str, engine: str) -> None:
    """A tape has its own: with others it would read beyond the arrays."""
    program = ORDERS[name]
    x = ak.Array([1.0, 2.0, 3.0, 4.0])
    expected = ad.grad(lambda x: ak.sum(program(np.array([0, 3, 1, 2])[:4], x) ** 2))(x)
    before = ad.set_engine(engine)
    try:
        a = np.array([0, 3, 1, 2])
        _, pullback = ad.vjp(lambda x: ak.sum(program(a, x) ** 2), x)
        a += 10**6
        assert pullback(1.0)[0].to_list() == expected.to_list()
        a -= 10**6
        _value, push = ad.linearize(lambda x: program(a, x), x)
        truth = ad.jvp(lambda x: program(np.array([0, 3, 1, 2]), x), (x,), (x,))[1]
        a += 10**6
        assert push(x).to_list() == truth.to_list()
    finally:
        ad.set_engine(before)


def test_what_is_taken_out_of_an_index_is_a_copy() -> None:
    def program(x: Any) -> Any:
        order = ak.argsort(x, ascending=False)
        y = x[order]
        raw = np.asarray(order)
        raw += 1000
        return ak.sum(y * np.array([1.0, 10.0, 100.0]))

    assert ad.grad(program)(ak.Array([1.0, 3.0, 2.0])).to_list() == [100.0, 1.0, 10.0]


@pytest.mark.parametrize("kind", ["NumPy", "Awkward", "record", "ragged"])
def test_constants_of_an_inner_operator_that_are_changed(kind: str) -> None:
    """On the tape of the outer one they are its own."""
    at, v = np.array([0.3, 0.7]), np.array([1.0, 1.0])
    w = np.array([1.0, 2.0])
    own = {
        "NumPy": lambda: w,
        "Awkward": lambda: ak.Array(w),
        "record": lambda: ak.zip({"w": ak.Array(w)}).w,
        "ragged": lambda: ak.flatten(ak.unflatten(ak.Array(w), [1, 1])),
    }[kind]

    def program(x: Any) -> Any:
        y = np.sin(x) * own()
        w[:] = 0.0
        return np.sum(np.cos(y))

    x = at if kind == "NumPy" else ak.Array(at)
    found = ad.grad(lambda x: ad.jvp(program, (x,), (v if kind == "NumPy" else ak.Array(v),))[1])(x)
    w[:] = [1.0, 2.0]
    true = ad.hvp(lambda x: np.sum(np.cos(np.sin(x) * np.array([1.0, 2.0]))), (at,), (v,))
    np.testing.assert_allclose(found, true, rtol=1e-12)


def test_constants_of_products_and_rules_that_are_changed() -> None:
    w = np.arange(6.0).reshape(2, 3)
    x = np.array([1.0, 2.0])
    expected = ad.grad(lambda x: np.sum((x @ w) ** 2))(x)
    _, pullback = ad.vjp(lambda x: np.sum((x @ w) ** 2), x)
    w[:] = 0.0
    np.testing.assert_array_equal(pullback(1.0)[0], expected)

    own = ad.custom_jvp(lambda x, c: x * c)
    own.defjvp(lambda p, t: (p[0] * p[1], t[0] * p[1]))
    c = np.array([3.0, 4.0])
    _value, pullback = ad.vjp(lambda x: np.sum(own(x, c)), x)
    c[:] = 0.0
    np.testing.assert_array_equal(pullback(1.0)[0], [3.0, 4.0])


@pytest.mark.parametrize("engine", ["numpy", "compiled"])
def test_gradients_are_arrays_of_their_own(engine: str) -> None:
    before = ad.set_engine(engine)
    try:
        x = np.ones(3)
        first, second = ad.grad(lambda x, y: np.sum((x + y) ** 2), (0, 1))(x, x)
        first *= 0.1
        assert second.tolist() == [4.0] * 3
        total = ad.grad(np.sum)(x)
        total += 1.0
        assert total.tolist() == [2.0] * 3
        _, pullback = ad.vjp(lambda x, y: x + y, x, x)
        w = np.ones(3)
        one, other = pullback(w)
        one += 1.0
        assert (w.tolist(), other.tolist()) == ([1.0] * 3, [1.0] * 3)
    finally:
        ad.set_engine(before)


def test_values_of_strided_arguments_are_bit_for_bit() -> None:
    """NumPy's loops over strided arrays round otherwise; copies have the strides of the arguments."""
    base = np.linspace(0.5, 2.0, 4000)
    for x in (base[::-1], base[::2], base.reshape(40, 100).T, base.reshape(40, 100)[:, ::-3]):
        for ufunc in (np.cbrt, np.exp, np.log1p):
            for own in (x, ak.Array(x)):
                value, _ = ad.vjp(ufunc, own)
                assert np.asarray(value).tobytes() == np.asarray(ufunc(own)).tobytes()
