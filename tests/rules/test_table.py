"""The table itself: what it refuses, what it says, and that a wrong row is caught."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import awkward as ak
import numpy as np
import pytest

import awkward_dual as ad
from awkward_dual.errors import MissingTangentRule
from awkward_dual.rules import Kind, find, forget, name_of, rows, rule
from tests.rules.checks import check_modes, seeded

X = np.array([0.3, 1.2, -0.7])


@contextmanager
def planted(
    target: Any, kind: Kind | None = None, body: Any = None, **options: Any
) -> Iterator[None]:
    """Another row, or none, for the time of a test."""
    row = find(target)
    assert row is not None
    forget(target)
    if kind is not None:
        rule(target, kind, body, **options)
    try:
        yield
    finally:
        forget(target)
        rule(target, row.kind, row.body, **dict(row.options))


def test_names_are_unique() -> None:
    kernels = [row.name for row in rows() if isinstance(row.target, str)]
    assert len(kernels) == len(set(kernels)) == 144


def test_every_differentiable_ufunc_of_numpy_has_a_row() -> None:
    without = {
        name
        for name in dir(np)
        if isinstance(getattr(np, name), np.ufunc) and find(getattr(np, name)) is None
    }
    assert not without


def test_a_second_row_is_refused() -> None:
    with pytest.raises(ValueError, match="there is a rule for 'sin' already"):
        rule(np.sin, Kind.STEP)


@pytest.mark.parametrize("kind", [Kind.SMOOTH, Kind.SELECT])
def test_an_incomplete_row_is_refused(kind: Kind) -> None:
    with pytest.raises(ValueError, match=f"a rule of kind {kind.value} needs a body: 'new_kernel'"):
        rule("new_kernel", kind)
    assert find("new_kernel") is None


def test_find_of_what_has_no_row() -> None:
    assert find("nothing") is None
    assert find([]) is None
    assert name_of(np.sin) == "sin"


WRONG = {
    "jvp": (np.square, Kind.SMOOTH, lambda xp, y, x: (2.001 * x,), np.square, X),
    "of constants": (
        np.add, Kind.LINEAR, lambda xp, y, a, b: (1, 0.999), lambda x: np.add(1.0, x), X),
    "no partial": (np.exp, Kind.SMOOTH, lambda xp, y, x: (None,), np.exp, X),
    "raw partial": (
        np.exp, Kind.SMOOTH, lambda xp, y, x: (np.exp(ad.primal(x)),), np.exp, X),
    "conjugate": (
        np.square, Kind.SMOOTH, lambda xp, y, x: (2 * xp.conjugate(x),), np.square, X + 0.4j),
    "second of ties": (
        np.maximum, Kind.SELECT, lambda xp, y, a, b: (y != a, y == a),
        lambda x: np.maximum(x, 0.0), X),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_ufunc_row_is_caught(name: str) -> None:
    target, kind, body, f, x = WRONG[name]
    with planted(target, kind, body), pytest.raises(AssertionError):
        check_modes(f, [x], rng=seeded(name))
    check_modes(f, [x], rng=seeded(name))


def test_a_wrong_conjugate_in_the_transposed_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    from awkward_dual import engine

    monkeypatch.setattr(engine, "conjugate", lambda x: x)
    with pytest.raises(AssertionError, match="vjp"):
        check_modes(np.square, [X + 0.4j], rng=seeded("c"))


def test_a_wrong_kernel_row_is_caught() -> None:
    from awkward_dual.backend import DualBackend

    kernels = DualBackend.instance()._kernels

    def f(x: Any) -> Any:
        return ak.prod(ak.Array(x)[np.newaxis], axis=1)[0]

    row = find("awkward_reduce_prod")
    assert row is not None
    before = dict(kernels)
    wrong = planted(
        row.target,
        row.kind,
        lambda xp, y, a: y[0] / a.fromptr * 1.001,
        **dict(row.options),
    )
    try:
        kernels.clear()
        with wrong, pytest.raises(AssertionError):
            check_modes(f, [X], rng=seeded("prod"))
    finally:
        kernels.clear()
        kernels.update(before)
    check_modes(f, [X], rng=seeded("prod"))


LIVE = ad.DualArray(X, np.ones(3))


def test_a_missing_ufunc_speaks() -> None:
    own = np.frompyfunc(lambda x, y: x + y, 2, 1)
    with pytest.raises(MissingTangentRule) as error:
        own(np.ones(3), LIVE)
    for part in ("<lambda> (vectorized)", "argument 1", "float64", "def_ufunc_rule", "primal(x)"):
        assert part in str(error.value)


def test_a_missing_ufunc_speaks_through_awkward() -> None:
    own = np.frompyfunc(lambda x: x + 1, 1, 1)
    with pytest.raises(MissingTangentRule, match="vectorized"):
        ad.jvp(own, (ak.Array(X),), (ak.Array(X),))


@pytest.mark.parametrize("call", [np.fft.fft, np.linalg.eigh, np.roots, np.partition])
def test_a_missing_function_speaks(call: Callable[..., Any]) -> None:
    with pytest.raises(MissingTangentRule) as error:
        call(LIVE, 1) if call is np.partition else call(LIVE)
    for part in ("argument 0", "float64", "custom_jvp", "primal(x)"):
        assert part in str(error.value)


@pytest.mark.parametrize("method", ["accumulate", "reduceat"])
def test_a_missing_method_speaks(method: str) -> None:
    with pytest.raises(MissingTangentRule, match=f"add.{method}"):
        getattr(np.add, method)(LIVE, *([[0, 1]] if method == "reduceat" else []))


def test_what_has_no_row_works_on_constants() -> None:
    constant = ad.DualArray(X)
    assert np.sum(np.partition(constant, 1)) == np.sum(np.partition(X, 1))
    np.testing.assert_array_equal(np.add.accumulate(constant), np.add.accumulate(X))


def test_sign_of_a_complex_number_is_loud() -> None:
    with pytest.raises(MissingTangentRule, match="sign"):
        np.sign(ad.DualArray(X + 1j, np.ones(3) + 0j))


def test_a_missing_kernel_speaks() -> None:
    from awkward_dual.adapter import NumpyBackend
    from awkward_dual.kernel import DualKernel

    key = ("awkward_reduce_sum", np.float64, np.float64, np.int64)
    with planted(key[0]):
        kernel = DualKernel(key, NumpyBackend.instance())
        args = (ad.DualArray(np.zeros(1)), LIVE, ad.DualArray(np.array([0, 3])), 1)
        with pytest.raises(MissingTangentRule, match=r"'awkward_reduce_sum'.*float64"):
            kernel(*args)
        kernel(args[0], ad.DualArray(X), *args[2:])
        assert args[0].primal[0] == X.sum()
