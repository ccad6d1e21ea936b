"""Every corner truth, forward and transposed."""

from __future__ import annotations

from typing import Any

import awkward as ak
import numpy as np
import pytest

import awkward_dual as ad
from kernels.corners import CORNERS, Corner
from kernels.truth import inner

pytestmark = pytest.mark.filterwarnings("ignore:.*encountered in:RuntimeWarning")

IDS = [f"{i}-{corner.expression}" for i, corner in enumerate(CORNERS)]
FLAT = [c for c in CORNERS if "ak." not in c.expression]


def _evaluate(corner: Corner, *args: Any) -> Any:
    names = dict(zip(corner.inputs, args, strict=True))
    return eval(corner.expression, {"np": np, "ak": ak, **names})


def _arrays(corner: Corner, half: int, kind: Any) -> tuple[Any, ...]:
    def array(x: Any) -> Any:
        if not isinstance(x, list):
            return x
        if any(isinstance(item, list) for item in x):
            return ak.values_astype(ak.Array(x), corner.dtype)
        return kind(np.array(x, dtype=corner.dtype))

    return tuple(array(pair[half]) for pair in corner.inputs.values())


def _plain(y: Any) -> Any:
    return y.to_list() if isinstance(y, ak.Array) else np.asarray(y).tolist()


def _same(found: Any, expected: Any, rtol: float) -> None:
    if isinstance(expected, list):
        assert len(found) == len(expected)
        for a, b in zip(found, expected, strict=True):
            _same(a, b, rtol)
    elif expected is None:
        assert found is None
    else:
        assert found == pytest.approx(expected, rel=rtol, abs=1e-300, nan_ok=True)


def _cases(kinds: dict[str, Any]) -> list[Any]:
    return [
        pytest.param(corner, kind, id=f"{name}-{kind_name}")
        for corner, name in zip(CORNERS, IDS, strict=True)
        for kind_name, kind in kinds.items()
        if kind_name != "numpy" or "ak." not in corner.expression
    ]


CASES = _cases({"awkward": ak.Array, "numpy": np.asarray})


@pytest.mark.parametrize(("corner", "kind"), CASES)
def test_forward(corner: Corner, kind: Any) -> None:
    y, dy = ad.jvp(
        lambda *x: _evaluate(corner, *x), _arrays(corner, 0, kind), _arrays(corner, 1, kind)
    )
    rtol = 1e-6 if corner.dtype == "float32" else 1e-14
    _same(_plain(y), corner.value, rtol)
    _same(_plain(dy), corner.tangent, max(rtol, 1e-13))
    if isinstance(y, np.ndarray | np.generic):
        assert dy.dtype == y.dtype


@pytest.mark.parametrize(("corner", "kind"), CASES)
def test_value_is_that_of_the_cpu(corner: Corner, kind: Any) -> None:
    args = _arrays(corner, 0, kind)
    y, _ = ad.jvp(lambda *x: _evaluate(corner, *x), args, _arrays(corner, 1, kind))
    with np.errstate(all="ignore"):
        numbers = [np.float64(x) if isinstance(x, float) else x for x in args]
        expected = _evaluate(corner, *numbers)
    np.testing.assert_equal(_plain(y), _plain(expected))


def _flat(x: Any) -> Any:
    return ak.to_numpy(ak.flatten(x, axis=None)) if isinstance(x, ak.Array) else np.ravel(x)


@pytest.mark.parametrize(("corner", "kind"), CASES)
def test_transposed(corner: Corner, kind: Any) -> None:
    """Re<c, J dx> = Re<J^T c, dx>, where zero times anything is zero."""
    args, directions = _arrays(corner, 0, kind), _arrays(corner, 1, kind)
    y, pullback = ad.vjp(lambda *x: _evaluate(corner, *x), *args)
    if not _is_floating(y):
        return
    c = ak.ones_like(y) * 3.0 if isinstance(y, ak.Array) else np.full_like(y, 3.0)[()]
    c = ak.values_astype(c, corner.dtype) if corner.dtype == "float32" else c
    gradient = pullback(c)
    dy = corner.tangent if isinstance(corner.tangent, list) else [corner.tangent]
    dy = _flat(ak.Array(dy))
    left = inner(np.full(len(dy), 3.0), dy)
    right = sum(inner(_flat(g), _flat(dx)) for g, dx in zip(gradient, directions, strict=True))
    assert right == pytest.approx(
        left, rel=1e-6 if corner.dtype == "float32" else 1e-13, nan_ok=True
    )


def _is_floating(y: Any) -> bool:
    raw = _flat(y)
    return bool(raw.dtype.kind in "fc")


@pytest.mark.parametrize("corner", CORNERS, ids=IDS)
def test_absent_is_zero(corner: Corner) -> None:
    """Invariant 2: inputs with a zero tangent may as well have none."""

    def tangent_or_none(dx: Any) -> Any:
        return None if isinstance(dx, float | complex) and dx == 0 else dx

    args = _arrays(corner, 0, ak.Array)
    directions = tuple(map(tangent_or_none, _arrays(corner, 1, ak.Array)))
    _, dy = ad.jvp(lambda *x: _evaluate(corner, *x), args, directions)
    _same(_plain(dy), corner.tangent, 1e-6 if corner.dtype == "float32" else 1e-13)


def test_every_truth_says_why() -> None:
    assert all(corner.why for corner in CORNERS)
    assert len(CORNERS) > 100
    assert FLAT
