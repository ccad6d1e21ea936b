"""Output buffers: `zeros` makes what a compiled loop writes its results to."""

from __future__ import annotations

from typing import Any

import awkward as ak
import numpy as np
from numba.core import types
from numba.extending import overload

from awkward_dual.array import DualArray
from awkward_dual.numba.buffers import DualBufferType, joiner
from awkward_dual.numba.types import DualType
from awkward_dual.operators.leaves import leaf_values
from awkward_dual.pair import Pair

__all__ = ("dual_inside", "zeros")


def dual_inside(numba_type: Any) -> Any:
    """The dual number type of a number, buffer, array or record; ``None`` for plain ones."""
    if isinstance(numba_type, DualType):
        return numba_type
    if isinstance(numba_type, DualBufferType):
        return numba_type.dual
    if isinstance(numba_type, types.BaseTuple):
        found = [dual_inside(t) for t in numba_type]
        return next((t for t in found if t is not None), None)
    layout = getattr(numba_type, "arrayviewtype", numba_type)
    return _dual_leaf(getattr(layout, "type", None))


def _dual_leaf(content: Any) -> Any:
    if content is None:
        return None
    dual = getattr(content, "dual", None)
    if dual is not None:
        return dual
    contents = getattr(content, "contenttypes", None) or [getattr(content, "contenttype", None)]
    return next((d for d in map(_dual_leaf, contents) if d is not None), None)


def _float_inside(numba_type: Any) -> Any:
    """The floating type of a plain number, buffer, array or record; ``None`` if it has none."""
    if isinstance(numba_type, types.Float):
        return numba_type
    if isinstance(numba_type, types.Array):
        return _float_inside(numba_type.dtype)
    if isinstance(numba_type, types.BaseTuple):
        parts = list(numba_type)
    else:
        view = getattr(numba_type, "arrayviewtype", numba_type)
        content = getattr(view, "type", view)
        own = getattr(content, "arraytype", None)
        inside = [getattr(content, "contenttype", None)]
        parts = [own] if own is not None else getattr(content, "contenttypes", None) or inside
    found = (_float_inside(part) for part in parts if part is not None)
    return next((real for real in found if real is not None), None)


def zeros(n: Any, like: Any) -> Any:
    """A buffer of zeros for results, dual where `like` is: in compiled code, and outside.

    Parameters
    ----------
    n : int
        Its length.
    like
        A number, array or record. The buffer has its precision; in compiled code
        the elements are dual numbers if it is dual, else floats.

    Returns
    -------
    A one-dimensional buffer: index it, assign its elements, return it. From a
    compiled function it comes back as a `DualArray`, or a NumPy array.

    Examples
    --------
    >>> import numba, awkward as ak
    >>> import awkward_dual as ad
    >>> from awkward_dual.numba import zeros
    >>> @numba.njit
    ... def sums(events):
    ...     out = zeros(len(events), like=events)
    ...     for i, event in enumerate(events):
    ...         for x in event:
    ...             out[i] += x * x
    ...     return out
    >>> x = ak.Array([[1.0, 2.0], [], [3.0]])
    >>> sums(x)
    array([5., 0., 9.])
    >>> ad.jvp(sums, (x,), (ak.ones_like(x),))[1]
    array([6., 0., 6.])
    """
    live = _is_dual_value(like)
    dtypes = [value.dtype for value in leaf_values(like)]
    out = np.zeros(n, dtypes[0] if dtypes else np.float64)
    return DualArray(out) if live else out


def _is_dual_value(x: Any) -> bool:
    return isinstance(x, Pair) or (isinstance(x, ak.Array | ak.Record) and ak.backend(x) == "dual")


@overload(zeros, strict=False)
def overload_zeros(n: Any, like: Any) -> Any:
    dual = dual_inside(like)
    if dual is None:
        real = _float_inside(like) or types.float64
        return lambda n, like: np.zeros(n, real)
    real, k = dual.real, dual.k
    join = joiner(dual, True)
    # the directions of an element side by side
    return lambda n, like: join(np.zeros(n, real), np.zeros((n, k), real).T)
