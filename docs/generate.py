"""Tables of the documentation that are printed from the code.

A page holds a marker such as ``<!-- table: smooth -->``; `fill_in` puts the table
in its place when the page is read. ``python docs/generate.py`` prints all of them.
"""

from __future__ import annotations

import contextlib
import importlib
import re
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np

import awkward_dual
from awkward_dual import adapter
from awkward_dual.rules import Kind, Rule, rows

MARKER = re.compile(r"<!-- table: ([a-z_]+) -->")
_ROOT = str(Path(__file__).resolve().parent.parent)


def fill_in(text: str) -> str:
    """`text` with a table in place of each marker."""
    return MARKER.sub(lambda match: TABLES[match[1]](), text)


def _table(head: Iterable[str], lines: Iterable[Iterable[Any]]) -> str:
    head = list(head)
    out = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    out += [
        "| " + " | ".join(str(cell).replace("|", "\\|") for cell in line) + " |" for line in lines
    ]
    return "\n".join(out)


# -- the rule table


def _family(row: Rule) -> str:
    if isinstance(row.target, str):
        return "kernel"
    return "ufunc" if isinstance(row.target, np.ufunc) else "function"


def _full_name(row: Rule) -> str:
    if isinstance(row.target, str):
        return row.name
    if isinstance(row.target, np.ufunc):
        # ufuncs do not know their module; SciPy hides some behind a function
        public = getattr(np, row.name, None) is row.target
        return f"numpy.{row.name}" if public else f"scipy.special.{row.name.removeprefix('_')}"
    return f"{row.target.__module__}.{row.name}"


def _remark(row: Rule) -> str:
    remarks = []
    if row.option("real_only"):
        remarks.append("of complex numbers: raises")
    if row.option("conjugates"):
        remarks.append("conjugates the tangent")
    if row.option("pairs"):
        remarks.append("complex numbers as pairs")
    if row.option("in_place"):
        remarks.append("in place")
    how = getattr(row.option("apply"), "__name__", "")
    remarks += {
        "apply_mover": ["only moves elements"],
        "apply_program": ["a program of other rows"],
        "apply_maps": ["linear maps in a row"],
    }.get(how, [])
    return ", ".join(remarks)


def _rules_of(kind: Kind) -> list[Rule]:
    with contextlib.suppress(ImportError):
        # these rows are loaded when a dual first meets one of their ufuncs
        importlib.import_module("awkward_dual.rules.special")
    return [row for row in rows() if row.kind is kind and not row.option("user")]


def rule_table(kind: Kind) -> str:
    """The rows of one kind: ufuncs, functions, kernels."""
    order = ("ufunc", "function", "kernel")
    found = sorted(_rules_of(kind), key=lambda row: (order.index(_family(row)), _full_name(row)))
    if kind is Kind.STRUCTURE:
        return "\n".join(f"- `{row.name}`" for row in found)
    lines = [(f"`{_full_name(row)}`", _family(row), _remark(row)) for row in found]
    return _table(("name", "what it is", "remark"), lines)


def rule_counts() -> str:
    """How many rows there are of each kind."""
    lines = []
    for kind in Kind:
        found = [_family(row) for row in _rules_of(kind)]
        counts = [found.count(family) for family in ("ufunc", "function", "kernel")]
        lines.append((kind.value, *counts, len(found)))
    total = [sum(line[i] for line in lines) for i in range(1, 5)]
    return _table(("kind", "ufuncs", "functions", "kernels", "rows"), [*lines, ("all", *total)])


# -- Awkward, corners


def replaced_names() -> str:
    """The names that are replaced in Awkward while the backend is registered."""
    return "\n".join(f"- `{name}`" for name in adapter.replaced_names())


def corner_table() -> str:
    """The literal truths of `kernels/corners.py`, one line each."""
    if _ROOT not in sys.path:
        sys.path.insert(0, _ROOT)
    corners = importlib.import_module("kernels.corners").CORNERS
    lines = []
    for corner in corners:
        inputs = ", ".join(f"{name} = {value}" for name, (value, _) in corner.inputs.items())
        tangents = ", ".join(f"d{name} = {tangent}" for name, (_, tangent) in corner.inputs.items())
        given = f"{inputs}; {tangents}"
        cells = (corner.expression, given, str(corner.value), str(corner.tangent))
        lines.append((*(f"`{cell}`" for cell in cells), corner.why))
    return _table(("expression", "at", "value", "tangent", "why"), lines)


def public_names() -> tuple[str, ...]:
    """What `docs/api.md` has to show."""
    return tuple(name for name in awkward_dual.__all__ if name != "testing")


TABLES: dict[str, Callable[[], str]] = {
    "counts": rule_counts,
    "replaced": replaced_names,
    "corners": corner_table,
    **{kind.value: (lambda kind=kind: rule_table(kind)) for kind in Kind},  # type: ignore[misc]
}


if __name__ == "__main__":
    for _name, _make in TABLES.items():
        print(f"## {_name}\n\n{_make()}\n")  # noqa: T201 - this is what it is for
