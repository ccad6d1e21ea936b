"""Only leaves that carry a tangent pay: one of 1500 columns differentiated; and threads.

python -m benchmarks.columns
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import awkward as ak
import numpy as np

import awkward_dual as ad
from benchmarks.measure import pin_allocator, put_section, seconds, table
from benchmarks.programs import calibrated, chain, events

PAGE = Path(__file__).resolve().parents[1] / "docs" / "benchmarks.md"


def columns() -> list[list[str]]:
    """A gradient through one column of a wide record, and of the column alone."""
    pt = events(100_000).pt
    wide = ak.zip({"pt": pt} | {f"c{i}": pt for i in range(1_499)}, depth_limit=1)
    select: Callable[[Any], Any] = lambda record, pt: ak.with_field(record, pt, "pt")
    program = lambda record, pt: ak.sum(chain(select(record, pt).pt))
    ones = ak.ones_like(pt)
    spent = seconds(
        {
            "alone": lambda: ad.jvp(lambda pt: ak.sum(chain(pt)), (pt,), (ones,)),
            "value, 1500": lambda: program(wide, pt),
            "1500": lambda: ad.jvp(lambda pt: program(wide, pt), (pt,), (ones,)),
            "argument": lambda: ad.jvp(lambda r: ak.sum(chain(r.pt)), (wide,), (None,)),
        },
        clock=time.process_time,
    )
    return [
        ["the column alone", f"{1e3 * spent['alone']:.1f} ms"],
        ["put into a record of 1500 columns, value", f"{1e3 * spent['value, 1500']:.1f} ms"],
        ["put into a record of 1500 columns, jvp", f"{1e3 * spent['1500']:.1f} ms"],
        ["a record of 1500 columns as a constant argument", f"{1e3 * spent['argument']:.1f} ms"],
    ]


def threads() -> list[list[str]]:
    """Eight directions of a million events with compiled loops in one and two threads."""
    muons, p = events(1_000_000), np.full(8, 1e-3)
    jacobian = ad.jacfwd(lambda p: calibrated(muons, p))
    before = ad.set_engine("compiled")
    rows = []
    for count in (1, 2):
        ad.set_num_threads(count)
        spent = seconds({"": lambda: jacobian(p)}, 3)
        rows.append([str(count), f"{spent['']:.2f} s"])
    ad.set_num_threads(1)
    ad.set_engine(before)
    return rows


def main() -> None:
    """Measure, print the tables, and write them into the docs."""
    pin_allocator()
    for text in (
        table("One of 1500 columns, 100000 events", ["program", "time"], columns()),
        table("Threads, eight directions of 1000000 events", ["threads", "time"], threads()),
    ):
        sys.stdout.write(text)
        put_section(PAGE, text)


if __name__ == "__main__":
    main()
