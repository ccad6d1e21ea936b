"""Peak memory of a derivative, relative to the plain call of the same program.

python -m benchmarks.memory [events]
"""

from __future__ import annotations

import gc
import sys
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.measure import put_section, table
from benchmarks.programs import events
from benchmarks.sizes import cases

PAGE = Path(__file__).resolve().parents[1] / "docs" / "overhead.md"


def peak(call: Callable[[], Any], repeats: int = 3) -> int:
    """The most bytes that a call holds at once beyond what there was before; NumPy reports its own."""
    call()
    found = []
    tracemalloc.start()
    try:
        for _ in range(repeats):
            gc.collect()
            before, _ = tracemalloc.get_traced_memory()
            tracemalloc.reset_peak()
            result = call()
            found.append(tracemalloc.get_traced_memory()[1] - before)
            del result
    finally:
        tracemalloc.stop()
    return min(found)


def rows(muons: Any) -> list[list[str]]:
    """The lines of the table."""
    out = []
    for name, program in cases(muons).items():
        peaks = {what: peak(call) for what, call in program.items() if what != "total"}
        ratios = [f"{peaks[what] / peaks['value']:.2f}" for what in ("jvp", "grad")]
        out.append([name, f"{peaks['value'] / 2**20:.1f} MiB", *ratios])
    return out


def main() -> None:
    """Measure, print the table, and write it into the docs."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    columns = ["program", "peak of the value", "jvp / value", "grad / value"]
    text = table(f"Peak memory, {count} events", columns, rows(events(count)))
    sys.stdout.write(text)
    if count == 100_000:
        put_section(PAGE, text)


if __name__ == "__main__":
    main()
