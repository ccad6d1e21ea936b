"""``min`` and ``max``: one of the arguments, with its tangent, by Python's algorithm."""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable
from typing import Any

from numba.core import types
from numba.core.imputils import lower_builtin
from numba.core.typing import signature
from numba.core.typing.templates import AbstractTemplate, infer_global

from awkward_dual.numba.types import DualType

__all__ = ()


def _register(function: Callable[..., Any], comparison: Callable[..., Any]) -> None:
    def implementation(*args: Any) -> Any:
        raise NotImplementedError

    class Template(AbstractTemplate):
        """Numbers side by side, or a tuple of them."""

        key = function

        def generic(self, args: Any, kws: Any) -> Any:
            values = args[0] if len(args) == 1 and isinstance(args[0], types.BaseTuple) else args
            if kws or not any(isinstance(a, DualType) for a in values):
                return None
            unified = self.context.unify_types(*values)
            return signature(unified, *args) if isinstance(unified, DualType) else None

        def get_impl_key(self, sig: Any) -> Any:
            # Numba has a lowering of its own
            return implementation

    infer_global(function)(Template)

    def lower(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        given = list(sig.args)
        if isinstance(given[0], types.BaseTuple):
            args = [builder.extract_value(args[0], i) for i in range(len(given[0]))]
            given = list(given[0])
        dual = sig.return_type
        values = [context.cast(builder, x, t, dual) for x, t in zip(args, given, strict=True)]
        better = context.get_function(comparison, signature(types.boolean, dual, dual))

        def choose(best: Any, x: Any) -> Any:
            return builder.select(better(builder, (x, best)), x, best)

        return functools.reduce(choose, values)

    lower_builtin(implementation, types.VarArg(types.Any))(lower)


_register(max, operator.gt)
_register(min, operator.lt)
