"""The notebooks of the documentation: they run, find what they should, and are stored as they stand."""

from __future__ import annotations

import importlib.util
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import awkward as ak
import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "docs" / "notebooks"


def load(path: Path) -> Any:
    spec = importlib.util.spec_from_file_location("docs_notebooks_build", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


build = load(FOLDER / "build.py")


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], dict[str, Any]]:
    """Run a notebook as it stands in the documentation: what it leaves behind."""
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.delenv("MUONS", raising=False)
    return lambda name: build.run(name)[0]


# -- what they find


def test_first_derivatives(run: Any) -> None:
    left = run("first_derivatives")
    assert np.unique(np.round(np.asarray(left["relative"]), 9)).tolist() == [0.0, 0.5, 1.0]
    assert left["gradient"].type == left["muons"].pt.type
    assert min(left["errors"]) < 1e-8
    fraction = left["fraction"]
    assert ak.max(fraction) == pytest.approx(0.01, rel=1e-9)
    assert ak.min(fraction) == pytest.approx(0.01 / np.sqrt(2), rel=1e-9)


def test_the_z_peak_of_the_generator(run: Any) -> None:
    """The fit finds how wrong the simulated detector is."""
    from muons import TRUTH

    left = run("z_peak")
    assert left["minuit"].valid
    for name in ("barrel", "endcap"):
        assert abs(left["best"][name] - TRUTH[name]) < 4 * left["errors"][name]
    assert np.median(left["before"][left["taken"]][:, 0]) < 95
    assert 0 < np.median(left["from_calibration"]) < 0.2


def test_the_z_peak_of_open_data(run: Any, data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is stored in the documentation."""
    monkeypatch.setenv("MUONS", str(data / "cms-opendata-muons-100k.root"))
    left = run("z_peak")
    assert left["minuit"].valid
    found = [left["best"][name] for name in ("barrel", "endcap", "resolution")]
    assert found == pytest.approx([3.61, 5.14, 1.553], abs=0.02)
    assert [left["errors"][name] for name in ("barrel", "endcap")] == pytest.approx(
        [0.582, 0.805], rel=0.02
    )


def test_selection(run: Any) -> None:
    left = run("selection")
    (_, at_start), (_, at_best) = left["table"].values()
    assert at_best > 2 * at_start
    # inside of all bounds, where the gradient vanishes
    gradient = left["ad"].grad(left["significance"])(left["best"])
    for name, scale in left["SCALES"].items():
        assert abs(gradient[name]) * scale < 1e-2, name
    assert left["best"]["tag"] > left["start"]["tag"]


def test_trijets(run: Any) -> None:
    left = run("trijets")
    found = left["found"]
    np.testing.assert_allclose(found.tangents["lumi"].values(), found.value.values(), rtol=1e-12)
    limits = {"jes": 0.1, "jer": 0.5, "btag": 1e-3, "lumi": 1e-10}
    for name, limit in limits.items():
        assert left["disagreement"][name] < limit, name
    # small steps leave nothing but the derivative
    step = 1e-4
    up, down = (left["analysis"]({**left["NOMINAL"], "jes": s}) for s in (step, -step))
    tangent = found.tangents["jes"].values()
    np.testing.assert_allclose((up - down) / (2 * step), tangent, atol=1e-5 * np.abs(tangent).max())
    minuit = left["minuit"]
    assert minuit.valid
    jes, error = minuit.values["jes"] * 0.03, left["errors"][1] * 0.03
    assert abs(jes - 0.02) < 3 * error
    assert error < 0.012
    assert len(left["sample"]["modifiers"]) == 4


def test_information(run: Any) -> None:
    left = run("information")
    gradients = left["gradients"]
    assert gradients[-1] < 1e-9
    assert gradients[4] < 1e-2 * gradients[3] < 1e-4 * gradients[2], "it converges quadratically"
    assert np.all(np.abs(left["best"] - left["TRUTH"]) < 3 * left["errors"])
    # two hundred fits know their spread to five percent
    assert left["spread"] == pytest.approx(left["bound"], rel=0.15)
    assert left["unbinned"] < left["after"] < 0.9 * left["before"]
    assert np.all(np.diff(left["history"][-1]) > 0)


def test_loops(run: Any) -> None:
    left = run("loops")
    assert np.median(left["slope"]) == pytest.approx(1.0, abs=1e-3)
    assert left["exact"] == pytest.approx(np.asarray(left["numeric"]), abs=1e-5)
    assert abs(left["jacobian"][-1]) < 1e-6, "the track that is far off has no say"
    assert np.min(left["derivative"]) < -0.2, "pulled outwards, the vertex moves back"
    off = np.abs(left["derivative"][1:-1] - left["differences"])
    assert np.median(off) < 1e-3
    assert left["p"][1] == pytest.approx(0.08, abs=0.01)
    assert left["history"][-1] < 0.5 * left["history"][0]


def test_deep_sets(run: Any) -> None:
    left = run("deep_sets")
    (_, first), (_, last) = left["history"][0], left["history"][-1]
    assert last < 0.8 * first
    areas = left["areas"]
    assert areas["network"] > areas["best tag"] + 0.03
    assert areas["network"] > areas["$H_T$"] + 0.1
    assert np.abs(np.asarray(left["backwards"] - left["discriminants"]["network"])).max() < 1e-12
    assert left["saliency"].type == left["unseen"].pt.type


def test_many_files(run: Any) -> None:
    left = run("many_files")
    value, gradient = left["value"], left["gradient"]
    assert len(left["parts"]) == 8
    assert value == pytest.approx(left["at_once"][0], rel=1e-12)
    assert left["on_threads"] == (value, gradient)
    assert left.get("on_dask", (value, gradient)) == (value, gradient)
    assert left["minuit"].valid
    # a correction of a detector that is 1.2 % too low in the barrel, 1.8 % too high outside
    assert left["best"]["scale"] == pytest.approx(1.0, abs=0.012)
    assert left["errors"][0] < 0.002
    if "lazy" in left:
        columns = set(*left["dak"].necessary_columns(left["lazy"]).values())
        assert columns == set(left["COLUMNS"])


# -- what is stored


def stored(name: str) -> Any:
    return json.loads((FOLDER / f"{name}.ipynb").read_text(encoding="utf-8"))


def test_every_source_is_a_notebook() -> None:
    sources = {path.stem for path in FOLDER.glob("*.py")} - {"build"}
    assert sources == set(build.NAMES)
    assert sources == {path.stem for path in FOLDER.glob("*.ipynb")}
    index = (ROOT / "docs" / "index.md").read_text(encoding="utf-8").split()
    assert [f"notebooks/{name}" for name in build.NAMES] == [
        word for word in index if word.startswith("notebooks/")
    ]


@pytest.mark.parametrize("name", build.NAMES)
def test_a_stored_notebook_is_its_source_with_outputs(name: str) -> None:
    notebook = stored(name)
    cells = build.cells(name)
    assert [cell["cell_type"] for cell in notebook["cells"]] == [cell.kind for cell in cells]
    for cell, source in zip(notebook["cells"], cells):
        assert "".join(cell["source"]) == source.source, f"run docs/notebooks/build.py {name}"
    code = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    assert all(cell["execution_count"] for cell in code)
    outputs = [out for cell in code for out in cell["outputs"]]
    assert {out["output_type"] for out in outputs} <= {"stream", "display_data", "execute_result"}
    assert sum("image/png" in out.get("data", {}) for out in outputs) >= 1
    assert (FOLDER / f"{name}.ipynb").stat().st_size < 200_000


def test_figures_have_labels() -> None:
    for name in build.NAMES:
        text = (FOLDER / f"{name}.py").read_text(encoding="utf-8")
        assert "xlabel=" in text, name
        assert "ylabel=" in text, name


def test_cells(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Texts lose their comment signs, code keeps its lines, and needs are read."""
    source = "# %% [markdown]\n# # Title\n#\n# text\n\n# %%\nx = 1\nx\n\n# %% needs: nothing_like_it\ny = 2\n"
    (tmp_path / "some.py").write_text(source, encoding="utf-8")
    monkeypatch.setattr(build, "HERE", tmp_path)
    text, code, last = build.cells("some")
    assert (text.kind, text.source) == ("markdown", "# Title\n\ntext")
    assert (code.kind, code.source, code.line) == ("code", "x = 1\nx", 6)
    assert last.needs == "nothing_like_it"
    left, outputs = build.run("some")
    assert left["x"] == 1
    assert "y" not in left
    assert list(outputs) == [1]
    assert outputs[1][0]["data"]["text/plain"] == ["1"]
