"""What ``dual-cuda`` is held to: the same results as the CPU's dual backend, on a GPU or a fake one.

A case is a name and a function that raises where something is wrong. They need
CuPy (or the fake of ``tests/cuda_host``), NumPy and Awkward, and no test runner.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import awkward as ak
import numpy as np

import awkward_dual as ad
from tests import programs as ragged
from tests.awkward import catalogue

__all__ = ("CASES", "PROGRAMS", "REFUSED", "on_gpu", "on_host", "outcome")

Case = Callable[[], None]


def cupy() -> Any:
    import cupy

    return cupy


def on_gpu(x: Any) -> Any:
    """Arrays and records on the GPU; everything else as it is."""
    if isinstance(x, tuple | list):
        return type(x)(map(on_gpu, x))
    if isinstance(x, dict):
        return {key: on_gpu(item) for key, item in x.items()}
    return ak.to_backend(x, "cuda") if isinstance(x, ak.Array | ak.Record) else x


def on_host(x: Any) -> Any:
    """A result on the host."""
    if isinstance(x, ak.Array | ak.Record):
        return ak.to_backend(x, "cpu")
    if isinstance(x, tuple | list):
        return type(x)(on_host(item) for item in x)
    if isinstance(x, dict):
        return {key: on_host(item) for key, item in x.items()}
    return x.get()[()] if type(x).__module__.partition(".")[0] == "cupy" else x


def backends(x: Any) -> list[str]:
    """Where the arrays of a tree are."""
    if isinstance(x, tuple | list):
        return [name for item in x for name in backends(item)]
    if isinstance(x, dict):
        return [name for item in x.values() for name in backends(item)]
    return [ak.backend(x)] if isinstance(x, ak.Array | ak.Record) else []


def same(found: Any, expected: Any) -> None:
    """Equal to rounding, NaN where NaN is."""
    if isinstance(expected, tuple | list):
        assert len(found) == len(expected)
        for a, b in zip(found, expected, strict=True):
            same(a, b)
    elif isinstance(expected, ak.Array | ak.Record):
        assert found.type.is_equal_to(expected.type), (found.type, expected.type)
        close(found.to_list(), expected.to_list())
    elif isinstance(expected, dict):
        assert list(found) == list(expected)
        for key, value in expected.items():
            same(found[key], value)
    elif expected is None or isinstance(expected, str | bytes):
        assert found == expected
    else:
        assert np.shape(found) == np.shape(expected)
        close(np.asarray(found).tolist(), np.asarray(expected).tolist())


def close(found: Any, expected: Any) -> None:
    if isinstance(expected, list | tuple):
        assert len(found) == len(expected), (found, expected)
        for a, b in zip(found, expected, strict=True):
            close(a, b)
    elif isinstance(expected, dict):
        for key, value in expected.items():
            close(found[key], value)
    elif isinstance(expected, float | complex):
        size = max(1.0, abs(expected)) if np.isfinite(expected) else 1.0
        ok = np.allclose(found, expected, rtol=1e-6, atol=1e-6 * size, equal_nan=True)
        assert ok, (found, expected)
    else:
        assert found == expected, (found, expected)


def directions(args: tuple[Any, ...]) -> tuple[Any, ...]:
    """A tangent for each argument: different numbers for different elements."""
    return tuple(_direction(x) for x in args)


def _direction(x: Any) -> Any:
    if isinstance(x, ak.Array | ak.Record):
        return _like(x)
    if isinstance(x, tuple | list):
        return type(x)(map(_direction, x))
    if isinstance(x, dict):
        return {key: _direction(item) for key, item in x.items()}
    return np.ones_like(x)[()] if isinstance(x, float | complex | np.ndarray | np.generic) else None


def _like(x: Any) -> Any:
    if isinstance(x, ak.Record):
        at = x.layout.at
        return _like(ak.Array(x.layout.array[at : at + 1]))[0]
    count = 0

    def action(layout: Any, **_: Any) -> Any:
        nonlocal count
        if layout.is_numpy and layout.dtype.kind in "fc":
            data = np.asarray(layout.data)
            count += 1
            tangent = (np.sin(np.arange(data.size) + count) + 1.5).reshape(data.shape)
            return ak.contents.NumpyArray(tangent.astype(data.dtype), parameters=layout.parameters)
        return None

    return ak.transform(action, x)


#: the programs that the backend ``cuda`` itself refuses
REFUSED: set[str] = set()


def outcome(func: Callable[[], Any], program: Any = None) -> tuple[Any, Exception | None]:
    """What a function gives, or what it raises; a program that raises is remembered."""
    try:
        return func(), None
    except Exception as error:  # whatever Awkward's CUDA backend does not do
        if program is not None:
            REFUSED.add(program.name)
        return None, error


def _forward(program: Any) -> None:
    args, tangents = program.args, directions(program.args)
    gpu = tuple(map(on_gpu, args))
    plain, refused = outcome(lambda: program.function(*gpu), program)
    if refused is not None:
        _check_refusal(lambda: ad.jvp(program.function, gpu, tuple(map(on_gpu, tangents))))
        return
    expected = ad.jvp(program.function, args, tangents)
    found = ad.jvp(program.function, gpu, tuple(map(on_gpu, tangents)))
    assert backends(found[0]) == backends(found[1]) == backends(plain)
    same(on_host(found), expected)


def _check_refusal(func: Callable[[], Any]) -> None:
    """What ``cuda`` refuses, ``dual-cuda`` refuses too."""
    _, error = outcome(func)
    assert error is not None


def _reverse(program: Any) -> None:
    gpu = tuple(map(on_gpu, program.args))
    plain, refused = outcome(lambda: program.function(*gpu), program)
    if refused is not None:
        _check_refusal(lambda: ad.vjp(program.function, *gpu))
        return
    value, pullback = ad.vjp(program.function, *program.args)
    cotangent = cotangent_like(value)
    expected = pullback(cotangent)
    value, pullback = ad.vjp(program.function, *gpu)
    found = pullback(cotangent if "cuda" not in backends(plain) else on_gpu(cotangent))
    assert backends(found) == backends(gpu)
    same(on_host(found), expected)


def cotangent_like(x: Any) -> Any:
    """A cotangent like a value."""
    if isinstance(x, tuple | list):
        return type(x)(cotangent_like(item) for item in x)
    if isinstance(x, dict):
        return {key: cotangent_like(item) for key, item in x.items()}
    if isinstance(x, ak.Array | ak.Record):
        return _like(x)
    return np.ones_like(x)[()] if isinstance(x, np.ndarray | np.generic) else None


CASES: dict[str, Case] = {}


def case(func: Case) -> Case:
    CASES[func.__name__] = func
    return func


PROGRAMS = (*ragged.PROGRAMS, *catalogue.PROGRAMS)
for _program in PROGRAMS:
    CASES[f"jvp of {_program.name}"] = lambda program=_program: _forward(program)
    CASES[f"vjp of {_program.name}"] = lambda program=_program: _reverse(program)
