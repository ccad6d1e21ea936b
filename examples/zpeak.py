"""Calibrate muon momenta on the Z peak, by a fit with exact gradients.

    python examples/zpeak.py                 # 20 000 simulated events
    python examples/zpeak.py file.root       # a tree or RNTuple Events with Muon_pt …

`muons` makes or reads the events, `zmodel` is the program that is differentiated,
`zpicture` draws.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import awkward as ak
import numpy as np
from iminuit import Minuit
from tqdm import tqdm

import awkward_dual as ad
import muons
import zmodel
import zpicture

__all__ = ("main",)


class Fit(NamedTuple):
    """A fit that is done."""

    minuit: Minuit
    seconds: float
    values: int
    gradients: int


def fit(nll: Callable[[Any], Any], gradient: Callable[[Any], Any] | None, title: str) -> Fit:
    """Minimise from the starting values; without a gradient Minuit makes its own."""
    counts = {"values": 0, "gradients": 0}
    with tqdm(desc=title, unit=" calls", disable=None, leave=False) as progress:

        def counted(name: str, function: Callable[[Any], Any]) -> Callable[[Any], Any]:
            def call(theta: Any) -> Any:
                counts[name] += 1
                progress.update()
                return function(theta)

            return call

        minuit = Minuit(
            counted("values", nll),
            zmodel.START,
            grad=gradient and counted("gradients", gradient),
            name=[name for name, *_ in zmodel.PARAMETERS],
        )
        minuit.limits = [limits for *_, limits in zmodel.PARAMETERS]
        minuit.errordef = Minuit.LIKELIHOOD
        minuit.strategy = 0
        start = time.perf_counter()
        minuit.migrad()
        seconds = time.perf_counter() - start
    return Fit(minuit, seconds, **counts)


def central_differences(
    function: Callable[[Any], Any], theta: Any, steps: Any
) -> np.ndarray[Any, Any]:
    """A numerical gradient: central differences with three step sizes, extrapolated to none."""

    def difference(direction: Any) -> float:
        return float(function(theta + direction) - function(theta - direction)) / 2

    out = []
    for i, step in enumerate(tqdm(steps, desc="checking", disable=None, leave=False)):
        unit = np.eye(len(theta))[i] * step
        d1, d2, d4 = (difference(unit / n) * n / step for n in (1, 2, 4))
        finer, finest = (4 * d2 - d1) / 3, (4 * d4 - d2) / 3
        out.append((16 * finest - finer) / 15)
    return np.array(out)


# -- the report


def print_parameters(fitted: Fit, errors: Any, truth: dict[str, float]) -> None:
    minuit = fitted.minuit
    hesse = np.array(minuit.errors)
    print(f"\n{'parameter':<22}{'start':>8}{'fit':>10}   {'uncertainty':<13}{'truth':>8}")
    for i, (name, start, unit, _) in enumerate(zmodel.PARAMETERS):
        value, known = minuit.values[i], truth.get(name)
        told = f"{'-':>8}" if known is None else f"{known:8.2f}"
        print(f"{f'{name} [{unit}]':<22}{start:8.2f}{value:10.3f} ± {errors[i]:<13.3f}{told}")
    off = np.max(np.abs(hesse / errors - 1))
    print(f"uncertainties from the exact Hessian; those of Minuit's hesse differ by {off:.1e}")


def print_calls(exact: Fit, plain: Fit) -> None:
    print(f"\n{'fit (strategy 0)':<22}{'values':>8}{'gradients':>11}{'seconds':>9}{'minimum':>14}")
    for title, done in (("exact gradients", exact), ("without gradients", plain)):
        print(
            f"{title:<22}{done.values:8d}{done.gradients:11d}{done.seconds:9.1f}"
            f"{done.minuit.fval:14.4f}"
        )


def run(events: ak.Array, truth: dict[str, float], output: str) -> None:
    """The whole job, from events to the picture."""
    chosen = zmodel.events_with_pairs(events)
    nll = zmodel.likelihood(chosen)
    n = len(zmodel.pair_masses(chosen, zmodel.START)[0])
    print(f"{len(events)} events with {ak.count(events.pt)} muons: {n} opposite-sign pairs")

    exact = fit(nll, ad.grad(nll), "fit with exact gradients")
    plain = fit(nll, None, "fit without gradients")
    exact.minuit.hesse()
    theta = np.array(exact.minuit.values)
    errors = np.sqrt(np.diag(np.linalg.inv(ad.hessian(nll)(theta))))
    print_parameters(exact, errors, truth)
    print_calls(exact, plain)
    if not exact.minuit.valid:
        print("the fit did not converge: do not trust its numbers")

    value, gradient = ad.value_and_grad(nll)(zmodel.START)
    numeric = central_differences(nll, zmodel.START, errors / 4)
    off = np.max(np.abs(gradient - numeric) / np.abs(numeric))
    print(f"\nat the starting values, -log L = {value:.4f}")
    print(f"exact gradient against central differences: largest relative difference {off:.1e}")

    zpicture.draw(chosen, theta, output)
    print(f"picture: {output}")


def _count(text: str) -> int:
    if (n := int(text)) < 1:
        raise ValueError(text)
    return n


def main(arguments: list[str] | None = None) -> int:
    """The command line; the result is its exit status."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("file", nargs="?", help="a ROOT file; without it, events are simulated")
    parser.add_argument("--events", type=_count, default=20_000, help="how many to simulate")
    parser.add_argument("--seed", type=int, default=2024, help="of the simulation")
    parser.add_argument("--output", default="demo.png", help="where the picture goes")
    options = parser.parse_args(arguments)
    if not Path(options.output).absolute().parent.is_dir():
        parser.error(f"no such folder: {Path(options.output).parent}")
    try:
        if options.file is None:
            events, truth = muons.generate(options.events, options.seed), muons.TRUTH
        else:
            events, truth = muons.read(options.file), {}
        run(events, truth, options.output)
    except muons.NoMuons as error:
        print(f"zpeak: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
