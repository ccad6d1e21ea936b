"""What derivatives cost on a GPU: bandwidth of the maps, programs against their ``cuda`` values.

Run ``python -m benchmarks.cuda`` with a GPU; ``--elements`` and ``--events`` make it smaller.
CuPy, NumPy and Awkward are enough.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

import awkward as ak
import numpy as np

import awkward_dual as ad
from awkward_dual.cuda import engine
from benchmarks.programs import dimuon, events

REPEATS = 15


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")


def on_device(call: Callable[[], Any]) -> float:
    """The median time of a call on the device, in seconds."""
    import cupy

    times = []
    for round_ in range(REPEATS + 2):
        start, stop = cupy.cuda.Event(), cupy.cuda.Event()
        start.record()
        call()
        stop.record()
        stop.synchronize()
        if round_ > 1:
            times.append(cupy.cuda.get_elapsed_time(start, stop) / 1e3)
    return statistics.median(times)


def on_clock(call: Callable[[], Any], repeats: int = REPEATS) -> float:
    """The median time of a call, with all that it leaves on the device, in seconds."""
    import cupy

    times = []
    for round_ in range(repeats + 1):
        start = time.perf_counter()
        call()
        cupy.cuda.Device().synchronize()
        if round_:
            times.append(time.perf_counter() - start)
    return statistics.median(times)


def maps(count: int, rows: int) -> list[tuple[str, int, Callable[[], Any]]]:
    """Each map with the bytes that it must move."""
    import cupy

    rng = cupy.random.default_rng(0)
    t = rng.standard_normal((rows, count))
    c = rng.standard_normal(count)
    index = cupy.sort(rng.integers(0, count, count))
    lengths = rng.integers(0, 7, count // 3)
    offsets = cupy.concatenate([cupy.zeros(1, np.int64), cupy.cumsum(lengths)])
    offsets = cupy.minimum(offsets, count)
    offsets[count // 6 :] = count  # one list holds about half of all elements
    bins = len(offsets) - 1
    width = t.itemsize
    return [
        ("copy", 2 * rows * count * width, t.copy),
        ("combine", (1 + 2 * rows) * count * width,
         lambda: engine.combine([(c, t, 1)], (count,), t.dtype)),
        ("gather", (1 + 2 * rows) * count * width, lambda: engine.take(t, 1, index)),
        ("segment sum", ((1 + rows) * count + (1 + rows) * bins) * width,
         lambda: engine.weighted_segment_sum(c, t, offsets)),
    ]  # fmt: skip


def bandwidths(count: int) -> None:
    say(f"\n## Bandwidth of the maps, {count:.0e} elements\n")
    say("| map | directions | GB/s | of copy |\n|---|---|---|---|")
    for rows in (1, 8):
        copy = 0.0
        for name, size, call in maps(count // rows, rows):
            speed = size / on_device(call) / 1e9
            copy = copy or speed
            say(f"| {name} | {rows} | {speed:.0f} | {speed / copy:.2f} |")


def programs(count: int) -> None:
    host = events(count)
    gpu = ak.to_backend(host, "cuda")
    ones_host, ones = ak.ones_like(host.pt), ak.ones_like(gpu.pt)
    calls = {
        "value on cuda": lambda: dimuon(gpu, gpu.pt),
        "jvp on cuda": lambda: ad.jvp(lambda pt: dimuon(gpu, pt), (gpu.pt,), (ones,)),
        "gradient on cuda": lambda: ad.grad(lambda pt: dimuon(gpu, pt))(gpu.pt),
    }
    found = {name: on_clock(call) for name, call in calls.items()}
    jvp_host = lambda: ad.jvp(lambda pt: dimuon(host, pt), (host.pt,), (ones_host,))
    found["jvp on cpu"] = on_clock(jvp_host, repeats=3)
    plain = found["value on cuda"]
    say(f"\n## Dimuon masses of {count:.0e} events\n")
    say("| what | ms | of the value |\n|---|---|---|")
    for name, seconds in found.items():
        say(f"| {name} | {seconds * 1e3:.1f} | {seconds / plain:.2f} |")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--elements", type=float, default=1e8)
    parser.add_argument("--events", type=float, default=1e7)
    options = parser.parse_args()
    try:
        import cupy

        properties = cupy.cuda.runtime.getDeviceProperties(cupy.cuda.Device().id)
    except Exception as error:
        sys.stderr.write(f"no GPU to measure on: {type(error).__name__}: {error}\n")
        return 1
    say(f"{properties['name'].decode()}, CuPy {cupy.__version__}, Awkward {ak.__version__}")
    bandwidths(int(options.elements))
    programs(int(options.events))
    return 0


if __name__ == "__main__":
    sys.exit(main())
