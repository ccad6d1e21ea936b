"""Derivatives of sums over parts are those of the whole, with the same bits on every executor."""

from __future__ import annotations

from typing import Any

import awkward as ak
import numpy as np
import pytest

import awkward_dual as ad
from tests.scale import programs
from tests.scale.programs import PARAMS, TANGENTS, loss, moments, sample

EXECUTORS = [programs.threads, programs.processes]


def whole(func: Any, x: Any, step: int) -> Any:
    """The sum over parts, as one function of the parameters."""
    pieces = [x[i : i + step] for i in range(0, len(x), step)]

    def summed(params: Any) -> Any:
        terms = [func(piece, params) for piece in pieces]
        return ak.sum(ak.Array(terms)) if not isinstance(terms[0], dict) else added(terms)

    return summed


def added(terms: list[Any]) -> Any:
    return {name: sum((t[name] for t in terms[1:]), terms[0][name]) for name in terms[0]}


CALLS = {
    "value_and_grad": (
        lambda parts, **options: ad.scale.value_and_grad(loss, parts, PARAMS, **options),
        lambda x: ad.value_and_grad(whole(loss, x, 10))(PARAMS),
    ),
    "jvp": (
        lambda parts, **options: ad.scale.jvp(moments, parts, PARAMS, TANGENTS, **options),
        lambda x: ad.jvp(whole(moments, x, 10), (PARAMS,), (TANGENTS,)),
    ),
    "jacfwd": (
        lambda parts, **options: ad.scale.jacfwd(moments, parts, PARAMS, **options),
        lambda x: (whole(moments, x, 10)(PARAMS), ad.jacfwd(whole(moments, x, 10))(PARAMS)),
    ),
    "value_grad_and_hessian": (
        lambda parts, **options: ad.scale.value_grad_and_hessian(loss, parts, PARAMS, **options),
        lambda x: (
            *ad.value_and_grad(whole(loss, x, 10))(PARAMS),
            ad.hessian(whole(loss, x, 10))(PARAMS),
        ),
    ),
    "hessian": (
        lambda parts, **options: ad.scale.hessian(loss, parts, PARAMS, **options),
        lambda x: ad.hessian(whole(loss, x, 10))(PARAMS),
    ),
}
each = pytest.mark.parametrize("name", CALLS)


def flat(tree: Any) -> list[Any]:
    if isinstance(tree, dict):
        return [leaf for item in tree.values() for leaf in flat(item)]
    if isinstance(tree, tuple | list):
        return [leaf for item in tree for leaf in flat(item)]
    return [np.asarray(tree)]


@each
def test_the_sum_over_parts_is_the_whole(name: str, rng: np.random.Generator) -> None:
    x = sample(rng)
    by_parts, at_once = CALLS[name]
    found, expected = flat(by_parts(ad.scale.rows(x, 10))), flat(at_once(x))
    assert len(found) == len(expected)
    for a, b in zip(found, expected, strict=True):
        assert a.shape == b.shape
        np.testing.assert_allclose(a, b, rtol=1e-11, atol=1e-11)


@each
@pytest.mark.parametrize("executor", EXECUTORS, ids=["threads", "processes"])
def test_every_executor_gives_the_same_bits(
    name: str, executor: Any, rng: np.random.Generator
) -> None:
    parts = ad.scale.rows(sample(rng), 10)
    serial, parallel = CALLS[name][0](parts), CALLS[name][0](parts, executor=executor)
    assert [a.tobytes() for a in flat(serial)] == [a.tobytes() for a in flat(parallel)]


@pytest.mark.parametrize(
    "params", [2.0, np.float32(2.0), np.array([2.0]), (2.0,), [2.0], {"a": {"b": 2.0}}]
)
def test_parameters_of_any_kind(params: Any) -> None:
    def square(x: Any, params: Any) -> Any:
        while isinstance(params, tuple | list | dict):
            params = (
                params["a" if "a" in params else "b"] if isinstance(params, dict) else params[0]
            )
        return ak.sum((x * (params if np.ndim(params) == 0 else params[0])) ** 2)

    x = ak.Array([[1.0, 2.0], [], [3.0]])
    value, gradient = ad.scale.value_and_grad(square, ad.scale.rows(x, 1), params)
    assert float(value) == 56.0
    assert type(gradient) is type(params) or np.ndim(params) == 0
    assert [float(leaf.item()) for leaf in flat(gradient)] == [56.0]


def test_inside_of_another_operator() -> None:
    """Sums nest: the derivative of a gradient that is summed over parts."""
    parts = ad.scale.rows(ak.Array([[1.0, 2.0], [], [3.0]]), 1)

    def slope(scale: Any) -> Any:
        return ad.scale.value_and_grad(lambda x, s: ak.sum((s * x) ** 3), parts, scale)[1]

    for executor in (None, programs.threads):
        del executor
        assert float(ad.grad(slope)(1.0)) == 6 * 36


def test_integers_ride_along() -> None:
    parts = ad.scale.rows(ak.Array([[1.0, 2.0], [], [3.0]]), 2)
    value, tangent = ad.scale.jvp(
        moments, parts, {"scale": 1.0, "shift": (0.0,)}, {"scale": 1.0, "shift": (0.0,)}
    )
    assert value["count"] == 3
    assert tangent["count"] == 0
    assert value["powers"].tolist() == [6.0, 14.0, 36.0]
    assert tangent["powers"].tolist() == [6.0, 28.0, 108.0]
