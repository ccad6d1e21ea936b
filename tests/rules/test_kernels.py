"""Every kernel with a real rule, through the dual backend, against the reference loops."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from awkward_cpp.cpu_kernels import kernel as compiled

import awkward_dual as ad
from awkward_dual.adapter import NumpyBackend
from awkward_dual.backend import DualBackend
from awkward_dual.rules import Kind, rows
from kernels import manifest
from kernels.reference import REFERENCES
from kernels.truth import difference
from tests.rules.checks import agree, seeded

MANIFEST = manifest.load()
KERNELS = {row.target: row for row in rows() if isinstance(row.target, str)}
MOVING = [name for name, row in KERNELS.items() if row.kind not in (Kind.STRUCTURE, Kind.STEP)]
KEYS = [
    pytest.param(key, id="-".join([key[0], *(np.dtype(t).name for t in key[1:])]))
    for key in compiled
    if key[0] in MOVING and any(issubclass(t, np.inexact) for t in key[1:])
]
DIRECTIONS = 3


def _data(rng: np.random.Generator, dtype: Any, size: int, *, distinct: bool) -> Any:
    if distinct:
        x = (rng.permutation(size) + 0.8) / 2.5 - 1
    else:
        x = rng.integers(-2, 3, size).astype(float)
    return (x > 0 if dtype is np.bool_ else np.abs(x) if dtype().dtype.kind == "u" else x).astype(
        dtype
    )


def arguments(key: tuple[Any, ...], rng: np.random.Generator, *, distinct: bool) -> dict[str, Any]:
    """Plain arguments of a kernel by name: segments with gaps before and after, some empty."""
    kernel = MANIFEST[key[0]]
    counts = np.array([2, 0, 3, 1, 0, 4, 0])
    offsets = np.concatenate([[0], np.cumsum(counts)]) + (
        0 if "offsetslength" in kernel.arguments else 2
    )
    size = int(offsets[-1]) + (2 if "reduce" in key[0] else 0)
    dtypes = iter(key[1:])
    out, data = next(dtypes), next(dtypes)
    if kernel.name == "awkward_unique_ranges":
        x = np.repeat(_data(rng, out, 5, distinct=distinct), 2)
        return {"toptr": x, "fromoffsets": np.array([0, 3, 3, 10]), "offsetslength": 4,
                "tooffsets": np.zeros(4, np.int64)}  # fmt: skip
    pairs = 2 if kernel.name.endswith("_complex") else 1
    length = size if kernel.name == "awkward_sort" else len(counts)
    known = {
        "toptr": np.zeros(length * pairs, out),
        "fromptr": _data(rng, data, size * pairs, distinct=distinct),
        "offsets": offsets,
        "outlength": len(counts),
        "identity": out(-0.5),
        "n": 3,
        "means": rng.uniform(-1, 1, len(counts)),
        "length": size,
        "offsetslength": len(offsets),
        "ascending": True,
        "stable": True,
    }
    return {name: known[name] for name in kernel.arguments}


def tangents_of(key: Any, plain: dict[str, Any], rng: np.random.Generator) -> dict[str, Any]:
    """A tangent for every differentiable floating argument."""
    return {
        name: rng.uniform(-1, 1, (DIRECTIONS, *np.shape(plain[name]))).astype(plain[name].dtype)
        for name in MANIFEST[key[0]].differentiable
        if plain[name].dtype.kind == "f"
    }


def run_plain(key: Any, plain: dict[str, Any]) -> Any:
    args = {name: np.copy(x) if isinstance(x, np.ndarray) else x for name, x in plain.items()}
    NumpyBackend.instance()[key](*args.values())
    return args


def run_dual(key: Any, plain: dict[str, Any], tangents: dict[str, Any]) -> dict[str, Any]:
    args = {
        name: ad.DualArray(np.copy(x), tangents.get(name))
        if isinstance(x, np.ndarray) or name in tangents
        else x
        for name, x in plain.items()
    }
    DualBackend.instance()[key](*args.values())
    return args


def reference(key: Any, plain: dict[str, Any], tangents: dict[str, Any], i: int) -> tuple[Any, Any]:
    """Value and tangent along one direction, by the slow loops."""
    pairs = key[0].endswith("_complex")

    def listed(name: str, x: Any) -> Any:
        if isinstance(x, np.ndarray) and x.ndim and pairs and name.endswith("ptr"):
            return x.astype(np.float64).view(np.complex128).tolist()
        return x.tolist() if isinstance(x, np.ndarray | np.generic) else x

    args = {
        n: listed(n, x) for n, x in plain.items() if n not in ("toptr", "outlength", "tooffsets")
    }
    for name in MANIFEST[key[0]].differentiable:
        args[name] = listed(name, plain[name])
        zero = np.zeros(np.shape(plain[name]))
        args[f"d_{name}"] = listed(name, tangents[name][i] if name in tangents else zero)
    y, dy = REFERENCES[key[0]](**args)
    if not pairs:
        return np.array(y, float), np.array(dy, float)
    return np.array(y, complex).view(float), np.array(dy, complex).view(float)


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize("distinct", [True, False], ids=["distinct", "ties"])
def test_against_reference(key: Any, distinct: bool) -> None:
    for attempt in range(4):
        rng = seeded(f"{key} {attempt}")
        plain = arguments(key, rng, distinct=distinct)
        tangents = tangents_of(key, plain, rng)
        out = run_dual(key, plain, tangents)["toptr"]
        digits = 1e-13 if np.float32 not in key[1:] else 1e-6
        for i in range(DIRECTIONS):
            y, dy = reference(key, plain, tangents, i)
            n = len(y)
            tolerance = digits * (1 + np.abs(dy).max())
            agree("value", out[:n].primal, y, digits * (1 + np.abs(y).max()))
            assert out.dtype == key[1]
            if tangents:
                assert out.tangent.dtype == key[1]
                agree("tangent", out.tangent[i][:n], dy, tolerance)
            else:
                assert out.tangent is None


@pytest.mark.parametrize("key", [k for k in KEYS if "unique_ranges" not in k.values[0][0]])
def test_value_is_that_of_the_compiled_kernel(key: Any) -> None:
    for attempt in range(2):
        rng = seeded(f"{key} {attempt}")
        plain = arguments(key, rng, distinct=bool(attempt))
        out = run_dual(key, plain, tangents_of(key, plain, rng))["toptr"]
        assert out.primal.tobytes() == run_plain(key, plain)["toptr"].tobytes()


@pytest.mark.parametrize("key", [k for k in KEYS if "unique_ranges" not in k.values[0][0]])
def test_against_differences_of_the_compiled_kernel(key: Any) -> None:
    if np.float32 in key[1:]:
        key = tuple(np.float64 if t is np.float32 else t for t in key)
    rng = seeded(f"{key}")
    plain = arguments(key, rng, distinct=True)
    tangents = tangents_of(key, plain, rng)
    if not tangents:
        return
    names = list(tangents)

    def f(*x: Any) -> Any:
        return run_plain(key, plain | dict(zip(names, x, strict=True)))["toptr"]

    for i in range(DIRECTIONS):
        truth = difference(f, [plain[n] for n in names], [tangents[n][i] for n in names], 1e-4)
        agree("tangent", run_dual(key, plain, tangents)["toptr"].tangent[i], truth, 1e-8)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("ascending", [True, False])
def test_unstable_sort_moves_tangents_with_their_elements(dtype: Any, ascending: bool) -> None:
    rng = seeded("sort")
    key = ("awkward_sort", dtype, dtype, np.int64)
    x = rng.choice(np.array([0.0, 1.0, 2.0, np.nan], dtype), 60)
    tag = np.arange(60, dtype=dtype)
    plain = {"toptr": np.zeros(60, dtype), "fromptr": x, "length": 60,
             "offsets": np.array([0, 40, 40, 60]),
             "offsetslength": 4, "ascending": ascending, "stable": False}  # fmt: skip
    out = run_dual(key, plain, {"fromptr": tag[np.newaxis]})["toptr"]
    taken = out.tangent[0].astype(int)
    assert sorted(taken[:40]) == list(range(40))
    assert sorted(taken[40:]) == list(range(40, 60))
    np.testing.assert_array_equal(out.primal, x[taken])


@pytest.mark.parametrize("name", [n for n, r in KERNELS.items() if r.kind is Kind.STEP])
def test_step_kernels_carry_no_tangent(name: str) -> None:
    """Every key with floating data: the outputs are integers or booleans."""
    for key in (
        k for k in compiled if k[0] == name and any(issubclass(t, np.inexact) for t in k[1:])
    ):
        kernel = MANIFEST[name]
        arrays = [
            argument
            for argument, type_ in zip(kernel.arguments, compiled[key].argtypes, strict=True)
            if hasattr(type_, "contents")
        ]
        written = [
            d for a, d in zip(kernel.arguments, kernel.directions, strict=True) if a in arrays
        ]
        for dtype, direction in zip(key[1:], written, strict=True):
            assert direction == "in" or not issubclass(dtype, np.inexact)


def test_structure_kernels_have_no_floating_key() -> None:
    structure = {n for n, row in KERNELS.items() if row.kind is Kind.STRUCTURE}
    assert not [
        k for k in compiled if k[0] in structure and any(issubclass(t, np.inexact) for t in k[1:])
    ]


def test_step_kernel_runs_on_live_data() -> None:
    out = ad.DualArray(np.zeros(2, np.int64))
    x = ad.DualArray(np.array([1.0, 3.0, 2.0]), np.ones(3))
    offsets = ad.DualArray(np.array([0, 2, 3]))
    key = ("awkward_reduce_argmax", np.int64, np.float64, np.int64, np.int64)
    DualBackend.instance()[key](out, x, offsets, ad.DualArray(np.array([0, 2])), 2)
    assert out.tolist() == [1, 2]
    assert out.tangent is None
