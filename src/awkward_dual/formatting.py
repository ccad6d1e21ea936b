"""Dual arrays and numbers as text."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from awkward_dual.pair import Pair, raw_or_live
from awkward_dual.tape import Node

__all__ = ("format_number", "plain_repr")


def format_number(x: Any, write: Callable[[Any], str]) -> str:
    """A dual number as text: its primal, then its tangent times ε."""
    x = raw_or_live(x)
    if not isinstance(x, Pair):
        return write(x)
    primal = format_number(x._primal, write)
    if isinstance(x._tangent, Node):
        return f"{primal}+…ε"
    tangents = [format_number(t, write) for t in x._tangent]
    if len(tangents) != 1:
        return f"{primal}+[{', '.join(tangents)}]ε"
    if x.dtype.kind == "c":
        return f"({primal})+({tangents[0]})ε"
    nested = isinstance(raw_or_live(x._tangent[0]), Pair)
    tangent = f"({tangents[0]})" if nested else tangents[0]
    return f"{primal}{'' if tangent.startswith('-') else '+'}{tangent}ε"


def plain_repr(x: Any) -> str:
    """The text of one half of a dual array."""
    if isinstance(x, np.ndarray):
        return np.array_repr(x).removeprefix("array(").removesuffix(")")
    return repr(x) if isinstance(x, Pair | Node) else str(x)
