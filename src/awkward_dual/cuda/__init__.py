"""The dual backend on GPUs: ``"dual-cuda"``, over the buffers of Awkward's backend ``cuda``.

Importing it needs neither CuPy nor a GPU; using it does. See the page on CUDA in
the documentation.
"""

from __future__ import annotations

from awkward_dual.cuda import engine
from awkward_dual.cuda.array import DualCudaArray
from awkward_dual.cuda.backend import DualCudaBackend
from awkward_dual.cuda.engine import set_deterministic
from awkward_dual.cuda.nplike import DualCupy
from awkward_dual.devices import DEVICES, Device

__all__ = ("DualCudaArray", "DualCudaBackend", "DualCupy", "set_deterministic")

DEVICES["cupy"] = Device(engine.xp, DualCudaArray, engine)
