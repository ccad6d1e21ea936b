"""Invariants 4 and 5: nothing is lost in silence, a hole speaks."""

from __future__ import annotations

import copy
import io
import json
import math
import pickle
import statistics
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import awkward as ak
import numpy as np
import pytest

import awkward_dual as ad
from awkward_dual.testing import assert_equal

NUMBER = ad.dual(2.5, 1.0)
BUFFER = ad.DualArray(np.array([1.0, 2.0]), np.array([1.0, 2.0]))
FLAT = ad.dual(ak.Array([1.0, 2.0]), ak.Array([1.0, 2.0]))
RAGGED = ad.dual(ak.Array([[1.0, 2.0], [3.0]]), ak.Array([[1.0, 2.0], [3.0]]))
COMPLEX = ad.dual(1.0 + 2.0j, 1.0)


def _assign(target: Any, value: Any) -> None:
    target[...] = value


LOSSES: dict[str, Callable[[], Any]] = {
    "np.asarray": lambda: np.asarray(BUFFER),
    "np.asarray of a number": lambda: np.asarray(NUMBER),
    "np.array": lambda: np.array(BUFFER),
    "np.array of a list": lambda: np.array([NUMBER, NUMBER]),
    "np.float64": lambda: np.float64(NUMBER),
    "np.float32": lambda: np.float32(NUMBER),
    "float": lambda: float(NUMBER),
    "int": lambda: int(NUMBER),
    "complex": lambda: complex(COMPLEX),
    "item": NUMBER.item,
    "item of an array": lambda: BUFFER.item(0),
    "%": lambda: "%f" % NUMBER,  # noqa: UP031
    "an index": lambda: [1, 2, 3][NUMBER],
    "range": lambda: range(NUMBER),
    "tobytes": BUFFER.tobytes,
    "a pointer": lambda: BUFFER.ctypes,
    "math.sin": lambda: math.sin(NUMBER),
    "math.pow": lambda: math.pow(NUMBER, 2),
    "math.hypot": lambda: math.hypot(NUMBER, 1.0),
    "math.fsum": lambda: math.fsum([NUMBER, 1.0]),
    "math.floor": lambda: math.floor(NUMBER),
    "math.ceil": lambda: math.ceil(NUMBER),
    "math.trunc": lambda: math.trunc(NUMBER),
    "math.isnan": lambda: math.isnan(NUMBER),
    "ak.to_numpy": lambda: ak.to_numpy(FLAT),
    "np.asarray of ak.Array": lambda: np.asarray(FLAT),
    "to_backend": lambda: ak.to_backend(RAGGED, "cpu"),
    "ak.Array(backend)": lambda: ak.Array(RAGGED, backend="cpu"),
    "np.arange": lambda: np.arange(NUMBER),
    "np.full": lambda: np.full(2, NUMBER),
    "np.copyto": lambda: np.copyto(np.zeros(2), BUFFER),
    "assignment": lambda: _assign(np.zeros(2), BUFFER),
    "out": lambda: np.add(BUFFER, BUFFER, out=np.zeros(2)),
    "+=": lambda: np.zeros(2).__iadd__(BUFFER),
    "np.vectorize": lambda: np.vectorize(lambda x: x * 2)(BUFFER),
    "a ufunc with where": lambda: np.sqrt(BUFFER, where=np.array([True, False])),
    "a view as integers": lambda: BUFFER.view(np.int64),
    "live values into integers": lambda: _assign(ad.DualArray(np.zeros(2, dtype=int)), BUFFER),
    "a live write to a view": lambda: _assign(ad.DualArray(np.zeros(4))[1:3], BUFFER),
    "np.testing": lambda: np.testing.assert_allclose(BUFFER, BUFFER),
    "random": lambda: np.random.default_rng(0).normal(NUMBER),
}

HOLES: dict[str, Callable[[], Any]] = {
    name: (lambda function=function: function(BUFFER))
    for name, function in {
        "histogram": np.histogram,
        "partition": lambda x: np.partition(x, 0),
        "polyfit": lambda x: np.polyfit(x, x, 1),
        "fft": np.fft.fft,
        "emath.sqrt": np.emath.sqrt,
        "eigvalsh": lambda x: np.linalg.eigvalsh(np.outer(x, x)),
        "apply_along_axis": lambda x: np.apply_along_axis(np.sum, 0, x),
        "savetxt": lambda x: np.savetxt(io.StringIO(), x),
        "add.accumulate": np.add.accumulate,
        "add.at": lambda x: np.add.at(np.zeros(2), [0, 1], x),
    }.items()
}

#: not a `TangentLost` of ours, but as loud
REFUSALS: dict[str, Callable[[], Any]] = {
    "json": lambda: json.dumps(NUMBER),
    "struct": lambda: struct.pack("d", NUMBER),
    "statistics": lambda: statistics.mean([NUMBER, NUMBER]),
    "memoryview": lambda: memoryview(BUFFER),
    "dlpack": lambda: np.from_dlpack(BUFFER),
    "an element": lambda: np.zeros(2).__setitem__(0, NUMBER),
    "np.fromiter": lambda: np.fromiter([NUMBER], float),
    "to_json": lambda: ak.to_json(RAGGED),
    "hash": lambda: hash(NUMBER),
    "assigning a list": lambda: np.zeros(2).__setitem__(slice(None), [NUMBER, NUMBER]),
}


class TestNothingIsLostInSilence:
    @pytest.mark.parametrize("name", LOSSES)
    def test_losses(self, name: str) -> None:
        with pytest.raises(ad.TangentLost):
            LOSSES[name]()

    @pytest.mark.parametrize("name", REFUSALS)
    def test_refusals(self, name: str) -> None:
        errors = (TypeError, AttributeError, ValueError, struct.error, BufferError)
        with pytest.raises(errors):
            REFUSALS[name]()

    def test_the_message_says_how_to_do_it_on_purpose(self) -> None:
        with pytest.raises(ad.TangentLost, match=r"float\(\).*awkward_dual\.primal\(x\)"):
            float(NUMBER)
        assert float(ad.primal(NUMBER)) == 2.5

    @pytest.mark.parametrize(
        "export", ["to_arrow", "to_arrow_table", "to_parquet", "to_feather", "to_dataframe"]
    )
    def test_exports(self, export: str, tmp_path: Path) -> None:
        pytest.importorskip("pandas" if export == "to_dataframe" else "pyarrow")
        path = (str(tmp_path / "file"),) if export in ("to_parquet", "to_feather") else ()
        with pytest.raises(ad.TangentLost):
            getattr(ak, export)(RAGGED, *path)
        assert not list(tmp_path.iterdir())

    @pytest.mark.parametrize("library", ["boost_histogram", "hist"])
    def test_histograms(self, library: str) -> None:
        module = pytest.importorskip(library)
        for filled, weight in ((FLAT, None), (BUFFER, None), (np.ones(2), BUFFER)):
            axis = module.axis.Regular(4, 0.0, 4.0)
            histogram = module.Hist(axis) if library == "hist" else module.Histogram(axis)
            with pytest.raises(ad.TangentLost):
                histogram.fill(filled, weight=weight)

    def test_compiled_loops(self) -> None:
        numba = pytest.importorskip("numba")

        @numba.njit
        def first(x):
            return x[0]

        for live in (FLAT, BUFFER):
            assert ad.is_live(first(live))
        with pytest.raises(ad.TangentLost, match="argument"):
            numba.njit(lambda i: FLAT[i])(0)

    @pytest.mark.parametrize("value", [NUMBER, BUFFER, RAGGED], ids=["number", "buffer", "array"])
    def test_serialisers_of_a_running_call(self, value: Any) -> None:
        plain = ad.primal(value)
        for operator in (lambda f: ad.jvp(f, (plain,), (plain,)), lambda f: ad.vjp(f, plain)):
            with pytest.raises(TypeError):
                operator(pickle.dumps)

    @pytest.mark.parametrize("value", [NUMBER, BUFFER], ids=["number", "buffer"])
    def test_serialisers_of_the_ground_keep_both_halves(self, value: Any) -> None:
        assert_equal(pickle.loads(pickle.dumps(value)), value)

    @pytest.mark.parametrize("value", [NUMBER, BUFFER, RAGGED, RAGGED[0]])
    def test_copies_keep_both_halves(self, value: Any) -> None:
        for out in (copy.copy(value), copy.deepcopy(value)):
            assert ad.is_live(out)
            assert_equal(out, value)

    def test_buffers_keep_both_halves(self) -> None:
        for backend in ("dual", "cpu"):
            assert_equal(ak.from_buffers(*ak.to_buffers(RAGGED), backend=backend), RAGGED)


class TestNoLoss:
    def test_lists_of_duals_build_dual_arrays(self) -> None:
        for out in (
            ak.Array([[NUMBER, 1.0], [], [3]]),
            ak.from_iter([[NUMBER, 1.0], [], [3]]),
            ak.from_iter(list(inner) for inner in [[NUMBER, 1.0], [], [3]]),
        ):
            assert ad.primal(out).to_list() == [[2.5, 1.0], [], [3.0]]
            assert ad.tangent(out).to_list() == [[1.0, 0.0], [], [0.0]]

    def test_lists_and_iteration_give_dual_numbers(self) -> None:
        for numbers in (ak.to_list(FLAT), FLAT.tolist(), list(FLAT), BUFFER.tolist()):
            assert [float(ad.primal(x)) for x in numbers] == [1.0, 2.0]
            assert [float(ad.tangent(x)) for x in numbers] == [1.0, 2.0]

    def test_integers_booleans_and_strings_pass(self) -> None:
        mixed = ad.dual(
            ak.Array([{"a": 1.0, "n": 2, "s": "x"}]), ak.Array([{"a": 1.0, "n": 2, "s": "x"}])
        )
        assert ak.to_numpy(mixed.n).tolist() == [2]
        assert mixed.s.to_list() == ["x"]
        assert np.asarray(BUFFER > 1.5).tolist() == [False, True]
        assert np.asarray(BUFFER.astype(int)).tolist() == [1, 2]

    def test_comparisons_and_printing(self) -> None:
        assert bool(NUMBER > 1)
        assert f"{NUMBER:.2f}" == "2.50+1.00ε"
        assert repr(NUMBER) == "DualArray(2.5, [1.])"
        assert "1+1ε" in repr(FLAT)

    def test_constants_are_free(self) -> None:
        constant = ak.to_backend(ak.Array([1.0, 2.0]), "dual")
        assert np.asarray(constant).tolist() == ak.to_numpy(constant).tolist() == [1.0, 2.0]
        assert ak.to_json(constant) == "[1.0,2.0]"
        assert float(ad.DualArray(2.5)) == 2.5
        assert ak.backend(pickle.loads(pickle.dumps(constant))) in ("cpu", "dual")


class TestAHoleSpeaks:
    @pytest.mark.parametrize("name", HOLES)
    def test_functions_without_a_rule(self, name: str) -> None:
        with pytest.raises(ad.MissingTangentRule) as caught:
            HOLES[name]()
        assert name.removeprefix("emath.") in str(caught.value)
        assert "float64" in str(caught.value)
        assert "awkward_dual.primal(x)" in str(caught.value)

    @pytest.mark.parametrize("value", [NUMBER, BUFFER, RAGGED], ids=["number", "buffer", "array"])
    def test_ufuncs_without_a_rule(self, value: Any) -> None:
        unknown = np.frompyfunc(lambda x, y: x, 2, 1)
        with pytest.raises(
            ad.MissingTangentRule, match=r"def_ufunc_rule or awkward_dual\.custom_jvp"
        ) as e:
            unknown(1.0, value)
        assert "argument 1: float64" in str(e.value)

    def test_it_is_no_request_to_report_to_awkward(self) -> None:
        assert issubclass(ad.MissingTangentRule, TypeError)
        assert not issubclass(ad.MissingTangentRule, NotImplementedError)

    def test_complex_sign(self) -> None:
        with pytest.raises(ad.MissingTangentRule, match=r"'sign' \(argument 0: complex128\)"):
            np.sign(COMPLEX)
