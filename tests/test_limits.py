"""Every limit that `docs/limits.md` names: what raises, and that the way out is one."""

from __future__ import annotations

import io
import json
import math
import pickle
from typing import Any

import awkward as ak
import numpy as np
import pytest

import awkward_dual as ad
from awkward_dual import (
    DirectionMismatch,
    LevelError,
    MissingTangentRule,
    TangentLost,
    TangentMismatch,
)
from awkward_dual.operators.kept import COPIED

X = ak.Array([[1.0, 2.0, 3.0], [], [4.0, 5.0]])


@pytest.fixture
def x() -> Any:
    """A ragged array with a live tangent."""
    return ad.dual(X, ak.ones_like(X))


@pytest.fixture
def flat() -> Any:
    """A flat array with a live tangent."""
    return ad.dual(ak.Array([1.0, 2.0, 3.0]), ak.Array([1.0, 0.0, 0.0]))


@pytest.fixture
def number() -> Any:
    """A live number."""
    return ad.dual(2.0, 1.0)


def lost(call: Any, *args: Any) -> None:
    with pytest.raises(TangentLost, match=r"awkward_dual\.(primal|pack)|use |write |return it"):
        call(*args)


# -- what would lose a tangent


def test_conversion_to_numpy(flat: Any) -> None:
    for convert in (
        np.asarray,
        np.array,
        ak.to_numpy,
        list_of_pandas,
        np.random.default_rng(0).normal,
    ):
        lost(convert, flat)
    assert np.asarray(ad.primal(flat)).tolist() == [1.0, 2.0, 3.0]


def list_of_pandas(x: Any) -> Any:
    return pytest.importorskip("pandas").Series(x)


@pytest.mark.parametrize(
    "convert",
    [float, int, complex, math.sqrt, math.hypot, range, lambda x: x.item(), math.floor],
)
def test_conversion_to_python(number: Any, convert: Any) -> None:
    lost(convert, number)
    assert convert is range or convert(ad.primal(number)) is not None


def test_numpy_arrays_of_dual_numbers(number: Any) -> None:
    lost(np.array, [number, 1.0])
    lost(np.full, 3, number)
    out = np.zeros(3)
    with pytest.raises((TangentLost, ValueError)):
        out[0] = number
    assert ad.tangent(ak.Array([number, 1.0])).to_list() == [1.0, 0.0]
    assert ad.tangent(np.stack([number, 2 * number])).tolist() == [1.0, 2.0]


def test_other_backends(x: Any) -> None:
    lost(ak.to_backend, x, "cpu")
    assert ak.backend(ad.primal(x)) == "cpu"


def test_exports(x: Any, tmp_path: Any) -> None:
    with pytest.raises(TypeError):
        ak.to_json(x)
    if pytest.importorskip("pyarrow"):
        lost(ak.to_arrow, x)
        lost(ak.to_parquet, x, tmp_path / "x.parquet")
        lost(ak.to_feather, x, str(tmp_path / "x.feather"))
        packed = ad.pack(x)
        ak.to_parquet(ak.zip(packed), tmp_path / "x.parquet")
        back = ad.unpack({name: ak.from_parquet(tmp_path / "x.parquet")[name] for name in packed})
        ad.testing.assert_equal(back, x)
    json.dumps(ad.pack(x)["tangent"].to_list())


def test_pickle_of_a_running_call() -> None:
    lost(lambda: ad.jvp(pickle.dumps, (X,), (X,)))
    _value, tangent = pickle.loads(pickle.dumps(ad.jvp(np.square, (X,), (X,))))
    assert tangent.to_list() == (2 * X * X).to_list()


def test_raw_memory(flat: Any) -> None:
    buffer = flat.layout.data
    lost(buffer.tobytes)
    lost(lambda: buffer.ctypes.data)
    with pytest.raises((AttributeError, TypeError)):
        np.from_dlpack(buffer)
    with pytest.raises(TypeError):
        memoryview(buffer)


def test_casts_to_other_kinds(flat: Any) -> None:
    buffer = flat.layout.data
    for dtype in (str, object, "M8[D]"):
        lost(buffer.astype, dtype)
    assert ad.primal(buffer).astype(str).tolist() == ["1.0", "2.0", "3.0"]


def test_masked_arrays(flat: Any) -> None:
    lost(np.ma.array, flat)
    with pytest.raises(TypeError, match="masked"):
        ad.grad(np.sum)(np.ma.array([1.0, 2.0], mask=[False, True]))
    option = ak.from_numpy(np.ma.array([1.0, 2.0], mask=[False, True]))
    assert ad.grad(ak.sum)(option).to_list() == [1.0, None]


def test_out_and_where_of_ufuncs() -> None:
    x = ad.dual(np.array([1.0, 4.0]), np.ones(2))
    lost(lambda: np.sqrt(x, out=np.zeros(2)))
    lost(lambda: np.sqrt(x, where=x > 1))
    assert ad.tangent(np.where(x > 1, np.sqrt(x), x)).tolist() == [1.0, 0.25]


def test_writes_into_views() -> None:
    def program(x: Any) -> Any:
        x[1:] += x[:-1]
        return x

    lost(lambda: ad.jvp(program, (np.arange(3.0),), (np.ones(3),)))

    def way_out(x: Any) -> Any:
        return np.concatenate([x[:1], x[1:] + x[:-1]])

    assert ad.jvp(way_out, (np.arange(3.0),), (np.ones(3),))[1].tolist() == [1.0, 2.0, 2.0]


def test_histograms(flat: Any) -> None:
    with pytest.raises(MissingTangentRule):
        np.histogram(flat, bins=3)
    hist = pytest.importorskip("boost_histogram")
    lost(hist.Histogram(hist.axis.Regular(3, 0, 3)).fill, flat.layout.data)
    weights = [
        ad.tangent(ak.sum(ak.where((flat >= low) & (flat < low + 1), flat, 0.0)))
        for low in range(4)
    ]
    assert [float(w) for w in weights] == [0.0, 1.0, 0.0, 0.0]


def test_builders(number: Any) -> None:
    builder = ak.ArrayBuilder()
    with pytest.raises(TypeError):
        builder.real(number)
    lost(builder.append, number)
    assert ad.is_live(ak.Array([number]))


# -- what has no rule


def test_unknown_ufunc() -> None:
    cube = np.frompyfunc(lambda x: x**3, 1, 1)
    with pytest.raises(MissingTangentRule, match="custom_jvp"):
        ad.grad(lambda x: ak.sum(cube(x)))(X)

    @ad.custom_jvp
    def known(x: Any) -> Any:
        return x * x * x

    known.defjvp(lambda primals, tangents: (known(*primals), 3 * primals[0] ** 2 * tangents[0]))
    assert ad.grad(lambda x: ak.sum(known(x)))(X[0]).to_list() == [3.0, 12.0, 27.0]


def test_unknown_numpy_function(flat: Any) -> None:
    for call in (
        np.fft.fft,
        np.roots,
        lambda x: np.polyfit(x, x, 1),
        lambda x: np.partition(x, 1),
        lambda x: np.linalg.eigh(np.outer(x, x)),
        lambda x: np.linalg.svd(np.outer(x, x)),
        lambda x: np.linalg.cholesky(np.outer(x, x)),
    ):
        with pytest.raises(MissingTangentRule, match="custom_jvp"):
            call(flat)


def test_options_of_numpy_functions() -> None:
    x = ad.dual(np.array([1.0, 4.0]), np.ones(2))
    for call in (
        lambda: np.sum(x, where=[True, False]),
        lambda: np.max(x, initial=3.0),
        lambda: np.mean(x, where=[True, False]),
    ):
        with pytest.raises(MissingTangentRule, match="argument"):
            call()


def test_methods_of_ufuncs() -> None:
    x = ad.dual(np.array([1.0, 4.0]), np.ones(2))
    for call in (
        lambda: np.add.reduceat(x, [0, 1]),
        lambda: np.add.accumulate(x),
        lambda: np.add.at(np.zeros(2), [0, 0], x),
    ):
        with pytest.raises(MissingTangentRule):
            call()
    assert ad.tangent(np.cumsum(x)).tolist() == [1.0, 2.0]


def test_other_orders_of_norms() -> None:
    x = ad.dual(np.ones((2, 2)), np.ones((2, 2)))
    with pytest.raises(TypeError, match="default order"):
        np.linalg.norm(x, ord=1, axis=1)
    assert ad.tangent(np.sum(np.abs(x), axis=1)).tolist() == [2.0, 2.0]


def test_sign_of_complex() -> None:
    z = ad.dual(np.array([1 + 1j]), np.array([1.0 + 0j]))
    with pytest.raises(MissingTangentRule, match="sign"):
        np.sign(z)
    assert ad.is_live(z / np.abs(z))


def test_parameters_of_special_functions() -> None:
    special = pytest.importorskip("scipy.special")
    with pytest.raises(MissingTangentRule, match="primal"):
        ad.grad(lambda order: special.jv(order, 1.0))(2.5)
    assert np.isfinite(ad.grad(lambda x: special.jv(2.5, x))(1.0))


def test_programs_of_scipy() -> None:
    special = pytest.importorskip("scipy.special")
    integrate = pytest.importorskip("scipy.integrate")
    x = ad.dual(np.array([1.0, 2.0]), np.array([1.0, 0.0]))
    lost(lambda: integrate.quad(lambda t: t * x[0], 0.0, 1.0))
    lost(lambda: pytest.importorskip("scipy.stats").norm.logpdf(x))
    assert ad.is_live(special.erf(x))


def test_scalar_vectors(number: Any) -> None:
    vector = pytest.importorskip("vector")
    with pytest.raises(TypeError, match="coordinate"):
        vector.obj(px=number, py=1.0)
    vector.register_awkward()

    def size(px: Any) -> Any:
        return ak.sum(ak.zip({"px": px, "py": [0.0]}, with_name="Momentum2D").pt)

    assert ad.grad(lambda s: size(ak.Array([s])))(2.0) == 1.0


# -- what Awkward has not


def test_sorting_complex_numbers() -> None:
    z = ak.Array([[2 + 1j, 1.0]])
    for array in (z, ad.dual(z, z)):
        with pytest.raises(KeyError):
            ak.sort(array, axis=1)
    assert ad.jvp(lambda z: z[ak.argsort(np.abs(z), axis=1)], (z,), (z,))[1].to_list() == [
        [1.0, 2 + 1j]
    ]


@pytest.mark.parametrize("dtype", [np.float16, np.longdouble])
def test_half_and_extended_precision(dtype: Any) -> None:
    if np.dtype(dtype) == np.float64:
        pytest.skip("extended precision is double precision here")
    x = ak.values_astype(X, dtype)
    assert ad.jvp(np.square, (x,), (x,))[1].type == x.type
    for array in (x, ad.dual(x, x)):
        with pytest.raises(KeyError):
            ak.sum(array, axis=1)


def test_structured_and_object_arrays() -> None:
    structured = np.array([(1, 2.0)], dtype=[("n", "i4"), ("x", "f8")])
    for array in (structured, np.array([1.0, 2.0], dtype=object)):
        with pytest.raises(TypeError, match="deriv"):
            ad.grad(np.sum)(array)
    assert ad.grad(lambda r: ak.sum(r.x))(ak.Array(structured)).x.to_list() == [1.0]


def test_arrays_of_other_libraries() -> None:
    series = pytest.importorskip("pandas").Series([1.0, 2.0])
    with pytest.raises(TangentMismatch, match="make an array of NumPy or Awkward"):
        ad.jvp(np.sin, (series,), (np.ones(2),))
    for operator in (ad.grad, ad.jacfwd, ad.elementwise_grad):
        with pytest.raises(TypeError, match="which is Series"):
            operator(np.sum)(series)
    assert ad.grad(np.sum)(np.asarray(series)).tolist() == [1.0, 1.0]


def test_tangents_of_other_types() -> None:
    for primal in (np.array([1, 2]), np.array(["2026-01-01"], dtype="M8[D]")):
        with pytest.raises(TangentMismatch, match="has no tangents"):
            ad.DualArray(primal, np.zeros(len(primal)))
    with pytest.raises(TypeError, match="pass a float"):
        ad.grad(lambda x: x * x)(2)


# -- levels, directions, recorded tangents


def test_duals_of_ended_calls() -> None:
    kept: list[Any] = []
    ad.jvp(kept.append, (X,), (X,))
    with pytest.raises(LevelError, match="return it"):
        kept[0] * 2
    assert repr(kept[0])
    assert ad.primal(kept[0]).to_list() == X.to_list()


def test_different_numbers_of_directions() -> None:
    with pytest.raises(DirectionMismatch, match="2 and 3"):
        ad.dual(1.0, np.ones(2)) * ad.dual(1.0, np.ones(3))


def test_tangents_under_reverse_mode() -> None:
    with pytest.raises(TypeError, match="recorded"):
        ad.grad(lambda x: ad.tangent(x) * x)(1.0)


def test_results_of_other_classes() -> None:
    class Fit:
        def __init__(self, x: Any) -> None:
            self.x = x

    with pytest.raises(TypeError, match="returned a Fit, in which tangents are not looked for"):
        ad.jvp(Fit, (2.0,), (1.0,))
    assert ad.jvp(lambda x: vars(Fit(x)), (2.0,), (1.0,))[1] == {"x": 1.0}


def test_integers_within_arguments() -> None:
    func = lambda p: p["a"] * p["n"]
    for operator in (ad.grad, ad.jacfwd, ad.jacrev):
        with pytest.raises(TypeError, match="only floating and complex numbers"):
            operator(func)({"a": 2.0, "n": 3})
    assert ad.grad(func)({"a": 2.0, "n": 3.0}) == {"a": 3.0, "n": 2.0}
    fields = ak.Array([{"a": 2.0, "n": 3}])
    assert ad.grad(lambda p: ak.sum(func(p)))(fields).to_list() == [{"a": 3.0, "n": 0}]


def test_results_of_grad() -> None:
    with pytest.raises(TypeError, match=r"ak\.sum"):
        ad.grad(lambda x: x * x)(X)
    assert ad.elementwise_grad(lambda x: x * x)(X).to_list() == (2 * X).to_list()


def test_complex_jacobians() -> None:
    z = np.array([1 + 1j])
    for operator in (ad.jacfwd, ad.jacrev):
        with pytest.raises(TypeError, match="real and imaginary parts"):
            operator(np.square)(z)
    assert ad.jacfwd(lambda x: np.abs(x[0] + 1j * x[1]) ** 2)(np.array([1.0, 2.0])).tolist() == [
        2.0,
        4.0,
    ]


def test_keywords_of_custom_rules() -> None:
    known = ad.custom_jvp(lambda x: x)
    with pytest.raises(TypeError, match="defjvp"):
        known(ad.dual(1.0, 1.0))
    with pytest.raises(TypeError, match="keyword"):
        known(x=1.0)


def test_closures_of_custom_rules() -> None:
    def closing(x: Any) -> Any:
        known = ad.custom_jvp(lambda y: x * y)
        known.defjvp(lambda p, t: (known(*p), x * t[0]))
        return known(x)

    with pytest.raises(LevelError, match="pass it as an argument"):
        ad.grad(closing)(2.0)

    known = ad.custom_jvp(lambda x, y: x * y)
    known.defjvp(lambda p, t: (known(*p), p[1] * t[0] + p[0] * t[1]))
    assert ad.grad(lambda x: known(x, x))(2.0) == 4.0


def test_dual_numbers_as_keys(number: Any) -> None:
    with pytest.raises(TypeError, match="unhashable"):
        {number}  # noqa: B018


# -- not yet


def test_second_derivatives_of_compiled_loops() -> None:
    numba = pytest.importorskip("numba")
    square = numba.njit(lambda x: x * x)
    with pytest.raises(ad.LevelError, match="differentiate once"):
        ad.hessian(square)(2.0)


def test_large_arrays_in_compiled_loops_under_grad() -> None:
    numba = pytest.importorskip("numba")
    first = numba.njit(lambda x: x[0])
    with pytest.raises(ad.MissingTangentRule, match="jvp or jacfwd"):
        ad.grad(first)(np.ones(1000))


def test_gpu(x: Any) -> None:
    with pytest.raises((ImportError, TypeError, ValueError)):
        ak.to_backend(x, "cuda")


def test_jacobians_of_typetracers() -> None:
    form = ak.to_backend(X, "typetracer")
    value, tangent = ad.jvp(lambda x: ak.sum(x, axis=1), (form,), (form,))
    assert str(tangent.type) == str(value.type) == "## * float64"
    with pytest.raises(TypeError, match="jvp or vjp"):
        ad.jacfwd(ak.sum)(form)


def virtual_events(loaded: list[str]) -> Any:
    form = ak.forms.RecordForm(
        [
            ak.forms.NumpyForm("float64", form_key="x"),
            ak.forms.NumpyForm("float64", form_key="y"),
            ak.forms.IndexedOptionForm(
                "i64", ak.forms.NumpyForm("float64", form_key="z"), form_key="missing"
            ),
        ],
        ["x", "y", "z"],
    )

    def generator(name: str, values: Any) -> Any:
        return lambda: (loaded.append(name), values)[1]

    buffers = {f"{name}-data": generator(name, np.arange(3.0)) for name in "xyz"}
    buffers["missing-index"] = generator("missing", np.array([0, -1, 2]))
    return ak.from_buffers(form, 3, buffers)


def test_virtual_arrays_load_what_is_touched() -> None:
    loaded: list[str] = []
    events = virtual_events(loaded)
    assert float(ad.grad(lambda s: ak.sum(s * events.x))(2.0)) == 3.0
    assert loaded == ["x"]

    loaded.clear()
    gradient = ad.grad(lambda e: ak.sum(e.x**2))(virtual_events(loaded)[["x", "y"]])
    assert (loaded, gradient.x.to_list()) == (["x"], [0.0, 2.0, 4.0])
    loaded.clear()
    ad.grad(lambda e: ak.sum(e.x))(virtual_events(loaded))
    assert sorted(loaded) == ["missing", "x", "z"]
    loaded.clear()
    ad.jacfwd(lambda e: ak.sum(e.x))(virtual_events(loaded))
    assert sorted(loaded) == ["missing", "x", "y", "z"]


# -- not loud


def test_printing_is_no_loss(number: Any) -> None:
    text = io.StringIO()
    print(f"{number:.1f}", file=text)
    assert text.getvalue() == "2.0+1.0ε\n"


def test_casts_to_integers_are_steps() -> None:
    assert float(ad.grad(lambda x: x * np.floor(x))(2.5)) == 2.0
    assert ad.jvp(lambda x: ak.values_astype(x, int), (X,), (X,))[1].to_list() == [
        [0, 0, 0],
        [],
        [0, 0],
    ]


@pytest.mark.usefixtures("default_engine")
@pytest.mark.parametrize("size", [3, COPIED + 1])
def test_arguments_changed_before_the_pullback(size: int) -> None:
    is_large = size > COPIED
    x = ak.Array(np.full(size, 3.0))
    for change in ("argument", "value"):
        for copy in (None, True) if is_large else (None,):
            x.layout.data[:] = 3.0
            value, pullback = ad.vjp(lambda x: x * x, x, copy=copy)
            (x if change == "argument" else value).layout.data[0] = 100.0
            if is_large and copy is None:
                with pytest.raises(TangentLost, match="changed in place"):
                    pullback(x)
            else:
                assert pullback(ak.ones_like(x))[0][0] == 6.0


def test_constants_changed_in_place() -> None:
    weights = np.ones(1000)
    constant = ak.Array(weights)

    def program(x: Any, *, way_out: bool) -> Any:
        y = x * (ak.Array(weights.copy()) if way_out else constant)
        weights[:] = 2.0
        return y

    x = ak.Array(np.ones(1000))
    # what large arrays always do
    before = ad.set_engine("compiled")
    try:
        with pytest.raises(TangentLost, match="changed in place after it was used"):
            ad.jvp(lambda x: program(x, way_out=False), (x,), (x,))
        weights[:] = 1.0
        tangent = ad.jvp(lambda x: program(x, way_out=True), (x,), (x,))[1]
    finally:
        ad.set_engine(before)
    assert ak.all(tangent == 1.0)


def test_views_that_missed_a_write() -> None:
    def program(x: Any) -> Any:
        view = x[:1]
        x *= 2
        return view

    with pytest.raises(TangentLost, match="take the view after the write"):
        ad.jvp(program, (np.ones(2),), (np.ones(2),))

    def way_out(x: Any) -> Any:
        x *= 2
        return x[:1]

    assert ad.jvp(way_out, (np.ones(2),), (np.ones(2),))[1].tolist() == [2.0]


def test_spread_of_a_single_element() -> None:
    x = ak.Array([[1.0, 2.0], [3.0]])

    def spread(x: Any) -> Any:
        return ak.sum(ak.std(x, axis=0))

    def pushed(x: Any) -> Any:
        return ad.jvp(spread, (x,), (ak.ones_like(x),))[1]

    assert ad.grad(spread)(x).to_list() == [[-0.5, 0.0], [0.5]]
    assert pushed(x) == 0
    assert np.isnan(ad.grad(pushed)(x)[0, 1])
    assert np.isnan(ad.jvp(ad.grad(spread), (x,), (ak.ones_like(x),))[1][0, 1])
    assert ad.jvp(pushed, (x,), (ak.ones_like(x),))[1] == 0


def test_programs_that_only_compare() -> None:
    optimize = pytest.importorskip("scipy.optimize")

    def least(p: Any) -> Any:
        return optimize.golden(lambda z: (z - p) ** 2, brack=(0, 5))

    value, tangent = ad.jvp(least, (2.0,), (1.0,))
    assert abs(value - 2.0) < 1e-6
    assert tangent == 0


def test_code_that_asks_for_numpy_arrays() -> None:
    from numpy.polynomial import polynomial

    x = np.array([1.0, 2.0, 3.0])
    one = lambda x: polynomial.polyval(x, np.array([1.0, 2.0, 3.0]))
    assert ad.jvp(one, (x,), (np.ones(3),))[1].tolist() == [8.0, 14.0, 20.0]
    with pytest.raises(ValueError, match="broadcast"):
        ad.jvp(lambda x: polynomial.polyval(x, np.ones((3, 2))), (x,), (np.ones(3),))


def test_categories_of_floats() -> None:
    index = ak.index.Index64(np.array([1, 0, 1]))
    content = ak.contents.NumpyArray(np.array([2.5, 3.5]))
    x = ak.Array(ak.contents.IndexedArray(index, content, parameters={"__array__": "categorical"}))
    assert ak.categories(x).to_list() == [2.5, 3.5]
    assert ad.jvp(ak.categories, (x,), (x,))[0].to_list() == [3.5, 2.5, 3.5]
    # but all else is as it was, with a tangent for each element
    value, tangent = ad.jvp(lambda x: x[1:], (x,), (ak.Array([1.0, 10.0, 100.0]),))
    assert value.type == tangent.type == x[1:].type
    assert tangent.to_list() == [10.0, 100.0]
    gradient = ad.grad(lambda x: ak.sum(x * x) if ak.is_categorical(x) else 0 * ak.sum(x))(x)
    assert gradient.type == x.type
    assert gradient.to_list() == [7.0, 5.0, 7.0]


def test_checkpoints_of_closures() -> None:
    calls = []

    def func(x: Any) -> Any:
        return ad.checkpoint(lambda y: (calls.append(1), x * y)[1])(x)

    assert ad.grad(func)(3.0) == 6.0
    assert len(calls) == 2
    _, pullback = ad.vjp(func, 3.0)
    assert (len(calls), pullback(1.0), len(calls)) == (4, (6.0,), 4)
