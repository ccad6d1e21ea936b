"""What ufuncs, NumPy functions and Awkward's kernels do to tangents."""

from __future__ import annotations

from awkward_dual.rules.table import Kind, Rule, find, forget, name_of, rows, rule

__all__ = ("Kind", "Rule", "find", "forget", "name_of", "rows", "rule")
