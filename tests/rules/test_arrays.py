"""Indexing, writing and methods of arrays: programs in every mode, and what must be loud."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import awkward_dual as ad
from awkward_dual.errors import DirectionMismatch, MissingTangentRule, TangentLost, TangentMismatch
from kernels.truth import inner
from tests.rules.checks import agree, check_modes, random_like, seeded

MASK = np.array([[True, False, True], [False, True, True]])

#: indices of an array of shape (2, 3)
FLAT = [
    np.s_[::-1], np.s_[..., 0], np.s_[None, 1], np.s_[:, None, [0, 2, 0]], ([0, 1], [2, -1]), MASK,
    MASK[:, 0], np.s_[MASK[:, 0], ::-2], [[0, 1], [1, 1]], np.s_[:, [[0, 1], [2, 2]]], -1, (-1, -2),
    (np.int64(1), [0, 2]), (..., None), np.s_[1:1], [], np.array([False, False]), True, False,
    (0, ..., MASK[0]), ([True, False], [0]), np.array(1), np.s_[:, np.array(-1)],
]  # fmt: skip
#: indices of an array of shape (2, 3, 4), with several arrays, apart and together
DEEP = [
    np.s_[[0, 1], :, [0, 1]], np.s_[:, [0, 1], [1, 0]], np.s_[[0, 1], None, [1, 2]],
    np.s_[0, :, [1, 0]], ([1, 0], 0), (..., [0, 1]), np.s_[:, 0, [0, 1]],
    np.s_[None, :, [0, 2], ..., None], (MASK, 0), (MASK, [0, 1, 0, 1]),
    np.s_[:, np.array([[True, False, True, True]] * 3)],
]  # fmt: skip
INDICES = [((2, 3), i) for i in FLAT] + [((2, 3, 4), i) for i in DEEP]


def numbers(rng: np.random.Generator, *shape: int) -> Any:
    size = int(np.prod(shape))
    return (rng.permutation(size) + 0.8).reshape(shape)[()] / 3 - 1.1


def check_all(f: Callable[..., Any], x: Any, rng: np.random.Generator) -> None:
    """The four modes, three directions at once, and both modes over the other."""
    check_modes(f, x, rng=rng)
    directions = [tuple(random_like(rng, a) for a in x) for _ in range(3)]
    duals = (ad.DualArray(a, np.stack([u[i] for u in directions])) for i, a in enumerate(x))
    together = f(*duals).tangent
    for i, u in enumerate(directions):
        agree("directions", together[i], ad.jvp(f, x, u)[1], 1e-12)
    u, v = directions[:2]

    def forward(*z: Any) -> Any:
        return ad.jvp(f, z, u)[1]

    second = ad.jvp(forward, x, v)[1]
    c = random_like(rng, second)

    def reverse(*z: Any) -> Any:
        return ad.vjp(f, *z)[1](c)

    for mode, gradient in (
        ("vjp of jvp", ad.vjp(forward, *x)[1](c)),
        ("vjp of vjp", ad.vjp(reverse, *x)[1](u)),
    ):
        found = sum(inner(g, d) for g, d in zip(gradient, v, strict=True))
        agree(mode, found, inner(c, second), 1e-9)


@pytest.mark.parametrize(("shape", "index"), INDICES, ids=str)
def test_getitem(shape: tuple[int, ...], index: Any) -> None:
    rng = seeded(f"{index}")
    check_all(lambda x: (x * x)[index], [numbers(rng, *shape)], rng)


@pytest.mark.parametrize(("shape", "index"), INDICES, ids=str)
@pytest.mark.parametrize("whole", [True, False], ids=["array", "number"])
def test_setitem(shape: tuple[int, ...], index: Any, whole: bool) -> None:
    rng = seeded(f"{index}")
    part = np.empty(shape)[index].shape if whole else ()

    def f(x: Any, v: Any) -> Any:
        y = x * x
        y[index] = v * v
        return y

    check_all(f, [numbers(rng, *shape), numbers(rng, *part)], rng)


def _into_constant(x: Any) -> Any:
    y = ad.DualArray(np.zeros((2, 3)))
    y[MASK] = x[MASK] ** 2
    return y


def _list_value(x: Any) -> Any:
    y = x * 1.0
    y[0] = [x[0, 0] * 2, 3.0, x[1, 1] ** 2]
    return y


def _written_twice(x: Any) -> Any:
    y = x * 1.0
    y[[0, 0, 1], [1, 1, 2]] = x.ravel()[:3] ** 2
    return y


def _in_place(x: Any) -> Any:
    y = x.copy()
    y += x * x
    y /= 2.0
    y **= 2
    return y


def _out(ufunc: Any, *shapes: tuple[int, ...]) -> Callable[[Any], Any]:
    def f(x: Any) -> Any:
        outs = tuple(ad.DualArray(np.zeros(shape)) for shape in shapes)
        ufunc(x * x, 0.7, out=outs)
        return outs[-1]

    return f


def _out_where(x: Any) -> Any:
    y = x * x
    np.multiply(x, 3.0, out=y, where=MASK)
    return y


def _sum_out(x: Any) -> Any:
    y = ad.DualArray(np.zeros(3))
    np.sum(x * x, axis=0, out=y)
    return y


def _out_is_input(x: Any) -> Any:
    y = x * 1.0
    np.sin(y, out=y)
    return y


def _copyto_where(x: Any) -> Any:
    y = x * x
    np.copyto(y, x**3, where=MASK)
    return y


PROGRAMS: dict[str, Callable[[Any], Any]] = {
    "live into constant": _into_constant,
    "list with duals": _list_value,
    "an element written twice": _written_twice,
    "in place": _in_place,
    "out": _out(np.multiply, (2, 3)),
    "two outs": _out(np.divmod, (2, 3), (2, 3)),
    "out and where": _out_where,
    "out of sum": _sum_out,
    "out is the input": _out_is_input,
    "copyto where": _copyto_where,
    "negative strides": lambda x: np.sin(x[::-1, ::-1]) * x,
    "transposed": lambda x: np.sin(x.T).reshape(-1) * x.ravel(),
    "reshape F": lambda x: (x * x).reshape(-1, order="F"),
    "swapaxes": lambda x: x.swapaxes(0, 1)[:, None, ::-1] * x.sum(),
    "outer": lambda x: np.multiply.outer(x, x[0]),
    "reduce": lambda x: np.add.reduce(x * x, axis=(0, 1), keepdims=True),
    "multiply.reduce": lambda x: np.multiply.reduce(x, axis=None),
    "maximum.reduce": lambda x: np.maximum.reduce(x, axis=1) ** 2,
    "divmod at order two": lambda x: np.divmod(x * x, x.T.reshape(2, 3) ** 2 + 3)[1] * x,
    "modf at order two": lambda x: np.modf(x**3)[0] ** 2,
    "python's divmod": lambda x: divmod(x[0, 0] * 2, 0.7)[1] * x,
    "integer exponents": lambda x: x ** np.array([1, 2, 3]) + x**3,
    "negative exponent of a number": lambda x: x[0, 1] ** -2,
    "number to a number": lambda x: abs(x[0, 1]) ** x[1, 1],
    "base two": lambda x: 2**x,
    "booleans": lambda x: (x > 0) * x * x,
    "integers": lambda x: np.arange(3) * x / np.array([1, 2, 4], np.int32) * x,
    "matmul": lambda x: x @ x.T @ np.ones((2, 1)),
    "rmatmul": lambda x: np.ones((4, 2)) @ (x * x),
    "methods": lambda x: x.mean(axis=0) * x.max(axis=0) + x.std(axis=0) * x.clip(-1, 1).sum(0),
    "more methods": lambda x: (
        x.prod(0) + x.take([0, 1, 2]) * x.ravel()[:3] + x.cumsum()[:3] * x.var(0)
    ),
    "stack of numbers": lambda x: np.stack([x[0, 0], x[1, 1] * x[0, 2]]),
    "concatenate a list": lambda x: np.concatenate([[x[0, 0] ** 2], x[1]]),
    "python's sum of rows": lambda x: sum(row * row for row in x),
    "python's loop": lambda x: sum(v * v * i for i, v in enumerate(x.ravel())),
    "list on the right": lambda x: x * x + [1.0, 2.0, 3.0],
    "where with a number": lambda x: np.where(x > 0, x * x, x[0, 0]),
    "complex view": lambda x: (x * x).reshape(3, 2).view(np.complex128) * (1 + 2j),
    "real and imaginary parts": lambda x: (x * (1 + 2j)).real * (x * 1j).imag,
    "astype": lambda x: (x * x).astype(np.complex128) * (1 + 2j),
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_program(name: str) -> None:
    rng = seeded(name)
    check_all(PROGRAMS[name], [numbers(rng, 2, 3)], rng)


@pytest.mark.parametrize("layout", ["F", "reversed", "strided", "read-only"])
def test_memory_layouts(layout: str) -> None:
    rng = seeded(layout)
    x = numbers(rng, 4, 6)
    x = {"F": np.asfortranarray(x), "reversed": x[::-1, ::-1], "strided": x[::2, ::3],
         "read-only": np.broadcast_to(x[0], (2, 6))}[layout]  # fmt: skip
    # a read-only view repeats elements: as inputs those are independent
    check_all(lambda x: np.cumsum(x * x) * x.reshape(-1), [x], rng)


@pytest.mark.parametrize("shape", [(0,), (0, 3), (2, 0)])
def test_empty(shape: tuple[int, ...]) -> None:
    rng = seeded("empty")
    check_modes(lambda x: np.sum(np.sin(x) * x, axis=0), [np.zeros(shape)], rng=rng)
    check_modes(lambda x: np.sort(x * x, axis=-1)[::-1], [np.zeros(shape)], rng=rng)


def live(dtype: Any = np.float64) -> ad.DualArray:
    return ad.DualArray(np.array([1.0, 2.0, 3.0], dtype), np.array([1.0, 10.0, 100.0]))


LOST: dict[str, Callable[[ad.DualArray], Any]] = {
    "out of NumPy's own": lambda x: np.add(x, 1, out=np.zeros(3)),
    "integer out": lambda x: np.add(x, 1, out=ad.DualArray(np.zeros(3, int)), casting="unsafe"),
    "where without out": lambda x: np.add(x, 1, where=np.array([True, False, True])),
    "copyto NumPy's own": lambda x: np.copyto(np.zeros(3), x),
    "write into a view": lambda x: x[:2].__setitem__(0, 1.0),
    "augmented view": lambda x: exec("x[0:2] += 1.0", {"x": x}),
    "integer elements": lambda x: ad.DualArray(np.zeros(3, int)).__setitem__(0, x[0]),
    "object result": lambda x: x * np.array([1, 2, 3], dtype=object),
    "timedelta result": lambda x: x * np.timedelta64(1, "s"),
    "string result": lambda x: np.append(x, "a"),
    "masked array": lambda x: x + np.ma.masked_array(np.ones(3), [0, 1, 0]),
    "np.array": np.array,
    "np.full": lambda x: np.full(3, x[0]),
    "np.float64": lambda x: np.float64(x[0]),
    "integer view": lambda x: x.view(np.int64),
}


@pytest.mark.parametrize("name", LOST)
def test_a_loss_is_loud(name: str) -> None:
    with pytest.raises(TangentLost):
        LOST[name](live())


@pytest.mark.parametrize(
    "call",
    [
        lambda x: np.add.at(x, [0], 1.0),
        lambda x: np.add.at(np.zeros(3), [0], x[0]),
        np.maximum.accumulate,
        np.subtract.reduce,
        lambda x: np.put(np.zeros(3), [0], x[0]),
        lambda x: np.putmask(x, [True, False, False], 0.0),
    ],
)
def test_methods_without_rule_are_loud(call: Callable[..., Any]) -> None:
    with pytest.raises(MissingTangentRule):
        call(live())


def test_numbers_of_directions_must_agree() -> None:
    other = ad.DualArray(np.ones(3), np.ones((2, 3)))
    with pytest.raises(DirectionMismatch):
        live() + other
    with pytest.raises(DirectionMismatch):
        np.concatenate([live(), other])
    with pytest.raises(TangentMismatch):
        ad.DualArray(np.array([1, 2, 3]), np.ones(3))


@pytest.mark.parametrize("call", [np.sum, np.prod, np.mean])
def test_an_integer_result_is_a_step(call: Callable[..., Any]) -> None:
    assert not isinstance(call(live(), dtype=int), ad.DualArray)


def test_where_leaves_the_rest_of_out() -> None:
    out = ad.DualArray(np.array([5.0, 6.0, 7.0]), np.ones(3))
    np.add(live(), 1.0, out=out, where=np.array([True, False, True]))
    assert out.primal.tolist() == [2.0, 6.0, 4.0]
    assert out.tangent.tolist() == [[1.0, 1.0, 100.0]]


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.longdouble, ">f8"])
def test_types_match(dtype: Any) -> None:
    y = np.sin(live(dtype)) * 2
    assert y.tangent.dtype == y.dtype == (np.sin(np.ones(3, dtype)) * 2).dtype


# -- as NumPy's own arrays

A = np.arange(4.0).reshape(2, 2)
#: what NumPy computes of two rows, and the dual of them with itself as the tangent: linear programs
LINEAR: dict[str, Callable[[Any], Any]] = {
    "a tuple in an index": lambda x: x[(0, 1),],
    "a tuple as an operand": lambda x: x * (1.0, 2.0),
    "a tuple of a ufunc": lambda x: np.multiply((1.0, 2.0), x),
    "a range as an operand": lambda x: x * range(2),
    "flatten in Fortran's order": lambda x: x.flatten("F"),
    "the transposed matrices": lambda x: x[np.newaxis].mT,
    "trace": lambda x: x.trace(),
    "compress": lambda x: x.compress([False, True], axis=1),
    "real": lambda x: x.real,
    "conjugate": lambda x: x.conj(),
    "add.reduce into": lambda x: np.add.reduce(x, axis=0, out=np.zeros_like(x[0])),
}


def _written(call: Callable[[Any, Any], Any]) -> Callable[[Any], Any]:
    """A program that writes into an array beside it."""

    def program(x: Any) -> Any:
        out = np.zeros_like(x)
        call(x, out)
        return out

    return program


LINEAR |= {
    f"{name} into a position": _written(call)
    for name, call in {
        "clip": lambda x, out: np.clip(x, -9.0, 9.0, out),
        "sum": lambda x, out: np.sum(x[np.newaxis], 0, None, out),
        "cumsum": lambda x, out: np.cumsum(x, 0, None, out),
        "the method sum": lambda x, out: x[np.newaxis].sum(0, None, out),
        "take": lambda x, out: np.take(x, [1, 0], 0, out),
        "concatenate": lambda x, out: np.concatenate([x[:1], x[:1]], 0, out),
        "stack": lambda x, out: np.stack([x[1], x[0]], 0, out),
    }.items()
}


def _in_place(call: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def program(x: Any) -> Any:
        x = x.copy()
        call(x)
        return x

    return program


LINEAR |= {
    "sort in place": _in_place(lambda x: x.sort(axis=1)),
    "fill": _in_place(lambda x: x.fill(2.0)),
    "a real part that is written": _in_place(lambda y: y.real.__imul__(2.0)),
}


@pytest.mark.parametrize("name", LINEAR)
def test_as_numpy(name: str) -> None:
    f = LINEAR[name]
    y = f(ad.DualArray(A, A))
    expected = f(A)
    np.testing.assert_array_equal(ad.primal(y), expected)
    is_constant = name == "fill"
    np.testing.assert_array_equal(ad.tangent(y), 0 * expected if is_constant else expected)


def test_one_of_two_results_is_written() -> None:
    x = ad.DualArray(np.array([1.5, -2.25]), np.array([1.0, 10.0]))
    for out in ((np.zeros_like(x), None), (None, np.zeros_like(x)), (np.zeros_like(x),)):
        fraction, whole = np.modf(x, *out) if len(out) == 1 else np.modf(x, out=out)
        np.testing.assert_array_equal(fraction.primal, [0.5, -0.25])
        np.testing.assert_array_equal(fraction.tangent, [[1.0, 10.0]])
        np.testing.assert_array_equal(whole, [1.0, -2.0])


def test_selected_elements_warn_as_in_numpy() -> None:
    """And the others stay as they were; warnings are errors here."""
    x = np.array([-1.0, 0.0, 4.0])
    y = ad.DualArray(x, np.ones(3))
    out = np.log(y, out=np.full_like(y, 7.0), where=y > 0)
    np.testing.assert_array_equal(out.primal, [7.0, 7.0, np.log(4.0)])
    np.testing.assert_array_equal(out.tangent, [[0.0, 0.0, 0.25]])
    out = np.divide(1.0, y, out=np.zeros_like(y), where=y != 0)
    np.testing.assert_array_equal(out.tangent, [[-1.0, 0.0, -1 / 16]])
    with pytest.warns(RuntimeWarning, match="divide by zero"):
        np.log(y, out=np.zeros_like(y), where=y >= 0)


@pytest.mark.parametrize(
    "call",
    [lambda i: i.__imul__(2.5), lambda i: i.__itruediv__(2), lambda i: np.add(i, 0.5, out=i)],
)
def test_casts_in_place_are_refused_as_by_numpy(call: Callable[[Any], Any]) -> None:
    for i in (np.ones(2, int), ad.DualArray(np.ones(2, int))):
        with pytest.raises(TypeError, match=r"(?i)cannot cast .* 'same_kind'"):
            call(i)


@pytest.mark.parametrize(
    "view",
    [np.atleast_1d, np.squeeze, np.real, lambda z: np.broadcast_arrays(z, z)[0], lambda z: z[:]],
)
def test_what_numpy_gives_back_itself_is_a_view(view: Callable[[Any], Any]) -> None:
    """A live write is seen in the array itself, or it is loud."""
    z = ad.DualArray(np.zeros(2))
    w = view(z)
    try:
        w[0] = ad.DualArray(3.0, 1.0)
    except TangentLost:
        return
    assert z.primal.tolist() == [3.0, 0.0]
    assert z.tangent.tolist() == [[1.0, 0.0]]


@pytest.mark.parametrize("value", [None, {}, set(), object, np.array(["a", None], dtype=object)])
def test_what_is_no_number_is_refused(value: Any) -> None:
    with pytest.raises(TypeError, match="is no array of numbers"):
        ad.DualArray(value)
