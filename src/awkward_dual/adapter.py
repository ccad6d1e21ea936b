"""The one place that knows Awkward's private names.

Everything that this package uses of Awkward beyond its public interface is
imported, looked up or replaced here. What a replacement does stands in
`patches`; here stand the names and the check that the installed Awkward has
them.
"""

from __future__ import annotations

import ctypes
import functools
import inspect
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import awkward as ak
import numpy as np
from packaging.version import Version

from awkward_dual.errors import UnsupportedAwkward

#: the oldest release with the same hooks, and the first that is not known to have them
OLDEST = "2.13.0"
NEWEST_UNKNOWN = "2.15"

if not Version(OLDEST) <= Version(ak.__version__):
    raise UnsupportedAwkward(
        f"awkward_dual needs awkward >= {OLDEST}, < {NEWEST_UNKNOWN}, not {ak.__version__}"
    )

try:
    import awkward._connect.cpu as _connect_cpu
    import awkward._connect.numpy as _connect_numpy
    import awkward._nplikes
    import awkward.contents.content as _content
    import awkward.contents.numpyarray as _numpyarray
    import awkward.index as _index
    import awkward.operations.ak_concatenate as _concatenate
    import awkward.operations.ak_from_buffers as _from_buffers
    import awkward.operations.ak_from_iter as _from_iter
    import awkward.operations.ak_max as _max
    import awkward.operations.ak_min as _min
    import awkward.operations.ak_to_json as _to_json
    import awkward.operations.ak_to_layout as _to_layout
    import awkward.operations.ak_type as _type
    import awkward.operations.ak_var as _var
    import awkward.operations.str as _str
    import awkward.prettyprint as _prettyprint
    from awkward import _broadcasting, _do, _layout, _lookup, _slicing
    from awkward._backends import dispatch as _backends
    from awkward._backends.backend import Backend
    from awkward._backends.cupy import CupyBackend
    from awkward._backends.numpy import NumpyBackend
    from awkward._nplikes import dispatch as _nplikes
    from awkward._nplikes.array_like import maybe_materialize
    from awkward._nplikes.array_module import ArrayModuleNumpyLike
    from awkward._nplikes.cupy import Cupy
    from awkward._nplikes.numpy import Numpy
    from awkward._nplikes.placeholder import PlaceholderArray
    from awkward._nplikes.typetracer import MaybeNone
    from awkward._nplikes.virtual import VirtualNDArray
except ImportError as error:
    raise UnsupportedAwkward(
        f"awkward {ak.__version__} lacks a hook that awkward_dual needs ({error}); "
        f"supported are awkward >= {OLDEST}, < {NEWEST_UNKNOWN}"
    ) from error

__all__ = (
    "NODES",
    "ArrayModuleNumpyLike",
    "Backend",
    "Cupy",
    "CupyBackend",
    "MaybeNone",
    "Numpy",
    "NumpyBackend",
    "PlaceholderArray",
    "VirtualNDArray",
    "backend_instance",
    "cpu_kernel",
    "direct_kernel",
    "forget_backend",
    "materialized",
    "maybe_materialize",
    "patch",
    "recursively_apply",
    "register_backend",
    "register_nplike",
    "replaced_names",
    "restore",
)

register_nplike = _nplikes.register_nplike
register_backend = _backends.register_backend
recursively_apply = _do.recursively_apply

#: the classes of layouts
NODES: tuple[Any, ...] = tuple(
    node
    for node in vars(ak.contents).values()
    if isinstance(node, type) and node is not _content.Content
)

#: what is replaced while the backend is registered: a short name and where it stands
_NAMES: dict[str, list[tuple[Any, str]]] = {
    "common_backend": [
        (_backends, "common_backend"),
        (_layout, "common_backend"),
        (_connect_numpy, "common_backend"),
    ],
    "backend_of": [(_broadcasting, "backend_of")],
    "to_layout": [(_to_layout, "_impl")],
    "from_iter": [(_from_iter, "_impl")],
    "from_buffers": [(_from_buffers, "_impl")],
    "from_buffer": [(_from_buffers, "_from_buffer")],
    "formatter": [(_prettyprint.Formatter, "_find_formatter_impl")],
    "printing": [
        (ak.highlevel, "prettyprint_valuestr"),
        (ak.highlevel, "highlevel_array_show_rows"),
    ],
    "to_nplike": [
        (holder, "to_nplike")
        for holder in (awkward._nplikes, _connect_numpy, _content, _index, _numpyarray, _slicing)
    ],
    "constructor": [
        (node, "__init__")
        for node in NODES
        # these have no second part, which could be of another backend
        if node.__name__ not in ("EmptyArray", "NumpyArray", "RegularArray", "UnmaskedArray")
    ],
    "to_backend": [(node, "_to_backend") for node in NODES],
    "merging": [(_do, "mergemany"), (_concatenate, "_merge_as_union")],
    "simplified": [(ak.contents.UnionArray, "simplified")],
    "categorical": [(_connect_numpy, "_array_ufunc_categorical")],
    "rectilinear": [(_connect_numpy, "_to_rectilinear")],
    "find_ufunc": [(_connect_numpy, "find_ufunc")],
    "to_arrow": [(_content.Content, "to_arrow")],
    "through_arrow": [(_str, "_apply_through_arrow")],
    "reduce": [(ak.Array, "__reduce_ex__"), (ak.Record, "__reduce_ex__")],
    "type": [(_type, "_impl")],
    "var": [(_var, "_impl")],
    "extremum": [(_max, "_impl"), (_min, "_impl")],
    "lookup": [(_lookup.Lookup, "__init__")],
    "lazy": [(_connect_cpu, "lazy")],
    "indexed_to_list": [(ak.contents.IndexedArray, "_to_list")],
    "option_to_list": [(ak.contents.IndexedOptionArray, "_to_list")],
    "to_json": [(_to_json, "_impl")],
    "is_iterable": [(ak.highlevel, "is_non_string_like_iterable")],
    "register_numba": [(ak.numba, "_register")],
}
_VAR_BACKENDS = ("cpu", "cuda")
_originals: dict[tuple[Any, str], Any] = {}
#: by the nplike that owns them, the backends of virtual arrays
_virtual_backends: dict[Any, Any] = {}


def _require(holder: Any, name: str) -> Any:
    try:
        return getattr(holder, name)
    except AttributeError as error:
        raise UnsupportedAwkward(
            f"awkward {ak.__version__} has no {getattr(holder, '__name__', holder)}.{name}; "
            f"supported are awkward >= {OLDEST}, < {NEWEST_UNKNOWN}"
        ) from error


for _places in _NAMES.values():
    for _holder, _name in _places:
        _require(_holder, _name)
if _require(_var, "_impl").__code__.co_consts.count(_VAR_BACKENDS) != 1:
    raise UnsupportedAwkward(
        f"ak.var of awkward {ak.__version__} chooses its fused path in another way; "
        f"supported are awkward >= {OLDEST}, < {NEWEST_UNKNOWN}"
    )


def numba_connection() -> SimpleNamespace:
    """What Awkward's extension of Numba consists of; what is replaced there joins the list."""
    import awkward._connect.numba.arrayview as view
    import awkward._connect.numba.growablebuffer as growable
    import numba.core.dispatcher
    from awkward._connect.numba import builder, layout

    _NAMES.update(
        numba_type=[(view, "to_numbatype")],
        numba_array=[(view.ArrayView, "fromarray")],
        numba_record=[(view.RecordView, "fromrecord")],
        numba_unbox=[(view, "unbox_ArrayView")],
        numba_snapshot=[(ak.ArrayBuilder, "snapshot")],
        numba_growable=[(ak.numba.GrowableBuffer, "__init__")],
        numba_growable_snapshot=[(ak.numba.GrowableBuffer, "snapshot")],
        numba_growable_clear=[(ak.numba.GrowableBuffer, "clear")],
        numba_compile=[(numba.core.dispatcher.Dispatcher, "compile")],
    )
    names = {
        view: "ArrayView RecordView NumbaLookup LookupType ArrayViewType RecordViewType",
        layout: "NumpyArrayType posat getat regularize_atval",
        builder: "ArrayBuilderType unbox_ArrayBuilder call libawkward type_methods lower_append_optional "
        "lower_null lower_clear",
        growable: "GrowableBufferType GrowableBufferModel GrowableBufferType_unbox "
        "GrowableBuffer_append GrowableBuffer_snapshot",
        _lookup: "tolookup",
    }
    found = {name: _require(holder, name) for holder in names for name in names[holder].split()}
    for holder, name in (place for key in _NAMES for place in _NAMES[key]):
        _require(holder, name)

    def to_numbatype(form: Any) -> Any:
        # looked up when it is called, for it is replaced
        return view.to_numbatype(form)

    return SimpleNamespace(to_numbatype=to_numbatype, **found)


def register_numba() -> None:
    """Let Awkward tell Numba about its arrays."""
    ak.numba.register_and_check()


def is_registered_with_numba() -> bool:
    """Whether Awkward has told Numba about its arrays."""
    return hasattr(ak.numba, "ArrayViewType")


def replaced_names() -> tuple[str, ...]:
    """The names in Awkward that are replaced while the backend is registered."""
    names = [
        f"{getattr(holder, '__module__', None) or ''}.{holder.__name__}.{name}".lstrip(".")
        for places in _NAMES.values()
        for holder, name in places
    ]
    return (*names, f"{_var.__name__}._impl.__code__")


def patch(name: str, make: Callable[[Any], Any]) -> None:
    """Replace a name everywhere it stands; `make` gets the original."""
    for holder, attribute in _NAMES[name]:
        key = (holder, attribute)
        if key not in _originals:
            _originals[key] = inspect.getattr_static(holder, attribute)
            original = getattr(holder, attribute)
            new = functools.wraps(original)(make(original))
            setattr(holder, attribute, staticmethod(new) if inspect.ismethod(original) else new)


def extend_var(names: tuple[str, ...]) -> None:
    """Let the fused path of ``ak.var`` serve other backends too; it is keyed on their names."""
    code = _var._impl.__code__
    consts = tuple(_VAR_BACKENDS + names if c == _VAR_BACKENDS else c for c in code.co_consts)
    _originals.setdefault((_var._impl, "__code__"), code)
    _var._impl.__code__ = code.replace(co_consts=consts)


def restore() -> None:
    """Put every replaced name back."""
    for (holder, attribute), original in _originals.items():
        setattr(holder, attribute, original)
    _originals.clear()


def extend_virtual_lookup(nplike: Any, backend: Any) -> None:
    """Let virtual arrays of `nplike` belong to `backend`; Awkward lists those that it knows."""
    _virtual_backends[nplike] = backend

    def lookup(array: Any) -> Any:
        found = _virtual_backends.get(array.nplike)
        return original(array) if found is None else found

    factories = _backends._backend_lookup_factories
    original = next(filter(None, (factory(VirtualNDArray) for factory in factories)))
    _backends._type_to_backend_lookup[VirtualNDArray] = lookup


def lazy_wrapper(array: Any) -> Any:
    """An array for delayed execution, on any backend."""
    from awkward._connect.lazy._lazy_impl import lazy

    return lazy(array)


def materialized(args: tuple[Any, ...] | list[Any]) -> tuple[Any, ...]:
    """`maybe_materialize`, by exact type: a check against a protocol costs a microsecond each."""
    return tuple([x.materialize() if type(x) is VirtualNDArray else x for x in args])


_from_buffer: Callable[[Any], Any] = (ctypes.c_char * 0).from_buffer


def _address(x: Any) -> Any:
    """What C takes for the address of an array."""
    try:
        # `x.ctypes` takes four times as long
        return _from_buffer(x)
    except (TypeError, ValueError):
        # read-only, or dates, which are no buffers
        return x.ctypes.data


def direct_kernel(kernel: Any) -> Callable[..., Any]:
    """A kernel of the ``cpu`` backend, called with addresses.

    Awkward casts every array to a typed pointer, which costs more than most of
    the compiled code; here the same function is declared with untyped ones.
    """
    implementation = kernel._impl
    is_pointer = [issubclass(t, ctypes._Pointer) for t in implementation.argtypes]
    types = [
        ctypes.c_void_p if pointer else t
        for pointer, t in zip(is_pointer, implementation.argtypes, strict=True)
    ]
    address = ctypes.cast(implementation, ctypes.c_void_p).value
    assert address is not None
    function = ctypes.CFUNCTYPE(implementation.restype, *types)(address)

    def call(*args: Any) -> Any:
        raw = []
        for x, pointer in zip(args, is_pointer, strict=True):
            if pointer:
                if type(x) is not np.ndarray or not x.flags.c_contiguous or not x.ndim:
                    return kernel(*args)
                x = _address(x)
            raw.append(x)
        return function(*raw)

    return call


def cpu_kernel(*key: Any) -> Callable[..., Any]:
    """A compiled kernel of the ``cpu`` backend, by its name and dtypes."""
    return direct_kernel(NumpyBackend.instance()[key])


def backend_instance(name: str) -> Any:
    """The backend of that name."""
    return _backends.regularize_backend(name)


def forget_backend(backend_cls: type, nplike_cls: type, array_cls: type) -> None:
    """Take a backend out of Awkward's registries."""
    _backends._name_to_backend_cls.pop(backend_cls.name, None)  # type: ignore[attr-defined]
    _backends._type_to_backend_lookup.pop(array_cls, None)
    _backends._type_to_backend_lookup.pop(VirtualNDArray, None)
    _nplikes._type_to_nplike.pop(array_cls, None)
    if nplike_cls in _nplikes._nplike_classes:
        _nplikes._nplike_classes.remove(nplike_cls)
    _backends._backend_lookup_factories[:] = [
        factory
        for factory in _backends._backend_lookup_factories
        if backend_cls not in _closed_over(factory)
    ]


def _closed_over(function: Any) -> list[Any]:
    out = []
    for cell in getattr(function, "__closure__", None) or ():
        out.append(cell.cell_contents)
        out += _closed_over(cell.cell_contents)
    return out


def is_registered(name: str) -> bool:
    return name in _backends._name_to_backend_cls
