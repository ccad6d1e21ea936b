"""Cases of the maps behind the algebra, each against a loop in Python, and of the rules' kernels."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np

from awkward_dual import array, rules
from awkward_dual.cuda import DualCudaArray, engine, formulas
from awkward_dual.rules.table import Kind
from awkward_dual.tracing import NoFormula
from kernels.reference import times
from tests.cuda.cases import CASES, cupy

DTYPES = ("float32", "float64", "complex64", "complex128")
TILE = 2048
inf, nan = np.inf, np.nan
CORNERS = [0.0, -0.0, 1.0, -1.0, 0.5, -0.3, 2.0, 3.0, 1e-8, 30.0, 1e30, inf, -inf, nan]


def lengths(rng: Any) -> dict[str, Any]:
    """Lengths of lists, and how many elements stand before the first and after the last."""
    short = rng.integers(0, 6, 3000)
    one_long = np.insert(rng.integers(0, 4, 2000), 700, 5 * TILE + 77)
    return {
        "no lists": ([], 0),
        "one empty": ([0], 0),
        "one element": ([1], 0),
        "gaps": ([2, 0, 3, 1, 0, 4, 0], 2),
        "only gaps": ([0, 0], 5),
        "short": (short, 0),
        "one long among short": (one_long, 3),
        "tiles": ([TILE, TILE, 2 * TILE, 1, TILE - 1], 0),
        "all of three tiles": ([3 * TILE], 0),
        "empty between": ([5, *[0] * 3000, 5, *[0] * 40, TILE], 1),
        "middling": (rng.integers(100, 900, 40), 0),
    }


def numbers(rng: Any, shape: Any, dtype: Any, corners: bool = False) -> Any:
    x = rng.normal(size=shape)
    if np.dtype(dtype).kind == "c":
        x = x + 1j * rng.normal(size=shape)
    if corners and x.size:
        with np.errstate(all="ignore"):
            x.reshape(-1)[::3] = np.resize([0.0, inf, nan, 1.0, 0.0], x.reshape(-1)[::3].shape)
    return x.astype(dtype)


def offsets_of(counts: Any, gap: int) -> tuple[Any, int]:
    offsets = np.concatenate([[0], np.cumsum(counts, dtype=np.int64)]).astype(np.int64) + gap
    return offsets, int(offsets[-1]) + gap


def near(found: Any, expected: Any, scale: float = 1.0) -> None:
    found = found.get()
    assert found.dtype == expected.dtype
    assert found.shape == expected.shape, (found.shape, expected.shape)
    eps = np.finfo(expected.dtype).eps * 64 * scale
    ok = np.isclose(found, expected, rtol=eps, atol=eps, equal_nan=True)
    # infinities of complex numbers have no certain other half
    ok |= ~np.isfinite(expected) & ~np.isfinite(found)
    assert ok.all(), (np.flatnonzero(~ok)[:5], found[~ok][:5], expected[~ok][:5])


def _sums(t: Any, offsets: Any, partial: Any = None) -> Any:
    rows = t.reshape(int(np.prod(t.shape[:-1])), t.shape[-1])
    wide = np.clongdouble if t.dtype.kind == "c" else np.longdouble
    out = np.zeros((len(rows), len(offsets) - 1), wide)
    for k, row in enumerate(rows):
        for s, (start, stop) in enumerate(itertools.pairwise(offsets)):
            terms = row[start:stop]
            if partial is not None:
                c = partial[start:stop]
                with np.errstate(all="ignore"):
                    terms = np.where((c == 0) | (terms == 0), 0, terms * c)
            with np.errstate(all="ignore"):
                out[k, s] = terms.astype(wide).sum()
    return out.astype(t.dtype).reshape((*t.shape[:-1], len(offsets) - 1))


def _segment_sum(name: str, dtype: str) -> None:
    rng = np.random.default_rng(1)
    counts, gap = lengths(rng)[name]
    offsets, length = offsets_of(counts, gap)
    put = cupy().asarray
    for lead in ((1,), (3,), (2, 2)):
        t = numbers(rng, (*lead, length), dtype)
        expected = _sums(t, offsets)
        found = engine.segment_sum(put(t), put(offsets))
        near(found, expected, scale=max(np.sqrt(length), 1.0))
        again = engine.segment_sum(put(t), put(offsets))
        assert found.get().tobytes() == again.get().tobytes()
        c = numbers(rng, length, dtype, corners=True)
        t[..., ~np.isfinite(c)] = 0
        found = engine.weighted_segment_sum(put(c), put(t), put(offsets))
        near(found, _sums(t, offsets, c), scale=max(np.sqrt(length), 1.0))


def _parents(name: str) -> None:
    counts, gap = lengths(np.random.default_rng(1))[name]
    offsets, length = offsets_of(counts, gap)
    expected = np.full(length, -1, np.int64)
    for s, (start, stop) in enumerate(itertools.pairwise(offsets)):
        expected[start:stop] = s
    found = engine.parents(cupy().asarray(offsets), length)
    assert (found.get() == expected).all()


def _first(name: str, dtype: str) -> None:
    rng = np.random.default_rng(2)
    counts, gap = lengths(rng)[name]
    offsets, length = offsets_of(counts, gap)
    x = rng.integers(0, 3, length).astype(dtype)
    if np.dtype(dtype).kind in "fc":
        x[::7] = nan
    y = rng.integers(0, 4, len(offsets) - 1).astype(dtype)
    expected = np.full(len(y), -1, np.int64)
    for s, (start, stop) in enumerate(itertools.pairwise(offsets)):
        where = np.flatnonzero(x[start:stop] == y[s])
        expected[s] = start + where[0] if len(where) else -1
    put = cupy().asarray
    assert (engine.first_equal(put(x), put(y), put(offsets)).get() == expected).all()


def _product(name: str, dtype: str) -> None:
    rng = np.random.default_rng(3)
    counts, gap = lengths(rng)[name]
    offsets, length = offsets_of(counts, gap)
    x = np.exp(1j * rng.normal(size=length)) if np.dtype(dtype).kind == "c" else (
        np.exp(rng.normal(size=length) * 0.01) * rng.choice([-1, 1], length))  # fmt: skip
    x = x.astype(dtype)
    x[rng.random(length) < 0.02] = 0
    wide = np.clongdouble if np.dtype(dtype).kind == "c" else np.longdouble
    expected = np.ones(length, wide)
    for start, stop in itertools.pairwise(offsets):
        z = x[start:stop].astype(wide)
        if len(z):
            before = np.concatenate([[1], np.cumprod(z[:-1])])
            after = np.concatenate([np.cumprod(z[:0:-1])[::-1], [1]])
            expected[start:stop] = before * after
    put = cupy().asarray
    found = engine.product_of_others(put(x), put(offsets))
    near(found, expected.astype(dtype), scale=max(np.sqrt(length), 1.0))


def _combine(dtype: str) -> None:
    rng = np.random.default_rng(4)
    put = cupy().asarray
    c = np.array([0.0, 3.0, -1.0, inf, 0.5, nan])
    t = np.array([[nan, 1.0, inf, 0.0, 2.0, 0.0], [1.0, 2.0, 3.0, 0.0, nan, 0.0]])
    expected = np.array([[times(a, b) for a, b in zip(c, row, strict=True)] for row in t])
    c, t, expected = (a.astype(dtype) for a in (c, t, expected))
    near(engine.product(put(c), put(t)), expected)
    near(engine.combine([(put(c), put(t), 1)], (6,), c.dtype), expected)
    a, b = numbers(rng, (3, 5), dtype), numbers(rng, 5, dtype)
    s, u = numbers(rng, (2, 3, 5), dtype), numbers(rng, (2, 5), dtype)
    expected = s * a + (u * b)[:, None, :]
    found = engine.combine([(put(a), put(s), 2), (put(b), put(u), 1)], (3, 5), a.dtype)
    near(found, expected)
    number = numbers(rng, (2,), dtype)
    found = engine.combine([(put(a), put(number), 0), (2.0, put(s), 2), (-1, put(u), 1)],
                           (3, 5), a.dtype)  # fmt: skip
    near(found, number[:, None, None] * a + 2 * s - u[:, None, :])
    mask = rng.random(5) < 0.5
    near(engine.product(put(mask), put(u)), np.where(mask, u, 0).astype(dtype))
    near(engine.combine([(b.dtype.type(2), put(u), 1)], (5,), b.dtype), 2 * u)


def _complex_to_real() -> None:
    rng = np.random.default_rng(5)
    c, t = numbers(rng, 7, "complex128"), numbers(rng, (2, 7), "complex128")
    put = cupy().asarray
    near(engine.combine([(put(c), put(t), 1)], (7,), np.dtype("float64")), (c * t).real)
    real = numbers(rng, (2, 7), "float64")
    near(engine.product(put(c), put(real)), c * real)
    near(engine.product(-1j, put(t)), -1j * t)


def _gather(dtype: str) -> None:
    rng = np.random.default_rng(6)
    put = cupy().asarray
    t = numbers(rng, (2, 3, 40), dtype)
    index = rng.integers(-1, 120, (5, 9))
    flat = t.reshape(2, 120)
    expected = np.where(index < 0, 0, flat[:, index]).astype(dtype)
    near(engine.take(put(t), 2, put(index)), expected)
    wrapped = rng.integers(-40, 40, 300)
    near(engine.pick(put(t), 2, put(wrapped)), t[:, :, wrapped])
    near(engine.pick(put(t), 1, put(np.array([2, -1, 0, 0]))), t[:, [2, -1, 0, 0]])
    values = numbers(rng, (2, 5, 9), dtype)
    for deterministic in (False, True):
        before = engine.set_deterministic(deterministic)
        out = put(t.copy())
        engine.scatter_add(out, 2, put(index), put(values))
        engine.set_deterministic(before)
        expected = flat.copy()
        for k in range(2):
            np.add.at(expected[k], index[index >= 0], values[k][index >= 0])
        near(out, expected.reshape(t.shape), scale=8.0)
    out = put(t.copy())
    engine.add_at(out, (slice(None), slice(None), put(wrapped)), put(t[:, :, wrapped]), True)
    expected = t.copy()
    np.add.at(expected, (slice(None), slice(None), wrapped), t[:, :, wrapped])
    near(out, expected, scale=16.0)


def _positions() -> None:
    rng = np.random.default_rng(7)
    for mask in (rng.random(5000) < 0.3, np.zeros(9, bool), np.ones(4, bool), np.zeros(0, bool)):
        found = engine.positions(cupy().asarray(mask), int(mask.sum()))
        assert (found.get() == np.flatnonzero(mask)).all()


def has_formula(row: Any) -> bool:
    target = row.target
    if not isinstance(target, np.ufunc) or target.nout != 1 or row.option("user"):
        return False
    if row.kind not in (Kind.SMOOTH, Kind.LINEAR, Kind.SELECT) or row.option("conjugates"):
        return False
    try:
        arrays = [True] * target.nin
        formulas.kernel_text(row, np.dtype(float), arrays, range(target.nin))
    except NoFormula:
        return False
    return True


def _rule(row: Any, dtype: Any) -> None:
    n = row.target.nin
    grid = np.array(list(itertools.product(CORNERS, repeat=n))).T.astype(dtype)
    rng = np.random.default_rng(8)
    tangents = [np.where(rng.random((2, grid.shape[1])) < 0.3, 0, 1.5).astype(dtype)
                for _ in range(n)]  # fmt: skip
    put = cupy().asarray
    with np.errstate(all="ignore"):
        host = row.target(*(array.DualArray(x, t) for x, t in zip(grid, tangents, strict=True)))
        gpu = row.target(*(DualCudaArray(put(x), put(t))
                           for x, t in zip(grid, tangents, strict=True)))  # fmt: skip
    assert isinstance(gpu, DualCudaArray)
    for found, expected in ((gpu.primal, host.primal), (gpu.tangent, host.tangent)):
        near(found, expected)


for _name in lengths(np.random.default_rng(0)):
    CASES[f"parents: {_name}"] = lambda name=_name: _parents(name)
    for _dtype in DTYPES:
        CASES[f"segment_sum {_dtype}: {_name}"] = lambda n=_name, d=_dtype: _segment_sum(n, d)
        CASES[f"first {_dtype}: {_name}"] = lambda n=_name, d=_dtype: _first(n, d)
        CASES[f"product {_dtype}: {_name}"] = lambda n=_name, d=_dtype: _product(n, d)
for _dtype in DTYPES:
    CASES[f"combine {_dtype}"] = lambda d=_dtype: _combine(d)
    CASES[f"gather and scatter {_dtype}"] = lambda d=_dtype: _gather(d)
CASES["first int64"] = lambda: _first("short", "int64")
CASES["combine complex to real"] = _complex_to_real
CASES["positions"] = _positions
for _row in filter(has_formula, rules.rows()):
    CASES[f"kernel of {_row.name}"] = lambda row=_row: _rule(row, "float64")
    if _row.name in ("multiply", "arctan2", "tanh"):
        CASES[f"kernel of {_row.name} float32"] = lambda row=_row: _rule(row, "float32")
