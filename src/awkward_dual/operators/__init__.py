"""The differential operators."""

from __future__ import annotations

from awkward_dual.operators.forward import jvp
from awkward_dual.operators.jacobian import hessian, hvp, jacfwd, jacrev
from awkward_dual.operators.opaque import checkpoint, custom_jvp, linearize
from awkward_dual.operators.parts import (
    dual,
    elementwise_grad,
    is_live,
    primal,
    stop_gradient,
    tangent,
)
from awkward_dual.operators.reverse import grad, value_and_grad, vjp

__all__ = (
    "checkpoint",
    "custom_jvp",
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
    "primal",
    "stop_gradient",
    "tangent",
    "value_and_grad",
    "vjp",
)
