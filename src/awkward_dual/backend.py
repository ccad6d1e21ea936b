"""The backend ``"dual"``."""

from __future__ import annotations

from typing import Any

from awkward_dual.adapter import Backend, NumpyBackend
from awkward_dual.array import DualArray
from awkward_dual.kernel import DualKernel
from awkward_dual.nplike import DualNumpy

__all__ = ("DualBackend",)


class DualBackend(Backend):
    """Awkward's fifth backend: its buffers are `DualArray`, its kernels those of ``cpu``."""

    name = "dual"

    #: an attribute, not a property: Awkward asks for it some forty times in each operation
    nplike = DualNumpy.instance()

    def __init__(self) -> None:
        self._kernels: dict[Any, DualKernel] = {}

    def __getitem__(self, key: Any) -> DualKernel:
        kernel = self._kernels.get(key)
        if kernel is None:
            kernel = self._kernels[key] = DualKernel(key, NumpyBackend.instance())
        return kernel


def _backend(self: DualArray) -> Any:
    """The backend, as layouts have one: Awkward asks its arguments for it, 0-d duals among them."""
    return DualBackend.instance()


DualArray.backend = property(_backend)  # type: ignore[attr-defined]
