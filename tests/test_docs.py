"""The documentation is true: its code runs, its tables are complete, its limits have tests."""

from __future__ import annotations

import ast
import doctest
import importlib
import importlib.util
import inspect
import pkgutil
import re
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import awkward_dual

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
PAGES = sorted(DOCS.glob("*.md"))
FLAGS = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS
FENCE = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
OPTIONAL = (
    "correctionlib",
    "cupy",
    "hist",
    "iminuit",
    "jax",
    "numba",
    "scipy",
    "tensorflow",
    "torch",
)


def _modules() -> list[str]:
    found = pkgutil.walk_packages(awkward_dual.__path__, "awkward_dual.")
    return ["awkward_dual", *(module.name for module in found)]


def _run(examples: doctest.DocTest) -> None:
    report: list[str] = []
    runner = doctest.DocTestRunner(optionflags=FLAGS)
    runner.run(examples, out=report.append, clear_globs=False)
    assert not runner.failures, "".join(report)


def _code(page: Path) -> str:
    """The code of a page, on the lines where it stands."""
    text = page.read_text(encoding="utf-8")
    lines = [""] * len(text.splitlines())
    for fence in FENCE.finditer(text):
        if fence[1] == "python":
            start = text.count("\n", 0, fence.start(2))
            block = fence[2].splitlines()
            lines[start : start + len(block)] = block
    return "\n".join(lines) + "\n"


def _missing(code: str) -> str:
    """The optional libraries that code imports and that are not there."""
    used = (m for m in OPTIONAL if re.search(rf"(import (.*, )?|from ){m}\b", code))
    return ", ".join(m for m in used if importlib.util.find_spec(m) is None)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_the_code_of_a_page_runs(page: Path) -> None:
    code = _code(page)
    if missing := _missing(code):
        pytest.skip(f"it needs {missing}")
    _run(doctest.DocTestParser().get_doctest(code, {}, page.name, str(page), 0))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_python_block_is_a_doctest(page: Path) -> None:
    for language, block in FENCE.findall(page.read_text(encoding="utf-8")):
        if language == "python":
            assert block.startswith(">>> "), block
            assert block.endswith("\n\n"), (
                f"a doctest wants an empty line before its fence: {block}"
            )
        else:
            assert ">>>" not in block, block


@pytest.mark.parametrize("name", _modules())
def test_the_examples_of_a_module_run(name: str) -> None:
    try:
        module = importlib.import_module(name)
        found = doctest.DocTestFinder(exclude_empty=True).find(module, name)
    except ImportError as error:
        pytest.skip(f"{name} needs {error.name}")
    missing = ""
    for examples in found:
        needed = _missing(examples.docstring or "")
        missing = missing or needed
        if examples.examples and not needed:
            _run(examples)
    if missing:
        pytest.skip(f"an example needs {missing}")


def test_public_functions_have_examples() -> None:
    for name in awkward_dual.__all__:
        what = getattr(awkward_dual, name)
        if isinstance(what, ModuleType) or (inspect.isclass(what) and issubclass(what, Exception)):
            continue
        if name != "unregister":  # its example would end the session
            assert ">>>" in (inspect.getdoc(what) or ""), f"{name} has no example"


# -- tables and the reference


@pytest.fixture(scope="module")
def generate() -> Any:
    """`docs/generate.py`, which prints tables from the code."""
    spec = importlib.util.spec_from_file_location("docs_generate", DOCS / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_markers_name_tables(generate: Any) -> None:
    used = {
        name for page in PAGES for name in generate.MARKER.findall(page.read_text(encoding="utf-8"))
    }
    assert used == set(generate.TABLES)


def test_every_rule_is_in_the_table(generate: Any) -> None:
    from awkward_dual.rules import rows

    text = "".join(generate.rule_table(kind) for kind in generate.Kind)
    for row in rows():
        if not row.option("user"):
            assert re.search(rf"[`.]{re.escape(row.name.removeprefix('_'))}`", text), row.name


def test_corners_are_printed(generate: Any) -> None:
    corners = importlib.import_module("kernels.corners").CORNERS
    assert len(generate.corner_table().splitlines()) == len(corners) + 2


def test_the_reference_is_complete() -> None:
    documented = set(
        re.findall(r"\.\. auto\w+:: (\w+)", (DOCS / "api.md").read_text(encoding="utf-8"))
    )
    public = {name for name in awkward_dual.__all__ if name != "testing"}
    assert documented == public | set(awkward_dual.testing.__all__)


# -- limits


def test_limits_have_tests() -> None:
    named = set(re.findall(r"`(test_\w+)`", (DOCS / "limits.md").read_text(encoding="utf-8")))
    tree = ast.parse((ROOT / "tests" / "test_limits.py").read_text(encoding="utf-8"))
    written = {
        node.name
        for node in tree.body
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    }
    assert named == written


# -- links


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_links_between_pages(page: Path) -> None:
    for target in re.findall(r"\]\(([\w/.]+\.md)\)", page.read_text(encoding="utf-8")):
        assert (DOCS / target).exists(), f"{page.name} links to {target}"


def test_every_page_is_in_the_index() -> None:
    index = (DOCS / "index.md").read_text(encoding="utf-8").split()
    assert {page.stem for page in PAGES} - {"index"} <= set(index)
