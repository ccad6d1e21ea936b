# %% [markdown]
# # Many files
#
# A likelihood is a sum over events, and so is its gradient: each file gives its part, wherever it is read. This page fits
# a momentum scale to four files, in this process, on threads, and on a cluster of dask.

# %%
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import awkward as ak
import hist
import iminuit
import numpy as np
import uproot
from matplotlib import pyplot as plt

import awkward_dual as ad

sys.path.append("../../examples")
import muons as simulation

folder = Path(tempfile.mkdtemp())
for i in range(4):
    muons = simulation.generate(1500, seed=i)
    with uproot.recreate(folder / f"run{i}.root") as file:
        file["Events"] = {f"Muon_{name}": muons[name] for name in muons.fields}
paths = sorted(folder.glob("*.root"))
[path.name for path in paths]

# %% [markdown]
# ## Parts
#
# A part is a range of rows of a file, with the columns that are needed. It is read where it is used, and only its path
# travels there. The size of a part bounds the memory of a worker.

# %%
COLUMNS = [f"Muon_{name}" for name in ("pt", "eta", "phi", "charge")]
parts = ad.scale.files(paths, "Events", COLUMNS, step=1000)
print(
    len(parts),
    "parts:",
    ", ".join(f"{Path(p.path).name}[{p.start}:{p.stop}]" for p in parts[:3]),
    "...",
)

# %% [markdown]
# ## The function sees one part
#
# It is what you would write for all events: masses of pairs near the Z, and a likelihood of their scale.


# %%
def masses(events, scale):
    pairs = ak.combinations(
        ak.zip({name: events[f"Muon_{name}"] for name in ("pt", "eta", "phi", "charge")}), 2
    )
    a, b = ak.unzip(pairs)
    mass = np.sqrt(2 * a.pt * b.pt * (np.cosh(a.eta - b.eta) - np.cos(a.phi - b.phi)))
    # chosen by the mass without a correction
    return ak.flatten(scale * mass[(a.charge != b.charge) & (mass > 80) & (mass < 102)])


def nll(events, p):
    m = masses(events, p["scale"])
    low, high = 80 * p["scale"], 102 * p["scale"]
    pole, half = 91.19, p["width"] / 2
    area = np.arctan((high - pole) / half) - np.arctan((low - pole) / half)
    peak = half / ((m - pole) ** 2 + half**2) / area
    density = p["signal"] * peak + (1 - p["signal"]) / (high - low)
    return -ak.sum(np.log(density * p["scale"]))


start = {"scale": 1.0, "width": 3.0, "signal": 0.7}
value, gradient = ad.scale.value_and_grad(nll, parts, start)
print(f"{value:.3f}", {name: round(float(g), 2) for name, g in gradient.items()})

# %% [markdown]
# The same from all events at once; the parts are only added in another order.

# %%
everything = uproot.concatenate([f"{path}:Events" for path in paths], COLUMNS)
at_once = ad.value_and_grad(lambda p: nll(everything, p))(start)
print(f"relative difference {abs(value / at_once[0] - 1):.0e}")

# %% [markdown]
# ## On threads
#
# Anything with the interface of `concurrent.futures.Executor` will do. The sum has the same bits on all of them.

# %%
with ThreadPoolExecutor(2) as pool:
    on_threads = ad.scale.value_and_grad(nll, parts, start, executor=pool)
print(on_threads[0] == value, on_threads[1] == gradient)

# %% [markdown]
# ## A fit
#
# Files are read wherever they are used, again for each step of a fit. What fits into memory is read once: rows of an array
# are parts, too.

# %%
names = list(start)
in_memory = ad.scale.rows(everything, 3000)


def as_dict(x):
    return dict(zip(names, map(float, x)))


def function(x):
    return float(ad.scale.total(nll, in_memory, as_dict(x)))


def slope(x):
    _, gradient = ad.scale.value_and_grad(nll, in_memory, as_dict(x))
    return np.array([float(gradient[name]) for name in names])


minuit = iminuit.Minuit(function, list(start.values()), grad=slope, name=names)
minuit.errordef, minuit.strategy = iminuit.Minuit.LIKELIHOOD, 0
minuit.limits = [(0.9, 1.1), (0.5, 10), (0.01, 0.999)]
minuit.migrad()
best = as_dict(minuit.values)
hessian = ad.scale.hessian(nll, in_memory, best)
matrix = np.array([[float(hessian[a][b]) for b in names] for a in names])
errors = np.sqrt(np.diag(np.linalg.inv(matrix)))
for name, error in zip(names, errors):
    print(f"{name:7s} {best[name]:.4f} ± {error:.4f}")

# %% [markdown]
# ## A histogram over all parts, with its derivatives
#
# `scale.hist` adds up histograms of value and tangents, here by the momentum scale.

# %%
axis = hist.axis.Regular(40, 81, 101, name="mass", label="mass of the muon pair [GeV]")


def counted(events, p):
    return ad.hist.counts(masses(events, p["scale"]), axis, width=0.7)


found = ad.scale.hist(counted, parts, {"scale": best["scale"]}, axis)
up, down = found.up_down({"scale": 0.01})["scale"]

fig, axes = plt.subplots(figsize=(6, 3.4), layout="constrained")
axes.stairs(found.value.values(), axis.edges, color="k", label="all files")
axes.stairs(up.values(), axis.edges, color="tab:red", label="scale + 1 %")
axes.stairs(down.values(), axis.edges, color="tab:blue", label="scale − 1 %")
axes.set(xlabel=axis.label, ylabel="pairs / 0.5 GeV")
_ = axes.legend(frameon=False)

# %% [markdown]
# ## A file that cannot be read
#
# What fails is tried again; then the others go on, and the error has names. Nothing is lost or counted twice.

# %%
broken = folder / "broken.root"
broken.write_bytes(b"not a file of ROOT, but long enough to be one " * 40)
bad = ad.scale.FileRows(str(broken), "Events", 0, 1000, tuple(COLUMNS))
try:
    ad.scale.value_and_grad(nll, [*parts, bad], start, retries=1)
except ad.PartsFailed as error:
    print([Path(name).name for name in error.failed])
    print("the sum over the others:", error.partial[0] == value)

# %% [markdown]
# ## On a cluster of dask
#
# `Client` with the address of a scheduler is a cluster; without one it starts processes on this machine. Functions of this
# notebook are sent along.

# %% needs: distributed
from distributed import Client

with Client(n_workers=2, threads_per_worker=1, dashboard_address=None) as client:
    on_dask = ad.scale.value_and_grad(nll, parts, start, executor=client.get_executor())
print(on_dask[0] == value, on_dask[1] == gradient)

# %% [markdown]
# ## Inside of dask-awkward
#
# Derivatives also work inside of `dak.map_partitions`: the function is traced first, so the type of the result is known,
# and only the columns that it touches are read. Sums of tangents are linear, and may be taken by dask.

# %% needs: dask_awkward
import dask_awkward as dak

for i, path in enumerate(paths):
    ak.to_parquet(uproot.open(path)["Events"].arrays(), folder / f"run{i}.parquet")


def with_slope(events):
    value, slope = ad.jvp(lambda scale: masses(events, scale), (1.0,), (1.0,))
    return ak.zip({"mass": value, "slope": slope})


lazy = dak.map_partitions(with_slope, dak.from_parquet(str(folder / "*.parquet")))
print(lazy)
print("reads", sorted(*dak.necessary_columns(lazy).values()))
print("mean slope", round(float((dak.sum(lazy.slope) / dak.count(lazy.slope)).compute()), 3), "GeV")
