"""Executors of coffea, or with their interface."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import awkward_dual as ad
from tests.scale import programs
from tests.scale.programs import PARAMS, Flaky, add_all, loss, sample


def like_coffea(items: Any, function: Any, accumulator: Any) -> Any:
    """The interface of coffea's executors: results merged in any order."""
    for item in reversed(list(items)):
        accumulator.update(function(item))
    return accumulator, 0


def losing(items: Any, function: Any, accumulator: Any) -> Any:
    """An executor that recovers from an error of its own."""
    return {**accumulator, **function(items[0])}, OSError("the batch system is down")


def test_the_bits_are_the_same(rng: np.random.Generator) -> None:
    parts = ad.scale.rows(sample(rng), 10)
    value, gradient = ad.scale.value_and_grad(
        loss, parts, PARAMS, executor=ad.scale.Coffea(like_coffea)
    )
    expected = ad.scale.value_and_grad(loss, parts, PARAMS)
    assert value.tobytes() == expected[0].tobytes()
    assert gradient["scale"].tobytes() == expected[1]["scale"].tobytes()


def test_failures(tmp_path: Path) -> None:
    parts = [Flaky(tmp_path, str(i), {1: 1, 2: 9}.get(i, 0), programs.fail) for i in range(4)]
    with pytest.raises(ad.PartsFailed) as caught:
        ad.scale.total(add_all, parts, executor=ad.scale.Coffea(like_coffea))
    assert set(caught.value.failed) == {"2"}
    assert caught.value.partial == {"sum": 4.0, "parts": 3}
    assert [part.calls() for part in parts] == [1, 2, 3, 1]


def test_lost_parts(tmp_path: Path) -> None:
    with pytest.raises(ad.PartsFailed, match="batch system") as caught:
        ad.scale.total(len, ["a", "b", "c"], executor=ad.scale.Coffea(losing))
    assert set(caught.value.failed) == {"b", "c"}


@pytest.mark.parametrize("name", ["IterativeExecutor", "FuturesExecutor"])
def test_coffea(name: str, rng: np.random.Generator) -> None:
    processor = pytest.importorskip("coffea.processor", reason="coffea is not installed")
    options = {"pool": ThreadPoolExecutor} if name == "FuturesExecutor" else {}
    executor = getattr(processor, name)(status=False, workers=2, **options)
    parts = ad.scale.rows(sample(rng), 10)
    found = ad.scale.value_and_grad(loss, parts, PARAMS, executor=ad.scale.Coffea(executor))
    assert found[0].tobytes() == ad.scale.value_and_grad(loss, parts, PARAMS)[0].tobytes()


def test_dask(rng: np.random.Generator) -> None:
    distributed = pytest.importorskip("distributed", reason="distributed is not installed")
    parts = ad.scale.rows(sample(rng), 10)
    with distributed.Client(processes=False, dashboard_address=None) as client:
        found = ad.scale.value_and_grad(loss, parts, PARAMS, executor=client.get_executor())
    assert found[0].tobytes() == ad.scale.value_and_grad(loss, parts, PARAMS)[0].tobytes()
