"""Other backends, other libraries' objects, levels and threads where they do not belong."""

from __future__ import annotations

import copy
import threading
import warnings
from collections.abc import Callable
from typing import Any

import awkward as ak
import numpy as np
import pytest

import awkward_dual as ad
from awkward_dual import LevelError, TangentLost, TangentMismatch
from awkward_dual.adapter import PlaceholderArray

X = ak.Array([[1.0, 2.0, 3.0], [], [4.0, 5.0]])
V = np.array([1.0, 2.0, 3.0])


def on(program: Callable[..., Any], x: Any = V, dx: Any = None) -> Any:
    """The tangent of a program along ones."""
    if dx is None:
        dx = ak.ones_like(x) if isinstance(x, ak.Array | ak.Record) else np.ones_like(x)[()]
    return ad.jvp(program, (x,), (dx,))[1]


# -- objects that look like arrays


class FakeCuda:
    """An array that says that it lives on a GPU."""

    shape = (3,)
    dtype = np.dtype(np.float64)
    ndim = 1
    size = 3

    @property
    def __cuda_array_interface__(self) -> dict[str, Any]:
        return {"shape": (3,), "typestr": "<f8", "data": (0, False), "version": 3}

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        raise TypeError("implicit conversion to a NumPy array is not allowed")


class Convertible:
    """An object that NumPy makes an array of."""

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        return np.array([1.0, 2.0, 3.0])


class Greedy:
    """An object that computes with everything by itself."""

    __array_ufunc__ = None

    def __radd__(self, other: Any) -> str:
        return f"greedy {type(other).__name__}"

    def __add__(self, other: Any) -> str:
        return f"greedy {type(other).__name__}"


class Liar:
    """An object with the attributes of a number, and none of its operations."""

    dtype = np.dtype(np.float64)
    shape: tuple[int, ...] = ()
    ndim = 0


# -- other backends


def jax_array(x: Any = X) -> Any:
    pytest.importorskip("jax")
    with warnings.catch_warnings():
        # Awkward's backend for JAX is deprecated
        warnings.simplefilter("ignore")
        ak.jax.register_and_check()
        return ak.to_backend(x, "jax")


def jax_numbers() -> Any:
    return pytest.importorskip("jax.numpy").asarray([1.0, 2.0, 3.0])


def type_of(x: Any) -> str:
    return str(x.type)


def traced_by_jax() -> Any:
    """A dual operator inside of a function that JAX traces."""
    jax = pytest.importorskip("jax")
    return jax.grad(ad.grad(lambda y: y * y))(1.0)


def to_jax(x: Any) -> Any:
    jax_array()
    return ak.to_backend(x, "jax")


def pandas_series() -> Any:
    return pytest.importorskip("pandas").Series([1.0, 2.0, 3.0])


def placeholder() -> Any:
    form = ak.forms.NumpyForm("float64", form_key="x")
    nplike = ak.Array([1.0]).layout.backend.nplike
    return ak.from_buffers(
        form, 3, {"x-data": PlaceholderArray(nplike, (3,), np.dtype(np.float64))}
    )


def virtual(make: Callable[[], Any]) -> Any:
    return ak.from_buffers(ak.forms.NumpyForm("float64", form_key="x"), 3, {"x-data": make})


def unreadable() -> Any:
    raise OSError("the file is gone")


TRACER = ak.to_backend(X, "typetracer")

# -- levels


def kept(x: Any = V) -> Any:
    """A dual of a call that has ended."""
    out: list[Any] = []
    ad.jvp(out.append, (x,), (x,))
    return out[0]


def kept_recorded() -> Any:
    out: list[Any] = []
    ad.vjp(lambda x: (out.append(x), x)[1], V)
    return out[0]


def kept_in_the_next_call() -> Any:
    old = kept()
    return ad.jvp(lambda x: x * old, (V,), (V,))


def kept_of_the_inner_call() -> Any:
    out: list[Any] = []

    def outer(x: Any) -> Any:
        ad.jvp(out.append, (x,), (1.0,))
        return out[0] * x

    return ad.jvp(outer, (2.0,), (1.0,))


def kept_cotangent() -> Any:
    _, pullback = ad.vjp(np.sin, V)
    return pullback(kept())


def live_cotangent() -> Any:
    """A pullback of an outer value is a function like any other."""
    _, pullback = ad.vjp(lambda x: x * x, 3.0)
    return ad.grad(lambda w: pullback(w * w)[0])(2.0)


def late_pullback() -> Any:
    """A pullback that is called when all is over, twice."""
    _, pullback = ad.vjp(lambda x: ak.sum(x * x), X)
    pullback(1.0)
    return pullback(2.0)[0]


def pullback_of_an_ended_outer_call() -> Any:
    out: list[Any] = []

    def outer(x: Any) -> Any:
        out.append(ad.vjp(lambda y: y * x, x)[1])
        return x * x

    ad.jvp(outer, (2.0,), (1.0,))
    return out[0](1.0)


def in_a_thread(func: Callable[[], Any]) -> Any:
    """What a function gives in another thread; its exception comes out here."""
    out: list[Any] = []

    def run() -> None:
        try:
            out.append(func())
        except BaseException as error:
            out.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    if isinstance(out[0], BaseException):
        raise out[0]
    return out[0]


def thread_after_the_call() -> Any:
    old = kept()
    return in_a_thread(lambda: old * 2.0)


def matrix() -> Any:
    with warnings.catch_warnings():
        # NumPy advises against its matrices
        warnings.simplefilter("ignore")
        return np.matrix([[1.0, 2.0]])


ROWS = [
    # JAX, CUDA, typetracer
    ("an array of Awkward's JAX backend as the primal", lambda: on(np.square, jax_array(), X), [[2.0, 8.0, 18.0], [], [32.0, 50.0]]),
    ("an array of Awkward's JAX backend as the tangent", lambda: on(np.square, X, jax_array()), [[2.0, 8.0, 18.0], [], [32.0, 50.0]]),
    ("an array of Awkward's JAX backend inside", lambda: on(lambda x: x * jax_array(), X), ValueError, "incompatible backends"),
    ("an array of JAX as the primal", lambda: on(np.sin, jax_numbers(), V), TangentMismatch, "make an array of NumPy"),
    ("an array of JAX as the tangent", lambda: on(np.square, V, jax_numbers()), [2.0, 8.0, 18.0]),
    ("an array of JAX inside", lambda: on(lambda x: x * jax_numbers()), TypeError, "DualArray"),
    ("a live array for a function of JAX", lambda: on(lambda x: pytest.importorskip("jax.numpy").sin(x)), TypeError, "not a valid JAX type"),
    ("a dual operator traced by JAX", traced_by_jax, TypeError, "only floating and complex numbers"),
    ("to the JAX backend", lambda: on(to_jax, X), TangentLost, "NumPy array"),
    ("to the CUDA backend", lambda: on(lambda x: ak.to_backend(x, "cuda"), X), (TypeError, ImportError), "CUDA"),
    ("an array on a GPU as the primal", lambda: on(np.sin, FakeCuda(), V), TangentMismatch, "make an array of NumPy"),
    ("an array on a GPU as the tangent", lambda: on(np.sin, V, FakeCuda()), TypeError, "implicit conversion"),
    ("an array on a GPU inside", lambda: on(lambda x: x * FakeCuda()), TypeError, "FakeCuda"),
    ("an array on a GPU as an index", lambda: on(lambda x: x[FakeCuda()]), TypeError, "implicit conversion"),
    ("an array on a GPU among Awkward Arrays", lambda: on(lambda x: x * FakeCuda(), X), TypeError, "implicit conversion"),
    ("a typetracer beside an array", lambda: type_of(ad.jvp(np.add, (TRACER, X), (TRACER, X))[1]), "3 * var * float64"),
    ("a typetracer as the tangent", lambda: on(np.sin, X, TRACER), TangentMismatch, "the tangent is a typetracer"),
    ("an array as the tangent of a typetracer", lambda: type_of(on(np.sin, TRACER, X)), "3 * var * float64"),
    ("a typetracer inside", lambda: type_of(on(lambda x: x * TRACER, X)), "3 * var * float64"),
    ("the Jacobian of a typetracer", lambda: ad.jacrev(ak.sum)(TRACER), TypeError, "trace the function with jvp or vjp"),
    ("a backend that is none", lambda: ak.to_backend(X, "duall"), ValueError, "duall"),
    ("an array of no backend", lambda: ak.Array([1.0], backend="duals"), ValueError, "duals"),
    # lazy and absent buffers
    ("a placeholder as the primal", lambda: on(np.sin, placeholder(), ak.Array(V)), RuntimeError, "PlaceholderArray"),
    ("a placeholder inside", lambda: on(lambda x: x * placeholder(), ak.Array(V)), RuntimeError, "PlaceholderArray"),
    ("a virtual array whose file is gone", lambda: on(np.sin, virtual(unreadable), ak.Array(V)), OSError, "the file is gone"),
    ("a virtual constant whose file is gone", lambda: on(lambda x: x * virtual(unreadable), ak.Array(V)), OSError, "the file is gone"),
    ("a virtual array of another length", lambda: on(np.sin, virtual(lambda: np.ones(2)), ak.Array(V)), TypeError, "less than size of form"),
        ("a virtual array of a live one", lambda: on(lambda x: x * virtual(lambda: V), ak.Array(V)), [1.0, 2.0, 3.0]),
    # other libraries' objects
    ("a Series as the primal", lambda: on(np.sin, pandas_series(), V), TangentMismatch, "make an array of NumPy"),
    ("a Series inside", lambda: on(lambda x: x * pandas_series()), TangentLost, "NumPy array"),
    ("a Series of live numbers", lambda: on(lambda x: pytest.importorskip("pandas").Series(x)), TangentLost, "NumPy array"),
    ("a matrix of NumPy as the primal", lambda: on(lambda x: x * 2.0, matrix(), np.ones((1, 2))), [[2.0, 2.0]]),
    ("a matrix of NumPy inside", lambda: on(lambda x: x * matrix()), ValueError, "not aligned"),
    ("a masked array inside", lambda: on(lambda x: x * np.ma.array(V)), TangentLost, "NumPy array"),
    ("a masked array as the primal", lambda: on(np.sin, np.ma.array(V), V), TypeError, "masked"),
    ("records of NumPy as the primal", lambda: on(np.sin, np.zeros(3, [("a", "f8")]), V), TypeError, "has no derivatives"),
    ("objects of NumPy as the primal", lambda: on(np.sin, np.array([1.0, None]), V), TypeError, "has no derivatives"),
    ("a convertible object as the tangent", lambda: on(np.square, V, Convertible()), [2.0, 8.0, 18.0]),
    ("a convertible object inside", lambda: on(lambda x: x * Convertible()), TypeError, "Convertible"),
    ("an object that computes by itself", lambda: ad.jvp(lambda x: x + Greedy(), (V,), (V,))[0], "greedy DualArray"),
    ("an object that only looks like a number", lambda: on(lambda x: x + Liar(), 1.0), TypeError, "Liar"),
    ("an object that only looks like a number, as the primal", lambda: on(np.sin, Liar(), 1.0), TangentMismatch, "Liar has no tangents"),
    ("a dict of live arrays made an array", lambda: ad.tangent(ak.Array({"a": ad.dual(V, V)})), [{"a": 1.0}, {"a": 2.0}, {"a": 3.0}]),
    ("a memoryview inside", lambda: on(lambda x: x * memoryview(V)), TypeError, "memoryview"),
    ("an array builder inside", lambda: on(lambda x: x * ak.ArrayBuilder(), X), []),
    # levels
    ("a dual of an ended call", lambda: kept() * 2.0, LevelError, "has ended"),
    ("a ragged dual of an ended call", lambda: ak.sum(kept(X), axis=1), LevelError, "has ended"),
    ("a number of an ended call", lambda: float(kept(2.0) * 1.0), LevelError, "has ended"),
    ("a recorded value of an ended call", lambda: kept_recorded() + 1.0, LevelError, "has ended"),
    ("a comparison with an ended call", lambda: kept() > 1.0, LevelError, "has ended"),
    ("the truth of a number of an ended call", lambda: bool(kept(2.0)), LevelError, "has ended"),
    ("a dual of an ended call in the next", kept_in_the_next_call, LevelError, "has ended"),
    ("a dual of an inner call in the outer", kept_of_the_inner_call, LevelError, "has ended"),
    ("a dual of an ended call as the cotangent", kept_cotangent, LevelError, "has ended"),
    ("a dual of an ended call in a list", lambda: ak.Array([kept(2.0), 1.0]), LevelError, "has ended"),
    ("a dual of an ended call in a thread", thread_after_the_call, LevelError, "has ended"),
    ("a pullback over an ended outer call", pullback_of_an_ended_outer_call, LevelError, "has ended"),
    ("an error in a thread", lambda: in_a_thread(lambda: ad.grad(np.fft.fft)(V)), TypeError, "no tangent rule for 'numpy.fft.fft'"),
    ("a copy of an ended call", lambda: copy.deepcopy(kept()) + 1.0, LevelError, "has ended"),
    ("the text of an ended call", lambda: "DualArray" in repr(kept()) and str(kept(X)) != "", True),
    ("the primal of an ended call", lambda: ad.primal(kept()), [1.0, 2.0, 3.0]),
    ("the tangent of an ended call", lambda: ad.tangent(kept()), [1.0, 2.0, 3.0]),
    ("a live cotangent", live_cotangent, 24.0),
    ("a pullback called twice and late", late_pullback, [[4.0, 8.0, 12.0], [], [16.0, 20.0]]),
    ("directions that do not fit", lambda: ad.DualArray(V, np.ones((2, 2, 3))), TangentMismatch, "expected (3,)"),
]  # fmt: skip
