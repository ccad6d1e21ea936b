"""What each operator costs on dimuon-like programs, relative to the plain ``cpu`` value.

python -m benchmarks.operators [events]
"""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

import awkward_dual as ad
from benchmarks.measure import pin_allocator, put_section, seconds, table
from benchmarks.programs import calibrated, events

DOCS = Path(__file__).resolve().parents[1] / "docs"
FOOT = """![cost against the number of parameters](cost_of_parameters.svg)

Forward mode costs in proportion to the number of directions, reverse mode the same for any number.
"""


def parameters(muons: Any) -> list[list[str]]:
    """Jacobian, gradient and Hessian-vector product with respect to calibration parameters."""

    def program(p: Any) -> Any:
        return calibrated(muons, p)

    rows = []
    for count in (1, 2, 8, 32):
        p = np.full(count, 1e-3)
        time = seconds(
            {
                "value": partial(program, p),
                "jacfwd": partial(ad.jacfwd(program), p),
                "grad": partial(ad.value_and_grad(program), p),
                "hvp": partial(ad.hvp, program, (p,), (np.ones_like(p),)),
            },
            repeats=7,
        )
        ratios = [f"{time[key] / time['value']:.2f}" for key in ("jacfwd", "grad", "hvp")]
        rows.append([str(count), f"{1e3 * time['value']:.1f} ms", *ratios])
    return rows


def plot(rows: list[list[str]], path: Path) -> None:
    """The cost of each operator against the number of parameters."""
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(6.0, 3.6), layout="constrained")
    counts = [int(row[0]) for row in rows]
    operators = ("jacfwd: all directions", "value_and_grad", "hvp")
    for column, name, marker in zip((2, 3, 4), operators, "osD", strict=True):
        axes.plot(counts, [float(row[column]) for row in rows], marker=marker, label=name)
    axes.set(xscale="log", xlabel="parameters", ylabel="cost / cost of the value", ylim=(0, None))
    axes.set_xticks(counts, map(str, counts))
    axes.legend(frameon=False)
    figure.savefig(path)
    pyplot.close(figure)


def main() -> None:
    """Measure, print the tables, and write page and plot into the docs."""
    pin_allocator()
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    muons = events(count)
    rows = parameters(muons)
    columns = ["parameters", "value", "jacfwd / value", "value_and_grad / value", "hvp / value"]
    text = table(f"Calibration parameters, {count} events", columns, rows)
    sys.stdout.write(text)
    if count == 100_000:
        put_section(DOCS / "benchmarks.md", f"{text}\n{FOOT}")
        plot(rows, DOCS / "cost_of_parameters.svg")


if __name__ == "__main__":
    main()
