"""The import law: one direction, one place for Awkward's private names, nothing optional early."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import awkward_dual

SOURCE = Path(awkward_dual.__file__).parent
FILES = sorted(SOURCE.rglob("*.py"))

#: each module imports modules of its own and earlier lines only; a name stands for a folder too
LAYERS = [
    ["errors", "devices", "jit", "memory", "threads"],
    ["levels", "tape", "trees", "rules.table", "tracing", "twins", "adapter"],
    ["loop_source"],
    ["compiled"],
    ["loops"],
    ["pair", "engine"],
    ["maps"],
    ["linear"],
    ["runs.guards", "runs.interpreter", "runs.block_loops"],
    ["runs.program", "runs.budget", "memory.pool"],
    ["runs.steps"],
    ["runs.values"],
    ["runs.pending", "runs.nodes"],
    ["runs"],
    ["apply"],
    ["calls", "elementwise"],
    ["movers"],
    ["rules"],
    ["formatting", "fitting", "methods", "exits"],
    ["protocols"],
    ["array"],
    ["deferred", "nplike", "kernel", "from_iter"],
    ["spread"],
    ["cuda.modules", "cuda.singleton"],
    ["cuda.engine", "cuda.formulas"],
    ["cuda.array"],
    ["cuda.nplike"],
    ["joining"],
    ["vectors"],
    ["patches"],
    ["backend"],
    ["cuda"],
    ["registration"],
    ["operators"],
    ["numba"],
    ["packing", "testing"],
    ["scale.parts", "scale.progress", "scale.sums"],
    ["scale.engine"],
    ["scale.adapters"],
    ["relaxed"],
    ["hist"],
    ["scale"],
    ["bridges.flat", "bridges.buffers", "bridges.formulas"],
    ["bridges"],
]
OPTIONAL = {
    "boost_histogram", "correctionlib", "cupy", "dask", "hist", "iminuit", "jax", "matplotlib", "numba", "optree",
    "pandas", "pyarrow", "scipy", "tensorflow", "torch", "tqdm", "uproot", "vector",
}  # fmt: skip


def module_of(file: Path) -> str:
    name = ".".join(file.relative_to(SOURCE).with_suffix("").parts)
    return name.removesuffix("__init__").rstrip(".")


def imports(file: Path, *, at_import: bool) -> Iterator[str]:
    """The full names that a file imports, everywhere or when it is imported itself."""
    nodes: list[ast.AST] = [ast.parse(file.read_text(encoding="utf-8"))]
    while nodes:
        node = nodes.pop()
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}: a relative import"
            for alias in node.names:
                yield f"{node.module}.{alias.name}"
        elif at_import and isinstance(node, ast.FunctionDef | ast.Lambda):
            continue
        nodes += ast.iter_child_nodes(node)


def layer(module: str) -> int:
    """The line of a module, by its longest prefix there."""
    parts = module.split(".")
    for n in range(len(parts), 0, -1):
        for i, names in enumerate(LAYERS):
            if ".".join(parts[:n]) in names:
                return i
    raise AssertionError(f"{module} is in no layer: say where it stands")


def own_imports(file: Path) -> Iterator[str]:
    modules = {module_of(f) for f in FILES}
    for name in imports(file, at_import=True):
        own = name.removeprefix("awkward_dual.")
        if own == name:
            continue
        while own and own not in modules:
            own = own.rpartition(".")[0]
        if own:
            yield own


@pytest.mark.parametrize("file", [f for f in FILES if module_of(f)], ids=module_of)
def test_imports_point_one_way(file: Path) -> None:
    own = layer(module_of(file))
    for other in own_imports(file):
        assert layer(other) <= own, f"{module_of(file)} must not import {other}"


def test_there_are_no_cycles() -> None:
    graph = {module_of(f): set(own_imports(f)) - {module_of(f)} for f in FILES if module_of(f)}
    done: set[str] = set()

    def visit(module: str, above: tuple[str, ...]) -> None:
        assert module not in above, " imports ".join((*above, module))
        if module not in done:
            for other in sorted(graph[module]):
                visit(other, (*above, module))
            done.add(module)

    for module in graph:
        visit(module, ())


def private(name: str) -> bool:
    parts = name.split(".")
    return parts[0] in ("awkward", "awkward_cpp") and any(p.startswith("_") for p in parts[1:])


@pytest.mark.parametrize("file", FILES, ids=lambda f: module_of(f) or "awkward_dual")
def test_only_the_adapter_knows_private_names_of_awkward(file: Path) -> None:
    found = [name for name in imports(file, at_import=False) if private(name)]
    assert bool(found) == (module_of(file) == "adapter"), found
    if module_of(file) == "adapter":
        return
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            hidden = node.attr.startswith("_") and not node.attr.startswith("__")
            assert not (node.value.id in ("ak", "awkward") and hidden), ast.unparse(node)


def test_the_checks_see_what_they_look_for(tmp_path: Path) -> None:
    file = tmp_path / "module.py"
    file.write_text("import awkward._do\ndef f():\n    from awkward._nplikes import dispatch\n")
    assert list(filter(private, imports(file, at_import=True))) == ["awkward._do"]
    assert len(list(filter(private, imports(file, at_import=False)))) == 2


def run(code: str) -> str:
    result = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], check=True, capture_output=True, text=True
    )
    return result.stdout.strip()


def test_no_optional_library_is_imported() -> None:
    code = (
        "import sys, awkward; before = set(sys.modules); import awkward_dual; "
        "print(*{m.partition('.')[0] for m in set(sys.modules) - before})"
    )
    new = set(run(code).split())
    assert "awkward_dual" in new
    assert not new & OPTIONAL


@pytest.mark.usefixtures("default_engine")
def test_it_works_without_any_optional_library() -> None:
    code = f"""
import sys
for name in {sorted(OPTIONAL)!r}:
    sys.modules[name] = None
import awkward as ak, awkward_dual as ad
assert ad.grad(lambda x: ak.sum(x**2))(ak.Array([[1.0], [2.0]])).to_list() == [[2.0], [4.0]]
"""
    run(code)


def test_importing_is_quick() -> None:
    code = (
        "import time, awkward; start = time.process_time(); import awkward_dual; "
        "print(time.process_time() - start)"
    )
    assert sorted(float(run(code)) for _ in range(3))[1] < 0.3


def test_the_public_names() -> None:
    for name in awkward_dual.__all__:
        value = getattr(awkward_dual, name)
        assert value is awkward_dual.testing or value.__doc__, name
        assert value is awkward_dual.testing or value.__module__.startswith("awkward_dual")
