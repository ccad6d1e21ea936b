"""A plain, serialisable form of dual arrays, with both halves."""

from __future__ import annotations

from typing import Any

import awkward as ak

from awkward_dual.errors import TangentLost
from awkward_dual.levels import GROUND
from awkward_dual.operators import dual, primal, tangent
from awkward_dual.operators.parts import highest_level

__all__ = ("pack", "unpack")


def pack(x: Any) -> dict[str, Any]:
    """A dual array, record or number as a dict of plain ones.

    Parameters
    ----------
    x
        An array, record or number of the ground level, or a constant.

    Returns
    -------
    dict
        ``{"primal": ..., "tangent": ...}`` with arrays on the ``cpu`` backend and
        NumPy scalars, which pickle, write to Parquet and travel as any other;
        the tangent is ``None`` for a constant, and has its directions as a
        last, regular axis if there are several.

    Raises
    ------
    TangentLost
        If `x` belongs to a running call of an operator: its tangent has no
        meaning outside of that call.

    Examples
    --------
    >>> import awkward as ak
    >>> import awkward_dual as ad
    >>> x = ad.dual(ak.Array([[1.0], [2.0]]), ak.Array([[0.5], [0.0]]))
    >>> packed = ad.pack(x)
    >>> packed["tangent"].to_list()
    [[0.5], [0.0]]
    >>> ad.tangent(ad.unpack(packed)).to_list()
    [[0.5], [0.0]]
    """
    level = highest_level(x)
    if level is None:
        return {"primal": _plain(x), "tangent": None}
    if level is not GROUND:
        raise TangentLost(
            "packing a dual of a running call",
            "return it from the differentiated function first, and pack value and tangent",
        )
    return {"primal": primal(x), "tangent": tangent(x)}


def _plain(x: Any) -> Any:
    return ak.to_backend(x, "cpu") if isinstance(x, ak.Array | ak.Record) else primal(x)


def unpack(packed: Any) -> Any:
    """The dual array, record or number that `pack` took apart.

    Parameters
    ----------
    packed : dict
        As `pack` gives it.

    Returns
    -------
    An array or number of the ground level; on the dual backend also without a tangent.

    Raises
    ------
    TypeError
        If `packed` is no such dict.
    TangentMismatch
        If its halves do not fit each other.

    Examples
    --------
    >>> import awkward_dual as ad
    >>> float(ad.tangent(ad.unpack(ad.pack(ad.dual(1.0, 2.0)))))
    2.0
    """
    if not isinstance(packed, dict) or set(packed) != {"primal", "tangent"}:
        raise TypeError(
            'unpack needs a dict {"primal": ..., "tangent": ...} as pack gives it, '
            f"not {packed if isinstance(packed, str) else type(packed).__name__}"
        )
    value, derivative = packed["primal"], packed["tangent"]
    if derivative is not None:
        return dual(value, derivative)
    return ak.to_backend(value, "dual") if isinstance(value, ak.Array | ak.Record) else value
