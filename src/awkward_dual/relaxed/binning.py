"""Soft bins and kernel densities: the one place where an element is shared among bins.

An element at ``x`` is smeared by a kernel of width ``w``. Its share of the bin from ``a`` to
``b`` is the integral of the kernel, ``F((b - x) / w) - F((a - x) / w)``, with the distribution
function F: a binned kernel density.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import awkward as ak
import numpy as np

from awkward_dual.operators import stop_gradient

__all__ = ("KERNELS", "columns", "histogram", "kde", "scott", "shares")


def _gauss(z: Any) -> Any:
    from scipy import special

    return special.ndtr(z)


def _logistic(z: Any) -> Any:
    from scipy import special

    return special.expit(z)


#: distribution function and density of each kernel, both of unit width
KERNELS: dict[str, tuple[Callable[[Any], Any], Callable[[Any], Any]]] = {
    "gauss": (_gauss, lambda z: np.exp(-0.5 * z**2) / np.sqrt(2 * np.pi)),
    "logistic": (_logistic, lambda z: _logistic(z) * _logistic(-z)),
}


def kernel_of(name: str) -> tuple[Callable[[Any], Any], Callable[[Any], Any]]:
    """Distribution function and density of a kernel."""
    if name not in KERNELS:
        raise ValueError(f"kernel must be one of {', '.join(map(repr, KERNELS))}, not {name!r}")
    return KERNELS[name]


def shares(x: Any, edges: Any, width: Any, kernel: str = "gauss") -> Any:
    """The share of each element in each bin, with those below and above all bins.

    Parameters
    ----------
    x : array of shape (n,)
        Positions.
    edges : array of shape (bins + 1,)
        Ascending.
    width : float or array of shape (n,)
        Of the kernel: the standard deviation of ``"gauss"``, the scale of ``"logistic"``.
    kernel : {"gauss", "logistic"}

    Returns
    -------
    array of shape (n, bins + 2)
        They add up to one for each element, and are accurate in both tails.
    """
    _check(x, width)
    cdf, _ = kernel_of(kernel)
    edges = _ascending(edges)
    width = width[:, np.newaxis] if np.ndim(width) else width
    z = (edges - x[:, np.newaxis]) / width
    # the smaller tail at each edge, so that no share is a difference of numbers near one; the
    # sign is a constant, not abs(z), which has no derivative where x lies on an edge
    below = z > 0
    sign = np.where(below, -1.0, 1.0)
    tail = sign * cdf(sign * z)
    ends = np.zeros((len(x), 1))
    tail = np.concatenate([ends, tail, ends], axis=1)
    below = np.concatenate([ends.astype(bool), below, ~ends.astype(bool)], axis=1)
    return tail[:, 1:] - tail[:, :-1] + (below[:, 1:] & ~below[:, :-1])


def _ascending(edges: Any) -> Any:
    edges = np.asarray(edges, dtype=np.float64)
    if edges.ndim != 1 or len(edges) < 2 or not np.all(np.diff(edges) > 0):
        raise ValueError("edges must be a list of ascending numbers, at least two")
    return edges


#: elements of the table of shares that are worked on at once; this many stay in the cache
BLOCK = 2**17


def blocks(n: int, bins: int) -> list[slice]:
    """Rows of a table of n elements and some bins, a part at a time (at least one part)."""
    step = max(BLOCK // bins, 1)
    return [slice(start, start + step) for start in range(0, max(n, 1), step)]


def part(x: Any, rows: slice) -> Any:
    """Some of the elements; numbers are the same for all."""
    return x[rows] if np.ndim(x) else x


def total(terms: Any) -> Any:
    """The sum of arrays."""
    found = None
    for term in terms:
        found = term if found is None else found + term
    return found


def _check(x: Any, width: Any) -> None:
    plain = np.asarray(stop_gradient(width))
    if not np.all(plain > 0):
        raise ValueError("the width of a kernel must be positive")
    if np.isnan(np.asarray(stop_gradient(x), dtype=np.float64)).any():
        raise ValueError("positions of soft bins must not be NaN; drop them first")


def columns(*arrays: Any) -> list[Any]:
    """Arrays broadcast together as Awkward does it, flattened, without missing values.

    ``None`` and numbers stay what they are, but for the first, which is always an array.
    """
    out = [ak.Array(a) if isinstance(a, list | tuple) else a for a in arrays]
    given = [i for i, a in enumerate(out) if isinstance(a, ak.Array) or np.ndim(a)]
    if 0 not in given:
        out[0] = np.reshape(out[0], (1,))
        given.insert(0, 0)
    found = ak.broadcast_arrays(*(out[i] for i in given))
    for i, array in zip(given, found, strict=True):
        out[i] = _flat(array)
    return out


def _flat(array: Any) -> Any:
    if ak.fields(array):
        raise TypeError(f"numbers were expected, not {array.type}")
    layout = ak.to_packed(ak.flatten(array, axis=None)).layout
    if layout.is_numpy:
        return layout.data
    if layout.is_unknown:
        return np.zeros(0)
    if layout.parameter("__array__") == "string":
        return np.asarray(ak.to_list(layout), dtype=str)
    raise TypeError(f"numbers were expected, not {layout.form.type}")


def histogram(
    x: Any,
    edges: Any,
    width: Any,
    *,
    weight: Any = None,
    kernel: str = "gauss",
    axis: int | None = None,
) -> Any:
    """Soft counts: each element is shared among the bins by a kernel (a binned kernel density).

    Parameters
    ----------
    x : array
        Positions, ragged or flat; missing values are dropped.
    edges : array of shape (bins + 1,)
        Ascending.
    width : float or array
        Of the kernel; one for each element if it is an array.
    weight : array, optional
        One for each element, or for each event.
    kernel : {"gauss", "logistic"}
    axis : None or -1
        One histogram of everything, or one for each of the innermost lists.

    Returns
    -------
    array of shape (bins,)
        What falls outside of all bins is not in it. With ``axis=-1``, an ``ak.Array`` with a
        last axis of bins in the place of the lists.

    Raises
    ------
    ValueError
        If `width` is not positive, a position is NaN, or edges do not ascend; for another axis.

    Notes
    -----
    The expected counts are those of the density smeared by the kernel. To second order the
    smeared density is ``f + w**2 f'' / 2`` for the Gaussian kernel, ``f + pi**2 w**2 f'' / 6``
    for the logistic: peaks are too low, valleys too shallow. A small `width` has a small
    bias, and a derivative that fewer elements, those near an edge, contribute to. A width of
    half a bin or less moves little; the resolution of the detector is a natural choice.

    The idea is that of the ``hist`` of gradhep's *relaxed* and of neos: N. Simpson and L.
    Heinrich, "neos: End-to-End-Optimised Summary Statistics for High Energy Physics",
    arXiv:2203.05570, section 3.

    Examples
    --------
    >>> import awkward as ak, numpy as np
    >>> import awkward_dual as ad
    >>> x = ak.Array([[0.5, 1.2], [], [1.8]])
    >>> soft = lambda x: ad.relaxed.histogram(x, [0.0, 1.0, 2.0], 0.1)
    >>> value, tangent = ad.jvp(soft, (x,), (ak.ones_like(x),))
    >>> np.round(value, 3), np.round(tangent, 3)
    (array([1.023, 1.955]), array([-0.54,  0.  ]))
    """
    if axis is not None:
        return _of_each_list(x, _ascending(edges), width, weight, kernel, axis)
    x, width, weight = columns(x, width, weight)
    edges = np.asarray(edges, dtype=np.float64)

    def counted(rows: slice) -> Any:
        inside = shares(x[rows], edges, part(width, rows), kernel)[:, 1:-1]
        return np.sum(inside if weight is None else _column(part(weight, rows)) * inside, axis=0)

    return total(map(counted, blocks(len(x), edges.size)))


def _of_each_list(x: Any, edges: Any, width: Any, weight: Any, kernel: str, axis: int) -> Any:
    """Soft counts of the innermost lists, a bin at a time: lists are as long as they are."""
    x = ak.Array(x) if not isinstance(x, ak.Array) else x
    if axis != -1 or x.ndim < 2:
        raise ValueError(f"axis must be None or -1, over lists, not {axis} of {x.type}")
    _check(*columns(x, width))
    cdf, _ = kernel_of(kernel)
    before, counts = None, []
    for edge in edges:
        z = (edge - x) / width
        below = z > 0
        # the smaller tail, as in `shares`
        sign = ak.where(below, -1.0, 1.0)
        own = (sign * cdf(sign * z), below)
        if before is not None:
            share = own[0] - before[0] + (own[1] & ~before[1])
            counts.append(ak.sum(share if weight is None else weight * share, axis=-1))
        before = own
    return ak.concatenate([count[..., np.newaxis] for count in counts], axis=-1)


def _column(weight: Any) -> Any:
    return weight[:, np.newaxis] if np.ndim(weight) else weight


def kde(x: Any, points: Any, width: Any, *, weight: Any = None, kernel: str = "gauss") -> Any:
    """A kernel density estimate at some points.

    Parameters
    ----------
    x, width, weight, kernel
        As for `histogram`.
    points : array of shape (m,)
        Where to evaluate it.

    Returns
    -------
    array of shape (m,)
        The density; its integral is one.

    Notes
    -----
    M. Rosenblatt, Ann. Math. Stat. 27 (1956) 832; E. Parzen, Ann. Math. Stat. 33 (1962)
    1065. The bias is that of `histogram`. `scott` gives a width.

    Examples
    --------
    >>> import awkward as ak, numpy as np
    >>> import awkward_dual as ad
    >>> x = ak.Array([[0.0], [1.0, 2.0]])
    >>> float(np.round(ad.relaxed.kde(x, [1.0], 1.0)[0], 6))
    0.294295
    """
    _, density = kernel_of(kernel)
    x, width, weight = columns(x, width, weight)
    _check(x, width)
    column = _column(width)
    points = np.asarray(points, dtype=np.float64)

    def summed(rows: slice) -> Any:
        width = part(column, rows)
        heights = density((points - x[rows][:, np.newaxis]) / width) / width
        return np.sum(heights if weight is None else _column(part(weight, rows)) * heights, axis=0)

    norm = len(x) if weight is None else np.sum(weight + np.zeros(len(x)))
    return total(map(summed, blocks(len(x), points.size))) / norm


def scott(x: Any, weight: Any = None) -> Any:
    """Scott's width for a Gaussian kernel density: ``std(x) * n ** (-1/5)``.

    Parameters
    ----------
    x, weight
        As for `histogram`. With weights, n is the effective number ``sum(w)**2 / sum(w**2)``.

    Returns
    -------
    number
        Live if `x` or `weight` is.

    Notes
    -----
    D. W. Scott, *Multivariate Density Estimation* (Wiley, 1992), eq. 6.42, in the form that
    SciPy uses, without the factor 1.06. It smooths densities with more than one peak too much.

    Examples
    --------
    >>> import awkward_dual as ad
    >>> float(ad.relaxed.scott([1.0, 2.0, 3.0, 4.0]).round(6))
    0.978391
    """
    x, weight = columns(x, weight)
    weight = np.ones(len(x)) if weight is None else weight + np.zeros(len(x))
    total, squares = np.sum(weight), np.sum(weight**2)
    mean = np.sum(weight * x) / total
    # with equal weights, the variance with n - 1
    variance = np.sum(weight * (x - mean) ** 2) / (total - squares / total)
    return np.sqrt(variance) * (total**2 / squares) ** -0.2
