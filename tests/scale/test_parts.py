"""Names of parts, and parts made of arrays and files."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import awkward as ak
import numpy as np
import pytest

import awkward_dual as ad
from awkward_dual.scale.parts import known_events, numbered


def names(parts: Any) -> list[str]:
    return [part.name for part in numbered(parts)]


def test_names() -> None:
    array = ak.zip({"name": [1.0, 2.0]})
    assert names({"data": 1, 5: 2}) == ["data", "5"]
    assert names(["a.root", Path("b.root"), array, 3]) == ["a.root", "b.root", "part 2", "part 3"]
    assert names(["a", "a", "a"]) == ["a", "a (part 1)", "a (part 2)"]
    assert names(ad.scale.rows(array, 1)) == ["rows 0:1", "rows 1:2"]


def test_rows() -> None:
    x = ak.Array([[1.0], [2.0, 3.0], [], [4.0]])
    parts = ad.scale.rows(x, 3)
    assert [part().to_list() for part in parts] == [[[1.0], [2.0, 3.0], []], [[4.0]]]
    assert known_events(parts) == 4
    assert ad.scale.rows(np.arange(3), 5)[0]().tolist() == [0, 1, 2]
    assert ad.scale.rows(x[:0], 3) == []
    with pytest.raises(ValueError, match="at least 1"):
        ad.scale.rows(x, 0)


def test_only_the_rows_of_a_part_travel() -> None:
    whole = ak.Array(np.zeros((1000, 100)))
    ragged = ak.from_regular(whole)
    for array in (whole, ragged):
        part = ad.scale.rows(array, 10)[3]
        assert len(pickle.dumps(part)) < 20_000


def test_unknown_numbers_of_events() -> None:
    assert known_events([ak.Array([1, 2]), lambda: 1]) is None
    assert known_events(iter([])) is None
    assert known_events({"a": np.zeros(3), "b": np.zeros(4)}) == 7


@pytest.fixture
def muons(tmp_path: Path) -> Path:
    """A ROOT file with ragged columns."""
    uproot = pytest.importorskip("uproot")
    path = tmp_path / "muons.root"
    with uproot.recreate(path) as file:
        file.mktree("Events", {"Muon_pt": "var * float64", "run": "int64"})
        pt = ak.Array([[float(i)] * (i % 3) for i in range(25)])
        file["Events"].extend({"Muon_pt": pt, "run": np.arange(25)})
    return path


def test_files(muons: Path) -> None:
    parts = ad.scale.files([muons, str(muons)], "Events", ["Muon_pt"], step=10)
    assert len(parts) == 6
    assert known_events(parts) == 50
    assert parts[1].name == f"{muons}:Events[10:20]"
    assert parts[1]().fields == ["Muon_pt"]
    pt = ad.scale.total(lambda events: ak.sum(events.Muon_pt), parts)
    assert pt == 2 * sum(i * (i % 3) for i in range(25))
    value, gradient = ad.scale.value_and_grad(scaled, parts, 2.0)
    assert float(value) == 2 * pt
    assert float(gradient) == pt
    assert ad.scale.files(muons)[0]().fields == ["nMuon_pt", "Muon_pt", "run"]


def test_names_of_trees(muons: Path) -> None:
    """As uproot has them."""
    uproot = pytest.importorskip("uproot")
    with uproot.update(muons) as file:
        file.mktree("Other", {"x": "float64"})
        file["Other"].extend({"x": np.arange(3.0)})
    for paths in (f"{muons}:Other", [f"{muons}:Other"], {muons: "Other"}):
        (part,) = ad.scale.files(paths)
        assert part.name == f"{muons}:Other[0:3]"
        assert part().fields == ["x"]
    both = ad.scale.files([muons, f"{muons}:Other"])
    assert [part.tree for part in both] == ["Events", "Other"]


def scaled(events: Any, scale: Any) -> Any:
    """A sum that depends on a parameter."""
    return ak.sum(scale * events.Muon_pt)


def test_a_missing_file_is_named(muons: Path) -> None:
    (part,) = ad.scale.files(muons)
    muons.unlink()
    with pytest.raises(ad.PartsFailed, match=r"muons\.root:Events\[0:25\]: FileNotFoundError"):
        ad.scale.value_and_grad(scaled, [part], 1.0)


def test_a_path_is_not_several_parts() -> None:
    for path in ("data.root", Path("data.root")):
        with pytest.raises(TypeError, match=r"write \['data.root'\]"):
            ad.scale.value_and_grad(lambda part, p: p * len(part), path, 1.0)
