"""The one table of tangent rules: a row for each ufunc, NumPy function and Awkward kernel.

A row says its kind first. Rules compute partials or indices from primals and
know neither Awkward nor `DualArray`: they see an array module `xp`, the output
`y` and the inputs. A partial uses only operations that have rows themselves, so
that it can be differentiated again.
"""

from __future__ import annotations

import enum
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any

__all__ = ("Kind", "Rule", "find", "forget", "rows", "rule")


class Kind(enum.Enum):
    """What an operation does to tangents."""

    STRUCTURE = "structure"  #: none can reach it: index, offset, mask, tag buffers
    STEP = "step"  #: reads data, the result has zero derivative
    LINEAR = "linear"  #: the same operation on the tangent
    SMOOTH = "smooth"  #: partials, then a weighted sum
    SELECT = "select"  #: an index from the primal, then a gather


@dataclass(frozen=True)
class Rule:
    """One row of the table.

    Parameters
    ----------
    target
        A ufunc, a NumPy function, or the name of a kernel.
    kind
        What the operation does to tangents.
    body
        For a ufunc of kind smooth or linear a function ``(xp, y, *x)`` that
        returns one partial for each input, for one of kind select one mask for
        each input. A partial that is costly, or undefined where its argument is
        a constant, may be a function of nothing, called only if it is needed;
        ``None`` stands for zero. For NumPy functions and kernels see
        `rules.functions` and `rules.reduce`.
    options
        Anything else the row needs to say.
    """

    target: Any
    kind: Kind
    body: Any = None
    options: Mapping[str, Any] = field(default_factory=dict, compare=False)

    @property
    def name(self) -> str:
        return name_of(self.target)

    def option(self, key: str, default: Any = None) -> Any:
        return self.options.get(key, default)

    @property
    def partials(self) -> Any:
        """The body that gives a partial for each input, of what works element by element."""
        return self.options.get("elementwise") or self.body


def name_of(target: Any) -> str:
    """The name by which errors and lists call a ufunc, function or kernel."""
    return target if isinstance(target, str) else str(getattr(target, "__name__", target))


_table: dict[Any, Rule] = {}

#: the rules of optional libraries, loaded when a dual meets an operation that has no row
OPTIONAL = {"scipy.special": "awkward_dual.rules.special"}

#: where rows are derived for the objects of an optional library, by a function `derive`
DERIVED = {"numba.np.ufunc.dufunc": "awkward_dual.numba.vectorize"}


def rule(target: Any, kind: Kind, body: Callable[..., Any] | None = None, **options: Any) -> Rule:
    """Add a row to the table.

    Raises
    ------
    ValueError
        If there is a row for `target`, or the row is incomplete.
    """
    if target in _table:
        raise ValueError(f"there is a rule for {name_of(target)!r} already")
    if body is None and "apply" not in options and kind in (Kind.SMOOTH, Kind.SELECT):
        raise ValueError(f"a rule of kind {kind.value} needs a body: {name_of(target)!r}")
    row = Rule(target, kind, body, options)
    _table[target] = row
    return row


def forget(target: Any) -> None:
    """Remove a row (for tests and for replacing a user's own rule)."""
    _table.pop(target, None)


def find(target: Any) -> Rule | None:
    """The row of a ufunc, NumPy function or kernel, if it has one."""
    try:
        row = _table.get(target)
    except TypeError:  # an unhashable callable has no row
        return None
    return row if row is not None else _find_optional(target)


def _find_optional(target: Any) -> Rule | None:
    for library, rules in OPTIONAL.items():
        if library in sys.modules:
            # a second import is a look-up, and waits for one that runs in another thread
            import_module(rules)
    row = _table.get(target)
    for library, rules in DERIVED.items():
        if row is None and type(target).__module__ == library:
            row = import_module(rules).derive(target)
    return row


def rows() -> tuple[Rule, ...]:
    """All rows, in the order in which they were written."""
    return tuple(_table.values())
