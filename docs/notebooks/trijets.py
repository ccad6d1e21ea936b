# %% [markdown]
# # Tangent templates beside up and down copies
#
# Systematic uncertainties usually mean copies: the analysis runs again for each parameter up and down. With derivatives it
# runs once. This is an analysis of pairs of top quarks with a trijet mass and four nuisance parameters, both ways.

# %%
import sys

import awkward as ak
import hist
import iminuit
import numpy as np
from matplotlib import pyplot as plt

import awkward_dual as ad
from awkward_dual import relaxed

sys.path.append("../../examples")
import jets as simulation

events = simulation.ttbar(4000)
# one number for each jet, drawn once: a resolution is a parameter times noise
rng = np.random.default_rng(5)
events["noise"] = ak.unflatten(rng.normal(size=ak.sum(ak.num(events))), ak.num(events))
print(events.type)

# %% [markdown]
# ## The analysis
#
# Four jets, at least one of them tagged. Among all combinations of three jets with a tagged one, the trijet with the
# largest momentum is the candidate for the top quark that decayed to jets. Its mass is histogrammed.
#
# | parameter | what it does | one σ |
# |---|---|---|
# | `jes` | scales all momenta | 3 % |
# | `jer` | widens the resolution, which is smeared by 8 % of the momentum, by as many percent | 4 |
# | `btag` | scales the efficiency of the tagger, by weights | 5 % |
# | `lumi` | scales everything | 2 % |
#
# The resolution is varied around a smearing. Around none its derivative says nothing: the effect of a small noise is
# quadratic in it.
#
# Two things are soft. Whether the fourth jet is above 30 GeV is a smooth weight of 2 GeV width, for events that come and
# go with `jes` are part of its effect. And bins have soft edges of 8 GeV, which is below the resolution of the mass.

# %%
axis = hist.axis.Regular(25, 50, 350, name="mass", label="trijet mass [GeV]")
NOMINAL = {"jes": 0.0, "jer": 0.0, "btag": 0.0, "lumi": 0.0}
SIGMAS = {"jes": 0.03, "jer": 4.0, "btag": 0.05, "lumi": 0.02}


def trijet_mass(jets):
    three = ak.combinations(jets, 3, fields=["a", "b", "c"])
    three = three[(three.a.btag > 0.5) | (three.b.btag > 0.5) | (three.c.btag > 0.5)]
    trijet = three.a + three.b + three.c
    return ak.firsts(trijet[ak.argmax(trijet.pt, axis=1, keepdims=True)].mass)


def efficiency_weight(jets, shift):
    """The probability of the tags that there are, over that without a shift (0.8 and 0.1)."""
    tagged = jets.btag > 0.5
    nominal = ak.where(jets.flavour == 5, 0.8, 0.1)
    shifted = nominal * (1 + shift)
    return ak.prod(ak.where(tagged, shifted / nominal, (1 - shifted) / (1 - nominal)), axis=1)


def analysis(p, soft=True):
    jets = events[ak.num(events) >= 4]
    factor = (1 + p["jes"]) * (1 + 0.01 * (8.0 + p["jer"]) * jets.noise)
    jets = ak.with_field(jets, factor * jets.pt, "pt")
    jets = ak.with_field(jets, factor * jets.mass, "mass")
    jets = jets[ak.sum(jets.btag > 0.5, axis=1) >= 1]
    fourth = ak.sort(jets.pt, axis=1, ascending=False)[:, 3]
    passed = relaxed.cut(fourth, 30.0, 2.0) if soft else ak.values_astype(fourth > 30.0, float)
    weight = passed * efficiency_weight(jets, p["btag"]) * (1 + p["lumi"])
    mass = trijet_mass(jets)
    found = ~ak.is_none(mass)
    return ad.hist.counts(mass[found], axis, weight=weight[found], width=8.0 if soft else None)


# %% [markdown]
# ## One pass
#
# `templates` gives the histogram and its derivative by each parameter, as `hist.Hist`s. They are linear templates.

# %%
found = ad.hist.templates(analysis, NOMINAL, axis)
variations = found.up_down(SIGMAS)
list(found.tangents)

# %% [markdown]
# ## Eight copies
#
# The same analysis up and down for each parameter.


# %%
def moved(name, number, soft=True):
    return analysis({**NOMINAL, name: number * SIGMAS[name]}, soft)


copies = {name: (moved(name, 1), moved(name, -1)) for name in NOMINAL}
hard_nominal = analysis(NOMINAL, soft=False)
hard_copies = {name: (moved(name, 1, soft=False), moved(name, -1, soft=False)) for name in NOMINAL}

# %%
nominal = found.value.values()
fig, all_axes = plt.subplots(2, 2, figsize=(10, 6), sharex=True, layout="constrained")
for axes, name in zip(all_axes.flat, NOMINAL):
    up, down = (100 * (h.values() / nominal - 1) for h in variations[name])
    axes.stairs(up, axis.edges, color="tab:red", lw=1.5, label="tangent, up")
    axes.stairs(down, axis.edges, color="tab:blue", lw=1.5, label="tangent, down")
    for copy, color in zip(copies[name], ("tab:red", "tab:blue")):
        axes.plot(axis.centers, 100 * (copy / nominal - 1), "o", ms=3, color=color, label="copy")
    for copy, color in zip(hard_copies[name], ("tab:red", "tab:blue")):
        axes.plot(axis.centers, 100 * (copy / hard_nominal - 1), "x", ms=4, color=color, alpha=0.4,
                  label="copy, hard cuts and bins")  # fmt: skip
    axes.axhline(0, color="0.6", lw=0.8)
    low, high = min(down.min(), up.min()), max(down.max(), up.max())
    axes.set(ylabel="change of the bin [%]", title=name, ylim=(1.8 * low, 1.8 * high))
for axes in all_axes[1]:
    axes.set(xlabel="trijet mass [GeV]")
all_axes[0, 0].legend(frameon=False, ncols=2, fontsize=7)

# half the difference of the copies against the line, as a part of the largest effect
disagreement = {}
for name, (up, down) in copies.items():
    line = variations[name][0].values() - nominal
    disagreement[name] = np.abs((up - down) / 2 - line).max() / np.abs(line).max()
print({name: f"{100 * d:.2g} %" for name, d in disagreement.items()})

# %% [markdown]
# The points are copies of the same program, which agree with the lines where the effect is linear. The printed numbers
# say how well: exactly for yields, to per mille for weights, to some percent for the energy scale. With the resolution
# jets overtake each other, and another combination is chosen: a derivative does not see that, a finite difference does.
# The crosses are copies of the analysis with hard cuts and bins: they scatter, because few events cross an edge.
#
# By the shift of one parameter:

# %%
shifts = np.linspace(-0.06, 0.06, 13)
window = (axis.centers > 150) & (axis.centers < 190)
exact = [analysis({**NOMINAL, "jes": float(s)})[window].sum() for s in shifts]
hard = [analysis({**NOMINAL, "jes": float(s)}, soft=False)[window].sum() for s in shifts]
line = [found.shifted({"jes": s}).values()[window].sum() for s in shifts]

fig, axes = plt.subplots(figsize=(6, 3.4), layout="constrained")
axes.plot(100 * shifts, line, "tab:red", label="tangent")
axes.plot(100 * shifts, exact, "k.", label="copies")
axes.plot(100 * shifts, hard, "x", color="0.6", label="copies, hard cuts and bins")
axes.axvspan(-3, 3, color="0.93")
axes.set(xlabel="shift of the jet energy scale [%]", ylabel="events in 150–190 GeV")
_ = axes.legend(frameon=False)

# %% [markdown]
# ## A fit with the templates
#
# Data with a jet energy scale that is 2 % too high, and a likelihood of linear templates with Gaussian constraints. It is
# a function of arrays, so its gradient is one call.

# %%
data = np.random.default_rng(8).poisson(analysis({**NOMINAL, "jes": 0.02}))
names = list(NOMINAL)
derivatives = np.stack([found.tangents[name].values() * SIGMAS[name] for name in names])


def nll(x):
    """By the strength of the signal and the nuisance parameters, in units of their sigmas."""
    expected = x[0] * (nominal + np.matmul(x[1:], derivatives))
    return np.sum(expected - data * np.log(expected)) + 0.5 * np.sum(x[1:] ** 2)


minuit = iminuit.Minuit(
    lambda x: float(nll(x)), np.array([1.0, 0, 0, 0, 0]), grad=ad.grad(nll), name=["mu", *names]
)
minuit.errordef, minuit.strategy = iminuit.Minuit.LIKELIHOOD, 0
minuit.migrad()
errors = np.sqrt(np.diag(np.linalg.inv(ad.hessian(nll)(np.array(minuit.values)))))
for name, value, error in zip(minuit.parameters, minuit.values, errors):
    print(f"{name:5s} {value:+.2f} ± {error:.2f}" + ("" if name == "mu" else " σ"))
print(f"jes: {100 * SIGMAS['jes'] * minuit.values['jes']:+.1f} %")

# %% [markdown]
# The templates also go to pyhf, as `histosys` modifiers:

# %%
sample = found.to_pyhf("ttbar", SIGMAS)
print(sample["name"], [(modifier["name"], modifier["type"]) for modifier in sample["modifiers"]])
