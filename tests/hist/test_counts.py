"""Counts with derivatives: hard and soft bins, weights, several axes, agreement with `hist`."""

from __future__ import annotations

from typing import Any

import awkward as ak
import numpy as np
import pytest

import awkward_dual as ad
from awkward_dual import TangentLost
from awkward_dual.hist import counts, variances
from awkward_dual.testing import check_grads

hist = pytest.importorskip("hist")
pytest.importorskip("scipy")

X = ak.Array([[0.3, 1.7, None], [], [3.2, -0.4], [9.0, 1.0]])
Y = ak.Array([[0.1, 0.9, 0.5], [], [0.5, 0.2], [0.3, 2.0]])
W = ak.Array([1.0, 2.0, 3.0, -0.5])
EDGES = [0.0, 1.0, 2.0, 4.0]

AXES = {
    "regular": hist.axis.Regular(7, -1, 3),
    "without flow": hist.axis.Regular(7, -1, 3, flow=False),
    "without overflow": hist.axis.Regular(7, -1, 3, overflow=False),
    "circular": hist.axis.Regular(7, -1, 3, circular=True),
    "variable": hist.axis.Variable(EDGES),
    "log": hist.axis.Regular(5, 0.1, 10, transform=hist.axis.transform.log),
    "integer": hist.axis.Integer(-1, 3),
    "categories": hist.axis.IntCategory([0, 1, 5]),
}


def flat(rng: np.random.Generator, axis: Any) -> Any:
    if isinstance(axis, hist.axis.IntCategory):
        return rng.choice([0, 1, 5], 300)
    if isinstance(axis, hist.axis.Integer):
        return rng.integers(-3, 6, 300)
    x = rng.normal(1, 2, 300)
    x[:6] = [-1.0, 3.0, 0.0, 1.0, np.inf, -np.inf]
    return x if isinstance(axis, hist.axis.Regular) and axis.traits.circular else [*x, np.nan]


@pytest.mark.parametrize("axis", AXES.values(), ids=AXES)
def test_hard_bins_are_those_of_hist(axis: Any, rng: np.random.Generator) -> None:
    x = np.asarray(flat(rng, axis))
    weight = rng.normal(size=len(x))
    from awkward_dual.hist.counts import trimmed

    filled = hist.Hist(axis, storage=hist.storage.Weight()).fill(x, weight=weight)
    found = counts(x, axis, weight=weight, flow=True)
    live = ad.primal(counts(x, axis, weight=ad.dual(weight, weight), flow=True))
    for values in (found, live):
        expected = filled.values(flow=True)
        assert trimmed(values, (axis,)).tobytes() == expected.tobytes()
    squares = trimmed(variances(x, axis, weight=weight, flow=True), (axis,))
    assert squares.tobytes() == filled.variances(flow=True).tobytes()
    assert trimmed(counts(x, axis, flow=True), (axis,)).tolist() == (
        hist.Hist(axis).fill(x).values(flow=True).tolist()
    )


def test_edges_are_bins() -> None:
    found = counts(X, EDGES, flow=True)
    assert found.tolist() == [1.0, 1.0, 2.0, 1.0, 1.0]
    assert counts(X, EDGES).tolist() == [1.0, 2.0, 1.0]
    assert counts([np.nan, 4.0], EDGES, flow=True).tolist() == [0, 0, 0, 0, 2]


@pytest.mark.parametrize("kernel", ["gauss", "logistic"])
def test_derivatives_of_soft_bins(kernel: str) -> None:
    def soft(x: Any, w: Any, width: Any) -> Any:
        return counts(x, EDGES, weight=w, width=width, kernel=kernel, flow=True)

    def errors(x: Any, w: Any, width: Any) -> Any:
        return variances(x, EDGES, weight=w, width=width, kernel=kernel, flow=True)

    check_grads(soft, (X, W, 0.5), order=2)
    check_grads(errors, (X, W, 0.5), order=2)


def test_derivatives_of_weights_are_exact() -> None:
    def hard(w: Any, scale: Any) -> Any:
        return counts((X, Y), (EDGES, [0.0, 0.5, 1.0]), weight=scale * w**2, flow=True)

    check_grads(hard, (W, 2.0), order=2)
    _, tangent = ad.jvp(lambda scale: counts(X, EDGES, weight=scale * W), (2.0,), (1.0,))
    assert tangent.tolist() == counts(X, EDGES, weight=W).tolist()


def test_two_soft_axes() -> None:
    edges = ([0.0, 1.0, 4.0], [0.0, 0.4, 0.8, 1.2])

    def both(x: Any, y: Any, w: Any) -> Any:
        return counts((x, y), edges, weight=w, width=(0.5, 0.2), flow=True)

    found = both(X, Y, W)
    assert found.shape == (4, 5)
    for axis, (x, width) in enumerate([(X, 0.5), (ak.mask(Y, ~ak.is_none(X, axis=1)), 0.2)]):
        one = counts(x, edges[axis], weight=W, width=width, flow=True)
        np.testing.assert_allclose(found.sum(axis=1 - axis), one, atol=1e-14)
    check_grads(both, (X, Y, W), order=1)


@pytest.mark.parametrize("widths", [(None, 0.2, None), (0.5, None, None), (None, 0.2, 0.5)])
def test_hard_and_soft_axes(widths: Any) -> None:
    axes = (EDGES, [0.0, 0.4, 0.8], [-1.0, 0.0, 2.5])

    def mixed(scale: Any) -> Any:
        live = [x if width is None else scale * x for x, width in zip((X, Y, X), widths)]
        return counts(tuple(live), axes, weight=scale * W, width=widths, flow=True)

    def all_soft(scale: Any) -> Any:
        narrow = tuple(1e-9 if width is None else width for width in widths)
        live = [x if width is None else scale * x for x, width in zip((X, Y, X), widths)]
        return counts(tuple(live), axes, weight=scale * W, width=narrow, flow=True)

    # where no element lies on an edge, a hard bin is a very narrow soft one
    x = ad.jacfwd(mixed)(1.0), mixed(1.0)
    y = ad.jacfwd(all_soft)(1.0), all_soft(1.0)
    on_edge = (slice(None),) if widths[0] else (slice(0, 1),)
    for a, b in zip(x, y):
        np.testing.assert_allclose(a[on_edge], b[on_edge], atol=1e-12)
    check_grads(mixed, (1.0,), order=1)


def test_categories_and_masses() -> None:
    channel = hist.axis.StrCategory(["ee", "mm"], name="channel")
    mass = hist.axis.Regular(3, 0, 3, name="mass")
    names = ak.Array(["ee", "mm", "mm", "ee"])
    events = ak.Array([0.5, 1.5, 2.5, 1.2])
    expected = hist.Hist(channel, mass).fill(np.asarray(ak.to_list(names)), events).values()
    assert counts((names, events), (channel, mass)).tolist() == expected.tolist()
    soft = counts((names, events), (channel, mass), width=(None, 0.1))
    np.testing.assert_allclose(soft.sum(axis=1), [2, 2], rtol=1e-5)
    one = counts(("ee", events), (channel, mass))
    assert one.sum(axis=1).tolist() == [4, 0]


@pytest.mark.parametrize("operator", [ad.jacfwd, ad.jacrev])
def test_every_operator(operator: Any) -> None:
    jacobian = operator(lambda s: counts(s * X, EDGES, weight=W, width=0.5))(1.1)
    step = 1e-6
    high, low = (counts((1.1 + d) * X, EDGES, weight=W, width=0.5) for d in (step, -step))
    np.testing.assert_allclose(jacobian, (high - low) / (2 * step), atol=1e-8)


def test_resolutions_of_elements() -> None:
    """A width for each element, which depends on the parameter."""
    check_grads(
        lambda s: counts(X, EDGES, width=s * (0.1 + 0.05 * abs(X)), weight=W), (1.0,), order=2
    )


# -- what is refused


def test_live_positions_of_hard_bins() -> None:
    for axis in (EDGES, hist.axis.Variable(EDGES)):
        with pytest.raises(TangentLost, match="give a width for soft bins"):
            ad.grad(lambda s, axis=axis: np.sum(counts(s * X, axis)))(1.0)
    value = ad.grad(lambda s: np.sum(counts(ad.stop_gradient(s * X), EDGES, weight=s)))(1.0)
    assert value == 4


def test_shapes() -> None:
    with pytest.raises(ValueError, match="1 axes"):
        counts((X, Y), (EDGES,))
    with pytest.raises(ValueError, match="circular"):
        counts(X, AXES["circular"], width=0.1)


@pytest.mark.parametrize("how", ["position", "keyword", "weight", "number", "numpy", "sample"])
def test_filling_a_histogram_with_a_live_array_raises(how: str) -> None:
    """In the C++ of boost-histogram, where no derivative survives."""
    x = ad.dual(ak.Array([0.5, 1.5]), ak.Array([1.0, 1.0]))
    h = hist.Hist(hist.axis.Regular(3, 0, 3, name="x"), storage=hist.storage.Mean())
    plain = [0.5, 1.5]
    call = {
        "position": lambda: h.fill(x, sample=plain),
        "keyword": lambda: h.fill(x=x, sample=plain),
        "weight": lambda: h.fill(plain, sample=plain, weight=x),
        "number": lambda: h.fill(ad.dual(1.0, 1.0), sample=1.0),
        "numpy": lambda: h.fill(ad.dual(np.array(plain), np.ones(2)), sample=plain),
        "sample": lambda: h.fill(plain, sample=x),
    }[how]
    with pytest.raises(TangentLost, match=r"awkward_dual\.hist\.counts"):
        call()
    assert h.sum().count == 0


@pytest.mark.parametrize(
    ("axis", "x"),
    [
        (hist.axis.IntCategory([0, 1]), [0, 1, 4, 1]),
        (hist.axis.IntCategory([0, 1], overflow=False), [0, 1, 4, 1]),
        (hist.axis.StrCategory(["a", "b"]), ["a", "x", "b", "b"]),
    ],
    ids=["integers", "no overflow", "strings"],
)
def test_what_is_no_category(axis: Any, x: Any) -> None:
    expected = hist.Hist(axis).fill(x)
    assert counts(np.array(x), axis).tolist() == expected.values().tolist()
    if axis.traits.overflow:
        above = counts(np.array(x), axis, flow=True)[-1]
        assert above == expected.values(flow=True)[-1]


@pytest.mark.parametrize(
    ("axes", "error", "message"),
    [
        ([1.0, 0.0], ValueError, "ascending"),
        ([1.0], ValueError, "ascending"),
        ((hist.axis.Regular(2, 0, 1),), TypeError, "one array of positions takes one axis"),
        (hist.Hist(hist.axis.Regular(2, 0, 1)), TypeError, r"not a Hist; write h\.axes"),
    ],
)
def test_axes_that_are_none(axes: Any, error: Any, message: str) -> None:
    with pytest.raises(error, match=message):
        counts([0.5], axes)


def test_axes_that_grow_are_loud() -> None:
    axis = hist.axis.Regular(4, 0, 100, growth=True)
    for grows in (axis, hist.axis.IntCategory([1], growth=True)):
        with pytest.raises(ValueError, match="growth=False"):
            ad.hist.counts(np.array([1, 200]), grows)
    with pytest.raises(ValueError, match="growth=False"):
        ad.hist.templates(lambda p: ad.hist.counts([1.0], axis, weight=p["s"]), {"s": 2.0}, axis)
