"""Primal, tangent and offsets as arrays that share memory, and DLPack of each."""

from __future__ import annotations

from typing import Any

import awkward as ak
import numpy as np
import pytest

import awkward_dual as ad
from awkward_dual import TangentLost, TangentMismatch
from awkward_dual.bridges import Buffers, buffers, from_buffers

X = ak.Array([[1.0, 2.0], [], [3.0]])
DX = ak.Array([[0.5, 0.0], [], [1.0]])


def test_memory_is_shared() -> None:
    dual = ad.dual(X, DX)
    parts = buffers(dual)
    assert np.shares_memory(parts.primal, X.layout.content.data)
    assert np.shares_memory(parts.primal, ad.primal(dual).layout.content.data)
    assert np.shares_memory(parts.tangent, ad.tangent(dual).layout.content.data)
    assert np.shares_memory(parts.tangent, DX.layout.content.data)
    assert parts.offsets[0].tolist() == [0, 2, 2, 3]
    back = from_buffers(parts)
    assert np.shares_memory(ad.primal(back).layout.content.data, parts.primal)
    assert np.shares_memory(ad.tangent(back).layout.content.data, parts.tangent)


def test_constants() -> None:
    parts = buffers(X)
    assert parts.tangent is None
    assert np.shares_memory(parts.primal, X.layout.content.data)
    assert from_buffers(parts).to_list() == X.to_list()
    assert buffers(ak.Array([1, 2])).offsets == ()


@pytest.mark.parametrize("deep", [X, ak.Array([[[1.0], []], [], [[2.0, 3.0]]])[::-1], X[[2, 0, 0]]])
def test_any_depth(deep: Any) -> None:
    back = from_buffers(buffers(ad.dual(deep, 10 * deep)))
    assert ad.primal(back).to_list() == deep.to_list()
    assert ad.tangent(back).to_list() == (10 * deep).to_list()


def test_several_directions() -> None:
    directions = ak.Array(np.arange(6.0).reshape(3, 2))
    dual = ad.dual(X, ak.unflatten(directions, [2, 0, 1]))
    parts = buffers(dual)
    assert parts.tangent.shape == (3, 2)
    back = from_buffers(parts)
    assert ad.tangent(back).to_list() == ad.tangent(dual).to_list()


def test_dlpack_of_each_half() -> None:
    parts = buffers(ad.dual(X, DX))
    for half in parts[:2]:
        assert np.from_dlpack(half).ctypes.data == half.ctypes.data
    assert not hasattr(ad.dual(X, DX).layout.content.data, "__dlpack__")


def test_jax_shares_memory() -> None:
    jax = pytest.importorskip("jax", reason="jax is not installed")
    offsets = np.array([0, 1, 3])

    def aligned() -> Any:
        """JAX copies what is not at a multiple of 64 bytes."""
        memory = np.zeros(1024, np.float32)
        start = (-memory.ctypes.data % 64) // 4
        return memory[start : start + 3]

    halves = aligned(), aligned()
    parts = buffers(from_buffers(Buffers(*halves, (offsets,))))
    there = [jax.dlpack.from_dlpack(half) for half in parts[:2]]
    back = buffers(from_buffers(Buffers(*there, (offsets,))))
    for own, half, returned in zip(halves, there, back[:2]):
        assert half.unsafe_buffer_pointer() == own.ctypes.data
        assert returned.ctypes.data == own.ctypes.data


def test_what_is_refused() -> None:
    for wrong in (ak.Array([{"x": 1.0}]), ak.Array([1.0, None]), ak.Array(["a"])):
        with pytest.raises(TypeError, match="lists of numbers"):
            buffers(wrong)
    with pytest.raises(TypeError, match=r"ak\.Array"):
        buffers(1.0)
    with pytest.raises(TangentLost, match="running call"):
        ad.grad(buffers)(X)
    with pytest.raises(TangentMismatch):
        from_buffers(Buffers(np.zeros(3), np.zeros(2), (np.array([0, 2, 3]),)))
