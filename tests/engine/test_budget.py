"""What runs may keep: what the program itself takes at its peak, and tangents of it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import awkward_dual as ad
from awkward_dual.levels import Level
from awkward_dual.runs import budget, guards
from benchmarks.memory import peak

SIZE = 100_000


def test_freed_arrays_do_not_count() -> None:
    own = budget.budget_of(Level())
    arrays = [np.empty(10) for _ in range(8)]
    for array in arrays:
        own.add(array)
        own.add(array)
    # twice 80 bytes for each array of 80 bytes, and what a tangent takes beside
    assert own.allows(1, 80)
    assert own.peak == 640
    del array, arrays[1:]
    assert own.allows(1, 80)
    arrays.clear()
    own.allows(1, 80)
    assert own.peak == budget.FEWEST * 80


def test_arrays_that_only_runs_keep_leave_the_peak_as_it_is() -> None:
    own = budget.budget_of(Level())
    kept: list[Any] = []
    found = []
    for _ in range(10):
        array = np.empty(10)
        own.add(array)
        kept.append(guards.held(array))
        del array
        found.append(own.allows(1, 80))
    assert own.peak == budget.FEWEST * 80
    assert found[0]
    assert not found[-1]


def deep(x: Any) -> Any:
    for _ in range(12):
        x = np.sin(x)
    return x


def rational(x: Any) -> Any:
    a = np.exp(-x)
    return np.sqrt(1 + a * a) / (a + 3) * a


@pytest.mark.parametrize(("program", "most"), [(deep, 3.1), (rational, 2.2)])
def test_deep_programs(program: Any, most: float) -> None:
    x, v = np.linspace(0, 1, SIZE), np.ones(SIZE)
    before = ad.set_engine("compiled")
    try:
        plain = peak(lambda: program(x), 2)
        assert peak(lambda: ad.jvp(program, (x,), (v,)), 2) <= most * plain
    finally:
        ad.set_engine(before)
