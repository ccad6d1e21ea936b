"""dask-awkward: derivatives inside of `map_partitions`, traced first and read by column.

It pins an old dask, so it lives in an environment of its own; without it these tests are skipped.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import awkward as ak
import numpy as np
import pytest

import awkward_dual as ad

dak = pytest.importorskip("dask_awkward", reason="dask-awkward is not installed")
pytest.importorskip("pyarrow")

PARTS, EVENTS = 3, 40


def sample(rng: np.random.Generator, n: int) -> Any:
    counts = rng.poisson(2.5, n)

    def column(values: Any) -> Any:
        return ak.unflatten(values, counts)

    m = int(counts.sum())
    return ak.zip(
        {
            "pt": column(5 + rng.exponential(30.0, m)),
            "eta": column(rng.normal(size=m)),
            "phi": column(rng.uniform(-3, 3, m)),
            "charge": column(rng.choice([-1, 1], m)),
            "isolation": column(rng.exponential(1.0, m)),
        }
    )


@pytest.fixture
def folder(tmp_path: Path, rng: np.random.Generator) -> Path:
    """Parquet files, one for each partition."""
    for i in range(PARTS):
        ak.to_parquet(sample(rng, EVENTS), tmp_path / f"{i}.parquet")
    return tmp_path


def whole(folder: Path) -> Any:
    """All events in memory."""
    return ak.concatenate([ak.from_parquet(file) for file in sorted(folder.glob("*.parquet"))])


def keep_columns(folder: Path, *names: str) -> None:
    """Write the files again, with these columns only."""
    for file in folder.glob("*.parquet"):
        ak.to_parquet(ak.from_parquet(file)[list(names)], file)


def masses(muons: Any) -> Any:
    a, b = ak.unzip(ak.combinations(muons, 2))
    keep = a.charge != b.charge
    a, b = a[keep], b[keep]
    return np.sqrt(2 * a.pt * b.pt * (np.cosh(a.eta - b.eta) - np.cos(a.phi - b.phi)))


def scaled(muons: Any, scale: Any) -> Any:
    return masses(ak.with_field(muons, scale * muons.pt, "pt"))


def by_scale(muons: Any, scale: float = 1.0) -> Any:
    """The masses with their derivative by the momentum scale."""
    value, tangent = ak.jvp(lambda scale: scaled(muons, scale), (scale,), (1.0,))
    return ak.zip({"value": value, "tangent": tangent})


def columns_of(collection: Any) -> set[str]:
    (columns,) = dak.necessary_columns(collection).values()
    return set(columns)


def test_the_result_is_that_of_the_whole(folder: Path) -> None:
    found = dak.map_partitions(by_scale, dak.from_parquet(folder), scale=1.02)
    assert found.npartitions == PARTS
    expected = by_scale(whole(folder), scale=1.02)
    computed = found.compute(scheduler="sync")
    assert ak.array_equal(computed, expected)
    assert ak.backend(computed) == "cpu"
    # proportional to the scale
    assert ak.almost_equal(computed.tangent * 1.02, computed.value)


def test_the_type_is_known_before_anything_is_read(folder: Path) -> None:
    found = dak.map_partitions(by_scale, dak.from_parquet(folder))
    for file in folder.glob("*.parquet"):
        file.unlink()
    assert found.fields == ["value", "tangent"]
    assert ak.backend(found._meta) == "typetracer"
    assert str(found._meta.layout.form.type) == "var * {value: float64, tangent: float64}"


def test_only_touched_columns_are_read(folder: Path) -> None:
    found = dak.map_partitions(by_scale, dak.from_parquet(folder))
    expected = by_scale(whole(folder))
    assert columns_of(found) == {"pt", "eta", "phi", "charge"}
    # what is not there cannot be read
    keep_columns(folder, "pt", "eta", "phi", "charge")
    assert ak.array_equal(found.compute(scheduler="sync"), expected)


def test_a_touched_column_that_is_gone(folder: Path) -> None:
    """The test before shows something: these columns are read where the parts are computed."""
    found = dak.map_partitions(by_scale, dak.from_parquet(folder))
    keep_columns(folder, "pt", "eta", "charge")
    with pytest.raises(TypeError, match="Placeholder"):
        found.compute(scheduler="sync")


def test_sums_of_tangents_over_partitions(folder: Path) -> None:
    found = dak.map_partitions(by_scale, dak.from_parquet(folder))
    total = dak.sum(found.tangent).compute(scheduler="sync")
    assert total == pytest.approx(ak.sum(by_scale(whole(folder)).tangent), rel=1e-12)


# -- the operators; each with the columns that it reads

#: what is used by the masses
USED = {"pt", "eta", "phi", "charge"}
EVERY = {*USED, "isolation"}


def of_gradient(muons: Any) -> Any:
    return ad.grad(lambda pt: ak.sum(masses(ak.with_field(muons, pt, "pt"))))(muons.pt)


def of_gradient_by_records(muons: Any) -> Any:
    return ad.grad(lambda muons: ak.sum(masses(muons)))(muons).eta


def along_a_column(muons: Any) -> Any:
    return ad.jvp(lambda pt: ak.sort(pt, axis=1), (muons.pt,), (muons.eta,))[1]


def along_records(muons: Any) -> Any:
    return ad.jvp(masses, (muons,), (muons,))[1]


def pulled_back(muons: Any) -> Any:
    _, pullback = ad.vjp(lambda pt: ak.sum(pt**2, axis=1), muons.pt)
    return pullback(ak.sum(muons.isolation, axis=1))[0]


def linearized(muons: Any) -> Any:
    return ad.linearize(lambda pt: ak.max(pt**2, axis=1), muons.pt)[1](muons.eta)


def second(muons: Any) -> Any:
    return ad.hvp(lambda pt: ak.sum(pt**3), (muons.pt,), (muons.eta,))


def each_element(muons: Any) -> Any:
    return ad.elementwise_grad(lambda pt: pt**3)(muons.pt)


def by_hand(muons: Any) -> Any:
    return ad.tangent(ak.sum(ad.dual(muons.pt, muons.eta) ** 2, axis=1))


def forward_jacobian(muons: Any) -> Any:
    return ad.jacfwd(lambda scale: ak.sum(scaled(muons, scale), axis=1))(1.0)


@pytest.mark.parametrize(
    ("func", "columns"),
    [
        (of_gradient, USED),
        (of_gradient_by_records, EVERY),
        (along_a_column, {"pt", "eta"}),
        (along_records, EVERY),
        (pulled_back, {"pt", "isolation"}),
        (linearized, {"pt", "eta"}),
        (second, {"pt", "eta"}),
        (each_element, {"pt"}),
        (by_hand, {"pt", "eta"}),
        (forward_jacobian, USED),
    ],
    ids=lambda x: getattr(x, "__name__", ""),
)
def test_operators(folder: Path, func: Callable[[Any], Any], columns: set[str]) -> None:
    """What a derivative reads is what was traced, tangents included."""
    found = dak.map_partitions(func, dak.from_parquet(folder))
    expected = func(whole(folder))
    assert columns_of(found) == columns
    assert str(found._meta.layout.form.type) == str(expected.layout.form.type)
    keep_columns(folder, *columns)
    assert ak.almost_equal(found.compute(scheduler="sync"), expected, rtol=1e-12)


def test_threads(folder: Path) -> None:
    found = dak.map_partitions(by_scale, dak.from_parquet(folder))
    assert ak.array_equal(found.compute(scheduler="threads"), by_scale(whole(folder)))


def test_a_jacobian_by_the_events_says_what_to_do(folder: Path) -> None:
    """It would have a column for each element, and there are none yet."""

    def jacobian(muons: Any) -> Any:
        return ad.jacfwd(lambda pt: ak.sum(pt, axis=1))(muons.pt)

    with pytest.raises(TypeError, match="trace the function with jvp or vjp"):
        dak.map_partitions(jacobian, dak.from_parquet(folder))
