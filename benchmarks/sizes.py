"""What one direction, eight directions and a gradient cost, from a thousand to ten million events.

python -m benchmarks.sizes [--unpinned] [--largest 10_000_000]; at least 100 000 events are written into
the docs.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import awkward as ak
import numpy as np

import awkward_dual as ad
from benchmarks.measure import pin_allocator, put_section, seconds, table
from benchmarks.programs import calibrated, chain, dimuon, events, ordered, reducers, total

DOCS = Path(__file__).resolve().parents[1] / "docs"
#: what `benchmarks.check` compares with
RATIOS = Path(__file__).with_name("ratios.json")
COUNTS = (1_000, 100_000, 3_000_000)


def with_vector(muons: Any) -> Any:
    """`dimuon` with vector's Momentum4D."""
    import vector

    from benchmarks.programs import peak

    vector.register_awkward()
    particles = ak.zip(
        {"pt": muons.pt, "eta": muons.eta, "phi": muons.phi, "mass": 0.1056 + 0 * muons.pt},
        with_name="Momentum4D",
    )
    a, b = ak.unzip(ak.combinations(particles, 2))
    return peak((a + b).mass)


def cases(muons: Any) -> dict[str, dict[str, Callable[[], Any]]]:
    """For each line of the table its plain call and the derivatives that are compared with it."""
    pt, p = muons.pt, np.full(8, 1e-3)
    programs: dict[str, tuple[Callable[[Any], Any], Any]] = {
        "dimuon: all of pt": (lambda pt: dimuon(muons, pt), pt),
        "dimuon: all of pt, eta, phi": (lambda m: dimuon(m, m.pt), muons),
        "dimuon with vector: all of pt": (
            lambda pt: with_vector(ak.zip({"pt": pt, "eta": muons.eta, "phi": muons.phi})),
            pt,
        ),
        "dimuon with vector: all inputs": (with_vector, muons),
        "elementwise chain": (chain, pt),
        "reducers": (reducers, pt),
        "argsort, gathers, masks": (ordered, pt),
    }
    out: dict[str, dict[str, Callable[[], Any]]] = {}
    for name, (program, x) in programs.items():
        ones = ak.ones_like(x)
        scalar = lambda x, f=program: total(f(x))
        out[name] = {
            "value": lambda f=program, x=x: f(x),
            "total": lambda f=scalar, x=x: f(x),
            "jvp": lambda f=program, x=x, v=ones: ad.jvp(f, (x,), (v,)),
            "grad": lambda f=scalar, x=x: ad.value_and_grad(f)(x),
        }
    eight = lambda p: calibrated(muons, p)
    out["eight parameters"] = {
        "value": lambda: eight(p),
        "total": lambda: eight(p),
        "jvp": lambda: ad.jacfwd(eight)(p),
        "grad": lambda: ad.value_and_grad(eight)(p),
    }
    return out


def ratios(count: int, repeats: int) -> dict[str, dict[str, float]]:
    """Seconds of the value, and the ratios to it, for each program."""
    found = {}
    for name, calls in cases(events(count)).items():
        # the loops come in after some work: what a long analysis sees is measured
        for _ in range(1 if count > 1_000_000 else 3):
            calls["jvp"]()
        # fresh pages for arrays of a hundred megabytes cost now nothing, now seconds
        is_large = count > 1_000_000
        typical = min if is_large else statistics.median
        spent = seconds(calls, repeats, time.process_time, typical, in_pairs=is_large)
        found[name] = {
            "jvp": spent["jvp"] / spent["value"],
            "grad": spent["grad"] / spent["total"],
        }
        found[name]["seconds"] = spent["value"]
    return found


def plot(spent: dict[int, dict[str, float]], path: Path) -> None:
    """Seconds of the dimuon program against the number of events."""
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(6.0, 3.6), layout="constrained")
    for key, marker in (("value", "o"), ("jvp", "s"), ("grad", "D")):
        axes.plot(list(spent), [s[key] for s in spent.values()], marker=marker, label=key)
    first, last = min(spent), max(spent)
    line = spent[last]["value"] / last
    axes.plot([first, last], [line * first, line * last], color="grey", ls=":", label="linear")
    axes.set(xscale="log", yscale="log", xlabel="events", ylabel="seconds")
    axes.legend(frameon=False)
    figure.savefig(path)
    pyplot.close(figure)


def growth(largest: int) -> dict[int, dict[str, float]]:
    """Seconds of value, jvp and grad of the dimuon program, a decade at a time."""
    spent, count = {}, 1_000
    while count <= largest:
        calls = cases(events(count))["dimuon: all of pt"]
        spent[count] = seconds(calls, 15 if count < 1_000_000 else 2, time.process_time)
        count *= 10
    return spent


def main() -> None:
    """Measure, print the table, and write table, plot and reference figures."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--largest", type=int, default=10_000_000)
    parser.add_argument("--unpinned", action="store_true", help="with the allocator as it comes")
    options = parser.parse_args()
    if not options.unpinned:
        pin_allocator()
    counts = [count for count in COUNTS if count <= options.largest]
    found = {count: ratios(count, 15 if count < 1_000_000 else 5) for count in counts}
    rows = [
        [name, *(f"{found[n][name][key]:.2f}" for key in ("jvp", "grad") for n in counts)]
        for name in found[counts[0]]
    ]
    columns = ["program", *(f"{key}, {n} events" for key in ("jvp", "grad") for n in counts)]
    title = "The allocator as it comes" if options.unpinned else "Cost relative to the value"
    text = table(title, columns, rows)
    sys.stdout.write(text)
    if options.largest < 100_000:
        return
    put_section(DOCS / "benchmarks.md", text)
    if not options.unpinned:
        RATIOS.write_text(json.dumps(found[100_000], indent=1) + "\n", encoding="utf-8")
        plot(growth(options.largest), DOCS / "cost_of_events.svg")


if __name__ == "__main__":
    main()
