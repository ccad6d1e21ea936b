"""The numbers and offsets of ragged arrays, as plain arrays that share their memory."""

from __future__ import annotations

from typing import Any, NamedTuple

import awkward as ak
import numpy as np

from awkward_dual import operators
from awkward_dual.packing import pack

__all__ = ("Buffers", "buffers", "from_buffers")


class Buffers(NamedTuple):
    """A ragged array taken apart.

    Attributes
    ----------
    primal : array
        The numbers of all lists, one after the other.
    tangent : array or None
        Their tangents; with several directions these are a last axis.
    offsets : tuple of array
        Where lists begin and end, for each ragged axis from the outside.
    """

    primal: Any
    tangent: Any
    offsets: tuple[Any, ...]


def buffers(x: Any) -> Buffers:
    """Numbers, tangents and offsets of a ragged array, without copies where its layout allows.

    NumPy arrays speak DLPack, so ``torch.from_dlpack``, ``jax.dlpack.from_dlpack`` and others
    take them; primal and tangent separately, for a dual array itself has no ``__dlpack__``.

    Parameters
    ----------
    x : ak.Array
        Lists, nested to any depth, of numbers: a constant, or a dual of the ground level.

    Returns
    -------
    Buffers
        Of NumPy arrays. They are copies where lists are not one after the other in memory, as
        after cuts and permutations.

    Raises
    ------
    TypeError
        If `x` is not made of lists of numbers, or belongs to a running call.

    Examples
    --------
    >>> import awkward as ak
    >>> import awkward_dual as ad
    >>> x = ak.Array([[1.0, 2.0], [], [3.0]])
    >>> parts = ad.bridges.buffers(ad.dual(x, 10 * x))
    >>> parts.primal, parts.tangent
    (array([1., 2., 3.]), array([10., 20., 30.]))
    """
    packed = _packed(x)
    primal, offsets = _apart(packed["primal"])
    if packed["tangent"] is None:
        return Buffers(primal, None, offsets)
    tangent, _ = _apart(packed["tangent"], len(offsets))
    return Buffers(primal, tangent, offsets)


def _packed(x: Any) -> dict[str, Any]:
    """Primal and tangent of an array of the ground level."""
    if not isinstance(x, ak.Array):
        raise TypeError(f"an ak.Array is needed, not {type(x).__name__}")
    return pack(x)


def _apart(x: Any, depth: int | None = None) -> tuple[Any, tuple[Any, ...]]:
    layout = x.layout
    offsets: list[Any] = []
    while _is_list(layout) and (depth is None or len(offsets) < depth):
        layout = _from_zero(layout)
        offsets.append(np.asarray(layout.offsets.data))
        layout = layout.content[: offsets[-1][-1]]
    if depth is not None and layout.is_regular:
        layout = layout.maybe_to_NumpyArray()
    if not layout.is_numpy or layout.dtype.kind not in "biufc":
        raise TypeError(f"lists of numbers are needed, not {x.type}")
    return np.asarray(layout.data), tuple(offsets)


def _is_list(layout: Any) -> bool:
    return bool(layout.is_list) and layout.parameter("__array__") is None


def _from_zero(layout: Any) -> Any:
    """Lists one after the other from zero on; as they are, if they are so already."""
    offsets = getattr(layout, "offsets", None)
    if isinstance(offsets, ak.index.Index64) and not layout.is_regular and offsets[0] == 0:
        return layout
    return layout.to_ListOffsetArray64(True)


def from_buffers(parts: Buffers) -> Any:
    """The ragged array of its parts, without copies.

    Parameters
    ----------
    parts : Buffers
        Of NumPy arrays, or of anything on the CPU with ``__dlpack__``.

    Returns
    -------
    ak.Array
        With a tangent, a dual of the ground level.

    Raises
    ------
    TangentMismatch
        If the tangent does not fit.

    Examples
    --------
    >>> import numpy as np
    >>> import awkward_dual as ad
    >>> parts = ad.bridges.Buffers(np.array([1.0, 2.0]), np.array([0.0, 1.0]), (np.array([0, 0, 2]),))
    >>> ad.bridges.from_buffers(parts)
    <Array [[], [1+0ε, 2+1ε]] type='2 * var * float64'>
    """

    def array(values: Any) -> Any:
        layout = ak.to_layout(_numpy(values))
        for offsets in reversed(parts.offsets):
            index = ak.index.Index64(_numpy(offsets).astype(np.int64, copy=False))
            layout = ak.contents.ListOffsetArray(index, layout)
        return ak.Array(layout)

    primal = array(parts.primal)
    return primal if parts.tangent is None else operators.dual(primal, array(parts.tangent))


def _numpy(x: Any) -> Any:
    if isinstance(x, np.ndarray):
        return x
    return np.from_dlpack(x)
