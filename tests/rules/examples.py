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
        lambda x: f(x, axis=1, keepdims=True), lambda x: f(x, keepdims=1), real=real,
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
    "pad": _of(lambda x: np.pad(x, 1), lambda x: np.pad(x, ((0, 2), (1, 1)), "reflect"),
        lambda x: np.pad(x, 1, "edge"), lambda x: np.pad(x, 2, constant_values=3.0)),
    "piecewise": _of(
        lambda x: np.piecewise(x, [x < 0, x > 1], [lambda v: v**2, lambda v: -v, np.square]),
        lambda x: np.piecewise(x[0], x[0] < 0, [2.0, np.sin]),
        lambda x: np.piecewise(x, [x > 99, x < 99], [np.exp, lambda v, a: a * v], 3.0), real=True),
    "unstack": _of(np.unstack, lambda x: np.unstack(x, axis=1)),
    "matrix_transpose": _of(np.matrix_transpose, np.linalg.matrix_transpose),
    # linear maps
    "real": _of(np.real),
    "imag": _of(np.imag),
    "sum": _reducer(np.sum) + _on((0,))(np.sum),
    "cumsum": _of(np.cumsum, lambda x: np.cumsum(x, axis=0), lambda x: np.cumsum(x, axis=-1)),
    "bincount": _on((4,), real=True)(lambda x: np.bincount([1, 0, 1, 4], x),
        lambda x: np.bincount([1, 0, 1, 1], weights=x, minlength=3)),
    "cumulative_sum": _of(lambda x: np.cumulative_sum(x, axis=1), lambda x: np.cumulative_sum(
        x, axis=0, include_initial=True)) + _on((3,))(np.cumulative_sum),
    "cumulative_prod": _on((3,))(np.cumulative_prod, lambda x: np.cumulative_prod(
        x, include_initial=True)),
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
    "nancumsum": _of(np.nancumsum, lambda x: np.nancumsum(np.where(_MASK, x, np.nan), axis=1)),
    "nancumprod": _of(np.nancumprod, lambda x: np.nancumprod(np.where(_MASK, x, np.nan), axis=1)),
    "nanvar": _reducer(np.nanvar) + _of(
        lambda x: np.nanvar(np.where(_MASK, x, np.nan), axis=0, ddof=-1)),
    "nanstd": [e for e in _reducer(np.nanstd) if e.shapes not in (((1,),), ((0, 3),))] + _of(
        lambda x: np.nanstd(np.where(_MASK, x, np.nan), axis=1)),
    "cov": _of(np.cov, lambda x: np.cov(x, rowvar=False, bias=True), lambda x: np.cov(x, ddof=0)) + _on(
        (3,), (3,))(np.cov) + _on((2, 3), (3,), real=True)(
        lambda x, w: np.cov(x, aweights=np.abs(w)), lambda x, w: np.cov(x, fweights=[1, 2, 3])),
    "corrcoef": _on((3, 4))(np.corrcoef) + _on((4,), (4,))(np.corrcoef),
    "median": _reducer(np.median, real=True),
    "quantile": _reducer(lambda x, **kw: np.quantile(x, 0.3, **kw), real=True) + _on((2, 3), (2,), real=True)(
        lambda x, q: np.quantile(x, 0.5 + q / 7), lambda x, q: np.quantile(x, 0.5 + q / 7, axis=1),
        lambda x, q: np.quantile(x, [[0.1], [0.45]], axis=1, keepdims=True) * q) + _of(*(
        lambda x, m=m: np.quantile(x, [0.3, 0.9], axis=1, method=m)
        for m in ("lower", "higher", "nearest", "midpoint")), real=True),
    "percentile": _of(lambda x: np.percentile(x, 30), lambda x: np.percentile(x, [0, 100], axis=1),
        real=True),
    "nanmedian": _of(np.nanmedian, lambda x: np.nanmedian(np.where(_MASK, x, np.nan), axis=1),
        real=True),
    "nanquantile": _of(lambda x: np.nanquantile(np.where(_MASK, x, np.nan), [0.2, 0.7], axis=1), real=True),
    "nanpercentile": _of(lambda x: np.nanpercentile(np.where(_MASK, x, np.nan), 20), real=True),
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
    "interp": _on((4,), (3,), real=True)(
        lambda x, f: np.interp(x, [-1.0, 0.1, 2.0], f), lambda x, f: np.interp(x, [-9.0, 9.0], f[:2]),
        lambda x, f: np.interp(x, [-1.0, 0.1, 1.2], f, left=f[1], right=3.0),
        lambda x, f: np.interp(x, [0.0, 0.3, 0.75], f, period=1.0),
        lambda x, f: np.interp([0.5, -0.4], np.sort(f), x[:3]),
        lambda x, f: np.interp(x, f[:1], f[1:2])),
    "trapezoid": _of(np.trapezoid, lambda x: np.trapezoid(x, dx=2.0, axis=0)) + _on((2, 3), (3,))(
        np.trapezoid) + _on(*_TWICE)(np.trapezoid),
    "gradient": _on((4,))(np.gradient, lambda x: np.gradient(x, 0.5, edge_order=2),
        lambda x: np.gradient(x, np.array([0.0, 0.5, 2.0, 2.5]))) + _on((3, 4), ())(
        lambda x, h: np.gradient(x, h, axis=1, edge_order=2),
        lambda x, h: np.gradient(x, h, np.array([0.0, 0.5, 2.0, 2.5]))[1], lambda x, h: np.gradient(x)),
    "polyval": _on((3,), (2, 2))(np.polyval) + _on((3,), ())(np.polyval),
    "vander": _on((3,))(np.vander, lambda x: np.vander(x, 2, increasing=True)),
    "convolve": _on((4,), (3,))(*(
        lambda a, v, m=m: np.convolve(a, v, m) for m in ("full", "same", "valid"))) + _on((2,), (4,))(
        *(lambda a, v, m=m: np.convolve(a, v, m) for m in ("full", "same", "valid"))),
    "correlate": _on((4,), (3,))(np.correlate, *(
        lambda a, v, m=m: np.correlate(a, v, m) for m in ("full", "same", "valid"))) + _on((2,), (4,))(
        *(lambda a, v, m=m: np.correlate(a, v, m) for m in ("full", "same", "valid"))),
    "linspace": _on((), ())(lambda a, b: np.linspace(a, b, 4), lambda a, b: np.linspace(
        a, b, 3, endpoint=False), lambda a, b: np.linspace(a, b, 1),
        lambda a, b: np.linspace(a, b, 5, retstep=True)[1]) + _on((2,), ())(
        lambda a, b: np.linspace(a, b, 3, axis=-1)),
    "logspace": _on((), ())(lambda a, b: np.logspace(a / 2, b / 2, 3),
        lambda a, b: np.logspace(0, b, 4, base=2.0)),
    "geomspace": _on((), ())(lambda a, b: np.geomspace(np.abs(a), np.abs(b), 4)) + _on((2,), ())(
        lambda a, b: np.geomspace(np.abs(a), np.abs(b), 3)),
    "unwrap": _on((4,), real=True)(lambda x: np.unwrap(3 * x), lambda x: np.unwrap(x, period=1.0)),
    # products
    "matmul": _on((2, 3), (3, 2))(np.matmul, np.linalg.matmul) + _on((3,), (3,))(np.matmul) + _on(
        (3,), (3, 2))(np.matmul) + _on((2, 3), (3,))(np.matmul) + _on((2, 2, 3), (3, 2))(
        np.matmul) + _on((2, 1, 2, 3), (1, 3, 3, 2))(np.matmul) + _on((2, 0), (0, 2))(np.matmul),
    "vecdot": _on((2, 3), (3,))(np.vecdot, np.linalg.vecdot) + _on((3, 2), (3, 2))(
        lambda a, b: np.linalg.vecdot(a, b, axis=0)),
    "matvec": _on((2, 2, 3), (2, 3))(np.matvec) + _on((2, 3), (4, 3))(np.matvec),
    "vecmat": _on((2, 2), (2, 2, 3))(np.vecmat) + _on((4, 2), (2, 3))(np.vecmat),
    "dot": _on((2, 3), (3, 2))(np.dot) + _on((3,), (3,))(np.dot) + _on((), (3,))(np.dot) + _on(
        (2, 3), (2, 3, 2))(np.dot) + _on((2, 3), (3,))(np.dot),
    "vdot": _on(*_TWICE)(np.vdot),
    "inner": _on((3,), (3,))(np.inner) + _on((2, 3), (4, 3))(np.inner) + _on((), (3,))(np.inner),
    "outer": _on((2,), (3,))(np.outer, np.linalg.outer) + _on((2, 2), (3,))(np.outer),
    "tensordot": _on((2, 3), (2, 3))(np.tensordot, lambda a, b: np.tensordot(a, b, axes=(0, 0)),
        lambda a, b: np.linalg.tensordot(a, b, axes=([1, 0], [1, 0])),
        lambda a, b: np.tensordot(a, b, axes=0)),
    "einsum": _on((2, 3), (3, 2))(
        lambda a, b: np.einsum("ij,jk->ik", a, b), lambda a, b: np.einsum("ij,ji", a, b),
        lambda a, b: np.einsum("ij,jk", a, b), lambda a, b: np.einsum("ij,kl->jl", a, b),
        lambda a, b: np.einsum(a, [0, 1], b, [1, 2], [2, 0]), lambda a, b: np.einsum(a, [0, 1], b, [1, 2]),
        lambda a, b: np.einsum("...j,j...->...", a, b[:, 0]),
        lambda a, b: np.einsum("ij,jk,il->kl", a, b, a, optimize=True)) + _on((2, 3, 3))(
        lambda x: np.einsum("ijj->i", x), lambda x: np.einsum("kij->jk", x),
        lambda x: np.einsum("ijj,ijk->k", x, x), lambda x: np.einsum("i...->...", x),
        lambda x: np.einsum("...ij,...kj->...ik", x, x)) + _on((2, 1), (1, 3))(
        lambda a, b: np.einsum("ij,ij->ij", a, b), lambda a, b: np.einsum("ij,kj->ik", a, b)),
    "kron": _on((2,), (3,))(np.kron) + _on((2, 2), (3, 1))(np.kron) + _on((2,), (2, 3))(np.kron),
    "trace": _on((3, 3))(np.trace, lambda x: np.trace(x, 1), np.linalg.trace) + _on((2, 3, 2))(
        lambda x: np.trace(x, 0, 0, 2), lambda x: np.linalg.trace(x, offset=-1)),
    "cross": _on((2, 3), (2, 3))(np.cross, np.linalg.cross) + _on((3, 2), (3,))(
        lambda a, b: np.cross(a, b, axisa=0, axisc=0)) + _on((3, 2), (3, 2))(
        lambda a, b: np.cross(a, b, axis=0)),
    "inv": _on((3, 3))(lambda x: np.linalg.inv(x + 3 * np.eye(3))) + _on((2, 2, 2))(np.linalg.inv),
    "solve": _on((3, 3), (3,))(lambda a, b: np.linalg.solve(a + 3 * np.eye(3), b)) + _on(
        (3, 3), (3, 2))(lambda a, b: np.linalg.solve(a + 3 * np.eye(3), b)),
    "det": _on((1, 1))(np.linalg.det) + _on((2, 2, 2))(np.linalg.det) + _on((3, 3))(
        np.linalg.det) + _on((2, 4, 4))(lambda x: np.linalg.det(x / 4 + 2 * np.eye(4, dtype=x.dtype))),
    "slogdet": _on((2, 3, 3))(lambda x: np.linalg.slogdet(x / 4 + 2 * np.eye(3))[1]),
    "matrix_power": _on((3, 3))(*(
        lambda x, n=n: np.linalg.matrix_power(x / 4 + 2 * np.eye(3), n) for n in (1, 3, -2))),
    "multi_dot": _on((2, 3), (3, 2), (2,))(lambda a, b, c: np.linalg.multi_dot([a, b, c])),
    "vector_norm": _of(np.linalg.vector_norm, lambda x: np.linalg.vector_norm(x, axis=0),
        lambda x: np.linalg.vector_norm(x, axis=1, keepdims=True)),
    "matrix_norm": _on((2, 3, 2))(np.linalg.matrix_norm,
        lambda x: np.linalg.matrix_norm(x, keepdims=True)),
    "norm": _of(np.linalg.norm, lambda x: np.linalg.norm(x, axis=1),
                lambda x: np.linalg.norm(x, axis=0, keepdims=True)) + _on((3,))(
        lambda x: np.linalg.norm(x, ord=2)),
}  # fmt: skip
