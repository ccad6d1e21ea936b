"""NVIDIA's compilers of CUDA sources, NVRTC or nvcc: they need no GPU, so the sources can be tried without."""

from __future__ import annotations

import ctypes
import ctypes.util
import importlib.util
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

__all__ = ("compile_source", "compiler")


def compiler() -> str | None:
    """Which of them is there: NVRTC, as CuPy has it, before nvcc."""
    if _library() is not None:
        return "nvrtc"
    return "nvcc" if shutil.which("nvcc") else None


@cache
def _library() -> Any:
    """The library, from the wheel ``nvidia-cuda-nvrtc-cu12`` or the system; ``None`` without."""
    names = [ctypes.util.find_library("nvrtc")]
    try:
        spec = importlib.util.find_spec("nvidia.cuda_nvrtc")
    except ModuleNotFoundError:
        spec = None
    for folder in (spec.submodule_search_locations or ()) if spec is not None else ():
        names += map(str, sorted(Path(folder, "lib").glob("libnvrtc.so*")))
    for name in filter(None, names):
        try:
            return ctypes.CDLL(name)
        except OSError:
            continue
    return None


def compile_source(
    code: str, expressions: Sequence[str], architecture: str, options: Sequence[str] = ()
) -> int:
    """Compile a source for an architecture, as ``sm_90``; the size of the result in bytes.

    Raises
    ------
    RuntimeError
        If it does not compile; the message is the compiler's.
    """
    by = _with_nvrtc if compiler() == "nvrtc" else _with_nvcc
    return by(code, expressions, architecture, options)


def _with_nvcc(
    code: str, expressions: Sequence[str], architecture: str, options: Sequence[str]
) -> int:
    # templates are instantiated where their addresses are taken
    names = ", ".join(f"(void*)&{expression}" for expression in expressions)
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder, "kernels.cu"), Path(folder, "kernels.cubin")
        source.write_text(f"{code}\nvoid* const used[] = {{{names}}};\n", encoding="utf-8")
        command = [
            "nvcc",
            "-cubin",
            "-arch",
            architecture,
            *options,
            "-o",
            str(target),
            str(source),
        ]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(done.stdout + done.stderr)
        return target.stat().st_size


def _with_nvrtc(
    code: str, expressions: Sequence[str], architecture: str, options: Sequence[str]
) -> int:
    nvrtc = _library()
    program = ctypes.c_void_p()
    _check(
        nvrtc.nvrtcCreateProgram(ctypes.byref(program), code.encode(), b"kernels.cu", 0, None, None)
    )
    try:
        for expression in expressions:
            _check(nvrtc.nvrtcAddNameExpression(program, expression.encode()))
        flags = [f"--gpu-architecture={architecture}".encode(), *(o.encode() for o in options)]
        status = nvrtc.nvrtcCompileProgram(
            program, len(flags), (ctypes.c_char_p * len(flags))(*flags)
        )
        if status:
            raise RuntimeError(_log(nvrtc, program))
        size = ctypes.c_size_t()
        _check(nvrtc.nvrtcGetCUBINSize(program, ctypes.byref(size)))
        return size.value
    finally:
        nvrtc.nvrtcDestroyProgram(ctypes.byref(program))


def _check(status: int) -> None:
    if status:
        raise RuntimeError(f"NVRTC: status {status}")


def _log(nvrtc: Any, program: Any) -> str:
    size = ctypes.c_size_t()
    nvrtc.nvrtcGetProgramLogSize(program, ctypes.byref(size))
    text = ctypes.create_string_buffer(size.value)
    nvrtc.nvrtcGetProgramLog(program, text)
    return text.value.decode(errors="replace")
