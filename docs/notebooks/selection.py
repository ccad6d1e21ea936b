# %% [markdown]
# # Optimising a selection
#
# Which jets, which events, which cut on the tagger give the best measurement? The usual answer is a scan. Here three
# thresholds are moved at once, by the gradient of the significance, through a selection that is ragged from jets to
# histogram.

# %%
import sys

import awkward as ak
import numpy as np
from matplotlib import pyplot as plt
from scipy.optimize import minimize

import awkward_dual as ad
from awkward_dual import relaxed

sys.path.append("../../examples")
import jets as simulation

signal, background = simulation.ttbar(2000), simulation.background(6000)
#: what each simulated event stands for
SIGNAL_WEIGHT, BACKGROUND_WEIGHT = 0.1, 1.0
ak.num(signal)

# %% [markdown]
# ## A selection, hard and soft
#
# A jet counts if its momentum is above a threshold. An event is selected if enough jets count, and if at least one of
# them is tagged. The measurement is the histogram of $H_T$, the sum of momenta of the jets that count.
#
# `step` is either the cut itself, or `relaxed.cut`, a smooth weight between 0 and 1. The number of jets is the sum of
# their weights. That no jet of an event is tagged has the probability $\prod_i (1 - w_i)$, which is exact for a hard cut.

# %%
EDGES = np.array([60.0, 120.0, 180.0, 240.0, 300.0, 400.0, 600.0])


def hard(x, threshold, width):
    return ak.values_astype(x > threshold, np.float64)


def counts(events, p, step):
    jet = step(events.pt, p["pt"], 2.0)
    tagged = step(events.btag, p["tag"], 0.04)
    weight = step(ak.sum(jet, axis=1), p["jets"], 0.25) * (1 - ak.prod(1 - jet * tagged, axis=1))
    ht = ak.sum(jet * events.pt, axis=1)
    if step is hard:
        return np.histogram(np.asarray(ht), EDGES, weights=np.asarray(weight))[0]
    return relaxed.histogram(ht, EDGES, 10.0, weight=weight)


def significance(p, step=relaxed.cut):
    s = SIGNAL_WEIGHT * counts(signal, p, step)
    b = BACKGROUND_WEIGHT * counts(background, p, step) + 0.5
    # eight percent of the background is not known
    return relaxed.asimov_significance(s, b, 0.08 * b, combine=True)


start = {"pt": 25.0, "tag": 0.3, "jets": 1.5}
value, gradient = ad.value_and_grad(significance)(start)
print(f"significance {value:.3f}; by the thresholds:")
for name, slope in gradient.items():
    print(f"  {name:4s} {slope:+.4f}")

# %% [markdown]
# The gradient is that of the soft selection, exactly:

# %%
ad.testing.check_grads(significance, (start,), modes=("rev",))

# %% [markdown]
# ## Up the hill
#
# Thresholds differ in scale, so the optimiser works in units of 10 GeV, 0.1 and one jet.

# %%
SCALES = {"pt": 10.0, "tag": 0.1, "jets": 1.0}
path = [start]


def objective(x):
    p = {name: float(v) * scale for v, (name, scale) in zip(x, SCALES.items())}
    value, gradient = ad.value_and_grad(significance)(p)
    return -float(value), -np.array([float(gradient[name]) * SCALES[name] for name in p])


def remember(x):
    path.append({name: float(v) * scale for v, (name, scale) in zip(x, SCALES.items())})


x0 = [start[name] / scale for name, scale in SCALES.items()]
bounds = [(2.0, 8.0), (0.5, 9.5), (0.5, 5.5)]
found = minimize(objective, x0, jac=True, method="L-BFGS-B", bounds=bounds, callback=remember)
best = path[-1]
print(f"{found.nfev} evaluations: " + ", ".join(f"{name} > {v:.3g}" for name, v in best.items()))

# %% [markdown]
# ## What to quote
#
# The soft selection is a means; the result is that of the hard one.

# %%
table = {
    "start": (float(significance(start)), float(significance(start, hard))),
    "best": (float(significance(best)), float(significance(best, hard))),
}
for name, (soft, quoted) in table.items():
    print(f"{name:6s} soft {soft:.3f}   hard {quoted:.3f}")

# %% [markdown]
# Around the optimum, along each threshold: the hard significance is a staircase, which no gradient would climb; the soft
# one follows it with a bias.

# %%
ranges = {"pt": (20, 80), "tag": (0.1, 0.95), "jets": (0.5, 5.5)}
labels = {
    "pt": "threshold of jets [GeV]",
    "tag": "threshold of the tagger",
    "jets": "number of jets above",
}
fig, all_axes = plt.subplots(1, 3, figsize=(10, 3), sharey=True, layout="constrained")
for axes, (name, (low, high)) in zip(all_axes, ranges.items()):
    values = np.linspace(low, high, 17)
    scan = [{**best, name: float(v)} for v in values]
    axes.plot(values, [significance(p, hard) for p in scan], "k.", ms=4, label="hard")
    axes.plot(values, [significance(p) for p in scan], "tab:blue", label="soft")
    axes.axvline(start[name], color="0.6", lw=1, ls="--", label="start")
    axes.axvline(best[name], color="tab:red", lw=1, label="best")
    axes.set(xlabel=labels[name])
all_axes[0].set(ylabel="expected significance [σ]")
_ = all_axes[0].legend(frameon=False)

# %% [markdown]
# ## The histograms

# %%
fig, all_axes = plt.subplots(1, 2, figsize=(9, 3.2), layout="constrained")
for axes, (name, p) in zip(all_axes, {"start": start, "best": best}.items()):
    b = BACKGROUND_WEIGHT * counts(background, p, hard)
    s = SIGNAL_WEIGHT * counts(signal, p, hard)
    axes.stairs(b + s, EDGES, fill=True, color="tab:red", label="signal")
    axes.stairs(b, EDGES, fill=True, color="0.75", label="background")
    axes.set(
        xlabel="$H_T$ [GeV]",
        ylabel="expected events per bin",
        title=f"{name}: {table[name][1]:.2f} σ",
    )
_ = all_axes[1].legend(frameon=False)
