"""Every overload against plain Numba bit for bit, the array rules, and mpmath."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

numba = pytest.importorskip("numba")

import awkward_dual as ad  # noqa: E402
from awkward_dual.rules import Kind  # noqa: E402
from kernels import truth  # noqa: E402
from tests.numba.compiled import FUNCTIONS, results, supported  # noqa: E402
from tests.rules.checks import seeded  # noqa: E402
from tests.rules.domains import sample  # noqa: E402

#: dtypes of the arguments, and which of them are live
SIGNATURES = [
    pytest.param("d", (True,), id="x"),
    pytest.param("f", (True,), id="single"),
    pytest.param("dd", (True, True), id="x-y"),
    pytest.param("dd", (True, False), id="x-number"),
    pytest.param("dd", (False, True), id="number-y"),
    pytest.param("dl", (True, False), id="x-integer"),
    pytest.param("ld", (False, True), id="integer-y"),
    pytest.param("fd", (True, True), id="single-double"),
    pytest.param("d?", (True, False), id="x-boolean"),
]
#: relative to the array rules, whose partials NumPy computes with functions of its own
TOLERANCE = {"f": 3e-6, "d": 2e-13}


def points(names: list[str], chars: str) -> dict[str, list[Any]]:
    """For each function a point of its domain."""
    found = {}
    for name in names:
        ufunc = FUNCTIONS[name][1].target
        try:
            columns = sample(ufunc, chars, seeded(name), 1)
        except (AssertionError, TypeError):
            columns = [np.array([{"?": True, "l": 2}.get(c, 0.75)], c) for c in chars]
        found[name] = [column[0] for column in columns]
    return found


def halves(y: Any) -> tuple[Any, Any]:
    if isinstance(y, ad.DualArray):
        return y.primal, y.tangent[0]
    return y, None


def same_bits(a: Any, b: Any) -> bool:
    return np.asarray(a).tobytes() == np.asarray(b).tobytes()


@pytest.mark.parametrize(("chars", "live"), SIGNATURES)
def test_values_and_derivatives(chars: str, live: tuple[bool, ...]) -> None:
    # not for each signature: that math.sin is np.sin is seen once
    every = all(live) and chars in ("d", "dd")
    names = supported(chars, every=every)
    assert len(names) > (60 if chars == "d" else 15)
    columns = points(names, chars)
    exactly = 0
    tolerance = TOLERANCE["f" if set(chars) == {"f"} else "d"]
    for name, plain, dual in results(names, columns, live):
        row = FUNCTIONS[name][1]
        expected = None if row.kind is Kind.STEP else array_rule(row, columns[name], live)
        outputs = [plain] if not isinstance(plain, tuple) else list(plain)
        duals = [dual] if not isinstance(dual, tuple) else list(dual)
        for value, y, dy in zip(outputs, duals, expected or [None] * len(outputs), strict=True):
            primal, tangent = halves(y)
            assert same_bits(primal, value), f"{name}: {primal} for {value}"
            if dy is None:
                assert not np.any(tangent), name
            else:
                np.testing.assert_allclose(tangent, dy, rtol=tolerance, atol=1e-15, err_msg=name)
                exactly += every and check_exactly(name, columns[name], tangent, value)
    assert exactly >= {"d": 40, "dd": 8}.get(chars, 0) or not all(live)


def array_rule(row: Any, x: list[Any], live: tuple[bool, ...]) -> list[Any]:
    """The tangents by the rules of arrays, with ones for the live arguments."""
    args = [ad.DualArray(np.array([a]), np.ones(1, np.asarray(a).dtype)) if yes else a
            for a, yes in zip(x, live, strict=True)]  # fmt: skip
    result = row.target(*args)
    outputs = result if isinstance(result, tuple) else (result,)
    return [y.tangent[0, 0] if ad.is_live(y) else None for y in outputs]


def check_exactly(name: str, x: list[Any], tangent: Any, value: Any) -> bool:
    """Compare with mpmath, where it has the function."""
    ufunc = FUNCTIONS[name][1].target
    numbers = [np.asarray(a, float) for a in x]
    if ufunc.nout != 1 or not truth.knows(ufunc.__name__, numbers, np.asarray(value)):
        return False
    exact = truth.exact(ufunc.__name__, numbers, [np.ones(()) for _ in x])
    np.testing.assert_allclose(tangent, np.real(exact), rtol=1e-12, atol=1e-15, err_msg=name)
    return True
