"""Invariants 3, 7 and 8: zero absorbs, selection follows the element, kinks have subgradient 0."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import awkward as ak
import numpy as np
import pytest

import awkward_dual as ad

# the values on the branches that are not taken are NaN, and NumPy says so
quiet = pytest.mark.filterwarnings("ignore::RuntimeWarning")


def derivatives(func: Callable[[Any], Any], x: Any) -> list[list[float]]:
    """The gradient of a sum by reverse mode, forward mode, and one direction at a time."""

    def total(x: Any) -> Any:
        y = func(x)
        return ak.sum(y, axis=None) if isinstance(y, ak.Array) else np.sum(y)

    found = [ad.grad(total)(x), ad.jacfwd(total)(x), ad.jacfwd(total, chunk_size=1)(x)]
    return [
        (ak.flatten(f, axis=None).to_list() if isinstance(f, ak.Array) else np.ravel(f).tolist())
        for f in found
    ]


def check(func: Callable[[Any], Any], x: Any, expected: list[float]) -> None:
    for found in derivatives(func, x):
        assert found == pytest.approx(expected, rel=1e-15, abs=0.0)


@quiet
class TestZeroAbsorbs:
    def test_an_intermediate_without_derivative(self) -> None:
        check(lambda x: np.sqrt(x) ** 2, 0.0, [0.0])
        check(lambda x: np.sqrt(x) ** 2, ak.Array([0.0, 4.0]), [0.0, 1.0])

    @pytest.mark.parametrize("where", [np.where, ak.where])
    def test_branches_that_are_not_taken(self, where: Any) -> None:
        x = np.array([0.0, -1.0, 2.0])
        x = ak.Array(x) if where is ak.where else x
        for func, slope in ((np.log, 0.5), (np.sqrt, 8**-0.5), (lambda x: 1 / x, -0.25)):
            check(lambda x, func=func: where(x > 0, func(x), 0.0), x, [0.0, 0.0, slope])

    def test_at_second_order(self) -> None:
        x = np.array([0.0, -1.0, 2.0])
        func = lambda x: np.sum(np.where(x > 0, np.log(x), 0.0))
        for outer in (ad.jacfwd, ad.jacrev):
            for inner in (ad.jacfwd, ad.jacrev):
                found = outer(inner(func))(x)
                np.testing.assert_array_equal(found, np.diag([0.0, 0.0, -0.25]))

    def test_a_cotangent_of_zero(self) -> None:
        _, pullback = ad.vjp(np.sqrt, ak.Array([0.0, 1.0]))
        assert pullback(ak.Array([0.0, 1.0]))[0].to_list() == [0.0, 0.5]

    def test_a_direction_that_does_not_reach_an_element(self) -> None:
        x = ak.Array([[0.0, 4.0], [0.0]])
        _, tangent = ad.jvp(np.sqrt, (x,), (ak.Array([[0.0, 1.0], [0.0]]),))
        assert tangent.to_list() == [[0.0, 0.25], [0.0]]

    def test_infinite_values_times_zero(self) -> None:
        check(lambda x: x * 0.0, ak.Array([np.inf, 1.0]), [0.0, 0.0])
        _, tangent = ad.jvp(lambda x, y: x * y, (np.inf, 2.0), (0.0, 0.0))
        assert tangent == 0.0

    def test_the_mass_of_an_empty_sum_of_vectors(self) -> None:
        vector = pytest.importorskip("vector")
        vector.register_awkward()

        def mass(pt: Any) -> Any:
            particles = ak.zip(
                {"pt": pt, "eta": pt * 0.1, "phi": pt * 0.2, "mass": pt * 0.0},
                with_name="Momentum4D",
            )
            return ak.sum(particles, axis=1).mass

        pt = ak.Array([[30.0, 40.0], [], [25.0]])
        value, tangent = ad.jvp(mass, (pt,), (ak.ones_like(pt),))
        assert value[1] == tangent[1] == 0.0
        gradient = ad.grad(lambda pt: ak.sum(mass(pt)[:2]))(pt)
        assert np.isfinite(ak.to_numpy(gradient[0])).all()


class TestSelectionFollowsTheElement:
    @pytest.mark.parametrize(
        ("reduce", "find"), [(ak.max, ak.argmax), (ak.min, ak.argmin), (ak.nanmax, ak.nanargmax)]
    )
    def test_reducers_and_their_positions_agree(self, reduce: Any, find: Any) -> None:
        x = ak.Array([[2.0, 1.0, 2.0, 1.0], [3.0], [5.0, 5.0]])
        for axis in (1, None):
            flat = ak.flatten(x) if axis is None else x
            at = find(flat, axis=axis, keepdims=axis is not None)
            selected = ad.jvp(
                lambda x, at=at: (ak.flatten(x) if at is None or np.ndim(at) == 0 else x)[at],
                (x,),
                (x * 10 + ak.local_index(x, axis=1),),
            )
            reduced = ad.jvp(
                lambda x, axis=axis: reduce(x, axis=axis),
                (x,),
                (x * 10 + ak.local_index(x, axis=1),),
            )
            for a, b in zip(reduced, selected, strict=True):
                assert np.ravel(ak.to_list(a)).tolist() == np.ravel(ak.to_list(b)).tolist()

    def test_ties_go_to_the_first(self) -> None:
        check(ak.max, ak.Array([1.0, 2.0, 2.0]), [0.0, 1.0, 0.0])
        check(lambda x: ak.min(x, axis=1), ak.Array([[1.0, 1.0], [2.0]]), [1.0, 0.0, 1.0])
        assert ad.grad(np.maximum, (0, 1))(1.0, 1.0) == (1.0, 0.0)
        assert ad.grad(np.minimum, (0, 1))(1.0, 1.0) == (1.0, 0.0)
        assert ad.grad(lambda x: max(x, 0.0))(0.0) == 1.0
        assert ad.grad(lambda x: max(0.0, x))(0.0) == 0.0

    def test_sorting_moves_tangents_with_elements(self) -> None:
        x = ak.Array([[2.0, 1.0, 1.0], [], [3.0, -1.0]])
        dx = ak.Array([[1.0, 2.0, 3.0], [], [4.0, 5.0]])
        _, tangent = ad.jvp(lambda x: ak.sort(x, axis=1), (x,), (dx,))
        assert tangent.to_list() == [[2.0, 3.0, 1.0], [], [5.0, 4.0]]
        _, tangent = ad.jvp(lambda x: x[ak.argsort(x, axis=1)], (x,), (dx,))
        assert tangent.to_list() == [[2.0, 3.0, 1.0], [], [5.0, 4.0]]

    def test_other_selections(self) -> None:
        x = ak.Array([[2.0, 1.0], [], [3.0]])
        dx = ak.Array([[10.0, 20.0], [], [30.0]])
        for func, expected in (
            (ak.firsts, [10.0, None, 30.0]),
            (lambda x: x[:, ::-1], [[20.0, 10.0], [], [30.0]]),
            (lambda x: x[x > 1.5], [[10.0], [], [30.0]]),
            (lambda x: ak.where(x > 1.5, x, -x), [[10.0, -20.0], [], [30.0]]),
            (lambda x: ak.fill_none(ak.firsts(x), 7.0), [10.0, 0.0, 30.0]),
            (lambda x: ak.pad_none(x, 1, clip=True), [[10.0], [None], [30.0]]),
        ):
            assert ad.jvp(func, (x,), (dx,))[1].to_list() == expected


class TestSubgradientZeroAtKinks:
    @pytest.mark.parametrize("func", [abs, np.absolute, np.fabs])
    def test_absolute_values(self, func: Any) -> None:
        check(func, 0.0, [0.0])
        check(func, ak.Array([[0.0, -2.0], [3.0]]), [0.0, -1.0, 1.0])

    def test_norms(self) -> None:
        check(lambda x: np.hypot(x, 2 * x), 0.0, [0.0])
        check(lambda x: np.hypot(x, 0.0), ak.Array([0.0, -2.0]), [0.0, -1.0])
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            assert ad.grad(abs)(0j) == 0.0
            assert ad.jvp(abs, (0j,), (1 + 1j,)) == (0.0, 0.0)
