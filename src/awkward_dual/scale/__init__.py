"""Sums over many parts of a sample, and their derivatives, on any executor.

A likelihood, a chi-square, a histogram are sums over events. Each part of the events gives
its own term, with derivatives; the terms are added up here. There is no engine behind this:
work runs on what has the interface of ``concurrent.futures.Executor``.

All functions take these options:

executor : None, Executor or callable
    Where parts are evaluated: in this thread (``None``), or on threads, processes, or any
    other executor, such as ``distributed.Client(...).get_executor()``. A callable makes an
    executor; then it is also closed in the end, and replaced when a worker was killed.
    `Coffea` wraps an executor of coffea.
progress : bool
    Whether to show a bar with events per second (needs ``tqdm``).
retries : int
    How often a part is tried again after an error. Errors of the program itself, such as a
    `TypeError`, are not repeated.
in_flight : int, optional
    How many parts are submitted and not done at any time; by default two for each worker.
    Parts are taken from an iterator as late as that, so this bounds the memory.

Parts are files, row ranges, arrays, or callables that give the data of a part where they
run: a list, an iterator, or a dict with names. Results may be numbers, arrays, histograms
and trees of them. They are added over a fixed tree of the parts, so that every executor gives
the same bits. A part that fails for good raises `PartsFailed`, which names it.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from awkward_dual import operators
from awkward_dual.errors import PartsFailed
from awkward_dual.scale.adapters import Coffea
from awkward_dual.scale.engine import Pool, run
from awkward_dual.scale.parts import FileRows, files, known_events, numbered, rows
from awkward_dual.scale.progress import Progress

__all__ = (
    "Coffea",
    "FileRows",
    "PartsFailed",
    "files",
    "hessian",
    "hist",
    "jacfwd",
    "jvp",
    "rows",
    "total",
    "value_and_grad",
    "value_grad_and_hessian",
)


def total(
    func: Callable[..., Any],
    parts: Any,
    *args: Any,
    executor: Any = None,
    progress: bool = False,
    retries: int = 2,
    in_flight: int | None = None,
) -> Any:
    """The sum of ``func(part, *args)`` over all parts, without derivatives.

    Parameters
    ----------
    func : callable
        Gives numbers, arrays or histograms, or a tree of them; of the same shape from
        every part.
    parts : iterable or dict
        Files, row ranges, arrays, or callables without arguments that load a part.
    *args
        Further arguments of `func`.
    executor, progress, retries, in_flight
        See `awkward_dual.scale`.

    Returns
    -------
    The sum, of the type that `func` gives.

    Raises
    ------
    PartsFailed
        If a part fails for good; ``failed`` has the errors by name, ``partial`` the sum over
        the other parts.
    TypeError
        If results cannot be added.
    ValueError
        If there are no parts.

    Examples
    --------
    >>> import awkward as ak
    >>> import awkward_dual as ad
    >>> parts = {"a": ak.Array([[1.0, 2.0]]), "b": lambda: ak.Array([[3.0]])}
    >>> float(ad.scale.total(lambda x, s: s * ak.sum(x), parts, 10.0))
    60.0
    """
    task = functools.partial(_call, func, args)
    if retries < 0 or (in_flight is not None and in_flight < 1):
        raise ValueError("retries must not be negative, and in_flight at least 1")
    if isinstance(executor, Coffea):
        return executor.run(task, numbered(parts), retries)
    of = len(parts) if hasattr(parts, "__len__") else None
    pool = Pool(executor)
    try:
        with Progress(progress, known_events(parts), of) as bar:
            return run(
                task, numbered(parts), pool, retries=retries, in_flight=in_flight, progress=bar
            )
    finally:
        pool.close()


def _call(func: Callable[..., Any], args: tuple[Any, ...], part: Any) -> Any:
    return func(part, *args)


def value_and_grad(func: Callable[..., Any], parts: Any, params: Any, **options: Any) -> Any:
    """The sum of a function over all parts, and its gradient.

    Parameters
    ----------
    func : callable
        ``func(part, params)`` gives one real number.
    parts : iterable or dict
        As for `total`.
    params
        What to differentiate by: a float, an array, or a dict, tuple or list of them.
    **options
        ``executor``, ``progress``, ``retries``, ``in_flight``: see `awkward_dual.scale`.

    Returns
    -------
    value, gradient
        The gradient is of the type of `params`.

    Raises
    ------
    PartsFailed, ValueError
        As `total`.

    Examples
    --------
    >>> import awkward as ak
    >>> import awkward_dual as ad
    >>> def loss(x, p):
    ...     return ak.sum((p["scale"] * x - 1) ** 2)
    >>> x = ak.Array([[1.0, 2.0], [], [3.0]])
    >>> value, gradient = ad.scale.value_and_grad(loss, ad.scale.rows(x, 2), {"scale": 1.0})
    >>> float(value), float(gradient["scale"])
    (5.0, 16.0)
    """
    return total(functools.partial(_value_and_grad, func), parts, params, **options)


def _value_and_grad(func: Callable[..., Any], part: Any, params: Any) -> Any:
    return operators.value_and_grad(functools.partial(func, part))(params)


def jvp(func: Callable[..., Any], parts: Any, params: Any, tangents: Any, **options: Any) -> Any:
    """The sum of a function over all parts, and its derivative along one direction.

    Parameters
    ----------
    func : callable
        ``func(part, params)`` gives numbers or arrays, of the same shape from every part, or
        a tree of them.
    parts, params, **options
        As for `value_and_grad`.
    tangents
        The direction, of the type of `params`.

    Returns
    -------
    value, tangent

    Raises
    ------
    PartsFailed, ValueError
        As `total`.

    Examples
    --------
    >>> import awkward as ak
    >>> import awkward_dual as ad
    >>> x = ak.Array([[1.0, 2.0], [], [3.0]])
    >>> f = lambda x, scale: ak.sum((scale * x) ** 2)
    >>> value, tangent = ad.scale.jvp(f, ad.scale.rows(x, 1), 1.0, 1.0)
    >>> float(value), float(tangent)
    (14.0, 28.0)
    """
    return total(functools.partial(_jvp, func), parts, params, tangents, **options)


def _jvp(func: Callable[..., Any], part: Any, params: Any, tangents: Any) -> Any:
    return operators.jvp(functools.partial(func, part), (params,), (tangents,))


def jacfwd(func: Callable[..., Any], parts: Any, params: Any, **options: Any) -> Any:
    """The sum of a function over all parts, and its Jacobian.

    Parameters and errors are those of `jvp`. Few parameters and many results, as the bins of a
    histogram, are what this is for.

    Returns
    -------
    value, jacobian
        The Jacobian as `awkward_dual.jacfwd` gives it.

    Examples
    --------
    >>> import awkward as ak, numpy as np
    >>> import awkward_dual as ad
    >>> x = ak.Array([[1.0, 2.0], [], [3.0]])
    >>> def moments(x, p):
    ...     return np.stack([ak.sum(p * x), ak.sum((p * x) ** 2)])
    >>> value, jacobian = ad.scale.jacfwd(moments, ad.scale.rows(x, 1), 1.0)
    >>> value, jacobian
    (array([ 6., 14.]), array([ 6., 28.]))
    """
    return total(functools.partial(_jacfwd, func), parts, params, **options)


def _jacfwd(func: Callable[..., Any], part: Any, params: Any) -> Any:
    def both(params: Any) -> Any:
        value = func(part, params)
        return value, value

    jacobian, value = operators.jacfwd(both, has_aux=True)(params)
    return value, jacobian


def value_grad_and_hessian(
    func: Callable[..., Any], parts: Any, params: Any, **options: Any
) -> Any:
    """The sum of a function over all parts, its gradient and its Hessian.

    Parameters and errors are those of `value_and_grad`.

    Returns
    -------
    value, gradient, hessian
        The Hessian as `awkward_dual.hessian` gives it.

    Examples
    --------
    >>> import awkward as ak, numpy as np
    >>> import awkward_dual as ad
    >>> x = ak.Array([[1.0, 2.0], [], [3.0]])
    >>> f = lambda x, p: ak.sum((p[0] * x + p[1]) ** 2)
    >>> parts = ad.scale.rows(x, 2)
    >>> ad.scale.value_grad_and_hessian(f, parts, np.array([1.0, 0.0]))[2]
    array([[28., 12.],
           [12.,  6.]])
    """
    return total(functools.partial(_value_grad_and_hessian, func), parts, params, **options)


def _value_grad_and_hessian(func: Callable[..., Any], part: Any, params: Any) -> Any:
    def gradient(params: Any) -> Any:
        value, gradient = operators.value_and_grad(functools.partial(func, part))(params)
        return gradient, (value, gradient)

    hessian, (value, first) = operators.jacfwd(gradient, has_aux=True)(params)
    return value, first, hessian


def hessian(func: Callable[..., Any], parts: Any, params: Any, **options: Any) -> Any:
    """The Hessian of the sum of a function over all parts: the last of `value_grad_and_hessian`.

    Examples
    --------
    >>> import awkward as ak
    >>> import awkward_dual as ad
    >>> x = ak.Array([[1.0, 2.0], [], [3.0]])
    >>> float(ad.scale.hessian(lambda x, s: ak.sum((s * x) ** 2), ad.scale.rows(x, 1), 1.0))
    28.0
    """
    return value_grad_and_hessian(func, parts, params, **options)[2]


def hist(
    func: Callable[..., Any],
    parts: Any,
    params: Any,
    *axes: Any,
    label: str = "",
    name: str = "",
    **options: Any,
) -> Any:
    """A histogram over all parts, with its derivatives: `awkward_dual.hist.templates` in parts.

    Parameters
    ----------
    func : callable
        ``func(part, params)`` gives counts, or ``(counts, variances)``, as
        `awkward_dual.hist.counts` gives them.
    parts, params, **options
        As for `value_and_grad`.
    *axes, label, name
        As for `awkward_dual.hist.templates`.

    Returns
    -------
    awkward_dual.hist.TangentHist

    Raises
    ------
    PartsFailed, ValueError
        As `total`; also if counts do not fit the axes.

    Examples
    --------
    >>> import awkward as ak, hist
    >>> import awkward_dual as ad
    >>> axis = hist.axis.Regular(2, 0, 4)
    >>> x = ak.Array([[1.0, 2.0], [], [3.0]])
    >>> counts = lambda x, norm: ad.hist.counts(x, axis, weight=norm)
    >>> ad.scale.hist(counts, ad.scale.rows(x, 1), 2.0, axis).value.values()
    array([2., 4.])
    """
    from awkward_dual.hist.fill import packaged

    found = total(functools.partial(_histogram, func), parts, params, **options)
    return packaged(found, params, axes, label=label, name=name)


def _histogram(func: Callable[..., Any], part: Any, params: Any) -> Any:
    from awkward_dual.hist.fill import arrays

    return arrays(functools.partial(func, part), params)
