"""Into other frameworks: differentiable functions, and arrays that share their memory.

Nothing is imported from another library before it is asked for.
"""

from __future__ import annotations

from awkward_dual.bridges.buffers import Buffers, buffers, from_buffers
from awkward_dual.bridges.corrections import StepWarning, correction
from awkward_dual.bridges.jax import to_jax
from awkward_dual.bridges.tensorflow import from_ragged_tensor, to_ragged_tensor, to_tensorflow
from awkward_dual.bridges.torch import from_nested_tensor, to_nested_tensor, to_torch

__all__ = (
    "Buffers",
    "StepWarning",
    "buffers",
    "correction",
    "from_buffers",
    "from_nested_tensor",
    "from_ragged_tensor",
    "to_jax",
    "to_nested_tensor",
    "to_ragged_tensor",
    "to_tensorflow",
    "to_torch",
)
