"""The same programs with other ways to a derivative: Awkward's JAX backend, complex step, differences.

python -m benchmarks.against [events]; needs JAX.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import awkward as ak
import numpy as np

import awkward_dual as ad
from benchmarks.measure import pin_allocator, put_section, seconds, table
from benchmarks.programs import chain, dimuon, events, ordered, reducers

PAGE = Path(__file__).resolve().parents[1] / "docs" / "benchmarks.md"
STEP = 1e-6


def by_jax(func: Callable[[Any], Any], x: Any) -> Callable[[], Any]:
    """`jax.jvp` through Awkward's JAX backend."""
    import jax

    x = ak.to_backend(x, "jax")
    ones = ak.to_backend(ak.ones_like(x), "jax")
    return lambda: jax.block_until_ready(jax.jvp(func, (x,), (ones,))[1])


def by_complex_step(func: Callable[[Any], Any], x: Any) -> Callable[[], Any]:
    return lambda: np.imag(func(x + 1e-30j)) / 1e-30


def by_differences(func: Callable[[Any], Any], x: Any) -> Callable[[], Any]:
    return lambda: (func(x + STEP) - func(x - STEP)) / (2 * STEP)


def flat(y: Any) -> Any:
    if isinstance(y, ak.Array):
        y = ak.to_numpy(ak.flatten(ak.to_backend(y, "cpu"), axis=None))
    return np.asarray(y, dtype=float)


def row(name: str, func: Callable[[Any], Any], x: Any) -> list[str]:
    """Cost relative to the value and largest relative error of each way."""
    ones = ak.ones_like(x)
    ways = {
        "dual": lambda: ad.jvp(func, (x,), (ones,))[1],
        "jax": by_jax(func, x),
        "complex step": by_complex_step(func, x),
        "differences": by_differences(func, x),
    }
    truth = flat(ways["dual"]())
    cells, works = {}, {"value": lambda: func(x)}
    for way, call in ways.items():
        try:
            found = flat(call())
        except Exception as error:
            cells[way] = f"raises {type(error).__name__}"
            continue
        works[way] = call
        scale = np.max(np.abs(truth), initial=1e-300)
        cells[way] = f"{np.max(np.abs(found - truth), initial=0) / scale:.0e}"
    spent = seconds(works, 7)
    for way in works:
        if way != "value":
            ratio = f"{spent[way] / spent['value']:.2f}"
            cells[way] = ratio if way == "dual" else f"{ratio}, off by {cells[way]}"
    return [name, f"{1e3 * spent['value']:.1f} ms", *cells.values()]


def main() -> None:
    """Measure, print the table, and write it into the docs."""
    pin_allocator()
    import jax

    jax.config.update("jax_enable_x64", True)
    warnings.simplefilter("ignore")
    ak.jax.register_and_check()
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    muons = events(count)
    programs: dict[str, Callable[[Any], Any]] = {
        "dimuon": lambda pt: dimuon(muons, pt),
        "elementwise chain": chain,
        "reducers": reducers,
        "argsort, gathers, masks": ordered,
    }
    rows = [row(name, func, muons.pt) for name, func in programs.items()]
    columns = ["program", "value", "awkward_dual", "jax.jvp", "complex step", "central differences"]
    text = table(f"Beside other ways, {count} events", columns, rows)
    sys.stdout.write(text)
    if count == 100_000:
        put_section(PAGE, text)


if __name__ == "__main__":
    main()
