"""Sums of trees of results, over a fixed binary tree of the parts."""

from __future__ import annotations

from typing import Any

import awkward as ak
import numpy as np

from awkward_dual.trees import map_tree

__all__ = ("Sum", "add")


class Sum:
    """Adds numbered terms in any order, always with the same roundings.

    Term 0 is added to term 1, term 2 to term 3, then these sums to each other, and so on,
    as soon as both are there: what is kept grows with the logarithm of the number of terms.
    """

    def __init__(self) -> None:
        self.nodes: dict[tuple[int, int], Any] = {}
        self.seen: set[int] = set()

    def add(self, index: int, term: Any, name: str = "") -> None:
        """Add the term with a number; each number comes once."""
        assert index not in self.seen, f"part {name or index} came twice"
        self.seen.add(index)
        level = 0
        while (other := self.nodes.pop((level, index ^ 1), self)) is not self:
            term = add(other, term) if index & 1 else add(term, other)
            level, index = level + 1, index >> 1
        self.nodes[level, index] = term

    def result(self) -> Any:
        """The sum of all terms.

        Raises
        ------
        ValueError
            If there are none.
        """
        if not self.nodes:
            raise ValueError("there are no parts to sum over")
        # from the last to the first: the small sums before the large ones
        first, *others = (self.nodes[k] for k in sorted(self.nodes, key=lambda k: -(k[1] << k[0])))
        for other in others:
            first = add(other, first)
        return first


def add(a: Any, b: Any) -> Any:
    """The sum of two trees of numbers, arrays, histograms, or anything else with ``+``.

    Raises
    ------
    TypeError
        If the trees, or the shapes of two arrays, differ, or something is no number.
    """
    try:
        return map_tree(_add_leaves, a, b)
    except (TypeError, ValueError) as error:
        raise TypeError(
            f"the results of two parts do not add up: {error}; "
            "return sums of the same kind and shape from every part"
        ) from error


def _add_leaves(a: Any, b: Any, path: str) -> Any:
    where = path or "the result"
    if a is None and b is None:
        return None
    if a is None or b is None or isinstance(a, str | bytes | bool):
        raise TypeError(f"{where}: {a!r} and {b!r}")
    if isinstance(a, ak.Array | ak.Record):
        same = isinstance(b, type(a)) and str(a.type) == str(b.type)
    elif hasattr(a, "dtype"):
        if a.dtype.kind == "b":
            raise TypeError(f"{where}: truth values; count them with ak.sum")
        # NumPy would broadcast in silence
        same = np.shape(a) == np.shape(b)
    else:
        same = True
    if not same:
        raise TypeError(f"{where}: {_describe(a)} and {_describe(b)}")
    return a + b


def _describe(x: Any) -> str:
    if isinstance(x, ak.Array | ak.Record):
        return f"an array of type {x.type}"
    return f"a {type(x).__name__} of shape {np.shape(x)}"
