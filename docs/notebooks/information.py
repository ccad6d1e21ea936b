# %% [markdown]
# # Fisher information and Hessians
#
# Second derivatives of a likelihood are uncertainties. Those of the Fisher information say which experiment to do.

# %%
import awkward as ak
import numpy as np
from matplotlib import pyplot as plt
from scipy.optimize import minimize

import awkward_dual as ad
from awkward_dual import relaxed

# %% [markdown]
# ## A sample
#
# Events with any number of decays. Decay times fall with the lifetime $\tau$, on a flat background that is a part $b$
# of all decays within 10 ps.

# %%
END = 10.0  # ps
TRUTH = np.array([1.5, 0.2])  # lifetime [ps], background


def simulate(rng, n):
    """n events; times beyond the end are not seen."""
    counts = rng.poisson(2.0, n)
    m = counts.sum()
    signal = -TRUTH[0] * np.log1p(rng.random(m) * np.expm1(-END / TRUTH[0]))
    times = np.where(rng.random(m) < TRUTH[1], END * rng.random(m), signal)
    return ak.unflatten(times, counts)


times = simulate(np.random.default_rng(3), 1000)
print(times.type, ak.count(times))


# %%
def nll(p, times):
    tau, flat = p[0], p[1]
    signal = np.exp(-times / tau) / (tau * -np.expm1(-END / tau))
    return -ak.sum(np.log((1 - flat) * signal + flat / END), axis=-1)


def total(p):
    return ak.sum(nll(p, times))


# %% [markdown]
# ## Newton's method with exact Hessians
#
# `hessian` is forward over reverse mode. A few steps reach the minimum to rounding: quadratic convergence needs
# derivatives that are exact.

# %%
p = np.array([1.2, 0.4])
gradients = []
for _ in range(7):
    g = ad.grad(total)(p)
    gradients.append(np.abs(g).max())
    p = p - np.linalg.solve(ad.hessian(total)(p), g)
best = p
print([f"{g:.0e}" for g in gradients])

# %%
information = ad.hessian(total)(best)
covariance = np.linalg.inv(information)
errors = np.sqrt(np.diag(covariance))
print(f"lifetime {best[0]:.3f} ± {errors[0]:.3f} ps, background {best[1]:.3f} ± {errors[1]:.3f}")

# %% [markdown]
# The ellipse of the Hessian against the contour of the likelihood, half a unit above its minimum:

# %%
angle = np.linspace(0, 2 * np.pi, 100)
ellipse = best[:, None] + np.linalg.cholesky(covariance) @ np.stack([np.cos(angle), np.sin(angle)])
taus = np.linspace(best[0] - 3 * errors[0], best[0] + 3 * errors[0], 31)
flats = np.linspace(best[1] - 3 * errors[1], best[1] + 3 * errors[1], 31)
lowest = total(best)
above = np.array([[total(np.array([t, f])) - lowest for t in taus] for f in flats])

fig, axes = plt.subplots(figsize=(5, 3.6), layout="constrained")
axes.contour(taus, flats, above, [0.5, 2.0], colors="0.5")
axes.plot(*ellipse, "tab:red", label="from the Hessian")
axes.plot(*(best[:, None] + 2 * (ellipse - best[:, None])), "tab:red", ls="--")
axes.plot(*TRUTH, "k+", label="truth")
axes.plot([], [], color="0.5", label="likelihood, 1 and 2 σ")
axes.set(xlabel="lifetime [ps]", ylabel="fraction of background")
_ = axes.legend(frameon=False, fontsize=8)

# %% [markdown]
# ## Is that the spread of repeated experiments?
#
# Two hundred of them. An experiment is one more axis of the ragged array, with a pair of parameters for each: all are
# fitted at once. `hvp` along one parameter of all experiments gives one column of all Hessians, for experiments
# do not mix.

# %%
rng = np.random.default_rng(4)
N = 200
toys = ak.Array([ak.flatten(simulate(rng, 1000)) for _ in range(N)])


def all_toys(p):
    return ak.sum(nll((p[:, 0], p[:, 1]), toys))


fitted = np.tile(TRUTH, (N, 1))
for _ in range(5):
    gradient = ad.grad(all_toys)(fitted)
    columns = [ad.hvp(all_toys, (fitted,), (np.tile(unit, (N, 1)),)) for unit in np.eye(2)]
    fitted = fitted - np.linalg.solve(np.stack(columns, axis=2), gradient[:, :, None])[:, :, 0]
spread = fitted.std(axis=0)
print("largest gradient:", f"{np.abs(ad.grad(all_toys)(fitted)).max():.0e}")

# %%
bound = relaxed.cramer_rao(np.mean(np.stack(columns, axis=2), axis=0))
for name, s, b in zip(("lifetime", "background"), spread, bound):
    print(f"{name:10s} spread of the fits {s:.4f}, bound {b:.4f}")

fig, axes = plt.subplots(figsize=(5, 3.6), layout="constrained")
axes.plot(*fitted.T, ".", ms=3, color="tab:blue", alpha=0.6, label="fits")
axes.plot(*(ellipse - best[:, None] + TRUTH[:, None]), "tab:red", label="one Hessian")
axes.set(xlabel="lifetime [ps]", ylabel="fraction of background")
_ = axes.legend(frameon=False, fontsize=8)

# %% [markdown]
# ## Which bins?
#
# A binned measurement knows less. `fisher_information` is computed from the derivatives of expected counts; the bound on
# the lifetime that follows is differentiable by the edges of the bins. So four bins can be put where they tell most.

# %%
DECAYS = 2000.0


def bound_on_lifetime(edges):
    def expected(p):
        tau, flat = p[0], p[1]
        below = np.expm1(-edges / tau) / np.expm1(-END / tau)
        fractions = (1 - flat) * (below[1:] - below[:-1]) + flat * (edges[1:] - edges[:-1]) / END
        return DECAYS * fractions

    return relaxed.cramer_rao(relaxed.fisher_information(expected, TRUTH))[0]


def edges_of(x):
    """Edges in order, from any three numbers: the widths are a softmax."""
    widths = np.exp(np.concatenate([x, np.zeros(1)]))
    inner = np.cumsum(widths / np.sum(widths))[:-1]
    return END * np.concatenate([np.zeros(1), inner, np.ones(1)])


objective = ad.value_and_grad(lambda x: 100 * bound_on_lifetime(edges_of(x)))
history = [np.zeros(3)]
found = minimize(objective, np.zeros(3), jac=True, method="BFGS", callback=history.append)
history = [edges_of(x) for x in history]
unbinned = bound[0] * np.sqrt(np.mean(ak.num(toys)) / DECAYS)
before, after = (float(bound_on_lifetime(edges)) for edges in (history[0], history[-1]))
print(f"four equal bins {before:.4f} ps, moved {after:.4f} ps, without bins {unbinned:.4f} ps")

# %%
fig, axes = plt.subplots(figsize=(6, 3), layout="constrained")
axes.plot(np.array(history)[:, 1:-1], color="tab:blue")
axes.set(xlabel="step", ylabel="edges of the bins [ps]", ylim=(0, END))
right = axes.twinx()
right.plot([bound_on_lifetime(edges) for edges in history], color="tab:red")
right.axhline(unbinned, color="tab:red", lw=1, ls=":")
_ = right.set_ylabel("uncertainty of the lifetime [ps]", color="tab:red")
