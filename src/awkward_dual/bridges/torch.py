"""A function of ragged arrays as a function that PyTorch differentiates, and nested tensors."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from awkward_dual import operators
from awkward_dual.bridges.buffers import Buffers, buffers, from_buffers
from awkward_dual.bridges.flat import Flat, joined, pulled, pushed
from awkward_dual.trees import map_tree

__all__ = ("from_nested_tensor", "to_nested_tensor", "to_torch")


def to_torch(func: Callable[..., Any]) -> Callable[..., Any]:
    """A function of tensors, with derivatives for PyTorch, that calls a function of this world.

    Parameters
    ----------
    func : callable
        Gets NumPy arrays and numbers in the place of tensors, in double precision, in the same
        dicts, tuples and lists; everything else as it is. It returns real numbers, arrays of
        them, or a tree.

    Returns
    -------
    callable
        Its results are tensors on the device of the arguments. Reverse mode, forward mode
        (``torch.autograd.forward_ad``, ``torch.func.jvp``), both of them nested to any order,
        and ``torch.func.vmap`` (one call for each element of the batch).

    Raises
    ------
    TypeError
        For complex tensors; if the function returns something else than real numbers.

    Notes
    -----
    A ``torch.autograd.Function`` over the vector of all numbers. Under reverse mode the
    call is recorded, and the record is kept until PyTorch frees its graph.

    Examples
    --------
    >>> import awkward as ak, torch
    >>> import awkward_dual as ad
    >>> events = ak.Array([[1.0, 2.0], [], [3.0]])
    >>> loss = ad.to_torch(lambda p: ak.sum((p["scale"] * events - 1) ** 2))
    >>> scale = torch.tensor(1.0, requires_grad=True)
    >>> loss({"scale": scale}).backward()
    >>> float(scale.grad)
    16.0
    """

    @functools.wraps(func)
    def bridged(*args: Any) -> Any:
        import torch

        tensors: list[Any] = []

        def collect(leaf: Any, path: str) -> Any:
            if isinstance(leaf, torch.Tensor) and leaf.is_complex():
                raise TypeError("complex tensors: pass real and imaginary parts")
            if isinstance(leaf, torch.Tensor) and leaf.is_floating_point():
                tensors.append(leaf)
                return _Place(len(tensors) - 1)
            return leaf.detach().cpu().numpy()[()] if isinstance(leaf, torch.Tensor) else leaf

        places = map_tree(collect, args)

        def build(numbers: list[Any]) -> Any:
            return map_tree(lambda p, path: numbers[p.i] if isinstance(p, _Place) else p, places)

        if not tensors:
            raise TypeError("there is no floating tensor among the arguments")
        dtype = functools.reduce(torch.promote_types, (t.dtype for t in tensors))
        x = torch.cat([t.reshape(-1).to(dtype) for t in tensors])
        call = _Result(Flat(func, build, [tuple(t.shape) for t in tensors]))
        y = _function().apply(_Map(call.vector), x)
        return call.restored(y)

    return bridged


class _Place:
    """Where a tensor was in a tree."""

    def __init__(self, i: int) -> None:
        self.i = i


class _Result:
    """A function of a vector, which remembers of what its result was made."""

    def __init__(self, flat: Flat) -> None:
        self.flat = flat
        self.tree: Any = None
        self.shapes: list[tuple[int, ...]] = []

    def vector(self, x: Any) -> Any:
        leaves: list[Any] = []
        result = self.flat.result(x)
        self.tree = map_tree(lambda leaf, path: leaves.append(leaf), result)
        parts = [joined([leaf]) for leaf in leaves]
        self.shapes = [
            leaf.shape
            if hasattr(leaf, "shape")
            else np.shape(leaf)
            if np.isscalar(leaf)
            else (len(p),)
            for leaf, p in zip(leaves, parts, strict=True)
        ]
        return joined(leaves)

    def restored(self, y: Any) -> Any:
        """The tree of the last result, made of tensors."""
        sizes = [int(np.prod(shape, dtype=np.int64)) for shape in self.shapes]
        parts = iter(y.split(sizes))
        shapes = iter(self.shapes)
        return map_tree(lambda leaf, path: next(parts).reshape(next(shapes)), self.tree)


class _Map:
    """A function of a vector with what is kept of its evaluation."""

    def __init__(
        self, func: Callable[[Any], Any], known: Callable[[Any], Any] | None = None
    ) -> None:
        self.func, self.known = func, known
        self.pullback: Callable[[Any], Any] | None = None

    def value(self, x: Any, *, keep: bool) -> Any:
        """The result; with `keep`, the pullback is kept for the backward pass."""
        if self.known is not None and not keep:
            return self.known(x)
        if not keep:
            return self.func(x)
        y, self.pullback = operators.vjp(self.func, x)
        return y

    def pulled(self, size: int) -> _Map:
        """The pullback as a function of ``[x, w]``."""
        kept = self.pullback
        known = None if kept is None else (lambda z: kept(z[size:])[0])
        return _Map(pulled(self.func, size), known)


@functools.cache
def _function() -> Any:
    """The ``torch.autograd.Function``: its class exists when torch does."""
    import torch

    class Bridge(torch.autograd.Function):  # type: ignore[misc, name-defined, unused-ignore]
        @staticmethod
        def forward(mapped: _Map, x: Any) -> Any:
            numbers = x.detach().cpu().to(torch.float64).numpy()
            y = mapped.value(numbers, keep=bool(x.requires_grad))
            return torch.as_tensor(np.ascontiguousarray(y), dtype=x.dtype, device=x.device)

        @staticmethod
        def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
            ctx.mapped, x = inputs
            ctx.save_for_backward(x)
            ctx.save_for_forward(x)

        @staticmethod
        def backward(ctx: Any, w: Any) -> Any:
            (x,) = ctx.saved_tensors
            derived = ctx.mapped.pulled(len(x))
            return None, Bridge.apply(derived, torch.cat([x, w]))

        @staticmethod
        def jvp(ctx: Any, _: Any, dx: Any) -> Any:
            (x,) = ctx.saved_tensors
            return Bridge.apply(_Map(pushed(ctx.mapped.func, len(x))), torch.cat([x, dx]))

        @staticmethod
        def vmap(info: Any, in_dims: Any, mapped: _Map, x: Any) -> Any:
            rows = x.movedim(in_dims[1], 0)
            found = [Bridge.apply(_Map(mapped.func), row) for row in rows]
            return torch.stack(found), 0

    return Bridge


# -- nested tensors


def to_nested_tensor(x: Any) -> Any:
    """A ragged array as a nested tensor of the jagged layout, without a copy of its numbers.

    Parameters
    ----------
    x : ak.Array
        Lists of numbers, ``n * var * number``; a constant, or a dual of the ground level.

    Returns
    -------
    tensor, or pair of tensors
        For a dual array its primal and its tangent, which share their offsets.

    Raises
    ------
    TypeError
        If the array is no list of numbers, or belongs to a running call.

    Examples
    --------
    >>> import awkward as ak, torch
    >>> import awkward_dual as ad
    >>> nested = ad.bridges.to_nested_tensor(ak.Array([[1.0, 2.0], [], [3.0]]))
    >>> nested.values()
    tensor([1., 2., 3.], dtype=torch.float64)
    """
    import torch

    parts = buffers(x)
    if len(parts.offsets) != 1:
        raise TypeError(f"a nested tensor has one ragged axis, not {len(parts.offsets)}")
    offsets = torch.from_numpy(parts.offsets[0])

    def nested(values: Any) -> Any:
        make: Any = torch.nested.nested_tensor_from_jagged
        return make(torch.from_numpy(values), offsets)

    if parts.tangent is None:
        return nested(parts.primal)
    return nested(parts.primal), nested(parts.tangent)


def from_nested_tensor(tensor: Any, tangent: Any = None) -> Any:
    """The ragged array of a nested tensor of the jagged layout, without a copy of its numbers.

    Parameters
    ----------
    tensor : torch.Tensor
        With one ragged axis, on the CPU.
    tangent : torch.Tensor, optional
        With the same offsets; the result is then a dual of the ground level.

    Returns
    -------
    ak.Array

    Raises
    ------
    TypeError
        If a tensor is not jagged.
    TangentMismatch
        If the lengths of lists differ.

    Examples
    --------
    >>> import torch
    >>> import awkward_dual as ad
    >>> values, offsets = torch.tensor([1.0, 2.0, 3.0]), torch.tensor([0, 2, 2, 3])
    >>> nested = torch.nested.nested_tensor_from_jagged(values, offsets)
    >>> ad.bridges.from_nested_tensor(nested).to_list()
    [[1.0, 2.0], [], [3.0]]
    """
    import torch

    def array(nested: Any) -> Any:
        if not nested.is_nested or nested.layout is not torch.jagged:
            raise TypeError("a nested tensor of the jagged layout is needed (layout=torch.jagged)")
        if nested.lengths() is not None:
            raise TypeError("a nested tensor with gaps: call .contiguous() first")
        return from_buffers(Buffers(nested.values().detach(), None, (nested.offsets().detach(),)))

    primal = array(tensor)
    return primal if tangent is None else operators.dual(primal, array(tangent))
