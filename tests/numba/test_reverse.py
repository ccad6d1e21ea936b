"""Compiled loops under `grad`, `vjp` and `jacrev`: forward in few parameters, recorded once."""

from __future__ import annotations

import math
from typing import Any

import awkward as ak
import numpy as np
import pytest

numba = pytest.importorskip("numba")

import awkward_dual as ad  # noqa: E402
from awkward_dual.numba import zeros  # noqa: E402
from awkward_dual.numba.reverse import MOST  # noqa: E402
from awkward_dual.testing import assert_equal  # noqa: E402

X = ak.Array([[1.0, 2.0], [], [3.0]])
LARGE = ak.Array(np.random.default_rng(0).uniform(0, 3, (200, 5)).tolist())


@numba.njit
def loss(x: Any, a: Any, b: Any) -> Any:
    total = 0.0
    for event in x:
        for e in event:
            total += a * e * e * math.sin(b * e)
    return total


def array_loss(x: Any, a: Any, b: Any) -> Any:
    return ak.sum(a * x * x * np.sin(b * x))


@numba.njit
def outputs(x: Any, p: Any) -> Any:
    out = zeros(len(x), like=p)
    for i, event in enumerate(x):
        for e in event:
            out[i] += e * p[0] ** 2 + p[1]
    return out, p[0] * p[1], 3


def test_numbers() -> None:
    found = ad.value_and_grad(loss, argnums=(1, 2))(X, 1.5, 0.3)
    expected = ad.value_and_grad(array_loss, argnums=(1, 2))(X, 1.5, 0.3)
    np.testing.assert_allclose(found[1], expected[1], rtol=1e-13)
    assert found[0] == loss(X, 1.5, 0.3)


def test_an_array_of_parameters() -> None:
    def total(p: Any) -> Any:
        out, product, n = outputs(X, p)
        return ak.sum(ak.Array(out) ** 2) * product * n

    p = np.array([1.5, -0.4])
    assert_equal(ad.grad(total)(p), ad.jacfwd(total)(p), rtol=1e-13)


def test_small_arrays_and_mixed_arguments() -> None:
    found = ad.grad(loss, argnums=(0, 1, 2))(X, 1.5, 0.3)
    expected = ad.grad(array_loss, argnums=(0, 1, 2))(X, 1.5, 0.3)
    assert_equal(found, expected, rtol=1e-13)


def test_large_arrays_made_of_few_parameters() -> None:
    """The directions are the parameters, however large the arrays are that depend on them."""

    def through(p: Any) -> Any:
        return loss(LARGE * p[0] + p[1] ** 2, p[2], 0.3) ** 2

    def by_arrays(p: Any) -> Any:
        return array_loss(LARGE * p[0] + p[1] ** 2, p[2], 0.3) ** 2

    p = np.array([1.1, 0.2, -0.7])
    np.testing.assert_allclose(ad.grad(through)(p), ad.grad(by_arrays)(p), rtol=1e-11)


def test_large_arrays_raise_with_guidance() -> None:
    with pytest.raises(ad.MissingTangentRule, match=rf"'loss'.*{MOST} parameters.*jvp or jacfwd"):
        ad.grad(loss)(LARGE, 1.5, 0.3)


def test_pullbacks_of_several_results() -> None:
    p = np.array([1.5, -0.4])
    value, pullback = ad.vjp(lambda p: outputs(X, p)[:2], p)
    cotangent = (np.array([1.0, 2.0, 3.0]), 0.5)
    (found,) = pullback(cotangent)
    jacobian = ad.jacfwd(lambda p: outputs(X, p)[:2])(p)
    expected = cotangent[0] @ np.asarray(jacobian[0]) + 0.5 * np.asarray(jacobian[1])
    np.testing.assert_allclose(found, expected, rtol=1e-13)
    np.testing.assert_array_equal(value[0], outputs(X, p)[0])
    rows = ad.jacrev(lambda p: outputs(X, p)[0])(p)
    assert_equal(rows, jacobian[0], rtol=1e-13)


def test_the_function_is_run_once() -> None:
    count = np.zeros(1)

    @numba.njit
    def counted(count: Any, a: Any, b: Any) -> Any:
        count[0] += 1
        return a * b

    ad.grad(lambda a, b: counted(count, a, b), argnums=(0, 1))(2.0, 3.0)
    assert count[0] == 1


def test_views_that_are_returned() -> None:
    rest = numba.njit(lambda x, s: (x[1:], s))

    def total(x: Any) -> Any:
        views, s = rest(x, 2.0)
        return ak.sum(views**2) * s

    assert ad.grad(total)(X).to_list() == [[0.0, 0.0], [], [12.0]]


def test_builders() -> None:
    @numba.njit
    def fill(x: Any, s: Any, builder: Any) -> Any:
        for event in x:
            builder.begin_list()
            for e in event:
                builder.real(e * s * s)
            builder.end_list()
        return builder

    def total(s: Any) -> Any:
        return ak.sum(fill(X, s, ak.ArrayBuilder()).snapshot() ** 2)

    assert ad.grad(total)(2.0) == pytest.approx(4 * 14 * 2.0**3)


@pytest.mark.filterwarnings("ignore::numba.core.errors.NumbaPendingDeprecationWarning")
def test_lists_that_are_changed() -> None:
    """Numba writes them back, with what was recorded."""

    @numba.njit
    def push(items: Any, x: Any) -> Any:
        items[0] = items[0] * x
        items.append(x * x)
        return x

    def total(x: Any) -> Any:
        items = [2 * x]
        return push(items, x) * items[0] * items[1]

    assert ad.grad(total)(3.0) == ad.jvp(total, (3.0,), (1.0,))[1] == 10 * 3.0**4


def test_starred_arguments() -> None:
    product = numba.njit(lambda x, *others: x * others[0] * len(others))
    assert ad.grad(lambda x: product(x, x, 2.0))(3.0) == 12.0
    assert ad.grad(lambda x: product(2.0, x))(3.0) == 2.0


def test_empty_arguments() -> None:
    summed = numba.njit(lambda x: sum([e * e for e in x]) if len(x) > 0 else 0.0)
    assert ad.grad(summed)(np.zeros(0)).shape == (0,)
    assert ad.grad(summed)(ak.Array([1.0])[:0]).to_list() == []


def test_buffers_beside_recorded_numbers() -> None:
    @numba.njit
    def write(both: Any) -> Any:
        both[0][0] = 5.0
        return both[1] * 2

    def total(x: Any) -> Any:
        out = np.zeros(1)
        return write((out, x)) * out[0]

    assert ad.grad(total)(3.0) == 10.0


def test_dependence_on_nothing() -> None:
    constant = numba.njit(lambda x: 0.0 * x + 2.0)
    assert ad.grad(constant)(3.0) == 0.0
    assert ad.grad(numba.njit(lambda x: x.primal))(3.0) == 0.0


# -- layouts that are projected on the way


@numba.njit
def squares(x: Any) -> Any:
    total = 0.0
    for event in x:
        for e in event:
            if e is not None:
                total += e * e
    return total


@numba.njit
def products(x: Any) -> Any:
    return x[0].pt * x[1].pt


MUONS = ak.zip({"pt": ak.Array([30.0, 5.0, 20.0]), "eta": ak.Array([0.1, 0.2, 0.3])})
SHOWN = {
    "a part": lambda x: x[1:],
    "reversed": lambda x: x[::-1],
    "elements picked twice": lambda x: x[[0, 2, 0]],
    "masked": lambda x: ak.mask(x, x > 1.5),
    "padded": lambda x: ak.pad_none(x, 2),
    "an array of two axes": lambda x: ak.to_regular(
        ak.fill_none(ak.pad_none(x, 2, clip=True), 0.0)
    ),
    "joined and cut": lambda x: ak.concatenate([x, x])[1:5],
}


@pytest.mark.parametrize("name", SHOWN)
def test_layouts_that_do_not_show_all_in_order(name: str) -> None:
    show = SHOWN[name]
    compiled = lambda s: squares(show(X * s))
    by_arrays = lambda s: ak.sum(show(X * s) ** 2)
    value, gradient = ad.value_and_grad(compiled)(1.5)
    assert value == pytest.approx(by_arrays(1.5))
    assert gradient == pytest.approx(ad.grad(by_arrays)(1.5))
    assert gradient == pytest.approx(ad.jvp(compiled, (1.5,), (1.0,))[1])


def test_records_that_were_selected() -> None:
    def program(s: Any) -> Any:
        muons = ak.zip({"pt": MUONS.pt * s, "eta": MUONS.eta})
        return products(muons[muons.pt > 10])

    assert ad.grad(program)(1.1) == pytest.approx(2 * 1.1 * 600)


def test_fields_of_different_lengths() -> None:
    events = ak.Array([{"met": 20.0, "jets": [30.0, 10.0]}, {"met": 5.0, "jets": [50.0]}])
    function = numba.njit(lambda e: e[0].met * e[1].jets[0])
    assert ad.grad(function)(events).to_list() == [
        {"met": 50.0, "jets": [0.0, 0.0]},
        {"met": 0.0, "jets": [20.0]},
    ]


def test_single_precision_stays_single() -> None:
    @numba.njit
    def total(x: Any) -> Any:
        out = zeros(1, like=x)
        for _ in range(1000):
            out[0] += x[0] * np.float32(0.1)
        return out

    for x in (np.ones(2, "f4"), ak.Array(np.ones(2, "f4"))):
        value, tangent = ad.jvp(total, (x,), (x,))
        assert value.dtype == tangent.dtype == total(x).dtype == zeros(1, like=x).dtype == "f4"
        assert value.tobytes() == total(x).tobytes()
    doubled = numba.njit(lambda a: float(a) * a)
    a = np.float32(1.3)
    assert ad.jvp(doubled, (a,), (a,))[0] == doubled(a)
