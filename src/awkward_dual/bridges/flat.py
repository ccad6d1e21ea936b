"""A function of trees as a function of one vector, which is what other libraries differentiate."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import awkward as ak
import numpy as np

from awkward_dual import operators
from awkward_dual.relaxed.binning import columns

__all__ = ("Flat", "derivatives", "joined", "pulled", "pushed")


class Flat:
    """A function as one of a vector, in double precision.

    Parameters
    ----------
    func : callable
        The function.
    build : callable
        ``build(leaves)`` gives its arguments.
    shapes : list of tuple
        The shapes of the leaves; they are parts of the vector, one after the other.
    """

    def __init__(
        self,
        func: Callable[..., Any],
        build: Callable[[list[Any]], tuple[Any, ...]],
        shapes: list[tuple[int, ...]],
    ) -> None:
        self.func, self.build, self.shapes = func, build, shapes
        self.sizes = [int(np.prod(shape, dtype=np.int64)) for shape in shapes]

    def result(self, x: Any) -> Any:
        """What the function gives, for a vector that may be live."""
        leaves, start = [], 0
        for shape, size in zip(self.shapes, self.sizes, strict=True):
            leaves.append(np.reshape(x[start : start + size], shape) if shape else x[start])
            start += size
        return self.func(*self.build(leaves))


def joined(leaves: list[Any]) -> Any:
    """The numbers of a result as one vector.

    Raises
    ------
    TypeError
        If a leaf is no real floating number or array of them.
    """
    parts = []
    for leaf in leaves:
        part = columns(leaf)[0] if isinstance(leaf, ak.Array) else np.reshape(leaf, (-1,))
        if getattr(part, "dtype", np.dtype(object)).kind != "f":
            kind = getattr(part, "dtype", type(part))
            raise TypeError(f"the function must return real floating numbers, not {kind}")
        parts.append(part)
    return np.concatenate(parts) if parts else np.zeros(0)


Vector = Callable[[Any], Any]


def derivatives(func: Vector, order: int, size: int) -> Callable[[Any], tuple[Any, ...]]:
    """Value and derivatives of a vector function, up to an order, in one evaluation.

    Parameters
    ----------
    func : callable
        Of one vector, giving a vector.
    order : int
        The k-th derivative has one axis for the result and k for the argument.
    size : int
        The number of results: with fewer results than arguments, the first derivative is
        taken in reverse mode.
    """

    def value(x: Any) -> tuple[Any, ...]:
        return (func(x),)

    def first(x: Any) -> tuple[Any, ...]:
        def twice(x: Any) -> Any:
            y = func(x)
            return y, y

        of = operators.jacrev if size < len(x) else operators.jacfwd
        jacobian, y = of(twice, has_aux=True)(x)
        return y, jacobian

    def further(lower: Callable[[Any], tuple[Any, ...]]) -> Callable[[Any], tuple[Any, ...]]:
        def twice(x: Any) -> Any:
            found = lower(x)
            return found[-1], found

        def derived(x: Any) -> tuple[Any, ...]:
            last, found = operators.jacfwd(twice, has_aux=True)(x)
            return (*found, last)

        return derived

    found: Callable[[Any], tuple[Any, ...]] = value if order == 0 else first
    for _ in range(order - 1):
        found = further(found)
    return found


def pushed(func: Vector, size: int) -> Vector:
    """The derivative along a direction, as a function of ``[x, dx]``."""
    return lambda z: operators.jvp(func, (z[:size],), (z[size:],))[1]


def pulled(func: Vector, size: int) -> Vector:
    """The pullback of a cotangent, as a function of ``[x, w]``."""
    return lambda z: operators.vjp(func, z[:size])[1](z[size:])[0]
