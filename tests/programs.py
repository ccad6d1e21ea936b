"""The programs that every operator is tried on: what analyses do with ragged arrays.

Each is a function of arguments that it is smooth at, so that differences are true.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import awkward as ak
import numpy as np

__all__ = ("PROGRAMS", "SCALAR_PROGRAMS", "Program")


@dataclass(frozen=True)
class Program:
    """A name, a function, and where to try it."""

    name: str
    function: Callable[..., Any]
    args: tuple[Any, ...]

    def __str__(self) -> str:
        return self.name


RAGGED = ak.Array([[1.1, -2.2, 3.3], [], [0.4, 5.5], [-0.7]])
FLAT = ak.Array([0.3, 1.7, -0.9, 2.1])
REGULAR = ak.from_numpy(np.array([[0.5, 1.5, 2.5], [3.5, -1.5, 0.7]]), regulararray=True)
MISSING = ak.Array([[1.2, None, -0.4], [], None, [2.3]])
ZEROS = ak.Array([[2.0, 0.0, 3.0], [0.0, 0.0, 1.5], [], [-1.5]])
MUONS = ak.Array(
    [
        [{"pt": 31.0, "eta": 0.4, "charge": 1}, {"pt": 22.5, "eta": -1.1, "charge": -1}],
        [],
        [{"pt": 45.2, "eta": 2.0, "charge": -1}],
        [{"pt": 9.1, "eta": 0.3, "charge": 1}, {"pt": 61.0, "eta": 1.4, "charge": 1}],
    ]
)


def _chain(x: Any) -> Any:
    return np.exp(np.sin(x) * 0.5) / (1.0 + x**2)


def _pairs(x: Any) -> Any:
    a, b = ak.unzip(ak.combinations(x, 2))
    return np.sqrt(a**2 + b**2 + a * b)


def _select(muons: Any) -> Any:
    good = muons[(muons.pt > 20.0) & (abs(muons.eta) < 2.1)]
    return good.pt * np.cosh(good.eta) * good.charge


def _rename(muons: Any) -> Any:
    return ak.zip({"px": muons.pt * np.cos(muons.eta), "q": muons.charge, "r": muons.pt**0.5})


_PROGRAMS: list[tuple[str, Callable[..., Any], tuple[Any, ...]]] = [
    ("ufunc chain", _chain, (RAGGED,)),
    ("broadcasting", lambda x, y: x * y + y**2, (RAGGED, FLAT)),
    ("slices and carries", lambda x: x[::-1][[0, 3, 3]][:, ::-1] ** 2, (RAGGED,)),
    ("boolean mask", lambda x: x[x > 0] ** 3, (RAGGED,)),
    ("combinations", _pairs, (RAGGED,)),
    ("concatenate", lambda x, y: ak.concatenate([x, y, x * 2], axis=1) ** 2, (RAGGED, RAGGED + 1)),
    ("sort", lambda x: ak.sort(x, axis=1, ascending=False) ** 2, (RAGGED,)),
    ("sum", lambda x: ak.sum(x**2, axis=1) * ak.sum(x, axis=0)[0], (RAGGED,)),
    ("prod with a zero", lambda x: ak.prod(x, axis=1), (ZEROS,)),
    ("max", lambda x: ak.fill_none(ak.max(x**2, axis=1), 0.5) ** 2, (RAGGED,)),
    ("std", lambda x: ak.std(x, axis=1), (REGULAR,)),
    ("where", lambda x: ak.where(x > 0, np.log(abs(x)), x**3), (RAGGED,)),
    ("fill_none", lambda x: ak.fill_none(x, 1.5, axis=-1) ** 2, (MISSING,)),
    ("records", _select, (MUONS,)),
    ("axis None", lambda x: ak.sum(x**3, axis=None) * ak.max(x, axis=None), (RAGGED,)),
    # and some that stand between them
    ("records out", _rename, (MUONS,)),
    ("options out", lambda x: ak.mask(x, x > 0) ** 2, (RAGGED,)),
    ("cartesian", lambda x, y: np.hypot(*ak.unzip(ak.cartesian([x, y]))), (RAGGED, RAGGED - 9)),
    ("firsts", lambda x: ak.firsts(x) ** 2, (RAGGED,)),
    ("softmax", lambda x: ak.softmax(x, axis=1), (RAGGED,)),
    ("a regular array", lambda x: ak.mean(x, axis=0) * ak.var(x, axis=0), (REGULAR,)),
    ("matrix product", np.matmul, (np.eye(2) + 0.5, np.array([[1.5], [-2.0]]))),
    ("numbers", lambda a, b: np.arctan2(a, b) * a**b, (1.3, 0.7)),
    ("a dictionary", lambda p, x: {"line": p["slope"] * x + p["offset"], "slope": p["slope"] ** 2},
     ({"slope": 2.0, "offset": -1.0}, FLAT)),
    ("argmax", lambda x: x[ak.argmax(x, axis=1, keepdims=True)] ** 2, (RAGGED,)),
    ("unflatten", lambda x: ak.sum(ak.unflatten(ak.flatten(x), [2, 3, 1]) ** 2, axis=1), (RAGGED,)),
    ("pad_none", lambda x: ak.pad_none(x, 2, clip=True) ** 2, (RAGGED,)),
    ("union", lambda x, y: ak.concatenate([x, y], axis=0), (RAGGED, FLAT)),
    ("drop_none", lambda x: ak.drop_none(x, axis=-1) ** 2, (MISSING,)),
    ("a loop", lambda x: ak.Array([sum((e * e for e in inner), 0.0) for inner in x]), (RAGGED,)),
]  # fmt: skip
PROGRAMS = [Program(*row) for row in _PROGRAMS]


def _scalar(program: Program) -> Program:
    def function(*args: Any) -> Any:
        out = program.function(*args)
        parts = list(out.values()) if isinstance(out, dict) else [out]
        if isinstance(out, ak.Array) and out.fields:
            parts = [out[field] for field in out.fields if field != "q"]
        return sum(
            ak.sum(np.sin(p), axis=None) if isinstance(p, ak.Array) else np.sum(np.sin(p))
            for p in parts
        )

    return Program(program.name, function, program.args)


#: the same with one number as the result
SCALAR_PROGRAMS = [_scalar(program) for program in PROGRAMS if program.name != "union"]
