"""What rows of `scipy.special` share: constants, and arguments that refuse a tangent."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from awkward_dual.errors import MissingTangentRule
from awkward_dual.rules.table import Kind, rule

LN2 = math.log(2.0)
LN10 = math.log(10.0)
DEGREE = math.pi / 180.0
GAUSS = 2 / math.sqrt(math.pi)
NORMAL = 1 / math.sqrt(2 * math.pi)
ROOT2 = math.sqrt(2.0)


def refuse(ufunc: Any, parameter: str, x: Any) -> Callable[[], Any]:
    def partial() -> Any:
        hint = (
            f"the derivative in {parameter} has no closed form here; give the function one with "
            f"awkward_dual.custom_jvp, or detach {parameter} with awkward_dual.primal"
        )
        raise MissingTangentRule(ufunc.__name__, f"argument {parameter}", x.dtype, hint)

    return partial


def with_parameters(ufunc: Any, parameters: str, body: Callable[..., Any]) -> None:
    """A row whose first arguments refuse a tangent; `body` gives the partials of the others."""
    names = parameters.split()
    n = len(names)

    def partials(xp: Any, y: Any, *x: Any) -> tuple[Any, ...]:
        # operands come in the dtype of the result; no loop has complex parameters
        fixed = [xp.real(a) if is_complex(a) else a for a in x[:n]]
        refused = (refuse(ufunc, name, a) for name, a in zip(names, fixed, strict=True))
        return (*refused, *body(xp, y, *fixed, *x[n:]))

    rule(ufunc, Kind.SMOOTH, partials)


def is_complex(x: Any) -> bool:
    return bool(x.dtype.kind == "c")


def real_only(ufunc: Any, body: Callable[..., Any]) -> Callable[..., Any]:
    """A body that refuses complex numbers, where its formula is wrong for them."""

    def partials(xp: Any, y: Any, *x: Any) -> Any:
        if is_complex(x[-1]):
            raise MissingTangentRule(ufunc.__name__, f"argument {len(x) - 1}", x[-1].dtype)
        return body(xp, y, *x)

    return partials
