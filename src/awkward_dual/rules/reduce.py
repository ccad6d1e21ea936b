"""Rules of Awkward's reducer kernels.

A reducer's bins are consecutive segments of its data. A body sees the lowest
primals (select) or the values (smooth) of the kernel's arguments by name in `a`,
and beside them ``a.segment``: for each element the bin that holds it, -1 for none.

- linear: the tangent is the sum over segments of the data's tangent;
- smooth: ``body(xp, y, a)`` gives the partial of the bin's result with respect to
  each element; of data less one number a bin, the row says by ``shift`` which
  argument holds these;
- select: ``body(xp, y, a)`` gives for each bin the index of the element whose
  tangent it takes: -1 for none, the number of elements for ``identity``.

Where ``sweep(a, y, dx)`` is given, it has the tangents of large arrays from one
compiled loop, or ``None``; what it computes is what the body says.

``pairs=True`` marks kernels whose data are complex numbers seen as (re, im) pairs;
their bodies see complex arrays.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from awkward_dual import loops
from awkward_dual.calls import with_primal
from awkward_dual.pair import Pair, lowest
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


def _product_of_others(xp: Any, y: Any, a: Any) -> Any:
    """The product of the other elements of a bin, without division: a loop over segments."""
    x = a.fromptr
    out = loops.product_of_others(lowest(x), lowest(y), a.offsets)
    return with_primal(out, _scan_of_others(xp, a)) if isinstance(x, Pair) else out


def _scan_of_others(xp: Any, a: Any) -> Any:
    """The same, built of gather, choose and multiply, so that it can be differentiated again.

    Hillis and Steele's scan (CACM 29, 1986): in step d every element takes in
    the one d places away, if that is in its bin. Exact with any number of zeros.
    """
    x = a.fromptr
    here = xp.arange(len(x))
    inside = a.segment >= 0
    place = np.where(inside, here - a.offsets[:-1][a.segment], 0)
    rest = np.where(inside, a.offsets[1:][a.segment] - 1 - here, 0)
    longest = int(place.max()) if len(place) else 0

    def shifted(z: Any, by: int) -> Any:
        return xp.where((place if by < 0 else rest) >= abs(by), xp.roll(z, -by), 1)

    before, after = shifted(x, -1), shifted(x, 1)
    step = 1
    while step < longest:
        before = before * shifted(before, -step)
        after = after * shifted(after, step)
        step *= 2
    return before * after


def _sum_of_powers(xp: Any, y: Any, a: Any) -> Any:
    x, n = a.fromptr.astype(np.float64, copy=False), int(a.n)
    if n == 0:
        return 0.0
    return 1.0 if n == 1 else n * x ** (n - 1)


def _centered_sum_of_squares(xp: Any, y: Any, a: Any) -> Any:
    segment = a.segment
    # what is on a device would have to be waited for: there the maximum is taken always
    on_device = type(segment) is not np.ndarray
    if len(segment) and (on_device or a.offsets[0] != 0 or a.offsets[-1] != len(segment)):
        segment = np.maximum(segment, 0)
    return 2 * (a.fromptr.astype(np.float64, copy=False) - a.means[segment])


def _sweep_product(a: Any, y: Any, dx: dict[str, Any]) -> Any:
    return loops.swept(loops.product_tangent, dx["fromptr"], a.offsets, a.fromptr)


def _sweep_centered(a: Any, y: Any, dx: dict[str, Any]) -> Any:
    return loops.swept(
        loops.centered_tangent,
        dx["fromptr"],
        a.offsets,
        a.fromptr,
        a.means,
        others=(dx["means"],),
    )


rule("awkward_reduce_prod", Kind.SMOOTH, _product_of_others, args=_REDUCE, sweep=_sweep_product)
rule("awkward_reduce_prod_complex", Kind.SMOOTH, _product_of_others, args=_REDUCE, pairs=True)
rule(
    "awkward_reduce_sumofsquares",
    Kind.SMOOTH,
    lambda xp, y, a: 2 * a.fromptr.astype(np.float64, copy=False),
    args=_REDUCE,
)
rule("awkward_reduce_sumofpowers", Kind.SMOOTH, _sum_of_powers, args=(*_REDUCE, "n"))
rule(
    "awkward_reduce_centered_sumofsquares",
    Kind.SMOOTH,
    _centered_sum_of_squares,
    args=(*_REDUCE, "means"),
    # the means carry tangents too; their term only vanishes if each is exactly its bin's mean
    shift="means",
    sweep=_sweep_centered,
)

# -- select: the first element that is the result


def _extremum(xp: Any, y: Any, a: Any) -> Any:
    index = loops.first_equal(a.fromptr, y, a.offsets)
    # the data win an exact tie with `initial`, as they come first
    return np.where(index < 0, len(a.fromptr), index)


def _complex_extremum(xp: Any, y: Any, a: Any) -> Any:
    # on the CPU, `initial` counts for empty bins only
    return _extremum(xp, y, a)


def _sweep_extremum(a: Any, y: Any, dx: dict[str, Any]) -> Any:
    if dx.get("identity") is not None:
        return None
    return loops.swept(
        loops.extremum_tangent, dx["fromptr"], a.offsets, lowest(a.fromptr), lowest(y)
    )


_EXTREMUM = (*_REDUCE, "identity")
rule("awkward_reduce_max", Kind.SELECT, _extremum, args=_EXTREMUM, sweep=_sweep_extremum)
rule("awkward_reduce_min", Kind.SELECT, _extremum, args=_EXTREMUM, sweep=_sweep_extremum)
rule("awkward_reduce_max_complex", Kind.SELECT, _complex_extremum, args=_EXTREMUM, pairs=True)
rule("awkward_reduce_min_complex", Kind.SELECT, _complex_extremum, args=_EXTREMUM, pairs=True)
