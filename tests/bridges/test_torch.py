"""`to_torch` in reverse and forward mode, and nested tensors that share memory."""

from __future__ import annotations

from typing import Any

import awkward as ak
import numpy as np
import pytest

import awkward_dual as ad
from awkward_dual.bridges import from_nested_tensor, to_nested_tensor
from tests.bridges.programs import EVENTS, PARAMS, loss, per_event, spectrum

torch = pytest.importorskip("torch", reason="torch is not installed")
pytest.importorskip("scipy")
# importing torch's own parts warns
pytestmark = pytest.mark.filterwarnings("ignore:::torch")

AT = np.array([0.8, 0.6])


def tensors(requires_grad: bool = True) -> Any:
    def leaf(x: Any) -> Any:
        return torch.tensor(x, dtype=torch.float64, requires_grad=requires_grad)

    return {"scale": leaf(1.1), "shift": (leaf(0.3), leaf(PARAMS["shift"][1]))}


def at(requires_grad: bool = False) -> Any:
    return torch.tensor(AT, requires_grad=requires_grad)


def close(a: Any, b: Any) -> None:
    np.testing.assert_allclose(a.detach().numpy(), np.asarray(b), rtol=1e-12, atol=1e-12)


def test_backward() -> None:
    p = tensors()
    value = ad.to_torch(loss)(p)
    value.backward()
    expected, gradient = ad.value_and_grad(loss)(PARAMS)
    close(value, expected)
    assert value.shape == ()
    close(p["scale"].grad, gradient["scale"])
    close(p["shift"][0].grad, gradient["shift"][0])
    close(p["shift"][1].grad, gradient["shift"][1])


@pytest.mark.parametrize("func", [spectrum, per_event])
def test_gradcheck(func: Any) -> None:
    bridged = ad.to_torch(func)
    assert torch.autograd.gradcheck(bridged, (at(True),), check_forward_ad=True)
    assert torch.autograd.gradgradcheck(bridged, (at(True),), check_fwd_over_rev=True)


def test_forward_mode() -> None:
    import torch.autograd.forward_ad as forward

    with forward.dual_level():
        dx = torch.tensor([0.3, -1.0], dtype=torch.float64)
        found = forward.unpack_dual(ad.to_torch(spectrum)(forward.make_dual(at(), dx)))
    value, tangent = ad.jvp(spectrum, (AT,), (dx.numpy(),))
    close(found.primal, value)
    close(found.tangent, tangent)


@pytest.mark.parametrize("operator", ["jacrev", "jacfwd"])
def test_functional_jacobians(operator: str) -> None:
    close(getattr(torch.func, operator)(ad.to_torch(spectrum))(at()), ad.jacfwd(spectrum)(AT))


def test_functional_hessian() -> None:
    expected = ad.hessian(lambda x: np.sum(spectrum(x) ** 2))(AT)
    bridged = ad.to_torch(lambda x: np.sum(spectrum(x) ** 2))
    close(torch.func.hessian(bridged)(at()), expected)
    close(torch.func.jacrev(torch.func.grad(bridged))(at()), expected)


def test_vmap() -> None:
    points = torch.stack([at(), at() + 0.1, at() - 0.2])
    bridged = ad.to_torch(spectrum)
    close(torch.func.vmap(bridged)(points), np.stack([spectrum(x.numpy()) for x in points]))
    found = torch.func.vmap(torch.func.grad(lambda x: bridged(x).sum()))(points)
    close(found, np.stack([ad.grad(lambda x: np.sum(spectrum(x)))(x.numpy()) for x in points]))


def test_a_chain() -> None:
    x = at(True)
    (gradient,) = torch.autograd.grad(torch.log(ad.to_torch(spectrum)(torch.exp(x))).sum(), x)
    close(gradient, ad.grad(lambda x: np.sum(np.log(spectrum(np.exp(x)))))(AT))


def test_the_call_is_recorded_once() -> None:
    calls = []

    def counted(x: Any) -> Any:
        calls.append(ad.is_live(x))
        return ak.sum(np.sin(x * EVENTS))

    x = torch.tensor(1.0, requires_grad=True)
    ad.to_torch(counted)(x).backward()
    assert calls == [True]
    ad.to_torch(counted)(x.detach())
    assert calls == [True, False]


def test_backward_twice() -> None:
    x = at(True)
    y = ad.to_torch(spectrum)(x)
    first = torch.autograd.grad(y.sum(), x, retain_graph=True)[0]
    second = torch.autograd.grad(y.sum(), x)[0]
    assert torch.equal(first, second)


def test_types_and_trees() -> None:
    def several(x: Any, n: Any, name: str) -> Any:
        assert name == "jets"
        return {"spectrum": spectrum(x) * int(n), "sums": (ak.sum(x[0] * EVENTS), per_event(x))}

    x = at().to(torch.float32).requires_grad_()
    found = ad.to_torch(several)(x, torch.tensor(2), "jets")
    assert found["spectrum"].dtype == torch.float32
    assert found["spectrum"].shape == (3,)
    assert found["sums"][0].shape == ()
    assert found["sums"][1].shape == (3,)
    found["sums"][0].backward()
    np.testing.assert_allclose(x.grad, [ak.sum(EVENTS), 0], rtol=1e-6)


def test_refusals() -> None:
    with pytest.raises(TypeError, match="real floating"):
        ad.to_torch(lambda x: 3)(at())
    with pytest.raises(TypeError, match="complex"):
        ad.to_torch(loss)(torch.tensor(1j))
    with pytest.raises(TypeError, match="no floating tensor"):
        ad.to_torch(loss)(1.0)


def test_an_optimiser() -> None:
    p = torch.tensor(0.0, dtype=torch.float64, requires_grad=True)
    optimiser = torch.optim.SGD([p], lr=0.3)
    fit = ad.to_torch(lambda p: ak.sum((p * EVENTS - 2 * EVENTS) ** 2) / 10)
    for _ in range(30):
        optimiser.zero_grad()
        fit(p).backward()
        optimiser.step()
    assert float(p.detach()) == pytest.approx(2.0, abs=1e-6)


# -- nested tensors


def address(tensor: Any) -> int:
    return int(tensor.values().data_ptr())


def test_nested_tensors_share_memory() -> None:
    x = ak.Array([[1.0, 2.0], [], [3.0]])
    nested = to_nested_tensor(x)
    assert address(nested) == x.layout.content.data.ctypes.data
    assert nested.offsets().data_ptr() == x.layout.offsets.data.ctypes.data
    assert [part.tolist() for part in nested.unbind()] == x.to_list()
    back = from_nested_tensor(nested)
    assert back.layout.content.data.ctypes.data == address(nested)
    assert back.to_list() == x.to_list()


def test_both_halves() -> None:
    x, dx = ak.Array([[1.0, 2.0], [], [3.0]]), ak.Array([[0.5, 0.0], [], [1.0]])
    dual = ad.dual(x, dx)
    primal, tangent = to_nested_tensor(dual)
    assert address(primal) == ad.primal(dual).layout.content.data.ctypes.data
    assert address(tangent) == ad.tangent(dual).layout.content.data.ctypes.data
    assert address(primal) == x.layout.content.data.ctypes.data
    assert primal.offsets().data_ptr() == tangent.offsets().data_ptr()
    back = from_nested_tensor(primal, tangent)
    assert ad.tangent(back).to_list() == dx.to_list()
    assert ad.primal(back).layout.content.data.ctypes.data == address(primal)
    with pytest.raises(ad.TangentMismatch):
        from_nested_tensor(primal, to_nested_tensor(ak.Array([[1.0], [2.0], [3.0]])))


def test_what_is_no_nested_tensor() -> None:
    with pytest.raises(TypeError, match="one ragged axis"):
        to_nested_tensor(ak.Array([[[1.0]]]))
    with pytest.raises(TypeError, match="jagged"):
        from_nested_tensor(torch.zeros(3))
