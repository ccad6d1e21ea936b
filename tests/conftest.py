"""What all tests share: a generator, the real data, and reproducible hypothesis runs."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, settings

import awkward_dual as ad

#: real files, beside a checkout of the project; they are not part of it
DATA = Path(__file__).resolve().parents[2] / "shared" / "data"

settings.register_profile(
    "repeatable",
    derandomize=True,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("repeatable")


@pytest.fixture
def rng(request: pytest.FixtureRequest) -> np.random.Generator:
    """A random generator, seeded by the name of the test."""
    return np.random.default_rng(zlib.crc32(request.node.nodeid.encode()))


@pytest.fixture
def default_engine(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The engine of users who chose none, here and in processes that a test starts."""
    monkeypatch.delenv("AWKWARD_DUAL_ENGINE", raising=False)
    before = ad.set_engine("auto")
    yield
    ad.set_engine(before)


@pytest.fixture(scope="session")
def data() -> Path:
    """The folder of real files; the test is skipped where it is absent."""
    if not DATA.is_dir():
        pytest.skip(f"no real data in {DATA}")
    return DATA
