"""Runs of rules on large arrays, which their tangents pass block by block.

The tangent that an elementwise rule or a gather gives is first only noted: a step, with
what its compiled loop looks at. Whoever asks for it has the run of steps behind it computed
by one compiled loop that goes through blocks, so that the tangents in between never reach the
memory. On a tape a step is a node, and a cotangent passes the run the other way round.

`noting` says what is noted, as `steps` with `pending` tangents or as `nodes`; `program` turns a run
into instructions (`block_loops`) for the `interpreter`. `values` are computed again where
that saves an array; `guards` watch over arrays that are kept, and a `budget` limits them.
This is preaccumulation (Griewank and Walther, Evaluating Derivatives, section 10.2), with
blocks in place of stored partials.
"""

from __future__ import annotations

from awkward_dual.runs.guards import Given, check, lend, may_be_late, settle_readers
from awkward_dual.runs.noting import note, note_gather
from awkward_dual.runs.pending import Pending, sum_segments

__all__ = (
    "Given",
    "Pending",
    "check",
    "lend",
    "may_be_late",
    "note",
    "note_gather",
    "settle_readers",
    "sum_segments",
)
