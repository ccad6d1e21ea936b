"""Exact derivatives of ordinary Awkward Array programs: a backend of dual arrays."""

from __future__ import annotations

from awkward_dual import testing
from awkward_dual.array import DualArray
from awkward_dual.errors import (
    DirectionMismatch,
    LevelError,
    MissingTangentRule,
    TangentLost,
    TangentMismatch,
    UnsupportedAwkward,
)
from awkward_dual.operators import (
    checkpoint,
    custom_jvp,
    dual,
    elementwise_grad,
    grad,
    hessian,
    hvp,
    is_live,
    jacfwd,
    jacrev,
    jvp,
    linearize,
    primal,
    stop_gradient,
    tangent,
    value_and_grad,
    vjp,
)
from awkward_dual.packing import pack, unpack
from awkward_dual.registration import register, unregister
from awkward_dual.rules.user import def_ufunc_rule

__version__ = "0.1.0.dev0"

__all__ = (
    "DirectionMismatch",
    "DualArray",
    "LevelError",
    "MissingTangentRule",
    "TangentLost",
    "TangentMismatch",
    "UnsupportedAwkward",
    "checkpoint",
    "custom_jvp",
    "def_ufunc_rule",
    "dual",
    "elementwise_grad",
    "grad",
    "hessian",
    "hvp",
    "is_live",
    "jacfwd",
    "jacrev",
    "jvp",
    "linearize",
    "pack",
    "primal",
    "register",
    "stop_gradient",
    "tangent",
    "testing",
    "unpack",
    "unregister",
    "value_and_grad",
    "vjp",
)

register()
