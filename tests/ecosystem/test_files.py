"""Real files: uproot eager and virtual, coffea's NanoEvents, systematics as parameters."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import awkward as ak
import numpy as np
import pytest

import awkward_dual as ad

uproot = pytest.importorskip("uproot")
vector = pytest.importorskip("vector")
vector.register_awkward()

NAMES = ["Jet_pt", "Jet_eta", "Jet_phi", "Jet_mass"]


def mean_dijet_mass(alpha: Any, jets: Any) -> Any:
    """The question of a hackathon: how does this mean change with the jet energy scale?"""
    scaled = ak.with_field(jets, jets.pt * (1 + alpha * 0.02), "pt")
    two = scaled[ak.num(scaled) >= 2]
    return ak.mean((two[:, 0] + two[:, 1]).mass)


def of_columns(events: Any) -> Any:
    jets = ak.zip(
        {name.removeprefix("Jet_"): events[name] for name in NAMES}, with_name="Momentum4D"
    )
    # single precision would limit the differences
    return ak.values_astype(jets, np.float64)


@pytest.fixture
def ttbar(data: Path) -> Path:
    """200 events in the format NanoAOD."""
    return data / "nanoAOD_2015_CMS_Open_Data_ttbar.root"


def difference(func: Any) -> float:
    step = 1e-4
    return float((func(step) - func(-step)) / (2 * step))


@pytest.mark.parametrize("operator", ["jvp", "grad"])
def test_the_jet_energy_scale(ttbar: Path, operator: str) -> None:
    jets = of_columns(uproot.open(ttbar)["Events"].arrays(NAMES))

    def func(alpha: Any) -> Any:
        return mean_dijet_mass(alpha, jets)

    found = ad.grad(func)(0.0) if operator == "grad" else ad.jvp(func, (0.0,), (1.0,))[1]
    assert found == pytest.approx(difference(func), rel=1e-7)
    assert found > 0


def test_virtual_columns(ttbar: Path) -> None:
    """Only what is used is read, in a function and as its argument."""
    log: list[Any] = []
    events = uproot.open(ttbar)["Events"].arrays(virtual=True, access_log=log)
    jets = ak.zip(
        {name.removeprefix("Jet_"): events[name] for name in NAMES}, with_name="Momentum4D"
    )
    value, tangent = ad.jvp(lambda a: mean_dijet_mass(a, jets), (0.0,), (1.0,))
    eager = of_columns(uproot.open(ttbar)["Events"].arrays(NAMES))
    assert value == pytest.approx(mean_dijet_mass(0.0, eager), rel=1e-5)
    assert tangent == pytest.approx(ad.grad(mean_dijet_mass)(0.0, eager), rel=1e-5)
    read = {str(getattr(access, "branch", access)) for access in log}
    assert 0 < len(read) < 20, read


def test_gradients_by_virtual_columns(ttbar: Path) -> None:
    pt = uproot.open(ttbar)["Events"].arrays(filter_name="Jet_pt", virtual=True)["Jet_pt"]
    gradient = ad.grad(lambda pt: ak.sum(pt[pt > 40] ** 2))(pt)
    expected = ak.where(pt > 40, 2 * pt, 0)
    assert ak.almost_equal(gradient, ak.values_astype(expected, np.float32))


def test_nanoevents(ttbar: Path) -> None:
    nanoevents = pytest.importorskip("coffea.nanoevents", reason="coffea is not installed")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        events = nanoevents.NanoEventsFactory.from_root(
            {str(ttbar): "Events"}, schemaclass=nanoevents.NanoAODSchema, mode="virtual"
        ).events()
    jets = events.Jet
    value, tangent = ad.jvp(lambda a: mean_dijet_mass(a, jets), (0.0,), (1.0,))
    eager = of_columns(uproot.open(ttbar)["Events"].arrays(NAMES))
    assert value == pytest.approx(mean_dijet_mass(0.0, eager), rel=1e-5)
    assert tangent == pytest.approx(ad.grad(mean_dijet_mass)(0.0, eager), rel=1e-4)

    def selected(p: Any) -> Any:
        """Weights and scales together: two systematics in one pass."""
        good = jets[(jets.pt > 30) & (abs(jets.eta) < 2.4)]
        ht = ak.sum(good.pt * (1 + 0.02 * p["jes"]), axis=1)
        weight = (1 + 0.1 * p["norm"]) ** ak.num(good)
        return ak.sum(ht * weight)

    gradient = ad.grad(selected)({"jes": 0.0, "norm": 0.0})
    for name in gradient:
        moved = [selected({"jes": 0.0, "norm": 0.0, name: step}) for step in (1e-2, -1e-2)]
        assert gradient[name] == pytest.approx((moved[0] - moved[1]) / 2e-2, rel=1e-3)


def test_templates_in_parts(ttbar: Path) -> None:
    """Tangent histograms of a file in row ranges are those of the whole."""
    hist = pytest.importorskip("hist")
    pytest.importorskip("scipy")
    axis = hist.axis.Regular(10, 0, 500, name="ht")

    def ht(events: Any, p: Any) -> Any:
        pt = ak.values_astype(events.Jet_pt, np.float64) * (1 + 0.02 * p["jes"])
        return ad.hist.counts(ak.sum(pt, axis=1), axis, width=15.0, flow=True)

    params = {"jes": 0.0}
    parts = ad.scale.files(ttbar, columns=["Jet_pt"], step=60)
    found = ad.scale.hist(ht, parts, params, axis)
    whole = uproot.open(ttbar)["Events"].arrays(["Jet_pt"])
    np.testing.assert_allclose(found.value.values(), ht(whole, params)[1:-1], rtol=1e-12)
    expected = (ht(whole, {"jes": 1e-3}) - ht(whole, {"jes": -1e-3})) / 2e-3
    np.testing.assert_allclose(found.tangents["jes"].values(), expected[1:-1], atol=1e-6)
