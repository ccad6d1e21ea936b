"""Run Awkward's own test suite on the dual backend: ``python -m tests.upstream.run --mode absent``.

The suite is that of the installed Awkward, fetched from PyPI (its sdist) and kept under
``.cache/``. It runs once as it is, which gives the tests that pass on ``cpu`` here, and
then in the mode asked for. What fails must be listed in ``known.toml`` with its reason,
and what is listed there must fail.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib.metadata
import importlib.util
import json
import os
import subprocess
import sys
import tarfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
CACHE = ROOT / ".cache" / "upstream"
MODES = ("plain", "absent", "live")
#: what the suite needs of the sdist
_NEEDED = (["tests"], ["pyproject.toml"], ["kernel-specification.yml"])
#: of the files of the suite, in order of their names, every how manieth is in the quick subset
QUICK = 12


#: older patch releases of Python 3.10 and 3.11 have no filters
_SAFE: dict[str, Any] = {"filter": "data"} if hasattr(tarfile, "data_filter") else {}


class CannotFetch(RuntimeError):
    """The suite is not here and cannot be had."""


def fetch() -> Path:
    """The directory of the suite that belongs to the installed Awkward.

    Raises
    ------
    CannotFetch
        If it is not cached and PyPI does not give it.
    """
    version = importlib.metadata.version("awkward")
    source = CACHE / f"awkward-{version}"
    if (source / "tests").is_dir():
        return source
    CACHE.mkdir(parents=True, exist_ok=True)
    archive = CACHE / f"awkward-{version}.tar.gz"
    if not archive.exists():
        print(f"fetching the sdist of awkward {version} …", flush=True)
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-binary",
                   "awkward", f"awkward=={version}", "-d", str(CACHE)]  # fmt: skip
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode or not archive.exists():
            lines = done.stderr.strip().splitlines() or ["no sdist"]
            raise CannotFetch(f"cannot fetch the sdist of awkward {version}: {lines[-1]}")
    with tarfile.open(archive) as tar:
        members = [m for m in tar if m.name.split("/")[1:2] in _NEEDED]
        tar.extractall(CACHE, members=members, **_SAFE)
    return source


def files_of(suite: Path, subset: str) -> list[str]:
    """The suite's files, or those of its quick subset, relative to it."""
    files = sorted(str(p.relative_to(suite)) for p in suite.glob("tests/**/test_*.py"))
    return files[::QUICK] if subset == "quick" else files


def environment() -> str:
    """A name for what is installed: other packages skip other tests."""
    installed = sorted(f"{d.name}=={d.version}" for d in importlib.metadata.distributions())
    return hashlib.sha256("\n".join([sys.version, *installed]).encode()).hexdigest()[:12]


def run_suite(
    suite: Path, mode: str, files: list[str], results: Path, extra: list[str]
) -> dict[str, dict[str, str]]:
    """Run `files` in `mode`; the outcome of each test by its name."""
    # this may run inside pytest
    env = {k: v for k, v in os.environ.items() if not k.startswith("PYTEST_")}
    inherited = [p for p in env.get("PYTHONPATH", "").split(os.pathsep) if p]
    # absolute, because the suite runs in its own directory, which has a `src` too
    paths = [HERE, ROOT / "src", *(Path(p).absolute() for p in inherited)]
    env["PYTHONPATH"] = os.pathsep.join(map(str, paths))
    env["AWKWARD_DUAL_UPSTREAM_MODE"] = mode
    env["AWKWARD_DUAL_UPSTREAM_RESULTS"] = str(results)
    results.unlink(missing_ok=True)
    command = [sys.executable, "-m", "pytest", "-p", "plugin", "-p", "no:cacheprovider", "-q",
               "--no-header", "--tb=no", "--no-showlocals", "-rN", "--disable-warnings", "--continue-on-collection-errors",
               "--hypothesis-seed=0", *extra, *files]  # fmt: skip
    done = subprocess.run(command, cwd=suite, env=env, check=False)
    if not results.exists():
        raise RuntimeError(f"the suite did not run in mode {mode}: exit code {done.returncode}")
    outcomes: dict[str, dict[str, str]] = json.loads(results.read_text(encoding="utf-8"))
    return outcomes


def passing_on_cpu(suite: Path, subset: str, extra: list[str]) -> set[str]:
    """The tests that pass without this project, from the cache if the environment is the same."""
    for kept in (subset, "all"):
        path = CACHE / f"cpu-{kept}-{suite.name}-{environment()}.json"
        if path.exists():
            break
    else:
        path = CACHE / f"cpu-{subset}-{suite.name}-{environment()}.json"
        print(f"Awkward's tests on cpu ({subset}), once:", flush=True)
        run_suite(suite, "cpu", files_of(suite, subset), path, extra)
    files = set(files_of(suite, subset))
    outcomes = json.loads(path.read_text(encoding="utf-8"))
    passing = {test for test, found in outcomes.items() if found["outcome"] == "passed"}
    if len(passing) < len(outcomes) / 2:
        path.unlink()
        raise RuntimeError(f"only {len(passing)} of {len(outcomes)} tests pass on cpu")
    return {test for test in passing if test.partition("::")[0] in files}


# -- known failures


@dataclass(frozen=True)
class Known:
    """One entry of known.toml: a test, or all that begin with a name that ends in ``*``."""

    test: str
    modes: tuple[str, ...]
    reason: str

    def covers(self, test: str) -> bool:
        return test == self.test or (self.test.endswith("*") and test.startswith(self.test[:-1]))


def known_failures(mode: str, path: Path = HERE / "known.toml") -> list[Known]:
    if importlib.util.find_spec("tomllib"):
        import tomllib
    else:  # Python 3.10
        import tomli as tomllib
    table: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
    entries = [
        Known(test, tuple(group["modes"]), group["reason"])
        for group in table.get("group", ())
        for test in group["tests"]
    ]
    return [entry for entry in entries if mode in entry.modes]


@dataclass
class Report:
    """What came out of one run."""

    mode: str
    passing: set[str]
    failed: dict[str, str]
    unknown: list[str]
    stale: list[str]

    @property
    def good(self) -> bool:
        return not self.unknown and not self.stale

    def summary(self) -> str:
        n, m = len(self.passing) - len(self.failed), len(self.passing)
        share = 100 * n / m if m else 100.0
        return f"{self.mode}: {n} passed of {m} that pass on cpu: {share:.2f} %"


def compare(mode: str, passing: set[str], outcomes: dict[str, Any], files: set[str]) -> Report:
    """Hold the outcomes of a run against those on cpu and the list of known failures."""
    failed = {
        test: outcomes.get(test, {}).get("why", "did not run")
        for test in sorted(passing)
        if outcomes.get(test, {}).get("outcome") != "passed"
    }
    known = [e for e in known_failures(mode) if e.test.partition("::")[0] in files]
    unknown = [test for test in failed if not any(entry.covers(test) for entry in known)]
    # a test that does not run on cpu here, for want of a library, says nothing
    known = [e for e in known if any(map(e.covers, passing))]
    stale = [e.test for e in known if not any(map(e.covers, failed))]
    return Report(mode, passing, failed, unknown, stale)


def run(mode: str, subset: str = "all", extra: list[str] | None = None) -> Report:
    """Run the suite, or a subset of it, in one mode."""
    suite = fetch()
    passing = passing_on_cpu(suite, subset, extra or [])
    files = files_of(suite, subset)
    outcomes = run_suite(suite, mode, files, CACHE / f"{mode}-{subset}.json", extra or [])
    return compare(mode, passing, outcomes, set(files))


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.upstream.run", description=__doc__)
    parser.add_argument("--mode", choices=MODES, action="append", help="default: all of them")
    parser.add_argument("--subset", choices=("all", "quick"), default="all")
    parser.add_argument("--jobs", type=int, default=1, help="worker processes (pytest-xdist)")
    options = parser.parse_args()
    extra = ["-n", str(options.jobs)] if options.jobs > 1 else []
    good = True
    for mode in options.mode or MODES:
        try:
            report = run(mode, options.subset, extra)
        except CannotFetch as error:
            print(error, file=sys.stderr)
            return 2
        print(report.summary())
        for test in report.unknown:
            print(f"  fails and is not in known.toml: {test}\n      {report.failed[test]}")
        for test in report.stale:
            print(f"  is in known.toml but passes: {test}")
        good = good and report.good
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
