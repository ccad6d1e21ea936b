"""What Awkward's replaced names do beside what they did: the adapter says where they stand.

For arguments that are not dual each calls the original and adds one look at a type.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import awkward as ak
import numpy as np

from awkward_dual import adapter, from_iter, joining
from awkward_dual.array import as_dual
from awkward_dual.devices import is_dual
from awkward_dual.errors import TangentLost
from awkward_dual.formatting import format_number
from awkward_dual.levels import inspection, is_running
from awkward_dual.pair import Pair, as_view, lowest, raw_or_live
from awkward_dual.spread import centring

__all__ = ("connect_numba", "install")


def _common_backend(original: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Constants join in: of ``cpu`` and ``dual``, ``dual`` is the common one."""

    def common_backend(backends: Any) -> Any:
        if len(backends) > 1:
            names = {backend.name for backend in backends}
            if "dual" in names and names & {"cuda", "dual-cuda"}:
                # a number that is differentiated on the host; arrays refuse, see `to_nplike`
                backends = [b for b in backends if b.name not in ("dual", "dual-cuda")]
                backends.append(adapter.backend_instance("dual-cuda"))
                names = {backend.name for backend in backends}
            for dual, plain in (("dual", "cpu"), ("dual-cuda", "cuda")):
                if dual in names and plain in names:
                    backends = [backend for backend in backends if backend.name != plain]
        return original(backends)

    return common_backend


def _backend_of(original: Callable[..., Any]) -> Callable[..., Any]:
    """Constants join in where Awkward wants one backend: numbers as NumPy arrays without axes."""

    def backend_of(*objects: Any, **options: Any) -> Any:
        try:
            return original(*objects, **options)
        except ValueError:
            return original(*objects, **(options | {"coerce_to_common": True}))

    return backend_of


def _to_layout(original: Callable[..., Any]) -> Callable[..., Any]:
    """Dual buffers and numbers become layouts as those of NumPy do.

    In a differentiated function Python's numbers do so by a short way: Awkward builds
    an array of each, even of those that it passes through, several times in an operation.
    """

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
            if is_running():
                policy = none_policy if obj is None else primitive_policy
                if policy == "pass-through" and (obj is None or _is_number(obj)):
                    return obj
                if policy == "promote" and _is_number(obj):
                    return ak.contents.NumpyArray(np.array([obj]))
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


def _is_number(x: Any) -> bool:
    """Whether `x` is one of Python's numbers, and may be an element of an array."""
    return type(x) in (float, complex, bool) or (type(x) is int and x.bit_length() < 64)


def _type(original: Callable[..., Any]) -> Callable[..., Any]:
    """A dual number has the type of a number."""

    def _impl(array: Any, *args: Any, **kwargs: Any) -> Any:
        is_number = isinstance(array, Pair) and array.ndim == 0
        return original(lowest(array) if is_number else array, *args, **kwargs)

    return _impl


def _formatter(original: Callable[..., Any]) -> Callable[..., Any]:
    """Dual numbers are printed with Awkward's own precision."""

    def _find_formatter_impl(self: Any, cls: type) -> Any:
        if issubclass(cls, Pair):
            return lambda x: format_number(x, self)
        return original(self, cls)

    return _find_formatter_impl


def _printing(original: Callable[..., Any]) -> Callable[..., Any]:
    """Duals of calls that have ended can be printed."""

    def printing(array: Any, *args: Any, **kwargs: Any) -> Any:
        backend = getattr(getattr(array, "layout", None), "backend", None)
        if backend is not None and not backend.name.startswith("dual"):
            return original(array, *args, **kwargs)
        with inspection():
            return original(array, *args, **kwargs)

    return printing


# -- constants go out: what Awkward does on ``cpu`` only


def _to_arrow(original: Callable[..., Any]) -> Callable[..., Any]:
    def to_arrow(self: Any, **kwargs: Any) -> Any:
        return original(self.to_backend("cpu") if is_dual(self.backend.name) else self, **kwargs)

    return to_arrow


def _through_arrow(original: Callable[..., Any]) -> Callable[..., Any]:
    """Strings go through Arrow and come back to the backend they came from."""

    def _apply_through_arrow(operation: Any, /, *args: Any, **kwargs: Any) -> Any:
        out = original(operation, *args, **kwargs)
        return _back_to_dual(out, args)

    return _apply_through_arrow


def _back_to_dual(out: Any, inputs: Any) -> Any:
    target = next(filter(is_dual, filter(None, map(joining.backend_name, inputs))), None)
    return out if target is None else joining.to_dual(out, target)


def _categorical(original: Callable[..., Any]) -> Callable[..., Any]:
    """The comparison of categories goes through NumPy and comes back."""

    def _array_ufunc_categorical(
        ufunc: Any, method: str, inputs: Any, kwargs: Any, behavior: Any
    ) -> Any:
        out = original(ufunc, method, inputs, kwargs, behavior)
        return _back_to_dual(out, inputs)

    return _array_ufunc_categorical


def _rectilinear(original: Callable[..., Any]) -> Callable[..., Any]:
    """An array of NumPy among the arguments of a function is no dual: a live value is not written to it."""

    def _to_rectilinear(arg: Any, backend: Any) -> Any:
        out = original(arg, backend)
        if type(arg) is np.ndarray and isinstance(out, Pair):
            as_view(out, type(out)._new(lowest(out)))
        return out

    return _to_rectilinear


def _find_ufunc(original: Callable[..., Any]) -> Callable[..., Any]:
    """What a behavior does with real numbers it does with dual numbers, as ``scale * vectors``."""

    def find_ufunc(behavior: Any, signature: Any) -> Any:
        if any(isinstance(kind, type) and issubclass(kind, Pair) for kind in signature):
            signature = tuple(
                float if isinstance(kind, type) and issubclass(kind, Pair) else kind
                for kind in signature
            )
        return original(behavior, signature)

    return find_ufunc


def _to_json(original: Callable[..., Any]) -> Callable[..., Any]:
    """JSON has no tangents."""

    def _impl(array: Any, *args: Any, **kwargs: Any) -> Any:
        layout = ak.to_layout(array)
        if is_dual(joining.backend_name(layout) or "") and _is_live(layout):
            raise TangentLost(
                "ak.to_json", "write both halves of awkward_dual.pack(x), or detach with primal(x)"
            )
        return original(array, *args, **kwargs)

    return _impl


def _is_live(layout: Any) -> bool:
    return any(isinstance(raw_or_live(leaf), Pair) for leaf in from_iter.leaves_of(layout))


def _option_to_list(original: Callable[..., Any]) -> Callable[..., Any]:
    """Missing values beside dual numbers; Awkward would go through ``cpu``."""

    def _to_list(self: Any, behavior: Any, json_conversions: Any) -> Any:
        if (not is_dual(self.backend.name) or self.parameter("__list__")
                or not _is_live(self)):  # fmt: skip
            return original(self, behavior, json_conversions)
        items = iter(self.project()._to_list(behavior, json_conversions))
        return [None if i < 0 else next(items) for i in lowest(self.index.data).tolist()]

    return _to_list


def _indexed_to_list(original: Callable[..., Any]) -> Callable[..., Any]:
    """Elements that an index picks; Awkward would go through ``cpu``."""

    def _to_list(self: Any, behavior: Any, json_conversions: Any) -> Any:
        if (not is_dual(self.backend.name) or self.parameter("__list__")
                or not _is_live(self)):  # fmt: skip
            return original(self, behavior, json_conversions)
        return self.project()._to_list(behavior, json_conversions)

    return _to_list


def _is_iterable(original: Callable[[Any], bool]) -> Callable[[Any], bool]:
    """A dual number is no list, although its class has ``__iter__``."""

    def is_non_string_like_iterable(obj: Any) -> bool:
        return original(obj) and not (isinstance(obj, Pair) and obj.ndim == 0)

    return is_non_string_like_iterable


def _reduce(original: Callable[..., Any]) -> Callable[..., Any]:
    """Buffers are pickled by themselves, with both halves; protocol 5 would take raw memory."""

    def __reduce_ex__(self: Any, protocol: Any) -> Any:
        return original(self, min(int(protocol), 4) if is_dual(ak.backend(self)) else protocol)

    return __reduce_ex__


def _lookup(original: Callable[..., None]) -> Callable[..., None]:
    """Compiled code gets its pointers, which live buffers refuse to give, as a NumPy array."""

    def __init__(self: Any, *args: Any, **kwargs: Any) -> None:
        original(self, *args, **kwargs)
        self.arrayptrs = lowest(self.arrayptrs)

    return __init__


def _lazy(original: Callable[..., Any]) -> Callable[..., Any]:
    """Delayed execution knows no fused loops for dual arrays: it runs Awkward's operations."""

    def lazy(array: Any) -> Any:
        return (adapter.lazy_wrapper if is_dual(array.layout.backend.name) else original)(array)

    return lazy


def _register_numba(original: Callable[[], None]) -> Callable[[], None]:
    """When Awkward tells Numba about its arrays, dual ones follow."""

    def _register() -> None:
        is_first = not adapter.is_registered_with_numba()
        original()
        if is_first:
            connect_numba()

    return _register


def connect_numba() -> None:
    """Tell Numba about duals, if Awkward has told it about its arrays."""
    if adapter.is_registered_with_numba():
        from awkward_dual.numba import init

        init()


#: what replaces each name that the adapter lists
_PATCHES: dict[str, Callable[[Any], Any]] = {
    "backend_of": _backend_of,
    "categorical": _categorical,
    "common_backend": _common_backend,
    "constructor": joining.joining,
    "extremum": joining.extremum,
    "find_ufunc": _find_ufunc,
    "formatter": _formatter,
    "from_buffer": joining.from_buffer,
    "from_buffers": joining.from_buffers,
    "from_iter": from_iter.joining_duals,
    "is_iterable": _is_iterable,
    "lazy": _lazy,
    "lookup": _lookup,
    "printing": _printing,
    "merging": joining.merging,
    "indexed_to_list": _indexed_to_list,
    "option_to_list": _option_to_list,
    "reduce": _reduce,
    "rectilinear": _rectilinear,
    "register_numba": _register_numba,
    "simplified": joining.joining,
    "through_arrow": _through_arrow,
    "to_arrow": _to_arrow,
    "to_backend": joining.to_backend,
    "to_json": _to_json,
    "to_layout": _to_layout,
    "to_nplike": joining.to_nplike,
    "type": _type,
    "var": centring,
}


def install() -> None:
    """Replace the names that the adapter lists."""
    # before its function is replaced, for it changes the code of that one
    adapter.extend_var(("dual", "dual-cuda"))
    for name, make in _PATCHES.items():
        adapter.patch(name, make)
    connect_numba()
