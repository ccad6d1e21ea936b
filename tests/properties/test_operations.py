"""Every operation on arrays of any structure: values, tangents, directions, transposition."""

from __future__ import annotations

import warnings
from typing import Any

import awkward as ak
import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

import awkward_dual as ad
from awkward_dual.adapter import recursively_apply
from awkward_dual.operators.leaves import attach, leaf_values
from awkward_dual.operators.seeding import seed as seed_in_place
from awkward_dual.pair import lowest
from tests.properties.layouts import arrays, with_values
from tests.properties.operations import OPERATIONS, Operation

SETTINGS = settings(
    max_examples=4,
    deadline=None,
    # no shrinking: it takes longer than all the rest, and the arrays are small
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=[
        HealthCheck.too_slow,
        HealthCheck.filter_too_much,
        HealthCheck.data_too_large,
    ],
)


def quiet(operation: Operation, x: Any) -> Any:
    """The result, or the exception, without NumPy's warnings about values."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore", RuntimeWarning)
        return operation(x)


def refuses(operation: Operation, x: Any) -> bool:
    try:
        quiet(operation, x)
    except Exception:
        return True
    return False


def numbers(x: Any) -> list[Any]:
    return [np.asarray(lowest(leaf)) for leaf in leaf_values(x)]


def random_like(x: Any, rng: np.random.Generator) -> Any:
    def draw(value: Any, _other: Any) -> Any:
        raw = lowest(value)
        return np.asarray(rng.uniform(-1, 1, raw.shape)).astype(raw.dtype)[()]

    return attach(x, None, draw)


def moved(x: Any, dx: Any, h: float) -> Any:
    """`x + h * dx`, in the layout of `x`: some operations depend on it."""

    def action(layout: Any, **_: Any) -> Any:
        if not layout.is_numpy:
            return None
        data = layout.data
        if ad.is_live(data):
            data = (data.primal + h * data.tangent[0]).astype(data.dtype)
        return ak.contents.NumpyArray(data, parameters=layout.parameters)

    shifted = recursively_apply(ad.dual(x, dx).layout, action)
    return ak.to_backend(ak.Array(shifted, behavior=x.behavior), "cpu")


def same_bits(a: Any, b: Any) -> bool:
    if isinstance(a, ak.Array | ak.Record):
        a, b = (ak.Array([y]) if isinstance(y, ak.Record) else y for y in (a, b))
        return bool(
            ak.array_equal(a, ak.to_backend(b, "cpu"), equal_nan=True, check_parameters=False)
        ) and all(
            np.array_equal(p, q, equal_nan=True) and p.dtype == q.dtype
            for p, q in zip(numbers(a), numbers(b), strict=True)
        )
    if a is None or b is None:
        return a is b
    return bool(np.array_equal(a, lowest(b), equal_nan=np.asarray(a).dtype.kind in "fc"))


@pytest.mark.parametrize("name", OPERATIONS)
@SETTINGS
@given(array=arrays(), seed=st.integers(0, 2**16))
def test_operation(name: str, array: Any, seed: int) -> None:
    """All properties on one array, for drawing it costs more than checking it."""
    operation = OPERATIONS[name]
    rng = np.random.default_rng(seed)
    x = with_values(array, rng)
    if refuses(operation, x):
        assert refuses(operation, ak.to_backend(x, "dual")), "refused on cpu, done on dual"
        return
    y = quiet(operation, x)
    if isinstance(y, ak.Array) and not ak.is_valid(y):
        return  # a bug of Awkward's own
    check_value(operation, x)
    dx = random_like(x, rng)
    tangent = check_tangent(operation, x, dx)
    if name != "std, axis=0":  # at the spread of a single element: see docs/limits.md
        check_transposed(operation, x, dx, tangent, rng)
    check_directions(operation, x, [dx, random_like(x, rng)], tangent)


def check_value(operation: Operation, x: Any) -> None:
    """The value is that of ``cpu``, bit for bit."""
    assert same_bits(quiet(operation, x), quiet(operation, ak.to_backend(x, "dual")))


def check_tangent(operation: Operation, x: Any, dx: Any) -> Any:
    """The tangent is the derivative."""
    value, tangent = quiet(lambda x: ad.jvp(operation, (x,), (dx,)), x)
    assert same_bits(quiet(operation, x), value)
    h, tolerance = (2**-8, 2e-2) if is_single(value) else (2**-18, 2e-6)
    ahead, behind = (quiet(operation, moved(x, dx, s * h)) for s in (1, -1))
    for a, b, t in zip(numbers(ahead), numbers(behind), numbers(tangent), strict=True):
        with np.errstate(invalid="ignore"):
            expected = (a - b) / (2 * h)
        known = np.isfinite(expected) & (np.abs(expected) < 1e3)
        np.testing.assert_allclose(t[known], expected[known], rtol=tolerance, atol=tolerance)
    return tangent


def is_single(value: Any) -> bool:
    return any(leaf.dtype == np.float32 for leaf in leaf_values(value))


def check_transposed(operation: Operation, x: Any, dx: Any, tangent: Any, rng: Any) -> None:
    """Reverse mode is the transposed of forward mode."""
    value, pullback = quiet(lambda x: ad.vjp(operation, x), x)
    c = random_like(value, rng)
    (pulled,) = quiet(pullback, c)
    size = 1 + sum(np.abs(t).sum() for t in numbers(tangent))
    if np.isfinite(size):
        difference = _inner(c, tangent) - _inner(pulled, dx)
        assert abs(difference) <= (1e-4 if is_single(value) else 1e-10) * size


def _inner(a: Any, b: Any) -> float:
    pairs = zip(numbers(a), numbers(b), strict=True)
    return float(sum(np.sum(np.where((p == 0) | (q == 0), 0, p * q)) for p, q in pairs))


def check_directions(operation: Operation, x: Any, directions: list[Any], first: Any) -> None:
    """Several directions are several passes; explicit zeros are absent tangents."""
    zero = attach(x, None, lambda v, _: v * 0)
    directions = [*directions, zero]
    together = quiet(lambda x: operation(_dual(x, directions)), x)
    if not ad.is_live(together):
        return
    tangents = numbers(ad.tangent(together))
    if len(tangents) != len(numbers(first)):
        return  # members of a union that hold nothing are left out of one of them
    for leaf, single in zip(tangents, numbers(first), strict=True):
        columns = leaf.reshape(single.size, len(directions))
        np.testing.assert_allclose(columns[:, 0], single.reshape(-1), rtol=1e-6, atol=1e-12)
        assert not columns[:, -1].any()


def _dual(x: Any, directions: list[Any]) -> Any:
    """`x` with all directions at once."""
    columns = [iter(leaf_values(d)) for d in directions]

    def pair(value: Any, _other: Any) -> Any:
        return ad.DualArray(value, np.stack([np.asarray(lowest(next(c))) for c in columns]))

    return seed_in_place(x, None, pair)
