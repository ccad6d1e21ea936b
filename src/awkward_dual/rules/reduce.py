"""Rules of Awkward's reducer kernels.

A reducer's bins are consecutive segments of its data. A body sees the lowest
primals (select) or the values (smooth) of the kernel's arguments by name in `a`,
and beside them ``a.segment``: for each element the bin that holds it, -1 for none.

- linear: the tangent is the sum over segments of the data's tangent;
- smooth: ``body(xp, y, a)`` gives, for each differentiable argument by name, the
  partial of the bin's result with respect to each element; a partial for an
  argument with one entry a bin (means) applies to that entry, spread;
- select: ``body(xp, y, a)`` gives for each bin the index of the element whose
  tangent it takes: -1 for none, the number of elements for ``identity``.

``pairs=True`` marks kernels whose data are complex numbers seen as (re, im) pairs;
their bodies see complex arrays.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from awkward_dual.rules.table import Kind, rule

_REDUCE = ("toptr", "fromptr", "offsets", "outlength")

# -- step: integer or boolean results

for _name in [
    "argmax",
    "argmax_complex",
    "argmin",
    "argmin_complex",
    "countnonzero",
    "countnonzero_complex",
    "prod_bool",
    "prod_bool_complex",
    "sum_bool",
    "sum_bool_complex",
    "sum_int32_bool_64",
    "sum_int64_bool_64",
]:
    rule(f"awkward_reduce_{_name}", Kind.STEP)

# -- linear

rule("awkward_reduce_sum", Kind.LINEAR, args=_REDUCE)
rule("awkward_reduce_sum_complex", Kind.LINEAR, args=_REDUCE, pairs=True)

# -- smooth


def _product_of_others(xp: Any, y: Any, a: Any) -> dict[str, Any]:
    """The product of the other elements of a bin, by scans without division.

    Exact with any number of zeros; built of gather, choose and multiply, so that
    it can be differentiated again. Hillis and Steele's scan (CACM 29, 1986): in
    step d every element takes in the one d places away, if that is in its bin.
    """
    x = a.fromptr
    here = np.arange(len(x))
    inside = a.segment >= 0
    place = np.where(inside, here - a.offsets[:-1][a.segment], 0)
    rest = np.where(inside, a.offsets[1:][a.segment] - 1 - here, 0)
    longest = int(place.max(initial=0))

    def shifted(z: Any, by: int) -> Any:
        return xp.where((place if by < 0 else rest) >= abs(by), xp.roll(z, -by), 1)

    before, after = shifted(x, -1), shifted(x, 1)
    step = 1
    while step < longest:
        before = before * shifted(before, -step)
        after = after * shifted(after, step)
        step *= 2
    return {"fromptr": before * after}


def _sum_of_powers(xp: Any, y: Any, a: Any) -> dict[str, Any]:
    x, n = a.fromptr.astype(np.float64), int(a.n)
    if n == 0:
        return {"fromptr": 0.0}
    return {"fromptr": 1.0 if n == 1 else n * x ** (n - 1)}


def _centered_sum_of_squares(xp: Any, y: Any, a: Any) -> dict[str, Any]:
    # the means carry tangents too; their term only vanishes if each is exactly its bin's mean
    deviation = a.fromptr.astype(np.float64) - a.means[np.maximum(a.segment, 0)]
    return {"fromptr": 2 * deviation, "means": -2 * deviation}


rule("awkward_reduce_prod", Kind.SMOOTH, _product_of_others, args=_REDUCE)
rule("awkward_reduce_prod_complex", Kind.SMOOTH, _product_of_others, args=_REDUCE, pairs=True)
rule(
    "awkward_reduce_sumofsquares",
    Kind.SMOOTH,
    lambda xp, y, a: {"fromptr": 2 * a.fromptr.astype(np.float64)},
    args=_REDUCE,
)
rule("awkward_reduce_sumofpowers", Kind.SMOOTH, _sum_of_powers, args=(*_REDUCE, "n"))
rule(
    "awkward_reduce_centered_sumofsquares",
    Kind.SMOOTH,
    _centered_sum_of_squares,
    args=(*_REDUCE, "means"),
)

# -- select: the first element that is the result


def _first_in_segment(a: Any, hit: Any) -> Any:
    """For each bin the index of its first hit, -1 for none."""
    found = np.flatnonzero(hit & (a.segment >= 0))
    bins, first = np.unique(a.segment[found], return_index=True)
    index = np.full(len(a.offsets) - 1, -1, dtype=np.int64)
    index[bins] = found[first]
    return index


def _extremum(xp: Any, y: Any, a: Any) -> Any:
    x = a.fromptr
    index = _first_in_segment(a, x == y[np.maximum(a.segment, 0)])
    # the data win an exact tie with `initial`, as they come first
    return np.where(index < 0, len(x), index)


def _complex_extremum(xp: Any, y: Any, a: Any) -> Any:
    # on the CPU, `initial` counts for empty bins only
    return _extremum(xp, y, a)


_EXTREMUM = (*_REDUCE, "identity")
rule("awkward_reduce_max", Kind.SELECT, _extremum, args=_EXTREMUM)
rule("awkward_reduce_min", Kind.SELECT, _extremum, args=_EXTREMUM)
rule("awkward_reduce_max_complex", Kind.SELECT, _complex_extremum, args=_EXTREMUM, pairs=True)
rule("awkward_reduce_min_complex", Kind.SELECT, _complex_extremum, args=_EXTREMUM, pairs=True)
