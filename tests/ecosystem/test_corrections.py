"""Corrections of correctionlib: values bit for bit, derivatives of formulas, steps with a warning."""

from __future__ import annotations

import warnings
from typing import Any

import awkward as ak
import numpy as np
import pytest

import awkward_dual as ad
from awkward_dual.bridges import StepWarning, correction
from awkward_dual.bridges.formulas import Formula
from awkward_dual.testing import check_grads

schemav2 = pytest.importorskip("correctionlib.schemav2", reason="correctionlib is not installed")
pytest.importorskip("scipy")

PT = ak.Array([[31.0, 52.0], [], [18.0, 250.0, 44.0]])
ETA = ak.Array([[0.3, -1.7], [], [2.2, 0.1, -0.6]])


def formula(expression: str, *variables: str, **more: Any) -> Any:
    return {
        "nodetype": "formula",
        "expression": expression,
        "parser": "TFormula",
        "variables": list(variables),
        **more,
    }


def built(data: Any, inputs: Any, **more: Any) -> Any:
    return schemav2.Correction.model_validate(
        {
            "name": "sf",
            "version": 1,
            "inputs": [{"name": name, "type": kind} for name, kind in inputs.items()],
            "output": {"name": "out", "type": "real"},
            "data": data,
            **more,
        }
    )


BINS = {
    "nodetype": "binning",
    "input": "eta",
    "edges": [-2.5, -1.0, 0.0, 2.0],
    "content": [
        formula("1 + 3/x", "pt"),
        1.02,
        formula("[0]*log(x) + y^2", "pt", "eta", parameters=[0.1]),
    ],
    "flow": formula("sqrt(x)/10", "pt"),
}
REAL = {"pt": "real", "eta": "real"}
MODELS = {
    "formula": built(formula("1.1 + 0.2*exp(-x/50)*max(y, -1) - 1e-3*y^2", "pt", "eta"), REAL),
    "bins of formulas": built(BINS, REAL),
    "clamped": built({**BINS, "flow": "clamp", "edges": [-2.5, -1.0, 0.0, 1.0]}, REAL),
    "two axes": built(
        {
            "nodetype": "multibinning",
            "inputs": ["pt", "eta"],
            "edges": [[0.0, 40.0, "inf"], {"n": 2, "low": -2.5, "high": 2.5}],
            "content": [formula(f"{i} + x*y/{i + 2}", "pt", "eta") for i in range(4)],
            "flow": "error",
        },
        REAL,
    ),
    "transform": built(
        {
            "nodetype": "transform",
            "input": "pt",
            "rule": formula("x*(1 + y/10)", "pt", "eta"),
            "content": formula("1 + tanh(x/100)", "pt"),
        },
        REAL,
    ),
    "reference": built(
        {"nodetype": "formularef", "index": 0, "parameters": [2.0, 0.5]},
        REAL,
        generic_formulas=[formula("[0]*atan(y/40) + [1]*(x > 0)*x", "eta", "pt")],
    ),
}


@pytest.mark.parametrize("model", MODELS.values(), ids=MODELS)
def test_formulas(model: Any) -> None:
    function = correction(model)
    expected = model.to_evaluator().evaluate(PT, ETA)
    assert function(PT, ETA).to_list() == expected.to_list()
    value, _ = ad.jvp(function, (PT, ETA), (ak.ones_like(PT), None))
    assert value.to_list() == expected.to_list()
    check_grads(function, (PT, ETA), order=2)


def test_flat_arrays_and_numbers() -> None:
    function = correction(MODELS["bins of formulas"])
    check_grads(function, (np.array([30.0, 50.0]), np.array([0.4, -1.5])))
    check_grads(lambda pt: function(pt, 0.4), (30.0,))
    check_grads(lambda pt: function(pt, 0.4), (PT,))
    assert ad.grad(lambda pt: function(pt, -0.5) * pt)(30.0) == 1.02


def test_systematics_by_name() -> None:
    """A weight with named variations, in a sum over events."""
    model = built(
        {
            "nodetype": "category",
            "input": "systematic",
            "content": [
                {"key": "nominal", "value": formula("1 + 5/x", "pt")},
                {"key": "up", "value": formula("1 + 6/x", "pt")},
            ],
        },
        {"systematic": "string", "pt": "real"},
    )
    function = correction(model)
    for name, slope in (("nominal", 5), ("up", 6)):
        gradient = ad.grad(lambda scale, name=name: ak.sum(function(name, scale * PT)))(1.0)
        assert gradient == pytest.approx(-ak.sum(slope / PT))


def test_steps_warn() -> None:
    model = built(
        {
            "nodetype": "binning",
            "input": "pt",
            "edges": [0, 40, 500],
            "content": [0.9, 1.1],
            "flow": "clamp",
        },
        {"pt": "real"},
    )
    function = correction(model)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert function(PT).to_list() == [[0.9, 1.1], [], [0.9, 1.1, 1.1]]
    with pytest.warns(StepWarning, match="sf is constant in bins of pt"):
        gradient = ad.grad(lambda s: ak.sum(s * PT * function(s * PT)))(1.0)
    assert gradient == pytest.approx(ak.sum(PT * function(PT)))


def test_what_has_no_rule() -> None:
    model = built(
        {"nodetype": "hashprng", "inputs": ["pt"], "distribution": "normal"}, {"pt": "real"}
    )
    with pytest.raises(ad.MissingTangentRule, match="hashprng"):
        ad.grad(lambda s: ak.sum(correction(model)(s * PT)))(1.0)
    for expression in ("x ? 1 : 2", "gamma(x)", "lambda: x", "x.y"):
        with pytest.raises(ad.MissingTangentRule):
            Formula(expression)([1.0], [])
    with pytest.raises(TypeError, match="missing"):
        ad.grad(
            lambda s: ak.sum(correction(MODELS["formula"])(s * PT[PT > 20][[0, None, 2]], 0.1))
        )(1.0)
    with pytest.raises(TypeError, match="takes pt, eta"):
        correction(MODELS["formula"])(PT)


# -- evaluators of a file, and compound corrections


LEVELS = {
    "one": formula("1 + 0.5/x + 0.01*y", "pt", "eta"),
    "two": formula("0.9 + 0.1*exp(-x/50)", "pt"),
    "bins": {
        "nodetype": "binning",
        "input": "pt",
        "edges": [0, 40, 500],
        "content": [0.9, 1.1],
        "flow": "clamp",
    },
}


def in_a_set(*stack: str, input_op: str = "*", output_op: str = "*", update: Any = ("pt",)) -> Any:
    correctionlib = pytest.importorskip("correctionlib")
    compound = {
        "name": "all",
        "inputs": [{"name": name, "type": kind} for name, kind in REAL.items()],
        "output": {"name": "out", "type": "real"},
        "inputs_update": list(update),
        "input_op": input_op,
        "output_op": output_op,
        "stack": list(stack),
    }
    takes = {"one": REAL, "two": {"pt": "real"}, "bins": {"pt": "real"}}
    singles = [built(data, takes[name]) for name, data in LEVELS.items()]
    for single, name in zip(singles, LEVELS):
        single.name = name
    model = schemav2.CorrectionSet(
        schema_version=2, corrections=singles, compound_corrections=[compound]
    )
    return correctionlib.CorrectionSet(model)


def test_evaluators() -> None:
    """What `CorrectionSet.from_file` gives."""
    found = correction(in_a_set("one")["one"])
    assert found(PT, ETA).to_list() == correction(built(LEVELS["one"], REAL))(PT, ETA).to_list()
    check_grads(found, (PT, ETA), order=2)


@pytest.mark.parametrize("input_op", ["+", "*", "/"])
@pytest.mark.parametrize("output_op", ["+", "*", "/", "last"])
def test_compound_corrections(input_op: str, output_op: str) -> None:
    """Each sees the momentum that those before it have corrected."""
    made = in_a_set("one", "two", "one", input_op=input_op, output_op=output_op).compound["all"]
    function = correction(made)
    expected = made.evaluate(PT, ETA).to_list()
    assert function(PT, ETA).to_list() == expected
    value, _ = ad.jvp(function, (PT, ETA), (ak.ones_like(PT), None))
    assert value.to_list() == expected
    check_grads(function, (PT, ETA), order=2)
    check_grads(lambda pt: function(pt, 0.4), (30.0,))


def test_steps_in_a_compound_warn() -> None:
    function = correction(in_a_set("one", "bins").compound["all"])
    with pytest.warns(StepWarning, match="bins is constant in bins of pt"):
        gradient = ad.elementwise_grad(lambda pt: function(pt, ETA))(PT)
    moved = PT * (1 + 0.5 / PT + 0.01 * ETA)
    expected = -0.5 / PT**2 * ak.where(moved < 40, 0.9, 1.1)
    np.testing.assert_allclose(ak.flatten(gradient), ak.flatten(expected))


def test_what_is_no_single_correction() -> None:
    made = in_a_set("one", update=())
    for other in (made, "one", schemav2.CorrectionSet.model_validate_json(made._data)):
        with pytest.raises(TypeError, match="one correction of correctionlib is needed"):
            correction(other)
    with pytest.raises(TypeError, match=r"compound\['all'\] for a compound"):
        correction(schemav2.CorrectionSet.model_validate_json(made._data).compound_corrections[0])
    with pytest.raises(TypeError, match="all takes pt, eta; 1 were given"):
        correction(made.compound["all"])(PT)
