"""From a function that counts to histograms of value and derivatives."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from awkward_dual import operators
from awkward_dual.hist.counts import bins_of, trimmed
from awkward_dual.hist.result import TangentHist
from awkward_dual.trees import map_tree

if TYPE_CHECKING:
    from hist import Hist

__all__ = ("arrays", "packaged", "templates")


def templates(
    func: Callable[..., Any], params: Any, *axes: Any, label: str = "", name: str = ""
) -> TangentHist:
    """The histogram that a function of parameters counts, with all its derivatives, in one pass.

    Parameters
    ----------
    func : callable
        ``func(params)`` gives counts, or a pair ``(counts, variances)``, of the shape of the
        axes, with all flow bins or without any: what `counts` and `variances` give. Sums,
        products and ratios of such counts are fine.
    params
        A float, a NumPy array, or a dict, tuple or list of them.
    *axes
        Axes of `hist`.
    label, name : str
        Of the histograms.

    Returns
    -------
    TangentHist
        Derivatives are named by the keys and numbers that lead to a parameter, with dots:
        ``"jes.barrel"``, ``"0"``, ``"shape[2]"``; a single number is ``"param"``.

    Raises
    ------
    ValueError
        If the shape of the counts is not that of the axes.

    Examples
    --------
    >>> import hist
    >>> import awkward_dual as ad
    >>> axis = hist.axis.Regular(2, 0, 2)
    >>> mass = ad.hist.templates(
    ...     lambda p: ad.hist.counts(p["scale"] * axis.centers, axis, width=0.25), {"scale": 1.0}, axis
    ... )
    >>> mass.tangents["scale"].values().round(3)
    array([-0.324,  0.108])
    """
    return packaged(arrays(func, params), params, axes, label=label, name=name)


def arrays(func: Callable[..., Any], params: Any) -> tuple[Any, Any, Any]:
    """Counts, their variances or ``None``, and the Jacobian of the counts."""

    def both(params: Any) -> Any:
        found = func(params)
        counts, errors = found if isinstance(found, tuple) else (found, None)
        return counts, (counts, errors)

    jacobian, (counts, errors) = operators.jacfwd(both, has_aux=True)(params)
    return counts, errors, jacobian


def packaged(
    found: tuple[Any, Any, Any], params: Any, axes: tuple[Any, ...], *, label: str, name: str
) -> TangentHist:
    """The arrays as histograms."""
    counts, errors, jacobian = found
    value = _histogram(counts, errors, axes, label, name)
    tangents: dict[str, Any] = {}

    def leaf(p: Any, derivative: Any, path: str) -> None:
        for where in np.ndindex(np.shape(p)):
            place: Any = (..., *where)
            own = np.asarray(derivative)[place]
            key = _name(path) + (f"[{', '.join(map(str, where))}]" if where else "")
            tangents[key] = _histogram(own, None, axes, f"d{label} / d{key}".lstrip(), name)

    map_tree(leaf, params, jacobian)
    return TangentHist(value, tangents)


def _name(path: str) -> str:
    """``['a'][0]`` as ``a.0``."""
    parts = path.replace("]", "").replace("'", "").replace('"', "").replace("[", ".")
    return parts.lstrip(".") or "param"


def _histogram(values: Any, errors: Any, axes: tuple[Any, ...], label: str, name: str) -> Hist[Any]:
    import hist

    storage: Any = hist.storage.Double() if errors is None else hist.storage.Weight()
    out: Any = hist.Hist(*axes, storage=storage, label=label or None, name=name or None)
    view = out.view(flow=True)
    if errors is None:
        view[...] = _with_flow(values, axes)
        # otherwise the contents pass for numbers of events, and for their own variances
        out *= 1.0
    else:
        view["value"], view["variance"] = _with_flow(values, axes), _with_flow(errors, axes)
    filled: Hist[Any] = out
    return filled


def _with_flow(values: Any, axes: tuple[Any, ...]) -> Any:
    """The values in the bins that the axes have."""
    values = np.asarray(values, dtype=np.float64)
    inner = tuple(bins_of(axis) for axis in axes)
    if values.shape == inner:
        values = np.pad(values, 1)
    if values.shape != tuple(n + 2 for n in inner):
        raise ValueError(
            f"counts of shape {values.shape} do not fit axes with {inner} bins; with flow=True "
            "there are two more on each axis"
        )
    return trimmed(values, axes)
