"""Numerical checks for users and for this package's own tests.

Truth comes from outside the rules: from central differences with Richardson
extrapolation, and from the transposition identity <c, J v> = <J^T c, v>.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any

import awkward as ak
import numpy as np

from awkward_dual.array import DualArray
from awkward_dual.compiled import is_large
from awkward_dual.errors import TangentMismatch
from awkward_dual.operators import is_live, jvp, primal, tangent, vjp
from awkward_dual.operators.arguments import check_function
from awkward_dual.operators.leaves import attach, leaf_values
from awkward_dual.pair import lowest
from awkward_dual.trees import map_tree

__all__ = ("assert_equal", "check_grads")

#: step of the differences and relative tolerance, by the bytes of a real number
_STEPS = {2: 2.0**-3, 4: 2.0**-5, 8: 2.0**-10, 16: 2.0**-10}
_TOLERANCES = {2: 1e-1, 4: 3e-3, 8: 1e-7, 16: 1e-7}
#: of the transposition identity, which no step size blurs
_TRANSPOSED = {2: 1e-2, 4: 1e-4, 8: 1e-10, 16: 1e-10}


def check_grads(
    func: Callable[..., Any],
    args: Sequence[Any],
    order: int = 1,
    modes: Sequence[str] = ("fwd", "rev"),
    rtol: float | None = None,
    atol: float | None = None,
    *,
    seed: int = 0,
) -> None:
    """Check derivatives of a function against differences along random directions.

    Parameters
    ----------
    func : callable
        Any function of Awkward Arrays, NumPy arrays and numbers, smooth near `args`.
    args : sequence
        Its arguments.
    order : int
        Up to which order; the derivative of each order is checked against
        differences of the one below.
    modes : sequence of {"fwd", "rev"}
        Forward mode against differences, reverse mode against forward mode.
    rtol, atol : float, optional
        Tolerances; by default 1e-7 for float64 and 3e-3 for float32, relative
        to the largest element, and for the transposition identity 1e-10 and 1e-4.
    seed : int
        Of the random directions.

    Raises
    ------
    AssertionError
        If a derivative is off; the message names the mode, the order, and the
        worst element by its path in the ragged structure.

    Examples
    --------
    >>> import awkward as ak
    >>> from awkward_dual.testing import check_grads
    >>> check_grads(lambda x: ak.sum(x**2, axis=1), (ak.Array([[1.0, 2.0], [3.0]]),), order=2)
    """
    if not set(modes) <= {"fwd", "rev"}:
        raise ValueError(f"modes are 'fwd' and 'rev', not {sorted(modes)}")
    if order < 1:
        raise ValueError(f"order must be at least 1, not {order}")
    check_function(func, "check_grads")
    _check(func, tuple(args), order, modes, (rtol, atol), seed, is_derivative=False)


def _check(
    func: Any,
    args: Any,
    order: int,
    modes: Any,
    tolerances: Any,
    seed: int,
    *,
    is_derivative: bool,
) -> None:
    rtol, atol = tolerances
    rng = np.random.default_rng(seed)
    direction = _random_like(args, rng)
    item = min((_real_size(leaf) for leaf in _leaves(args)), default=8)
    tolerance = _TOLERANCES[item] if rtol is None else rtol
    floor = tolerance if atol is None else atol
    value, derivative = jvp(func, args, direction)
    _same_primal(func(*args), value, is_derivative)
    if "fwd" in modes:
        expected = _difference(func, args, direction, _STEPS[item])
        _compare(expected, derivative, tolerance, floor, "forward mode")
    if "rev" in modes:
        near = _TRANSPOSED[item] if rtol is None else rtol
        floor = near if atol is None else atol
        _check_transposed(func, args, direction, derivative, rng, near, floor)
    if order > 1:
        _recurse(func, args, direction, order, modes, tolerances, seed)


def _recurse(
    func: Any, args: Any, direction: Any, order: int, modes: Any, tolerances: Any, seed: int
) -> None:
    def pushed(*args: Any) -> Any:
        return jvp(func, args, direction)[1]

    _check(pushed, args, order - 1, modes, tolerances, seed + 1, is_derivative=True)
    if "rev" in modes:
        value, _ = vjp(func, *args)
        weights = _random_like(value, np.random.default_rng(seed + 2))
        pulled = lambda *args: vjp(func, *args)[1](weights)
        _check(pulled, args, order - 1, modes, tolerances, seed + 1, is_derivative=True)


def _check_transposed(
    func: Any, args: Any, direction: Any, derivative: Any, rng: Any, rtol: float, atol: float
) -> None:
    value, pullback = vjp(func, *args)
    weights = _random_like(value, rng)
    forward = _inner(weights, derivative)
    gradient = pullback(weights)
    backward = _inner(gradient, direction)
    if _finite(derivative) and not _finite(gradient):
        raise AssertionError("reverse mode is not finite, where forward mode is")
    size = max(abs(forward), abs(backward), _size(weights) * _size(derivative))
    if not abs(forward - backward) <= atol + rtol * size:
        raise AssertionError(
            f"reverse mode is not the transposed of forward mode: "
            f"<c, Jv> = {forward!r}, <J^T c, v> = {backward!r}"
        )


def _leaves(tree: Any) -> list[Any]:
    found: list[Any] = []
    map_tree(lambda x, path: found.extend(leaf_values(x)), tree)
    return [lowest(value) for value in found]


def _real_size(leaf: Any) -> int:
    size = int(leaf.dtype.itemsize)
    return size // 2 if leaf.dtype.kind == "c" else size


def _mapped(func: Callable[..., Any], tree: Any, *others: Any) -> Any:
    """A tree with `func` applied to its differentiable buffers, on the backend it had."""

    def leaf(x: Any, *dx: Any, path: str) -> Any:
        out = attach(x, dx[0] if dx else None, func, path)
        if isinstance(out, ak.Array | ak.Record):
            return ak.to_backend(out, "cpu") if ak.backend(x) == "cpu" and not is_live(out) else out
        return lowest(out) if isinstance(out, DualArray) and isinstance(x, np.ndarray) else out

    return map_tree(leaf, tree, *others)


def _random_like(tree: Any, rng: Any) -> Any:
    def draw(value: Any, _other: Any) -> Any:
        raw = lowest(value)
        out = rng.uniform(0.5, 1.5, raw.shape) * rng.choice([-1.0, 1.0], raw.shape)
        if raw.dtype.kind == "c":
            out = out + 1j * rng.uniform(-1.0, 1.0, raw.shape)
        return np.asarray(out).astype(raw.dtype)[()]

    return _mapped(draw, tree)


def _difference(func: Any, args: Any, direction: Any, step: float) -> list[Any]:
    """Central differences of the leaves of a result, extrapolated twice in the step."""

    def shifted(h: float) -> list[Any]:
        moved = _mapped(
            lambda x, dx: x if dx is None else (x + h * dx).astype(x.dtype), args, direction
        )
        return _leaves(func(*moved))

    table = []
    for i in range(3):
        h = step / 2**i
        ahead, behind = shifted(h), shifted(-h)
        table.append([_quotient(a, b, 2 * h) for a, b in zip(ahead, behind, strict=True)])
    for factor in (4.0, 16.0):
        table = [
            [(factor * b - a) / (factor - 1) for a, b in zip(coarse, fine, strict=True)]
            for coarse, fine in itertools.pairwise(table)
        ]
    return table[0]


def _check_shapes(a: Any, b: Any) -> None:
    if a.shape != b.shape:
        raise AssertionError(
            f"the result has the shapes {a.shape} and {b.shape} within a step: differences cannot "
            "check a derivative where a selection changes"
        )


def _quotient(a: Any, b: Any, step: float) -> Any:
    _check_shapes(a, b)
    return (a - b) / step


def _compare(expected: list[Any], tree: Any, rtol: float, atol: float, what: str) -> None:
    found = _leaves(tree)
    for position, (e, f) in enumerate(zip(expected, found, strict=True)):
        _check_shapes(e, f)
        both = np.isfinite(e)
        size = np.abs(e[both]).max(initial=0.0) if e.size else 0.0
        off = np.where(both, np.abs(np.where(both, e, 0) - f), 0.0)
        if off.size and not off.max() <= atol + rtol * size:
            worst = int(np.argmax(np.where(np.isnan(off), np.inf, off)))
            raise AssertionError(
                f"{what}: the derivative is off at {_path(tree, position, worst)}: "
                f"{np.ravel(f)[worst]!r}, but differences give {np.ravel(e)[worst]!r}"
            )


def _path(tree: Any, position: int, worst: int) -> str:
    """Where element `worst` of a tree's buffer number `position` stands."""
    count = 0
    where = "the result"

    def look(x: Any, path: str) -> None:
        nonlocal count, where
        for leaf in leaf_values(x):
            if count == position:
                name = "result" + path
                where = f"{name}, {_index_of(x, leaf, worst)}"
            count += 1

    map_tree(look, tree)
    return where


def _index_of(x: Any, leaf: Any, worst: int) -> str:
    if not isinstance(x, ak.Array | ak.Record):
        return f"element {np.unravel_index(worst, leaf.shape)}" if leaf.ndim else "the number"
    layout = x.layout.array if isinstance(x, ak.Record) else x.layout
    marked = attach(
        ak.Array(layout),
        None,
        lambda value, other: (
            (np.arange(value.size) == worst).astype(value.dtype)
            if value.shape == leaf.shape
            else value * 0
        ),
    )
    return f"element {_first_true(ak.to_list(ak.to_backend(marked, 'cpu')))}"


def _first_true(nested: Any) -> str:
    if isinstance(nested, dict):
        items: Any = ((f"[{k!r}]", v) for k, v in nested.items())
    elif isinstance(nested, list | tuple):
        items = ((f"[{i}]", v) for i, v in enumerate(nested))
    else:
        return "" if nested == 1 else "-"
    for name, item in items:
        found = _first_true(item)
        if found != "-":
            return f"{name}{found}"
    return "-"


def _inner(a: Any, b: Any) -> float:
    """Re<a, b>, with the conjugate on the left; not-a-number in both is left out."""
    total = 0.0
    for x, y in zip(_leaves(a), _leaves(b), strict=True):
        total += float(np.nansum(np.real(np.conj(x) * y), dtype=np.float64))
    return total


def _finite(tree: Any) -> bool:
    return all(bool(np.isfinite(x).all()) for x in _leaves(tree))


def _size(tree: Any) -> float:
    return float(np.sqrt(sum(np.nansum(np.abs(x) ** 2, dtype=np.float64) for x in _leaves(tree))))


def _same_primal(expected: Any, found: Any, is_derivative: bool) -> None:
    """Raise unless values are the same bit for bit.

    Derivatives of large arrays come from another engine than those of live values: to rounding.
    """
    for e, f in zip(_leaves(expected), _leaves(found), strict=True):
        same = e.dtype == f.dtype and np.array_equal(e, f, equal_nan=True)
        alike = e.dtype == f.dtype and e.shape == f.shape and e.dtype.kind in "fc"
        if not same and is_derivative and alike and is_large(e.size):
            near = 64 * float(np.finfo(e.dtype).eps)
            size = float(np.max(np.abs(e), where=np.isfinite(e), initial=0.0))
            same = np.allclose(f, e, rtol=near, atol=near * size, equal_nan=True)
        if not same:
            raise AssertionError(f"the value differs from that of the plain call: {f!r}, not {e!r}")


def assert_equal(a: Any, b: Any, *, rtol: float = 0.0, atol: float = 0.0) -> None:
    """Assert that two arrays, records or numbers have equal primals and equal tangents.

    Parameters
    ----------
    a, b
        Dual or plain; an absent tangent equals one of zeros.
    rtol, atol : float
        Tolerances, zero by default.

    Raises
    ------
    AssertionError
        If they differ in either half.

    Examples
    --------
    >>> import awkward_dual as ad
    >>> ad.testing.assert_equal(ad.dual(2.0, 1.0) ** 2, ad.dual(4.0, 4.0))
    """
    for half, part in (("primals", primal), ("tangents", tangent)):
        x, y = part(a), part(b)
        if is_live(x) or is_live(y):
            assert_equal(x, y, rtol=rtol, atol=atol)
        else:
            _assert_plain_equal(x, y, half, rtol, atol)


def _assert_plain_equal(x: Any, y: Any, half: str, rtol: float, atol: float) -> None:
    equal = True

    def near(a: Any, b: Any) -> Any:
        nonlocal equal
        equal = equal and np.allclose(a, b, rtol=rtol, atol=atol, equal_nan=True)
        return np.zeros_like(a)

    def compare(x: Any, y: Any, path: str) -> None:
        nonlocal equal
        if isinstance(x, ak.Array | ak.Record) != isinstance(y, ak.Array | ak.Record):
            raise TypeError(f"{type(x).__name__} against {type(y).__name__}")
        # floating numbers with tolerances, and then all else as it is
        one, other = attach(x, y, near, path), attach(y, x, near, path)
        equal = equal and (x is None) == (y is None) and _same(one, other)

    try:
        map_tree(compare, x, y)
    except (TangentMismatch, TypeError) as error:
        raise AssertionError(f"the {half} differ in type: {error}") from None
    if not equal:
        raise AssertionError(f"the {half} differ: {x!r} against {y!r}")


def _same(x: Any, y: Any) -> bool:
    if not isinstance(x, ak.Array | ak.Record):
        a, b = np.asarray(lowest(x)), np.asarray(lowest(y))
        return a.dtype == b.dtype and np.array_equal(a, b)
    layouts = [z.layout.array if isinstance(z, ak.Record) else z.layout for z in (x, y)]
    return bool(ak.array_equal(*map(ak.to_packed, layouts), same_content_types=False))
