"""Counts that carry derivatives: in weights exactly, in positions by soft bins."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import awkward as ak
import numpy as np

from awkward_dual.errors import TangentLost
from awkward_dual.operators import is_live, stop_gradient
from awkward_dual.relaxed.binning import blocks, columns, part, shares, total

__all__ = ("counts", "extents", "trimmed", "variances")


def counts(
    x: Any, axes: Any, *, weight: Any = None, width: Any = None, kernel: str = "gauss",
    flow: bool = False,
) -> Any:  # fmt: skip
    """The contents of a histogram, which may carry derivatives; for use inside of operators.

    Parameters
    ----------
    x : array, or tuple of arrays
        Positions, one array for each axis, ragged or flat; they broadcast as in Awkward.
        Missing values are dropped.
    axes : axis or array of edges, or tuple of them
        An axis of `hist` or boost-histogram, or ascending edges. A position on an upper edge
        belongs to the bin above it.
    weight : float or array, optional
        One for each element, or for each event.
    width : float, array, None, or tuple of them
        The width of soft bins; ``None`` for hard bins. In hard bins derivatives of weights are
        exact, and positions have none: a live position raises.
    kernel : {"gauss", "logistic"}
        Of the soft bins.
    flow : bool
        Whether bins for underflow and overflow are added at both ends of each axis.

    Returns
    -------
    array
        One axis for each axis of the histogram. Without `width` the values are those of
        ``hist.Hist.fill``, bit for bit.

    Raises
    ------
    TangentLost
        If hard bins are to be filled at live positions.
    ValueError
        If a width is not positive, a position of soft bins is NaN, or an axis grows.

    Notes
    -----
    Soft bins are those of `awkward_dual.relaxed.histogram`, with the same bias.

    Examples
    --------
    >>> import awkward as ak
    >>> import awkward_dual as ad
    >>> mass = ak.Array([[0.5, 1.2], [], [1.8]])
    >>> yields = lambda scale: ad.hist.counts(mass, [0.0, 1.0, 2.0], weight=scale)
    >>> ad.jvp(yields, (3.0,), (1.0,))
    (array([3., 6.]), array([1., 2.]))
    >>> soft = lambda scale: ad.hist.counts(scale * mass, [0.0, 1.0, 2.0], width=0.2)
    >>> ad.jacfwd(soft)(1.0).round(3)
    array([-1.453, -0.682])
    """
    return _filled(_described(x, axes, width), weight, kernel, flow, power=1)


def variances(
    x: Any, axes: Any, *, weight: Any = None, width: Any = None, kernel: str = "gauss",
    flow: bool = False,
) -> Any:  # fmt: skip
    """The statistical variances of `counts`: sums of squared weights.

    Parameters and errors are those of `counts`. In soft bins each element adds the square of
    its weight times its share.

    Examples
    --------
    >>> import awkward_dual as ad
    >>> ad.hist.variances([0.5, 1.2, 1.8], [0.0, 1.0, 2.0], weight=3.0)
    array([ 9., 18.])
    """
    return _filled(_described(x, axes, width), weight, kernel, flow, power=2)


@dataclass
class _Axis:
    """One axis: what is filled along it, its bins and the width of these."""

    x: Any
    axis: Any
    width: Any

    @property
    def edges(self) -> Any:
        return np.asarray(getattr(self.axis, "edges", self.axis), dtype=np.float64)

    @property
    def size(self) -> int:
        """Bins, with one below and one above."""
        return bins_of(self.axis) + 2

    def part(self, rows: Any) -> _Axis:
        """Some of the elements."""
        return _Axis(self.x[rows], self.axis, part(self.width, rows))

    def index(self) -> Any:
        """The hard bin of each element, from 0 for underflow."""
        if is_live(self.x):
            raise TangentLost(
                "filling hard bins at live positions",
                "give a width for soft bins (awkward_dual.hist.counts), keep positions constant and "
                "differentiate weights, or detach positions with awkward_dual.stop_gradient(x)",
            )
        x = np.asarray(stop_gradient(self.x))
        if is_axis(self.axis):
            return np.asarray(_places(self.axis, x), dtype=np.int64) + 1
        found = np.searchsorted(self.edges, x, side="right")
        return np.where(np.isnan(x), len(self.edges), found)

    def shares(self, kernel: str) -> Any:
        """The share of each element in each bin."""
        if is_axis(self.axis) and self.axis.traits.circular:
            raise ValueError("soft bins of a circular axis are not supported")
        return shares(self.x, self.edges, self.width, kernel)


def _places(axis: Any, x: Any) -> Any:
    """The bins of positions; what is no category is above them, where `hist.Hist.fill` has it."""
    try:
        return axis.index(x)
    except KeyError:
        known = {*axis}
        inside = np.array([value in known for value in x.tolist()], dtype=bool)
        out = np.full(len(x), len(axis))
        out[inside] = axis.index(x[inside])
        return out


def is_axis(axis: Any) -> bool:
    """Whether this is an axis of a library, not a list of edges."""
    return hasattr(axis, "traits")


def bins_of(axis: Any) -> int:
    """The number of bins of an axis or of edges."""
    return len(axis) if is_axis(axis) else len(axis) - 1


def extents(axis: Any) -> slice:
    """Which of the bins below, inside and above an axis of a library has."""
    traits = axis.traits
    return slice(0 if traits.underflow else 1, bins_of(axis) + (2 if traits.overflow else 1))


def trimmed(values: Any, axes: tuple[Any, ...]) -> Any:
    """Contents with all flow bins, without those that the axes do not have."""
    return values[tuple(extents(axis) for axis in axes)]


def _check_axes(axes: Any) -> None:
    """Raise for what is neither an axis nor ascending edges."""
    for axis in axes if isinstance(axes, tuple | list) else [axes]:
        if is_axis(axis):
            if axis.traits.growth:
                raise ValueError(
                    "an axis that grows would have more bins with each filling, and derivatives "
                    "of another shape: give its categories or edges, and growth=False"
                )
            continue
        kind = type(axis).__name__
        if isinstance(axis, tuple) and any(map(is_axis, axis)):
            raise TypeError("one array of positions takes one axis: write (x,) beside (axis,)")
        if hasattr(axis, "axes"):
            raise TypeError(f"axes are axes or edges, not a {kind}; write h.axes[0], or h.axes")
        edges = np.asarray(axis)
        if edges.ndim != 1 or len(edges) < 2 or not (edges[1:] > edges[:-1]).all():
            raise ValueError(
                f"edges must be an ascending sequence of two numbers or more, not {axis!r}"
            )


def _described(x: Any, axes: Any, width: Any) -> list[_Axis]:
    _check_axes(axes if isinstance(x, tuple) else (axes,))
    if not isinstance(x, tuple):
        return [_Axis(x, axes, width)]
    widths = width if isinstance(width, tuple) else (width,) * len(x)
    if not len(x) == len(axes) == len(widths):
        raise ValueError(f"{len(x)} positions, {len(axes)} axes and {len(widths)} widths")
    return [_Axis(*three) for three in zip(x, axes, widths)]


def _filled(described: list[_Axis], weight: Any, kernel: str, flow: bool, power: int) -> Any:
    n = len(described)
    flat = columns(*(a.x for a in described), *(a.width for a in described), weight)
    own = [
        _Axis(_column(x, flat[0]), a.axis, width)
        for x, width, a in zip(flat[:n], flat[n : 2 * n], described)
    ]
    weight = None if flat[-1] is None else (flat[-1] + np.zeros(len(flat[0]))) ** power
    hard = [i for i, a in enumerate(own) if a.width is None]
    soft = [i for i, a in enumerate(own) if a.width is not None]
    filled = _in_hard_bins([own[i] for i in hard], weight, [own[i] for i in soft], kernel, power)
    order = np.argsort([*hard, *soft])
    filled = np.transpose(filled, order)
    return filled if flow else filled[(slice(1, -1),) * n]


def _column(x: Any, first: Any) -> Any:
    """One value for all elements as a column."""
    return np.full(len(first), x) if isinstance(x, str) or np.ndim(x) == 0 else x


def _in_hard_bins(
    axes: list[_Axis], weight: Any, soft: list[_Axis], kernel: str, power: int
) -> Any:
    """Contents with the hard axes first."""
    if not axes:
        return _in_soft_bins(soft, weight, kernel, power)
    shape = tuple(axis.size for axis in axes)
    place = np.ravel_multi_index(tuple(axis.index() for axis in axes), shape)
    numbers = np.bincount(place, minlength=int(np.prod(shape)))
    if not soft and weight is None:
        return np.reshape(numbers.astype(np.float64), shape)
    order = np.argsort(place, kind="stable")
    if not soft:
        # in the order of the events in each bin, as boost-histogram adds them
        lists = ak.unflatten(ak.Array(weight)[order], numbers)
        return np.reshape(ak.sum(lists, axis=1).layout.data, shape)
    ends = np.cumsum(numbers)
    found = [
        _in_soft_bins([a.part(rows) for a in soft], _part(weight, rows), kernel, power)
        for rows in (order[end - number : end] for number, end in zip(numbers, ends))
    ]
    return np.reshape(np.stack(found), (*shape, *found[0].shape))


def _part(weight: Any, rows: Any) -> Any:
    return None if weight is None else weight[rows]


def _in_soft_bins(axes: list[_Axis], weight: Any, kernel: str, power: int) -> Any:
    size = max(axis.size for axis in axes)

    def counted(rows: slice) -> Any:
        bins = [axis.part(rows).shares(kernel) for axis in axes]
        bins = bins if power == 1 else [b**power for b in bins]
        return _summed(_part(weight, rows), bins)

    return total(map(counted, blocks(len(axes[0].x), size)))


def _summed(weight: Any, bins: list[Any]) -> Any:
    """The sum of weight times the product of shares, with one axis for each of `bins`."""
    first, *others = bins
    weighted = first if weight is None else weight[:, np.newaxis] * first
    if not others:
        return np.sum(weighted, axis=0)
    return np.stack([_summed(weighted[:, i], others) for i in range(first.shape[1])])
