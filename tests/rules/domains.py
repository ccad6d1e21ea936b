"""Where ufuncs are sampled, from their loops and values: a new row needs nothing here."""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = ("loop_of", "sample", "supports")

_STEP = 0.03


def loop_of(ufunc: Any, char: str) -> str | None:
    """The loop of a ufunc whose first argument has this dtype, with a floating result."""
    return next(
        (
            loop
            for loop in ufunc.types
            if loop[0] == char and set(loop.split("->")[1]) & set("fdFD")
        ),
        None,
    )


def supports(ufunc: Any, char: str) -> bool:
    return loop_of(ufunc, char) is not None


def _draw(rng: np.random.Generator, char: str, n: int) -> Any:
    if char in "fd":
        return rng.uniform(-2.8, 2.8, n)
    if char in "FD":
        return rng.uniform(-1.8, 1.8, n) + 1j * rng.uniform(-1.8, 1.8, n)
    return rng.integers(0, 2, n) > 0 if char == "?" else rng.integers(1, 4, n)


def sample(ufunc: Any, chars: str, rng: np.random.Generator, n: int) -> list[Any]:
    """`n` points where a ufunc is finite and smooth, by its own values around them.

    `chars` has the dtype of each argument, or that of the first.
    """
    if len(chars) < ufunc.nin:
        loop = loop_of(ufunc, chars)
        assert loop is not None
        chars = loop.split("->")[0]
    columns = [_draw(rng, c, 600) for c in chars]
    good = np.ones(600, dtype=bool)
    with np.errstate(all="ignore"):
        for i, column in enumerate(columns):
            if column.dtype.kind in "ib":
                continue
            for step in (_STEP, 1j * _STEP) if column.dtype.kind == "c" else (_STEP,):
                good &= _is_smooth(ufunc, columns, i, step)
    points = np.flatnonzero(good)[:n]
    assert len(points) == n, f"too few points for {ufunc.__name__}: give it a domain"
    return [
        column[points] if column.dtype.kind in "ib" else column[points].astype(c)
        for column, c in zip(columns, chars, strict=True)
    ]


def _is_smooth(ufunc: Any, columns: list[Any], i: int, step: complex) -> Any:
    def at(s: complex) -> Any:
        moved = [c + s if j == i else c for j, c in enumerate(columns)]
        result = ufunc(*moved)
        return result if isinstance(result, tuple) else (result,)

    good = np.ones(len(columns[0]), dtype=bool)
    for ahead, here, behind in zip(at(step), at(0), at(-step), strict=True):
        bend = np.abs(1.0 * ahead - 2.0 * here + behind)
        good &= np.isfinite(bend) & (bend < 0.3 * _STEP) & (np.abs(here) < 50)
    return good
