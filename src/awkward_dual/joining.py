"""Constants come in: cpu buffers, indices and virtual arrays that dual ones meet.

Each function makes what replaces one of Awkward's names, as those of `patches` do.
"""

from __future__ import annotations

import collections
import types
from collections.abc import Callable
from typing import Any

import awkward as ak
import numpy as np

from awkward_dual import adapter
from awkward_dual.array import DualArray
from awkward_dual.cuda.array import DualCudaArray, on_device, on_host
from awkward_dual.cuda.nplike import DualCupy
from awkward_dual.devices import device_of, dual_name
from awkward_dual.errors import TangentLost
from awkward_dual.nplike import DualNumpy
from awkward_dual.pair import Pair, lowest, raw_or_live

__all__ = (
    "backend_name",
    "extremum",
    "from_buffer",
    "from_buffers",
    "joining",
    "merging",
    "to_backend",
    "to_dual",
    "to_nplike",
)


def joining(original: Callable[..., Any]) -> Callable[..., Any]:
    """Layouts put together from dual and ``cpu`` parts are dual, by hand and inside Awkward."""

    def build(*args: Any, **kwargs: Any) -> Any:
        try:
            return original(*args, **kwargs)
        except (AssertionError, TypeError):
            parts = [*args, *kwargs.values()]
            parts += [item for part in parts if isinstance(part, list | tuple) for item in part]
            target = _joined({backend_name(part) for part in parts} - {None})
            if target is None:
                raise
            joined = {key: to_dual(value, target) for key, value in kwargs.items()}
            return original(*(to_dual(part, target) for part in args), **joined)

    return build


def merging(original: Callable[..., Any]) -> Callable[..., Any]:
    """Numbers among dual arrays: ``ak.concatenate`` makes layouts of them too late to join in."""

    def merge(contents: Any, *args: Any, **kwargs: Any) -> Any:
        target = _joined({backend_name(part) for part in contents})
        if target is not None:
            contents = [to_dual(part, target) for part in contents]
        return original(contents, *args, **kwargs)

    return merge


def _joined(names: set[str | None]) -> str | None:
    """The backend that constants join; ``None`` unless they are of that of its primals."""
    for plain, dual in (("cpu", "dual"), ("cuda", "dual-cuda")):
        if names == {plain, dual}:
            return dual
    return None


def backend_name(part: Any) -> str | None:
    if isinstance(part, adapter.Backend):
        return str(part.name)
    if isinstance(part, ak.index.Index):
        nplike = part.nplike
        if isinstance(nplike, DualNumpy):
            return "dual-cuda" if isinstance(nplike, DualCupy) else "dual"
        return "cuda" if isinstance(nplike, adapter.Cupy) else "cpu"
    # the layout that is being built has no backend yet
    backend = getattr(part, "_backend", None) if isinstance(part, ak.contents.Content) else None
    return None if backend is None else backend.name


def to_dual(part: Any, target: str = "dual") -> Any:
    if isinstance(part, list | tuple):
        return type(part)(to_dual(item, target) for item in part)
    if isinstance(part, ak.index.Index):
        return part.to_nplike(adapter.backend_instance(target).nplike)
    if isinstance(part, adapter.Backend):
        return adapter.backend_instance(target)
    return part if backend_name(part) is None else part.to_backend(target)


#: nodes of layouts, and what they hold
_PARTS = frozenset((*adapter.NODES, *ak.index.Index.__subclasses__()))


def to_backend(original: Callable[..., Any]) -> Callable[..., Any]:
    """Constants of the host become dual without the checks of constructors, which they have passed.

    Of a record with a thousand columns, one of which is live, they would be most of the cost.
    """

    def _to_backend(self: Any, backend: Any) -> Any:
        found = None
        if backend.name == "dual" and self._backend.name == "cpu":
            found = _with_duals(self, backend, {})
        return original(self, backend) if found is None else found

    return _to_backend


def _with_duals(part: Any, backend: Any, done: dict[int, Any]) -> Any:
    """A layout, or an index, over dual constants; ``None`` where it has buffers of another kind."""
    found = done.get(id(part))
    if found is not None:
        # columns share their offsets
        return found
    found = object.__new__(type(part))
    own = vars(found)
    own.update(vars(part))
    for name, value in vars(part).items():
        kind = type(value)
        if kind in _PARTS:
            new = _with_duals(value, backend, done)
        elif kind is np.ndarray:
            new = DualArray._new(value)
        elif name == "_contents":
            new = [_with_duals(item, backend, done) for item in value]
            new = None if None in new else new
        elif name == "_backend":
            new = backend
        elif name == "_nplike":
            new = backend.nplike
        elif name == "_data":
            # a virtual array
            new = None
        else:
            continue
        if new is None:
            return None
        own[name] = new
    done[id(part)] = found
    return found


def to_nplike(original: Callable[..., Any]) -> Callable[..., Any]:
    """A virtual array stays virtual on its way between ``cpu`` and ``dual``."""

    def to_nplike(array: Any, nplike: Any, *, from_nplike: Any = None) -> Any:
        # by exact type: a check against a protocol costs more than the conversion
        if type(array) is adapter.VirtualNDArray and not array.is_materialized:
            own = array.nplike
            joins = isinstance(own, DualNumpy) or isinstance(nplike, DualNumpy)
            if own is not nplike and joins and nplike.known_data:
                return adapter.VirtualNDArray(
                    nplike,
                    array._shape,
                    array.dtype,
                    lambda: to_nplike(array.materialize(), nplike),
                    lambda: array.shape,
                    array.buffer_key,
                    __enable_caching__=array.__enable_caching__,
                )
        if type(array) not in _HOST_ARRAYS and (
            isinstance(array, DualCudaArray) or device_of(array) is not None
        ):
            return _from_device(array, nplike, original)
        if isinstance(nplike, DualCupy) and isinstance(array, DualArray):
            return on_device(array)
        return original(array, nplike, from_nplike=from_nplike)

    return to_nplike


_HOST_ARRAYS = (np.ndarray, DualArray)


def _from_device(array: Any, nplike: Any, original: Callable[..., Any]) -> Any:
    """A buffer of the GPU for another backend: Awkward knows CuPy's alone, and copies to the host."""
    if isinstance(nplike, DualCupy):
        return nplike.asarray(array)
    if isinstance(nplike, DualNumpy):
        return nplike.asarray(on_host(array))
    value = raw_or_live(array)
    if not isinstance(value, Pair) or not nplike.known_data:
        return original(lowest(value), nplike)
    raise TangentLost("ak.to_backend to a backend without tangents")


def from_buffers(original: Callable[..., Any]) -> Callable[..., Any]:
    """A dict of dual buffers, as ``ak.to_buffers`` gives it, builds a dual array again."""

    def _impl(
        form: Any,
        length: Any,
        container: Any,
        buffer_key: Any,
        backend: Any,
        *args: Any,
        **kwargs: Any,
    ) -> Any:
        is_read = backend == "cpu" and type(container) in _MAPPINGS
        buffers = container.values() if is_read else ()
        if any(map(_is_dual_buffer, buffers)):
            backend = "dual"
        return original(form, length, container, buffer_key, backend, *args, **kwargs)

    return _impl


#: whose values are there: others may load them when they are asked for
_MAPPINGS = (dict, collections.OrderedDict, types.MappingProxyType)


def _is_dual_buffer(buffer: Any) -> bool:
    if type(buffer) is adapter.VirtualNDArray:
        return isinstance(buffer.nplike, DualNumpy)
    return isinstance(buffer, Pair)


def from_buffer(original: Callable[..., Any]) -> Callable[..., Any]:
    """Awkward's own buffers may be made of dual ones that have no tangent."""

    def _from_buffer(nplike: Any, buffer: Any, *args: Any, **kwargs: Any) -> Any:
        if isinstance(buffer, Pair) and not isinstance(nplike, DualNumpy):
            buffer = np.asarray(buffer)
        return original(nplike, buffer, *args, **kwargs)

    return _from_buffer


def extremum(original: Callable[..., Any]) -> Callable[..., Any]:
    """``ak.max`` and ``ak.min`` of a constant with a live `initial`."""

    def _impl(array: Any, *args: Any, **kwargs: Any) -> Any:
        # array, axis, keepdims, initial
        initial = args[2] if len(args) > 2 else kwargs.get("initial")
        if isinstance(initial, Pair):
            array = array if isinstance(array, ak.Array) else ak.Array(array)
            name = ak.backend(array)
            if name in ("cpu", "cuda"):
                array = ak.to_backend(array, dual_name(name))
        return original(array, *args, **kwargs)

    return _impl
