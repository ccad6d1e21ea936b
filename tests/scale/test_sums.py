"""Sums over a fixed tree, and what may be added."""

from __future__ import annotations

import itertools
from typing import Any, NamedTuple

import awkward as ak
import numpy as np
import pytest

from awkward_dual.scale.sums import Sum, add


class Pair(NamedTuple):
    """A container that is to be kept."""

    a: Any
    b: Any


def summed(terms: list[Any], order: Any) -> Any:
    total = Sum()
    for i in order:
        total.add(int(i), terms[int(i)])
    return total.result()


@pytest.mark.parametrize("n", range(1, 6))
def test_every_order_gives_the_same_bits(n: int, rng: np.random.Generator) -> None:
    terms = list(rng.normal(size=n) * 10.0 ** rng.integers(-12, 12, n))
    results = {summed(terms, order).tobytes() for order in itertools.permutations(range(n))}
    assert len(results) == 1


@pytest.mark.parametrize("n", [7, 64, 1000, 1025])
def test_many_terms(n: int, rng: np.random.Generator) -> None:
    terms = list(rng.normal(size=(n, 3)))
    results = {summed(terms, rng.permutation(n)).tobytes() for _ in range(5)}
    assert len(results) == 1
    np.testing.assert_allclose(summed(terms, range(n)), np.sum(terms, axis=0), rtol=1e-12)


def test_every_term_counts_once() -> None:
    total = Sum()
    total.add(0, 1.0)
    with pytest.raises(AssertionError, match="twice"):
        total.add(0, 1.0)
    assert total.result() == 1.0


def test_integers_are_exact() -> None:
    assert summed([2**k for k in range(60)], range(60)) == 2**60 - 1


def test_little_is_kept() -> None:
    total = Sum()
    for i in range(1000):
        total.add(i, i)
        assert len(total.nodes) <= 10
    assert total.result() == 499500


def test_terms_are_not_changed() -> None:
    a = np.array([1.0])
    assert add(a, np.array([2.0])) == [3.0]
    assert a == [1.0]


def test_trees() -> None:
    one = Pair({"x": np.array([1.0, 2.0])}, [1, None, 2.5])
    assert add(one, one)[0]["x"].tolist() == [2.0, 4.0]
    assert add(one, one).b == [2, None, 5.0]
    array = ak.Array([[1.0], [2.0, 3.0]])
    assert add(array, array).to_list() == [[2.0], [4.0, 6.0]]


def test_histograms() -> None:
    hist = pytest.importorskip("hist")
    a = hist.Hist.new.Reg(2, 0, 2, name="x").Weight().fill([0.5, 1.5, 1.5])
    assert add(a, a).values().tolist() == [2.0, 4.0]
    growing = [hist.Hist.new.StrCat([name], growth=True).Double().fill(name) for name in "ab"]
    assert add(*growing).values().tolist() == [1.0, 1.0]


@pytest.mark.parametrize(
    ("a", "b"),
    [
        (np.zeros(2), np.zeros(3)),
        (np.zeros(3), np.float64(0)),
        (np.ones(2, bool), np.ones(2, bool)),
        (True, True),
        ("a", "b"),
        (None, 1.0),
        ({"a": 1.0}, {"b": 1.0}),
        ({"a": 1.0}, [1.0]),
        ((1.0, 2.0), (1.0,)),
        (ak.Array([[1.0]]), ak.Array([[1.0], []])),
        (ak.Array([[1.0]]), ak.Array([[1.0, 2.0]])),
        (ak.Array([1.0]), np.array([1.0])),
        ([1.0], [object()]),
    ],
)
def test_what_does_not_add_up(a: Any, b: Any) -> None:
    with pytest.raises(TypeError, match="do not add up"):
        add(a, b)


def test_nothing_to_sum() -> None:
    with pytest.raises(ValueError, match="no parts"):
        Sum().result()
