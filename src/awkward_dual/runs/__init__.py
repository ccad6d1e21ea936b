"""Runs of rules on large arrays, which their tangents pass block by block.

The tangent that an elementwise rule or a gather gives is first only noted: a step, with
what its compiled loop looks at. Whoever asks for it has the run of steps behind it computed
in blocks that stay in the cache, so that the tangents in between never reach the
memory. On a tape a step is a node, and a cotangent passes the run the other way round.
This is preaccumulation (Griewank and Walther, Evaluating Derivatives, section 10.2), with
blocks in place of stored partials.
"""

from __future__ import annotations

from awkward_dual.runs.guards import lend, may_be_late, settle_readers
from awkward_dual.runs.noting import note, note_gather
from awkward_dual.runs.pending import Pending, sum_segments

__all__ = (
    "Pending",
    "lend",
    "may_be_late",
    "note",
    "note_gather",
    "settle_readers",
    "sum_segments",
)
