"""Soft cuts."""

from __future__ import annotations

from typing import Any

import awkward as ak
import numpy as np

from awkward_dual.operators import stop_gradient
from awkward_dual.relaxed.binning import kernel_of

__all__ = ("cut",)


def cut(
    x: Any, threshold: Any, width: Any, *, keep: str = "above", kernel: str = "logistic"
) -> Any:
    """A smooth weight in the place of a cut: near 1 where `x` passes, near 0 where it fails.

    Parameters
    ----------
    x : array
        What is cut on; ragged arrays give ragged weights.
    threshold : float or array
        The value of the cut, at which the weight is 1/2.
    width : float or array
        From 12% to 88% the logistic weight goes within four widths.
    keep : {"above", "below"}
        What passes.
    kernel : {"logistic", "gauss"}
        The shape of the step: a logistic function, or the distribution function of a Gaussian.

    Returns
    -------
    array
        ``F((x - threshold) / width)``, of the type of `x`.

    Raises
    ------
    ValueError
        If `keep` or `kernel` is unknown, or `width` is not positive.

    Notes
    -----
    The weighted yield is that of a hard cut on a smeared variable. Where the density f of `x`
    is smooth, its bias is ``-pi**2 width**2 f'(threshold) / 6`` for each element (logistic; for
    the Gaussian ``-width**2 f'(threshold) / 2``; with the opposite sign for ``keep="below"``). The
    derivative by the threshold estimates ``-f(threshold)`` from the elements within a few
    widths: its noise grows as the width shrinks.

    Sigmoid weights in the place of cuts: gradhep's *relaxed* (``relaxed.cut``), and N. Simpson and
    L. Heinrich, arXiv:2203.05570.

    Examples
    --------
    >>> import awkward as ak
    >>> import awkward_dual as ad
    >>> pt = ak.Array([[25.0, 19.0], [], [40.0]])
    >>> ak.round(ad.relaxed.cut(pt, 20.0, 1.0), 3).to_list()
    [[0.993, 0.269], [], [1.0]]
    >>> count = lambda threshold: ak.sum(ad.relaxed.cut(pt, threshold, 1.0))
    >>> float(ad.grad(count)(20.0).round(3))
    -0.203
    """
    if keep not in ("above", "below"):
        raise ValueError(f"keep must be 'above' or 'below', not {keep!r}")
    cdf, _ = kernel_of(kernel)
    _check(width)
    distance = x - threshold if keep == "above" else threshold - x
    return cdf(distance / width)


def _check(width: Any) -> None:
    plain = stop_gradient(width)
    if isinstance(plain, ak.Array):
        plain = ak.drop_none(ak.flatten(plain, axis=None))
    if not np.all(np.asarray(plain) > 0):
        raise ValueError("the width of a cut must be positive")
