"""`pack` and `unpack`: plain forms with both halves."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import awkward as ak
import numpy as np
import pytest

import awkward_dual as ad
from awkward_dual.testing import assert_equal

RAGGED = ak.Array([[1.0, 2.0], [], [3.0]])
RECORDS = ak.Array([{"a": 1.5, "n": 3, "s": "one"}, {"a": 2.5, "n": 4, "s": "two"}])
MISSING = ak.Array([[1.0, None], None])

DUALS = {
    "ragged": ad.dual(RAGGED, RAGGED * 10),
    "records": ad.dual(RECORDS, RECORDS),
    "record": ad.dual(RECORDS[1], RECORDS[0]),
    "missing": ad.dual(MISSING, MISSING),
    "empty": ad.dual(RAGGED[:0], RAGGED[:0]),
    "zeros": ad.dual(RAGGED, RAGGED * 0),
    "directions": ad.dual(
        RAGGED, ak.to_regular(ak.Array([[[1.0, 2.0]] * 2, [], [[3.0, 4.0]]]), axis=-1)
    ),
    "numpy": ad.DualArray(np.ones(2), np.arange(2.0)),
    "numpy directions": ad.DualArray(np.ones(2), np.arange(6.0).reshape(3, 2)),
    "number": ad.dual(2.0, 3.0),
    "number with directions": ad.DualArray(2.0, np.arange(3.0)),
    "complex": ad.dual(ak.Array([1 + 2j]), ak.Array([3j])),
    "tree": {"a": ad.dual(1.0, 2.0), "b": [ad.dual(RAGGED, RAGGED)]},
}


@pytest.mark.parametrize("name", DUALS)
def test_round_trip(name: str) -> None:
    x = DUALS[name]
    packed = ad.pack(x)
    assert set(packed) == {"primal", "tangent"}
    assert not ad.is_live(packed)
    again = ad.unpack(pickle.loads(pickle.dumps(packed)))
    assert ad.is_live(again)
    assert_equal(again, x)
    assert str(getattr(again, "type", "")) == str(getattr(x, "type", ""))


@pytest.mark.parametrize(
    "constant",
    [RAGGED, RECORDS[0], np.ones(2), 2.0, np.array([1, 2])],
    ids=lambda x: type(x).__name__,
)
def test_constants(constant: Any) -> None:
    packed = ad.pack(constant)
    assert packed["tangent"] is None
    assert not ad.is_live(ad.unpack(packed))
    assert_equal(ad.unpack(packed), constant)


def test_constants_of_the_backend_stay_there() -> None:
    packed = ad.pack(ak.to_backend(RAGGED, "dual"))
    assert ak.backend(packed["primal"]) == "cpu"
    assert ak.backend(ad.unpack(packed)) == "dual"


def test_both_halves_travel_by_parquet(tmp_path: Path) -> None:
    pytest.importorskip("pyarrow")
    packed = ad.pack(DUALS["ragged"])
    ak.to_parquet(ak.zip(packed), tmp_path / "both.parquet")
    read = ak.from_parquet(tmp_path / "both.parquet")
    again = ad.unpack({"primal": ak.to_packed(read.primal), "tangent": ak.to_packed(read.tangent)})
    assert ad.tangent(again).to_list() == (RAGGED * 10).to_list()


@pytest.mark.parametrize(
    "operator", [lambda f: ad.jvp(f, (1.0,), (1.0,)), lambda f: ad.grad(f)(1.0)]
)
def test_a_running_call_cannot_be_packed(operator: Any) -> None:
    with pytest.raises(ad.TangentLost, match=r"running call.*return it"):
        operator(ad.pack)
