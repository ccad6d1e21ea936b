"""Soft sorting, ranks and the k largest, in each list of the last axis."""

from __future__ import annotations

from typing import Any

import awkward as ak
import numpy as np

from awkward_dual.operators import stop_gradient
from awkward_dual.relaxed.binning import kernel_of

__all__ = ("rank", "sort", "top_k")


def _pairs(x: Any) -> tuple[Any, Any]:
    """Each element of a list in a column, and in a row."""
    return x[..., :, np.newaxis], x[..., np.newaxis, :]


def _lists(x: Any, temperature: Any) -> Any:
    array = x if isinstance(x, ak.Array) else ak.Array(x)
    if ak.any(ak.is_none(array, axis=-1), axis=None):
        raise ValueError("missing elements have no rank; drop them first, with ak.drop_none")
    if not np.all(np.asarray(stop_gradient(temperature)) > 0):
        raise ValueError("the temperature must be positive")
    return array


def _complete(x: Any) -> Any:
    """Lists without the option of missing elements, which missing lists bring about."""
    return ak.fill_none(x, 0.0, axis=-1) if x.ndim > 1 else x


def sort(x: Any, temperature: Any, *, ascending: bool = True) -> Any:
    """Sorted lists, in which each place holds a mean of the elements around it.

    Parameters
    ----------
    x : array
        Lists along the last axis, ragged or not; at least one axis.
    temperature : float
        In units of `x`: elements closer than this share their places.
    ascending : bool
        Whether the smallest comes first.

    Returns
    -------
    ak.Array
        With the lists of `x`. With the temperature towards zero it is ``ak.sort(x)``.

    Raises
    ------
    ValueError
        If an element is missing, or the temperature is not positive.

    Notes
    -----
    SoftSort: S. Prillo and J. Eisenschlos, ICML 2020, arXiv:2006.16038, eq. 4, with the
    distance ``|a - b|``: place i holds the mean of x with weights ``softmax(-|sort(x)[i] - x| /
    temperature)``. Means lie inside of the list: the largest comes out too small, the smallest
    too large, by up to the distance to its neighbours within the temperature. Unlike ``ak.sort``,
    whose derivative reaches one element of each place, it reaches all. Memory and time are
    quadratic in the length of a list.

    Examples
    --------
    >>> import awkward as ak
    >>> import awkward_dual as ad
    >>> x = ak.Array([[3.0, 1.0, 2.0], [], [5.0]])
    >>> ak.round(ad.relaxed.sort(x, 0.1), 4).to_list()
    [[1.0, 2.0, 3.0], [], [5.0]]
    >>> ak.round(ad.relaxed.sort(x, 1.0), 2).to_list()
    [[1.42, 2.0, 2.58], [], [5.0]]
    """
    x = _lists(x, temperature)
    ordered, _ = _pairs(ak.sort(x, axis=-1, ascending=ascending))
    _, row = _pairs(x)
    weights = ak.softmax(-abs(ordered - row) / temperature, axis=-1)
    return _complete(ak.sum(weights * row, axis=-1))


def rank(x: Any, temperature: Any, *, ascending: bool = True, kernel: str = "logistic") -> Any:
    """The rank of each element in its list, from 1, as a smooth number.

    Parameters
    ----------
    x, temperature, ascending
        As for `sort`.
    kernel : {"logistic", "gauss"}
        The shape of a comparison.

    Returns
    -------
    ak.Array
        With the lists of `x`. The ranks of a list of n add up to ``n (n + 1) / 2``.

    Raises
    ------
    ValueError
        As `sort`.

    Notes
    -----
    Each comparison is replaced by a step of width `temperature`: ``1 + sum over j != i of
    F((x_i - x_j) / temperature)``; T. Qin, T.-Y. Liu and H. Li, Information Retrieval 13 (2010)
    375, eq. 15. Ranks are drawn to the middle, by what elements within a few temperatures
    contribute; ties share their ranks. Quadratic in the length of a list.

    Examples
    --------
    >>> import awkward as ak
    >>> import awkward_dual as ad
    >>> ak.round(ad.relaxed.rank(ak.Array([[30.0, 10.0, 20.0], [5.0]]), 1.0), 3).to_list()
    [[3.0, 1.0, 2.0], [1.0]]
    """
    x = _lists(x, temperature)
    cdf, _ = kernel_of(kernel)
    own, other = _pairs(x)
    distance = own - other if ascending else other - own
    # an element against itself gives 1/2
    return _complete(0.5 + ak.sum(cdf(distance / temperature), axis=-1))


def top_k(x: Any, k: int, temperature: Any) -> Any:
    """Weights that pick the k largest elements of each list: between 0 and 1, k in sum.

    Parameters
    ----------
    x, temperature
        As for `sort`.
    k : int
        How many; lists with k elements or fewer have weights 1.

    Returns
    -------
    ak.Array
        With the lists of `x`.

    Raises
    ------
    ValueError
        As `sort`, or if `k` is less than 1.

    Notes
    -----
    The projection onto the polytope of k labels, with entropy: ``1 / (1 + exp(-(x + nu) /
    temperature))`` with the nu of each list that makes the sum k; B. Amos, V. Koltun and J. Z.
    Kolter, arXiv:1906.08707, eq. 7. Elements within a few temperatures of the k-th share what is
    left. The derivative is that of the solution (derivatives up to the third order are exact).

    Examples
    --------
    >>> import awkward as ak
    >>> import awkward_dual as ad
    >>> weights = ad.relaxed.top_k(ak.Array([[30.0, 10.0, 20.0], [5.0]]), 2, 1.0)
    >>> ak.round(weights, 3).to_list()
    [[1.0, 0.007, 0.993], [1.0]]
    """
    if k < 1:
        raise ValueError(f"k must be at least 1, not {k}")
    x = _lists(x, temperature) / temperature
    if x.ndim == 1:
        return top_k(x[np.newaxis], k, 1.0)[0]
    few = ak.fill_none(ak.num(x, axis=-1) <= k, True, axis=-1)
    nu = _threshold(stop_gradient(x), k, few)
    # a step of Newton's method doubles the order up to which derivatives are exact
    for _ in range(2):
        nu = _newton(x, k, nu, few)
    # the weight of all is exactly 1 where nu is infinite
    nu = ak.where(few, np.inf, nu)
    return _complete(_weights(x, nu))


def _weights(x: Any, nu: Any) -> Any:
    cdf, _ = kernel_of("logistic")
    return cdf(x + nu[..., np.newaxis])


def _newton(x: Any, k: int, nu: Any, few: Any) -> Any:
    weights = _weights(x, nu)
    slope = ak.where(few, 1.0, ak.sum(weights * (1 - weights), axis=-1))
    return nu - ak.where(few, 0.0, (ak.sum(weights, axis=-1) - k) / slope)


def _threshold(x: Any, k: int, few: Any) -> Any:
    """The nu of each list, by bisection to where Newton's method is safe, and by that."""
    n = ak.num(x, axis=-1)
    middle = np.log(k / np.maximum(n - k, 1))
    low = middle - ak.fill_none(ak.max(x, axis=-1), 0.0)
    high = middle - ak.fill_none(ak.min(x, axis=-1), 0.0)
    for _ in range(100):
        if not ak.any(high - low > 0.1, axis=None):
            break
        nu = 0.5 * (low + high)
        too_many = ak.sum(_weights(x, nu), axis=-1) > k
        low, high = ak.where(too_many, low, nu), ak.where(too_many, nu, high)
    nu = 0.5 * (low + high)
    for _ in range(4):  # from 0.1 to the last digit
        nu = _newton(x, k, nu, few)
    return nu
