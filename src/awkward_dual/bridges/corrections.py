"""Corrections of correctionlib as differentiable functions."""

from __future__ import annotations

import functools
import operator
import warnings
from collections.abc import Callable
from typing import Any

import awkward as ak
import numpy as np

from awkward_dual.bridges.formulas import Formula
from awkward_dual.errors import MissingTangentRule
from awkward_dual.operators import custom_jvp, is_live, jvp, primal, stop_gradient
from awkward_dual.relaxed.binning import columns

__all__ = ("StepWarning", "correction")


#: those that several places share, with the inputs that they take
Formulas = list[tuple[Formula, list[str]]]
#: how the corrections of a compound are put together
OPERATIONS: dict[str, Callable[[Any, Any], Any]] = {
    "+": operator.add,
    "*": operator.mul,
    "/": operator.truediv,
    "last": lambda before, found: found,
}


class StepWarning(UserWarning):
    """A correction is constant in bins of a live input: its derivative there is zero."""


def correction(model: Any) -> Callable[..., Any]:
    """A correction of correctionlib, differentiable where it is a formula.

    Parameters
    ----------
    model : correctionlib.highlevel.Correction, CompoundCorrection or schemav2.Correction
        As in ``correctionlib.CorrectionSet.from_file("jets.json")["scale"]``, or
        ``.compound["all"]``; or a model that was made by hand.

    Returns
    -------
    callable
        Takes the inputs of the correction as its ``evaluate`` does: ragged or flat arrays
        without missing values, numbers, strings. Values are those of correctionlib, bit for
        bit. Derivatives are those of the formula that an element meets; those of bins and
        of their edges are zero.

    Raises
    ------
    TypeError
        If `model` is something else, a whole set for instance.
    MissingTangentRule
        If an element with a tangent meets random numbers, or a formula that is not understood.
    RuntimeError
        If a formula has another value here than in correctionlib.

    Warns
    -----
    StepWarning
        If a live input meets constants in bins only. Scale factors of this kind do not change
        with small shifts of an input; interpolate them, or vary them up and down.

    Examples
    --------
    >>> from correctionlib import schemav2
    >>> import awkward as ak
    >>> import awkward_dual as ad
    >>> model = schemav2.Correction.model_validate({
    ...     "name": "scale", "version": 1, "inputs": [{"name": "pt", "type": "real"}],
    ...     "output": {"name": "sf", "type": "real"},
    ...     "data": {"nodetype": "formula", "expression": "1 + 2 / x", "parser": "TFormula",
    ...              "variables": ["pt"]},
    ... })
    >>> scale = ad.bridges.correction(model)
    >>> pt = ak.Array([[10.0, 20.0], [], [40.0]])
    >>> ad.elementwise_grad(scale)(pt).to_list()
    [[-0.02, -0.005], [], [-0.00125]]
    """
    from correctionlib import highlevel, schemav2

    if isinstance(model, schemav2.Correction):
        return _single(model, model.to_evaluator())
    if isinstance(model, highlevel.Correction):
        return _single(_corrections(model)[model.name], model)
    if isinstance(model, highlevel.CompoundCorrection):
        return _compound(model)
    raise TypeError(
        f"one correction of correctionlib is needed, not {type(model).__name__}; as in "
        "CorrectionSet.from_file(name)['scale'], or .compound['all'] for a compound correction"
    )


@functools.lru_cache(maxsize=1)
def _model_of_set(text: str) -> Any:
    """The models behind evaluators; sets are large, and give several corrections."""
    from correctionlib import schemav2

    return schemav2.CorrectionSet.model_validate_json(text)


def _set_of(evaluator: Any) -> Any:
    # what they are pickled by: the public face of an evaluator has no formulas
    return _model_of_set(evaluator.__getstate__()["_context"].__getstate__()["_data"])


def _corrections(evaluator: Any) -> dict[str, Any]:
    return {model.name: model for model in _set_of(evaluator).corrections}


def _check_number(name: str, names: list[str], inputs: tuple[Any, ...]) -> None:
    if len(inputs) != len(names):
        raise TypeError(f"{name} takes {', '.join(names)}; {len(inputs)} were given")


def _compound(evaluator: Any) -> Callable[..., Any]:
    """Several corrections, each of which may see what those before it have made of its inputs."""
    models = _corrections(evaluator)
    (recipe,) = (c for c in _set_of(evaluator).compound_corrections if c.name == evaluator.name)
    names = [variable.name for variable in recipe.inputs]
    parts = [
        (correction(models[name]), [variable.name for variable in models[name].inputs])
        for name in recipe.stack
    ]

    @functools.wraps(evaluator.evaluate)
    def corrected(*inputs: Any) -> Any:
        _check_number(evaluator.name, names, inputs)
        if not any(map(is_live, inputs)):
            return evaluator.evaluate(*map(primal, inputs))
        given, result = dict(zip(names, inputs)), None
        for part, own in parts:
            found = part(*(given[name] for name in own))
            for name in recipe.inputs_update:
                given[name] = OPERATIONS[recipe.input_op](given[name], found)
            result = found if result is None else OPERATIONS[recipe.output_op](result, found)
        _check_values(evaluator.name, result, evaluator.evaluate(*map(stop_gradient, inputs)))
        return result

    return corrected


def _check_values(name: str, found: Any, expected: Any) -> None:
    """What is differentiated is what correctionlib computes."""
    a, b = (
        np.asarray(ak.flatten(x, axis=None) if isinstance(x, ak.Array) else x)
        for x in (stop_gradient(found), expected)
    )
    if not np.allclose(a, b, rtol=1e-9, atol=0, equal_nan=True):
        raise RuntimeError(f"{name} has other values than in correctionlib; please report")


def _single(model: Any, evaluator: Any) -> Callable[..., Any]:
    formulas = [(Formula(f.expression), f.variables) for f in model.generic_formulas or []]
    names = [variable.name for variable in model.inputs]

    @functools.wraps(evaluator.evaluate)
    def corrected(*inputs: Any) -> Any:
        _check_number(model.name, names, inputs)
        live = {name for name, x in zip(names, inputs) if is_live(x)}
        if live and not _reaches_formula(model.data, live):
            warnings.warn(
                f"{model.name} is constant in bins of {', '.join(sorted(live))}: derivative zero",
                StepWarning,
                stacklevel=2,
            )
            inputs, live = tuple(stop_gradient(x) for x in inputs), set()
        if not live:
            return evaluator.evaluate(*map(primal, inputs))
        flat, rebuild = _flattened(inputs)
        return rebuild(_live(model, evaluator, formulas, dict(zip(names, flat)), live))

    return corrected


def _flattened(inputs: tuple[Any, ...]) -> tuple[list[Any], Callable[[Any], Any]]:
    """Inputs as columns, and how the lists of the result are made again."""
    arrays = [x for x in inputs if isinstance(x, ak.Array)]
    if not arrays:
        shape = np.broadcast_shapes(*(np.shape(x) for x in inputs if not isinstance(x, str)))
        flat = [
            x if isinstance(x, str) else np.reshape(np.broadcast_to(x, shape), (-1,))
            for x in inputs
        ]
        return flat, lambda y: np.reshape(y, shape)[()]
    whole = ak.broadcast_arrays(*(x for x in inputs if not isinstance(x, str)))[0]
    if any(ak.any(ak.is_none(whole, axis=i), axis=None) for i in range(whole.ndim)):
        raise TypeError("corrections take no missing values; drop or fill them first")
    counts = [ak.flatten(ak.num(whole, axis=i), axis=None) for i in range(1, whole.ndim)]

    def rebuild(y: Any) -> Any:
        out = ak.Array(y)
        for numbers in reversed(counts):
            out = ak.unflatten(out, numbers)
        return out

    return columns(whole, *inputs)[1:], rebuild


def _live(
    model: Any, evaluator: Any, formulas: Formulas, given: dict[str, Any], live: set[str]
) -> Any:
    moving = sorted(live)

    def values(*own: Any) -> Any:
        plain = {**given, **dict(zip(moving, own))}
        return np.asarray(evaluator.evaluate(*(_plain(x) for x in plain.values())))

    def by_hand(*own: Any) -> Any:
        inputs = {**given, **dict(zip(moving, own))}
        length = len(next(x for x in inputs.values() if np.ndim(x)))
        return _evaluated(model.data, inputs, length, formulas)

    def rule(primals: Any, tangents: Any) -> Any:
        found, tangent = jvp(by_hand, primals, tangents)
        _check_values(model.name, found, values(*(stop_gradient(x) for x in primals)))
        return found, tangent

    function = custom_jvp(values)
    function.defjvp(rule)
    return function(*(given[name] for name in moving))


def _plain(x: Any) -> Any:
    return x if isinstance(x, str) or np.ndim(x) == 0 else np.asarray(stop_gradient(x))


# -- the tree of a correction


def _reaches_formula(node: Any, live: set[str]) -> bool:
    """Whether a formula (or what has no rule) may depend on live inputs."""
    kind = getattr(node, "nodetype", "")
    if kind == "formula":
        return bool(live & set(node.variables))
    if kind == "formularef":
        return True
    if kind == "hashprng":
        return bool(live & set(node.inputs))
    if kind == "transform":
        return _reaches_formula(node.rule, live) or _reaches_formula(node.content, live)
    if kind == "category":
        parts = [*(item.value for item in node.content), node.default]
        return any(_reaches_formula(part, live) for part in parts)
    if kind in ("binning", "multibinning"):
        return any(_reaches_formula(part, live) for part in (*node.content, node.flow))
    return False


def _evaluated(node: Any, inputs: dict[str, Any], n: int, formulas: Formulas) -> Any:
    kind = getattr(node, "nodetype", "")
    if isinstance(node, int | float):
        return np.full(n, float(node))
    if kind in ("formula", "formularef"):
        shared = kind == "formularef"
        formula, names = (
            formulas[node.index] if shared else (Formula(node.expression), node.variables)
        )
        return formula([inputs[v] for v in names], node.parameters or []) + np.zeros(n)
    if kind == "transform":
        moved = _evaluated(node.rule, inputs, n, formulas)
        return _evaluated(node.content, {**inputs, node.input: moved}, n, formulas)
    if kind == "category":
        keys = [item.key for item in node.content]
        contents = [*(item.value for item in node.content), node.default]
        x = np.asarray(stop_gradient(inputs[node.input]))
        place = np.full(n, len(keys))
        for i, key in enumerate(keys):
            place = np.where(x == key, i, place)
        return _in_parts(contents, place, inputs, formulas)
    if kind in ("binning", "multibinning"):
        names, edges = (
            ([node.input], [node.edges]) if kind == "binning" else (node.inputs, node.edges)
        )
        place = _bins(names, edges, node.flow, inputs, n)
        return _in_parts([*node.content, node.flow], place, inputs, formulas)
    raise MissingTangentRule(f"a correction of type {kind!r}", hint="use awkward_dual.custom_jvp")


def _bins(names: Any, edges: Any, flow: Any, inputs: dict[str, Any], n: int) -> Any:
    """The content that each element meets; the last stands for what lies outside."""
    place, outside = np.zeros(n, dtype=np.int64), np.zeros(n, dtype=bool)
    for name, own in zip(names, edges):
        bounds = (
            np.linspace(own.low, own.high, own.n + 1)
            if hasattr(own, "low")
            else np.asarray([float(edge) for edge in own])
        )
        x = np.asarray(stop_gradient(inputs[name]), dtype=np.float64)
        found = np.searchsorted(bounds, x, side="right") - 1
        outside |= (found < 0) | (found >= len(bounds) - 1)
        place = place * (len(bounds) - 1) + np.clip(found, 0, len(bounds) - 2)
    return place if flow == "clamp" else np.where(outside, -1, place)


def _in_parts(contents: list[Any], place: Any, inputs: dict[str, Any], formulas: Formulas) -> Any:
    """Each element with the content that it meets."""
    place = place % len(contents)
    order = np.argsort(place, kind="stable")
    numbers = np.bincount(place, minlength=len(contents))
    parts, start = [], 0
    for content, number in zip(contents, numbers):
        if number:
            chosen = order[start : start + number]
            own = {name: x[chosen] if np.ndim(x) else x for name, x in inputs.items()}
            parts.append(_evaluated(content, own, int(number), formulas))
            start += number
    if not parts:
        return np.zeros(0)
    return np.concatenate(parts)[np.argsort(order, kind="stable")]
