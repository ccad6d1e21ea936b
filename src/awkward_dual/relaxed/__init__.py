"""Smooth stand-ins for cuts, histograms and sorting, and what one optimises with them.

A cut, a bin or a rank is a step: its derivative is zero where it has one. The functions here
replace the step by a smooth function of a width (or temperature), which they all ask for. The
value is biased by that, in the way that each function states; the derivative is that of the
smooth function, exactly. They work on ragged and on regular arrays, and inside of every operator.
"""

from __future__ import annotations

from awkward_dual.relaxed.binning import histogram, kde, scott
from awkward_dual.relaxed.cuts import cut
from awkward_dual.relaxed.inference import (
    asimov_significance,
    cramer_rao,
    fisher_information,
    inverse,
    observed_information,
)
from awkward_dual.relaxed.order import rank, sort, top_k

__all__ = (
    "asimov_significance",
    "cramer_rao",
    "cut",
    "fisher_information",
    "histogram",
    "inverse",
    "kde",
    "observed_information",
    "rank",
    "scott",
    "sort",
    "top_k",
)
