"""The demo: its physics on a small sample, the command on all inputs, and its errors."""

from __future__ import annotations

import re

import awkward as ak
import numpy as np
import pytest

import awkward_dual as ad
import muons
import zmodel
import zpeak

TREE = "cms-opendata-muons-100k.root"
RNTUPLE = "Run2012BC_DoubleMuParked_Muons_1000evts_rntuple.root"


@pytest.fixture(scope="module")
def events():
    return muons.generate(2000, seed=1)


def demo(capsys, *arguments):
    """Exit status, what was printed, and the errors."""
    status = zpeak.main([str(argument) for argument in arguments])
    out, err = capsys.readouterr()
    return status, out, err


def test_generator(events):
    assert len(events) == 2000
    assert len(np.unique(ak.num(events))) > 3, "the counts are ragged"
    assert ak.all(abs(events.eta) < 2.4)
    assert ak.all(events.pt[:, :-1] >= events.pt[:, 1:]), "the hardest first"
    assert ak.array_equal(events, muons.generate(2000, seed=1))


def test_densities_integrate_to_one():
    low, high = zmodel.WINDOW
    mass = np.linspace(low, high, 20_001)
    for sigma in (0.5, 1.5, 3.0):
        density = sum(zmodel.densities(mass, low, high, sigma, zmodel.START))
        integral = np.sum((density[1:] + density[:-1]) / 2) * (mass[1] - mass[0])
        assert integral == pytest.approx(1, abs=1e-5)


def test_selection_does_not_depend_on_parameters(events):
    chosen = zmodel.events_with_pairs(events)
    theta = np.array([50.0, -50.0, 3.0, 50.0, 0.5])
    moved = zmodel.pair_masses(chosen, theta)
    assert np.array_equal(moved[0], zmodel.pair_masses(events, zmodel.START)[0])


def test_gradient_and_hessian(events):
    nll = zmodel.likelihood(zmodel.events_with_pairs(events))
    numeric = zpeak.central_differences(nll, zmodel.START, [0.5, 0.5, 0.05, 1.0, 0.02])
    gradient = ad.grad(nll)(zmodel.START)
    assert gradient == pytest.approx(numeric, rel=1e-7)
    hessian = ad.hessian(nll)(zmodel.START)
    step = 1e-4 * np.eye(5)[0]
    up, down = (ad.grad(nll)(zmodel.START + s) for s in (step, -step))
    assert hessian[:, 0] == pytest.approx((up - down) / 2e-4, rel=1e-5, abs=1e-6)


def test_histogram_keeps_its_pairs_and_its_tangent(events):
    chosen = zmodel.events_with_pairs(events)
    counts = zmodel.histogram(chosen, np.linspace(40, 140, 51))
    assert np.sum(counts(zmodel.START)) == pytest.approx(
        len(zmodel.pair_masses(chosen, zmodel.START)[0]), rel=1e-6
    )
    jacobian = np.asarray(ad.jacfwd(counts)(zmodel.START))
    for i in range(zmodel.SMEARED):
        step = 1e-4 * np.eye(5)[i]
        varied = (counts(zmodel.START + step) - counts(zmodel.START - step)) / 2e-4
        assert jacobian[:, i] == pytest.approx(np.asarray(varied), abs=1e-5)
    assert not np.any(jacobian[:, zmodel.SMEARED :])


def check_report(out, picture):
    off = float(re.search(r"largest relative difference (\S+)", out)[1])
    assert off < 1e-6
    assert "did not converge" not in out
    calls = re.findall(r"^(?:exact|without) gradients +(\d+) +(\d+)", out, re.M)
    (values, gradients), (more, none) = [[int(n) for n in row] for row in calls]
    assert values + gradients < more
    assert gradients > 0 == none
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_simulated_events(capsys, tmp_path):
    picture = tmp_path / "demo.png"
    status, out, err = demo(capsys, "--events", 3000, "--output", picture)
    assert status == 0, err
    check_report(out, picture)
    found = re.findall(r"^\S+ \[.*?\] +\S+ +(\S+) ± (\S+) +(-?\d\S*)$", out, re.M)
    assert len(found) == len(muons.TRUTH)
    for value, error, truth in found:
        assert abs(float(value) - float(truth)) < 4 * float(error)


def test_rntuple(capsys, tmp_path, data):
    picture = tmp_path / "demo.png"
    status, out, err = demo(capsys, data / RNTUPLE, "--output", picture)
    assert status == 0, err
    check_report(out, picture)


def test_tree(data):
    """Of the larger file only the fit with exact gradients, for the time."""
    events = muons.read(str(data / TREE))
    assert len(events) == 100_000
    nll = zmodel.likelihood(zmodel.events_with_pairs(events))
    fitted = zpeak.fit(nll, ad.grad(nll), "fit").minuit
    assert fitted.valid
    assert fitted.values[:3] == pytest.approx([3.35, 6.08, 1.786], abs=0.05)


# -- errors: one line, no traceback


def refused(capsys, *arguments):
    status, _, err = demo(capsys, *arguments)
    assert status == 2
    assert err.startswith("zpeak: ")
    assert err.count("\n") == 1
    return err


def write(path, **branches):
    import uproot

    with uproot.recreate(path) as file:
        file[branches.pop("tree", "Events")] = branches
    return path


def columns(counts):
    """Branches of muons, all with the same numbers."""
    flat = {"pt": 40.0, "eta": 0.1, "phi": 0.2, "mass": 0.1, "charge": 1.0}
    n = sum(counts)
    return {f"Muon_{k}": ak.unflatten(np.full(n, v, np.float32), counts) for k, v in flat.items()}


def test_missing_file(capsys, tmp_path):
    assert "no such file" in refused(capsys, tmp_path / "none.root")


def test_not_a_root_file(capsys, tmp_path):
    (tmp_path / "text.root").write_text("these are not events, but they are long enough" * 20)
    assert "not a readable ROOT file" in refused(capsys, tmp_path / "text.root")


def test_empty_file(capsys, tmp_path):
    (tmp_path / "empty.root").touch()
    assert "not a readable ROOT file" in refused(capsys, tmp_path / "empty.root")


def test_no_events(capsys, tmp_path):
    path = write(tmp_path / "other.root", tree="Others", **columns([1, 2]))
    assert "no tree or RNTuple 'Events'; the file holds Others" in refused(capsys, path)


def test_wrong_branch(capsys, tmp_path):
    branches = columns([1, 2])
    branches["Muon_energy"] = branches.pop("Muon_pt")
    assert "no branch 'Muon_pt'" in refused(capsys, write(tmp_path / "branch.root", **branches))


def test_flat_branch(capsys, tmp_path):
    branches = {name: np.ones(3) for name in columns([1])}
    path = write(tmp_path / "flat.root", **branches)
    assert "not lists of numbers" in refused(capsys, path)


def test_no_muons(capsys, tmp_path):
    path = write(tmp_path / "none.root", **columns([0, 0, 0]))
    assert "no muons" in refused(capsys, path)


def test_too_few_pairs(capsys, tmp_path):
    path = write(tmp_path / "few.root", **columns([2, 1, 2]))
    assert "0 opposite-sign muon pairs" in refused(capsys, path)


def test_no_folder_for_the_picture(capsys, tmp_path):
    with pytest.raises(SystemExit, match="2"):
        zpeak.main(["--output", str(tmp_path / "none" / "demo.png")])
    assert "no such folder" in capsys.readouterr().err
