"""The checker agrees with what is there, and sees every planted gap."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from awkward_dual.rules import Kind, Rule, find, forget, rule
from kernels import check, installed, manifest
from kernels.reference import REFERENCES

ROOT = Path(__file__).resolve().parents[2]
LISTED = manifest.load()
FOUND = installed.kernels()
TABLE = check.kernel_rows()
CALLED = installed.looked_up()


def test_runs_as_a_module() -> None:
    run = subprocess.run(
        [sys.executable, "-m", "kernels.check"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stdout
    assert run.stdout.startswith("144 kernels, 494 specialisations: ")


def test_counts_of_the_design() -> None:
    real = [k for k in LISTED.values() if k.kind in ("linear", "smooth", "select")]
    assert len(LISTED) == 144
    assert len(real) == 13
    assert {k.name for k in real} == set(REFERENCES)


def _without(mapping: Any, name: str) -> dict[str, Any]:
    return {key: value for key, value in mapping.items() if key != name}


def _changed(mapping: Any, name: str, **changes: Any) -> dict[str, Any]:
    return dict(mapping) | {name: dataclasses.replace(mapping[name], **changes)}


SORT = "awkward_sort"
PLANTED = {
    "missing in the manifest": ((_without(LISTED, SORT), FOUND, TABLE, CALLED), 2),
    "missing in awkward": ((LISTED, _without(FOUND, SORT), TABLE, CALLED), 2),
    "missing in the table": ((LISTED, FOUND, _without(TABLE, SORT), CALLED), 1),
    "extra in the table": ((LISTED, FOUND, {**TABLE, "awkward_x": TABLE[SORT]}, CALLED), 1),
    "extra in awkward": ((LISTED, {**FOUND, "awkward_x": FOUND[SORT]}, TABLE, CALLED), 1),
    "looked up, not there": ((LISTED, FOUND, TABLE, {*CALLED, "awkward_x"}), 1),
    "no longer looked up": ((LISTED, FOUND, TABLE, CALLED - {SORT}), 1),
    "wrong kind": ((_changed(LISTED, SORT, kind="smooth"), FOUND, TABLE, CALLED), 1),
    "wrong kind of row": (
        (LISTED, FOUND, {**TABLE, SORT: Rule(SORT, Kind.STEP)}, CALLED), 2),
    "wrong number of keys": ((_changed(LISTED, SORT, keys=10), FOUND, TABLE, CALLED), 1),
    "wrong floating keys": ((_changed(LISTED, SORT, floating=3), FOUND, TABLE, CALLED), 1),
    "wrong CUDA route": ((_changed(LISTED, SORT, cuda="raw"), FOUND, TABLE, CALLED), 1),
    "wrong argument": (
        (_changed(LISTED, SORT, arguments=("toptr", *"abcdef")), FOUND, TABLE, CALLED), 2),
    "wrong direction": (
        (_changed(LISTED, SORT, directions=("out", "out", *["in"] * 5)), FOUND, TABLE, CALLED), 1),
    "nothing differentiable": (
        (_changed(LISTED, SORT, differentiable=()), FOUND, TABLE, CALLED), 1),
    "structure with floats": (
        (_changed(LISTED, "awkward_localindex", floating=1),
         _changed(FOUND, "awkward_localindex", floating=1), TABLE, CALLED), 1),
}  # fmt: skip


@pytest.mark.parametrize("name", PLANTED)
def test_sees_a_planted_gap(name: str) -> None:
    args, count = PLANTED[name]
    lines = check.compare(*args)
    assert len(lines) == count
    assert all("awkward_" in line for line in lines)


def test_agrees_otherwise() -> None:
    assert check.compare(LISTED, FOUND, TABLE, CALLED) == []


def test_main_lists_a_forgotten_row(capsys: pytest.CaptureFixture[str]) -> None:
    row = find(SORT)
    assert row is not None
    forget(SORT)
    try:
        assert check.main() == 1
    finally:
        rule(SORT, row.kind, row.body, **dict(row.options))
    assert f"{SORT}: in the manifest, not in the rule table" in capsys.readouterr().out
    assert check.main() == 0


def test_a_name_that_stands_twice_is_refused(tmp_path: Path) -> None:
    text = manifest.MANIFEST.read_text()
    entry = next(line for line in text.splitlines() if SORT in line)
    path = tmp_path / "twice.json"
    path.write_text(text.replace(entry, entry.replace(SORT, "awkward_argsort")))
    with pytest.raises(ValueError, match="awkward_argsort stands twice"):
        manifest.load(path)


def test_every_floating_key_of_a_passive_kernel_only_reads() -> None:
    """Otherwise it would move data, and need a real rule."""
    for name, kernel in LISTED.items():
        if kernel.kind == "structure":
            assert not any(
                issubclass(t, np.inexact)
                for key in installed.awkward_cpp.cpu_kernels.kernel
                if key[0] == name
                for t in key[1:]
            )
