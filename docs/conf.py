"""Sphinx configuration; tables that come from the code are put in by `generate`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
for _path in (HERE, HERE.parent, HERE.parent / "src"):
    if str(_path) not in sys.path:
        sys.path.insert(0, str(_path))

import generate  # noqa: E402

import awkward_dual  # noqa: E402 - the paths above come first

project = "awkward_dual"
author = "the awkward_dual developers"
release = awkward_dual.__version__

extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
exclude_patterns = ["_build"]
source_suffix = {".md": "myst-nb", ".ipynb": "myst-nb"}
# notebooks are stored with their outputs; docs/notebooks/build.py runs them
nb_execution_mode = "off"

myst_enable_extensions = ["dollarmath", "deflist", "colon_fence"]
myst_heading_anchors = 3
suppress_warnings = ["myst.strikethrough"]

autodoc_typehints = "none"
autodoc_member_order = "bysource"
napoleon_google_docstring = False
napoleon_use_rtype = False

html_theme = "pydata_sphinx_theme"
html_title = "awkward_dual"
html_theme_options = {"show_prev_next": True, "navigation_with_keys": False}
html_show_sourcelink = False


def _fill_in(app: Any, name: str, source: list[str]) -> None:
    source[0] = generate.fill_in(source[0])


def setup(app: Any) -> None:
    """Let tables of the code replace their markers in the pages."""
    app.connect("source-read", _fill_in)
