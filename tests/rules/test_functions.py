"""Every row of a NumPy function against differences in the four modes."""

from __future__ import annotations

from typing import Any

import awkward as ak
import numpy as np
import pytest

import awkward_dual as ad
from awkward_dual.calls import with_primal
from awkward_dual.rules import Kind, rows
from tests.rules.checks import check_modes, seeded
from tests.rules.examples import EXAMPLES, Example

FUNCTIONS = [
    row
    for row in rows()
    if callable(row.target)
    and not (isinstance(row.target, np.ufunc) and row.target.signature is None)
    # those of SciPy have tests of their own
    and row.target in (getattr(np, row.name, None), getattr(np.linalg, row.name, None))
]
MOVING = [row for row in FUNCTIONS if row.kind not in (Kind.STEP, Kind.STRUCTURE)]
CASES = [
    pytest.param(example, char, id=f"{name}-{i}-{np.dtype(char)}")
    for name, examples in EXAMPLES.items()
    for i, example in enumerate(examples)
    for char in "dfD"
    if not (example.real and char == "D")
]


@pytest.mark.parametrize("row", MOVING, ids=lambda row: row.name)
def test_every_row_has_an_example(row: Any) -> None:
    assert EXAMPLES.get(row.name), f"write a call of {row.name} into tests/rules/examples.py"


def test_every_example_has_a_row() -> None:
    assert set(EXAMPLES) == {row.name for row in MOVING}


@pytest.mark.parametrize(
    "call",
    [
        lambda x: np.sum(x, initial=2.0),
        lambda x: np.max(x, where=np.array([True, False])),
        lambda x: np.var(x, correction=1),
        lambda x: np.sum(x, where=np.array([True, False])),
    ],
)
def test_unknown_arguments_are_loud(call: Any) -> None:
    with pytest.raises(
        (ad.errors.MissingTangentRule, ValueError), match=r"these arguments|initial"
    ):
        call(ad.DualArray(np.array([1.0, 2.0]), np.ones(2)))


X = np.array([0.0, 1.0, 2.0, 0.0])
DX = np.array([1.0, 10.0, 100.0, 1000.0])


@pytest.mark.parametrize(
    ("call", "tangent"),
    [
        (lambda x: np.append(np.ones(2), values=x), [0, 0, 1, 10, 100, 1000]),
        (lambda x: np.append(x, values=3), [1, 10, 100, 1000, 0]),
        (lambda x: np.insert(x, 1, values=2), [1, 0, 10, 100, 1000]),
        (lambda x: np.select([x > 1.5], [x], default=2), [0, 0, 100, 0]),
        (lambda x: np.select([x > 1.5], [1.0], default=x), [1, 10, 0, 1000]),
        (lambda x: np.sum(a=x, axis=np.int64(0)), 1111),
        (lambda x: np.max(x[0], axis=0), 1),
    ],
)
def test_arguments_by_name(call: Any, tangent: Any) -> None:
    y = call(ad.DualArray(X, DX))
    np.testing.assert_array_equal(y.primal, call(X))
    np.testing.assert_array_equal(y.tangent[0], tangent)


def test_data_that_are_parameters_are_not_lost() -> None:
    with pytest.raises(ad.errors.TangentLost, match="the argument 1 of tile"):
        np.tile(X, ad.DualArray(2.0, 1.0))


@pytest.mark.parametrize(
    "call",
    [
        lambda x: np.ravel(x.T, order="K"),
        lambda x: np.ravel(x.T, order="A"),
        lambda x: x.T.reshape(4, order="A"),
        lambda x: np.ravel(x.T, order="F"),
        lambda x: x.flatten("F"),
    ],
)
def test_order_in_memory(call: Any) -> None:
    x = np.arange(4.0).reshape(2, 2)
    y = call(ad.DualArray(x, x))
    np.testing.assert_array_equal(y.primal, call(x))
    np.testing.assert_array_equal(y.tangent[0], call(x))


def _values(shape: tuple[int, ...], char: str, rng: np.random.Generator) -> Any:
    """Distinct numbers, none near another, none near zero."""
    size = int(np.prod(shape))
    x = (rng.permutation(size) + 0.8) / 2.5 * np.where(np.arange(size) % 3, 1, -1)
    if char == "D":
        x = x * np.exp(1j * rng.uniform(-1, 1, size))
    return x.reshape(shape).astype(char)[()]


def _joined(y: Any) -> Any:
    return np.concatenate([np.ravel(a) for a in y]) if isinstance(y, list | tuple) else y


@pytest.mark.parametrize(("example", "char"), CASES)
def test_four_modes(example: Example, char: str) -> None:
    rng = seeded(f"{example.shapes}")
    x = [_values(shape, char, rng) for shape in example.shapes]
    check_modes(lambda *x: _joined(example.call(*x)), x, rng=rng)


@pytest.mark.parametrize("example", [e for group in EXAMPLES.values() for e in group])
def test_value_is_numpys(example: Example) -> None:
    """Bit for bit, along three directions at once."""
    rng = seeded(f"{example.shapes}")
    x = [_values(shape, "d", rng) for shape in example.shapes]
    y = _joined(example.call(*(ad.DualArray(a, np.ones((3, *a.shape))) for a in x)))
    expected = np.asarray(_joined(example.call(*x)))
    value = np.asarray(y.primal if isinstance(y, ad.DualArray) else y)
    assert value.dtype == expected.dtype
    assert value.shape == expected.shape
    assert value.tobytes() == expected.tobytes()
    # a product of no elements is the constant 1
    assert y.tangent.shape == (3, *expected.shape) if isinstance(y, ad.DualArray) else not x[0].size


A, B = np.arange(1.0, 5.0).reshape(2, 2), np.array([2.0, 3.0, 4.0])
#: the shape of the argument, and calls with options that are rare
RARE: list[tuple[tuple[int, ...], list[Any]]] = [
    ((2, 3), [
        lambda x: x.T[:, ::-1].ravel("A"), lambda x: np.broadcast_to(x, (2, 2, 3)).ravel("K"),
        lambda x: np.reshape(x.T, (6,), order="A"), lambda x: x.T[::-1].flatten("K"),
        lambda x: x.flatten("F"), lambda x: x.copy("F").ravel("K"), lambda x: x.T.real.ravel("A"),
        lambda x: x.reshape(np.int64(6)), lambda x: x.reshape([3, 2], copy=True),
        lambda x: np.einsum(x, [26, 0]), lambda x: np.trapezoid(x, dx=B[:2, np.newaxis], axis=1),
        lambda x: np.trapezoid(x.T, dx=B[:2], axis=0), lambda x: np.trapezoid(x.T, B, axis=0),
        lambda x: np.trapezoid(x * 0 + 1, x), lambda x: np.linalg.norm(x, 2, axis=1),
        lambda x: np.linalg.norm(x, 2, axis=(0,)), lambda x: np.linalg.vector_norm(x, axis=(0, 1)),
        lambda x: np.add.reduce(x, axis=1, keepdims=1), lambda x: x.max(0, keepdims=1),
    ]),
    ((2, 2), [
        lambda x: np.einsum(x, [0, 1], A, [1, 26]), lambda x: np.linalg.slogdet(x + 1j * np.eye(2))[0].imag,
        lambda x: np.linalg.slogdet(x)[1],
    ]),
    ((0, 0), [lambda x: np.linalg.slogdet(x)[1]]),
    ((3,), [
        lambda x: np.logspace(0.5, 1.0, 3, base=abs(x)), lambda x: np.geomspace(abs(x), B, 4, axis=-1),
        lambda x: np.meshgrid(x, A[0], sparse=False)[0], lambda x: np.meshgrid(A[0], x, indexing="ij")[1],
        lambda x: np.diff(x, 0, prepend=0.0), lambda x: np.diff(list(B), append=x),
        lambda x: np.average(list(B), weights=abs(x)), lambda x: np.quantile(list(B), abs(x) / 4),
        lambda x: np.convolve(x, B[:2], mode=1), lambda x: np.correlate(x, B[:2], mode=2),
        lambda x: np.pad(x[:0], (1, 2)) + x, lambda x: np.vander(x, 0).sum() + x,
        lambda x: np.interp(0.0, [-np.inf, 1.0, 2.0], x), lambda x: np.clip(x, -0.5, 0.7),
        lambda x: np.clip(x, None, 0.7), lambda x: np.clip(x, x[::-1], None), lambda x: x.clip(min=0.1),
    ]),
    ((), [
        lambda x: np.logspace(x, 1.0, 3, base=B), lambda x: np.cumsum(x, 0), np.cumprod,
        lambda x: np.gradient(list(B), x), lambda x: np.convolve(x, B), lambda x: np.diff([0.5, 1.0], prepend=x),
        lambda x: np.linspace(x, 3.0, 1, retstep=True)[0],
    ]),
]  # fmt: skip


@pytest.mark.parametrize(("shape", "call"), [(shape, c) for shape, calls in RARE for c in calls])
def test_rare_options(shape: tuple[int, ...], call: Any) -> None:
    rng = seeded(f"{shape}")
    x = _values(shape, "d", rng)
    check_modes(call, [x], rng=rng)
    y = call(ad.DualArray(x, np.ones((3, *shape))))
    expected = np.asarray(call(x))
    value = ad.primal(y)
    assert np.shape(value) == expected.shape
    assert np.asarray(value).tobytes() == expected.tobytes()


@pytest.mark.filterwarnings("ignore::numpy.exceptions.ComplexWarning")
@pytest.mark.parametrize(
    "call",
    [
        lambda x: np.unique(x + 0j, sorted=False),
        lambda x: np.nanquantile(x, [[0.2], [0.4]], axis=(0,)),
        lambda x: np.var(x + 0j, dtype=np.float64),
    ],
)
def test_options_whose_order_or_dtype_is_numpys_own_are_loud(call: Any) -> None:
    with pytest.raises(TypeError):
        ad.jvp(call, (B,), (B,))


def test_a_program_of_another_shape_is_found_out() -> None:
    with pytest.raises(AssertionError, match=r"the shape \(2,\) in place of \(3,\)"):
        with_primal(B, ad.DualArray(B[:2], B[:2]))


STEP_CALLS = {
    "argwhere": (), "allclose": (1.0,), "isclose": (1.0,), "array_equal": (1.0,),
    "array_equiv": (1.0,), "argpartition": (1,), "searchsorted": (0.5,), "isin": ([1.0],),
    "result_type": (), "can_cast": ("f8",), "shares_memory": (np.ones(3),),
    "may_share_memory": (np.ones(3),), "digitize": ([0.0, 1.0],),
}  # fmt: skip


@pytest.mark.parametrize(
    "row", [row for row in FUNCTIONS if row.kind is Kind.STEP], ids=lambda row: row.name
)
def test_step_has_no_tangent(row: Any) -> None:
    raw = np.array([0.25, 1.0, 2.5])
    rest = STEP_CALLS.get(row.name, ())
    if row.name == "can_cast":
        raw = raw.dtype
        assert row.target(raw, *rest)
        return
    y = row.target(ad.DualArray(raw, np.ones(3)), *rest)
    for part in y if isinstance(y, tuple) else (y,):
        assert not isinstance(part, ad.DualArray) or part.tangent is None
    if row.name != "empty_like":
        np.testing.assert_array_equal(y, row.target(raw, *rest))


# -- corners


def test_second_derivatives_where_a_deviation_is_zero() -> None:
    """A norm has its kink at the origin only, and the variance none."""
    half_square = lambda p: np.linalg.norm(p) ** 2 / 2
    np.testing.assert_allclose(ad.hessian(half_square)(np.array([0.0, 1.0])), np.eye(2))
    assert ad.hessian(np.linalg.norm)(np.array([0.0, 3.0, 4.0]))[0, 0] == pytest.approx(0.2)
    x = np.array([1.0, 2.0, 3.0])
    np.testing.assert_allclose(ad.hessian(np.var)(x), (2 * np.eye(3) - 2 / 3) / 3, atol=1e-15)
    np.testing.assert_array_equal(ad.grad(np.linalg.norm)(np.zeros(2)), np.zeros(2))
    np.testing.assert_array_equal(ad.grad(np.std)(np.ones(2)), np.zeros(2))


def test_weights_along_several_axes() -> None:
    x = np.arange(12.0).reshape(2, 3, 2)
    weights = np.arange(1.0, 7.0).reshape(3, 2)
    f = lambda x: np.average(x, axis=(1, 0), weights=weights)
    np.testing.assert_allclose(ad.jvp(f, (x,), (x,))[1], f(x))
    returned = ad.jvp(lambda x: np.average(x, axis=0, returned=True), (x,), (x,))[1]
    np.testing.assert_allclose(returned[0], np.average(x, axis=0))


def test_sums_in_another_precision() -> None:
    x = np.full(3, 1e20, "f4")
    product = ad.jvp(lambda x: np.prod(x, dtype="f8"), (x,), (np.ones(3, "f4"),))[1]
    assert product == pytest.approx(3e40)
    x = np.array([1e25, -1e25], "f4")
    spread = ad.jvp(lambda x: np.std(x, dtype="f8"), (x,), (np.array([1, 0], "f4"),))[1]
    assert spread == pytest.approx(0.5)
    x = np.full(100, 1000, "f2")
    assert ad.jvp(np.mean, (x,), (x,)) == (np.float16(1000), np.float16(1000))


def test_zeros_at_the_ends() -> None:
    y = np.trim_zeros(ad.DualArray(X, DX))
    np.testing.assert_array_equal(y.tangent, [[10.0, 100.0]])
    np.testing.assert_array_equal(ad.grad(lambda x: np.sum(np.trim_zeros(x)))(X), [0, 1, 1, 0])


@pytest.mark.parametrize("axis", [0, 1, None])
def test_quantiles_of_nan(axis: Any) -> None:
    """The result is the NaN, which is at the end."""
    x = np.array([[1.0, np.nan], [3.0, 4.0]])
    dx = np.array([[1.0, 10.0], [100.0, 1000.0]])
    y, dy = ad.jvp(lambda x: np.median(x, axis=axis), (x,), (dx,))
    np.testing.assert_array_equal(y, np.median(x, axis=axis))
    np.testing.assert_array_equal(dy, {0: [50.5, 10.0], 1: [10.0, 550.0], None: 10.0}[axis])


def test_knots_and_ends_of_an_interpolation() -> None:
    """At a knot the slope to its right, at the last one that to its left, beyond the ends 0."""
    knots, heights = [0.0, 1.0, 3.0], [0.0, 2.0, 3.0]
    x = np.array([-1.0, 0.0, 0.5, 1.0, 2.0, 3.0, 4.0])
    f = lambda x: np.interp(x, knots, heights)
    np.testing.assert_array_equal(ad.elementwise_grad(f)(x), [0, 2, 2, 0.5, 0.5, 0.5, 0])


def test_determinants_of_singular_matrices() -> None:
    """By cofactors, so that no inverse is needed; larger ones are loud."""
    a = np.outer([1.0, 2.0, 3.0], [1.0, 1.0, 2.0])
    cofactors = ad.grad(np.linalg.det)(a + np.diag([0, 0, 1.0]))
    np.testing.assert_allclose(cofactors[2], [0, 0, 0], atol=1e-12)
    np.testing.assert_allclose(cofactors[0], [2.0 * 7 - 4 * 3, -(2.0 * 7 - 4 * 3), 2 * 3 - 2 * 3.0])
    with pytest.raises(ad.MissingTangentRule, match=r"singular matrix.*three rows"):
        ad.grad(np.linalg.det)(np.ones((4, 4)))


@pytest.mark.parametrize("call", [np.matmul, np.dot, lambda a, b: np.einsum("ij,jk->ik", a, b)])
def test_zero_absorbs_in_products_of_matrices(call: Any) -> None:
    a = np.array([[0.0, 1.0], [2.0, 3.0]])
    b = np.array([[np.inf, np.nan], [1.0, 1.0]])
    da = np.array([[0.0, 1.0], [0.0, 0.0]])
    with np.errstate(invalid="ignore"):
        found = ad.jvp(lambda a: call(a, b), (a,), (da,))[1]
        gradient = ad.vjp(lambda a: call(a, b), a)[1](np.zeros((2, 2)))[0]
    np.testing.assert_array_equal(found, [[1.0, 1.0], [0.0, 0.0]])
    np.testing.assert_array_equal(gradient, np.zeros((2, 2)))


@pytest.mark.parametrize("call", [np.stack, np.hstack, np.vstack, np.dstack, np.column_stack])
def test_joined_elements_of_an_awkward_array(call: Any) -> None:
    x = ak.Array([1.0, 2.0, 3.0])
    y, dy = ad.jvp(call, (x,), (x,))
    np.testing.assert_array_equal(y, call(x))
    np.testing.assert_array_equal(dy, call(x))


@pytest.mark.parametrize(
    "write",
    [
        lambda y, out: np.copyto(out, y),
        lambda y, out: np.cumsum(y, out=out),
        lambda y, out: np.clip(y, 1.5, 2.5, out),
    ],
)
def test_awkward_arrays_into_one_of_numpy_are_loud(write: Any) -> None:
    x = ak.Array([1.0, 2.0, 3.0])
    with pytest.raises(ad.errors.TangentLost, match="of NumPy's own"):
        ad.jvp(lambda y: write(y, np.zeros(3)), (x,), (x,))
