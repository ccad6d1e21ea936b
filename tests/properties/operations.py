"""Operations that make sense on any array, each a function of one array.

Where an operation refuses a layout on ``cpu``, it has to refuse it on ``dual``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import awkward as ak
import numpy as np

Operation = Callable[[Any], Any]


def _reducers() -> dict[str, Operation]:
    out: dict[str, Operation] = {}
    for name in ("sum", "prod", "max", "min", "mean", "var", "std", "ptp"):
        function = getattr(ak, name)
        for axis in (None, 0, 1, -1):
            out[f"{name}, axis={axis}"] = lambda x, f=function, a=axis: f(x, axis=a)
    for name in ("nansum", "nanmax", "nanmean"):
        function = getattr(ak, name)
        out[f"{name}, axis=-1"] = lambda x, f=function: f(x, axis=-1)
    out["sum, keepdims"] = lambda x: ak.sum(x, axis=-1, keepdims=True)
    out["max, no mask"] = lambda x: ak.max(x, axis=-1, mask_identity=False)
    out["max, initial"] = lambda x: ak.max(x, axis=-1, initial=1.25)
    out["moment"] = lambda x: ak.moment(x, 3, axis=-1)
    out["softmax"] = lambda x: ak.softmax(x, axis=-1)
    return out


def _elementwise() -> dict[str, Operation]:
    out: dict[str, Operation] = {
        f"np.{name}": getattr(np, name)
        for name in [
            "sin",
            "cos",
            "tan",
            "exp",
            "expm1",
            "log",
            "log1p",
            "sqrt",
            "cbrt",
            "square",
            "absolute",
            "negative",
            "reciprocal",
            "tanh",
            "sinh",
            "cosh",
            "arctan",
            "arcsinh",
            "exp2",
            "log2",
            "log10",
            "sign",
            "floor",
            "rint",
            "deg2rad",
            "conjugate",
        ]
    }
    out |= {
        "x + 1": lambda x: x + 1,
        "2 * x": lambda x: 2 * x,
        "x * x": lambda x: x * x,
        "x / 3": lambda x: x / 3,
        "1 / x": lambda x: 1 / x,
        "x ** 3": lambda x: x**3,
        "x ** 0.5": lambda x: x**0.5,
        "2 ** x": lambda x: 2.0**x,
        "x % 0.7": lambda x: x % 0.7,
        "maximum": lambda x: np.maximum(x, 1.3),
        "minimum": lambda x: np.minimum(1.3, x),
        "arctan2": lambda x: np.arctan2(x, 1.5),
        "hypot": lambda x: np.hypot(x, x + 1),
        "nan_to_num": ak.nan_to_num,
        "real": ak.real,
        "values_astype": lambda x: ak.values_astype(x, np.float32),
        "where": lambda x: ak.where(x > 1.2, x * x, 3 * x),
        "x minus its mean": lambda x: x - ak.mean(x, axis=-1, keepdims=True),
    }
    return out


def _structure() -> dict[str, Operation]:
    return {
        "first half": lambda x: x[: len(x) // 2],
        "every second": lambda x: x[::2],
        "reversed": lambda x: x[::-1],
        "inner slice": lambda x: x[..., :1],
        "inner reversed": lambda x: x[:, ::-1],
        "mask": lambda x: x[x > 1.2],
        "ak.mask": lambda x: ak.mask(x, x > 1.2),
        "index array": lambda x: x[np.arange(len(x))[::-1]],
        "first": lambda x: x[0],
        "flatten": ak.flatten,
        "flatten, axis=None": lambda x: ak.flatten(x, axis=None),
        "ravel": ak.ravel,
        "firsts": ak.firsts,
        "singletons": ak.singletons,
        "pad_none": lambda x: ak.pad_none(x, 2),
        "pad_none, clip": lambda x: ak.pad_none(x, 2, clip=True),
        "fill_none": lambda x: ak.fill_none(ak.pad_none(x, 2), 1.5),
        "fill_none, axis=None": lambda x: ak.fill_none(x, 1.5, axis=None),
        "drop_none": ak.drop_none,
        "is_none": lambda x: ak.is_none(x, axis=-1),
        "to_packed": ak.to_packed,
        "copy": ak.copy,
        "from_regular": ak.from_regular,
        "to_regular": lambda x: ak.to_regular(x, axis=1),
        "combinations": lambda x: ak.combinations(x, 2),
        "cartesian": lambda x: ak.cartesian([x, x]),
        "cartesian, axis=0": lambda x: ak.cartesian([x, x], axis=0),
        "zip": lambda x: ak.zip({"a": x, "b": x}, depth_limit=1),
        "with_field": lambda x: ak.with_field(ak.zip({"a": x}, depth_limit=1), x, "b"),
        "broadcast_arrays": lambda x: ak.broadcast_arrays(x, 1.5)[0],
        "concatenate": lambda x: ak.concatenate([x, x]),
        "concatenate, axis=1": lambda x: ak.concatenate([x, x], axis=1),
        "sort": lambda x: ak.sort(x, axis=-1),
        "sort, descending": lambda x: ak.sort(x, axis=-1, ascending=False),
        "sort, axis=0": lambda x: ak.sort(x, axis=0),
        "take the largest": lambda x: x[ak.argmax(x, axis=-1, keepdims=True)],
        "argsort": lambda x: x[ak.argsort(x, axis=-1)],
        "num": ak.num,
        "count": lambda x: ak.count(x, axis=-1),
        "zeros_like": ak.zeros_like,
        "full_like": lambda x: ak.full_like(x, 2.5),
        "without_parameters": ak.without_parameters,
        "unflatten": lambda x: ak.unflatten(x, 1),
        "local_index": ak.local_index,
    }


OPERATIONS: dict[str, Operation] = {**_elementwise(), **_reducers(), **_structure()}
