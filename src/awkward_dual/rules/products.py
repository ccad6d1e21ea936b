"""Rules of products of matrices, of their inverses and determinants.

A sum of products is a `calls.Contraction`: two arrays whose axes have names.
"""

from __future__ import annotations

import itertools
import re
import string
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from awkward_dual import calls
from awkward_dual.calls import Contraction
from awkward_dual.errors import MissingTangentRule
from awkward_dual.linear import NAMES, Contract, LinearMap
from awkward_dual.pair import lowest
from awkward_dual.rules.programs import as_array, as_axes, program, square
from awkward_dual.rules.table import Kind, rule

# -- sums of products


def _contraction(*functions: Any) -> Callable[[Any], Any]:
    def write(body: Callable[..., Any]) -> Callable[..., Any]:
        for function in dict.fromkeys(functions):
            rule(function, Kind.SMOOTH, body, apply=calls.apply_contraction)
        return body

    return write


def _contract(a: Any, of_a: str, b: Any, of_b: str, out: str) -> Contraction:
    """A contraction whose axes of length one are broadcast, as NumPy does."""
    sizes: dict[str, int] = {}
    for x, of in ((a, of_a), (b, of_b)):
        for name, size in zip(of, x.shape, strict=True):
            sizes[name] = size if sizes.get(name, 1) == 1 else sizes[name]
    found: list[tuple[Any, str]] = []
    for x, of in ((a, of_a), (b, of_b)):
        is_kept = [n == sizes[name] for name, n in zip(of, x.shape, strict=True)]
        if not all(is_kept):
            x = x.reshape(tuple(itertools.compress(x.shape, is_kept)))
        found.append((x, "".join(itertools.compress(of, is_kept))))
    # what was broadcast against an axis of length one is now a sum of its own
    (a, of_a), (b, of_b) = (
        _alone(x, of, {*out, *others}) for (x, of), (_, others) in zip(found, found[::-1])
    )
    return Contraction(a, b, of_a, of_b, out)


def _alone(x: Any, of: str, others: set[str]) -> tuple[Any, str]:
    """An array summed over its axes that are none of the others."""
    alone = tuple(i for i, name in enumerate(of) if name not in others)
    if not alone:
        return x, of
    return np.sum(x, axis=alone), "".join(name for name in of if name in others)


def _by_signature(ufunc: Any, *, conjugates: bool = False) -> None:
    """A row for a generalised ufunc of two arrays, from its own signature."""
    *cores, result = (
        core.split(",") if core else [] for core in re.findall(r"\(([^)]*)\)", ufunc.signature)
    )

    def body(xp: Any, a: Any, b: Any) -> Contraction:
        a, b = as_array(a), as_array(b)
        names, absent = [], set()
        for x, core in zip((a, b), cores, strict=True):
            if x.ndim < len(core):
                absent |= {name for name in core if name.endswith("?")}
            own = "".join(name[0] for name in core if name not in absent)
            # the axes before those of the core broadcast, aligned to the right
            loop = NAMES[26 : 26 + x.ndim - len(own)][::-1]
            names.append((loop, own))
        loop = max((loop for loop, _ in names), key=len)
        out = loop + "".join(name[0] for name in result if name not in absent)
        a = xp.conjugate(a) if conjugates else a
        return _contract(a, "".join(names[0]), b, "".join(names[1]), out)

    _contraction(ufunc)(body)


_by_signature(np.matmul)
for _name in ("vecdot", "matvec", "vecmat"):
    # those of later releases of NumPy conjugate their vector on the left
    if hasattr(np, _name):
        _by_signature(getattr(np, _name), conjugates=_name != "matvec")


@_contraction(np.tensordot)
def _tensordot(xp: Any, a: Any, b: Any, axes: Any = 2) -> Contraction:
    a, b = as_array(a), as_array(b)
    if isinstance(axes, int | np.integer):
        axes = range(a.ndim - axes, a.ndim), range(axes)
    summed_a, summed_b = (
        as_axes(x, tuple(own) if np.iterable(own) else int(own))
        for x, own in zip((a, b), axes, strict=True)
    )
    of_a, of_b = NAMES[: a.ndim], list(NAMES[a.ndim : a.ndim + b.ndim])
    for i, j in zip(summed_a, summed_b, strict=True):
        of_b[j] = of_a[i]
    rest_a = "".join(n for i, n in enumerate(of_a) if i not in summed_a)
    rest_b = "".join(n for j, n in enumerate(of_b) if j not in summed_b)
    return _contract(a, of_a, b, "".join(of_b), rest_a + rest_b)


@_contraction(np.dot)
def _dot(xp: Any, a: Any, b: Any) -> Any:
    a, b = as_array(a), as_array(b)
    if a.ndim == 0 or b.ndim == 0:
        return a * b
    return _tensordot(xp, a, b, (-1, -2 if b.ndim > 1 else -1))


@_contraction(np.inner)
def _inner(xp: Any, a: Any, b: Any) -> Any:
    a, b = as_array(a), as_array(b)
    return a * b if a.ndim == 0 or b.ndim == 0 else _tensordot(xp, a, b, (-1, -1))


@_contraction(np.vdot)
def _vdot(xp: Any, a: Any, b: Any) -> Contraction:
    return Contraction(xp.conjugate(xp.ravel(a)), xp.ravel(b), "i", "i", "")


@_contraction(np.outer)
def _outer(xp: Any, a: Any, b: Any, out: Any = None) -> Contraction:
    return Contraction(xp.ravel(a), xp.ravel(b), "i", "j", "ij")


@_contraction(np.einsum)
def _einsum(xp: Any, *operands: Any, optimize: Any = False) -> Any:
    arrays, names, out = _parse(*operands)
    for i, x in enumerate(arrays):
        others = {*out}.union(*(names[:i] + names[i + 1 :]))
        arrays[i], names[i] = _plain(xp, x, names[i], others)
    if len(arrays) == 1:
        return xp.transpose(arrays[0], [names[0].index(name) for name in out])
    if len(arrays) == 2:
        return _contract(arrays[0], names[0], arrays[1], names[1], out)
    left = "".join(name for name in names[0] + names[1] if name in {*out}.union(*names[2:]))
    left = "".join(dict.fromkeys(left))
    first = xp.einsum(f"{names[0]},{names[1]}->{left}", *arrays[:2])
    rest = ",".join([left, *names[2:]])
    return xp.einsum(f"{rest}->{out}", first, *arrays[2:])


def _parse(*operands: Any) -> tuple[list[Any], list[str], str]:
    """The arrays of `np.einsum`, the names of their axes, and those of the result."""
    if isinstance(operands[0], str):
        text, *parts = operands
        found: Sequence[Any] = parts
    else:
        # array, axes, array, axes, ..., and the axes of the result
        found, lists = operands[:-1:2], list(operands[1::2])
        text = ",".join(map(_names_of, lists))
        if len(operands) % 2:
            text += "->" + _names_of(operands[-1])
        else:
            found = operands[::2]
    arrays = [as_array(x) for x in found]
    terms, arrow, out = text.replace(" ", "").partition("->")
    names = terms.split(",")
    if not arrow:
        once = sorted(name for name in {*terms} - {*",."} if terms.count(name) == 1)
        out = "..." * ("." in terms) + "".join(once)
    # what an ellipsis stands for, aligned to the right
    free = "".join(name for name in NAMES if name not in text)
    rest = [x.ndim - len(of) + 3 if "." in of else 0 for x, of in zip(arrays, names, strict=True)]
    most = max(rest)
    names = [of.replace("...", free[most - n : most]) for of, n in zip(names, rest, strict=True)]
    return arrays, names, out.replace("...", free[:most])


#: of axes that are numbered: their order is that of the numbers
_NUMBERED = string.ascii_uppercase + string.ascii_lowercase


def _names_of(axes: Any) -> str:
    return "".join("..." if axis is Ellipsis else _NUMBERED[axis] for axis in axes)


def _plain(xp: Any, x: Any, of: str, others: Any) -> tuple[Any, str]:
    """An array whose axes have different names, each of them one of the others."""
    for name in dict.fromkeys(of):
        while of.count(name) > 1:
            i = of.index(name)
            j = of.index(name, i + 1)
            x = xp.diagonal(x, 0, i, j)
            of = of[:i] + of[i + 1 : j] + of[j + 1 :] + name
    return _alone(x, of, others)


# -- programs


@program(np.linalg.matmul)
def _linalg_matmul(xp: Any, x1: Any, x2: Any) -> Any:
    return xp.matmul(x1, x2)


@program(np.linalg.tensordot)
def _linalg_tensordot(xp: Any, x1: Any, x2: Any, axes: Any = 2) -> Any:
    return xp.tensordot(x1, x2, axes=axes)


@program(np.linalg.outer)
def _linalg_outer(xp: Any, x1: Any, x2: Any) -> Any:
    return xp.outer(x1, x2)


@program(np.linalg.vecdot)
def _linalg_vecdot(xp: Any, x1: Any, x2: Any, axis: int = -1) -> Any:
    return xp.sum(xp.conjugate(xp.moveaxis(x1, axis, -1)) * xp.moveaxis(x2, axis, -1), axis=-1)


@program(np.kron)
def _kron(xp: Any, a: Any, b: Any) -> Any:
    a, b = as_array(a), as_array(b)
    ndim = max(a.ndim, b.ndim)
    a, b = (xp.reshape(x, (1,) * (ndim - x.ndim) + x.shape) for x in (a, b))
    # each axis of the result is one of either array, interleaved
    pairs = [(m, 1) for m in a.shape], [(1, n) for n in b.shape]
    a, b = (xp.reshape(x, sum(own, ())) for x, own in zip((a, b), pairs, strict=True))
    return xp.reshape(a * b, [m * n for (m, _), (_, n) in zip(*pairs, strict=True)])


@program(np.trace)
def _trace(xp: Any, a: Any, offset: int = 0, axis1: int = 0, axis2: int = 1, dtype: Any = None,
           out: Any = None) -> Any:  # fmt: skip
    return xp.sum(xp.diagonal(a, offset, axis1, axis2), axis=-1)


@program(np.linalg.trace)
def _linalg_trace(xp: Any, x: Any, offset: int = 0, dtype: Any = None) -> Any:
    return xp.trace(x, offset, -2, -1)


@program(np.cross)
def _cross(xp: Any, a: Any, b: Any, axisa: int = -1, axisb: int = -1, axisc: int = -1,
           axis: Any = None) -> Any:  # fmt: skip
    if axis is not None:
        axisa = axisb = axisc = axis
    a, b = xp.moveaxis(as_array(a), axisa, -1), xp.moveaxis(as_array(b), axisb, -1)
    if a.shape[-1] != 3 or b.shape[-1] != 3:
        raise TypeError("np.cross of live arrays supports vectors of three components only")
    y = [a[..., i] * b[..., j] - a[..., j] * b[..., i] for i, j in ((1, 2), (2, 0), (0, 1))]
    return xp.moveaxis(xp.stack(y, axis=-1), -1, axisc)


@program(np.linalg.cross)
def _linalg_cross(xp: Any, x1: Any, x2: Any, axis: int = -1) -> Any:
    return xp.cross(x1, x2, axis=axis)


@program(np.linalg.norm)
def _norm(xp: Any, x: Any, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Any:
    is_vector = x.ndim == 1 if axis is None else len(as_axes(x, axis)) == 1
    if ord is not None and not (ord == 2 and is_vector):
        raise TypeError("np.linalg.norm of a live array supports the default order only")
    return xp.sqrt(xp.sum(square(xp, x), axis=axis, keepdims=keepdims))


@program(np.linalg.vector_norm)
def _vector_norm(xp: Any, x: Any, axis: Any = None, keepdims: bool = False, ord: Any = 2) -> Any:
    if ord != 2:
        raise TypeError("np.linalg.vector_norm of a live array supports the order 2 only")
    return xp.sqrt(xp.sum(square(xp, x), axis=axis, keepdims=keepdims))


@program(np.linalg.matrix_norm)
def _matrix_norm(xp: Any, x: Any, keepdims: bool = False, ord: Any = "fro") -> Any:
    if ord != "fro":
        raise TypeError("np.linalg.matrix_norm of a live array supports the order 'fro' only")
    return xp.linalg.norm(x, axis=(-2, -1), keepdims=keepdims)


# -- inverses and determinants


def _inv(y: Any, a: Any) -> list[LinearMap]:
    """``dy = -y da y``."""
    loop = NAMES[26 : 26 + y.ndim - 2]
    left, own, right, out = (f"{loop}{names}" for names in ("ij", "jk", "kl", "il"))
    between = f"{loop}ik"
    return [
        Contract(a.shape, own, y, left, between, y.dtype, y.dtype),
        Contract(a.shape, between, -y, right, out, y.dtype, y.dtype),
    ]


rule(np.linalg.inv, Kind.SMOOTH, _inv, apply=calls.apply_maps, of="a")


@program(np.linalg.solve)
def _solve(xp: Any, a: Any, b: Any) -> Any:
    return xp.matmul(xp.linalg.inv(a), b)


@program(np.linalg.matrix_power)
def _matrix_power(xp: Any, a: Any, n: int) -> Any:
    if n < 0:
        a, n = xp.linalg.inv(a), -n
    y = a if n else xp.broadcast_to(xp.eye(a.shape[-1]), a.shape)
    for _ in range(n - 1):
        y = xp.matmul(y, a)
    return y


@program(np.linalg.multi_dot)
def _multi_dot(xp: Any, arrays: Any, out: Any = None) -> Any:
    y, *rest = arrays
    for x in rest:
        y = xp.dot(y, x)
    return y


@program(np.linalg.det)
def _det(xp: Any, a: Any) -> Any:
    if a.shape[-1] <= 3:
        return _small_det(xp, a)
    return xp.linalg.det(lowest(a)) * xp.prod(_pivots(xp, a), axis=-1)


@program(np.linalg.slogdet)
def _slogdet(xp: Any, a: Any) -> Any:
    sign, logarithm = xp.linalg.slogdet(lowest(a))
    pivots = _pivots(xp, a)
    sizes = xp.absolute(pivots)
    if a.dtype.kind == "c":
        sign = sign * xp.prod(pivots / sizes, axis=-1)
    return sign, logarithm + xp.sum(xp.log(sizes), axis=-1)


def _small_det(xp: Any, a: Any) -> Any:
    """By cofactors, so that singular matrices have derivatives too."""
    n = a.shape[-1]
    if n == 0:
        return xp.ones(a.shape[:-2])
    if n == 1:
        return a[..., 0, 0]
    if n == 2:
        return a[..., 0, 0] * a[..., 1, 1] - a[..., 0, 1] * a[..., 1, 0]
    return xp.sum(a[..., 0, :] * xp.cross(a[..., 1, :], a[..., 2, :]), axis=-1)


def _pivots(xp: Any, a: Any) -> Any:
    """Those of `a` times its own inverse: all 1, but with derivatives, which need no exchange of rows."""
    try:
        inverse = xp.linalg.inv(lowest(a))
    except np.linalg.LinAlgError as error:
        raise MissingTangentRule(
            "the determinant of a singular matrix",
            hint="only those of at most three rows have one; detach with awkward_dual.primal(x)",
        ) from error
    a = xp.matmul(inverse, a)
    if not a.shape[-1]:
        return xp.ones(a.shape[:-1])
    found = []
    while a.shape[-1]:
        found.append(a[..., 0, 0])
        column, line = a[..., 1:, :1] / a[..., :1, :1], a[..., :1, 1:]
        a = a[..., 1:, 1:] - column * line
    return xp.stack(found, axis=-1)
