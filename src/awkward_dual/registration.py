"""Make Awkward know the backend, and forget it again."""

from __future__ import annotations

from threading import Lock
from typing import Any

import awkward as ak

from awkward_dual import adapter, patches, vectors
from awkward_dual.array import DualArray
from awkward_dual.backend import DualBackend
from awkward_dual.cuda import DualCudaArray, DualCudaBackend, DualCupy
from awkward_dual.deferred import DeferredArray
from awkward_dual.nplike import DualNumpy

__all__ = ("register", "unregister")

DualArray.deferred = DeferredArray

_lock = Lock()
#: each with its buffers and array functions
_BACKENDS: tuple[tuple[Any, Any, Any], ...] = (
    (DualBackend, DualNumpy, DualArray),
    (DualCudaBackend, DualCupy, DualCudaArray),
)


def register() -> None:
    """Register the backend ``"dual"`` with Awkward; ``import awkward_dual`` has done so already.

    Registering again does nothing. The alias ``ak.jvp`` is added if Awkward has
    no function of that name.

    Examples
    --------
    >>> import awkward as ak, awkward_dual
    >>> awkward_dual.register()
    >>> ak.backend(ak.Array([1.0], backend="dual"))
    'dual'
    """
    from awkward_dual.operators import jvp

    with _lock:
        if not adapter.is_registered(DualBackend.name):
            for backend, nplike, _ in _BACKENDS:
                adapter.register_nplike(nplike)
                adapter.register_backend(nplike)(backend)
                # the first construction of Awkward's singletons is not thread-safe
                adapter.extend_virtual_lookup(nplike.instance(), backend.instance())
            patches.install()
        vectors.connect()
        if not hasattr(ak, "jvp"):
            ak.jvp = jvp


def unregister() -> None:
    """Undo `register`, for debugging: arrays on the dual backend are unusable afterwards."""
    from awkward_dual.operators import jvp

    with _lock:
        adapter.restore()
        for names in _BACKENDS:
            adapter.forget_backend(*names)
        if getattr(ak, "jvp", None) is jvp:
            del ak.jvp
