"""What the installed Awkward says about its kernels, read without running them.

The CUDA tables are read as text, so that no GPU is needed.
"""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from pathlib import Path

import awkward
import awkward_cpp.cpu_kernels
import numpy as np

__all__ = ("InstalledKernel", "awkward_cpp_version", "kernels", "looked_up")

_ROOT = Path(awkward.__file__).parent
_CUDA_DISPATCH = _ROOT / "_backends" / "cupy.py"
_CUDA_SIGNATURES = _ROOT / "_connect" / "cuda" / "_kernel_signatures.py"


@dataclass(frozen=True)
class InstalledKernel:
    """A kernel of the installed awkward-cpp."""

    keys: int
    floating: int
    #: in or out for each argument, as the signatures of all keys agree
    directions: tuple[str, ...]
    cuda: str


def awkward_cpp_version() -> str:
    return version("awkward-cpp")


def kernels() -> dict[str, InstalledKernel]:
    """Every kernel by name."""
    keys = defaultdict(list)
    directions = defaultdict(set)
    for key, function in awkward_cpp.cpu_kernels.kernel.items():
        keys[key[0]].append(key[1:])
        directions[key[0]].add(tuple(function.dir))
    out = {}
    for name, dtypes in keys.items():
        (agreed,) = directions[name]
        floating = sum(any(issubclass(t, np.inexact) for t in key) for key in dtypes)
        out[name] = InstalledKernel(len(dtypes), floating, agreed, _cuda_route(name))
    return out


@cache
def looked_up() -> frozenset[str]:
    """The names of kernels that Awkward's own code looks up."""
    return frozenset(
        name
        for path in _ROOT.rglob("*.py")
        if path != _CUDA_DISPATCH and path.parent != _CUDA_SIGNATURES.parent
        for name in _strings(path)
        if re.fullmatch(r"awkward_[A-Za-z0-9_]+", name)
    )


def _strings(path: Path) -> Iterator[str]:
    text = path.read_text()
    if '"awkward_' not in text:
        return
    for node in ast.walk(ast.parse(text)):
        # a kernel's key is a tuple, or a list of name and dtypes in brackets
        if isinstance(node, ast.Subscript):
            for item in ast.walk(node.slice):
                if isinstance(item, ast.Constant) and isinstance(item.value, str):
                    yield item.value


def _cuda_route(name: str) -> str:
    if name in _cuda_raw():
        return "raw"
    return "cuda.compute" if name in _cuda_compute() else "unsupported"


@cache
def _cuda_raw() -> frozenset[str]:
    """Names with a live .cu kernel: those whose entry is not ``None``."""
    entry = re.compile(r"^    out\['(awkward_\w+)'.*\] = (\w+)$", re.MULTILINE)
    found = entry.findall(_CUDA_SIGNATURES.read_text())
    return frozenset(name for name, value in found if value != "None")


@cache
def _cuda_compute() -> frozenset[str]:
    """Names that the CUDA backend implements in Python."""
    tree = ast.parse(_CUDA_DISPATCH.read_text())
    function = next(
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef) and node.name == "_supports_cuda_compute"
    )
    return frozenset(
        node.value
        for node in ast.walk(function)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    )
