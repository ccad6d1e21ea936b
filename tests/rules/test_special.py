"""Every row for `scipy.special`: values bit for bit, derivatives against mpmath or differences."""

from __future__ import annotations

import math
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import awkward as ak
import mpmath
import numpy as np
import pytest

import awkward_dual as ad
from awkward_dual.rules import Kind, rows
from awkward_dual.testing import check_grads
from tests.rules.checks import agree, check_modes, random_like, seeded

special = pytest.importorskip("scipy.special")
hidden = special._ufuncs

# -- where each ufunc is sampled: a list is a differentiated argument, a tuple a constant one

ANY = [-2.3, -0.4, 0.7, 1.9]
POSITIVE = [0.2, 0.9, 1.7, 4.5]
UNIT = [0.08, 0.35, 0.6, 0.93]
ODD = [-0.9, -0.3, 0.2, 0.85]
ORDER = (0.0, 1.0, 2.0, 3.5)
DEGREE = (0, 1, 2, 5)
SHAPE = (0.4, 1.0, 2.5, 30.0)

CASES: dict[str, tuple[Any, ...]] = {
    # what NumPy has, too
    "exp2": (ANY,), "exp10": (ANY,), "expm1": (ANY,), "log1p": (POSITIVE,), "cbrt": (ANY,),
    "powm1": (POSITIVE, ANY),
    "sindg": ([-200.0, 3.0, 50.0, 89.0],), "cosdg": ([-200.0, 3.0, 50.0, 89.0],),
    "tandg": ([-200.0, 3.0, 50.0, 70.0],), "cotdg": ([-200.0, 30.0, 50.0, 89.0],),
    "cosm1": (ANY,), "radian": (ANY, ANY, ANY),
    # removable singularities
    "exprel": ([-40.0, -1e-7, 0.0, 3.0],), "spence": ([0.3, 1.0, 1.2, 5.0],),
    # logistic, entropies
    "expit": (ANY,), "logit": (UNIT,), "log_expit": (ANY,),
    "xlogy": (ANY, POSITIVE), "xlog1py": (ANY, POSITIVE), "entr": (POSITIVE,),
    "rel_entr": (POSITIVE, POSITIVE[::-1]), "kl_div": (POSITIVE, [0.2, 1.0, 1.7, 0.3]),
    # power transformations, losses
    "boxcox": (POSITIVE, [-0.6, 0.0, 1e-9, 2.0]), "boxcox1p": (POSITIVE, [-0.6, 0.0, 1e-9, 2.0]),
    "inv_boxcox": (POSITIVE, [0.7, 0.0, 1e-9, 2.0]),
    "inv_boxcox1p": (POSITIVE, [0.7, 0.0, 1e-9, 2.0]),
    "huber": ([1.0, 1.0, 1.5, 0.5], [0.3, -2.5, -0.5, 4.0]),
    "pseudo_huber": ([1.0, 1.0, 1.5, 0.5], [0.3, -2.5, -0.5, 4.0]),
    # error functions, the normal distribution
    "erf": (ANY,), "erfc": (ANY,), "erfcx": ([-2.0, 0.3, 9.0, 14.0],), "erfi": (ANY,),
    "dawsn": ([-14.0, -0.3, 2.0, 9.0],), "erfinv": (ODD,), "erfcinv": ([0.1, 0.9, 1.2, 1.9],),
    "wofz": ([0.3 + 0.2j, -1.0 + 0.5j, 2.0 + 1.0j, 0.5 - 0.1j],),
    "voigt_profile": (ANY, POSITIVE, POSITIVE[::-1]), "fresnel": (ANY,),
    "ndtr": (ANY,), "ndtri": (UNIT,), "log_ndtr": ([-40.0, -6.0, 0.2, 3.0],),
    "ndtri_exp": ([-40.0, -5.0, -0.7, -0.1],), "owens_t": (ANY, ANY[::-1]),
    "stdtr": (POSITIVE_SHAPE := (1.0, 2.5, 7.0, 30.0), ANY), "stdtrit": (POSITIVE_SHAPE, UNIT),
    # gamma functions
    "gamma": ([-2.5, -0.4, 0.7, 5.2],), "gammaln": ([-2.5, 0.3, 3.0, 1e5],),
    "loggamma": ([0.3, 1.5, 3.0, 1e5],), "rgamma": ([-2.0, -0.4, 0.0, 3.1],),
    "psi": ([-2.5, 0.3, 1.46, 40.0],), "_zeta": ((2.0, 3.5, 1.5, 4.0), POSITIVE),
    "beta": (POSITIVE, [2.0, 0.5, 3.0, 1.5]), "betaln": (POSITIVE, [2.0, 0.5, 3.0, 1.5]),
    "binom": ([3.3, 5.0, 2.2, 7.5], [0.7, 2.0, 1.1, 3.5]), "poch": (POSITIVE, [0.7, 2.0, 1.1, 3.5]),
    "gammainc": (SHAPE, [0.3, 0.9, 1.7, 28.0]), "gammaincc": (SHAPE, [0.3, 0.9, 1.7, 28.0]),
    "gammaincinv": (SHAPE, UNIT), "gammainccinv": (SHAPE, UNIT),
    "chdtr": (SHAPE, [0.3, 0.9, 1.7, 28.0]), "chdtrc": (SHAPE, [0.3, 0.9, 1.7, 28.0]),
    "chdtri": (SHAPE, UNIT), "gdtr": (POSITIVE, SHAPE, [0.3, 0.9, 1.7, 7.0]),
    "gdtrc": (POSITIVE, SHAPE, [0.3, 0.9, 1.7, 7.0]),
    "betainc": (SHAPE, (2.0, 1.0, 0.7, 20.0), UNIT), "betaincc": (SHAPE, (2.0, 1.0, 0.7, 20.0), UNIT),
    "betaincinv": (SHAPE, (2.0, 1.0, 1.7, 20.0), UNIT),
    "betainccinv": (SHAPE, (2.0, 1.0, 1.7, 20.0), UNIT),
    "fdtr": (POSITIVE_SHAPE, (3.0, 2.0, 4.0, 9.0), POSITIVE),
    "fdtrc": (POSITIVE_SHAPE, (3.0, 2.0, 4.0, 9.0), POSITIVE),
    "fdtri": (POSITIVE_SHAPE, (3.0, 2.0, 4.0, 9.0), UNIT),
    # exponential integrals
    "expi": (POSITIVE,), "exp1": (POSITIVE,), "expn": (DEGREE, POSITIVE),
    "sici": (POSITIVE,), "shichi": (POSITIVE,),
    # Bessel functions and their kin
    "j0": (ANY,), "j1": (ANY,), "y0": (POSITIVE,), "y1": (POSITIVE,), "i0": (ANY,), "i1": (ANY,),
    "k0": (POSITIVE,), "k1": (POSITIVE,), "i0e": (ANY,), "i1e": (ANY,), "k0e": (POSITIVE,),
    "k1e": (POSITIVE,), "jv": (ORDER, POSITIVE), "yv": (ORDER, POSITIVE), "yn": (DEGREE, POSITIVE),
    "iv": (ORDER, POSITIVE), "kv": (ORDER, POSITIVE), "kn": (DEGREE, POSITIVE),
    "jve": (ORDER, POSITIVE), "yve": (ORDER, POSITIVE), "ive": (ORDER, POSITIVE),
    "kve": (ORDER, POSITIVE), "iti0k0": (POSITIVE,), "itj0y0": (POSITIVE,),
    "hankel1": (ORDER, [0.5 + 0.2j, 1.0 + 0.5j, 2.0 - 0.3j, 4.0 + 0.0j]),
    "hankel2": (ORDER, [0.5 + 0.2j, 1.0 + 0.5j, 2.0 - 0.3j, 4.0 + 0.0j]),
    "hankel1e": (ORDER, [0.5 + 0.2j, 1.0 + 0.5j, 2.0 - 0.3j, 4.0 + 0.0j]),
    "hankel2e": (ORDER, [0.5 + 0.2j, 1.0 + 0.5j, 2.0 - 0.3j, 4.0 + 0.0j]),
    "airy": (ANY,), "ber": (POSITIVE,), "bei": (POSITIVE,), "ker": (POSITIVE,), "kei": (POSITIVE,),
    "berp": (POSITIVE,), "beip": (POSITIVE,), "kerp": (POSITIVE,), "keip": (POSITIVE,),
    "struve": (ORDER, POSITIVE), "modstruve": (ORDER, POSITIVE),
    # elliptic integrals and functions
    "ellipk": ([-3.0, 0.0, 0.3, 0.95],), "ellipe": ([-3.0, 0.0, 0.3, 0.95],),
    "ellipkm1": ([0.02, 0.4, 1.0, 1.2],), "ellipj": (ANY, (0.0, 0.3, 0.7, 0.9)),
    "ellipkinc": (ODD, (0.0, 0.3, 0.7, 0.9)), "ellipeinc": (ODD, (0.0, 0.3, 0.7, 0.9)),
    # hypergeometric functions, Lambert's W
    "_lambertw": ([0.3, 1.7, -0.2 + 0.1j, 0.0], (0, 0, 0, 0), (1e-8, 1e-8, 1e-8, 1e-8)),
    "wrightomega": (ANY,), "hyp0f1": (SHAPE, ANY), "hyp1f1": (SHAPE, (2.0, 1.5, 0.7, 3.0), ANY),
    "hyperu": ((0.4, 1.0, 2.5, 3.0), (2.0, 1.5, 0.7, 3.0), POSITIVE),
    "hyp2f1": ((0.4, 1.0, 2.5, 3.0), (2.0, 1.5, 0.7, 1.0), SHAPE, ODD),
    # orthogonal polynomials
    "eval_jacobi": (DEGREE, (0.5,) * 4, (1.5,) * 4, ODD), "eval_gegenbauer": (DEGREE, (1.5,) * 4, ODD),
    "eval_genlaguerre": (DEGREE, (0.5,) * 4, POSITIVE), "eval_laguerre": (DEGREE, POSITIVE),
    "eval_legendre": (DEGREE, [-1.0, -0.3, 0.2, 1.0]), "eval_sh_legendre": (DEGREE, UNIT),
    "eval_chebyt": (DEGREE, [-1.0, -0.3, 0.2, 1.0]), "eval_chebyu": (DEGREE, ODD),
    "eval_chebyc": (DEGREE, ODD), "eval_chebys": (DEGREE, ODD), "eval_sh_chebyt": (DEGREE, UNIT),
    "eval_sh_chebyu": (DEGREE, UNIT), "eval_hermite": (DEGREE, ANY), "eval_hermitenorm": (DEGREE, ANY),
}  # fmt: skip

#: argument positions that refuse a tangent although arguments after them take one
REFUSED = {
    name: [i for i, column in enumerate(columns) if isinstance(column, tuple)]
    for name, columns in CASES.items()
    if name != "_lambertw"
}

mp = mpmath


def _expm1_over(x: Any) -> Any:
    return mp.hyp1f1(1, 2, x)


def _normal(x: Any) -> Any:
    return mp.erfc(-x / mp.sqrt(2)) / 2


def _box(x: Any, p: Any) -> Any:
    return mp.log(x) * _expm1_over(p * mp.log(x))


def _unbox(x: Any, p: Any) -> Any:
    return mp.exp(x * mp.hyp2f1(1, 1, 2, -p * x))


#: truth to many digits; where there is none, differences are taken
TRUTH: dict[str, Callable[..., Any]] = {
    "exp2": lambda x: mp.power(2, x), "exp10": lambda x: mp.power(10, x), "expm1": mp.expm1,
    "log1p": mp.log1p, "cbrt": lambda x: mp.sign(x) * mp.cbrt(abs(x)),
    "powm1": lambda x, p: mp.power(x, p) - 1,
    "sindg": lambda x: mp.sin(mp.radians(x)), "cosdg": lambda x: mp.cos(mp.radians(x)),
    "tandg": lambda x: mp.tan(mp.radians(x)), "cotdg": lambda x: mp.cot(mp.radians(x)),
    "cosm1": lambda x: mp.cos(x) - 1, "radian": lambda d, m, s: mp.radians(d + m / 60 + s / 3600),
    "exprel": _expm1_over, "spence": lambda x: mp.polylog(2, 1 - x) if x != 1 else 1 - x,
    "expit": lambda x: 1 / (1 + mp.exp(-x)), "logit": lambda x: mp.log(x / (1 - x)),
    "log_expit": lambda x: -mp.log1p(mp.exp(-x)), "xlogy": lambda x, y: x * mp.log(y),
    "xlog1py": lambda x, y: x * mp.log1p(y), "entr": lambda x: -x * mp.log(x),
    "rel_entr": lambda x, y: x * mp.log(x / y), "kl_div": lambda x, y: x * mp.log(x / y) - x + y,
    "boxcox": _box, "boxcox1p": lambda x, p: _box(1 + x, p), "inv_boxcox": _unbox,
    "inv_boxcox1p": lambda x, p: _unbox(x, p) - 1,
    "pseudo_huber": lambda d, r: d * d * (mp.sqrt(1 + (r / d) ** 2) - 1),
    "erf": mp.erf, "erfc": mp.erfc, "erfcx": lambda x: mp.exp(x * x) * mp.erfc(x), "erfi": mp.erfi,
    "dawsn": lambda x: mp.sqrt(mp.pi) / 2 * mp.exp(-x * x) * mp.erfi(x), "erfinv": mp.erfinv,
    "erfcinv": lambda x: mp.erfinv(1 - x), "wofz": lambda x: mp.exp(-x * x) * mp.erfc(-1j * x),
    "ndtr": _normal, "ndtri": lambda x: mp.sqrt(2) * mp.erfinv(2 * x - 1),
    "log_ndtr": lambda x: mp.log(_normal(x)),
    "gamma": mp.gamma, "gammaln": lambda x: mp.log(abs(mp.gamma(x))), "loggamma": mp.loggamma,
    "rgamma": mp.rgamma, "psi": mp.digamma, "_zeta": mp.zeta, "beta": mp.beta,
    "betaln": lambda a, b: mp.log(mp.beta(a, b)), "binom": mp.binomial, "poch": mp.rf,
    "gammainc": lambda a, x: mp.gammainc(a, 0, x, regularized=True),
    "gammaincc": lambda a, x: mp.gammainc(a, x, mp.inf, regularized=True),
    "betainc": lambda a, b, x: mp.betainc(a, b, 0, x, regularized=True),
    "expi": mp.ei, "exp1": mp.e1, "expn": mp.expint,
    "j0": lambda x: mp.besselj(0, x), "j1": lambda x: mp.besselj(1, x),
    "y0": lambda x: mp.bessely(0, x), "y1": lambda x: mp.bessely(1, x),
    "i0": lambda x: mp.besseli(0, x), "i1": lambda x: mp.besseli(1, x),
    "k0": lambda x: mp.besselk(0, x), "k1": lambda x: mp.besselk(1, x),
    "i0e": lambda x: mp.exp(-abs(x)) * mp.besseli(0, x),
    "i1e": lambda x: mp.exp(-abs(x)) * mp.besseli(1, x),
    "k0e": lambda x: mp.exp(x) * mp.besselk(0, x), "k1e": lambda x: mp.exp(x) * mp.besselk(1, x),
    "jv": mp.besselj, "yv": mp.bessely, "yn": mp.bessely, "iv": mp.besseli, "kv": mp.besselk,
    "kn": mp.besselk, "jve": mp.besselj, "yve": mp.bessely,
    "ive": lambda v, x: mp.exp(-x) * mp.besseli(v, x), "kve": lambda v, x: mp.exp(x) * mp.besselk(v, x),
    "hankel1": mp.hankel1, "hankel2": mp.hankel2,
    "hankel1e": lambda v, x: mp.exp(-1j * x) * mp.hankel1(v, x),
    "hankel2e": lambda v, x: mp.exp(1j * x) * mp.hankel2(v, x),
    "ber": lambda x: mp.ber(0, x), "bei": lambda x: mp.bei(0, x), "ker": lambda x: mp.ker(0, x),
    "kei": lambda x: mp.kei(0, x), "struve": mp.struveh, "modstruve": mp.struvel,
    "ellipk": mp.ellipk, "ellipe": mp.ellipe, "ellipkm1": lambda x: mp.ellipk(1 - x),
    "ellipkinc": mp.ellipf, "ellipeinc": mp.ellipe, "_lambertw": lambda x, k, tol: mp.lambertw(x),
    "wrightomega": lambda x: mp.lambertw(mp.exp(x)), "hyp0f1": mp.hyp0f1, "hyp1f1": mp.hyp1f1,
    "hyperu": mp.hyperu, "hyp2f1": mp.hyp2f1, "eval_jacobi": mp.jacobi,
    "eval_gegenbauer": mp.gegenbauer, "eval_genlaguerre": mp.laguerre,
    "eval_legendre": mp.legendre, "eval_chebyt": mp.chebyt, "eval_chebyu": mp.chebyu,
    "eval_hermite": mp.hermite,
}  # fmt: skip


def ufunc_of(name: str) -> Any:
    return getattr(hidden, name) if name.startswith("_") else getattr(special, name)


def columns_of(name: str) -> list[Any]:
    return [np.asarray(column) for column in CASES[name]]


def moving(name: str) -> list[int]:
    return [i for i, column in enumerate(CASES[name]) if isinstance(column, list)]


def outputs_of(name: str) -> list[int | None]:
    nout = ufunc_of(name).nout
    return [None] if nout == 1 else list(range(nout))


def closed(name: str, args: list[Any], output: int | None) -> Callable[..., Any]:
    """The ufunc as a function of its differentiated arguments."""
    ufunc, positions = ufunc_of(name), moving(name)

    def f(*x: Any) -> Any:
        full = list(args)
        for i, a in zip(positions, x, strict=True):
            full[i] = a
        y = ufunc(*full)
        return y if output is None else y[output]

    return f


def _number(x: Any) -> Any:
    return mp.mpc(complex(x)) if np.iscomplexobj(x) else mp.mpf(float(x))


def exact(name: str, args: list[Any], x: Any, *directions: Any) -> Any:
    """The derivative in one or two directions, from mpmath."""
    truth, positions = TRUTH[name], moving(name)
    out = []
    with mp.workdps(20):
        for j in range(len(args[0])):
            point = [_number(a[j]) for a in args]
            at = [_number(a[j]) for a in x]
            along = [[_number(u[j]) for u in d] for d in directions]

            def line(*s: Any, point: Any = point, at: Any = at, along: Any = along) -> Any:
                full = list(point)
                for n, i in enumerate(positions):
                    full[i] = at[n] + sum(t * d[n] for t, d in zip(s, along, strict=True))
                return truth(*full)

            if len(directions) == 1:
                out.append(mp.diff(line, 0))
            else:
                out.append(mp.diff(line, (0, 0), (1, 1)))
    found = np.array([complex(y) for y in out])
    return found if any(np.iscomplexobj(a) for a in x) else found.real


# -- the rows


def test_each_row_has_a_case() -> None:
    import awkward_dual.rules.special  # noqa: F401 - fills the table

    names = {row.name for row in rows() if _is_special(row.target) and row.kind is not Kind.STEP}
    assert names == set(CASES)
    assert {row.name for row in rows() if _is_special(row.target) and row.kind is Kind.STEP} == {
        "gammasgn",
        "round",
    }


def _is_special(target: Any) -> bool:
    return (
        isinstance(target, np.ufunc)
        and target in vars(hidden).values()
        and (getattr(np, target.__name__, None) is not target)
    )


@pytest.mark.parametrize("name", CASES)
def test_four_modes(name: str) -> None:
    args = columns_of(name)
    x = [args[i] for i in moving(name)]
    for output in outputs_of(name):
        f = closed(name, args, output)
        known: dict[str, Any] = {}
        if name in TRUTH:
            known["first"] = lambda x, u: exact(name, args, x, u)
            known["second"] = lambda x, u, v: exact(name, args, x, u, v)
            known["tolerance"] = 1e-10
        check_modes(f, x, rng=seeded(name), **known)


@pytest.mark.parametrize("name", CASES)
def test_ragged_arrays(name: str) -> None:
    if any(np.iscomplexobj(c) for c in columns_of(name)):
        pytest.skip("differences need real arguments")
    args = [ak.unflatten(c, [3, 0, 1]) for c in columns_of(name)]
    for output in outputs_of(name):
        check_grads(closed(name, args, output), [args[i] for i in moving(name)], order=2)


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("char", "fd")
def test_value_is_scipys(name: str, char: str) -> None:
    """Bit for bit, at corners too."""
    corners = np.array([0.0, -0.0, 1.0, -1.0, np.inf, -np.inf, np.nan, 0.3, -2.5, 4.0])
    if name == "hyp1f1":  # SciPy's does not return from infinity
        corners = np.where(np.isinf(corners), 2.0, corners)
    ufunc = ufunc_of(name)
    args = []
    for i, column in enumerate(columns_of(name)):
        extra = np.roll(corners, i) if i in moving(name) else np.resize(column, 10)
        column = np.concatenate([column, extra])
        if column.dtype.kind != "i" and name != "_lambertw":
            column = column.astype(np.result_type(char, 1j) if column.dtype.kind == "c" else char)
        args.append(column)
    duals = [
        ad.DualArray(a, random_like(seeded("t"), a)) if i in moving(name) else a
        for i, a in enumerate(args)
    ]
    with np.errstate(all="ignore"):
        expected = ufunc(*args)
        found = ufunc(*duals)
    pairs = [(found, expected)] if ufunc.nout == 1 else zip(found, expected, strict=True)
    for y, raw in pairs:
        assert y.primal.dtype == y.tangent.dtype == raw.dtype
        assert y.primal.tobytes() == raw.tobytes()


@pytest.mark.parametrize(("name", "position"), [(n, i) for n in REFUSED for i in REFUSED[n]])
def test_parameter_refuses_a_tangent(name: str, position: int) -> None:
    args: list[Any] = columns_of(name)
    if "ld->d" in ufunc_of(name).types and "dd->d" not in ufunc_of(name).types:
        return  # the only loop takes integers, which have no tangent
    args[position] = args[position].astype(float)
    args[position] = ad.DualArray(args[position], np.ones(4))
    with pytest.raises(ad.MissingTangentRule, match=rf"{name}.*argument \w+.*custom_jvp.*primal"):
        ufunc_of(name)(*args)


def test_no_other_ufunc_is_silently_constant() -> None:
    """Whatever is a ufunc of SciPy has a row, or raises when it meets a tangent."""
    known = {row.target for row in rows()}
    ufuncs = {u for m in (special, hidden) for u in vars(m).values() if isinstance(u, np.ufunc)}
    loud = 0
    for ufunc in ufuncs - known:
        loop = next((t for t in ufunc.types if "d" in t.split("->")[0]), None)
        if loop is None or not set(loop.split("->")[1]) & set("dD"):
            continue
        for i, char in enumerate(loop.split("->")[0]):
            if char != "d":
                continue
            args: list[Any] = [1 if c in "lq" else 0.5 for c in loop.split("->")[0]]
            args[i] = ad.dual(0.5, 1.0)
            with pytest.raises(ad.MissingTangentRule, match=ufunc.__name__):
                ufunc(*args)
            args[i] = ak.Array(ad.DualArray(np.array([0.5]), np.array([1.0])))
            with pytest.raises(ad.MissingTangentRule, match=ufunc.__name__):
                ufunc(*args)
        loud += 1
    assert loud > 100


@pytest.mark.parametrize("ufunc", [special.gammasgn, special.round])
def test_steps(ufunc: Any) -> None:
    assert not ad.is_live(ufunc(ad.dual(np.array([-0.5, 1.5]), np.ones(2))))


def test_rules_are_loaded_when_they_are_needed() -> None:
    program = (
        "import sys, awkward_dual as ad; assert 'scipy.special' not in sys.modules;"
        "assert 'awkward_dual.rules.special' not in sys.modules;"
        "from scipy import special;"
        "assert float(ad.grad(special.erf)(0.0)) > 1.128;"
        "assert 'awkward_dual.rules.special' in sys.modules"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


def test_a_row_of_scipy_cannot_be_replaced_by_accident() -> None:
    with pytest.raises(ValueError, match="already"):
        ad.def_ufunc_rule(special.erf, lambda xp, y, x: (1,))


# -- corners


def derivative(f: Any, *x: float, order: int = 1, argument: int = 0) -> float:
    """The derivative at one point, by nested jvp."""

    def g(value: Any) -> Any:
        return f(*x[:argument], value, *x[argument + 1 :])

    for _ in range(order):
        g = lambda value, g=g: ad.jvp(g, (value,), (1.0,))[1]
    return float(g(x[argument]))


@pytest.mark.parametrize(
    ("f", "x", "argument", "expected"),
    [
        (special.xlogy, (0.0, 2.0), 1, 0.0),
        (special.xlogy, (0.0, 2.0), 0, math.log(2.0)),
        (special.xlogy, (0.0, 0.0), 1, 0.0),
        (special.xlog1py, (0.0, -1.0), 1, 0.0),
        (special.rel_entr, (0.0, 2.0), 1, 0.0),
        (special.rel_entr, (0.0, 0.0), 1, 0.0),
        (special.kl_div, (0.0, 0.0), 1, 1.0),
        (special.kl_div, (3.0, 3.0), 0, 0.0),
        (special.kl_div, (3.0, 3.0), 1, 0.0),
        (special.entr, (0.0,), 0, math.inf),
        (special.expit, (800.0,), 0, 0.0),
        (special.expit, (-800.0,), 0, 0.0),
        (special.expit, (40.0,), 0, 4.248354255291589e-18),
        (special.log_expit, (-800.0,), 0, 1.0),
        (special.log_ndtr, (-40.0,), 0, 40.024968847672664),
        (special.log_ndtr, (-1e6,), 0, 1e6),
        (special.erfc, (27.0,), 0, -2.82994341497771e-317),
        (special.erfc, (26.0,), 0, -2.9470349932662695e-294),
        (special.erfcx, (1e6,), 0, -1 / math.sqrt(math.pi) * 1e-12),
        (special.dawsn, (1e6,), 0, -5e-13),
        (special.gamma, (-2.5,), 0, -1.0428235924606154),
        (special.gammaln, (1e5,), 0, 11.512920464961896),
        (special.rgamma, (-3.0,), 0, -6.0),
        (special.exprel, (0.0,), 0, 0.5),
        (special.exprel, (-1e9,), 0, 1e-18),
        (special.boxcox, (0.0, 2.0), 1, 0.25),
        (special.boxcox, (3.0, 0.0), 1, math.log(3.0) ** 2 / 2),
        (special.inv_boxcox, (3.0, 0.0), 1, -math.exp(3.0) * 4.5),
        (special.gammainc, (1.0, 0.0), 1, 1.0),
        (special.gammainc, (200.0, 200.0), 1, 0.028197727685920822),
        (special.betainc, (1.0, 3.0, 0.0), 2, 3.0),
        (special.i0e, (0.0,), 0, 0.0),
        (special.pseudo_huber, (1e-200, 1.0), 0, 1.0),
        (special.sinc, (0.0,), 0, 0.0),
    ],
    ids=lambda v: getattr(v, "__name__", str(v)),
)
def test_corner(f: Any, x: Any, argument: int, expected: float) -> None:
    with np.errstate(all="raise"):
        found = derivative(f, *x, argument=argument)
    # a denormal number has few digits
    assert found == pytest.approx(expected, rel=1e-9, abs=1e-322)


@pytest.mark.parametrize(
    ("f", "x", "argument", "expected"),
    [
        (special.exprel, (0.0,), 0, 1 / 3),
        (special.sinc, (0.0,), 0, -(math.pi**2) / 3),
        (special.sinc, (1e-9,), 0, -(math.pi**2) / 3),
        (special.spence, (1.0,), 0, 0.5),
        (special.rgamma, (-1.0,), 0, 0.84556867019693428),
        (special.boxcox, (3.0, 0.0), 1, math.log(3.0) ** 3 / 3),
        (special.gammainc, (2.0, 0.0), 1, 1.0),
        (special.betainc, (2.0, 2.0, 0.0), 2, 6.0),
        (special.betainc, (2.0, 2.0, 1.0), 2, -6.0),
        (special.log_ndtr, (-40.0,), 0, -0.99937733162140861),
        (special.ellipk, (0.0,), 0, 9 * math.pi / 64),
    ],
    ids=lambda v: getattr(v, "__name__", str(v)),
)
def test_corner_of_second_order(f: Any, x: Any, argument: int, expected: float) -> None:
    assert derivative(f, *x, order=2, argument=argument) == pytest.approx(expected, rel=1e-8)


def test_mixed_second_derivative_where_a_factor_is_zero() -> None:
    def f(x: Any, y: Any) -> Any:
        return special.xlogy(x, y)

    slope = ad.jvp(lambda y: ad.jvp(lambda x: f(x, y), (0.0,), (1.0,))[1], (4.0,), (1.0,))[1]
    assert slope == 0.25
    slope = ad.jvp(lambda x: ad.jvp(lambda y: f(x, y), (4.0,), (1.0,))[1], (0.0,), (1.0,))[1]
    assert slope == 0.25


def test_sinc_of_numpy() -> None:
    check_grads(np.sinc, (np.array([-2.2, -0.31, -0.1, 0.0, 1e-5, 0.32, 0.5, 3.0]),), order=2)


# -- functions of scipy.special that are no ufuncs


def test_functions_made_of_ufuncs_work() -> None:
    x = ak.Array([[0.3, 1.2], [], [2.5]])
    check_grads(special.softplus, (x,), order=2)
    check_grads(lambda x: special.zeta(3.0, x), (x,), order=2)
    slope = ad.jvp(special.lambertw, (np.array([0.0, math.e]),), (np.ones(2),))[1]
    agree("lambertw", slope, [1.0, 0.5 / math.e], 1e-15)


@pytest.mark.parametrize(
    "function",
    [
        special.logsumexp, special.softmax, special.log_softmax,
        lambda x: special.multigammaln(x, 1),
        lambda x: special.polygamma(1, x), lambda x: special.spherical_jn(1, x),
        lambda x: special.comb(x, 2), special.factorial, special.zeta,
        lambda x: special.sph_harm_y(1, 0, x, 0.3), lambda x: special.diric(x, 3),
        lambda x: special.assoc_legendre_p(1, 0, x), lambda x: special.legendre_p(2, x),
    ],
)  # fmt: skip
@pytest.mark.parametrize(
    "make",
    [
        lambda: ad.DualArray(np.array([0.3, 1.2]), np.ones(2)),
        lambda: ak.Array(ad.DualArray(np.array([0.3, 1.2]), np.ones(2))),
        lambda: ad.dual(0.5, 1.0),
    ],
)
def test_functions_that_convert_to_numpy_are_loud(function: Any, make: Any) -> None:
    with pytest.raises(TypeError, match=r"tangent|unhashable"):
        function(make())


def test_complex_arguments() -> None:
    z = np.array([0.3 + 0.4j, 1.5 - 0.2j])
    for ufunc in (special.erf, special.erfcx, special.dawsn, special.expi, special.gamma,
                  special.loggamma, special.psi, special.rgamma, special.log_ndtr, special.xlogy,
                  special.spence):  # fmt: skip
        args = (z,) if ufunc.nin == 1 else (z, z[::-1])
        if ufunc is special.psi:
            with pytest.raises(ad.MissingTangentRule, match="psi"):
                ad.jvp(ufunc, args, (z,))
            continue
        dy = ad.jvp(ufunc, args, tuple(1j * a for a in args))[1]
        h = 1e-6
        ahead, behind = (ufunc(*(a + s * 1j * a for a in args)) for s in (h, -h))
        agree(ufunc.__name__, dy, (ahead - behind) / (2 * h), 1e-8)
