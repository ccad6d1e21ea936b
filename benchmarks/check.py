"""A guard against regressions: ratios of 100 000 events against the committed ones.

Loose, for machines differ and are noisy: a ratio may exceed its reference by a
third and by 0.2 beside. The best of three attempts counts.
"""

from __future__ import annotations

import json
import sys

from benchmarks.measure import pin_allocator
from benchmarks.sizes import RATIOS, ratios


def slower(reference: dict[str, dict[str, float]], found: dict[str, dict[str, float]]) -> list[str]:
    """What exceeds its reference."""
    return [
        f"{name}: {key} costs {found[name][key]:.2f} times the value, was {expected[key]:.2f}"
        for name, expected in reference.items()
        for key in ("jvp", "grad")
        if found[name][key] > 1.33 * expected[key] + 0.2
    ]


def main() -> int:
    """Compare, and say what has become slower."""
    pin_allocator()
    reference = json.loads(RATIOS.read_text(encoding="utf-8"))
    worse: list[str] = []
    for _ in range(3):
        worse = slower(reference, ratios(100_000, 7))
        if not worse:
            break
    sys.stdout.write("".join(f"{line}\n" for line in worse) or "no ratio exceeds its reference\n")
    return 1 if worse else 0


if __name__ == "__main__":
    sys.exit(main())
