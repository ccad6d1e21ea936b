"""Histograms of value and derivatives: names, storage, sums, linear templates, pyhf, parts."""

from __future__ import annotations

from typing import Any

import awkward as ak
import numpy as np
import pytest

import awkward_dual as ad
from awkward_dual.hist import TangentHist, counts, templates, variances

hist = pytest.importorskip("hist")
pytest.importorskip("scipy")

AXIS = hist.axis.Regular(6, 0, 3, name="mass", label="mass [GeV]")
MASS = ak.Array([[0.3, 1.7], [], [2.2, 1.1, 0.9], [1.3]])
PARAMS = {"scale": 1.0, "norm": (2.0, np.array([0.5, 0.1]))}


def model(p: Any) -> Any:
    first, rest = p["norm"]
    x = p["scale"] * MASS
    signal = counts(x, AXIS, width=0.2, weight=first, flow=True)
    return signal + rest[0] * counts(MASS, AXIS, flow=True) + rest[1]


def with_errors(p: Any) -> Any:
    return model(p), variances(p["scale"] * MASS, AXIS, width=0.2, weight=p["norm"][0], flow=True)


def test_values_and_derivatives() -> None:
    found = templates(model, PARAMS, AXIS, label="N", name="signal")
    assert list(found.tangents) == ["scale", "norm.0", "norm.1[0]", "norm.1[1]"]
    np.testing.assert_array_equal(found.value.values(flow=True), model(PARAMS))
    jacobian = ad.jacfwd(model)(PARAMS)
    expected = [
        jacobian["scale"],
        jacobian["norm"][0],
        jacobian["norm"][1][:, 0],
        jacobian["norm"][1][:, 1],
    ]
    for name, column in zip(found.tangents, expected):
        np.testing.assert_array_equal(found.tangents[name].values(flow=True), column)
    assert found.value.axes[0] == AXIS
    assert found.value.label == "N"
    assert found.value.name == "signal"
    assert found.tangents["scale"].label == "dN / dscale"
    assert "scale" in repr(found)


def test_single_parameters() -> None:
    assert list(templates(lambda s: counts(s * MASS, AXIS, width=0.1), 1.0, AXIS).tangents) == [
        "param"
    ]
    found = templates(lambda p: counts(p[0] * MASS, AXIS, width=p[1]), (1.0, 0.2), AXIS)
    assert list(found.tangents) == ["0", "1"]


def test_variances() -> None:
    found = templates(with_errors, PARAMS, AXIS)
    np.testing.assert_array_equal(found.value.variances(flow=True), with_errors(PARAMS)[1])
    without = templates(model, PARAMS, AXIS)
    # not Poisson's: neither weighted counts nor derivatives are numbers of events
    assert without.value.variances() is None
    assert (without + without).tangents["scale"].variances() is None
    assert without.shifted({"scale": 0.1}).variances() is None


@pytest.mark.parametrize(
    "axis",
    [
        hist.axis.Regular(6, 0, 3, flow=False),
        hist.axis.Regular(6, 0, 3, underflow=False),
        hist.axis.Variable([0, 1, 2.5]),
    ],
)
@pytest.mark.parametrize("flow", [True, False])
def test_flow(axis: Any, flow: bool) -> None:
    found = templates(lambda w: counts(2 * MASS, axis, weight=w, flow=flow), 2.0, axis)
    filled = hist.Hist(axis, storage=hist.storage.Double()).fill(ak.flatten(2 * MASS), weight=2)
    np.testing.assert_array_equal(found.value.values(), filled.values())
    if flow:
        assert found.value == filled


def test_two_axes() -> None:
    other = hist.axis.Regular(2, 0, 2, name="other")
    found = templates(
        lambda s: counts((s * MASS, MASS), (AXIS, other), width=(0.2, None)), 1.0, AXIS, other
    )
    assert found.value.axes.name == ("mass", "other")
    assert found.tangents["param"].values().shape == (6, 2)


def test_counts_that_do_not_fit() -> None:
    with pytest.raises(ValueError, match=r"shape \(6,\) do not fit axes with \(3,\) bins"):
        templates(lambda s: counts(s * MASS, AXIS, width=0.1), 1.0, hist.axis.Regular(3, 0, 3))


def test_kernel_densities() -> None:
    """Heights at the centres, times widths: with narrow bins the soft counts."""
    axis = hist.axis.Regular(300, -1, 4)

    def dense(scale: Any) -> Any:
        weights = ad.relaxed.kde(scale * MASS, axis.centers, 0.3)
        return ak.count(MASS) * weights * axis.widths

    found = templates(dense, 1.1, axis)
    soft = templates(lambda scale: counts(scale * MASS, axis, width=0.3), 1.1, axis)
    np.testing.assert_allclose(found.value.values(), soft.value.values(), atol=1e-5)
    np.testing.assert_allclose(
        found.tangents["param"].values(), soft.tangents["param"].values(), atol=1e-4
    )
    slope = (dense(1.1 + 1e-6) - dense(1.1 - 1e-6)) / 2e-6
    np.testing.assert_allclose(found.tangents["param"].values(), slope, atol=1e-7)


# -- what one does with it


def test_linear_templates() -> None:
    found = templates(with_errors, PARAMS, AXIS)
    shifted = found.shifted({"scale": 0.01, "norm.0": 0.5})
    value, tangents = found.value.values(flow=True), found.tangents
    slopes = [tangents[name].values(flow=True) for name in ("scale", "norm.0")]
    np.testing.assert_allclose(
        shifted.values(flow=True), value + 0.01 * slopes[0] + 0.5 * slopes[1], rtol=1e-14
    )
    np.testing.assert_array_equal(shifted.variances(), found.value.variances())
    up, down = found.up_down({"scale": 1e-4})["scale"]
    moved = [model({**PARAMS, "scale": 1 + d}) for d in (1e-4, -1e-4)]
    np.testing.assert_allclose(up.values(flow=True), moved[0], atol=1e-6)
    np.testing.assert_allclose(down.values(flow=True), moved[1], atol=1e-6)
    with pytest.raises(KeyError, match="no parameter 'jes'"):
        found.shifted({"jes": 1.0})


def test_covariance() -> None:
    found = templates(model, PARAMS, AXIS)
    jacobian = np.stack([h.values() for h in found.tangents.values()], axis=1)
    matrix = np.diag([0.01, 0.2, 0.0, 0.1]) ** 2
    np.testing.assert_allclose(found.covariance(matrix), jacobian @ matrix @ jacobian.T)
    by_name = {"scale": 0.01, "norm.0": 0.2, "norm.1[1]": 0.1}
    np.testing.assert_allclose(found.covariance(by_name), found.covariance(matrix))
    assert found.covariance(by_name, flow=True).shape == (8, 8)


def test_sums() -> None:
    one = templates(with_errors, PARAMS, AXIS)
    two = templates(lambda p: counts(p["jes"] * MASS, AXIS, width=0.1), {"jes": 1.0}, AXIS)
    with pytest.raises((TypeError, ValueError)):
        one + two  # one has variances
    one = templates(model, PARAMS, AXIS)
    found = sum([one, two, two])
    assert isinstance(found, TangentHist)
    assert list(found.tangents) == [*one.tangents, "jes"]
    np.testing.assert_allclose(
        found.value.values(), one.value.values() + 2 * two.value.values(), rtol=1e-15
    )
    assert found.tangents["jes"] == two.tangents["jes"] + two.tangents["jes"]
    assert found.tangents["scale"] == one.tangents["scale"]


@pytest.mark.filterwarnings("ignore:jsonschema.RefResolver:DeprecationWarning")
def test_pyhf() -> None:
    """In the middle of its range pyhf's interpolation is linear, as the template."""
    found = templates(with_errors, PARAMS, AXIS)
    sigmas = {"scale": 0.02, "norm.0": 0.3}
    sample = found.to_pyhf("signal", sigmas, staterror="stat")
    assert [m["type"] for m in sample["modifiers"]] == ["histosys", "histosys", "staterror"]
    assert sample["data"] == found.value.values().tolist()
    with pytest.raises(ValueError, match="no variances"):
        templates(model, PARAMS, AXIS).to_pyhf("signal", sigmas, staterror="stat")

    pyhf = pytest.importorskip("pyhf", reason="pyhf is not installed")
    sample["modifiers"] = sample["modifiers"][:2]
    spec = {"channels": [{"name": "sr", "samples": [sample]}]}
    built = pyhf.Model(spec, poi_name=None)
    order = [built.config.par_order.index(name) for name in sigmas]
    parameters = np.zeros(2)
    parameters[order] = [0.5, -0.4]
    expected = found.shifted({"scale": 0.5 * 0.02, "norm.0": -0.4 * 0.3}).values()
    np.testing.assert_allclose(built.expected_actualdata(parameters), expected, rtol=1e-12)


def test_plots() -> None:
    matplotlib = pytest.importorskip("matplotlib", reason="matplotlib is not installed")
    mplhep = pytest.importorskip("mplhep", reason="mplhep is not installed")
    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    found = templates(model, PARAMS, AXIS)
    figure, (above, below) = plt.subplots(2)
    mplhep.histplot(found.value, ax=above)
    mplhep.histplot(found.tangents["scale"], ax=below)
    plt.close(figure)


# -- in parts


def of_part(x: Any, p: Any) -> Any:
    return counts(p["scale"] * x, AXIS, width=0.2, flow=True), counts(x, AXIS, flow=True)


def test_parts() -> None:
    params = {"scale": 1.1}
    parts = ad.scale.rows(MASS, 1)
    found = ad.scale.hist(of_part, parts, params, AXIS, label="N")
    whole = templates(lambda p: of_part(MASS, p), params, AXIS, label="N")
    assert found.value.label == "N"
    for a, b in ((found.value, whole.value), (found.tangents["scale"], whole.tangents["scale"])):
        np.testing.assert_allclose(a.values(flow=True), b.values(flow=True), rtol=1e-13)
    np.testing.assert_array_equal(found.value.variances(), whole.value.variances())
    from tests.scale.programs import threads

    again = ad.scale.hist(of_part, parts, params, AXIS, executor=threads)
    assert again.value.view(flow=True).tobytes() == found.value.view(flow=True).tobytes()
    by_hand = ad.scale.total(lambda x: templates(lambda p: of_part(x, p), params, AXIS), parts)
    np.testing.assert_allclose(by_hand.value.values(), found.value.values(), rtol=1e-13)
