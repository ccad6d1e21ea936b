"""What would lose a tangent or mix levels raises; nothing else happens."""

from __future__ import annotations

from typing import Any

import awkward as ak
import numpy as np
import pytest

numba = pytest.importorskip("numba")

import awkward_dual as ad  # noqa: E402

X = ad.dual(2.0, 1.0)
ARRAY = ad.dual(ak.Array([1.0, 2.0]), ak.Array([1.0, 0.0]))
RECORD = ad.dual(ak.Array([{"x": 1.0}]), ak.Array([{"x": 1.0}]))[0]
BUFFER = ad.dual(np.ones(2), np.ones(2))

product = numba.njit(lambda x, y: x * y)
first = numba.njit(lambda x: x[0])


def test_globals() -> None:
    for scaled in (lambda v: v * X, lambda v: v * ARRAY[0], lambda v: v * RECORD.x,
                   lambda v: v * BUFFER[0]):  # fmt: skip
        with pytest.raises(ad.TangentLost, match=r"global or closure.*argument"):
            numba.njit(scaled)(2.0)


@pytest.mark.parametrize("value", [X, BUFFER, ARRAY], ids=["number", "buffer", "array"])
def test_closures_and_defaults(value: Any) -> None:
    with pytest.raises(ad.TangentLost, match="compiled in"):
        numba.njit(lambda v: (v, value))(2.0)
    with pytest.raises(ad.TangentLost, match="compiled in"):
        numba.njit(lambda v, w=value: (v, w))(2.0)


def test_object_mode() -> None:
    @numba.njit
    def leaves(x: Any) -> Any:
        with numba.objmode():
            str(x)
        return x

    with pytest.raises(ad.TangentLost, match=r"object mode.*x\.primal"):
        leaves(X)

    @numba.njit
    def primal_leaves(x: Any) -> Any:
        primal = x.primal
        with numba.objmode(y="float64"):
            y = primal * 2
        return x * y

    assert float(ad.tangent(primal_leaves(X))) == 4.0


def test_generators() -> None:
    @numba.njit
    def multiples(x: Any) -> Any:
        for i in range(3):
            yield x * i

    with pytest.raises(ad.TangentLost, match="generator"):
        list(multiples(X))


def test_typed_containers() -> None:
    @numba.njit
    def listed(x: Any) -> Any:
        out = numba.typed.List()
        out.append(x)
        return out

    made = listed(X)
    for use in (lambda: made[0], lambda: first(made)):
        with pytest.raises(ad.TangentLost, match="List of duals"):
            use()


def test_classes_with_duals() -> None:
    first(ARRAY)

    @numba.experimental.jitclass([("x", numba.typeof(X))])
    class Box:
        def __init__(self, x: Any) -> None:
            self.x = x

    made = Box(X)
    for use in (lambda: made.x, lambda: numba.njit(lambda b: b.x)(made)):
        with pytest.raises(ad.TangentLost):
            use()


def test_structures_with_duals() -> None:
    """They would be read on another level, or after theirs has ended."""
    from numba.experimental import structref

    @structref.register
    class PointType(numba.types.StructRef):  # type: ignore[misc]
        pass

    class Point(structref.StructRefProxy):  # type: ignore[misc]
        def __new__(cls, x: Any) -> Any:
            return structref.StructRefProxy.__new__(cls, x)

    structref.define_proxy(Point, PointType, ["x"])
    read = numba.njit(lambda point, y: point.x * y)
    assert read(Point(2.0), 3.0) == 6.0

    def nested(x: Any) -> Any:
        kept = Point(x)
        return ad.jvp(lambda y: read(kept, y), (5.0,), (1.0,))[1]

    with pytest.raises(ad.TangentLost):
        ad.jvp(nested, (3.0,), (1.0,))


def test_raw_pointers() -> None:
    data = numba.njit(lambda x: x.ctypes.data)
    with pytest.raises(numba.core.errors.TypingError):
        data(BUFFER)
    with pytest.raises(TypeError):
        numba.carray(BUFFER, 2)


def test_ended_levels() -> None:
    kept: list[Any] = []
    for value in (2.0, np.ones(2), ak.Array([1.0])):
        ad.jvp(lambda x: (kept.append(x), x)[1], (value,), (value,))
    for dual, function in zip(kept, (numba.njit(lambda x: x), first, first), strict=True):
        with pytest.raises(ad.LevelError, match="has ended"):
            function(dual)


def test_a_view_that_was_kept_checks_its_level() -> None:
    kept: list[Any] = []

    def loop(x: Any) -> Any:
        kept.append(x)
        return first(x)

    x = ak.Array([1.0])
    ad.jvp(loop, (x,), (x,))
    with pytest.raises(ad.LevelError, match="has ended"):
        first(kept[0])


@pytest.mark.parametrize("outer", [1.0, np.ones(2), ak.Array([1.0, 2.0])], ids=["x", "np", "ak"])
def test_two_levels_in_one_call(outer: Any) -> None:
    def nested(a: Any) -> Any:
        number = a if np.ndim(a) == 0 else a[0]
        return ad.jvp(lambda b: product(number, b), (2.0,), (1.0,))[1]

    with pytest.raises(ad.LevelError, match="levels"):
        ad.jvp(nested, (outer,), (outer,))


@pytest.mark.parametrize(
    "operator",
    [ad.hessian, lambda f: ad.grad(ad.grad(f)), lambda f: ad.jacfwd(ad.jacfwd(f)),
     lambda f: lambda x: ad.hvp(f, (x,), (1.0,))],
    ids=["hessian", "grad of grad", "jacfwd of jacfwd", "hvp"],
)  # fmt: skip
def test_nested_operators(operator: Any) -> None:
    with pytest.raises(ad.LevelError, match="differentiate once"):
        operator(lambda x: product(x, x))(2.0)


def test_nested_operators_on_other_arguments() -> None:
    """The inner call sees constants only: the loop is differentiated once."""

    def outer(a: float) -> Any:
        inner = ad.jvp(np.square, (3.0,), (1.0,))[1]
        return product(a, float(inner))

    assert ad.jvp(outer, (2.0,), (1.0,)) == (12.0, 6.0)


def test_fields_of_different_levels() -> None:
    def outer(a: Any) -> Any:
        def inner(b: Any) -> Any:
            both = ak.zip({"a": a, "b": b})
            return numba.njit(lambda r: r[0].a * r[0].b)(both)

        return ad.jvp(inner, (ak.Array([2.0]),), (ak.Array([1.0]),))[1]

    with pytest.raises(ad.LevelError, match="different levels"):
        ad.jvp(outer, (ak.Array([3.0]),), (ak.Array([1.0]),))
