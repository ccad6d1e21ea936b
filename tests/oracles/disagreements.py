"""Points where an oracle is wrong or fails and `jvp` does not, and the table of them.

``python -m tests.oracles.disagreements`` runs all and prints the table of
``docs/oracles.md``.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any, NamedTuple

import awkward as ak
import numpy as np

import awkward_dual as ad
from tests.oracles.oracles import awkward_on_jax, complex_step

__all__ = ("COLUMNS", "POINTS", "Point", "outcomes", "table")


class Point(NamedTuple):
    """A program as text, where it is tried, and its true derivative."""

    text: str
    at: Any
    along: Any
    true: list[Any]

    @property
    def program(self) -> Callable[[Any], Any]:
        return eval(f"lambda x: {self.text}", {"ak": ak, "np": np})  # type: ignore[no-any-return]


POINTS = [
    Point("ak.prod(x, axis=1)", [[2.0, 0.0, 3.0]], [[1.0, 1.0, 1.0]], [6.0]),
    Point("ak.sort(x, axis=1)", [[2.0, 1.0]], [[1.0, 10.0]], [[10.0, 1.0]]),
    Point("x[ak.argsort(x, axis=1)]", [[2.0, 1.0]], [[1.0, 10.0]], [[10.0, 1.0]]),
    Point("ak.concatenate([x, x * x], axis=1)", [[2.0], [3.0]], [[1.0], [1.0]], [[1.0, 4.0], [1.0, 6.0]]),
    Point("x.a * x.n", [{"a": 1.5, "n": 2}], [{"a": 1.0, "n": 0}], [2.0]),
    Point("ak.unflatten(x, [2, 1]) ** 2", [1.0, 2.0, 3.0], [1.0, 1.0, 1.0], [[2.0, 4.0], [6.0]]),
    Point("ak.concatenate([x, ['text']])", [2.0], [1.0], [1.0, ""]),
    Point("ak.max(x, axis=1)", [[2.0, 2.0]], [[0.0, 1.0]], [0.0]),
    Point("np.abs(x)", [-2.0, 0.0], [1.0, 1.0], [-1.0, 0.0]),
    Point("np.hypot(x, 4.0)", [3.0], [1.0], [0.6]),
    Point("np.floor(x) * x", [2.5], [1.0], [2.0]),
    Point("np.real(np.exp(1j * x))", [0.0, 1.0], [1.0, 1.0], [0.0, -0.8414709848078965]),
    Point("np.sqrt(x * np.conj(x))", [3.0], [1.0], [1.0]),
    Point("ak.where(x == 1, x * x, x)", [1.0], [1.0], [2.0]),
    Point("ak.where(x > 0, np.sqrt(x), 0.0)", [0.0, 4.0], [1.0, 1.0], [0.0, 0.25]),
    Point("ak.std(x, axis=1)", [[1.0, 3.0], [2.0]], [[1.0, 0.0], [1.0]], [-0.5, 0.0]),
    Point("np.sqrt(x * x)", [0.0], [1.0], [0.0]),
]  # fmt: skip

COLUMNS: dict[str, Callable[..., Any]] = {
    "`jvp`": lambda func, primals, tangents: ad.jvp(func, primals, tangents)[1],
    "complex step": complex_step,
    "Awkward's JAX backend": awkward_on_jax,
}


def outcomes(point: Point) -> dict[str, Any]:
    """What each column gives for a point: a list, or the name of an error."""
    at, along = ak.Array(point.at), ak.Array(point.along)
    out: dict[str, Any] = {}
    for name, derivative in COLUMNS.items():
        try:
            with np.errstate(all="ignore"), warnings.catch_warnings():
                warnings.simplefilter("ignore", RuntimeWarning)
                out[name] = _rounded(derivative(point.program, (at,), (along,)).to_list())
        except (KeyError, TypeError, ValueError) as error:
            out[name] = type(error).__name__
    return out


def _rounded(x: Any) -> Any:
    """Numbers to 12 digits, so that all machines print the same."""
    if isinstance(x, list):
        return [_rounded(item) for item in x]
    return float(f"{x:.12g}") + 0.0 if isinstance(x, float) else x


def table() -> str:
    """The table of the page, one line for each point; what is wrong in bold."""
    lines = ["| program | at | along | " + " | ".join(COLUMNS) + " |", "|---" * 6 + "|"]
    for point in POINTS:
        cells = [f"`{point.text}`", f"`{point.at}`", f"`{point.along}`"]
        for answer in outcomes(point).values():
            right = repr(answer) == repr(_rounded(point.true))
            text = answer if isinstance(answer, str) else f"`{answer}`"
            cells.append(text if right else f"**{text}**")
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


if __name__ == "__main__":
    print(table())
