"""A few random programs, and every seed that ever failed."""

from __future__ import annotations

import pytest

from tests.properties import fuzz


@pytest.mark.parametrize("seed", [*range(40), *fuzz.SEEDS])
def test_program(seed: int) -> None:
    fuzz.check(seed)
