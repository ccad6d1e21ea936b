"""Programs for the oracles: those of all tests, more of them, and some written a second time for JAX."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import awkward as ak
import numpy as np

from tests.programs import FLAT, MISSING, MUONS, PROGRAMS, RAGGED, REGULAR, ZEROS, Program

__all__ = ("EVERY", "NOT_ANALYTIC", "NOT_ON_JAX", "PADDED", "Padded")

_MORE: list[tuple[str, Callable[..., Any], tuple[Any, ...]]] = [
    ("a polynomial", lambda x: x**3 - 2 * x + 1 / (x + 9), (RAGGED,)),
    ("hyperbolic functions", lambda x: np.tanh(x) * np.cosh(x / 2) - np.sinh(x), (RAGGED,)),
    ("logarithms", lambda x: np.log1p(x * x) * np.expm1(-x), (RAGGED,)),
    ("trigonometric functions", lambda x: np.tan(x / 4) + np.arctan(x) - np.arcsin(x / 9), (RAGGED,)),
    ("a moment", lambda x: ak.moment(x, 3, axis=-1), (RAGGED[[0, 2]],)),
    ("a weighted mean", lambda x, w: ak.mean(x, weight=w * w, axis=1), (RAGGED[[0, 2]], RAGGED[[0, 2]] + 7)),
    ("nested lists", lambda x: ak.sum(ak.prod(x[np.newaxis] + 9, axis=-1), axis=-1), (RAGGED,)),
    ("missing lists", lambda x: ak.sum(x**2, axis=-1), (MISSING,)),
    ("concatenate on the first axis", lambda x: ak.concatenate([x, x**2]) ** 2, (RAGGED,)),
    ("integers as indices", lambda x: x[[3, 0, 0]] ** 2, (FLAT,)),
    ("broadcast regular arrays", lambda x: x * np.array([[1.0], [2.0]]) ** 2, (REGULAR,)),
    ("a sum over records", lambda m: ak.sum(m.pt * np.cosh(m.eta) * m.charge, axis=1), (MUONS,)),
    ("a ragged mask and back", lambda x: ak.fill_none(ak.mask(x, x > 1), 0.0, axis=-1) ** 2, (RAGGED,)),
    ("products of products", lambda x: ak.prod(ak.prod(x, axis=1) + 2, axis=0), (ZEROS,)),
    ("a wave in a loop", lambda x: sum(np.sin(k * x) / k for k in range(1, 6)), (RAGGED,)),
]  # fmt: skip
EVERY = [*PROGRAMS, *(Program(*row) for row in _MORE)]

#: programs with an operation that complex numbers do otherwise, or not at all
NOT_ANALYTIC = {
    "sort": "Awkward does not sort complex numbers",
    "std": "it takes absolute values",
    "where": "it takes absolute values",
    "cartesian": "np.hypot has no complex numbers",
    "a regular array": "the variance takes absolute values",
    "numbers": "np.arctan2 has no complex numbers",
}
#: programs that Awkward's JAX backend does not differentiate, or wrongly
NOT_ON_JAX = {
    "concatenate": "it writes to an array of JAX",
    "sort": "the kernel has no derivative there",
    "prod with a zero": "a quotient of the product by the zero",
    "records": "JAX wants tangents of another type for integers",
    "records out": "JAX wants tangents of another type for integers",
    "matrix product": "NumPy's functions do not take arrays of JAX",
    "numbers": "NumPy's functions do not take numbers of JAX",
    "broadcast regular arrays": "constants of NumPy are on another backend",
    "unflatten": "counts are on another backend",
    "a loop": "numbers have no axis to iterate over",
    "a sum over records": "JAX wants tangents of another type for integers",
    "products of products": "a quotient of the product by the zero",
}


# -- written a second time, on rectangles with a mask


class Padded:
    """A program, and the same one in ``jax.numpy`` on arguments padded to rectangles.

    Parameters
    ----------
    name
        What it does.
    ragged
        The program over ragged arrays.
    padded
        ``padded(jnp, there, *x)`` gives its numbers in flattened order; `there`
        tells which elements of the rectangle exist.
    args
        Ragged arrays with the list lengths of the first.
    """

    def __init__(
        self, name: str, ragged: Callable[..., Any], padded: Callable[..., Any], *args: Any
    ) -> None:
        self.name, self.ragged, self.padded, self.args = name, ragged, padded, args

    def __str__(self) -> str:
        return self.name

    def there(self) -> Any:
        """Which elements of the rectangle exist."""
        lengths = np.asarray(ak.num(self.args[0]))
        return np.arange(lengths.max()) < lengths[:, np.newaxis]


def _pairs(x: Any) -> Any:
    a, b = ak.unzip(ak.combinations(x, 2))
    return a * np.sqrt(abs(b))


def _padded_pairs(xp: Any, there: Any, x: Any) -> Any:
    i, j = np.triu_indices(x.shape[1], 1)
    return (x[:, i] * xp.sqrt(xp.abs(x[:, j])))[there[:, i] & there[:, j]]


def _padded_std(xp: Any, there: Any, x: Any) -> Any:
    count = there.sum(axis=1)[there.any(axis=1)]
    rows = there.any(axis=1)
    mean = xp.where(there, x, 0.0).sum(axis=1)[rows] / count
    squares = xp.where(there, (x - 0.0), 0.0)[rows] - mean[:, None] * there[rows]
    return xp.sqrt((squares**2).sum(axis=1) / count)


def _lists(x: Any) -> Any:
    return x[ak.num(x) > 0]


def _sorted(xp: Any, there: Any, x: Any) -> Any:
    return xp.sort(xp.where(there, x, np.inf), axis=1)[there]


def _gathered(xp: Any, there: Any, x: Any) -> Any:
    order = xp.argsort(xp.where(there, x, np.inf), axis=1)
    return (xp.take_along_axis(x, order, axis=1) ** 2)[there]


def _side_by_side(xp: Any, there: Any, x: Any, y: Any) -> Any:
    both = np.concatenate([there, there], axis=1)
    return (xp.concatenate([x, y * y], axis=1) ** 2)[both]


def _softmax(xp: Any, there: Any, x: Any) -> Any:
    powers = xp.where(there, xp.exp(x), 0.0)
    total = powers.sum(axis=1, keepdims=True)
    return (powers / xp.where(total == 0, 1.0, total))[there]


PADDED = [
    Padded("sort", lambda x: ak.sort(x, axis=1), _sorted, RAGGED),
    Padded("argsort and gather", lambda x: x[ak.argsort(x, axis=1)] ** 2, _gathered, RAGGED),
    Padded("concatenate lists", lambda x, y: ak.concatenate([x, y * y], axis=1) ** 2, _side_by_side, RAGGED, RAGGED + 1),
    Padded("prod with zeros", lambda x: ak.prod(x, axis=1), lambda xp, there, x: xp.prod(xp.where(there, x, 1.0), axis=1), ZEROS),
    Padded("sum", lambda x: ak.sum(x**3, axis=1), lambda xp, there, x: xp.where(there, x**3, 0.0).sum(axis=1), RAGGED),
    Padded("max", lambda x: ak.max(_lists(x), axis=1), lambda xp, there, x: xp.where(there, x, -np.inf).max(axis=1)[there.any(axis=1)], RAGGED),
    Padded("min of the first axis", lambda x: ak.min(x, axis=0), lambda xp, there, x: xp.where(there, x, np.inf).min(axis=0), RAGGED),
    Padded("std", lambda x: ak.std(_lists(x[ak.num(x) != 1]), axis=1), lambda xp, there, x: _padded_std(xp, there * (there.sum(axis=1) != 1)[:, None], x), RAGGED),
    Padded("softmax", lambda x: ak.softmax(x, axis=1), _softmax, RAGGED),
    Padded("combinations", _pairs, _padded_pairs, RAGGED),
    Padded("hypot and arctan2", lambda x, y: np.hypot(x, y) * np.arctan2(y, x), lambda xp, there, x, y: (xp.hypot(x, y) * xp.arctan2(y, x))[there], RAGGED, RAGGED - 9),
    Padded("where on a sign", lambda x: ak.where(x > 0, np.log(abs(x)), x**3), lambda xp, there, x: xp.where(x > 0, xp.log(xp.abs(xp.where(x == 0, 1.0, x))), x**3)[there], RAGGED),
    Padded("a loop", lambda x: ak.Array([sum((e * e for e in inner), 0.0) for inner in x]), lambda xp, there, x: xp.where(there, x * x, 0.0).sum(axis=1), RAGGED),
    Padded("leading two", lambda x: ak.sum(x[:, :2] ** 2, axis=1), lambda xp, there, x: xp.where(there, x**2, 0.0)[:, :2].sum(axis=1), RAGGED),
    Padded("cumulative sums", lambda x: np.cumsum(ak.flatten(x) ** 2), lambda xp, there, x: xp.cumsum(x[there] ** 2), RAGGED),
]  # fmt: skip
