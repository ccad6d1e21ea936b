"""Compiled loops against NumPy's operations: formulas of the rules, and loops over segments."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import awkward as ak
import numpy as np
import pytest

import awkward_dual as ad
from awkward_dual import compiled, engine, loops, rules
from awkward_dual.rules.table import Kind, Rule
from awkward_dual.tracing import Formulas, NoFormula, trace

CORNERS = [0.0, -0.0, 1.0, -1.0, 0.5, -0.3, 2.0, 3.0, 1e-8, 30.0, 1e200, np.inf, -np.inf, np.nan]


def formulas(row: Rule) -> Formulas | None:
    n = row.target.nin
    form = compiled.Form(row.body, np.float64, (1,) * (n + 1), None)
    try:
        return trace(form, range(n), [None] * (n + 1))
    except (NoFormula, AttributeError, TypeError):
        return None


ROWS = [
    row
    for row in rules.rows()
    if isinstance(row.target, np.ufunc)
    and row.kind in (Kind.SMOOTH, Kind.LINEAR, Kind.SELECT)
    and row.target.nout == 1
    and not row.option("user")
    and formulas(row) is not None
]


@pytest.fixture(autouse=True)
def _engine() -> Iterator[None]:
    before = ad.set_engine("auto")
    yield
    ad.set_engine(before)


def both(func: Any) -> tuple[Any, Any]:
    ad.set_engine("numpy")
    expected = func()
    ad.set_engine("compiled")
    return expected, func()


def close(expected: Any, found: Any) -> None:
    """Four units in the last place; infinities and NaN where they are."""
    eps = np.finfo(expected.dtype).eps
    assert expected.dtype == found.dtype
    assert expected.shape == found.shape
    np.testing.assert_allclose(found, expected, rtol=4 * eps, atol=np.finfo(expected.dtype).tiny)


def test_most_rules_have_formulas() -> None:
    names = {row.name for row in ROWS}
    assert {"multiply", "divide", "sqrt", "cosh", "exp", "maximum", "arctan2", "tanh"} <= names
    assert len(names) >= 40


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_rules(row: Rule, dtype: Any) -> None:
    n = row.target.nin
    with np.errstate(over="ignore"):
        values = np.asarray(CORNERS).astype(dtype)
    x = [a.ravel() for a in np.meshgrid(*[values] * n)] if n > 1 else [values]
    rng = np.random.default_rng(1)
    directions = 1 if dtype is np.float32 else 3
    dx = []
    for a in x:
        t = rng.normal(size=(directions, len(a))).astype(dtype)
        t[:, ::5] = 0
        t[0, 1::7] = np.inf
        dx.append(t)
    with np.errstate(all="ignore"):
        expected, found = both(
            lambda: row.target(*(ad.DualArray(a, t) for a, t in zip(x, dx, strict=True)))
        )
    if not ad.is_live(expected):
        assert not ad.is_live(found)
        return
    np.testing.assert_array_equal(found.primal, expected.primal)
    close(expected.tangent, found.tangent)


@pytest.mark.parametrize("power", [0.0, 1.0, 2.0, 3.0, 0.5, -1.0])
def test_powers(power: float) -> None:
    x = ad.DualArray(np.asarray(CORNERS), np.ones(len(CORNERS)))
    with np.errstate(all="ignore"):
        expected, found = both(lambda: ad.tangent(x**power + x * 0.0))
    close(np.asarray(expected), np.asarray(found))


def test_numbers_among_arrays() -> None:
    a = ad.DualArray(np.linspace(1.0, 2.0, 9), np.ones((2, 9)))
    b = ad.DualArray(2.5, np.array([1.0, -1.0]))
    for function in (np.multiply, np.divide, np.subtract, np.arctan2, np.maximum):
        close(*both(lambda f=function: f(a, b).tangent))
        close(*both(lambda f=function: f(b, a).tangent))
        close(*both(lambda f=function: f(a, 3.5).tangent))


def test_threads_change_nothing() -> None:
    x = ad.DualArray(np.linspace(0.1, 9.0, 70_001), np.ones((3, 70_001)))
    ad.set_engine("compiled")
    one = np.cosh(x * x).tangent
    before = ad.set_num_threads(4)
    try:
        assert before == 1
        many = np.cosh(x * x).tangent
    finally:
        ad.set_num_threads(before)
    np.testing.assert_array_equal(one, many)


@pytest.mark.parametrize("count", [0, -1, 1.5, True, "2"])
def test_wrong_numbers_of_threads(count: Any) -> None:
    with pytest.raises(ValueError, match="positive integer"):
        ad.set_num_threads(count)


def test_wrong_engine() -> None:
    with pytest.raises(ValueError, match="auto, numpy, compiled"):
        ad.set_engine("fast")


# -- loops over segments

LENGTHS = np.array([0, 3, 1, 0, 40, 2, 100, 0, 5])
OFFSETS = np.concatenate([[0], np.cumsum(LENGTHS)])
SIZE = int(OFFSETS[-1])
INSIDE = np.concatenate([[2], 2 + np.cumsum(LENGTHS[1:4])])


def data(*shape: int, dtype: Any = float) -> Any:
    x = np.random.default_rng(2).normal(size=shape)
    return np.where(np.abs(x) < 0.2, 0, x).astype(dtype)


@pytest.mark.parametrize("offsets", [OFFSETS, INSIDE], ids=["whole", "a part"])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_sums_over_segments(offsets: Any, dtype: Any) -> None:
    t, partial = data(3, SIZE, dtype=dtype), data(SIZE, dtype=dtype)
    t[0, 3], partial[3] = np.inf, 0
    truth = np.stack([t[:, a:b].sum(axis=1) for a, b in itertools.pairwise(offsets)], axis=1)
    for found in both(lambda: engine.segment_sum(t, offsets)):
        np.testing.assert_allclose(found, truth, rtol=1e-5)
    close(*both(lambda: engine.weighted_segment_sum(partial, t, offsets)))


def test_gathers() -> None:
    t, index = data(2, 4, 3), np.array([[0, 11, -1], [5, 5, 2]])
    expected, found = both(lambda: engine.take(t, 2, index))
    np.testing.assert_array_equal(found, expected)
    t, index = data(2, 7), np.array([0, -1, 6, -7, 3])
    expected, found = both(lambda: engine.pick(t, 1, index))
    np.testing.assert_array_equal(found, expected)
    np.testing.assert_array_equal(found, t[:, index])


def test_scatters() -> None:
    t, index = data(2, 5), np.array([0, 3, 3, -1, 1])

    def scatter() -> Any:
        out = np.ones((2, 2, 2))
        engine.scatter_add(out, 2, index, t)
        return out

    close(*both(scatter))


def test_products_of_others() -> None:
    x = data(SIZE)
    truth = np.ones(SIZE)
    for a, b in itertools.pairwise(OFFSETS):
        for j in range(a, b):
            truth[j] = np.prod(np.delete(x[a:b], j - a))
    y = np.array([np.prod(x[a:b]) for a, b in itertools.pairwise(OFFSETS)])
    for found in both(lambda: loops.product_of_others(x, y, OFFSETS)):
        np.testing.assert_allclose(found, truth, rtol=1e-12)


@pytest.mark.parametrize(
    ("x", "is_safe"),
    [
        ([2.0, 3.0, -4.0], True),
        ([2.0, 0.0, -4.0], False),
        ([1e-160, 1e-160, 1e200], False),
        ([1e200, 1e200, 1e-300], False),
        ([np.nan, 2.0, 3.0], False),
        ([np.inf, 2.0, 3.0], False),
        ([-0.0, 2.0, 3.0], False),
    ],
)
def test_quotients_stand_in_for_products_where_no_digits_are_lost(
    x: list[float], is_safe: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    ad.set_engine("numpy")
    monkeypatch.setattr(compiled, "SMALLEST", 100)
    data, offsets = np.array(x), np.array([0, 3])
    assert loops._divides(data, offsets) == is_safe
    with np.errstate(all="ignore"):
        y = np.array([np.prod(data)])
        truth = [np.prod(np.delete(data, j)) for j in range(3)]
        np.testing.assert_allclose(loops.product_of_others(data, y, offsets), truth, rtol=1e-15)


REDUCED = [1.0, 0.0, 3.0, -2.0, np.nan, 2.0, 2.0, np.inf, 0.0, 5.0, -0.0, -0.0, 7.0, 1e30, 1e30]
REDUCED_COUNTS = [1, 3, 0, 1, 2, 2, 1, 2, 1, 2]
REDUCERS: dict[str, Any] = {
    "prod": lambda x: ak.prod(x, axis=1),
    "max": lambda x: ak.max(x, axis=1, mask_identity=False),
    "min": lambda x: ak.min(x, axis=1, mask_identity=False),
    "max with an initial": lambda x: ak.max(x, axis=1, initial=2.0, mask_identity=False),
    "std": lambda x: ak.std(x, axis=1, mask_identity=False),
    "var": lambda x: ak.var(x, axis=1, ddof=1, mask_identity=False),
    "sum": lambda x: ak.sum(x, axis=1),
}


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("name", REDUCERS)
def test_reducers(name: str, dtype: Any) -> None:
    flat = np.concatenate([REDUCED, np.random.default_rng(3).normal(size=SIZE)]).astype(dtype)
    counts = [*REDUCED_COUNTS, *LENGTHS]
    t = np.random.default_rng(4).normal(size=(3, len(flat))).astype(dtype)
    t[1, ::3], t[2, ::5] = 0, np.inf
    with np.errstate(all="ignore"):
        x = ak.unflatten(ak.Array(ad.DualArray(flat, t)), counts)
        expected, found = both(lambda: ad.tangent(REDUCERS[name](x)))
    expected, found = np.asarray(expected), np.asarray(found)
    tolerance = 40 * float(np.finfo(dtype).eps)
    np.testing.assert_allclose(found, expected, rtol=tolerance, atol=tolerance)


def test_the_first_that_equals() -> None:
    x = np.array([1.0, 2.0, 2.0, np.nan, 5.0, 1.0])
    offsets = np.array([0, 3, 3, 5, 6])
    for found in both(lambda: loops.first_equal(x, np.array([2.0, 0.0, 5.0, 7.0]), offsets)):
        assert found.tolist() == [1, -1, 4, -1]


# -- when they come in


@pytest.mark.usefixtures("default_engine")
def test_a_small_program_does_not_load_numba() -> None:
    code = (
        "import sys, numpy as np, awkward as ak, awkward_dual as ad; "
        "x = ak.Array(np.ones(100_000)); ad.grad(lambda x: ak.sum(x**2))(x); "
        "assert 'numba' not in sys.modules; "
        "ad.set_engine('compiled'); ad.grad(lambda x: ak.sum(x**2))(x); "
        "assert 'numba' in sys.modules"
    )
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True)


def test_they_come_in_after_some_work(monkeypatch: pytest.MonkeyPatch) -> None:
    size = compiled.SMALLEST
    monkeypatch.setattr(compiled, "WORK", compiled._State.work + 2 * size)
    assert not compiled.pays(size - 1)
    assert not compiled.pays(size)
    assert not compiled.pays(size)
    assert compiled.pays(1 + size)


# -- where Numba's cache does not serve

CACHED = """
import numpy as np, awkward_dual as ad
x = np.linspace(0.1, 1.0, 500_000)
ad.set_engine("compiled")
found = ad.jvp(lambda x: np.sin(x) * x, (x,), (np.ones_like(x),))[1]
assert np.allclose(found, np.cos(x) * x + np.sin(x))
"""
FULL = """
import resource, signal
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
"""


def run(code: str, **variables: str) -> None:
    subprocess.run(
        [sys.executable, "-W", "error", "-c", code], check=True, env={**os.environ, **variables}
    )


@pytest.mark.skipif(sys.platform != "linux", reason="limits and their signals are those of Linux")
def test_a_full_disk(tmp_path: Path) -> None:
    run(FULL + CACHED, NUMBA_CACHE_DIR=str(tmp_path))


def test_damaged_files_of_the_cache(tmp_path: Path) -> None:
    run(CACHED, NUMBA_CACHE_DIR=str(tmp_path))
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert files
    for path in files:
        path.write_bytes(path.read_bytes()[:20])
    run(CACHED, NUMBA_CACHE_DIR=str(tmp_path))


def test_numba_that_compiles_nothing() -> None:
    code = CACHED + "from awkward_dual.compiled import engine_name; assert engine_name() == 'numpy'"
    run(code, NUMBA_DISABLE_JIT="1")


@pytest.mark.parametrize(
    "bounds", [(-0.5, 0.5), (0.5, -0.5), (None, 0.5), (-0.5, None), (np.nan, 0.5)]
)
def test_clipped(bounds: Any) -> None:
    """Ends, NaN and crossed bounds: as by the program of maximum and minimum."""
    x = np.tile([-0.5, 0.5, 0.0, 0.7, -0.7, np.nan, np.inf, -0.0], 2000)
    found = []
    for name in ("numpy", "compiled"):
        before = ad.set_engine(name)
        try:
            found.append(ad.jvp(lambda x: np.clip(x * 1.0, *bounds), (x,), (np.ones(len(x)),))[1])
        finally:
            ad.set_engine(before)
    np.testing.assert_array_equal(*found)
    if bounds == (0.5, -0.5):
        assert not found[0][~np.isnan(x)].any()
