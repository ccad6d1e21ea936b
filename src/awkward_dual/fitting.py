"""Whether a primal and a tangent make a dual."""

from __future__ import annotations

from typing import Any

from awkward_dual import apply
from awkward_dual.devices import array_module
from awkward_dual.errors import LevelError, TangentMismatch
from awkward_dual.pair import Pair, raw_or_live
from awkward_dual.runs import may_be_late
from awkward_dual.tape import Node

__all__ = ("check_ground", "fit_tangent")


def check_ground(primal: Any, tangent: Any) -> None:
    """Raise unless both halves of a dual of the ground level are constants.

    Raises
    ------
    LevelError
        If one is live: no level is lower than the ground.
    """
    if isinstance(raw_or_live(primal), Pair) or isinstance(raw_or_live(tangent), Pair):
        raise LevelError(
            "a dual made by hand belongs to the ground level, so neither its primal nor its "
            "tangent may be live; nest awkward_dual.jvp for higher orders"
        )


def fit_tangent(primal: Any, tangent: Any) -> Any:
    """The tangent with a leading axis for its directions and the dtype of the primal."""
    if primal.dtype.kind not in "fc":
        raise TangentMismatch(
            f"{primal.dtype} has no tangents; only floating and complex numbers do"
        )
    if isinstance(tangent, Node):
        return tangent
    if not isinstance(tangent, Pair):
        given, tangent = tangent, array_module(primal).asarray(tangent)
        is_shared = tangent is given or getattr(tangent, "base", None) is not None
        if is_shared and may_be_late(tangent.size):
            # by then whose it is may have other numbers in it
            tangent = tangent.copy()
        if tangent.dtype.kind not in "fciub":
            raise TangentMismatch(
                f"a tangent of {tangent.dtype} does not fit a primal of {primal.dtype}"
            )
    if tangent.dtype.kind == "c" and primal.dtype.kind != "c":
        raise TangentMismatch(
            f"a tangent of {tangent.dtype} does not fit a primal of {primal.dtype}"
        )
    if tangent.ndim == primal.ndim:
        tangent = apply.reshape(tangent, (1, *tangent.shape))
    if tangent.shape[1:] != primal.shape:
        raise TangentMismatch(
            f"a tangent of shape {tangent.shape} does not fit a primal of shape {primal.shape}: "
            f"expected {primal.shape} or (k, *{primal.shape})"
        )
    return tangent if tangent.dtype == primal.dtype else apply.astype(tangent, primal.dtype)
