# %% [markdown]
# # Training on ragged data
#
# A network that takes the jets of an event, however many there are, in any order: DeepSets ([Zaheer et al.,
# arXiv:1703.06114](https://arxiv.org/abs/1703.06114)). A small network looks at each jet, its outputs are summed over
# the event, and a last layer looks at the sum. Nothing is padded; `ad.grad` goes through the lists.

# %%
import sys

import awkward as ak
import numpy as np
from matplotlib import pyplot as plt
from scipy.special import log_expit

import awkward_dual as ad

sys.path.append("../../examples")
import jets as simulation

# %% [markdown]
# ## Events with labels
#
# Pairs of top quarks (1) and other events (0), half for training. The network sees three numbers of each jet.

# %%
N = 2000
events = ak.concatenate([simulation.ttbar(N, seed=21), simulation.background(N, seed=22)])
labels = np.repeat([1.0, 0.0], N)
order = np.random.default_rng(1).permutation(2 * N)
events, labels = events[order], labels[order]
train, test = slice(0, N), slice(N, None)
print(events.type)
np.bincount(ak.to_numpy(ak.num(events)))


# %%
def features(events):
    """The jets of all events as rows of a matrix, and how many belong to each event."""
    jets = ak.flatten(events)
    columns = [np.log(jets.pt / 50), jets.eta, 4 * jets.btag - 2]
    # the buffers themselves: they may carry derivatives, which ak.to_numpy refuses to drop
    return np.stack([ak.to_packed(c).layout.data for c in columns], axis=1), ak.num(events)


# %% [markdown]
# ## The network
#
# Parameters are a dict of arrays; the gradient comes as a dict of arrays.

# %%
HIDDEN = 12


def parameters(rng):
    return {
        "w1": rng.normal(size=(3, HIDDEN)) / np.sqrt(3),
        "b1": np.zeros(HIDDEN),
        "w2": rng.normal(size=(HIDDEN, HIDDEN)) / np.sqrt(HIDDEN),
        "b2": np.zeros(HIDDEN),
        "w3": rng.normal(size=HIDDEN) / np.sqrt(HIDDEN),
        "b3": 0.0,
    }


def score(p, jets, counts):
    hidden = np.tanh(np.matmul(jets, p["w1"]) + p["b1"])
    each = np.tanh(np.matmul(hidden, p["w2"]) + p["b2"])
    pooled = ak.sum(ak.unflatten(each, counts), axis=1)
    return ak.sum(np.tanh(pooled / 3) * p["w3"], axis=1) + p["b3"]


def loss(p, jets, counts, labels):
    """The cross entropy for each event."""
    z = score(p, jets, counts)
    return -ak.mean(labels * log_expit(z) + (1 - labels) * log_expit(-z))


p = parameters(np.random.default_rng(7))
value, gradient = ad.value_and_grad(loss)(p, *features(events[:50]), labels[:50])
print(f"loss {value:.3f};", {name: np.shape(g) for name, g in gradient.items()})

# %%
ad.testing.check_grads(lambda p: loss(p, *features(events[:50]), labels[:50]), (p,), modes=("rev",))

# %% [markdown]
# ## Training
#
# Adam (Kingma and Ba, arXiv:1412.6980) in a few lines, in batches of 200 events. A batch is a slice.

# %%
step = ad.value_and_grad(loss)
p = parameters(np.random.default_rng(7))
mean = {name: np.zeros_like(x) for name, x in p.items()}
square = {name: np.zeros_like(x) for name, x in p.items()}
history = []
validation = (*features(events[test]), labels[test])

for epoch in range(15):
    losses = []
    for first in range(0, N, 200):
        batch = slice(first, first + 200)
        value, gradient = step(p, *features(events[batch]), labels[batch])
        losses.append(float(value))
        t = epoch * (N // 200) + first // 200 + 1
        for name, g in gradient.items():
            mean[name] = 0.9 * mean[name] + 0.1 * g
            square[name] = 0.99 * square[name] + 0.01 * g**2
            scale = np.sqrt(square[name] / (1 - 0.99**t)) + 1e-8
            p[name] = p[name] - 0.02 * mean[name] / (1 - 0.9**t) / scale
    history.append((np.mean(losses), float(loss(p, *validation))))
print(f"training {history[-1][0]:.3f}, test {history[-1][1]:.3f}")

# %%
fig, axes = plt.subplots(figsize=(5, 3), layout="constrained")
axes.plot(np.arange(1, len(history) + 1), history, label=["training", "test"])
axes.set(xlabel="epoch", ylabel="cross entropy per event")
_ = axes.legend(frameon=False)

# %% [markdown]
# ## What it has learnt
#
# On events that it has not seen, against a cut on the sum of momenta $H_T$ and on the best score of the tagger.


# %%
def curve(discriminant, truth):
    """Efficiencies for background and signal, and the area below."""
    passed = truth[np.argsort(-np.asarray(discriminant))]
    signal = np.cumsum(passed) / passed.sum()
    background = np.cumsum(1 - passed) / (1 - passed).sum()
    return background, signal, float(np.sum(np.diff(background) * signal[1:]))


unseen, truth = events[test], labels[test]
discriminants = {
    "network": score(p, *features(unseen)),
    "best tag": ak.fill_none(ak.max(unseen.btag, axis=1), 0.0),
    "$H_T$": ak.sum(unseen.pt, axis=1),
}
areas = {}
fig, axes = plt.subplots(figsize=(4.5, 4), layout="constrained")
for name, discriminant in discriminants.items():
    background, signal, areas[name] = curve(discriminant, truth)
    axes.plot(background, signal, label=f"{name}: {areas[name]:.3f}")
axes.set(xlabel="part of the background that passes", ylabel="part of the signal that passes")
_ = axes.legend(frameon=False, title="area below")

# %% [markdown]
# The order of the jets means nothing to the network, and empty events are no exception:

# %%
backwards = score(p, *features(unseen[:, ::-1]))
print("largest change:", f"{np.abs(np.asarray(backwards - discriminants['network'])).max():.0e}")
print("an event without jets:", np.round(np.asarray(score(p, *features(unseen[:1, :0]))), 3))

# %% [markdown]
# What does a jet contribute? The gradient of the score by the momenta of the jets has a number for each of them.


# %%
def by_momentum(pt):
    return ak.sum(score(p, *features(ak.with_field(unseen, pt, "pt"))))


saliency = ad.grad(by_momentum)(unseen.pt) * unseen.pt
fig, axes = plt.subplots(figsize=(5, 3), layout="constrained")
axes.plot(ak.flatten(unseen.btag), ak.flatten(saliency), ".", ms=1.5, alpha=0.5)
axes.set(
    xlabel="score of the tagger", ylabel="change of the score per\nrelative change of momentum"
)
print(saliency.type)
