"""No kernel writes outside of its buffers; and the guards see one that does."""

from __future__ import annotations

import math
import subprocess
import sys
from pathlib import Path
from typing import Any

import awkward as ak
import numpy as np
import pytest

import awkward_dual as ad
from awkward_dual.adapter import NumpyBackend
from awkward_dual.backend import DualBackend
from awkward_dual.kernel import DualKernel
from kernels import guard, manifest

ROOT = Path(__file__).resolve().parents[2]
UNIQUE = ("awkward_unique_ranges", np.float64, np.int64, np.int64)


def test_runs_as_a_module() -> None:
    run = subprocess.run(
        [sys.executable, "-m", "kernels.guard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    assert run.stdout.endswith("no write outside of a buffer\n")


def test_every_kernel_with_floating_data_is_run() -> None:
    keys = guard.floating_keys()
    with_floats = {name for name, kernel in manifest.load().items() if kernel.floating}
    assert {key[0] for key in keys} == with_floats
    report = guard.Report()
    for key in keys:
        plain = guard.arguments(key, "gaps before and after", "distinct")
        assert list(plain) == list(manifest.load()[key[0]].arguments)
        guard.guarded_call(key, plain, lambda *args: None, report)
    assert report.kernels == with_floats
    assert report.lines == []


# -- the guards see what they look for


def nan_lists() -> dict[str, Any]:
    """What ``[[nan], []]`` is for the kernel that makes elements unique."""
    return {
        "toptr": np.array([math.nan]),
        "fromoffsets": np.array([0, 1, 1]),
        "offsetslength": 3,
        "tooffsets": np.zeros(3, np.int64),
    }


def test_a_known_write_beyond_a_buffer() -> None:
    """Awkward's own loop writes one element too many after a leading NaN; the rule does not."""
    report = guard.Report()
    guard.guarded_call(UNIQUE, nan_lists(), NumpyBackend.instance()[UNIQUE], report)
    assert report.lines == ["awkward_unique_ranges: writes 16 bytes after toptr ()"]
    report = guard.Report()
    guard.guarded_call(UNIQUE, nan_lists(), guard._through_rule(UNIQUE), report)
    assert report.lines == []


@pytest.mark.parametrize(
    ("index", "where"), [(-1, "8 bytes before"), (3, "8 bytes after"), (10, "64 bytes after")]
)
def test_a_planted_write(index: int, where: str) -> None:
    guarded = guard.Guarded(np.zeros(3))
    assert (guarded.written_outside(), guarded.changed()) == ("", False)
    whole = np.lib.stride_tricks.as_strided(guarded.array[0:], shape=(1,))
    address = whole.ctypes.data + 8 * index
    (guard.ctypes.c_double * 1).from_address(address)[0] = 1.0
    assert guarded.written_outside() == where
    assert not guarded.changed()


def test_a_write_into_what_is_only_read() -> None:
    key = ("awkward_reduce_sum", np.float64, np.float64, np.int64)
    report = guard.Report()

    def call(toptr: Any, fromptr: Any, offsets: Any, outlength: int) -> None:
        fromptr[0] = 17.0

    guard.guarded_call(key, guard.arguments(key, "one element", "distinct"), call, report)
    assert report.lines == ["awkward_reduce_sum: writes into fromptr, which it reads ()"]


def test_main_lists_what_is_wrong(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    report = guard.Report(lines=["awkward_x: writes 8 bytes after toptr ()"])
    monkeypatch.setattr(guard, "run_all", lambda: report)
    assert guard.main() == 1
    assert "8 bytes after toptr" in capsys.readouterr().out


# -- programs under guard


def test_programs_give_the_same_under_guard() -> None:
    x = ak.Array([[3.0, 1.0], [], [2.0]])

    def program() -> Any:
        return ad.jvp(lambda x: ak.sum(ak.sort(x, axis=1) ** 2, axis=1), (x,), (x,))

    expected = [part.to_list() for part in program()]
    report = guard.Report()
    with guard.watch(report):
        assert [part.to_list() for part in program()] == expected
    assert {"awkward_sort", "awkward_reduce_sum"} <= report.kernels
    assert report.lines == []


def test_a_program_with_a_write_beyond_a_buffer_is_seen() -> None:
    report = guard.Report()
    with guard.watch(report):
        NumpyBackend.instance()[UNIQUE](*nan_lists().values())
    assert report.lines == ["awkward_unique_ranges: writes 16 bytes after toptr (in a program)"]


def test_the_guard_goes_away() -> None:
    kernel_type = type(NumpyBackend.instance()[UNIQUE])
    before = kernel_type.__call__, DualKernel._callable

    def fails() -> None:
        with guard.watch(guard.Report()):
            assert kernel_type.__call__ is not before[0]
            raise KeyError("inside")

    with pytest.raises(KeyError, match="inside"):
        fails()
    assert (kernel_type.__call__, DualKernel._callable) == before
    assert DualBackend.instance()._kernels == {}
