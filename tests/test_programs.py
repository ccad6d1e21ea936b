"""The programs in all modes, against differences, against each other and against the plain call."""

from __future__ import annotations

from typing import Any

import awkward as ak
import numpy as np
import pytest

import awkward_dual as ad
from awkward_dual.operators.leaves import attach, leaf_values
from awkward_dual.trees import map_tree
from tests.programs import PROGRAMS, SCALAR_PROGRAMS, Program

each = pytest.mark.parametrize("program", PROGRAMS, ids=str)
each_scalar = pytest.mark.parametrize("program", SCALAR_PROGRAMS, ids=str)


def leaves(tree: Any) -> list[Any]:
    """The floating buffers of a result, flattened."""
    found: list[Any] = []
    map_tree(lambda x, path: found.extend(np.ravel(v) for v in leaf_values(x)), tree)
    return found


def random_like(tree: Any, rng: np.random.Generator) -> Any:
    def leaf(x: Any, path: str) -> Any:
        return ad.primal(attach(x, None, lambda v, _: rng.normal(size=v.shape).astype(v.dtype)[()]))

    return map_tree(leaf, tree)


def inner(a: Any, b: Any) -> float:
    return float(sum(np.sum(x * y) for x, y in zip(leaves(a), leaves(b), strict=True)))


@each
def test_the_value_is_that_of_the_plain_call(program: Program) -> None:
    plain = program.function(*program.args)
    values = [
        ad.jvp(program.function, program.args, program.args)[0],
        ad.vjp(program.function, *program.args)[0],
        ad.linearize(program.function, *program.args)[0],
    ]
    for value in values:
        for expected, found in zip(leaves(plain), leaves(value), strict=True):
            assert found.dtype == expected.dtype
            assert found.tobytes() == expected.tobytes()
        assert str(getattr(value, "type", "")) == str(getattr(plain, "type", ""))


@pytest.mark.parametrize("program", PROGRAMS[:15], ids=str)
def test_the_fifteen_to_third_order(program: Program) -> None:
    ad.testing.check_grads(program.function, program.args, order=3)


@pytest.mark.parametrize("program", PROGRAMS[15:], ids=str)
def test_the_others_to_second_order(program: Program) -> None:
    ad.testing.check_grads(program.function, program.args, order=2)


@each
def test_transposition(program: Program, rng: np.random.Generator) -> None:
    direction = random_like(program.args, rng)
    value, forward = ad.jvp(program.function, program.args, direction)
    weights = random_like(value, rng)
    backward = ad.vjp(program.function, *program.args)[1](weights)
    np.testing.assert_allclose(inner(weights, forward), inner(backward, direction), rtol=1e-10)


@each
def test_linearize_is_jvp(program: Program, rng: np.random.Generator) -> None:
    direction = random_like(program.args, rng)
    value, push = ad.linearize(program.function, *program.args)
    expected = ad.jvp(program.function, program.args, direction)
    ad.testing.assert_equal(value, expected[0])
    for _ in range(2):
        ad.testing.assert_equal(push(*direction), expected[1], rtol=1e-12, atol=1e-14)


@each_scalar
def test_grad_is_both_jacobians(program: Program) -> None:
    numbers = tuple(range(len(program.args)))
    gradient = ad.grad(program.function, numbers)(*program.args)
    for jacobian in (ad.jacfwd, ad.jacrev):
        columns = jacobian(program.function, numbers)(*program.args)
        for own, other in zip(gradient, columns, strict=True):
            np.testing.assert_allclose(
                np.concatenate(leaves(own)), np.concatenate(leaves(other)), rtol=1e-12, atol=1e-14
            )


@each_scalar
def test_the_gradient_has_the_type_of_the_argument(program: Program) -> None:
    gradient = ad.grad(program.function)(*program.args)
    argument = program.args[0]
    if isinstance(argument, ak.Array):
        assert gradient.type == argument.type
        assert ak.backend(gradient) == "cpu"
    elif isinstance(argument, np.ndarray):
        assert type(gradient) is np.ndarray
        assert gradient.shape == argument.shape
    else:
        assert type(gradient) is (dict if isinstance(argument, dict) else np.float64)


@each_scalar
def test_hvp_is_the_derivative_of_the_gradient(program: Program, rng: np.random.Generator) -> None:
    direction = random_like(program.args, rng)
    forward = ad.hvp(program.function, program.args, direction)
    numbers = tuple(range(len(program.args)))

    def slope(*args: Any) -> Any:
        return ad.jvp(program.function, args, direction)[1]

    backward = ad.grad(slope, numbers)(*program.args)
    forward = forward if len(program.args) > 1 else (forward,)
    for a, b in zip(leaves(forward), leaves(backward), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-10, atol=1e-12)


@each
def test_checkpoint_changes_nothing(program: Program, rng: np.random.Generator) -> None:
    value, pullback = ad.vjp(program.function, *program.args)
    again, pullback_again = ad.vjp(ad.checkpoint(program.function), *program.args)
    ad.testing.assert_equal(value, again)
    weights = random_like(value, rng)
    for own, other in zip(pullback(weights), pullback_again(weights), strict=True):
        ad.testing.assert_equal(own, other, rtol=1e-12, atol=1e-14)


@each
def test_a_tangent_of_none_is_one_of_zeros(program: Program) -> None:
    zeros = map_tree(lambda x, path: ad.tangent(x), program.args)
    absent = ad.jvp(program.function, program.args, (None,) * len(program.args))
    explicit = ad.jvp(program.function, program.args, zeros)
    for a, b in zip(absent, explicit, strict=True):
        ad.testing.assert_equal(a, b)
