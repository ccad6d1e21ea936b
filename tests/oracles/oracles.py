"""Independent oracles: the complex step on ``cpu``, Awkward's JAX backend, and JAX itself.

The complex step (Squire and Trapp, SIAM Review 40, 1998) evaluates a real program
at x + ih dx; without subtraction, the imaginary part over h is the derivative to
full precision, as long as every operation is the analytic one of complex numbers.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import awkward as ak
import numpy as np
import pytest

from awkward_dual.trees import map_tree

__all__ = ("awkward_on_jax", "complex_step", "jax", "numbers", "plain_jax")

#: h*h vanishes beside any number that a program holds
STEP = 1e-30


def complex_step(func: Callable[..., Any], primals: Any, tangents: Any) -> Any:
    """The derivative of a program along `tangents`, by complex numbers in its arguments."""
    args = map_tree(lambda x, dx, path: _stepped(x, dx), primals, tangents)
    return map_tree(lambda y, path: _imaginary(y), func(*args))


def _stepped(x: Any, dx: Any) -> Any:
    if isinstance(x, ak.Array) and x.fields:
        parts = {field: _stepped(x[field], dx[field]) for field in x.fields}
        return ak.zip(parts, depth_limit=x.ndim)
    is_float = (
        "float" in str(ak.type(x)) if isinstance(x, ak.Array) else np.asarray(x).dtype.kind == "f"
    )
    return x + dx * (1j * STEP) if is_float else x


def _imaginary(y: Any) -> Any:
    if isinstance(y, ak.Array) and y.fields:
        return ak.zip({field: _imaginary(y[field]) for field in y.fields}, depth_limit=y.ndim)
    return np.imag(y) / STEP


# -- JAX


def jax() -> Any:
    """The library in double precision on the CPU; the test is skipped without it."""
    library = pytest.importorskip("jax", reason="JAX is an oracle only: pip install jax")
    library.config.update("jax_enable_x64", True)
    library.config.update("jax_platforms", "cpu")
    return library


@contextmanager
def _quiet() -> Iterator[None]:
    """Awkward's backend for JAX says that it is deprecated, each time."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        yield


def awkward_on_jax(func: Callable[..., Any], primals: Any, tangents: Any) -> Any:
    """The derivative by ``jax.jvp`` of the same program on Awkward's JAX backend."""
    library = jax()
    with _quiet():
        ak.jax.register_and_check()
        primals, tangents = (_on_backend(x, "jax") for x in (primals, tangents))
        _value, tangent = library.jvp(func, primals, tangents)
        return _on_backend(tangent, "cpu")


def _on_backend(tree: Any, name: str) -> Any:
    # packed, for JAX compares the layouts of primals and tangents
    return map_tree(
        lambda x, path: ak.to_backend(ak.to_packed(x), name) if isinstance(x, ak.Array) else x, tree
    )


def plain_jax(func: Callable[..., Any], primals: Any, tangents: Any) -> Any:
    """The derivative by ``jax.jvp`` of a program that is written in ``jax.numpy``."""
    library = jax()
    primals, tangents = (
        tuple(library.numpy.asarray(x) for x in part) for part in (primals, tangents)
    )
    return np.asarray(library.jvp(func, primals, tangents)[1])


# -- what a result holds


def numbers(tree: Any) -> Any:
    """All floating numbers of a result, in flattened order, field after field."""
    found: list[Any] = []

    def collect(x: Any, path: str = "") -> None:
        if isinstance(x, ak.Array) and x.fields:
            for field in x.fields:
                collect(x[field])
        elif isinstance(x, ak.Array):
            found.append(np.asarray(ak.drop_none(ak.flatten(x, axis=None))).ravel())
        elif x is not None:
            found.append(np.ravel(np.asarray(x)))

    map_tree(lambda x, path: collect(x), tree)
    return np.concatenate(found) if found else np.zeros(0)
