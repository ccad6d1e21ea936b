"""The behaviors of vector in two, three and four dimensions, in every coordinate system."""

from __future__ import annotations

import itertools
import subprocess
import sys
from typing import Any

import awkward as ak
import numpy as np
import pytest

import awkward_dual as ad
from awkward_dual.testing import check_grads

vector = pytest.importorskip("vector")
vector.register_awkward()

COUNTS = [2, 0, 3, 1]
#: a coordinate, its name for momenta, and values far from kinks
COORDINATES = {
    "x": ("px", [1.1, -2.2, 0.7, 1.9, -0.6, 3.1]),
    "y": ("py", [0.4, 1.3, -1.7, 0.8, 2.6, -0.9]),
    "rho": ("pt", [1.2, 2.6, 1.8, 2.1, 2.7, 3.2]),
    "phi": ("phi", [0.3, 2.5, -1.2, 0.4, 1.8, -0.3]),
    "z": ("pz", [0.9, -1.5, 2.2, 0.3, -0.8, 1.4]),
    "theta": ("theta", [0.9, 2.2, 0.7, 1.4, 1.9, 1.1]),
    "eta": ("eta", [0.7, -0.5, 1.0, 0.2, -0.3, 0.4]),
    "t": ("E", [5.5, 6.1, 7.2, 5.8, 6.6, 8.0]),
    "tau": ("mass", [0.7, 1.5, 0.2, 2.1, 0.9, 1.3]),
}
AZIMUTHAL = [("x", "y"), ("rho", "phi")]
LONGITUDINAL = ["z", "theta", "eta"]
TEMPORAL = ["t", "tau"]

PLANAR = ["x", "y", "rho", "rho2", "phi"]
SPATIAL = [*PLANAR, "z", "theta", "eta", "costheta", "cottheta", "mag", "mag2"]
LORENTZ = [*SPATIAL, "t", "t2", "tau", "tau2", "beta", "gamma", "rapidity"]
MOMENTUM = [
    "px",
    "py",
    "pt",
    "pt2",
    "pz",
    "p",
    "p2",
    "E",
    "E2",
    "mass",
    "mass2",
    "Et",
    "Mt",
    "et",
    "mt",
]

SYSTEMS = {
    2: [list(a) for a in AZIMUTHAL],
    3: [[*a, b] for a, b in itertools.product(AZIMUTHAL, LONGITUDINAL)],
    4: [[*a, b, c] for a, b, c in itertools.product(AZIMUTHAL, LONGITUDINAL, TEMPORAL)],
}
ALL = [(d, names) for d, systems in SYSTEMS.items() for names in systems]
each_system = pytest.mark.parametrize(
    ("dimension", "names"), ALL, ids=lambda x: " ".join(x) if isinstance(x, list) else str(x)
)


def vectors(dimension: int, names: list[str], *, momentum: bool, shift: float = 0.0) -> Any:
    fields = {
        name: ak.unflatten(np.array(COORDINATES[name][1]) * (1 + 0.1 * shift) + shift / 10, COUNTS)
        for name in names
    }
    return ak.zip(fields, with_name=f"{'Momentum' if momentum else 'Vector'}{dimension}D")


@each_system
def test_properties(dimension: int, names: list[str]) -> None:
    properties = {2: PLANAR, 3: SPATIAL, 4: LORENTZ}[dimension]

    def all_of_them(v: Any) -> Any:
        return {name: getattr(v, name) for name in properties}

    check_grads(all_of_them, (vectors(dimension, names, momentum=False),), rtol=1e-6)


@each_system
def test_pairs(dimension: int, names: list[str]) -> None:
    def all_of_them(a: Any, b: Any, s: Any) -> Any:
        found = {
            "sum": (a + s * b).rho,
            "difference": (a - b).phi,
            "dot": a.dot(b),
            "deltaphi": a.deltaphi(b),
            "unit": a.unit().x,
            "negative": (-a).y,
            "rotated": a.rotateZ(s).x,
        }
        if dimension > 2:
            found |= {
                "deltaR": a.deltaR(b),
                "deltaeta": a.deltaeta(b),
                "deltaangle": a.deltaangle(b),
                "turned": a.rotateX(s).rotateY(s).z,
                "z": (a + b).z,
            }
        if dimension == 3:
            found |= {"cross": a.cross(b).mag}
        if dimension == 4:
            found |= {
                "mass": (a + b).mass,
                "boosted": a.boostZ(beta=0.3 * s).E,
                "boost": a.boost_p4(b).mass2,
                "frame": a.boostCM_of_p4(a + b).p,
                "deltaRapidity": a.deltaRapidityPhi(b),
            }
        return found

    kind = dimension == 4
    a = vectors(dimension, names, momentum=kind)
    b = vectors(dimension, names, momentum=kind, shift=1.0)
    check_grads(all_of_them, (a, b, 0.7), rtol=1e-6)
    # one of them is a constant: methods of vector meet two backends
    check_grads(lambda a: all_of_them(a, b, 0.7), (a,), rtol=1e-6)
    check_grads(lambda b: all_of_them(a, b, 0.7), (b,), rtol=1e-6)


@pytest.mark.parametrize("names", SYSTEMS[4], ids=" ".join)
def test_momentum_names(names: list[str]) -> None:
    array = vectors(4, names, momentum=True)
    fields = dict(zip(ak.fields(array), ak.unzip(array)))
    fields = {COORDINATES[name][0]: x for name, x in fields.items()}
    renamed = ak.zip(fields, with_name="Momentum4D")
    check_grads(lambda v: {name: getattr(v, name) for name in MOMENTUM}, (renamed,), rtol=1e-6)


@each_system
def test_conversions(dimension: int, names: list[str]) -> None:
    """To every other system and back: the derivative is the identity."""
    v = vectors(dimension, names, momentum=False)

    def there_and_back(v: Any) -> Any:
        out = {}
        for other in SYSTEMS[dimension]:
            there = getattr(v, "to_" + "".join(other))()
            back = getattr(there, "to_" + "".join(names))()
            out["".join(other)] = {name: getattr(back, name) for name in names}
        return out

    fields = {name: 0.1 * v[name] + 0.2 for name in names}
    direction = ak.zip(fields, with_name=f"Vector{dimension}D")
    _, tangent = ad.jvp(there_and_back, (v,), (direction,))
    for other in tangent.values():
        for name in names:
            np.testing.assert_allclose(
                ak.flatten(other[name]), ak.flatten(direction[name]), rtol=1e-9, atol=1e-9
            )


@pytest.mark.parametrize("operator", [ad.jacfwd, ad.jacrev])
def test_sums_over_events(operator: Any) -> None:
    """The mass of all vectors of an event, which is the root of zero where there is none."""
    v = vectors(4, ["rho", "phi", "eta", "tau"], momentum=True)

    def mass(scale: Any) -> Any:
        scaled = ak.zip(
            {"pt": scale * v.rho, "phi": v.phi, "eta": v.eta, "mass": v.tau}, with_name="Momentum4D"
        )
        return ak.sum(scaled, axis=1).mass

    jacobian = operator(mass)(1.0)
    assert jacobian[1] == 0
    step = 1e-6
    expected = (mass(1 + step) - mass(1 - step)) / (2 * step)
    np.testing.assert_allclose(jacobian, expected, rtol=1e-7, atol=1e-9)


def test_second_order_of_a_pair_mass() -> None:
    v = vectors(4, ["rho", "phi", "eta", "tau"], momentum=True)

    def total(pt: Any) -> Any:
        w = ak.zip({"pt": pt, "phi": v.phi, "eta": v.eta, "mass": v.tau}, with_name="Momentum4D")
        a, b = ak.unzip(ak.combinations(w, 2))
        return ak.sum((a + b).mass * a.deltaR(b))

    check_grads(total, (v.rho,), order=2)


@pytest.mark.parametrize("first", ["awkward_dual", "vector"])
def test_the_order_of_imports_is_nothing(first: str) -> None:
    """Constants join in methods of vector, whichever is imported first."""
    program = f"""
import {first}
import awkward as ak, awkward_dual as ad, vector
vector.register_awkward()
a = ak.zip({{"pt": [3.0], "phi": [0.5], "eta": [1.0], "mass": [0.1]}}, with_name="Momentum4D")
b = ak.zip({{"px": [3.0], "py": [0.5], "pz": [1.0], "E": [9.0]}}, with_name="Momentum4D")
assert ad.jvp(lambda s: ak.sum(a.scale(s).deltaR(b)), (1.0,), (1.0,))[1] == 0
assert abs(ad.grad(lambda s: ak.sum(b.add(a.scale(s)).pz))(1.0) - a.pz[0]) < 1e-12
"""
    subprocess.run([sys.executable, "-c", program], check=True)


# -- in compiled loops: the same expressions of each vector and its partner, beside those of arrays

IN_LOOPS = {
    2: "x.pt x.phi x.px x.py (x+b).pt x.add(b).px x.subtract(b).py x.dot(b) x.deltaphi(b) x.unit().px "
    "x.scale(1.3).py x.rotateZ(0.3).px x.to_xy().x x.to_rhophi().phi",
    3: "x.pz x.eta x.theta x.p x.mag2 x.costheta x.deltaR(b) x.deltaeta(b) x.deltaangle(b) x.rotateX(0.3).pz "
    "x.to_Vector2D().x x.to_rhophieta().eta",
    4: "x.E x.mass x.rapidity x.beta x.gamma x.Et x.Mt (x+b).mass x.boostZ(0.2).E x.boostX(beta=0.2).px "
    "x.boost_p4(b).E x.boostCM_of_p4(b).px x.to_beta3().x x.to_Vector3D().z x.deltaRapidityPhi(b)",
}
NAMES_IN_LOOPS = {
    2: (["x", "y"], ["rho", "phi"]),
    3: (["x", "y", "z"], ["rho", "phi", "eta"]),
    4: (["x", "y", "z", "t"], ["rho", "phi", "eta", "tau"]),
}


def summed(dimension: int) -> tuple[Any, Any]:
    """One sum of all expressions as a loop, and over arrays."""
    numba = pytest.importorskip("numba")
    words = " ".join(IN_LOOPS[d] for d in IN_LOOPS if d <= dimension).split()
    terms = " + ".join(f"{(i % 3 + 1) / 4} * {word}" for i, word in enumerate(words))
    lines = [
        "def loop(a, b):",
        "    total = 0.0",
        "    for xs, bs in zip(a, b):",
        "        for x, b in zip(xs, bs):",
        f"            total += {terms}",
        "    return total",
        "def array(x, b):",
        f"    return ak.sum({terms})",
    ]
    found: dict[str, Any] = {"ak": ak}
    exec("\n".join(lines), found)
    return numba.njit(found["loop"]), found["array"]


@pytest.mark.parametrize("dimension", [2, 3, 4])
@pytest.mark.parametrize("partner", ["live", "plain"])
def test_compiled_loops(dimension: int, partner: str) -> None:
    loop, array = summed(dimension)
    names = NAMES_IN_LOOPS[dimension][partner == "plain"]
    args = tuple(vectors(dimension, names, momentum=True, shift=s) for s in (0.0, 1.0))
    fields = [0.3 * x for x in ak.unzip(args[1])]
    direction = ak.zip(dict(zip(ak.fields(args[0]), fields)), with_name=f"Momentum{dimension}D")
    zero = ak.zip(
        dict(zip(ak.fields(args[0]), [0 * x for x in fields])), with_name=f"Momentum{dimension}D"
    )
    # a loop takes live and plain vectors together
    given, explicit = (None, zero) if partner == "plain" else (direction, direction)
    found = ad.jvp(loop, args, (direction, given))
    np.testing.assert_allclose(found, ad.jvp(array, args, (direction, explicit)), rtol=1e-11)
    if dimension == 2:
        scaled = [lambda s, f=f: f(args[0] * s, args[1] * s) for f in (loop, array)]
        np.testing.assert_allclose(*(ad.grad(f)(1.1) for f in scaled), rtol=1e-11)
