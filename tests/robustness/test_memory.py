"""A thousand calls leave nothing behind: resident size, allocated bytes, blocks and objects stay flat."""

from __future__ import annotations

import ctypes
import gc
import mmap
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import awkward as ak
import numpy as np
import pytest

import awkward_dual as ad
from benchmarks.memory import peak
from benchmarks.programs import events
from benchmarks.sizes import cases

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


class Allocator(ctypes.Structure):
    """``struct mallinfo2`` of the GNU C library (2.33 and later)."""

    _fields_ = tuple((f"field_{i}", ctypes.c_size_t) for i in range(10))
    # bytes on pages of their own, and in use among the others
    mapped = property(lambda self: self.field_4)
    in_use = property(lambda self: self.field_7)


def allocated() -> int:
    """The bytes that the C library has given out, to the byte; 0 where it does not tell.

    Unlike the resident size it depends neither on what other code gives back meanwhile nor on
    holes that take a leak up.
    """
    mallinfo = getattr(ctypes.CDLL(None), "mallinfo2", None)
    if mallinfo is None:
        return 0
    mallinfo.restype = Allocator
    found = mallinfo()
    return int(found.mapped + found.in_use)


def resident() -> int:
    """The resident size of this process in bytes, without what its allocator only holds back."""
    if not STATM.exists():
        return 0
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # of glibc
    if trim is not None:
        trim(0)
    return int(STATM.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


class Memory(NamedTuple):
    """What there is: bytes, memory blocks of Python's allocator, objects that the collector tracks."""

    allocated: int
    blocks: int
    objects: int


def measure() -> Memory:
    gc.collect()
    return Memory(allocated(), sys.getallocatedblocks(), len(gc.get_objects()))


def growth(call: Callable[[], Any], calls: int, parts: int = 4) -> tuple[int, Memory]:
    """What more there is after some calls: resident bytes of all, and the least of each part.

    Caches are filled, by Python itself too, so a part may grow; a leak grows in every part.
    """
    for _ in range(20):
        call()
    before = measure()
    size = resident()
    more = []
    for _ in range(parts):
        for _ in range(calls // parts):
            call()
        now = measure()
        more.append([new - old for new, old in zip(now, before, strict=True)])
        before = now
    return resident() - size, Memory(*map(min, zip(*more, strict=True)))


@pytest.mark.parametrize("name", ["jvp", "grad"])
def test_a_thousand_calls(name: str) -> None:
    size, more = growth(CASES[name], CALLS)
    # 1 KiB a call would be 1 MiB, and 250 KiB in each part; one block a call 250
    assert size < 2**20
    assert more.allocated < 2**17
    assert more.blocks < 125
    assert more.objects < 125


@pytest.mark.parametrize("name", CASES)
def test_a_hundred_calls_leave_no_objects(name: str) -> None:
    assert growth(CASES[name], 100)[1].objects < 10


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
        pages = mmap.mmap(-1, 2**20)
        pages.write(bytes(2**20))
        leaked.append([pages, ad.jvp(np.sin, (X,), (ONES,))])

    size, more = growth(leak, 100)
    assert more.blocks > 25
    assert more.objects > 25
    assert size > 2**20 or not STATM.exists()


def test_the_test_sees_a_small_leak() -> None:
    if not allocated():
        pytest.skip("the C library does not tell what it has given out")
    leaked: list[bytes] = []
    more = growth(lambda: leaked.append(bytes(1024)), CALLS)[1]
    assert more.allocated > 2**17


@pytest.mark.parametrize("name", [n for n in cases(events(10)) if n != "eight parameters"])
def test_peak_memory_of_one_direction(name: str) -> None:
    """A tangent beside each value, and little more: at most 2.2 times the peak of the value."""
    if "vector" in name:
        pytest.importorskip("vector")
    program = cases(events(100_000))[name]
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
