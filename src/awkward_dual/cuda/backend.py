"""The backend ``"dual-cuda"``."""

from __future__ import annotations

from typing import Any

from awkward_dual.adapter import CupyBackend
from awkward_dual.array import DualArray
from awkward_dual.backend import DualBackend
from awkward_dual.cuda.array import DualCudaArray, as_operand
from awkward_dual.cuda.nplike import DualCupy
from awkward_dual.cuda.singleton import OwnInstance
from awkward_dual.kernel import DualKernel

__all__ = ("DualCudaBackend",)


class DualCudaKernel(DualKernel):
    """A kernel of ``cuda``, called as it is."""

    __slots__ = ()

    @staticmethod
    def _callable(kernel: Any) -> Any:
        return kernel

    def __call__(self, *args: Any) -> Any:
        # a number that is differentiated on the host, as `initial` of a maximum
        return super().__call__(*(as_operand(a) if type(a) is DualArray else a for a in args))


class DualCudaBackend(OwnInstance, DualBackend):
    """The dual backend over CuPy: its buffers are `DualCudaArray`, its kernels those of ``cuda``.

    The ten kernels that Awkward does not have there raise as they do there.
    """

    name = "dual-cuda"

    nplike = DualCupy.instance()

    def __getitem__(self, key: Any) -> DualKernel:
        kernel = self._kernels.get(key)
        if kernel is None:
            kernel = self._kernels[key] = DualCudaKernel(key, CupyBackend.instance())
        return kernel


def _backend(self: DualCudaArray) -> Any:
    return DualCudaBackend.instance()


DualCudaArray.backend = property(_backend)  # type: ignore[attr-defined]
