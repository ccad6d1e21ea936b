"""Slow reference loops of each kernel with a real rule, from the mathematical definition.

Every function takes the kernel's arguments by name, and the tangents of the
differentiable ones by their name after ``d_``; complex kernels take complex
numbers in place of (re, im) pairs. It returns the value and its tangent as lists.
Independent of what ships: no code is shared, and nothing is clever.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

__all__ = ("REFERENCES", "times")

Numbers = Sequence[Any]
Result = tuple[list[Any], list[Any]]


def times(a: Any, b: Any) -> Any:
    """A product of partial and tangent: zero times anything is zero."""
    return 0.0 if a == 0 or b == 0 else a * b


def _bins(offsets: Sequence[int]) -> Iterator[range]:
    for start, stop in itertools.pairwise(offsets):
        yield range(start, stop)


def _from_partials(
    x: Numbers,
    dx: Numbers,
    offsets: Sequence[int],
    value: Callable[[list[Any]], Any],
    partial: Callable[[list[Any], int], Any],
) -> Result:
    """Sum partial times tangent over each bin."""
    y, dy = [], []
    for segment in _bins(offsets):
        elements = [x[i] for i in segment]
        y.append(value(elements))
        dy.append(sum(times(partial(elements, j), dx[i]) for j, i in enumerate(segment)))
    return y, dy


def reduce_sum(fromptr: Numbers, offsets: Sequence[int], d_fromptr: Numbers) -> Result:
    """The partial of a sum is 1: ``[1, 2], [] -> 3, 0``."""
    return _from_partials(fromptr, d_fromptr, offsets, sum, lambda x, i: 1.0)


def reduce_prod(fromptr: Numbers, offsets: Sequence[int], d_fromptr: Numbers) -> Result:
    """The partial of a product is the product of the others: ``[2, 0, 5] -> 0, 10, 0``."""

    def others(x: list[Any], i: int) -> Any:
        return math.prod(x[:i] + x[i + 1 :])

    return _from_partials(fromptr, d_fromptr, offsets, math.prod, others)


def reduce_sumofsquares(fromptr: Numbers, offsets: Sequence[int], d_fromptr: Numbers) -> Result:
    """x*x has the partial 2x."""

    def value(x: list[Any]) -> Any:
        return sum(v * v for v in x)

    return _from_partials(fromptr, d_fromptr, offsets, value, lambda x, i: 2 * x[i])


def reduce_sumofpowers(
    fromptr: Numbers, offsets: Sequence[int], n: int, d_fromptr: Numbers
) -> Result:
    """x**n has the partial n*x**(n-1), which is 0 for n = 0 even at x = 0."""

    def value(x: list[Any]) -> Any:
        return sum(v**n for v in x)

    def partial(x: list[Any], i: int) -> Any:
        return 0.0 if n == 0 else n * x[i] ** (n - 1)

    return _from_partials(fromptr, d_fromptr, offsets, value, partial)


def reduce_centered_sumofsquares(
    fromptr: Numbers, offsets: Sequence[int], means: Numbers, d_fromptr: Numbers, d_means: Numbers
) -> Result:
    """The square of the distance moves with the element and with the mean."""
    y, dy = [], []
    for segment, mean, d_mean in zip(_bins(offsets), means, d_means, strict=True):
        y.append(sum((fromptr[i] - mean) ** 2 for i in segment))
        dy.append(sum(times(2 * (fromptr[i] - mean), d_fromptr[i] - d_mean) for i in segment))
    return y, dy


def _reduce_extremum(
    wins: Callable[[Any, Any], bool], x: Numbers, offsets: Sequence[int], identity: Any,
    dx: Numbers, d_identity: Any,
) -> Result:  # fmt: skip
    """The first of the winning elements; `identity` only if it beats them all.

    NaN wins against nothing: a bin of NaN gives `identity`.
    """
    y, dy = [], []
    for segment in _bins(offsets):
        numbers = [i for i in segment if not math.isnan(x[i])]
        best = next((i for i in numbers if not any(wins(x[j], x[i]) for j in numbers)), None)
        if best is None or wins(identity, x[best]):
            y.append(identity)
            dy.append(d_identity)
        else:
            y.append(x[best])
            dy.append(dx[best])
    return y, dy


def reduce_max(
    fromptr: Numbers, offsets: Sequence[int], identity: Any, d_fromptr: Numbers,
    d_identity: Any = 0.0,
) -> Result:  # fmt: skip
    """``[1, 3, 3]``: the tangent of the first 3."""
    return _reduce_extremum(lambda a, b: a > b, fromptr, offsets, identity, d_fromptr, d_identity)


def reduce_min(
    fromptr: Numbers, offsets: Sequence[int], identity: Any, d_fromptr: Numbers,
    d_identity: Any = 0.0,
) -> Result:  # fmt: skip
    """``[3, 1, 1]``: the tangent of the first 1."""
    return _reduce_extremum(lambda a, b: a < b, fromptr, offsets, identity, d_fromptr, d_identity)


def _reduce_complex_extremum(
    wins: Callable[[Any, Any], bool], x: Numbers, offsets: Sequence[int], identity: Any,
    dx: Numbers, d_identity: Any,
) -> Result:  # fmt: skip
    """Complex numbers compare by real, then by imaginary part; `identity` is for empty bins."""
    y, dy = [], []
    for segment in _bins(offsets):
        pairs = {i: (x[i].real, x[i].imag) for i in segment}
        best = next(
            (i for i in segment if not any(wins(pairs[j], pairs[i]) for j in segment)), None
        )
        y.append(complex(identity) if best is None else x[best])
        dy.append(complex(d_identity) if best is None else dx[best])
    return y, dy


def reduce_max_complex(
    fromptr: Numbers, offsets: Sequence[int], identity: Any, d_fromptr: Numbers,
    d_identity: Any = 0.0,
) -> Result:  # fmt: skip
    """``[1+2j, 1+3j]``: the second."""
    return _reduce_complex_extremum(
        lambda a, b: a > b, fromptr, offsets, identity, d_fromptr, d_identity
    )


def reduce_min_complex(
    fromptr: Numbers, offsets: Sequence[int], identity: Any, d_fromptr: Numbers,
    d_identity: Any = 0.0,
) -> Result:  # fmt: skip
    """``[1+2j, 1+3j]``: the first."""
    return _reduce_complex_extremum(
        lambda a, b: a < b, fromptr, offsets, identity, d_fromptr, d_identity
    )


def sort(
    fromptr: Numbers, length: int, offsets: Sequence[int], offsetslength: int, ascending: bool,
    stable: bool, d_fromptr: Numbers,
) -> Result:  # fmt: skip
    """Each element goes where as many others stand before it as come before it.

    NaN comes first in both directions, equal elements keep their order (which an
    unstable sort need not do). Elements outside of all bins are not written.
    """

    def before(i: int, j: int) -> bool:
        a, b = fromptr[i], fromptr[j]
        if math.isnan(a) or math.isnan(b):
            return math.isnan(a) and (not math.isnan(b) or i < j)
        return i < j if a == b else (a < b) == ascending

    y, dy = [], []
    for segment in _bins(offsets):
        place = {sum(before(j, i) for j in segment if j != i): i for i in segment}
        y += [fromptr[place[k]] for k in range(len(segment))]
        dy += [d_fromptr[place[k]] for k in range(len(segment))]
    return y, dy


def unique_ranges(
    toptr: Numbers, fromoffsets: Sequence[int], offsetslength: int, d_toptr: Numbers
) -> Result:
    """The first of each run of equal elements within a bin: ``[1, 1, 2], [2] -> 1, 2, 2``."""
    y, dy = [], []
    for segment in _bins(fromoffsets):
        for i in segment:
            if i == segment.start or toptr[i] != toptr[i - 1]:
                y.append(toptr[i])
                dy.append(d_toptr[i])
    return y, dy


#: by the name of the kernel; those that see complex numbers as pairs of floats end in _complex
REFERENCES: dict[str, Callable[..., Result]] = {
    "awkward_reduce_sum": reduce_sum,
    "awkward_reduce_sum_complex": reduce_sum,
    "awkward_reduce_prod": reduce_prod,
    "awkward_reduce_prod_complex": reduce_prod,
    "awkward_reduce_sumofsquares": reduce_sumofsquares,
    "awkward_reduce_sumofpowers": reduce_sumofpowers,
    "awkward_reduce_centered_sumofsquares": reduce_centered_sumofsquares,
    "awkward_reduce_max": reduce_max,
    "awkward_reduce_max_complex": reduce_max_complex,
    "awkward_reduce_min": reduce_min,
    "awkward_reduce_min_complex": reduce_min_complex,
    "awkward_sort": sort,
    "awkward_unique_ranges": unique_ranges,
}
