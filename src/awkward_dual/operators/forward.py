"""Forward mode: `jvp`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import awkward as ak

from awkward_dual.apply import reshape
from awkward_dual.array import class_of
from awkward_dual.levels import new_level
from awkward_dual.memory import reusing
from awkward_dual.operators.arguments import check_function, one_for_each, out_and_aux
from awkward_dual.operators.lazy import deferred, loaded, traced
from awkward_dual.operators.results import (
    backend_of_inputs,
    primal_part,
    result_part,
    tangent_part,
)
from awkward_dual.operators.seeding import seed
from awkward_dual.pair import make
from awkward_dual.runs import Given, check, lend
from awkward_dual.trees import map_tree

__all__ = ("jvp",)


@reusing()
def jvp(
    func: Callable[..., Any], primals: Any, tangents: Any, *, has_aux: bool = False
) -> tuple[Any, ...]:
    """The value of a function and its derivative along one direction (J v).

    Parameters
    ----------
    func : callable
        Any function of Awkward Arrays, NumPy arrays and numbers. It is called
        once.
    primals : tuple
        Its arguments: ``ak.Array``, ``ak.Record``, NumPy arrays, floats, or
        dicts, tuples, lists and dataclasses of them.
    tangents : tuple
        The direction: for each argument something of the same type, list
        lengths and missing values (the layout may differ), or ``None`` for a
        constant. Values on integer, boolean and string leaves are ignored.
    has_aux : bool
        Whether `func` returns ``(result, aux)``.

    Returns
    -------
    value, tangent
        The result and its derivative, of one type, on the backend of the
        arguments; numbers as NumPy scalars. Integer, boolean and string leaves
        of the tangent are those of ``ak.zeros_like``.
    aux
        With `has_aux`, whatever `func` returned beside its result, without tangents.

    Raises
    ------
    TangentMismatch
        If a tangent does not fit its primal; the message shows both types and
        where they differ.
    TangentLost, MissingTangentRule
        If `func` does what has no derivative, or would drop one.

    Examples
    --------
    >>> import awkward as ak
    >>> import awkward_dual as ad
    >>> x = ak.Array([[1.0, 2.0], [], [3.0]])
    >>> value, tangent = ad.jvp(lambda x: ak.sum(x**2, axis=1), (x,), (ak.ones_like(x),))
    >>> tangent.to_list()
    [6.0, 0.0, 6.0]
    """
    check_function(func, "jvp")
    primals, tangents = one_for_each(primals, tangents)
    backend = backend_of_inputs(primals)
    given = Given()

    with new_level() as level:

        def make_leaf(value: Any, dvalue: Any) -> Any:
            if dvalue is None:
                return value

            def paired(value: Any) -> Any:
                tangent = reshape(loaded(dvalue), (1, *value.shape))
                lend(value)
                given.add(tangent)
                return make(class_of(value), value, tangent, level)

            return deferred(paired, value)

        # what is not loaded yet stays so
        make_leaf.skips_constants = make_leaf.lazy = True  # type: ignore[attr-defined]

        def attach_leaf(x: Any, dx: Any, path: str) -> Any:
            # a constant joins in where it meets a dual: only what is differentiated is wrapped
            if dx is None and isinstance(x, ak.Array | ak.Record):
                return x
            return traced(x, x, dx) if backend == "typetracer" else seed(x, dx, make_leaf, path)

        duals = map_tree(attach_leaf, primals, tangents)
        result = func(*duals)
    out, aux = out_and_aux(result, has_aux)

    def plain(tree: Any, part: Callable[[Any, Any], Any]) -> Any:
        return map_tree(lambda x, path: result_part(part, x, level, backend), tree)

    value, tangent = plain(out, primal_part), plain(out, tangent_part)
    check([given])
    # a dual that outlives the call may still need them
    given.lend_all()
    return (value, tangent, plain(aux, primal_part)) if has_aux else (value, tangent)
