"""A gradient over generated events in parts: the memory as they go by, and the gain of two processes.

python -m benchmarks.parts [--events 10_000_000] [--step 100_000] [--processes 2]

10_000_000 events take some minutes, 100_000_000 ten times as long and the same memory.
"""

from __future__ import annotations

import argparse
import resource
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import awkward_dual as ad
from benchmarks.measure import pin_allocator, put_section, seconds, table
from benchmarks.programs import calibrated, events

PAGE = Path(__file__).resolve().parents[1] / "docs" / "scale.md"
#: what the gradient is of: eight numbers of a calibration
PARAMS = np.full(8, 1e-5)
#: parts of which the processes are compared
COMPARED = 24


@dataclass(frozen=True)
class Generated:
    """A part: some events, which are generated where they are used."""

    number: int
    count: int

    def __call__(self) -> Any:
        return events(self.count, seed=self.number)


def parts(count: int, step: int) -> list[Generated]:
    """`count` events in parts of `step`."""
    return [Generated(i, min(step, count - first)) for i, first in enumerate(range(0, count, step))]


def peak() -> float:
    """The most memory that this process had so far, in MiB."""
    found = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return found / 2**20 if sys.platform == "darwin" else found / 2**10


def memory(count: int, step: int) -> tuple[list[list[str]], float]:
    """Peak memory after parts of the run, as lines of a table; and events per second."""
    all_parts = parts(count, step)
    shares = (0.0, 0.02, 0.1, 0.25, 0.5, 1.0)
    marks = [round(share * len(all_parts)) for share in shares]
    peaks: dict[int, float] = {}

    def watched() -> Iterator[Generated]:
        for i, part in enumerate(all_parts):
            peaks[i] = peak()
            yield part

    start = time.perf_counter()
    ad.scale.value_and_grad(calibrated, watched(), PARAMS, in_flight=1)
    took = time.perf_counter() - start
    peaks[len(all_parts)] = peak()
    seen = {min(mark * step, count): peaks[mark] for mark in marks}
    return [[f"{n:,}", f"{mib:.0f} MiB"] for n, mib in seen.items()], count / took


def speedup(step: int, processes: int) -> tuple[dict[str, float], bool]:
    """Seconds of some parts in this process and on several, and whether the bits are the same."""
    some = parts(COMPARED * step, step)
    found: dict[str, Any] = {}

    def evaluated(name: str, executor: Any) -> None:
        found[name] = ad.scale.value_and_grad(calibrated, some, PARAMS, executor=executor)

    with ProcessPoolExecutor(processes) as pool:
        # the first round is for nothing: processes start, and import
        times = seconds(
            {"one": lambda: evaluated("one", None), "several": lambda: evaluated("several", pool)},
            repeats=5,
        )
    (value, gradient), (other, another) = found["one"], found["several"]
    return times, value == other and np.array_equal(gradient, another)


def main() -> None:
    """Measure, print, and write it into the docs."""
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("--events", type=int, default=10_000_000)
    parser.add_argument("--step", type=int, default=100_000)
    parser.add_argument("--processes", type=int, default=2)
    given = parser.parse_args()
    pin_allocator()
    rows, rate = memory(given.events, given.step)
    times, same = speedup(given.step, given.processes)
    one, several = times["one"], times["several"]
    text = table("Measured", ["events so far", "peak memory of the process"], rows)
    text += (
        f"\n`python -m benchmarks.parts --events {given.events}`: the gradient of a number of pair masses by eight "
        f"parameters, generated in parts of {given.step:,} events, {rate / 1e3:.0f} thousand events a second with the "
        f"generation. On {given.processes} processes {COMPARED} parts take {several:.1f} s in place of {one:.1f} s: "
        f"{one / several:.2f} times as fast, and the result has {'the same' if same else 'OTHER'} bits.\n"
    )
    sys.stdout.write(text)
    if given.events >= 10_000_000:
        put_section(PAGE, text)


if __name__ == "__main__":
    main()
