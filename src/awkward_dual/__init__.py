"""Exact derivatives of ordinary Awkward Array programs: a backend of dual arrays."""

from __future__ import annotations

from awkward_dual.array import DualArray
from awkward_dual.operators import grad, jvp, value_and_grad, vjp
from awkward_dual.registration import register, unregister

__version__ = "0.1.0.dev0"

__all__ = ("DualArray", "grad", "jvp", "register", "unregister", "value_and_grad", "vjp")

register()
