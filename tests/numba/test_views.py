"""Dual arrays and records in compiled loops: every layout, read in place, returned with tangents."""

from __future__ import annotations

from typing import Any

import awkward as ak
import numpy as np
import pytest

numba = pytest.importorskip("numba")

import awkward_dual as ad  # noqa: E402
from awkward_dual.testing import assert_equal  # noqa: E402

X = ak.Array([[1.0, 2.0], [], [3.0]])
DX = ak.Array([[0.1, 0.2], [], [0.3]])
LIVE = ad.dual(X, DX)


@numba.njit
def walk(x: Any) -> Any:
    """Iteration, indices from both ends, slices, lengths."""
    total = 0.0
    for event in x:
        for i in range(len(event)):
            total += event[i] * event[-1]
        for e in event[1:]:
            total += e
    return total + x[0][1] * x[2][0]


def array_walk(x: Any) -> Any:
    last = ak.firsts(x[:, ::-1])
    return ak.sum(x * last) + ak.sum(x[:, 1:]) + x[0, 1] * x[2, 0]


LAYOUTS = {
    "offsets": lambda x: x,
    "32 bits": lambda x: ak.Array(ak.contents.ListOffsetArray(
        ak.index.Index32(np.array([0, 2, 2, 3], np.int32)), x.layout.content)),
    "picked": lambda x: x[[0, 1, 2]],
    "list with gaps": lambda x: ak.concatenate([x, x])[[3, 1, 5]],
    "slice": lambda x: ak.concatenate([x, x])[3:],
    "backwards": lambda x: x[::-1][::-1],
    "packed": ak.to_packed,
    "not contiguous": lambda x: ak.Array(ak.contents.ListOffsetArray(
        ak.index.Index64(np.array([0, 2, 2, 3])),
        ak.contents.NumpyArray(ak.flatten(ak.concatenate([x[..., np.newaxis]] * 2, axis=-1),
                                          axis=None).layout.data[::2]))),
}  # fmt: skip


@pytest.mark.parametrize("change", LAYOUTS.values(), ids=LAYOUTS)
def test_layouts(change: Any) -> None:
    expected = ad.jvp(lambda x: array_walk(change(x)), (X,), (DX,))
    assert_equal(ad.jvp(lambda x: walk(change(x)), (X,), (DX,)), expected, rtol=1e-14)


@pytest.mark.usefixtures("default_engine")
@pytest.mark.parametrize("order", "CFA")
@pytest.mark.parametrize("k", [1, 3])
def test_memory_orders(order: str, k: int) -> None:
    """Both halves are read in place, whatever the strides of the tangent."""
    tangent = np.arange(k * 3.0).reshape(k, 3)
    tangent = {"C": tangent, "F": np.asfortranarray(tangent),
               "A": np.repeat(tangent, 2, axis=1)[:, ::2]}[order]  # fmt: skip
    leaf = ad.DualArray(np.array([1.0, 2.0, 3.0]), tangent)
    offsets = ak.index.Index64(np.array([0, 2, 2, 3]))
    x = ak.Array(ak.contents.ListOffsetArray(offsets, ak.contents.NumpyArray(leaf)))
    found = walk(x)
    assert ad.primal(found) == walk(X)
    np.testing.assert_allclose(found.tangent, array_walk(x).tangent, rtol=1e-14)
    lookup = x._numbaview.lookup
    assert tangent.ctypes.data in lookup.arrayptrs
    assert lookup.positions[-2:] == [*tangent.strides]


@numba.njit
def fields(events: Any) -> Any:
    total, count = 0.0, 0
    for event in events:
        for muon in event.muons:
            if muon.charge > 0 and muon["tight"]:
                total += muon.pt * muon["eta"] * event.weight
                count += muon.charge
        total += len(event.muons.pt) * event.weight
    return total, count


def array_fields(events: Any) -> Any:
    muons = events.muons
    chosen = (muons.charge > 0) & muons.tight
    product = muons.pt * muons.eta * events.weight
    return ak.sum(product[chosen]) + ak.sum(ak.num(muons) * events.weight)


EVENTS = ak.zip(
    {
        "muons": ak.zip(
            {"pt": X, "eta": X - 2, "charge": ak.Array([[1, -1], [], [2]]), "tight": X > 0.5,
             "name": ak.Array([["ä", "b"], [], ["c"]])}
        ),
        "weight": ak.Array([0.5, 1.0, 2.0]),
    },
    depth_limit=1,
)  # fmt: skip


def test_records_with_other_fields() -> None:
    tangent = ak.with_field(EVENTS, EVENTS.weight * 3, "weight")
    found = ad.jvp(lambda x: fields(x)[0], (EVENTS,), (tangent,))
    assert_equal(found, ad.jvp(array_fields, (EVENTS,), (tangent,)), rtol=1e-14)
    assert fields(EVENTS)[1] == 3


def test_constant_fields_stay_plain() -> None:
    """Leaves without a tangent are read as floats, beside live ones."""
    live = ak.with_field(EVENTS, ad.dual(EVENTS.weight, EVENTS.weight), "weight")
    found, count = fields(live)
    assert float(ad.tangent(found)) == pytest.approx(float(ad.primal(found)))
    assert count == 3


@numba.njit
def options(x: Any) -> Any:
    total = 0.0
    for e in x:
        if e is None:
            total += 1.0
        else:
            total += e * e
    return total


@pytest.mark.parametrize(
    "change",
    [
        lambda x: ak.mask(x, x > 1.5),
        lambda x: ak.Array(ak.mask(x, x > 1.5).layout.to_BitMaskedArray(True, True)),
        lambda x: ak.Array(ak.contents.UnmaskedArray(x.layout)),
        lambda x: ak.Array(ak.mask(x, x > 1.5).layout.to_IndexedOptionArray64()),
    ],
    ids=["bytes", "bits", "unmasked", "index"],
)
def test_options(change: Any) -> None:
    x = ak.Array([1.0, 2.0, 3.0])
    value, tangent = ad.jvp(lambda x: options(change(x)), (x,), (ak.ones_like(x),))
    kept = ak.drop_none(change(x))
    assert value == options(change(x))
    assert tangent == 2 * ak.sum(kept)


def test_leaves_of_two_axes() -> None:
    matrix = numba.njit(lambda x: x[1][0] * x[2][1])
    array = np.arange(6.0).reshape(3, 2)
    for x in (ak.Array(array), ak.from_regular(ak.Array(array))):
        found = ad.jvp(matrix, (x,), (ak.ones_like(x),))
        assert found == (10.0, 7.0)
    rows = ad.jacfwd(lambda x: matrix(ak.from_numpy(x)))(array)
    np.testing.assert_array_equal(rows, [[0, 0], [5, 0], [0, 2]])


def test_unions_raise_as_in_awkward() -> None:
    first = numba.njit(lambda x: x[0])
    union = ak.concatenate([ak.Array([1.0]), ak.Array([[2.0]])])
    for x in (union, ad.dual(union, union)):
        with pytest.raises(numba.core.errors.TypingError, match="union"):
            first(x)


@numba.njit
def returned(x: Any) -> Any:
    return x[1:], x[0], x, x[2][0]


def test_views_come_back_with_tangents() -> None:
    value, tangent = ad.jvp(returned, (X,), (DX,))
    assert [ak.to_list(v) for v in value[:3]] == [[[], [3.0]], [1.0, 2.0], X.to_list()]
    assert [ak.to_list(t) for t in tangent[:3]] == [[[], [0.3]], [0.1, 0.2], DX.to_list()]
    assert (value[3], tangent[3]) == (3.0, 0.3)


def test_records_as_arguments_and_results() -> None:
    scaled = numba.njit(lambda event: (event.weight * event.muons[0].pt, event, event.muons[1]))
    (value, record, muon), (slope, drecord, dmuon) = ad.jvp(scaled, (EVENTS[0],), (EVENTS[0],))
    assert (value, slope) == (0.5, 1.0)
    assert record.to_list() == EVENTS[0].to_list()
    assert (drecord.weight, dmuon.pt, muon.name) == (0.5, 2.0, "b")


def test_a_result_outlives_its_source() -> None:
    rest = numba.njit(lambda x: x[1:])(ad.dual(ak.Array([1.0, 2.0]), ak.Array([3.0, 4.0])))
    assert ad.tangent(rest).to_list() == [4.0]


def test_constants_on_the_dual_backend_need_no_new_code() -> None:
    assert walk(ak.to_backend(X, "dual")) == walk(X)
    assert numba.typeof(ak.to_backend(X, "dual")) == numba.typeof(X)


def test_no_compilation_for_a_new_call() -> None:
    """The level is no part of the type."""
    ad.jvp(walk, (X,), (DX,))
    before = len(walk.overloads)
    ad.jvp(walk, (X,), (DX,))
    walk(LIVE)
    assert len(walk.overloads) == before


def test_vector_behaviors() -> None:
    vector = pytest.importorskip("vector")
    vector.register_awkward()

    @numba.njit
    def masses(events: Any) -> Any:
        total = 0.0
        for event in events:
            for i in range(len(event)):
                for j in range(i + 1, len(event)):
                    total += (event[i] + event[j]).mass + event[i].deltaR(event[j])
        return total

    def array_masses(events: Any) -> Any:
        a, b = ak.unzip(ak.combinations(events, 2))
        return ak.sum((a + b).mass) + ak.sum(a.deltaR(b))

    momentum = {"pt": X + 1, "eta": X / 3, "phi": X - 1.5, "mass": X * 0.1}
    events = ak.zip(momentum, with_name="Momentum4D")
    direction = ak.zip({k: v * 0 + 0.3 for k, v in momentum.items()}, with_name="Momentum4D")
    found = ad.jvp(masses, (events,), (direction,))
    assert_equal(found, ad.jvp(array_masses, (events,), (direction,)), rtol=1e-12)


def test_behaviors_of_the_user() -> None:
    """Those that are registered with Awkward's keys for Numba; their typer sees the dual leaf."""

    def typer(record: Any) -> Any:
        return record.arrayviewtype.type.contenttypes[0].arraytype.dtype

    def lower(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return context.compile_internal(builder, lambda r: r.x * r.x + r.y, sig, args)

    behavior = {
        ("__numba_typer__", "point", "height"): typer,
        ("__numba_lower__", "point", "height"): lower,
    }

    @numba.njit
    def heights(points: Any) -> Any:
        total = 0.0
        for point in points:
            total += point.height
        return total

    def summed(s: Any) -> Any:
        x = ak.Array([1.0, 2.0, 3.0])
        return heights(ak.zip({"x": x * s, "y": x}, with_name="point", behavior=behavior))

    assert summed(2.0) == 62.0
    assert ad.jvp(summed, (2.0,), (1.0,)) == (62.0, 56.0)
    assert ad.grad(summed)(2.0) == 56.0
