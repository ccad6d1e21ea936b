# %% [markdown]
# # First derivatives
#
# Muons in, masses out: an ordinary Awkward Array program, and what moves its results.

# %%
import awkward as ak
import numpy as np
from matplotlib import pyplot as plt

import awkward_dual as ad

# %% [markdown]
# ## Events
#
# A thousand events with any number of muons. The charge is an integer; integers ride along without a derivative.

# %%
rng = np.random.default_rng(11)
counts = rng.poisson(2.2, 1000)
total = counts.sum()


def ragged(values):
    return ak.unflatten(values, counts)


muons = ak.zip(
    {
        "pt": ragged(5 + rng.exponential(25.0, total)),
        "eta": ragged(rng.uniform(-2.4, 2.4, total)),
        "phi": ragged(rng.uniform(-np.pi, np.pi, total)),
        "charge": ragged(rng.choice([-1, 1], total)),
    }
)
print(muons.type)

# %% [markdown]
# The program makes pairs of opposite charge, cuts, and computes masses in GeV. Nothing in it knows of derivatives.


# %%
def pair_masses(muons):
    muons = muons[muons.pt > 8]
    a, b = ak.unzip(ak.combinations(muons, 2))
    opposite = a.charge != b.charge
    a, b = a[opposite], b[opposite]
    return np.sqrt(2 * a.pt * b.pt * (np.cosh(a.eta - b.eta) - np.cos(a.phi - b.phi)))


masses = pair_masses(muons)
masses

# %% [markdown]
# ## One direction: `jvp`
#
# How do masses move when the momenta of the barrel ($|\eta| < 1.2$) are scaled? Write the scale as a parameter, and
# push a tangent of 1 through the program. Value and derivative come back, in the shape of the result.


# %%
def with_scale(scale):
    factor = ak.where(abs(muons.eta) < 1.2, scale, 1.0)
    return pair_masses(ak.with_field(muons, factor * muons.pt, "pt"))


value, slope = ad.jvp(with_scale, (1.0,), (1.0,))
slope

# %% [markdown]
# A mass is proportional to the root of both momenta. So its relative slope is 0, ½ or 1: the number of its muons in
# the barrel, halved. The program was not told.

# %%
relative = ak.flatten(slope / value)
fig, axes = plt.subplots(figsize=(6, 3), layout="constrained")
axes.hist(relative, bins=np.arange(-0.025, 1.05, 0.05), color="tab:blue")
axes.set(
    xlabel="relative change of the mass per relative change of the barrel's momenta", ylabel="pairs"
)
np.unique(np.round(np.asarray(relative), 12))

# %% [markdown]
# ## One number, many parameters: `grad`
#
# A gradient has the type of what it is the gradient of: here one number for each muon, in events. Muons in no
# pair have the derivative 0, and so have those that fail the cut.


# %%
def spread(pt):
    masses = pair_masses(ak.with_field(muons, pt, "pt"))
    return ak.sum((masses - 60.0) ** 2) / 1e3


gradient = ad.grad(spread)(muons.pt)
gradient

# %%
moved = float(ak.sum(gradient != 0))
f"{moved:.0f} of {total} muons move the result; below the cut: {ak.sum(muons.pt <= 8)}"

# %% [markdown]
# ## Is it right?
#
# Differences along one muon's momentum converge to the exact derivative as the step shrinks, until they drown in
# rounding. The exact derivative has no step.

# %%
flat = ak.flatten(abs(gradient))
one = ak.unflatten(np.arange(total) == ak.argmax(flat), counts)  # the muon that matters most
exact = ak.sum(gradient[one])

steps = 10.0 ** np.arange(-11, 1.0, 0.5)
differences = [(spread(muons.pt + h * one) - spread(muons.pt - h * one)) / (2 * h) for h in steps]
errors = np.abs(np.array(differences) / exact - 1)

# %%
fig, axes = plt.subplots(figsize=(6, 3), layout="constrained")
axes.loglog(steps, errors, "o-", ms=4)
axes.set(xlabel="step of the central difference [GeV]", ylabel="relative error of the difference")
f"best difference: {min(errors):.0e}"

# %% [markdown]
# `check_grads` does this along random directions, for forward and reverse mode, and raises if they disagree.

# %%
ad.testing.check_grads(spread, (muons.pt,))

# %% [markdown]
# ## Many numbers, few parameters: `jacfwd`
#
# All derivatives of all masses in one pass, as a covariance wants them. With 1 % on each region's scale, the masses
# have these uncertainties:


# %%
def by_region(scales):
    barrel = abs(muons.eta) < 1.2
    factor = ak.where(barrel, scales["barrel"], scales["endcap"])
    return pair_masses(ak.with_field(muons, factor * muons.pt, "pt"))


jacobian = ad.jacfwd(by_region)({"barrel": 1.0, "endcap": 1.0})
uncertainty = np.hypot(0.01 * jacobian["barrel"], 0.01 * jacobian["endcap"])

# %%
fig, axes = plt.subplots(figsize=(6, 3), layout="constrained")
axes.plot(ak.flatten(masses), ak.flatten(uncertainty), ".", ms=3)
axes.set(xlabel="mass of the pair [GeV]", ylabel="uncertainty of the mass [GeV]")
fraction = ak.flatten(uncertainty / masses)
f"between {100 * ak.min(fraction):.3f} % and {100 * ak.max(fraction):.3f} %"

# %% [markdown]
# Two muons of one region share their uncertainty (1 %), those of two regions do not ($1\,\% / \sqrt 2$).
#
# ## Nothing is dropped in silence
#
# What would lose a derivative raises, and says how to lose it on purpose.

# %%
try:
    ad.grad(lambda pt: float(np.asarray(ak.flatten(pt)).sum()))(muons.pt)
except ad.TangentLost as error:
    print(error)
