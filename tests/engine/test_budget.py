"""What runs may keep: what the program itself takes at its peak, and tangents of it."""

from __future__ import annotations

from typing import Any

import awkward as ak
import numpy as np
import pytest

import awkward_dual as ad
from awkward_dual.levels import Level
from awkward_dual.runs import budget, guards
from benchmarks.memory import peak

SIZE = 400_000


def test_freed_arrays_do_not_count() -> None:
    own = budget.budget_of(Level())
    arrays = [np.empty(10) for _ in range(8)]
    for array in arrays:
        own.add(array)
        own.add(array)
    # 1.6 tangents beside each array of 80 bytes, less what is left for those to come
    assert own.allows(1, 80)
    assert own.peak == 640
    assert own.allows(1, 80, copies=640)
    assert not own.allows(1, 80, copies=960)
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


C = ak.unflatten(np.linspace(1, 2, SIZE), [SIZE])

WHOLE = ak.values_astype(C, np.int64)


def repeated(step: Any, times: int = 12) -> Any:
    def program(x: Any) -> Any:
        for _ in range(times):
            x = step(x)
        return x

    return program


def horner(x: Any) -> Any:
    y = 0.5
    for c in (0.1, 0.2, 0.3) * 4:
        y = y * x + c
    return y


def rational(x: Any) -> Any:
    a = np.exp(-x)
    return np.sqrt(1 + a * a) / (a + 3) * a


PROGRAMS = {
    "sin": repeated(np.sin),
    "sqrt": repeated(np.sqrt),
    "exp": repeated(lambda x: np.exp(-x)),
    "1 / (x + 1)": repeated(lambda x: 1 / (x + 1)),
    "1 / (1 + x**2)": repeated(lambda x: 1 / (1 + x * x)),
    "arctan2, hypot": repeated(lambda x: np.arctan2(x, np.hypot(x, 1))),
    "rational": rational,
    "horner": horner,
    "constants": repeated(lambda x: x * C, 100),
    "constants of integers": repeated(lambda x: x * WHOLE),
    "conditions": repeated(lambda x: x * (x > 0.5)),
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_deep_programs(name: str) -> None:
    """At most 2.2 times the memory of the value."""
    program, most = PROGRAMS[name], 2.2
    # lists: NumPy's own arrays are at times reused by its expressions
    x, v = (ak.unflatten(a, [SIZE]) for a in (np.linspace(0, 1, SIZE), np.ones(SIZE)))
    before = ad.set_engine("compiled")
    try:
        plain = peak(lambda: program(x), 2)
        assert peak(lambda: ad.jvp(program, (x,), (v,)), 2) <= most * plain
    finally:
        ad.set_engine(before)
