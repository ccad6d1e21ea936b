"""Exact derivatives of ordinary Awkward Array programs: a backend of dual arrays."""

from __future__ import annotations

import importlib
from typing import Any

from awkward_dual import testing
from awkward_dual.array import DualArray
from awkward_dual.compiled import set_engine
from awkward_dual.errors import (
    DirectionMismatch,
    LevelError,
    MissingTangentRule,
    PartsFailed,
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
from awkward_dual.threads import set_num_threads

__version__ = "0.1.0.dev0"

__all__ = (
    "DirectionMismatch",
    "DualArray",
    "LevelError",
    "MissingTangentRule",
    "PartsFailed",
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
    "set_engine",
    "set_num_threads",
    "stop_gradient",
    "tangent",
    "testing",
    "to_jax",
    "to_torch",
    "unpack",
    "unregister",
    "value_and_grad",
    "vjp",
)

register()

#: what is imported when it is first asked for: other libraries stand behind it
_LATER = ("bridges", "hist", "relaxed", "scale")


def __getattr__(name: str) -> Any:
    if name in _LATER:
        return importlib.import_module(f"{__name__}.{name}")
    if name in ("to_jax", "to_torch"):
        return getattr(importlib.import_module(f"{__name__}.bridges"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *_LATER, *__all__})
