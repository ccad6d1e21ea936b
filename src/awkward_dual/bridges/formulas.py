"""Formulas of correctionlib (a subset of ROOT's ``TFormula``) on live arrays."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable
from typing import Any

import numpy as np

from awkward_dual.errors import MissingTangentRule

__all__ = ("Formula",)


def _special(name: str) -> Callable[[Any], Any]:
    def function(x: Any) -> Any:
        from scipy import special

        return getattr(special, name)(x)

    return function


FUNCTIONS: dict[str, Callable[..., Any]] = {
    "log": np.log, "log10": np.log10, "exp": np.exp, "erf": _special("erf"), "sqrt": np.sqrt,
    "abs": np.abs, "cos": np.cos, "sin": np.sin, "tan": np.tan, "acos": np.arccos,
    "asin": np.arcsin, "atan": np.arctan, "cosh": np.cosh, "sinh": np.sinh, "tanh": np.tanh,
    "acosh": np.arccosh, "asinh": np.arcsinh, "atanh": np.arctanh, "atan2": np.arctan2,
    "pow": np.power, "max": np.maximum, "min": np.minimum,
}  # fmt: skip
BINARY: dict[type, Callable[..., Any]] = {
    ast.Add: np.add, ast.Sub: np.subtract, ast.Mult: np.multiply, ast.Div: np.true_divide,
    ast.Pow: np.power,
}  # fmt: skip
COMPARISONS: dict[type, Callable[..., Any]] = {
    ast.Lt: np.less, ast.LtE: np.less_equal, ast.Gt: np.greater, ast.GtE: np.greater_equal,
    ast.Eq: np.equal, ast.NotEq: np.not_equal,
}  # fmt: skip


class Formula:
    """A formula of the variables x, y, z, t and of numbered parameters.

    Raises
    ------
    MissingTangentRule
        If it holds something that is not understood.
    """

    def __init__(self, expression: str) -> None:
        self.expression = expression
        source = re.sub(r"\[(\d+)\]", r"p[\1]", expression)
        source = source.replace("^", "**").replace("&&", " and ").replace("||", " or ")
        try:
            self.tree = ast.parse(source.strip(), mode="eval").body
        except SyntaxError:
            raise self._unknown() from None

    def __call__(self, variables: list[Any], parameters: Any) -> Any:
        """The value at some arrays."""
        names: dict[str, Any] = dict(zip("xyzt", variables))
        return self._value(self.tree, names | {"p": parameters})

    def _value(self, node: Any, names: dict[str, Any]) -> Any:
        kind = type(node)
        if kind is ast.Constant and isinstance(node.value, int | float):
            return float(node.value)
        if kind is ast.Name and node.id in names and node.id != "p":
            return names[node.id]
        if kind is ast.Subscript and isinstance(node.slice, ast.Constant):
            return float(names["p"][node.slice.value])
        if kind is ast.BinOp and type(node.op) in BINARY:
            left, right = self._value(node.left, names), self._value(node.right, names)
            return BINARY[type(node.op)](left, right)
        if kind is ast.UnaryOp and isinstance(node.op, ast.USub | ast.UAdd):
            value = self._value(node.operand, names)
            return -value if isinstance(node.op, ast.USub) else value
        if kind is ast.Call and getattr(node.func, "id", "") in FUNCTIONS:
            return FUNCTIONS[node.func.id](*(self._value(a, names) for a in node.args))
        return np.where(self._truth(node, names), 1.0, 0.0)

    def _truth(self, node: Any, names: dict[str, Any]) -> Any:
        """Conditions, which are 0 or 1 in numbers."""
        if isinstance(node, ast.Compare) and len(node.ops) == 1:
            sides = (self._value(side, names) for side in (node.left, node.comparators[0]))
            return COMPARISONS[type(node.ops[0])](*sides)
        if isinstance(node, ast.BoolOp):
            truths = [self._value(value, names) != 0 for value in node.values]
            join = np.logical_and if isinstance(node.op, ast.And) else np.logical_or
            out = truths[0]
            for truth in truths[1:]:
                out = join(out, truth)
            return out
        raise self._unknown()

    def _unknown(self) -> MissingTangentRule:
        return MissingTangentRule(
            f"the formula {self.expression}", hint="write its rule with awkward_dual.custom_jvp"
        )
