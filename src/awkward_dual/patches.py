"""What Awkward's replaced names do beside what they did: the adapter says where they stand.

For arguments that are not dual each calls the original and adds one look at a type.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import awkward as ak
import numpy as np

from awkward_dual import adapter, apply
from awkward_dual.array import DualArray, as_dual, format_number
from awkward_dual.linear import Cast, Take, total
from awkward_dual.pair import Pair, lowest, raw_or_live

__all__ = ("install",)


def _common_backend(original: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Constants join in: of ``cpu`` and ``dual``, ``dual`` is the common one."""

    def common_backend(backends: Any) -> Any:
        if len(backends) > 1:
            names = {backend.name for backend in backends}
            for dual, plain in (("dual", "cpu"), ("dual-cuda", "cuda")):
                if dual in names and plain in names:
                    backends = [backend for backend in backends if backend.name != plain]
        return original(backends)

    common_backend.__name__ = "common_backend"
    return common_backend


def _to_layout(original: Callable[..., Any]) -> Callable[..., Any]:
    """Dual buffers and numbers become layouts as those of NumPy do."""

    def _impl(
        obj: Any,
        allow_record: Any,
        allow_unknown: Any,
        none_policy: Any,
        regulararray: Any,
        use_from_iter: Any,
        primitive_policy: Any,
        string_policy: Any,
    ) -> Any:
        if not isinstance(obj, Pair):
            return original(
                obj, allow_record, allow_unknown, none_policy, regulararray, use_from_iter,
                primitive_policy, string_policy,
            )  # fmt: skip
        if obj.ndim == 0:
            if primitive_policy == "pass-through":
                return obj
            if primitive_policy == "error":
                raise TypeError(
                    f"Encountered a scalar ({type(obj).__name__}), "
                    "but scalar conversion/promotion is disabled"
                )
            obj = as_dual(obj).reshape(1)
        layout = ak.contents.NumpyArray(obj)
        return layout.to_RegularArray() if regulararray and obj.ndim > 1 else layout

    return _impl


def _from_iter(original: Callable[..., Any]) -> Callable[..., Any]:
    """Lists with dual numbers build dual arrays: the idiom of loops in Python."""

    def _impl(iterable: Any, *args: Any, **kwargs: Any) -> Any:
        if isinstance(iterable, Iterable) and not isinstance(iterable, list | tuple | dict | str):
            iterable = _listed(iterable)
        try:
            return original(iterable, *args, **kwargs)
        except (TypeError, ValueError):
            duals: list[Any] = []
            numbers = _split(iterable, duals, numbers=True)
            if not duals:
                raise
            tickets = _split(iterable, [], numbers=False)
            return _join(original(numbers, *args, **kwargs), original(tickets, *args, **kwargs), duals)

    return _impl


def _listed(iterable: Any) -> Any:
    """A generator can be read once only; Awkward's own types are read by Awkward."""
    is_stream = iter(iterable) is iterable
    return list(iterable) if is_stream else iterable


def _split(tree: Any, duals: list[Any], *, numbers: bool) -> Any:
    """A nested list with each dual number as its primal, or as its place in `duals`.

    Among the places all other numbers are -1, so that both lists build arrays of
    the same structure.
    """
    if isinstance(tree, ak.Array | ak.Record):
        tree = tree.to_list()
    if isinstance(tree, Pair):
        if tree.ndim:
            return [_split(item, duals, numbers=numbers) for item in tree]
        if not apply.live_among([tree]):
            return lowest(tree) if numbers else -1.0
        duals.append(tree)
        kind = tree.dtype.type
        return kind(lowest(tree)) if numbers else kind(len(duals) - 1)
    if isinstance(tree, dict):
        return {key: _split(item, duals, numbers=numbers) for key, item in tree.items()}
    if isinstance(tree, tuple):
        return tuple(_split(item, duals, numbers=numbers) for item in tree)
    if isinstance(tree, str | bytes | bool | np.bool_) or tree is None:
        return tree
    if isinstance(tree, np.ndarray):
        tree = tree.tolist()
    if isinstance(tree, Iterable):
        return [_split(item, duals, numbers=numbers) for item in tree]
    if not numbers and isinstance(tree, int | float | complex | np.number):
        return -1.0 + 0j if isinstance(tree, complex | np.complexfloating) else -1.0
    return tree


def _join(values: Any, tickets: Any, duals: list[Any]) -> Any:
    """The array of `values` with the tangents of the duals that its leaves stand for."""
    dtype = np.result_type(*(d.dtype for d in duals))
    stacked = raw_or_live(as_dual([d.astype(dtype) for d in duals]))
    places = iter(_leaves(ak.to_layout(tickets).to_backend("dual")))

    def action(layout: Any, **_: Any) -> Any:
        if not layout.is_numpy:
            return None
        raw, index = lowest(layout.data), np.real(lowest(next(places))).astype(np.int64)
        if raw.dtype.kind not in "fc":
            return layout

        def tangent(y: Any, x: list[Any], dx: list[Any]) -> Any:
            taken = total([(Take(x[0].shape, index, x[0].dtype), dx[0])])
            return total([(Cast(index.shape, x[0].dtype, y.dtype), taken)])

        data = apply.lift(raw, [stacked], tangent)
        return ak.contents.NumpyArray(data, parameters=layout.parameters)

    layout = adapter.recursively_apply(ak.to_layout(values).to_backend("dual"), action)
    if not isinstance(values, ak.Array | ak.Record):
        return layout
    return type(values)(layout, behavior=values.behavior, attrs=values.attrs)


def _leaves(layout: Any) -> list[Any]:
    out: list[Any] = []

    def action(layout: Any, **_: Any) -> None:
        if layout.is_numpy:
            out.append(layout.data)

    adapter.recursively_apply(layout, action, return_array=False)
    return out


def _formatter(original: Callable[..., Any]) -> Callable[..., Any]:
    """Dual numbers are printed with Awkward's own precision."""

    def _find_formatter_impl(self: Any, cls: type) -> Any:
        if issubclass(cls, Pair):
            return lambda x: format_number(x, self)
        return original(self, cls)

    return _find_formatter_impl


def install() -> None:
    """Replace the names that the adapter lists."""
    adapter.patch("common_backend", _common_backend)
    adapter.patch("to_layout", _to_layout)
    adapter.patch("from_iter", _from_iter)
    adapter.patch("formatter", _formatter)
    adapter.extend_var(("dual", "dual-cuda"))
