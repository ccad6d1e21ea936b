"""Every ufunc row of the table against numerical truth; a new row is tested by being there."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import awkward_dual as ad
from awkward_dual.rules import Kind, rows
from kernels import truth
from tests.rules.checks import TOLERANCE, agree, check_modes, random_like, seeded
from tests.rules.domains import sample, supports

UFUNCS = [
    row
    for row in rows()
    if isinstance(row.target, np.ufunc)
    and row.target.signature is None
    # those of SciPy have tests of their own
    and getattr(np, row.name, None) is row.target
]
MOVING = [row for row in UFUNCS if row.kind is not Kind.STEP]
STEPS = [row for row in UFUNCS if row.kind is Kind.STEP]
EXACT = {"f": 3e-5, "d": 2e-11}


def cases(chars: str) -> list[Any]:
    return [
        pytest.param(row.target, char, id=f"{row.name}-{np.dtype(char)}")
        for row in MOVING
        for char in chars
        if supports(row.target, char)
    ]


def floating_outputs(ufunc: Any, args: Any) -> list[int | None]:
    """Which outputs of a ufunc carry tangents; ``None`` where it has one."""
    result = ufunc(*args)
    if not isinstance(result, tuple):
        return [None]
    return [i for i, y in enumerate(result) if y.dtype.kind in "fc" and not _is_step(ufunc, i)]


def _is_step(ufunc: Any, i: int) -> bool:
    return (ufunc.__name__, i) in {("divmod", 0), ("modf", 1)}


def check_ufunc(ufunc: Any, args: list[Any], rng: np.random.Generator) -> None:
    """All floating arguments and outputs of a ufunc in the four modes."""
    moving = [i for i, a in enumerate(args) if np.asarray(a).dtype.kind in "fc"]
    single = any(np.asarray(a).dtype.char in "fF" for a in args)

    def full(x: Any, rest: Any) -> list[Any]:
        out = list(rest)
        for i, a in zip(moving, x, strict=True):
            out[i] = a
        return out

    def exact(derivative: Any, x: Any, *directions: Any) -> Any:
        along = [full(u, [0.0] * len(args)) for u in directions]
        y = derivative(ufunc.__name__, full(x, args), *along)
        return y if y.imag.any() else y.real

    for output in floating_outputs(ufunc, args):

        def f(*x: Any, output: int | None = output) -> Any:
            y = ufunc(*full(x, args))
            return y if output is None else y[output]

        x = [args[i] for i in moving]
        known = {}
        if truth.knows(ufunc.__name__, args, ufunc(*args)):
            known["first"] = lambda x, u: exact(truth.exact, x, u)
            known["second"] = lambda x, u, v: exact(truth.exact_second, x, u, v)
        tolerance = EXACT if known else TOLERANCE
        check_modes(f, x, rng=rng, tolerance=tolerance["f" if single else "d"], **known)


@pytest.mark.parametrize(("ufunc", "char"), cases("dfD"))
def test_four_modes(ufunc: Any, char: str) -> None:
    rng = seeded(ufunc.__name__)
    check_ufunc(ufunc, sample(ufunc, char, rng, 4), rng)


@pytest.mark.parametrize(("ufunc", "char"), cases("d"))
def test_broadcasting(ufunc: Any, char: str) -> None:
    rng = seeded(ufunc.__name__)
    columns = sample(ufunc, char, rng, 1)
    shapes = [(3,), (2, 1)] if ufunc.nin == 2 else [(2, 3)]
    args = [
        np.resize(c, s) + (0 if c.dtype.kind == "i" else 0.01 * np.arange(np.prod(s)).reshape(s))
        for c, s in zip(columns, shapes, strict=True)
    ]
    check_ufunc(ufunc, args, rng)


def mixed_cases() -> list[Any]:
    """Every pair of dtypes that NumPy has a loop for."""
    out = []
    for ufunc in (row.target for row in MOVING if row.target.nin == 2):
        for chars in ("fl", "lf", "f?", "fd", "df", "dl", "ld", "d?", "fD", "Df", "Fd", "Dl"):
            try:
                ufunc(*(np.ones(1, c) for c in chars))
            except TypeError:
                continue
            out.append(pytest.param(ufunc, chars, id=f"{ufunc.__name__}-{chars}"))
    return out


@pytest.mark.parametrize(("ufunc", "chars"), mixed_cases())
def test_mixed_dtypes(ufunc: Any, chars: str) -> None:
    """Arrays of two dtypes, and Python numbers in place of the second."""
    rng = seeded(ufunc.__name__ + chars)
    args = sample(ufunc, chars, rng, 3)
    check_ufunc(ufunc, args, rng)
    check_ufunc(ufunc, [args[0], args[1][0].item()], rng)
    check_ufunc(ufunc, [args[0], args[1][:1]], rng)


@pytest.mark.parametrize(("ufunc", "char"), cases("d"))
@pytest.mark.parametrize("kind", [float, np.float64, np.asarray])
def test_numbers(ufunc: Any, char: str, kind: Any) -> None:
    rng = seeded(ufunc.__name__)
    args = [c[0] if c.dtype.kind == "i" else kind(float(c[0])) for c in sample(ufunc, char, rng, 1)]
    check_ufunc(ufunc, args, rng)


@pytest.mark.parametrize(("ufunc", "char"), cases("dfFD"))
def test_value_is_numpys(ufunc: Any, char: str) -> None:
    """Bit for bit, at corners too."""
    corners = [0.0, -0.0, 1.0, -1.0, np.inf, -np.inf, np.nan, 0.3, -2.5]
    columns = sample(ufunc, char, seeded(ufunc.__name__), 9)
    args = [c if c.dtype.kind == "i" else np.concatenate([c, np.roll(corners, i)]).astype(c.dtype)
            for i, c in enumerate(columns)]  # fmt: skip
    args = [np.resize(a, 18) for a in args]
    with np.errstate(all="ignore"):
        expected = ufunc(*args)
        found = ufunc(*(ad.DualArray(a, random_like(seeded("t"), a)) if a.dtype.kind != "i" else a
                        for a in args))  # fmt: skip
    pairs = (
        zip(found, expected, strict=True) if isinstance(expected, tuple) else [(found, expected)]
    )
    for y, raw in pairs:
        y = y.primal if isinstance(y, ad.DualArray) else y
        assert y.dtype == raw.dtype
        assert y.tobytes() == raw.tobytes()


@pytest.mark.parametrize(("ufunc", "char"), cases("d"))
def test_directions_are_passes(ufunc: Any, char: str) -> None:
    """Invariant 6: k directions are k passes."""
    rng = seeded(ufunc.__name__)
    args = sample(ufunc, char, rng, 4)
    tangents = [np.stack([random_like(rng, a) for _ in range(3)]) for a in args]

    def duals(pick: Any) -> list[Any]:
        return [a if a.dtype.kind == "i" else ad.DualArray(a, pick(t))
                for a, t in zip(args, tangents, strict=True)]  # fmt: skip

    for output in floating_outputs(ufunc, args):

        def tangent(x: Any, output: int | None = output) -> Any:
            y = ufunc(*x)
            return (y if output is None else y[output]).tangent

        together = tangent(duals(lambda t: t))
        assert together.shape == (3, 4)
        for i in range(3):
            agree("direction", together[i], tangent(duals(lambda t, i=i: t[i]))[0], 1e-14)


@pytest.mark.parametrize(("ufunc", "char"), cases("d"))
def test_absent_is_zero(ufunc: Any, char: str) -> None:
    """Invariant 2, for each argument: no tangent and a tangent of zeros agree."""
    rng = seeded(ufunc.__name__)
    args = sample(ufunc, char, rng, 4)
    moving = [i for i, a in enumerate(args) if a.dtype.kind != "i"]
    tangents = [random_like(rng, a) for a in args]
    for absent in moving:

        def apply(zero: Any, absent: int = absent) -> Any:
            x = [ad.DualArray(a, zero if i == absent else tangents[i]) if i in moving else a
                 for i, a in enumerate(args)]  # fmt: skip
            return ufunc(*x)

        without, zeros = apply(None), apply(np.zeros(4))
        if len(moving) == 1:
            assert not isinstance(without, ad.DualArray) or without.tangent is None
            continue
        for output in floating_outputs(ufunc, args):
            a, b = (y if output is None else y[output] for y in (without, zeros))
            if a.tangent is None:
                assert not np.any(b.tangent)
            else:
                agree("absent", a.tangent, b.tangent, 1e-14)


@pytest.mark.parametrize("row", STEPS, ids=lambda row: row.name)
def test_step_has_no_tangent(row: Any) -> None:
    ufunc = row.target
    first = {loop[0] for loop in ufunc.types}
    x = np.array([0.25, 1.0, -2.5]) if "d" in first else np.array([1, 2, 3])
    x = x if first & set("dl") else x.astype("datetime64[s]")
    args = [ad.DualArray(x, np.ones(3) if "d" in first else None)] * ufunc.nin
    y = ufunc(*args)
    assert not isinstance(y, ad.DualArray) or y.tangent is None
    assert np.array_equal(np.asarray(y), ufunc(*[x] * ufunc.nin))


@pytest.mark.parametrize("dtype", [np.complex64, np.complex128, np.clongdouble])
def test_the_absolute_value_of_a_complex_number(dtype: Any) -> None:
    z = dtype(3 + 4j)
    y, dy = ad.jvp(np.abs, (z,), (dtype(1),))
    assert (y, dy) == (5, pytest.approx(0.6))
    assert y.dtype == dy.dtype == np.abs(z).dtype
    assert ad.grad(abs)(z) == pytest.approx(0.6 + 0.8j)


def test_fmod_of_a_quotient_that_rounds_up() -> None:
    # 1 - 9 * 0.1 is left, though 1 / 0.1 is 10
    assert ad.grad(lambda b: np.fmod(1.0, b))(0.1) == -9.0


@pytest.mark.parametrize("at", [0.0, 1.0, 2.0])
@pytest.mark.parametrize("wrap", [lambda v: v, lambda v: np.array([v, v])])
def test_mixed_derivatives_of_a_power(at: float, wrap: Any) -> None:
    """That of p x**(p - 1) by p is x**(p - 1) (1 + p log x), where p is 0 too."""
    x = 2.0

    def slope(p: Any) -> Any:
        return ad.elementwise_grad(lambda x: x**p)(wrap(x))

    true = x ** (at - 1) * (1 + at * np.log(x))
    for p in (at, np.float64(at)):
        found = ad.jvp(slope, (p,), (1.0,))[1]
        np.testing.assert_allclose(found, true, rtol=1e-14)
    other = ad.grad(lambda x: ad.grad(lambda p: x**p)(at))(x)
    assert other == pytest.approx(true, rel=1e-14)


@pytest.mark.parametrize(
    ("ufunc", "z", "direction"),
    [
        (np.arcsin, 2 + 0j, 1), (np.arcsin, -2 - 0j, 1), (np.arcsin, complex(2, -0.0), 1),
        (np.arccos, 2 + 0j, 1), (np.arccos, complex(-2, -0.0), 1), (np.arccosh, complex(-2, -0.0), 1),
        (np.arccosh, -2 + 0j, 1), (np.arcsinh, complex(-0.0, 2), 1j), (np.arcsinh, complex(0, -2), 1j),
        (np.sqrt, complex(-2, -0.0), 1), (np.log, complex(-2, -0.0), 1),
    ],
)  # fmt: skip
def test_complex_branch_cuts(ufunc: Any, z: complex, direction: complex) -> None:
    """Along the cut, on the side that the sign of zero tells."""
    x = np.array([z])
    step = 1e-6 * direction
    # real and imaginary part by themselves, to keep the sign of the zero
    ahead, behind = (
        np.array([complex(z.real + h.real if direction == 1 else z.real,
                          z.imag if direction == 1 else z.imag + h.imag)])
        for h in (step + 0j, -step + 0j)
    )  # fmt: skip
    truth = (ufunc(ahead) - ufunc(behind)) / (2 * step)
    found = ad.jvp(ufunc, (x,), (np.array([1 + 0j]),))[1]
    np.testing.assert_allclose(found, truth, rtol=1e-8)


@pytest.mark.parametrize(
    ("ufunc", "z", "true"),
    [
        # 4 exp(-2 z), and 4 exp(2 i z)
        (np.tanh, 400 + 1j, 0.0), (np.tanh, 20 + 1j, 4 * np.exp(-2 * (20 + 1j))),
        (np.tan, 1 + 20j, 4 * np.exp(2j * (1 + 20j))), (np.tan, 1 - 20j, 4 * np.exp(-2j * (1 - 20j))),
    ],
)  # fmt: skip
def test_complex_tangents_far_out(ufunc: Any, z: complex, true: complex) -> None:
    found = ad.jvp(ufunc, (np.array([z]),), (np.array([1 + 0j]),))[1]
    np.testing.assert_allclose(found, true, rtol=1e-14, atol=1e-300)


def test_arctan2_of_infinity() -> None:
    assert ad.grad(np.arctan2, (0, 1))(1.0, np.inf) == (0.0, 0.0)
    assert ad.grad(np.arctan2, (0, 1))(-np.inf, 1.0) == (0.0, 0.0)
