"""Notebooks from their sources: `name.py` here is run cell by cell and written as `name.ipynb`.

    python docs/notebooks/build.py [name ...]      # all of them without a name

A source is Python with cells: `# %% [markdown]` begins a text, `# %%` begins code. A cell that
needs what not everybody has says so: `# %% needs: distributed`. The same files are what the tests run.
"""

from __future__ import annotations

import ast
import base64
import contextlib
import importlib.util
import io
import json
import os
import re
import sys
from pathlib import Path
from typing import Any, NamedTuple

HERE = Path(__file__).resolve().parent
#: the notebooks, in the order of the documentation
NAMES = (
    "first_derivatives",
    "z_peak",
    "selection",
    "trijets",
    "information",
    "loops",
    "deep_sets",
    "many_files",
)
MARKER = re.compile(r"^# %%(?: (\[markdown\])| needs: (\S+))?$", re.MULTILINE)
DPI = 80


class Cell(NamedTuple):
    """A piece of a notebook; `line` is where its source begins in the file."""

    kind: str
    source: str
    line: int
    needs: str | None


def cells(name: str) -> list[Cell]:
    """The cells of a source."""
    text = (HERE / f"{name}.py").read_text(encoding="utf-8")
    found = []
    markers = list(MARKER.finditer(text))
    for marker, after in zip(markers, [*markers[1:], None]):
        body = text[marker.end() + 1 : after.start() if after else None].strip("\n")
        if marker[1]:
            body = re.sub(r"^# ?", "", body, flags=re.MULTILINE)
        line = text.count("\n", 0, marker.end()) + 1
        found.append(Cell("markdown" if marker[1] else "code", body, line, marker[2]))
    return found


def is_there(needs: str | None) -> bool:
    """Whether a cell can run here."""
    return needs is None or importlib.util.find_spec(needs) is not None


def run(name: str) -> tuple[dict[str, Any], dict[int, list[dict[str, Any]]]]:
    """Run a notebook: what it leaves behind, and the outputs of its cells by number.

    Cells that need what is not installed are left out.
    """
    import matplotlib as mpl

    mpl.use("agg")
    space: dict[str, Any] = {"__name__": f"notebook_{name}"}
    outputs = {}
    with _in(HERE), mpl.rc_context():
        for i, cell in enumerate(cells(name)):
            if cell.kind == "code" and is_there(cell.needs):
                outputs[i] = _run_cell(cell, space, f"{name}.py")
    return space, outputs


@contextlib.contextmanager
def _in(folder: Path) -> Any:
    before = Path.cwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)


def _run_cell(cell: Cell, space: dict[str, Any], filename: str) -> list[dict[str, Any]]:
    """What a cell prints, draws, and has as the value of its last line, as Jupyter shows it."""
    from matplotlib import pyplot as plt

    tree = ast.parse(cell.source)
    ast.increment_lineno(tree, cell.line)
    last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    printed, value = io.StringIO(), None
    with contextlib.redirect_stdout(printed):
        exec(compile(tree, filename, "exec", dont_inherit=True), space)
        if last is not None:
            value = eval(_compiled_value(last, filename), space)
    outputs: list[dict[str, Any]] = []
    if printed.getvalue():
        outputs.append(
            {"name": "stdout", "output_type": "stream", "text": _lines(printed.getvalue())}
        )
    if value is not None:
        data = {"text/plain": _lines(repr(value))}
        outputs.append({"data": data, "metadata": {}, "output_type": "execute_result"})
    for number in plt.get_fignums():
        outputs.append(_drawn(plt.figure(number)))
    plt.close("all")
    return outputs


def _compiled_value(line: ast.Expr, filename: str) -> Any:
    return compile(ast.Expression(line.value), filename, "eval", dont_inherit=True)


def _drawn(figure: Any) -> dict[str, Any]:
    png = io.BytesIO()
    figure.savefig(png, dpi=DPI, metadata={"Software": None})
    data = {
        "image/png": base64.b64encode(png.getvalue()).decode(),
        "text/plain": [repr(figure)],
    }
    return {"data": data, "metadata": {}, "output_type": "display_data"}


def _lines(text: str) -> list[str]:
    return text.splitlines(keepends=True)


def notebook(name: str, outputs: dict[int, list[dict[str, Any]]]) -> dict[str, Any]:
    """The content of the file, in the format of Jupyter (nbformat 4.5)."""
    written = []
    number = 0
    for i, cell in enumerate(cells(name)):
        own: dict[str, Any] = {
            "cell_type": cell.kind,
            "id": f"cell-{i}",
            "metadata": {},
            "source": _lines(cell.source),
        }
        if cell.kind == "code":
            number += 1
            shown = [
                {**out, "execution_count": number}
                if out["output_type"] == "execute_result"
                else out
                for out in outputs[i]
            ]
            own |= {"execution_count": number, "outputs": shown}
        written.append(own)
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    return {
        "cells": written,
        "metadata": {"kernelspec": kernel, "language_info": {"name": "python"}},
        "nbformat": 4,
        "nbformat_minor": 5,
    }


def main() -> None:
    """Run and write the notebooks that are named."""
    # as Jupyter does: a notebook imports what lies beside it
    sys.path.insert(0, str(HERE))
    for name in sys.argv[1:] or NAMES:
        missing = [cell.needs for cell in cells(name) if not is_there(cell.needs)]
        if missing:
            sys.exit(f"{name} needs {', '.join(map(str, missing))}")
        _, outputs = run(name)
        text = json.dumps(notebook(name, outputs), indent=1, ensure_ascii=False, sort_keys=True)
        path = HERE / f"{name}.ipynb"
        path.write_text(f"{text}\n", encoding="utf-8")
        sys.stdout.write(f"{path.name}: {len(text) // 1024} kB\n")


if __name__ == "__main__":
    main()
