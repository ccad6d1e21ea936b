# %% [markdown]
# # From a ROOT file to a calibrated scale
#
# Muon momenta are calibrated on the mass of the Z: an unbinned fit of the momentum scale in two regions of the
# detector, and of the resolution. What is differentiated begins with ragged momenta and ends with a likelihood.
#
# Any file will do that has a tree or RNTuple `Events` with `Muon_pt`, `Muon_eta` and so on; its path is in the
# environment variable `MUONS`. This page was made with [100 000 events of CMS open
# data](https://github.com/iris-hep/analysis-grand-challenge/tree/main/workshops/agctools2022/foundation). Without a
# file, events are simulated, with a detector that is wrong by −1.2 % (barrel) and +1.8 % (endcaps).

# %%
import os
import sys
import tempfile
from pathlib import Path

import awkward as ak
import iminuit
import numpy as np
import uproot
import vector
from matplotlib import pyplot as plt

import awkward_dual as ad

vector.register_awkward()
Z_MASS, Z_WIDTH = 91.1876, 2.4952  # GeV

path = os.environ.get("MUONS")
if path is None:
    sys.path.append("../../examples")
    import muons as simulation

    simulated = simulation.generate(8000)
    path = Path(tempfile.mkdtemp()) / "muons.root"
    with uproot.recreate(path) as file:
        file["Events"] = {f"Muon_{name}": simulated[name] for name in simulated.fields}

# %% [markdown]
# ## Read
#
# Files hold single precision. A likelihood needs more, and a tangent has the type of its value: so the columns are
# widened, once.

# %%
momenta = ["pt", "eta", "phi", "mass"]
events = uproot.open(path)["Events"].arrays([f"Muon_{name}" for name in [*momenta, "charge"]])
wide = {name: ak.values_astype(events[f"Muon_{name}"], np.float64) for name in momenta}
muons = ak.zip({**wide, "charge": events.Muon_charge}, with_name="Momentum4D")
muons = muons[(muons.pt > 15) & (abs(muons.eta) < 2.4)]
print(f"{len(muons)} events, {ak.sum(ak.num(muons))} muons")

# %% [markdown]
# ## The program
#
# Candidates are chosen by their mass before the correction. So no event enters or leaves when a parameter moves,
# and the likelihood is smooth. Events without a candidate do not depend on any parameter, and stay at home.

# %%
LOW, HIGH = 75.0, 107.0


def pair_masses(muons):
    a, b = ak.unzip(ak.combinations(muons, 2))
    return (a + b).mass, a, b


before, a, b = pair_masses(muons)
taken = (a.charge != b.charge) & (before > LOW) & (before < HIGH)
muons = muons[ak.any(taken, axis=1)]
before, a, b = pair_masses(muons)
taken = (a.charge != b.charge) & (before > LOW) & (before < HIGH)
print(f"{ak.sum(taken)} candidates in {len(muons)} events")


# %%
def corrected(p):
    """The masses with corrections of the momenta, in per mille, for barrel and endcaps."""
    correction = 1 + 1e-3 * ak.where(abs(muons.eta) < 1.2, p["barrel"], p["endcap"])
    masses, _, _ = pair_masses(ak.with_field(muons, muons.pt * correction, "pt"))
    return ak.flatten(masses[taken])


def gauss(m, sigma):
    return np.exp(-0.5 * ((m - Z_MASS) / sigma) ** 2) / (sigma * np.sqrt(2 * np.pi))


def lorentz(m, half):
    return half / np.pi / ((m - Z_MASS) ** 2 + half**2)


def densities(m, low, high, p):
    """Peak and background between low and high: a Lorentzian that a Gaussian smears, and an exponential.

    The smeared peak is approximated by a sum (Thompson, Cox and Hastings 1987), whose integral is known.
    """
    f_gauss, f_lorentz = np.sqrt(8 * np.log(2)) * p["resolution"], Z_WIDTH
    terms = [1.0, 2.69269, 2.42843, 4.47163, 0.07842, 1.0]
    width = sum(c * f_gauss ** (5 - i) * f_lorentz**i for i, c in enumerate(terms)) ** 0.2
    ratio = f_lorentz / width
    eta = 1.36603 * ratio - 0.47719 * ratio**2 + 0.11116 * ratio**3
    inside = (
        np.arctan((high - Z_MASS) / (width / 2)) - np.arctan((low - Z_MASS) / (width / 2))
    ) / np.pi
    shape = eta * lorentz(m, width / 2) + (1 - eta) * gauss(m, width / np.sqrt(8 * np.log(2)))
    peak = shape / (eta * inside + 1 - eta)
    falling = p["slope"] * np.exp(-p["slope"] * (m - low)) / -np.expm1(-p["slope"] * (high - low))
    return p["signal"] * peak, (1 - p["signal"]) * falling


window = ak.flatten(before[taken])


def nll(p):
    m = corrected(p)
    # an event that was taken at the mass m has now the mass c m, and so have the edges of its window
    c = m / window
    peak, falling = densities(m, LOW * c, HIGH * c, p)
    return -np.sum(np.log((peak + falling) * c))


start = {"barrel": 0.0, "endcap": 0.0, "resolution": 1.5, "signal": 0.7, "slope": 0.02}
value, gradient = ad.value_and_grad(nll)(start)
{name: round(float(g), 1) for name, g in gradient.items()}

# %% [markdown]
# ## The fit
#
# Minuit takes the gradient. With strategy 0 it trusts it; uncertainties come from the exact Hessian afterwards.

# %%
names = list(start)
calls = {"gradient": 0, "value": 0}


def function(x):
    calls["value"] += 1
    return float(nll(dict(zip(names, x))))


def slope(x):
    calls["gradient"] += 1
    return np.array([float(g) for g in ad.grad(nll)(dict(zip(names, map(float, x)))).values()])


minuit = iminuit.Minuit(function, list(start.values()), grad=slope, name=names)
minuit.errordef, minuit.strategy = iminuit.Minuit.LIKELIHOOD, 0
minuit.limits = [(-100, 100), (-100, 100), (0.1, 6), (0.01, 0.999), (1e-4, 0.5)]
minuit.migrad()
best = dict(zip(names, map(float, minuit.values)))
print(f"valid: {minuit.valid}, {calls['value']} values, {calls['gradient']} gradients")

# %%
covariance = np.linalg.inv(ad.relaxed.observed_information(nll, best))
errors = dict(zip(names, np.sqrt(np.diag(covariance))))
units = {"barrel": "‰", "endcap": "‰", "resolution": "GeV", "signal": "", "slope": "/GeV"}
for name in names:
    print(f"{name:10s} {best[name]:8.3f} ± {errors[name]:.3f} {units[name]}")

# %% [markdown]
# ## Before and after

# %%
after = np.asarray(corrected(best))
edges = np.linspace(76, 106, 61)
centres, step = (edges[1:] + edges[:-1]) / 2, edges[1] - edges[0]
peak, falling = densities(centres, LOW, HIGH, best)

fig, axes = plt.subplots(figsize=(7, 4), layout="constrained")
axes.hist(np.asarray(window), edges, color="0.8", label="before")
n = np.histogram(after, edges)[0]
axes.errorbar(centres, n, np.sqrt(n), fmt="k.", ms=4, lw=1, label="after")
axes.plot(centres, len(after) * step * (peak + falling), "tab:red", label="fit")
axes.plot(centres, len(after) * step * falling, "tab:red", ls="--", lw=1)
axes.axvline(Z_MASS, color="tab:blue", lw=1, ls=":")
axes.set(xlabel="mass of the muon pair [GeV]", ylabel=f"pairs / {step:.1f} GeV", xlim=(76, 106))
_ = axes.legend(frameon=False)

# %% [markdown]
# ## Which masses move, and by how much
#
# The Jacobian of the masses by the parameters goes on to whatever uses them. Here it gives each candidate its
# uncertainty from the calibration.

# %%
jacobian = ad.jacfwd(corrected)({name: best[name] for name in ("barrel", "endcap")})
j = np.stack([np.asarray(jacobian[name]) for name in ("barrel", "endcap")], axis=1)
from_calibration = np.sqrt(np.einsum("ei,ij,ej->e", j, covariance[:2, :2], j))

fig, axes = plt.subplots(figsize=(7, 3), layout="constrained")
axes.hist(1e3 * from_calibration / after, 60, color="tab:blue")
axes.set(xlabel="uncertainty of the mass from the calibration [‰]", ylabel="pairs")
print(f"typically {1e3 * np.median(from_calibration):.0f} MeV")
