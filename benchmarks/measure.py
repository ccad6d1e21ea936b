"""Side by side: programs interleaved in one process, medians, the allocator pinned."""

from __future__ import annotations

import os
import re
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

#: page faults alone move a plain value by 1.7, so memory is kept instead of given back
PINNED = {
    "MALLOC_MMAP_THRESHOLD_": "33554432",
    "MALLOC_TRIM_THRESHOLD_": "17179869184",
    "MALLOC_TOP_PAD_": "67108864",
}


def pin_allocator() -> None:
    """Start this process again with the allocator pinned, unless it is."""
    if not all(os.environ.get(name) == value for name, value in PINNED.items()):
        os.execve(sys.executable, [sys.executable, *sys.orig_argv[1:]], os.environ | PINNED)


def seconds(
    calls: dict[str, Callable[[], Any]],
    repeats: int = 15,
    clock: Callable[[], float] = time.perf_counter,
    typical: Callable[[list[float]], float] = statistics.median,
    *,
    in_pairs: bool = False,
) -> dict[str, float]:
    """The median (or other typical) time of each call; all are run once for nothing, then in turns.

    With `in_pairs` each call is made twice in a row, and the second counts: the pages that
    the first gave back are at hand.
    """
    times: dict[str, list[float]] = {name: [] for name in calls}
    for round_ in range(repeats + 1):
        for name, call in calls.items():
            if in_pairs and round_:
                call()
            start = clock()
            call()
            if round_:
                times[name].append(clock() - start)
    return {name: typical(values) for name, values in times.items()}


def table(title: str, columns: list[str], rows: list[list[str]]) -> str:
    """A Markdown table."""
    lines = [f"## {title}", "", "| " + " | ".join(columns) + " |", "|" + "---|" * len(columns)]
    return "\n".join([*lines, *("| " + " | ".join(row) + " |" for row in rows), ""])


def put_section(page: Path, text: str) -> None:
    """Put a section, which begins with its title, into a page in place of that of the same title.

    What follows a comma in a title, as the number of events, may change.
    """
    title = text.partition("\n")[0].partition(",")[0]
    parts = re.split(r"^(?=## )", page.read_text(encoding="utf-8"), flags=re.MULTILINE)
    text = f"{text.rstrip()}\n\n"
    found = [i for i, part in enumerate(parts) if part.startswith(title)]
    if found:
        parts[found[0]] = text
    else:
        parts.append(f"\n{text}")
    page.write_text(f"{''.join(parts).rstrip()}\n", encoding="utf-8")
