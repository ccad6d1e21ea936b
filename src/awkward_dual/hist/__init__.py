"""Histograms with derivatives.

`hist` and boost-histogram count in C++: a live array in their ``fill`` raises `TangentLost`.
Here, `counts` counts inside of a differentiated function, and `templates` gives, for a function
of parameters, a `hist.Hist` of its value and one of each derivative.
"""

from __future__ import annotations

from awkward_dual.hist.counts import counts, variances
from awkward_dual.hist.fill import templates
from awkward_dual.hist.result import TangentHist

__all__ = ("TangentHist", "counts", "templates", "variances")
