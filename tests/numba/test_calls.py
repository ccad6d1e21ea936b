"""How compiled functions are called: by each other, in parallel, without the GIL, from the cache."""

from __future__ import annotations

import gc
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import awkward as ak
import numpy as np
import pytest

numba = pytest.importorskip("numba")

import awkward_dual as ad  # noqa: E402
from awkward_dual.numba import zeros  # noqa: E402
from awkward_dual.numba.types import ABI  # noqa: E402

X = ak.Array([[1.0, 2.0], [], [3.0]])
FLAT = np.array([1.0, 4.0, 2.0])
SCALE = 3.0


def halves(x: Any) -> tuple[float, Any]:
    return float(ad.primal(x)), np.ravel(ad.tangent(x)).tolist()


def test_functions_recursion_and_closures() -> None:
    offset = 0.5

    @numba.njit
    def power(x: Any, n: int) -> Any:
        return x if n == 1 else power(x, n - 1) * x

    @numba.njit
    def outer(x: Any) -> Any:
        return SCALE * power(x + offset, 3)

    assert halves(outer(ad.dual(1.5, 1.0))) == (24.0, [36.0])


def test_generators_inside() -> None:
    @numba.njit
    def multiples(x: Any) -> Any:
        for i in range(4):
            yield x * i

    @numba.njit
    def total(x: Any) -> Any:
        out = 0.0
        for y in multiples(x):
            out += y
        return out

    assert halves(total(ad.dual(2.0, 1.0))) == (12.0, [6.0])


@numba.njit(parallel=True)
def reductions(x: Any) -> Any:
    total = 0.0
    largest = -np.inf
    out = zeros(len(x), like=x)
    for i in numba.prange(len(x)):
        total += x[i] * x[i]
        largest = max(largest, x[i])
        out[i] = 2 * x[i]
    return total, largest, out


def test_parallel_reductions() -> None:
    tangent = np.arange(12.0).reshape(3, 4)
    total, largest, out = reductions(ad.dual(FLAT, tangent))
    assert ad.primal(total) == 21.0
    np.testing.assert_array_equal(ad.tangent(total), 2 * FLAT @ tangent)
    np.testing.assert_array_equal(ad.tangent(largest), tangent[1])
    np.testing.assert_array_equal(ad.tangent(out), 2 * tangent)


@pytest.mark.filterwarnings("ignore::numba.NumbaPendingDeprecationWarning")
def test_what_numba_refuses() -> None:
    """Loud, and with ways out: see the table in `docs/numba.md`."""

    @numba.njit(parallel=True)
    def weighted(x: Any, n: int) -> Any:
        total = 0.0
        for i in numba.prange(n):
            total += x * i
        return total

    @numba.njit(parallel=True)
    def of_array(x: Any, n: int) -> Any:
        total = 0.0
        for i in numba.prange(n):
            total += x[0] * i
        return total

    number = ad.dual(2.0, 1.0)
    with pytest.raises(TypeError):
        weighted(number, 4)
    assert halves(of_array(ad.dual(np.array([2.0]), np.ones(1)), 4)) == (12.0, [6.0])

    @numba.njit
    def total(values: Any) -> Any:
        out = 0.0
        for v in values:
            out += v
        return out

    with pytest.raises(TypeError, match="heterogeneous"):
        total([number, 1.0])
    assert halves(total(np.stack([number, 1.0]))) == (3.0, [1.0])

    square = numba.vectorize(lambda x: x * x)
    compiled = numba.njit(lambda x: x * x)
    with pytest.raises(NotImplementedError, match="dual"):
        numba.njit(lambda x: square(x) + 1)(number)
    assert halves(numba.njit(lambda x: compiled(x) + 1)(number)) == (5.0, [4.0])


@numba.njit(nogil=True)
def summed(x: Any) -> Any:
    out = 0.0
    for event in x:
        for e in event:
            out += e * e
    return out


def test_threads() -> None:
    """Each call has a level of its own."""

    def slope(scale: float) -> Any:
        return ad.jvp(lambda s: summed(X * s), (scale,), (1.0,))[1]

    scales = np.linspace(0.5, 3.0, 24)
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(slope, scales))
    np.testing.assert_allclose(found, 28 * scales, rtol=1e-14)


def test_object_mode_functions_run_as_python() -> None:
    doubled = numba.jit(forceobj=True)(lambda x: x * 2)
    assert halves(doubled(ad.dual(2.0, 1.0))) == (4.0, [2.0])


CACHED = """
import sys
import awkward as ak, numba
import awkward_dual as ad
from awkward_dual.numba import zeros

@numba.njit(cache=True)
def loop(x):
    out = zeros(len(x), like=x)
    for i in range(len(x)):
        out[i] = x[i] ** 2 + max(x[i], 0.0)
    return out

# Numba loads its extensions while it compiles the first function
assert ad.grad(numba.njit(lambda x: x * x))(3.0) == 6.0

x = ak.Array([1.0, 2.0])
value, tangent = ad.jvp(loop, (x,), (ak.ones_like(x),))
print(value.tolist(), tangent.tolist(), sum(loop.stats.cache_hits.values()))
"""


def test_cache_on_disk(tmp_path: Path) -> None:
    """The second process compiles nothing; other rules make other types."""
    file = tmp_path / "cached.py"
    file.write_text(CACHED, encoding="utf-8")
    command = [sys.executable, "-W", "error", str(file)]
    # as if the rules had changed
    changed = (
        "import runpy; from awkward_dual.numba import types; types.ABI = '0' * 12; "
        f"runpy.run_path({str(file)!r}, run_name='__main__')"
    )
    other = [sys.executable, "-W", "error", "-c", changed]
    runs = [
        subprocess.run(run, check=True, capture_output=True, text=True).stdout.strip()
        for run in (command, command, other, other)
    ]
    assert runs == [f"[2.0, 6.0] [3.0, 5.0] {hits}" for hits in (0, 1, 0, 1)]


def test_types_name_the_version_of_the_rules() -> None:
    summed(ad.dual(X, X))
    assert len(ABI) == 12
    assert all(ABI in str(signature) for signature in summed.overloads if "dual" in str(signature))


@numba.njit
def everything(x: Any, p: Any, builder: Any) -> Any:
    out = zeros(len(x), like=x)
    kept = []
    for i, event in enumerate(x):
        for e in event:
            out[i] += e * p
            kept.append(out[i])
    builder.append(p)
    return out, kept[0], x[1:], (p, out)


@pytest.mark.parametrize("calls", [10_000])
def test_nothing_leaks(calls: int) -> None:
    """Reference counts and Numba's own allocations after many calls."""
    from numba.core.runtime import _nrt_python, rtsys

    _nrt_python.memsys_enable_stats()
    x, p = ad.dual(X, X), ad.dual(2.0, 1.0)
    builder = ak.ArrayBuilder()
    everything(x, p, builder)
    lookup, level = x._numbaview.lookup, p.level
    gc.collect()

    def counts() -> list[int]:
        objects = (x, p, lookup, lookup.arrayptrs, level, builder, builder._layout, None)
        stats = rtsys.get_allocation_stats()
        return [sys.getrefcount(o) for o in objects[:-1]] + [stats.alloc - stats.free]

    before = counts()
    for _ in range(calls):
        everything(x, p, builder)
    gc.collect()
    after = counts()
    _nrt_python.memsys_disable_stats()
    assert after == before
