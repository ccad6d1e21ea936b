"""Calls of each NumPy function that moves tangents, by its name; a new row needs its own here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

__all__ = ("EXAMPLES", "Example")


@dataclass(frozen=True)
class Example:
    """A call with arguments of these shapes; complex ones too unless it is `real` only."""

    call: Callable[..., Any]
    shapes: tuple[tuple[int, ...], ...] = ((2, 3),)
    real: bool = False


def _of(*calls: Callable[..., Any], real: bool = False) -> list[Example]:
    return [Example(call, real=real) for call in calls]


def _on(*shapes: tuple[int, ...], real: bool = False) -> Callable[..., list[Example]]:
    return lambda *calls: [Example(call, shapes, real) for call in calls]


def _reducer(f: Any, *, real: bool = False) -> list[Example]:
    """Every way of an axis, and shapes without elements along the others."""
    some = _of(
        f, lambda x: f(x, axis=0), lambda x: f(x, axis=-1),
        lambda x: f(x, axis=1, keepdims=True), lambda x: f(x, keepdims=True), real=real,
    )  # fmt: skip
    deep = _on((2, 3, 2), real=real)(
        lambda x: f(x, axis=(0, 2)), lambda x: f(x, axis=(1, -1), keepdims=True)
    )
    return some + deep + _on((0, 3), real=real)(lambda x: f(x, axis=1)) + _on((1,), real=real)(f)


_TWICE = ((2, 3), (2, 3))
_MASK = np.array([[True, False, True], [False, True, True]])

EXAMPLES: dict[str, list[Example]] = {
    # movers
    "copy": _of(np.copy),
    "ravel": _of(np.ravel, lambda x: np.ravel(x, order="F"), lambda x: np.ravel(x.T)),
    "reshape": _of(lambda x: np.reshape(x, (3, 2)), lambda x: np.reshape(x, -1),
                   lambda x: np.reshape(x, (3, 2), order="F"), lambda x: np.reshape(x.T, 6)),
    "transpose": _of(np.transpose) + _on((2, 3, 4))(lambda x: np.transpose(x, (2, 0, 1))),
    "swapaxes": _of(lambda x: np.swapaxes(x, 0, -1)),
    "moveaxis": _on((2, 3, 4))(
        lambda x: np.moveaxis(x, 0, -1), lambda x: np.moveaxis(x, [0, 1], [1, 2])),
    "rollaxis": _on((2, 3, 4))(lambda x: np.rollaxis(x, 2)),
    "squeeze": _on((1, 3, 1))(np.squeeze, lambda x: np.squeeze(x, axis=0)),
    "expand_dims": _of(lambda x: np.expand_dims(x, 1), lambda x: np.expand_dims(x, (0, -1))),
    "broadcast_to": _of(lambda x: np.broadcast_to(x, (4, 2, 3))) + _on((2, 1))(
        lambda x: np.broadcast_to(x, (2, 3))),
    "repeat": _of(lambda x: np.repeat(x, 2), lambda x: np.repeat(x, [2, 0, 1], axis=1)),
    "tile": _of(lambda x: np.tile(x, 2), lambda x: np.tile(x, (2, 1, 2))),
    "roll": _of(lambda x: np.roll(x, 1), lambda x: np.roll(x, -1, axis=1)),
    "flip": _of(np.flip, lambda x: np.flip(x, 0)),
    "fliplr": _of(np.fliplr),
    "flipud": _of(np.flipud),
    "rot90": _of(np.rot90, lambda x: np.rot90(x, k=3)),
    "take": _of(lambda x: np.take(x, [0, 5, 0]), lambda x: np.take(x, [2, 0, -1], axis=1),
                lambda x: np.take(x, 7, mode="wrap")),
    "take_along_axis": _of(lambda x: np.take_along_axis(x, np.array([[0, 0], [2, 1]]), axis=1)),
    "delete": _of(lambda x: np.delete(x, 1, axis=1), lambda x: np.delete(x, [0, 3])),
    "diag": _of(np.diag) + _on((3,))(np.diag, lambda x: np.diag(x, k=1)),
    "diagonal": _of(np.diagonal, lambda x: np.diagonal(x, 1)),
    "diagflat": _of(np.diagflat),
    "tril": _of(np.tril, lambda x: np.tril(x, -1)),
    "triu": _of(np.triu),
    "resize": _of(lambda x: np.resize(x, (3, 4))),
    "trim_zeros": _on((3,))(np.trim_zeros),
    "compress": _of(lambda x: np.compress([True, False, True], x, axis=1)),
    "split": _of(lambda x: np.split(x, 3, axis=1), lambda x: np.split(x, [1], axis=1)),
    "array_split": _of(lambda x: np.array_split(x, 2, axis=1)),
    "hsplit": _of(lambda x: np.hsplit(x, 3)),
    "vsplit": _of(lambda x: np.vsplit(x, 2)),
    "dsplit": _on((2, 1, 2))(lambda x: np.dsplit(x, 2)),
    "concatenate": _on((2, 3), (1, 3))(
        lambda a, b: np.concatenate([a, b])) + _on((2, 3), (2, 1), (2, 0))(
        lambda *x: np.concatenate(x, axis=1)) + _on((2, 3), (2,))(
        lambda a, b: np.concatenate([a, b], axis=None)) + _of(
        lambda x: np.concatenate([x, np.ones((1, 3))]), lambda x: np.concatenate([x, x])),
    "stack": _on(*_TWICE)(lambda a, b: np.stack([a, b]), lambda a, b: np.stack((a, b), axis=-1)),
    "hstack": _on(*_TWICE)(lambda a, b: np.hstack([a, b])),
    "vstack": _on(*_TWICE)(lambda a, b: np.vstack([a, b])),
    "dstack": _on(*_TWICE)(lambda a, b: np.dstack([a, b])),
    "column_stack": _on((3,), (3, 2))(lambda a, b: np.column_stack([a, b])),
    "block": _on((2, 2), (2, 1))(lambda a, b: np.block([[a, b], [b, a]])),
    "broadcast_arrays": _on((3,), (2, 1))(np.broadcast_arrays),
    "meshgrid": _on((3,), (2,))(np.meshgrid),
    "atleast_1d": _on(())(np.atleast_1d) + _on((), (2,))(np.atleast_1d),
    "atleast_2d": _on((3,))(np.atleast_2d),
    "atleast_3d": _of(np.atleast_3d),
    "where": _on(*_TWICE)(lambda a, b: np.where(_MASK, a, b)) + _on((3,), (2, 1))(
        lambda a, b: np.where(_MASK, a, b)) + _of(
        lambda x: np.where(x > 0, x, 0.0), lambda x: np.where(_MASK, 2, x)),
    "extract": _of(lambda x: np.extract(_MASK, x)),
    "choose": _on((3,), (3,))(lambda a, b: np.choose(np.array([1, 0, 1]), [a, b])),
    "select": _on(*_TWICE)(lambda a, b: np.select([_MASK, ~_MASK], [a, b]),
                           lambda a, b: np.select([_MASK], [a], b)),
    "full_like": _on((2,), ())(np.full_like),
    "append": _on((2, 3), (2,))(np.append) + _on((2, 3), (1, 3))(
        lambda a, b: np.append(a, b, axis=0)),
    "insert": _on((2, 3), (2,))(lambda a, b: np.insert(a, 1, b, axis=1)) + _on((3,), ())(
        lambda a, b: np.insert(a, [0, 2], b)),
    # linear maps
    "real": _of(np.real),
    "imag": _of(np.imag),
    "sum": _reducer(np.sum) + _on((0,))(np.sum),
    "cumsum": _of(np.cumsum, lambda x: np.cumsum(x, axis=0), lambda x: np.cumsum(x, axis=-1)),
    # programs
    "mean": _reducer(np.mean),
    "var": _reducer(np.var) + _of(lambda x: np.var(x, ddof=1), lambda x: np.var(x, axis=1, ddof=1)),
    "std": [e for e in _reducer(np.std) if e.shapes != ((1,),)],
    "average": _of(np.average, lambda x: np.average(x, axis=1)) + _on((2, 3), (3,), real=True)(
        lambda x, w: np.average(x, axis=1, weights=w + 4)) + _on(*_TWICE, real=True)(
        lambda x, w: np.average(x, weights=w + 4)),
    "prod": _reducer(np.prod) + _on((0,))(np.prod) + _on((7,))(np.prod),
    "cumprod": _of(np.cumprod, lambda x: np.cumprod(x, axis=0)) + _on((7,))(np.cumprod),
    "max": _reducer(np.max, real=True),
    "amax": _of(np.amax, real=True),
    "min": _reducer(np.min, real=True),
    "amin": _of(np.amin, real=True),
    "nanmax": _reducer(np.nanmax, real=True),
    "nanmin": _reducer(np.nanmin, real=True),
    "ptp": _reducer(np.ptp, real=True),
    "nansum": _reducer(np.nansum),
    "nanprod": _reducer(np.nanprod),
    "nanmean": _reducer(np.nanmean),
    "sort": _of(np.sort, lambda x: np.sort(x, axis=0), lambda x: np.sort(x, axis=None)),
    "unique": _of(np.unique),
    "clip": _of(lambda x: np.clip(x, -1.0, 1.0), lambda x: np.clip(x, None, 0.5),
                lambda x: np.clip(x, min=0.1), real=True) + _on((2, 3), (3,), (), real=True)(
        lambda x, a, b: np.clip(x, a - 3, b + 2)),
    "nan_to_num": _of(np.nan_to_num, lambda x: np.nan_to_num(np.where(_MASK, x, np.nan), nan=2.0)),
    "angle": _of(np.angle, lambda x: np.angle(x, deg=True)),
    "sinc": _of(np.sinc) + _on((), (3,))(lambda a, b: np.sinc(a * 0.1) * np.sinc(b)),
    "diff": _of(np.diff, lambda x: np.diff(x, axis=0), lambda x: np.diff(x, n=2)),
    "ediff1d": _of(np.ediff1d),
    "matmul": _on((2, 3), (3, 2))(np.matmul) + _on((3,), (3,))(np.matmul) + _on((3,), (3, 2))(
        np.matmul) + _on((2, 3), (3,))(np.matmul) + _on((2, 2, 3), (3, 2))(np.matmul),
    "dot": _on((2, 3), (3, 2))(np.dot) + _on((3,), (3,))(np.dot) + _on((), (3,))(np.dot),
    "vdot": _on(*_TWICE)(np.vdot),
    "inner": _on((3,), (3,))(np.inner) + _on((2, 3), (4, 3))(np.inner) + _on((), (3,))(np.inner),
    "outer": _on((2,), (3,))(np.outer) + _on((2, 2), (3,))(np.outer),
    "norm": _of(np.linalg.norm, lambda x: np.linalg.norm(x, axis=1),
                lambda x: np.linalg.norm(x, axis=0, keepdims=True)) + _on((3,))(
        lambda x: np.linalg.norm(x, ord=2)),
}  # fmt: skip
