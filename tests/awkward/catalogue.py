"""Programs for every function of ``ak.*`` that takes floats, in the order of the alphabet.

A program is a name that begins with the function's, a function of the differentiated
arguments, and the arguments. At these every program is smooth.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import awkward as ak
import numpy as np

from tests.awkward import layouts as at

__all__ = ("NO_DERIVATIVE", "PROGRAMS", "Program")


@dataclass(frozen=True)
class Program:
    """A function of ``ak.*`` in use."""

    name: str
    function: Callable[..., Any]
    args: tuple[Any, ...]
    #: 1 where the second derivative does not exist
    order: int = 2

    def __str__(self) -> str:
        return self.name


_found: list[Program] = []


def _add(name: str, function: Callable[..., Any], *args: Any, order: int = 2) -> None:
    _found.append(Program(name, function, args, order))


def _reduce(name: str, x: Any, what: str, **options: Any) -> None:
    said = ", ".join(f"{key}={value}" for key, value in options.items())
    reducer = getattr(ak, name)
    # the deviation of a single number has a kink
    order = 1 if name in ("std", "nanstd") else 2
    _add(f"{name} of {what}, {said}", lambda x: reducer(x, **options), x, order=order)


# -- reducers: every axis, every layout, every option

for _name in ("sum", "prod", "max", "min"):
    for _axis in (None, 0, 1, -1, 2, -2):
        _reduce(_name, at.NESTED, "nested", axis=_axis)
    _reduce(_name, at.NESTED, "nested", axis=1, keepdims=True)
    _reduce(_name, at.RAGGED, "ragged", axis=None, keepdims=True)
    _reduce(_name, at.RAGGED, "ragged", axis=-1, mask_identity=_name == "sum")
    for _what in (
        "gaps", "indexed in lists", "regular", "n-dimensional", "option in lists",
        "option of lists", "byte masked", "bit masked", "unmasked", "empty lists", "empty",
        "size zero", "float32",
    ):  # fmt: skip
        _reduce(_name, at.ZOO[_what], _what, axis=-1)
    _reduce(_name, at.OPTION_IN_LISTS, "option in lists", axis=0)
    _reduce(_name, at.ND, "n-dimensional", axis=0)
    _reduce(_name, at.WITH_ZEROS, "zeros", axis=None)
for _name in ("sum", "prod"):
    _reduce(_name, at.COMPLEX, "complex", axis=-1)
    _reduce(_name, at.COMPLEX, "complex", axis=None)
_reduce("prod", at.WITH_ZEROS, "zeros", axis=-1)
_reduce("prod", at.WITH_ZEROS, "zeros", axis=0)
for _name, _initial in (("max", 1.25), ("min", -1.0)):
    _reduce(_name, at.RAGGED, "ragged", axis=-1, initial=_initial)
    _reduce(_name, at.RAGGED, "ragged", axis=None, initial=_initial)
    _reduce(_name, at.RAGGED, "ragged", axis=-1, initial=_initial, mask_identity=False)
_add("max with a dual initial", lambda x, y: ak.max(x, axis=-1, initial=y), at.RAGGED, 1.25)
_add(
    "max with a dual initial, axis=None", lambda x, y: ak.max(x, axis=None, initial=y), at.FLAT, 9.5
)
for _name in ("nansum", "nanprod", "nanmax", "nanmin", "nanmean", "nanvar", "nanstd"):
    for _axis in (None, -1):
        _reduce(_name, at.RAGGED, "ragged", axis=_axis)
for _name in ("nansum", "nanprod", "nanmax", "nanmin", "nanmean"):
    _add(
        f"{_name} of NaN",
        lambda x, n=_name: getattr(ak, n)(x * at.NANS, axis=-1), ak.ones_like(at.NANS),
    )  # fmt: skip
for _name in ("mean", "var", "std", "ptp"):
    for _axis in (None, 0, -1):
        _reduce(_name, at.POSITIVE, "ragged", axis=_axis)
    for _what in ("option in lists", "regular", "n-dimensional", "nested", "gaps", "float32"):
        _reduce(_name, at.ZOO[_what], _what, axis=-1)
    _reduce(_name, at.RAGGED[[0, 2]], "ragged", axis=-1, keepdims=True)
for _name in ("var", "std"):
    _reduce(_name, at.REGULAR, "regular", axis=-1, ddof=1)
    _reduce(_name, at.COMPLEX[[0, 2]], "complex", axis=-1)
for _name in ("mean", "var", "std"):
    _add(
        f"{_name} with weights",
        lambda x, w, n=_name: getattr(ak, n)(x, weight=w, axis=-1), at.POSITIVE, at.POSITIVE + 0.5,
    )  # fmt: skip
for _n in (0, 1, 2, 3, 4):
    _reduce("moment", at.RAGGED, "ragged", n=_n, axis=-1)
_add(
    "moment with weights",
    lambda x, w: ak.moment(x, 2, weight=w, axis=None),
    at.POSITIVE,
    at.POSITIVE + 1,
)
for _name in ("covar", "corr", "linear_fit"):
    for _axis in (None, -1):
        _add(
            f"{_name}, axis={_axis}",
            lambda x, y, n=_name, a=_axis: getattr(ak, n)(x, y, axis=a),
            at.REGULAR, at.REGULAR**2 + 1,
        )  # fmt: skip
    _add(
        f"{_name} with weights",
        lambda x, y, w, n=_name: getattr(ak, n)(x, y, weight=w, axis=-1),
        at.REGULAR, at.REGULAR**2 + 1, abs(at.REGULAR) + 0.3,
    )  # fmt: skip
_reduce("softmax", at.RAGGED, "ragged", axis=-1)
_reduce("softmax", at.OPTION_IN_LISTS, "option in lists", axis=-1)

# -- elementwise

for _what, _x in at.ZOO.items():
    _elements = _x.x if _what == "strings" else _x
    if _what in ("records", "tuples", "union of lists"):
        continue  # NumPy's functions are not for records
    _add(f"ufuncs of {_what}", lambda x: np.sin(x) * x + 1 / (x * x + 2), _elements)
_add("ufuncs of records' fields", lambda r: r.x * r.y + r.n, at.RECORDS)
_add("real", lambda z: ak.real(z) * ak.imag(z), at.COMPLEX)
_add("real of real", lambda x: ak.real(x) + ak.imag(x), at.RAGGED)
_add("imag", lambda z: ak.imag(z) ** 2, at.COMPLEX)
_add("angle", lambda z: ak.angle(z) + ak.angle(z, deg=True), at.COMPLEX)
_add("round", lambda x: x * ak.round(x, 1), at.RAGGED)
_add("isclose", lambda x: x * ak.isclose(x, x + 1e-3, atol=1e-2), at.RAGGED)
_add("nan_to_num", lambda x: ak.nan_to_num(x, nan=3.5, posinf=1.0) ** 2, at.RAGGED)
_add("nan_to_num of NaN", lambda x: ak.nan_to_num(x * at.NANS, nan=3.5), ak.ones_like(at.NANS))
_add("nan_to_none", lambda x: ak.nan_to_none(x * x), at.RAGGED)
_add("values_astype", lambda x: ak.values_astype(x, np.float32), at.FLOAT32)
_add("values_astype to complex", lambda x: ak.values_astype(x, np.complex128) ** 2, at.RAGGED)
_add(
    "values_astype to real",
    lambda z: ak.values_astype(z * z, np.complex64),
    ak.values_astype(at.COMPLEX, np.complex64),
)
_add("values_astype to integer", lambda x: x * ak.values_astype(x, np.int64), at.RAGGED)
_add("enforce_type", lambda x: ak.enforce_type(x, "var * ?float64") ** 2, at.RAGGED)
_add("where", lambda x, y: ak.where(x > 0, x**2, y), at.RAGGED, at.OTHER)
_add("where with a number", lambda x, y: ak.where(x > 0, y, x**2), at.RAGGED, 1.5)
_add("where of options", lambda x: ak.where(x > 0, x, x**2), at.OPTION_IN_LISTS)
_add("where by indices", lambda x: x[ak.where(x > 0)] ** 2, at.FLAT)
_add("full_like", lambda x, y: x * ak.full_like(x, y), at.RAGGED, 1.5)
_add("zeros_like", lambda x: x + ak.zeros_like(x), at.RAGGED)
_add("ones_like", lambda x: x * ak.ones_like(x), at.RAGGED)

# -- structure

_add("argcartesian", lambda x, y: _product(x, y, ak.argcartesian([x, y])), at.RAGGED, at.OTHER)
_add("argcombinations", lambda x: _product(x, x, ak.argcombinations(x, 2)), at.RAGGED)
_add("argmax", lambda x: x[ak.argmax(x, axis=-1, keepdims=True)], at.RAGGED)
_add("argmin", lambda x: x[ak.argmin(x, axis=-1, keepdims=True)], at.RAGGED)
_add("nanargmax", lambda x: x[ak.nanargmax(x, axis=-1, keepdims=True)], at.RAGGED)
_add("nanargmin", lambda x: x[ak.nanargmin(x, axis=-1, keepdims=True)], at.RAGGED)
_add("argsort", lambda x: x[ak.argsort(x, axis=-1)] ** 2, at.RAGGED)
_add("any", lambda x: x[ak.any(x > 1, axis=-1)], at.RAGGED)
_add("all", lambda x: x[ak.all(x > -1, axis=-1)], at.RAGGED)
_add("broadcast_arrays", lambda x, y: ak.broadcast_arrays(x, y)[1] * x, at.RAGGED, at.FLAT[:4])
_add("broadcast_fields", lambda r: ak.broadcast_fields(r, r)[0].x * 2, at.RECORDS[["x"]])
_add("cartesian", lambda x, y: _times(ak.cartesian([x, y])), at.RAGGED, at.OTHER)
_add("cartesian, axis=0", lambda x: _times(ak.cartesian([x, x], axis=0)), at.FLAT)
_add(
    "cartesian, nested", lambda x, y: _times(ak.cartesian([x, y], nested=True)), at.RAGGED, at.OTHER
)
_add("categories", lambda x: x * (ak.categories(at.CATEGORICAL) == "a"), at.FLAT[:2])
_add("combinations", lambda x: _times(ak.combinations(x, 2)), at.RAGGED)
_add(
    "combinations with replacement",
    lambda x: _times(ak.combinations(x, 2, replacement=True)),
    at.GAPS,
)
_add("combinations of regular", lambda x: _times(ak.combinations(x, 2)), at.REGULAR)
_add("combinations, axis=0", lambda x: _times(ak.combinations(x, 2, axis=0)), at.FLAT)
_add("concatenate", lambda x, y: ak.concatenate([x, y]) ** 2, at.RAGGED, at.GAPS)
_add(
    "concatenate, axis=1", lambda x, y: ak.concatenate([x, y, x], axis=1) ** 2, at.RAGGED, at.OTHER
)
_add("concatenate, axis=-1", lambda x: ak.concatenate([x, x**2], axis=-1), at.NESTED)
_add("concatenate with a number", lambda x, y: ak.concatenate([x, y], axis=1), at.RAGGED, 1.5)
_add("concatenate with numbers first", lambda x, y: ak.concatenate([y, x, 3]), at.FLAT, 1.5)
_add("concatenate of options", lambda x, y: ak.concatenate([x, y]), at.OPTION_IN_LISTS, at.RAGGED)
_add(
    "concatenate of float32 and float64",
    lambda x, y: ak.concatenate([x, y]) * 1.0,
    at.FLAT,
    at.RAGGED[0],
)
_add("concatenate to a union", lambda x, y: ak.concatenate([x, y]), at.FLAT, at.RAGGED)
_add("concatenate of records", lambda r: ak.concatenate([r, r[::-1]]), at.RECORDS)
_add("copy", lambda x: ak.copy(x) ** 2, at.GAPS)
_add("count", lambda x: ak.sum(x, axis=-1) / (1 + ak.count(x, axis=-1)), at.RAGGED)
_add("count_nonzero", lambda x: ak.sum(x, axis=-1) * ak.count_nonzero(x, axis=-1), at.RAGGED)
_add("drop_none", lambda x: ak.drop_none(x) ** 2, at.OPTION_IN_LISTS)
_add("drop_none, axis=0", lambda x: ak.drop_none(x, axis=0) ** 2, at.OPTION_OF_LISTS)
for _what in ("option in lists", "option of lists", "byte masked", "bit masked", "indexed option"):
    _add(f"fill_none of {_what}", lambda x, y: ak.fill_none(x, y, axis=-1), at.ZOO[_what], 0.75)
_add("fill_none with an array", lambda x, y: ak.fill_none(x, y, axis=None), at.BYTE_MASKED, 0.75)
_add("firsts", lambda x: ak.firsts(x) ** 2, at.RAGGED)
_add("firsts, axis=0", lambda x: ak.firsts(x, axis=0) ** 2, at.FLAT)
for _what in ("ragged", "gaps", "nested", "regular", "option of lists", "union of lists"):
    _add(f"flatten of {_what}", ak.flatten, at.ZOO[_what])
    if _what != "union of lists":
        _add(f"flatten of {_what}, axis=None", lambda x: ak.flatten(x, axis=None), at.ZOO[_what])
_add("from_categorical", lambda x: x[ak.from_categorical(at.CATEGORICAL) == "a"] ** 2, at.FLAT[:3])
_add("from_iter", lambda x: ak.from_iter([e * e for e in x]), at.FLAT)
_add("from_numpy", lambda x: ak.from_numpy(np.arange(5.0)) * x, at.FLAT)
_add("from_regular", lambda x: ak.from_regular(x) ** 2, at.REGULAR)
_add("from_regular, axis=None", lambda x: ak.from_regular(x, axis=None) ** 2, at.ND)
_add("is_none", lambda x: ak.fill_none(x, 0) * ak.is_none(x, axis=-1), at.OPTION_IN_LISTS)
_add("local_index", lambda x: x * ak.local_index(x), at.RAGGED)
_add("mask", lambda x: ak.mask(x, x > 0) ** 2, at.RAGGED)
_add("mask, valid_when", lambda x: x.mask[x > 0], at.GAPS)
_add("materialize", lambda x: ak.materialize(x) ** 2, at.RAGGED)
_add(
    "merge_option_of_records",
    lambda x: ak.merge_option_of_records(
        ak.mask(ak.zip({"a": x}), [True, False, True, True, True])
    ),
    at.FLAT,
)
_add(
    "merge_union_of_records",
    lambda x, y: ak.merge_union_of_records(ak.concatenate([ak.zip({"a": x}), ak.zip({"b": y})])),
    at.FLAT,
    at.FLAT,
)
_add("num", lambda x: x * ak.num(x), at.RAGGED)
_add("pad_none", lambda x: ak.pad_none(x, 2) ** 2, at.RAGGED)
_add("pad_none, clip", lambda x: ak.pad_none(x, 2, clip=True) ** 2, at.RAGGED)
_add("pad_none, axis=0", lambda x: ak.pad_none(x, 7, axis=0) ** 2, at.FLAT)
_add("pad_none of regular", lambda x: ak.pad_none(x, 4, axis=1) ** 2, at.REGULAR)
_add("ravel", lambda x: ak.ravel(x) ** 2, at.OPTION_OF_LISTS)
_add("run_lengths", lambda x: x * ak.sum(ak.run_lengths(x)), at.FLAT)
_add("singletons", lambda x: ak.singletons(x) ** 2, at.BYTE_MASKED)
for _what in ("ragged", "nested", "regular", "option in lists", "n-dimensional", "gaps"):
    _add(f"sort of {_what}", lambda x: ak.sort(x, axis=-1) ** 2, at.ZOO[_what])
_add("sort, descending", lambda x: ak.sort(x, axis=-1, ascending=False, stable=False), at.RAGGED)
_add("sort, axis=0", lambda x: ak.sort(x, axis=0), at.RAGGED)
_add("to_packed", lambda x: ak.to_packed(x) ** 2, at.GAPS)
_add("to_layout", lambda x: ak.Array(ak.to_layout(x)) ** 2, at.GAPS)
_add("to_regular", lambda x: ak.to_regular(x, axis=1) ** 2, at.RAGGED[[0, 0]])
_add("to_buffers and from_buffers", lambda x: ak.from_buffers(*ak.to_buffers(x * x)), at.GAPS)
_add("to_list and back", lambda x: ak.Array(ak.to_list(x * x)), at.RAGGED)
_add("transform", lambda x: ak.transform(_square_leaves, x), at.OPTION_OF_LISTS)
_add("transform of two", lambda x, y: ak.transform(_multiply_leaves, x, y), at.RAGGED, at.FLAT[:4])
_add("unflatten", lambda x: ak.unflatten(x, [2, 0, 3]) ** 2, at.FLAT)
_add("unflatten, axis=1", lambda x: ak.unflatten(x, [1, 2, 1, 1, 1], axis=1) ** 2, at.RAGGED)
_add("unzip", lambda r: ak.unzip(r[["x", "y"]])[1] * 2, at.RECORDS)
_add("with_field", lambda r, x: ak.with_field(r, x * r.x, "z"), at.RECORDS, at.FLAT[:4])
_add("with_field of a number", lambda r, x: ak.with_field(r, x, "z"), at.RECORDS, 1.5)
_add(
    "with_field, deep",
    lambda r: ak.with_field(ak.zip({"a": ak.zip({"b": r})}), r**2, ["a", "c"]),
    at.FLAT,
)
_add("with_name", lambda r: ak.with_name(r, "Name").x ** 2, at.RECORDS)
_add(
    "with_named_axis", lambda x: ak.sum(ak.with_named_axis(x, ("a", "b")) ** 2, axis="b"), at.RAGGED
)
_add("with_parameter", lambda x: ak.with_parameter(x, "k", 1) ** 2, at.RAGGED)
_add("without_field", lambda r: ak.without_field(r, "n"), at.RECORDS)
_add(
    "without_named_axis",
    lambda x: ak.without_named_axis(ak.with_named_axis(x, ("a", "b"))) ** 2,
    at.RAGGED,
)
_add(
    "without_parameters",
    lambda x: ak.without_parameters(ak.with_parameter(x, "k", 1)) ** 2,
    at.RAGGED,
)
_add("zip", lambda x, y: ak.zip({"a": x * y, "b": y}), at.RAGGED, at.FLAT[:4])
_add("zip, depth_limit", lambda x: ak.zip([x, x**2], depth_limit=1), at.RAGGED)
_add("zip_no_broadcast", lambda x, y: ak.zip_no_broadcast([x * y, y]), at.RAGGED, at.OTHER)

# -- indexing

_add("getitem of a record", lambda r: r[2].x * r[2].y, at.RECORDS)
_add("getitem of fields", lambda r: r[["x", "y"]], at.RECORDS)
_add("getitem of a tuple", lambda t: t["0"] * t["1"], at.TUPLES)
_add("getitem of strings beside", lambda r: r[r.name != ""].x ** 2, at.STRINGS)
_add("getitem by a ragged mask", lambda x: x[x > 0] ** 2, at.OPTION_IN_LISTS)
_add("getitem by ragged indices", lambda x: x[ak.Array([[2, 0], [], [-1], [0, 0]])] ** 2, at.RAGGED)
_add("getitem by option indices", lambda x: x[ak.Array([2, None, 0, 2])] ** 2, at.RAGGED)
_add("getitem by a number", lambda x: x[0, 1] * x[2], at.RAGGED)
_add("getitem of n-d", lambda x: x[:, [1, 0], ::-1][..., np.newaxis] ** 2, at.ND)
_add("getitem of a union", lambda x: x[::-1][[0, 3, 3]], at.UNION)
_add("getitem beyond", lambda x: x[:, :2][1:10:2] ** 2, at.GAPS)
_add("setitem", lambda r: _set(r, "z", r.x**2), at.RECORDS)
_add("iteration", lambda x: sum(ak.sum(e) ** 2 for e in x), at.RAGGED)
_add("iteration over numbers", lambda x: sum(e * e for e in x), at.FLAT)


def _product(x: Any, y: Any, pairs: Any) -> Any:
    i, j = ak.unzip(pairs)
    return x[i] * y[j]


def _times(pairs: Any) -> Any:
    a, b = ak.unzip(pairs)
    return a * b + a


def _set(record: Any, name: str, value: Any) -> Any:
    record = ak.copy(record)
    record[name] = value
    return record


def _square_leaves(layout: Any, **_: Any) -> Any:
    return ak.contents.NumpyArray(layout.data * layout.data) if layout.is_numpy else None


def _multiply_leaves(layouts: Any, **_: Any) -> Any:
    if all(layout.is_numpy for layout in layouts):
        return ak.contents.NumpyArray(layouts[0].data * layouts[1].data)
    return None


PROGRAMS = tuple(_found)

#: of what is public in ``ak.operations``: questions, imports, exports, strings
_NAMES = """
almost_equal array_equal attach_data_key backend fields is_categorical is_tuple is_valid jvp
parameters type validity_error strings_astype to_backend metadata_from_parquet mixin
from_arrow from_arrow_schema from_avro_file from_cudf from_cupy from_dlpack from_feather
from_jax from_json from_parquet from_raggedtensor from_rdataframe from_safetensors
from_tensorflow from_torch from_buffers str
to_arrow to_arrow_table to_buffers to_cudf to_cupy to_dataframe to_feather to_jax to_json
to_list to_numpy to_parquet to_parquet_dataset to_parquet_row_groups to_raggedtensor
to_rdataframe to_safetensors to_tensorflow to_torch
"""
NO_DERIVATIVE = frozenset(_NAMES.split())
