"""`ak.ArrayBuilder` and LayoutBuilders take dual numbers; snapshots carry tangents."""

from __future__ import annotations

import gc
import subprocess
import sys
from typing import Any

import awkward as ak
import numpy as np
import pytest

numba = pytest.importorskip("numba")

import awkward_dual as ad  # noqa: E402
from awkward_dual.numba import tickets  # noqa: E402

X = ak.Array([[1.0, 2.0], [], [3.0]])
ONES = ak.ones_like(X)


@numba.njit
def build(events: Any, builder: Any) -> Any:
    for event in events:
        builder.begin_list()
        for x in event:
            builder.begin_record()
            builder.field("square").real(x * x)
            builder.field("option").append(x if x > 1 else None)
            builder.field("whole").append(1)
            builder.field("mixed")
            if x > 2:
                builder.append(1)
            elif x > 1:
                builder.real(2.5)
            else:
                builder.append(x * 3)
            builder.field("pair").begin_tuple(2)
            builder.index(0).append(x)
            builder.index(1).string("a")
            builder.end_tuple()
            builder.end_record()
        builder.end_list()
    return builder


def snapshot(x: Any) -> Any:
    return build(x, ak.ArrayBuilder()).snapshot()


def test_values_are_those_of_a_plain_builder() -> None:
    value, tangent = ad.jvp(snapshot, (X,), (ONES,))
    plain = snapshot(X)
    assert value.to_list() == plain.to_list()
    assert value.type == plain.type == tangent.type


def test_tangents() -> None:
    _, tangent = ad.jvp(snapshot, (X,), (ONES,))
    flat = ak.flatten(tangent)
    assert flat.square.to_list() == [2.0, 4.0, 6.0]
    assert flat.option.to_list() == [None, 1.0, 1.0]
    assert flat.whole.to_list() == [0, 0, 0]
    assert flat.mixed.to_list() == [3.0, 0.0, 0.0]
    assert flat.pair["0"].to_list() == [1.0, 1.0, 1.0]


def test_several_directions() -> None:
    jacobian = ad.jacfwd(lambda x: ak.sum(snapshot(x).square, axis=1))(X)
    assert jacobian.to_list() == [[2.0, 4.0, 0.0], [0.0, 0.0, 0.0], [0.0, 0.0, 6.0]]


@numba.njit
def append_all(x: Any, builder: Any, n: int) -> None:
    for _ in range(n):
        for e in x:
            builder.append(e)


def test_growth_order_of_arguments_and_reuse() -> None:
    """Thousands of rows; a builder that is filled twice in one call of an operator."""
    x = ak.Array([1.0, 2.0, 3.0])

    def fill(x: Any) -> Any:
        builder = ak.ArrayBuilder()
        append_all(x, builder, 1500)
        append_all(2 * x, builder, 1)
        return builder.snapshot()

    value, tangent = ad.jvp(fill, (x,), (x * 10,))
    np.testing.assert_array_equal(value, [1.0, 2.0, 3.0] * 1500 + [2.0, 4.0, 6.0])
    np.testing.assert_array_equal(tangent, 10 * value)


def test_not_a_number_is_no_ticket() -> None:
    @numba.njit
    def numbers(x: Any, builder: Any) -> None:
        for e in x:
            builder.append(e)
        builder.append(np.nan)
        builder.append(x[0] * np.nan)

    builder = ak.ArrayBuilder()
    numbers(ad.dual(ak.Array([1.0, np.nan]), ak.Array([3.0, 4.0])), builder)
    out = builder.snapshot()
    np.testing.assert_array_equal(ad.primal(out), [1.0, np.nan, np.nan, np.nan])
    np.testing.assert_array_equal(ad.tangent(out), [3.0, 4.0, 0.0, np.nan])


def test_clear() -> None:
    @numba.njit
    def twice(x: Any, builder: Any) -> None:
        builder.append(x)
        builder.clear()
        builder.append(x * 2)

    builder = ak.ArrayBuilder()
    twice(ad.dual(1.0, 1.0), builder)
    assert ad.tangent(builder.snapshot()).to_list() == [2.0]


def test_levels_do_not_mix_in_a_builder() -> None:
    builder = ak.ArrayBuilder()
    ad.jvp(lambda x: append_all(x, builder, 1), (ak.Array([1.0]),), (ak.Array([1.0]),))
    with pytest.raises(ad.LevelError):
        builder.snapshot() * 2
    with pytest.raises(ad.LevelError, match="builder"):
        ad.jvp(lambda x: append_all(x, builder, 1), (ak.Array([1.0]),), (ak.Array([1.0]),))


def test_directions_do_not_mix_in_a_builder() -> None:
    builder = ak.ArrayBuilder()
    append_all(ad.dual(np.ones(1), np.ones(1)), builder, 1)
    with pytest.raises(ad.LevelError, match="directions"):
        append_all(ad.dual(np.ones(1), np.ones((1, 2))), builder, 1)


def test_a_builder_that_is_compiled_in_takes_no_duals() -> None:
    builder = ak.ArrayBuilder()

    @numba.njit
    def append(x: Any) -> None:
        builder.append(x)

    with pytest.raises(numba.core.errors.TypingError, match="append"):
        append(ad.dual(1.0, 1.0))


def test_rows_are_freed_with_their_builder() -> None:
    gc.collect()
    before = len(tickets._at_address)
    for _ in range(5):
        append_all(ad.dual(np.ones(1), np.ones(1)), ak.ArrayBuilder(), 1)
    gc.collect()
    assert len(tickets._at_address) == before


# -- LayoutBuilder

lb = ak.numba.layoutbuilder


@numba.njit
def build_layout(events: Any, builder: Any) -> None:
    for event in events:
        inner = builder.begin_list()
        for x in event:
            inner.append(x * x)
            inner.append(1.5)
        builder.end_list()


def test_layout_builders() -> None:
    """Compiled once: Awkward's builders take seconds to compile."""
    builder = lb.ListOffset(np.int64, lb.Numpy(np.float64))

    def fill(x: Any) -> Any:
        builder.clear()
        build_layout(x, builder)
        return ak.Array(builder.snapshot())

    for x in (X, X * 2):
        value, tangent = ad.jvp(fill, (x,), (ONES,))
        squares = ak.to_list(ak.flatten(x) ** 2)
        assert ak.flatten(value).to_list() == [n for s in squares for n in (s, 1.5)]
        slopes = ak.to_list(2 * ak.flatten(x))
        assert ak.flatten(tangent).to_list() == [n for s in slopes for n in (s, 0.0)]
        assert ak.num(value).to_list() == [4, 0, 2]
    # under grad the loop is recorded
    gradient = ad.grad(lambda s: ak.sum(fill(X * s)[0] ** 2))(2.0)
    assert gradient == sum(4 * x**4 * 2.0**3 for x in (1.0, 2.0))


def test_layout_builders_older_than_the_extension() -> None:
    """In a process of its own: Numba loads extensions when it first compiles."""
    program = """
import awkward as ak, numba, numpy as np
import awkward_dual as ad

builder = ak.numba.layoutbuilder.Numpy(np.float64)

@numba.njit
def append(builder, x):
    builder.append(x * x)

def fill(x):
    append(builder, x)
    return ak.Array(builder.snapshot())

print(ad.jvp(fill, (3.0,), (1.0,))[1].to_list())
"""
    command = [sys.executable, "-c", program]
    run = subprocess.run(command, check=True, capture_output=True, text=True)
    assert run.stdout.strip() == "[6.0]"


def test_layout_builders_of_other_precision() -> None:
    append = numba.njit(lambda builder, x: builder.append(x))
    with pytest.raises(numba.core.errors.TypingError, match="float64"):
        append(lb.Numpy(np.float32), ad.dual(1.0, 1.0))


def test_snapshots_in_compiled_code() -> None:
    @numba.njit
    def inside(buffer: Any, x: Any) -> Any:
        buffer.append(x)
        return buffer.snapshot()

    with pytest.raises(TypeError, match="lose tangents"):
        inside(ak.numba.GrowableBuffer(np.float64), ad.dual(1.0, 1.0))
