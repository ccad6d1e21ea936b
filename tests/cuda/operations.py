"""Cases of whole operations: levels, directions, numbers of the host, what refuses, what crosses."""

from __future__ import annotations

import gc
from typing import Any

import awkward as ak
import numpy as np

import awkward_dual as ad
from awkward_dual.cuda import DualCudaArray, set_deterministic
from kernels.corners import CORNERS
from tests.cuda.cases import case, close, cupy, on_gpu, on_host, same

X = ak.Array([[1.5, -2.0, 0.25], [], [3.0], [0.5, 0.75]])
W = ak.Array([[1.0, 2.0, 3.0], [], [4.0], [5.0, 6.0]])


def raises(kind: Any, func: Any, part: str = "") -> None:
    found = None
    try:
        func()
    except kind as error:
        found = str(error)
    assert found is not None, f"no {kind}"
    assert part in found, found


@case
def backend_of_arrays_is_dual_cuda() -> None:
    gpu = on_gpu(X)
    dual = ak.to_backend(gpu, "dual-cuda")
    assert ak.backend(dual) == "dual-cuda"
    assert ak.backend(ak.Array(X, backend="dual-cuda")) == "dual-cuda"
    assert isinstance(dual.layout.content.data, DualCudaArray)
    assert ak.backend(ak.to_backend(dual, "cuda")) == "cuda"
    same(ak.to_backend(dual, "cpu"), X)


@case
def to_the_backend_of_duals_nothing_crosses() -> None:
    gpu = on_gpu(X)
    before = crossings()
    dual = ak.to_backend(gpu, "dual-cuda")
    assert crossings() == before
    data = dual.layout.content.data.primal
    assert data.data.ptr == gpu.layout.content.data.data.ptr


def crossings() -> int:
    module = cupy()
    return int(module.crossings()) if hasattr(module, "crossings") else 0


PLAIN = {
    "arithmetic": lambda x: np.sqrt(x * x + 1.0) / (2.0 + np.sin(x)),
    "sum": lambda x: ak.sum(x**2, axis=1),
    "prod": lambda x: ak.prod(x, axis=1),
    "max": lambda x: ak.max(x, axis=1),
    "mask": lambda x: x[x > 0.3] * 2.0,
    "combinations": lambda x: ak.combinations(x, 2)["0"] * ak.combinations(x, 2)["1"],
    "sort": lambda x: ak.sort(x, axis=1),
    "mean": lambda x: ak.mean(x, axis=1),
    "total": lambda x: ak.sum(np.exp(x)),
}


def _crosses_as_often(program: Any) -> None:
    """Inside of a program nothing comes to the host that would not without derivatives."""
    gpu = on_gpu(X)
    program(gpu)
    start = crossings()
    program(gpu)
    plain = crossings() - start
    inside = []

    def watched(x: Any) -> Any:
        start = crossings()
        out = program(x)
        inside.append(crossings() - start)
        return out

    ad.jvp(watched, (gpu,), (gpu,))
    ad.vjp(watched, gpu)
    assert max(inside) <= plain, (inside, plain)


def _register() -> None:
    from tests.cuda.cases import CASES

    for name, program in PLAIN.items():
        CASES[f"crossings of {name}"] = lambda program=program: _crosses_as_often(program)
    for i, corner in enumerate(CORNERS):
        CASES[f"corner {i}: {corner.expression}"] = lambda corner=corner: _corner(corner)


def _corner(corner: Any) -> None:
    """A literal truth, with lists as arrays of the GPU; numbers are the host's anyway."""
    names = list(corner.inputs)
    if not any(isinstance(x, list) for x, _ in corner.inputs.values()):
        return

    def array(x: Any) -> Any:
        if not isinstance(x, list):
            return x
        whole = ak.values_astype(ak.Array(x), corner.dtype, including_unknown=True)
        return on_gpu(whole)

    def program(*args: Any) -> Any:
        scope = {"np": np, "ak": ak, **dict(zip(names, args, strict=True))}
        return eval(corner.expression, scope)

    x = tuple(array(x) for x, _ in corner.inputs.values())
    dx = tuple(array(dx) for _, dx in corner.inputs.values())
    try:
        program(*x)
    except Exception:  # what Awkward's backend does not do
        return
    value, tangent = on_host(ad.jvp(program, x, dx))
    close(_listed(tangent), corner.tangent)
    del value


def _listed(x: Any) -> Any:
    return x.to_list() if isinstance(x, ak.Array) else np.asarray(x).tolist()


@case
def arguments_changed_before_the_pullback() -> None:
    """Nobody watches over arrays of a GPU: they are copied, whatever their size."""
    from awkward_dual.operators import kept

    before, kept.COPIED = kept.COPIED, 0
    try:
        x = on_gpu(ak.Array(np.array([1.0, 2.0, 3.0])))
        value, pullback = ad.vjp(np.exp, x)
        w = on_gpu(ak.Array(np.ones(3)))
        x.layout.data[...] = 7.0
        value.layout.data[...] = 7.0
        close(on_host(pullback(w)[0]).to_list(), np.exp([1.0, 2.0, 3.0]).tolist())
    finally:
        kept.COPIED = before


@case
def half_precision() -> None:
    """The kernels have no type for it: they compute in double precision."""
    half = ak.values_astype(X, np.float16)
    for program in (
        lambda x: np.arcsinh(x) * x + 1,
        lambda x: x[x > 0],
        lambda x: ak.concatenate([x[:, :1], x], axis=1),
        lambda x: ak.where(x > 0, x * x, -x),
    ):
        found = ad.jvp(program, (on_gpu(half),), (on_gpu(half),))
        expected = ad.jvp(program, (half,), (half,))
        for a, b in zip(on_host(found), expected, strict=True):
            assert str(ak.type(a)) == str(ak.type(b))
            np.testing.assert_allclose(ak.flatten(a), ak.flatten(b), rtol=4e-3)
        weights = ak.values_astype(ak.ones_like(expected[0]), np.float16)
        (gradient,) = ad.vjp(program, on_gpu(half))[1](on_gpu(weights))
        (right,) = ad.vjp(program, half)[1](weights)
        np.testing.assert_allclose(ak.flatten(on_host(gradient)), ak.flatten(right), rtol=4e-3)


@case
def numbers_of_the_host_meet_arrays_of_the_gpu() -> None:
    gpu = on_gpu(X)
    for program in (
        lambda s, x: ak.sum(s * x**2),
        lambda s, x: ak.sum(x / s),
        lambda s, x: ak.sum(s - x),
        lambda s, x: ak.sum(np.hypot(s, x)),
    ):
        value, gradient = ad.value_and_grad(lambda s, p=program: p(s, gpu))(1.3)
        expected = ad.value_and_grad(lambda s, p=program: p(s, X))(1.3)
        same((on_host(value), gradient), expected)
        assert isinstance(gradient, np.floating), type(gradient)
        found = ad.jvp(lambda s, p=program: p(s, gpu), (1.3,), (0.5,))
        same(on_host(found), ad.jvp(lambda s, p=program: p(s, X), (1.3,), (0.5,)))


@case
def both_kinds_of_arguments() -> None:
    def program(x: Any, p: Any) -> Any:
        return ak.sum(p[0] * x**2 + p[1])

    p = np.array([2.0, 3.0])
    found = ad.grad(program, (0, 1))(on_gpu(X), p)
    assert isinstance(found[1], np.ndarray)
    same(on_host(found), ad.grad(program, (0, 1))(X, p))


@case
def many_directions() -> None:
    def line(p: Any, x: Any) -> Any:
        return ak.sum(p[0] + p[1] * x + p[2] * x**2, axis=1)

    p = np.array([1.0, 2.0, 3.0])
    gpu = on_gpu(X)
    same(on_host(ad.jacfwd(lambda p: line(p, gpu))(p)), ad.jacfwd(lambda p: line(p, X))(p))
    same(on_host(ad.jacfwd(lambda x: ak.sum(x**3, axis=1))(gpu)),
         ad.jacfwd(lambda x: ak.sum(x**3, axis=1))(X))  # fmt: skip
    same(on_host(ad.jacrev(lambda x: ak.prod(x, axis=1))(gpu)),
         ad.jacrev(lambda x: ak.prod(x, axis=1))(X))  # fmt: skip


@case
def higher_orders() -> None:
    def cubes(x: Any) -> Any:
        return ak.sum(x**3 / (1.0 + x * x) + np.sin(x) * ak.prod(x, axis=1))

    gpu = on_gpu(X)
    same(on_host(ad.hvp(cubes, (gpu,), (on_gpu(W),))), ad.hvp(cubes, (X,), (W,)))

    def twice(x: Any) -> Any:
        inner = ad.jvp(lambda x: np.exp(x) * x**2, (x,), (ak.ones_like(x),))[1]
        return ak.sum(inner, axis=1)

    found = ad.jvp(twice, (gpu,), (on_gpu(W),))
    same(on_host(found), ad.jvp(twice, (X,), (W,)))
    gradient = ad.grad(lambda x: ak.sum(twice(x)))
    same(on_host(gradient(gpu)), gradient(X))


@case
def hessians_of_numbers_of_the_host() -> None:
    def chi2(p: Any, x: Any) -> Any:
        return ak.sum((p[0] * x + np.exp(-p[1]) * x**2) ** 2)

    p = np.array([0.3, 0.7])
    gpu = on_gpu(X)
    same(on_host(ad.hessian(lambda p: chi2(p, gpu))(p)), ad.hessian(lambda p: chi2(p, X))(p))


@case
def zero_absorbs() -> None:
    x = ak.Array([0.0, 1.0, 4.0])
    v = ak.Array([0.0, 0.0, 1.0])
    found = ad.jvp(np.sqrt, (on_gpu(x),), (on_gpu(v),))
    same(on_host(found)[1], ak.Array([0.0, 0.0, 0.25]))
    found = ad.jvp(lambda x: ak.sum(np.log(x) * x), (on_gpu(x),), (on_gpu(v),))
    assert np.isfinite(on_host(found)[1])


@case
def buffers_by_hand() -> None:
    module = cupy()
    x = DualCudaArray(module.asarray(np.array([1.0, 4.0])), module.asarray(np.array([1.0, 1.0])))
    root = np.sqrt(x)
    assert isinstance(root, DualCudaArray)
    close(root.tangent.get().tolist(), [[0.5, 0.25]])
    close((x * x)[1:].tangent.get().tolist(), [[8.0]])
    dual = ad.dual(on_gpu(X), on_gpu(W))
    assert ak.backend(dual) == "dual-cuda"
    assert ad.is_live(dual)
    same(on_host(ad.tangent(dual * dual)), 2 * X * W)
    same(on_host(ad.primal(dual)), X)


@case
def nothing_is_lost_in_silence() -> None:
    dual = ad.dual(on_gpu(X), on_gpu(W))
    number = ak.sum(dual)
    for loses in (
        lambda: ak.to_numpy(ak.flatten(dual)),
        lambda: ak.to_backend(dual, "cpu"),
        lambda: ak.to_backend(dual, "cuda"),
        lambda: float(number),
        number.item,
        lambda: np.asarray(number),
        lambda: ak.to_json(dual),
    ):
        raises(ad.TangentLost, loses)
    raises(TypeError, lambda: np.asarray(ak.to_backend(on_gpu(X), "dual-cuda").layout.content.data))


@case
def arrays_of_the_host_do_not_mix_in() -> None:
    gpu = on_gpu(X)
    raises(ValueError, lambda: gpu * X, "incompatible backends")
    raises(ValueError, lambda: ad.jvp(lambda x: x * X, (gpu,), (gpu,)), "incompatible backends")


@case
def a_tangent_on_the_host_is_refused() -> None:
    module = cupy()
    x = module.asarray(np.array([1.0, 2.0]))
    raises(ad.TangentMismatch, lambda: ad.jvp(lambda x: x, (x,), (np.ones(2),)), "on the GPU")


@case
def arrays_of_cupy_are_arguments() -> None:
    x = cupy().asarray(np.array([1.0, 2.0]))
    value, tangent = ad.jvp(lambda x: np.sum(x * x), (x,), (x,))
    assert (float(value), float(tangent)) == (5.0, 10.0)
    close(ad.grad(lambda x: np.sum(x**3))(x).get().tolist(), [3.0, 12.0])


@case
def the_ten_unsupported_kernels_raise_as_on_cuda() -> None:
    gpu = on_gpu(X)
    for program in (
        lambda x: ak.argmax(x, axis=0),
        lambda x: ak.argsort(x, axis=0),
    ):
        plain = refusal(lambda p=program: p(gpu))
        raises(plain, lambda p=program: ad.jvp(p, (gpu,), (gpu,)))


def refusal(func: Any) -> Any:
    found: Any = None
    try:
        func()
    except Exception as error:
        found = error
    assert found is not None, "cuda does it now: is the manifest up to date?"
    assert "not supported on CUDA" in str(found), found
    return type(found)


@case
def the_same_in_every_run_on_request() -> None:
    rng = np.random.default_rng(0)
    x = ak.Array(rng.normal(size=3000))
    index = rng.integers(0, 50, 20000)
    gpu, places = on_gpu(x), on_gpu(ak.Array(index))
    before = set_deterministic(True)
    try:
        first, second = (
            ad.grad(lambda x: ak.sum(x[places] ** 3))(gpu).layout.data.get().tobytes()
            for _ in range(2)
        )
        assert first == second
        gradient = ad.grad(lambda x: ak.sum(x[places] ** 3))(gpu)
    finally:
        set_deterministic(before)
    same(on_host(gradient), ad.grad(lambda x: ak.sum(x[ak.Array(index)] ** 3))(x))


@case
def constants_join_in() -> None:
    gpu, weights = on_gpu(X), on_gpu(W)
    found = ad.jvp(lambda x: ak.sum(ak.concatenate([x * weights, weights], axis=1), axis=1),
                   (gpu,), (gpu,))  # fmt: skip
    expected = ad.jvp(lambda x: ak.sum(ak.concatenate([x * W, W], axis=1), axis=1), (X,), (X,))
    same(on_host(found), expected)


@case
def a_custom_rule_and_a_checkpoint() -> None:
    @ad.custom_jvp
    def half(x: Any) -> Any:
        return x * 0.5

    half.defjvp(lambda primals, tangents: (half(primals[0]), tangents[0] * 0.5))
    gpu = on_gpu(X)
    program = lambda x: ak.sum(half(x) ** 2)
    same(on_host(ad.grad(program)(gpu)), ad.grad(program)(X))
    checked = lambda x: ak.sum(ad.checkpoint(lambda x: np.sin(x) * x)(x))
    same(on_host(ad.grad(checked)(gpu)), ad.grad(checked)(X))


@case
def no_memory_of_the_device_is_kept() -> None:
    module = cupy()
    if not hasattr(module, "get_default_memory_pool"):
        return
    pool = module.get_default_memory_pool()
    gpu = on_gpu(X)
    gradient = ad.grad(lambda x: ak.sum(x[x > 0] ** 2))

    def run(count: int) -> int:
        for _ in range(count):
            gradient(gpu)
        gc.collect()
        module.cuda.Device().synchronize()
        return int(pool.used_bytes())

    used = run(100)
    assert run(10_000) <= used


_register()


def _compiled_loops_refuse() -> None:
    try:
        import numba
    except ModuleNotFoundError:
        return
    total = numba.njit(lambda x: x[0])
    ak.numba.register_and_check()
    raises(TypeError, lambda: total(ad.dual(on_gpu(X), on_gpu(W))), "on a GPU")


case(_compiled_loops_refuse)
