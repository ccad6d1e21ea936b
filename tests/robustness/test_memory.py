"""A thousand calls leave nothing behind: resident size, allocated blocks and objects stay flat."""

from __future__ import annotations

import ctypes
import gc
import mmap
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import awkward as ak
import numpy as np
import pytest

import awkward_dual as ad
from benchmarks.memory import calls, peak
from benchmarks.programs import PROGRAMS, events

STATM = Path("/proc/self/statm")
CALLS = 1000
X = ak.Array([[1.0, 2.0, 3.0], [], [4.0, 5.0]])
ONES = ak.ones_like(X)


def program(x: Any) -> Any:
    return ak.prod(np.sqrt(x[x > 1.5]), axis=1)


def total(x: Any) -> Any:
    return ak.sum(program(x))


def fails(x: Any) -> Any:
    raise ValueError(total(x))


def failing(operator: Callable[[], Any]) -> Callable[[], Any]:
    """A call whose exception holds live values, until it is forgotten."""

    def call() -> None:
        with pytest.raises(ValueError, match="ε"):
            operator()

    return call


def kept(x: Any, out: list[Any]) -> Any:
    out[:] = [x]
    return x


_LAST: list[Any] = []
CASES: dict[str, Callable[[], Any]] = {
    "jvp": lambda: ad.jvp(program, (X,), (ONES,)),
    "grad": lambda: ad.grad(total)(X),
    "grad of a checkpoint": lambda: ad.grad(ad.checkpoint(total))(X),
    "jvp of grad": lambda: ad.hvp(lambda x: ak.sum(x**3), (X,), (ONES,)),
    "jvp that raises": failing(lambda: ad.jvp(fails, (X,), (ONES,))),
    "grad that raises": failing(lambda: ad.grad(fails)(X)),
    "jvp that keeps the last": lambda: ad.jvp(lambda x: kept(x, _LAST), (X,), (ONES,)),
}


def resident() -> int:
    """The resident size of this process in bytes, without what its allocator only holds back."""
    gc.collect()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # of glibc
    if trim is not None:
        trim(0)
    return int(STATM.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def measure() -> tuple[int, int]:
    """Memory blocks of Python's allocator, and objects that the collector tracks."""
    gc.collect()
    return sys.getallocatedblocks(), len(gc.get_objects())


def growth(call: Callable[[], Any], calls: int, parts: int = 4) -> tuple[int, int, int]:
    """What more there is after some calls: bytes, and the least blocks and objects of any part.

    Caches are filled, by Python itself too, so a part may grow; a leak grows in every part.
    """
    for _ in range(20):
        call()
    # what leaks must not find room in what was freed before
    filled = [bytes(size) for size in range(512, 8192, 64) for _ in range(40)]
    blocks, objects = measure()
    size = resident() if STATM.exists() else 0
    more = []
    for _ in range(parts):
        for _ in range(calls // parts):
            call()
        now = measure()
        more.append((now[0] - blocks, now[1] - objects))
        blocks, objects = now
    grown = resident() - size if STATM.exists() else 0
    del filled
    return grown, min(b for b, _ in more), min(o for _, o in more)


@pytest.mark.parametrize("name", ["jvp", "grad"])
def test_a_thousand_calls(name: str) -> None:
    size, blocks, objects = growth(CASES[name], CALLS)
    # 1 KiB a call would be 1 MiB, one block a call 250
    assert size < 2**20
    assert blocks < 125
    assert objects < 125


@pytest.mark.parametrize("name", CASES)
def test_a_hundred_calls_leave_no_objects(name: str) -> None:
    assert growth(CASES[name], 100)[2] < 10


def test_reference_counting_alone_frees_a_call() -> None:
    gc.collect()
    gc.disable()
    try:
        CASES["jvp"]()
        CASES["grad"]()
        before = len(gc.get_objects())
        for _ in range(20):
            CASES["jvp"]()
            CASES["grad"]()
        assert len(gc.get_objects()) - before < 20
    finally:
        gc.enable()


def test_the_test_sees_a_leak() -> None:
    leaked: list[Any] = []

    def leak() -> None:
        # pages of its own: an array may be given memory that was freed and is still resident
        pages = mmap.mmap(-1, 2**17)
        pages.write(bytes(2**17))
        leaked.append([pages, ad.jvp(np.sin, (X,), (ONES,))])

    size, blocks, objects = growth(leak, 100)
    assert blocks > 25
    assert objects > 25
    assert size > 2**20 or not STATM.exists()


def test_the_test_sees_a_small_leak() -> None:
    leaked: list[bytes] = []
    # two pages: with less the holes between objects are filled first
    size, *_ = growth(lambda: leaked.append(bytes(8192 + len(leaked) % 7)), CALLS)
    assert size > 2**20 or not STATM.exists()


@pytest.mark.parametrize("name", PROGRAMS)
def test_peak_memory_of_one_direction(name: str) -> None:
    """A tangent beside each value, and little more: at most 2.2 times the peak of the value."""
    program = calls(events(100_000))[name]
    value, jvp = (peak(program[what], repeats=2) for what in ("value", "jvp"))
    assert value > 2**20
    assert jvp < 2.2 * value


def test_the_peak_is_that_of_what_is_held_at_once() -> None:
    mib = 2**20 // 8

    def call() -> Any:
        held = np.ones(3 * mib)
        del held
        return np.ones(mib), np.ones(mib)

    assert peak(call) == pytest.approx(3 * 2**20, rel=0.01)
