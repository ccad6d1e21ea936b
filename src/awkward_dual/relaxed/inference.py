"""Fisher information, bounds on uncertainties, and the significance of a signal."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import awkward as ak
import numpy as np

from awkward_dual import operators
from awkward_dual.operators import custom_jvp, stop_gradient
from awkward_dual.relaxed.binning import columns
from awkward_dual.trees import map_tree

__all__ = (
    "asimov_significance",
    "cramer_rao",
    "fisher_information",
    "inverse",
    "observed_information",
)


def fisher_information(func: Callable[..., Any], params: Any, *, constraints: Any = None) -> Any:
    """The Fisher information of Poisson counts about the parameters of their expectation.

    Parameters
    ----------
    func : callable
        ``func(params)`` gives the expected counts, an array of any shape.
    params
        A float, a NumPy array, or a dict, tuple or list of them, n numbers in all.
    constraints : optional
        The standard deviations of auxiliary Gaussian measurements of parameters: a tree like
        `params`, with ``None`` (or ``inf``) for parameters without one.

    Returns
    -------
    array of shape (n, n)
        In the order of the parameters. Live if `func` depends on what is
        differentiated outside (a cut, a width), so that it can be optimised.

    Raises
    ------
    ValueError
        If an expectation is negative, or zero with a derivative.

    Notes
    -----
    ``I_ij = sum over bins of (dλ/dp_i) (dλ/dp_j) / λ + delta_ij / sigma_i**2``; G. Cowan, K.
    Cranmer, E. Gross and O. Vitells, Eur. Phys. J. C 71 (2011) 1554, eq. 25 (arXiv:1007.1727).
    In optimisations: gradhep's *relaxed* (``fisher_info``), P. de Castro and T. Dorigo,
    arXiv:1806.04743. The statistical noise of simulated expectations makes it too large.

    Examples
    --------
    >>> import numpy as np
    >>> import awkward_dual as ad
    >>> signal, background = np.array([10.0, 30.0]), np.array([100.0, 50.0])
    >>> counts = lambda p: p["mu"] * signal + p["b"] * background
    >>> information = ad.relaxed.fisher_information(counts, {"mu": 1.0, "b": 1.0})
    >>> np.round(information, 3)
    array([[ 12.159,  27.841],
           [ 27.841, 122.159]])
    """

    def both(params: Any) -> Any:
        counts = func(params)
        return counts, counts

    jacobian, counts = operators.jacfwd(both, has_aux=True)(params)
    (counts,) = columns(counts)
    matrix = _joined(jacobian, len(counts))
    plain = np.asarray(stop_gradient(counts))
    empty = plain == 0
    moves = np.any(np.asarray(stop_gradient(matrix)) != 0, axis=1)
    if np.any(plain < 0) or np.any(empty & moves):
        raise ValueError(
            "expected counts must be positive; a bin is empty or negative (add a background)"
        )
    scaled = matrix / np.where(empty, 1.0, counts)[:, np.newaxis]
    information = np.matmul(np.transpose(matrix), scaled)
    return information + np.diag(_inverse_variances(constraints, params))


def _numbers(tree: Any) -> list[Any]:
    found: list[Any] = []
    map_tree(lambda x, path: found.append(x), tree)
    return found


def _joined(tree: Any, rows: int) -> Any:
    """The leaves of a Jacobian as one matrix with a column for each number."""
    leaves = [leaf if hasattr(leaf, "ndim") else np.asarray(leaf) for leaf in _numbers(tree)]
    leaves = [columns(leaf)[0] if isinstance(leaf, ak.Array) else leaf for leaf in leaves]
    parts = [np.reshape(leaf, (rows, -1)) for leaf in leaves]
    return np.concatenate(parts, axis=1)


def _inverse_variances(constraints: Any, params: Any) -> Any:
    found: list[Any] = []

    def leaf(p: Any, sigma: Any, path: str) -> None:
        none = sigma is None
        one = np.zeros(np.shape(p)) if none else np.broadcast_to(1 / np.square(sigma), np.shape(p))
        found.append(np.ravel(one))

    map_tree(leaf, params, constraints)
    return np.concatenate(found)


def observed_information(nll: Callable[..., Any], params: Any) -> Any:
    """The Hessian of a negative log likelihood as a matrix.

    Parameters
    ----------
    nll : callable
        ``nll(params)`` gives one real number.
    params
        As for `fisher_information`.

    Returns
    -------
    array of shape (n, n)
        The observed information; at the minimum its inverse is the covariance of the parameters.

    Examples
    --------
    >>> import numpy as np
    >>> import awkward_dual as ad
    >>> times = np.array([1.0, 2.0, 3.0])
    >>> nll = lambda p: np.sum(times / p["tau"] + np.log(p["tau"]))
    >>> ad.relaxed.observed_information(nll, {"tau": 2.0})
    array([[0.75]])
    """
    sizes = [int(np.prod(np.shape(p), dtype=int)) for p in _numbers(params)]
    leaves = _numbers(operators.hessian(nll)(params))
    rows = []
    for i, size in enumerate(sizes):
        own = leaves[i * len(sizes) : (i + 1) * len(sizes)]
        rows.append(np.concatenate([np.reshape(leaf, (size, -1)) for leaf in own], axis=1))
    return np.concatenate(rows, axis=0)


def _inverse_rule(primals: Any, tangents: Any) -> Any:
    (matrix,), (dmatrix,) = primals, tangents
    found = inverse(matrix)
    return found, -np.matmul(np.matmul(found, dmatrix), found)


_inverse = custom_jvp(np.linalg.inv)
_inverse.defjvp(_inverse_rule)


def inverse(matrix: Any) -> Any:
    """The inverse of a matrix, with its derivative.

    Parameters
    ----------
    matrix : array of shape (n, n)

    Returns
    -------
    array of shape (n, n)

    Raises
    ------
    numpy.linalg.LinAlgError
        If the matrix is singular.

    Notes
    -----
    ``d(A^-1) = -A^-1 dA A^-1``.

    Examples
    --------
    >>> import numpy as np
    >>> import awkward_dual as ad
    >>> ad.grad(lambda a: ad.relaxed.inverse(a)[0, 0])(np.array([[2.0, 0.0], [0.0, 4.0]]))
    array([[-0.25,  0.  ],
           [ 0.  ,  0.  ]])
    """
    return _inverse(matrix)


def cramer_rao(information: Any) -> Any:
    """The lower bounds on the standard deviations of unbiased estimates.

    Parameters
    ----------
    information : array of shape (n, n)
        As `fisher_information` gives it.

    Returns
    -------
    array of shape (n,)
        The roots of the diagonal of its inverse: with the other parameters unknown, too.

    Raises
    ------
    numpy.linalg.LinAlgError
        If the data do not fix all parameters.

    Notes
    -----
    H. Cramér, *Mathematical Methods of Statistics* (Princeton, 1946), 32.3; C. R. Rao, Bull.
    Calcutta Math. Soc. 37 (1945) 81. The bound is reached for large counts only.

    Examples
    --------
    >>> import numpy as np
    >>> import awkward_dual as ad
    >>> ad.relaxed.cramer_rao(np.array([[4.0, 0.0], [0.0, 25.0]]))
    array([0.5, 0.2])
    """
    return np.sqrt(np.diagonal(inverse(information)))


def _curvature(u: Any) -> Any:
    """``2 ((1 + u) log(1 + u) - u) / u**2``, which is 1 at 0; near 0 by its series."""
    small = abs(u) < 0.01
    series = 0.0
    for n in range(9, 1, -1):
        series = 2 / (n * (n - 1)) - u * series
    safe = np.where(small, 1.0, u)
    direct = 2 * ((1 + safe) * np.log1p(safe) - safe) / safe**2
    return np.where(small, series, direct)


def _all(condition: Any) -> bool:
    flat = condition if not isinstance(condition, ak.Array) else ak.all(condition, axis=None)
    return bool(np.all(flat))


def asimov_significance(
    signal: Any, background: Any, uncertainty: Any = 0.0, *, combine: bool = False
) -> Any:
    """The median significance of a signal on a background, expected for a counting experiment.

    Parameters
    ----------
    signal, background : float or array
        Expected counts, the background positive. Arrays are bins or candidates, ragged or not.
    uncertainty : float or array
        The standard deviation of the background expectation, known from an auxiliary count.
    combine : bool
        Whether bins are combined, in quadrature, to one number: right for bins that are
        independent, also in their uncertainties.

    Returns
    -------
    number or array
        In standard deviations; negative for a deficit.

    Raises
    ------
    ValueError
        If a background is not positive, or signal and background are not positive in sum.

    Notes
    -----
    ``sqrt(2 ((s + b) log(1 + s/b) - s))``; G. Cowan, K. Cranmer, E. Gross and O. Vitells, Eur.
    Phys. J. C 71 (2011) 1554, eq. 97 (arXiv:1007.1727). With an uncertainty: G. Cowan, "Discovery
    sensitivity for a counting experiment with background uncertainty" (2012), eq. 20. Both
    are computed as ``s / sqrt(b) * sqrt(h(s/b) - r h(r s/b))`` with ``r = sigma**2 / (b +
    sigma**2)`` and ``h(u) = 2 ((1 + u) log(1 + u) - u) / u**2``, which is the same, exact for
    small signals and smooth at none. For counts of a few the median is only approximate.

    Examples
    --------
    >>> import awkward_dual as ad
    >>> float(ad.relaxed.asimov_significance(10.0, 100.0).round(4))
    0.984
    >>> float(ad.relaxed.asimov_significance(10.0, 100.0, 5.0).round(4))
    0.8772
    >>> float(ad.grad(ad.relaxed.asimov_significance)(0.0, 100.0))
    0.1
    """
    s, b, sigma = (stop_gradient(x) for x in (signal, background, uncertainty))
    if not _all(b > 0) or not _all(s + b > 0):
        raise ValueError("the background, and signal and background in sum, must be positive")
    if not _all(sigma >= 0):
        raise ValueError("the uncertainty of the background must not be negative")
    u = signal / background
    r = uncertainty**2 / (background + uncertainty**2)
    z = signal / np.sqrt(background) * np.sqrt(_curvature(u) - r * _curvature(r * u))
    if not combine:
        return z
    squares = z * z
    return np.sqrt(ak.sum(squares, axis=None) if isinstance(z, ak.Array) else np.sum(squares))
