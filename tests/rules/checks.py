"""The one checker of these tests: a function against numerical truth in the four modes."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

import awkward_dual as ad
from kernels.truth import difference, inner

__all__ = ("agree", "check_modes", "random_like", "seeded")

Function = Callable[..., Any]
#: relative and absolute tolerance against differences, by dtype
TOLERANCE = {"f": 3e-4, "d": 2e-8, "F": 3e-4, "D": 2e-8}


def seeded(name: str) -> np.random.Generator:
    """A generator that depends on nothing but a name."""
    return np.random.default_rng(zlib.crc32(name.encode()))


def random_like(rng: np.random.Generator, x: Any) -> Any:
    """Random numbers of the shape and dtype of `x`; a float for a float."""
    out = rng.uniform(0.3, 1.0, np.shape(x)) * rng.choice([-1.0, 1.0], np.shape(x))
    if np.iscomplexobj(x):
        out = out + 1j * rng.uniform(-1.0, 1.0, np.shape(x))
    if isinstance(x, float | complex):
        return type(x)(out)
    return np.asarray(out).astype(np.asarray(x).dtype)[()]


def agree(what: str, found: Any, expected: Any, tolerance: float) -> None:
    """Raise unless two arrays are close, NaN and infinities in the same places."""
    np.testing.assert_allclose(
        np.asarray(found), np.asarray(expected), rtol=tolerance, atol=tolerance, err_msg=what
    )


def check_modes(
    f: Function,
    x: Sequence[Any],
    *,
    rng: np.random.Generator,
    first: Function | None = None,
    second: Function | None = None,
    tolerance: float | None = None,
) -> None:
    """Check `f` at `x` in the four modes.

    Parameters
    ----------
    f
        A function of NumPy arrays and numbers with one floating or complex result.
    x
        Its arguments, all of them differentiated.
    rng
        Where directions and cotangents come from.
    first, second
        The true derivatives ``first(x, u)`` and ``second(x, u, v)``; without them
        differences of `f`, and of the order below.
    tolerance
        Relative and absolute; by default that of differences in the result's dtype,
        which are taken in double precision.

    Raises
    ------
    AssertionError
        Which begins with the mode that is wrong.
    """
    x = tuple(x)
    u, v = (tuple(random_like(rng, a) for a in x) for _ in range(2))
    y, dy = ad.jvp(f, x, u)
    y = np.asarray(y)
    assert np.asarray(dy).dtype == y.dtype, f"jvp: {np.asarray(dy).dtype} for {y.dtype}"
    assert np.shape(dy) == y.shape, f"jvp: {np.shape(dy)} for {y.shape}"
    tolerance = tolerance or TOLERANCE[y.dtype.char]
    truth = first(x, u) if first else difference(f, x, u)
    agree("jvp", dy, truth, tolerance)
    c = random_like(rng, y)
    _check_vjp(f, x, u, c, truth, tolerance)

    def along_u(*z: Any) -> Any:
        return ad.jvp(f, z, _cast_like(u, z))[1]

    truth = second(x, u, v) if second else difference(along_u, x, v)
    agree("jvp of jvp", ad.jvp(along_u, x, v)[1], truth, tolerance)

    def gradient(*z: Any) -> Any:
        return ad.vjp(f, *z)[1](c)

    over = ad.jvp(gradient, x, v)[1]
    agree("jvp over vjp", _inner_all(over, u), inner(c, truth), tolerance * (1 + np.size(c)))


def _cast_like(u: Any, z: Any) -> Any:
    """Directions in the dtypes of `z`, which differences widen."""
    return tuple(
        a if isinstance(a, float | complex) else np.asarray(a).astype(b.dtype)[()]
        for a, b in zip(u, z, strict=True)
    )


def _check_vjp(f: Function, x: Any, u: Any, c: Any, truth: Any, tolerance: float) -> None:
    value, pullback = ad.vjp(f, *x)
    assert np.asarray(value).tobytes() == np.asarray(f(*x)).tobytes(), "vjp: another value"
    gradient = pullback(c)
    for g, a in zip(gradient, x, strict=True):
        assert np.shape(g) == np.shape(a), f"vjp: {np.shape(g)} for {np.shape(a)}"
        assert np.asarray(g).dtype == np.asarray(a).dtype, f"vjp: {np.asarray(g).dtype}"
    agree("vjp", _inner_all(gradient, u), inner(c, truth), tolerance * (1 + np.size(c)))


def _inner_all(a: Any, b: Any) -> float:
    return sum(inner(p, q) for p, q in zip(a, b, strict=True))
