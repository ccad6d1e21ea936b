"""Forward mode: `jvp`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from awkward_dual.apply import reshape
from awkward_dual.array import DualArray
from awkward_dual.levels import new_level
from awkward_dual.operators.results import (
    backend_of_inputs,
    on_input_backend,
    primal_part,
    tangent_part,
)
from awkward_dual.operators.reverse import out_and_aux
from awkward_dual.operators.seeding import seed
from awkward_dual.pair import make
from awkward_dual.trees import map_tree

__all__ = ("jvp",)


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
    primals, tangents = _arguments(primals, tangents)
    backend = backend_of_inputs(primals)

    with new_level() as level:

        def make_leaf(value: Any, dvalue: Any) -> Any:
            if dvalue is None:
                return value
            tangent = reshape(dvalue, (1, *dvalue.shape))
            return make(DualArray, value, tangent, level)

        # a constant that is not loaded yet stays so
        make_leaf.skips_constants = True  # type: ignore[attr-defined]

        def attach_leaf(x: Any, dx: Any, path: str) -> Any:
            return x if backend == "typetracer" else seed(x, dx, make_leaf, path)

        duals = map_tree(attach_leaf, primals, tangents)
        result = func(*duals)
    out, aux = out_and_aux(result, has_aux)

    def plain(tree: Any, part: Callable[[Any, Any], Any]) -> Any:
        return map_tree(lambda x, path: on_input_backend(part(x, level), backend), tree)

    value, tangent = plain(out, primal_part), plain(out, tangent_part)
    return (value, tangent, plain(aux, primal_part)) if has_aux else (value, tangent)


def _arguments(primals: Any, tangents: Any) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
    for name, what in (("primals", primals), ("tangents", tangents)):
        if not isinstance(what, tuple | list):
            raise TypeError(
                f"{name} must be a tuple with one entry for each argument of the function, "
                f"not {type(what).__name__}; for one argument write ({name[:-1]},)"
            )
    if len(primals) != len(tangents):
        raise TypeError(f"{len(primals)} primals but {len(tangents)} tangents")
    return tuple(primals), tuple(tangents)
