"""`to_tensorflow` under gradient tapes, and ragged tensors that share memory."""

from __future__ import annotations

from typing import Any

import awkward as ak
import numpy as np
import pytest

import awkward_dual as ad
from awkward_dual.bridges import from_ragged_tensor, to_ragged_tensor, to_tensorflow
from tests.bridges.programs import PARAMS, loss, spectrum

tf = pytest.importorskip("tensorflow", reason="tensorflow is not installed")
pytest.importorskip("scipy")

AT = np.array([0.8, 0.6])


@pytest.mark.parametrize("graph", [False, True])
def test_gradients(graph: bool) -> None:
    bridged = to_tensorflow(loss)

    def both(p: Any) -> Any:
        with tf.GradientTape() as tape:
            tape.watch(p)
            value = bridged(p)
        return value, tape.gradient(value, p)

    p = tf.nest.map_structure(lambda x: tf.constant(x, tf.float64), PARAMS)
    value, gradient = (tf.function(both) if graph else both)(p)
    expected = ad.value_and_grad(loss)(PARAMS)
    np.testing.assert_allclose(value, expected[0], rtol=1e-12)
    for a, b in zip(tf.nest.flatten(gradient), tf.nest.flatten(expected[1]), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12)


def test_arrays_and_second_order() -> None:
    bridged = to_tensorflow(spectrum, (3,))
    x = tf.constant(AT)
    with tf.GradientTape(persistent=True) as outer:
        outer.watch(x)
        with tf.GradientTape() as inner:
            inner.watch(x)
            value = tf.reduce_sum(bridged(x) ** 2)
        gradient = inner.gradient(value, x)
    hessian = outer.jacobian(gradient, x, experimental_use_pfor=False)
    expected = ad.hessian(lambda x: np.sum(spectrum(x) ** 2))(AT)
    np.testing.assert_allclose(hessian, expected, rtol=1e-10)


def test_single_precision() -> None:
    value = to_tensorflow(loss)(tf.nest.map_structure(lambda x: tf.constant(x, tf.float32), PARAMS))
    assert value.dtype == tf.float32


def test_refusals() -> None:
    with pytest.raises(Exception, match=r"not \(4,\)"):
        to_tensorflow(spectrum, (4,))(tf.constant(AT))
    with pytest.raises(TypeError, match="real floating"):
        to_tensorflow(spectrum)(tf.constant([1, 2]))


def aligned(values: Any) -> Any:
    """A copy at an address that TensorFlow takes as it is."""
    memory = np.zeros(values.nbytes + 64, np.uint8)
    start = -memory.ctypes.data % 64
    out = memory[start : start + values.nbytes].view(values.dtype)
    out[:] = values
    return out


def test_ragged_tensors_share_memory() -> None:
    values, offsets = aligned(np.array([1.0, 2.0, 3.0])), np.array([0, 2, 2, 3])
    x = ad.bridges.from_buffers(ad.bridges.Buffers(values, None, (offsets,)))
    ragged = to_ragged_tensor(x)
    assert ragged.to_list() == x.to_list()
    assert np.asarray(memoryview(ragged.values)).ctypes.data == values.ctypes.data
    back = from_ragged_tensor(ragged)
    assert back.layout.content.data.ctypes.data == values.ctypes.data
    assert back.to_list() == x.to_list()


def test_both_halves() -> None:
    x, dx = ak.Array([[[1.0, 2.0], []], [[3.0]]]), ak.Array([[[0.5, 0.0], []], [[1.0]]])
    primal, tangent = to_ragged_tensor(ad.dual(x, dx))
    assert primal.to_list() == x.to_list()
    back = from_ragged_tensor(primal, tangent)
    assert ad.tangent(back).to_list() == dx.to_list()


def test_both_halves_share_memory() -> None:
    values, slopes = (aligned(np.array(x)) for x in ([1.0, 2.0, 3.0], [0.5, 0.0, 1.0]))
    parts = ad.bridges.Buffers(values, slopes, (np.array([0, 2, 2, 3]),))
    for half, own in zip(to_ragged_tensor(ad.bridges.from_buffers(parts)), (values, slopes)):
        assert np.asarray(memoryview(half.values)).ctypes.data == own.ctypes.data
