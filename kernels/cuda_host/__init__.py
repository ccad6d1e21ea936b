"""The CUDA sources compiled for the host, through a shim that runs blocks and threads in turns.

So their arithmetic is compared with the reference loops where there is no GPU.
"""

from __future__ import annotations

import ctypes
import hashlib
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

__all__ = ("HostKernel", "HostModule", "compiler")

_SHIM = Path(__file__).with_name("shim.h")
#: arithmetic as IEEE has it: no contraction, no reordering
_FLAGS = ("-std=c++14", "-O1", "-fPIC", "-shared", "-ffp-contract=off", "-w")


def compiler() -> str | None:
    """The C++ compiler of the host, if there is one."""
    return shutil.which("g++") or shutil.which("c++")


@cache
def _directory() -> Path:
    return Path(tempfile.gettempdir()) / f"awkward_dual_kernels_{_user()}"


def _user() -> str:
    import getpass

    return getpass.getuser()


@cache
def _library(code: str, expressions: tuple[str, ...]) -> ctypes.CDLL:
    """The shared library of a source with its kernels as C functions."""
    barriers = "true" if "__syncthreads" in code else "false"
    wrappers = "\n".join(
        f'extern "C" void kernel_{i}(unsigned grid, unsigned block, void** args) '
        f"{{ shim::launch(&{expression}, grid, block, {barriers}, args); }}"
        for i, expression in enumerate(expressions)
    )
    text = f'#include "{_SHIM}"\n{code}\n{wrappers}\n'
    key = hashlib.sha256((text + _SHIM.read_text() + " ".join(_FLAGS)).encode()).hexdigest()[:24]
    path = _directory() / f"{key}.so"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=path.parent) as folder:
            source, built = Path(folder) / "kernels.cpp", Path(folder) / "kernels.so"
            source.write_text(text)
            command = [compiler() or "g++", *_FLAGS, "-o", str(built), str(source)]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            if done.returncode:
                raise RuntimeError(f"{' '.join(command)}\n{done.stderr}")
            built.replace(path)
    return ctypes.CDLL(str(path))


class HostModule:
    """A CUDA source compiled for the host; stands for CuPy's ``RawModule``.

    Parameters
    ----------
    code
        The source.
    name_expressions
        The kernels that are wanted, templates with their types.

    Raises
    ------
    RuntimeError
        If the source does not compile; the message is the compiler's.
    """

    def __init__(
        self, code: str, options: Sequence[str] = (), name_expressions: Sequence[str] = ()
    ) -> None:
        self._names = tuple(name_expressions)
        self._library = _library(code, self._names)

    def get_function(self, name: str) -> HostKernel:
        return HostKernel(getattr(self._library, f"kernel_{self._names.index(name)}"), name)


class HostKernel:
    """A kernel of a `HostModule`: ``kernel(grid, block, args)``, as those of CuPy."""

    def __init__(self, function: Any, name: str) -> None:
        self.name = name
        self._function = function
        function.restype = None

    def __call__(self, grid: Sequence[int], block: Sequence[int], args: Sequence[Any]) -> None:
        held = [_holder(x) for x in args]
        pointers = (ctypes.c_void_p * len(held))(*(x.ctypes.data for x in held))
        self._function(ctypes.c_uint(grid[0]), ctypes.c_uint(block[0]), pointers)


def _holder(x: Any) -> Any:
    """An argument in memory: the address of an array, or the bytes of a number."""
    if isinstance(x, np.ndarray):
        assert x.flags.c_contiguous, "kernels take contiguous arrays"
        return np.array(x.ctypes.data, dtype=np.uintp)
    assert isinstance(x, np.generic), f"{type(x).__name__} has no certain size"
    return np.array(x)
