"""All cases of ``dual-cuda`` on a CuPy over NumPy, in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from kernels.cuda_host import compiler

ROOT = Path(__file__).resolve().parents[2]

pytestmark = [
    pytest.mark.skipif(compiler() is None, reason="no C++ compiler to stand for that of CUDA"),
    pytest.mark.skipif(sys.platform == "win32", reason="the shim's fibers are POSIX's"),
]


def run(*parts: str, report: Path, **environment: str) -> dict[str, str]:
    command = [sys.executable, "-m", "tests.cuda.run", "--fake", "--json", str(report), *parts]
    paths = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    done = subprocess.run(
        command, cwd=ROOT, env=os.environ | {"PYTHONPATH": paths} | environment, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert report.exists(), done.stderr
    found: dict[str, str] = json.loads(report.read_text(encoding="utf-8"))
    return found


@pytest.mark.parametrize(
    ("parts", "at_least"),
    [
        (("jvp of",), 350),
        (("vjp of",), 350),
        (("kernel of", "combine", "gather", "parents", "positions"), 50),
        (("segment_sum", "first", "product"), 100),
        (("corner", "crossings", "_"), 100),
    ],
    ids=["forward", "reverse", "elementwise", "segments", "operations"],
)
def test_cases(parts: tuple[str, ...], at_least: int, tmp_path: Path) -> None:
    found = run(*parts, report=tmp_path / "report.json")
    failed = {name: text for name, text in found.items() if text}
    assert not failed, "\n".join(f"--- {name}\n{text}" for name, text in failed.items())
    assert len(found) >= at_least


def test_runs_of_the_host_are_pending(tmp_path: Path) -> None:
    """A write on the device has nothing to do with what the host computes late."""
    found = run("vjp of firsts", report=tmp_path / "report.json", AWKWARD_DUAL_ENGINE="compiled")
    assert set(found.values()) == {""}, found


def test_most_programs_of_the_catalogue_run_on_cuda(tmp_path: Path) -> None:
    """What Awkward's CUDA backend refuses is a short list; the cases compare all others."""
    code = (
        "from tests.cuda_host import fake_cupy; fake_cupy.install()\n"
        "import json, sys, warnings; warnings.simplefilter('ignore')\n"
        "from tests.cuda import cases\n"
        "for program in cases.PROGRAMS:\n"
        "    cases.outcome(lambda: program.function(*map(cases.on_gpu, program.args)), program)\n"
        "print(json.dumps(sorted(cases.REFUSED)))\n"
    )
    paths = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=os.environ | {"PYTHONPATH": paths},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert len(json.loads(done.stdout)) < 40, done.stdout


def test_importing_needs_no_cupy() -> None:
    code = "import sys, awkward_dual.cuda; assert 'cupy' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
