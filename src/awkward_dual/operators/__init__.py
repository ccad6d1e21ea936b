"""The differential operators."""

from __future__ import annotations

from awkward_dual.operators.forward import jvp
from awkward_dual.operators.reverse import grad, value_and_grad, vjp

__all__ = ("grad", "jvp", "value_and_grad", "vjp")
