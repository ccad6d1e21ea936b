"""Rules that users register for ufuncs of their own."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from awkward_dual.rules.table import Kind, find, forget, name_of, rule

__all__ = ("def_ufunc_rule",)


def def_ufunc_rule(
    ufunc: Any, partials: Callable[..., Any] | None = None, *, step: bool = False
) -> Any:
    """Say what a ufunc does to tangents.

    Parameters
    ----------
    ufunc : numpy.ufunc or numba.vectorize function
        Any ufunc that has no rule from this package.
    partials : callable
        ``partials(xp, y, *x)`` gives a tuple with dy/dx for each argument; it
        sees the array module, the result and the arguments. ``None`` in the
        tuple stands for zero, a function of nothing for a partial that is
        computed only if it is needed. To have derivatives of higher order, use
        operations that have rules.
    step : bool
        Whether the derivative is zero; then there are no `partials`.

    Returns
    -------
    callable
        Without `partials`, a decorator for them.

    Raises
    ------
    TypeError
        If it is no ufunc, or `partials` no function.
    ValueError
        If the ufunc has a rule from this package.

    Examples
    --------
    >>> import numpy as np
    >>> import awkward_dual as ad
    >>> cube = np.frompyfunc(lambda x: x**3, 1, 1)
    >>> @ad.def_ufunc_rule(cube)
    ... def cube_partials(xp, y, x):
    ...     return (3 * x**2,)
    """
    if not hasattr(ufunc, "nin") or not hasattr(ufunc, "nout"):
        raise TypeError(
            f"{ufunc!r} is no ufunc; give a function its rule with awkward_dual.custom_jvp"
        )
    if partials is not None and not callable(partials):
        raise TypeError(f"partials must be a function, not {partials!r}")
    row = find(ufunc)
    if row is not None:
        if not row.option("user"):
            raise ValueError(f"there is a rule for {row.name!r} already")
        forget(ufunc)
    if step:
        return rule(ufunc, Kind.STEP, user=True)

    def register(partials: Callable[..., Any]) -> Callable[..., Any]:
        if not callable(partials):
            raise TypeError(f"partials must be a function, not {partials!r}")
        rule(ufunc, Kind.SMOOTH, _checked(ufunc, partials), user=True)
        return partials

    return register if partials is None else register(partials)


def _checked(ufunc: Any, partials: Callable[..., Any]) -> Callable[..., Any]:
    """A rule's body that raises where it does not give a partial for each argument."""

    @functools.wraps(partials)
    def body(*args: Any) -> Any:
        found = partials(*args)
        if not isinstance(found, tuple | list) or len(found) != (
            ufunc.nin if ufunc.nout == 1 else ufunc.nout
        ):
            number = f" of {len(found)}" if isinstance(found, tuple | list) else ""
            raise TypeError(
                f"the rule of {name_of(ufunc)!r} must return a tuple with a partial for each of its "
                f"{ufunc.nin} arguments, not {type(found).__name__}{number}"
            )
        return found

    return body
