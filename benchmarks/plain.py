"""Plain arrays with awkward_dual imported, relative to without: two processes, in turns.

python -m benchmarks.plain [rounds]
"""

from __future__ import annotations

import gc
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import awkward as ak
import numpy as np

from benchmarks.measure import pin_allocator, put_section, table
from benchmarks.programs import PROGRAMS, events

PAGE = Path(__file__).resolve().parents[1] / "docs" / "overhead.md"
#: seconds of processor time that the calls of one program take in one round
ROUND = 0.02


def programs() -> dict[str, Callable[[], Any]]:
    """What is measured: operations on a few elements, and programs on 20 000 events."""
    x = ak.Array([[1.0, 2.0, 3.0], [], [4.0, 5.0]])
    lists = x.to_list()
    record = ak.zip({"a": x, "b": x})
    buffers = ak.to_buffers(x)
    muons = events(20_000)
    tiny: dict[str, Callable[[], Any]] = {
        "x + 1, 5 elements": lambda: x + 1,
        "np.sqrt(x), 5 elements": lambda: np.sqrt(x),
        "ak.sum(x, axis=1), 5 elements": lambda: ak.sum(x, axis=1),
        "ak.sort(x), 5 elements": lambda: ak.sort(x),
        "x[x > 2], 5 elements": lambda: x[x > 2],
        "ak.Array(list), 5 elements": lambda: ak.Array(lists),
        "ak.zip, 5 elements": lambda: ak.zip({"a": x, "b": x}),
        "record.a, 5 elements": lambda: record.a,
        "ak.concatenate, 5 elements": lambda: ak.concatenate([x, x], axis=1),
        "ak.std, 5 elements": lambda: ak.std(x, axis=1),
        "ak.from_buffers, 5 elements": lambda: ak.from_buffers(*buffers),
        "to_list, 5 elements": x.to_list,
        "repr, 5 elements": lambda: repr(x),
    }
    large = {
        f"{name}, 20000 events": lambda f=program: f(muons, muons.pt)
        for name, program in PROGRAMS.items()
    }
    return tiny | large


def work(with_dual: bool) -> None:
    """Time all programs whenever a line comes in, and write seconds a call as JSON."""
    if with_dual:
        import awkward_dual  # noqa: F401 - to be imported is all it has to do
    if hasattr(os, "sched_setaffinity"):
        # both on the same core: another may be slower
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    calls = programs()
    counts = {name: _count(call) for name, call in calls.items()}
    # a collection of all that was imported would fall into every round, or into none
    gc.collect()
    gc.freeze()
    for line in sys.stdin:
        name = line.strip()
        start = time.process_time()
        for _ in range(counts[name]):
            calls[name]()
        seconds = (time.process_time() - start) / counts[name]
        sys.stdout.write(json.dumps(seconds) + "\n")
        sys.stdout.flush()


def _count(call: Callable[[], Any]) -> int:
    call()
    start = time.process_time()
    for _ in range(3):
        call()
    return max(1, int(ROUND / max((time.process_time() - start) / 3, 1e-9)))


class Worker:
    """A process that times programs, with awkward_dual imported or not."""

    def __init__(self, with_dual: bool) -> None:
        command = [sys.executable, "-m", "benchmarks.plain", "--work", str(int(with_dual))]
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def seconds(self, name: str) -> float:
        stdin, stdout = self.process.stdin, self.process.stdout
        assert stdin is not None
        assert stdout is not None
        stdin.write(f"{name}\n")
        stdin.flush()
        return float(cast(float, json.loads(stdout.readline())))

    def close(self) -> None:
        self.process.communicate()


def rows(rounds: int) -> list[list[str]]:
    """For each program the median time without, and the median of the ratios of all rounds."""
    workers = [Worker(False), Worker(True)]
    out = []
    try:
        for name in programs():
            times = [[worker.seconds(name) for worker in workers] for _ in range(rounds + 1)][1:]
            ratio = statistics.median(dual / plain for plain, dual in times)
            plain = statistics.median(plain for plain, _ in times)
            out.append([name, f"{1e6 * plain:.1f} µs", f"{ratio:.3f}"])
    finally:
        for worker in workers:
            worker.close()
    return out


def main() -> None:
    """Measure, print the table, and write it into the docs."""
    pin_allocator()
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 31
    columns = ["program", "without awkward_dual", "with / without"]
    text = table("Plain arrays beside awkward_dual", columns, rows(rounds))
    sys.stdout.write(text)
    put_section(PAGE, text)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--work"]:
        work(sys.argv[2] == "1")
    else:
        main()
