"""The CUDA sources as NVIDIA's compiler sees them: no GPU is needed for that."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from awkward_dual import rules
from awkward_dual.cuda import formulas, modules
from awkward_dual.rules.table import Kind
from awkward_dual.tracing import NoFormula
from kernels import cuda_compiler

SOURCES = modules._FOLDER
EXPRESSIONS = {
    "combine": [
        "combine1<double, double, double, double>", "combine1<bool, float, float, float>",
        "combine1<cplx<double>, cplx<double>, cplx<double>, double>",
        "combine2<double, double, double, double, double>",
        "combine2<cplx<float>, cplx<float>, cplx<float>, cplx<float>, cplx<float> >",
    ],
    "gather": ["gather<double>", "gather<float>", "gather<cplx<double> >"],
    "scatter": ["scatter<double>", "scatter<float>", "scatter<cplx<double> >"],
    "parents": ["parents"],
    "first": ["first<double>", "first<Index>", "first<cplx<float> >"],
    "segment_sum": [
        "segment_sum<double, double>", "segment_sum<float, float>",
        "segment_sum<cplx<double>, cplx<double> >", "segment_join<double>",
        "segment_join<cplx<double> >",
    ],
    "product": [
        f"product_{part}<{kind}>"
        for part in ("edges", "tiles", "others")
        for kind in ("double", "float", "cplx<double> ")
    ],
}  # fmt: skip
ARCHITECTURES = ("sm_75", "sm_90")
needs_compiler = pytest.mark.skipif(
    cuda_compiler.compiler() is None,
    reason="neither NVRTC (nvidia-cuda-nvrtc-cu12) nor nvcc is installed",
)


def rule_kernels() -> Iterator[tuple[str, str]]:
    """The generated kernels: of every rule with a formula, all arguments live."""
    for row in rules.rows():
        if not isinstance(row.target, np.ufunc) or row.target.nout != 1:
            continue
        if row.kind not in (Kind.SMOOTH, Kind.LINEAR, Kind.SELECT):
            continue
        count = row.target.nin
        try:
            yield row.name, formulas.kernel_text(row, np.dtype(float), [True] * count, range(count))
        except NoFormula:
            continue


def test_every_map_has_a_source_and_every_source_is_tried() -> None:
    assert {path.stem for path in SOURCES.glob("*.cu")} == set(modules.SOURCES) == set(EXPRESSIONS)


def test_constants_agree_with_the_sources() -> None:
    text = modules.source("combine")
    assert f"const int THREADS = {modules.THREADS};" in text
    assert "const int ITEMS = 8;" in text
    assert modules.TILE == modules.THREADS * 8


def test_most_rules_have_a_kernel() -> None:
    names = {name for name, _ in rule_kernels()}
    assert {"multiply", "divide", "sqrt", "exp", "sin", "cos", "tanh", "arctan2", "hypot",
            "maximum", "log"} <= names  # fmt: skip
    assert len(names) > 35


@needs_compiler
@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize("name", EXPRESSIONS)
def test_a_map_compiles(name: str, architecture: str) -> None:
    size = cuda_compiler.compile_source(
        modules.source(name), EXPRESSIONS[name], architecture, modules.OPTIONS
    )
    assert size > 0


@needs_compiler
@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize("dtype", ["float", "double"])
def test_the_kernels_of_rules_compile(dtype: str, architecture: str) -> None:
    texts = {}
    for name, text in rule_kernels():
        key = "".join(c for c in name if c.isalnum())
        texts[f"rule_{key}<{dtype}>"] = text.replace("void rule(", f"void rule_{key}(")
    code = modules.source("rules", "".join(texts.values()))
    assert cuda_compiler.compile_source(code, list(texts), architecture, modules.OPTIONS) > 0


@needs_compiler
def test_a_mistake_is_told() -> None:
    with pytest.raises(RuntimeError, match="identifier"):
        cuda_compiler.compile_source("__global__ void f() { undefined(); }", ["f"], "sm_75")
