# %% [markdown]
# # Compiled loops
#
# Some programs are loops: a fit that is repeated until nothing changes, with outliers that lose their weight on the way.
# Numba compiles them, and they differentiate as they are. This one finds the position of the vertex of an event's tracks
# along the beam.

# %%
import math

import awkward as ak
import numba
import numpy as np
from matplotlib import pyplot as plt
from scipy.optimize import minimize

import awkward_dual as ad
from awkward_dual.numba import zeros

# %% [markdown]
# ## The loop
#
# The only thing that it takes from this package is `zeros`, an output buffer: its elements are floats for plain tracks, and
# dual numbers for tracks with tangents.


# %%
@numba.njit
def vertex(tracks):
    out = zeros(len(tracks), like=tracks)
    for i, event in enumerate(tracks):
        z, before = 0.0, 1e9
        for _ in range(10):
            total, weights = 0.0, 1e-9
            for track in event:
                pull = (track.z - z) / track.sigma
                weight = 1 / (1 + math.exp(0.5 * (pull * pull - 9.0))) / track.sigma**2
                total += weight * track.z
                weights += weight
            z = total / weights
            if abs(z - before) < 1e-9:
                break
            before = z
        out[i] = z
    return out


# %% [markdown]
# ## Events
#
# Any number of tracks from one vertex, each with its own resolution, and some that come from elsewhere.

# %%
rng = np.random.default_rng(12)
N = 3000
counts = 2 + rng.poisson(6.0, N)
m = counts.sum()
true_z = 0.3 * rng.normal(size=N)
sigma = ak.unflatten(rng.uniform(0.05, 0.15, m), counts)
pulls = ak.unflatten(rng.normal(size=m), counts)
stray = ak.unflatten(np.where(rng.random(m) < 0.1, rng.uniform(-4, 4, m), 0.0), counts)
tracks = ak.zip({"z": true_z + sigma * pulls + stray, "sigma": sigma})

found = vertex(tracks)
residual = found - true_z
print(f"median distance from the truth: {10 * np.median(np.abs(residual)):.2f} mm")

# %% [markdown]
# ## Which tracks move the vertex?
#
# If every track moves by the same amount, so does the vertex: its slope is 1, but for tracks that are losing their weight
# just there.

# %%
along = ak.zip({"z": ak.ones_like(tracks.z), "sigma": ak.zeros_like(tracks.sigma)})
_, slope = ad.jvp(vertex, (tracks,), (along,))
print(
    f"slope between {slope.min():.3f} and {slope.max():.3f}, in the middle {np.median(slope):.5f}"
)

# %% [markdown]
# The Jacobian says which tracks have a say: one column for each track of one event.

# %%
one = tracks[:1]
jacobian = ad.jacfwd(lambda z: vertex(ak.with_field(one, z, "z")))(one.z)[0]
pull_of = np.asarray(ak.flatten((one.z - found[0]) / one.sigma))
for distance, weight in zip(pull_of, np.asarray(jacobian)):
    print(f"{distance:+7.1f} σ away: {weight:+.3f}")

# %% [markdown]
# ## Through the branches
#
# Four tracks at rest and a fifth that moves along the beam. Inside it has its part of the weight; where it is being
# discarded, pulling it outwards moves the vertex *back*. Points are differences, the line is exact.

# %%
STEPS = 401
rest = np.array([-0.10, 0.03, 0.08, 0.15])
positions = np.linspace(-1.2, 1.2, STEPS)
z = ak.Array(np.column_stack([np.tile(rest, (STEPS, 1)), positions]))
scan = ak.zip({"z": z, "sigma": ak.full_like(z, 0.1)})
last = np.zeros((STEPS, 5))
last[:, -1] = 1.0
direction = ak.zip({"z": ak.Array(last), "sigma": ak.zeros_like(z)})
position, derivative = ad.jvp(vertex, (scan,), (direction,))
differences = (position[2:] - position[:-2]) / (positions[2:] - positions[:-2])

fig, axes = plt.subplots(2, 1, sharex=True, figsize=(6, 4.6), layout="constrained")
axes[0].plot(positions, position)
axes[0].set(ylabel="vertex [cm]")
axes[1].plot(positions, derivative, label="exact")
axes[1].plot(positions[1:-1:8], differences[::8], "o", ms=3, label="differences")
axes[1].axhline(0.2, color="0.6", lw=0.8, ls=":")
axes[1].set(xlabel="position of the fifth track [cm]", ylabel="derivative of the vertex")
_ = axes[1].legend(frameon=False)

# %% [markdown]
# ## A calibration through the loop
#
# A detector whose tracks are shifted by 0.08 cm and shrunk by 3 %, and another one that says where vertices are. `grad`
# goes through the loop as well: parameters are pushed forward through it together, and the loop is recorded as one
# linear map. (The stretch comes out a little too small, as in every regression on noisy positions.)

# %%
measured = ak.with_field(tracks, (tracks.z + 0.08) / 1.03, "z")


def misfit(p):
    corrected = ak.with_field(measured, measured.z * p[0] - p[1], "z")
    return np.sum(1 - np.exp(-0.5 * ((vertex(corrected) - true_z) / 0.05) ** 2)) / N


history = [float(misfit(np.array([1.0, 0.0])))]
fit = minimize(
    ad.value_and_grad(misfit), np.array([1.0, 0.0]), jac=True, method="BFGS", options={"gtol": 1e-4},
    callback=lambda x: history.append(float(misfit(x))),
)  # fmt: skip
p = fit.x
print(f"stretch {p[0]:.3f}, shift {p[1]:.3f} cm; misfit {history[0]:.3f} -> {history[-1]:.3f}")

# %%
h = 1e-5
at = np.array([1.02, 0.1])
numeric = [(misfit(at + h * unit) - misfit(at - h * unit)) / (2 * h) for unit in np.eye(2)]
exact = ad.grad(misfit)(at)
print("largest difference from central differences:", f"{np.abs(exact - numeric).max():.0e}")

fig, axes = plt.subplots(figsize=(5, 3), layout="constrained")
axes.plot(history)
_ = axes.set(xlabel="step", ylabel="misfit of the vertices")
