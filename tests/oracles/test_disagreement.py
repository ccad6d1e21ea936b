"""Where an oracle fails and `jvp` does not; the table in the docs is what these runs give."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import awkward as ak
import pytest

import awkward_dual as ad
from tests.oracles import disagreements
from tests.oracles.disagreements import COLUMNS, POINTS, Point, outcomes
from tests.oracles.oracles import jax

PAGE = Path(__file__).resolve().parents[2] / "docs" / "oracles.md"


def text(point: Any) -> str:
    return str(point.text)


@pytest.mark.parametrize("point", POINTS, ids=text)
def test_jvp_is_right(point: Point) -> None:
    at, along = ak.Array(point.at), ak.Array(point.along)
    found = ad.jvp(point.program, (at,), (along,))[1].to_list()
    assert repr(disagreements._rounded(found)) == repr(disagreements._rounded(point.true))


@pytest.mark.parametrize("point", POINTS, ids=text)
def test_an_oracle_is_wrong_or_fails(point: Point) -> None:
    jax()
    found = outcomes(point)
    own, *others = (found[name] for name in COLUMNS)
    assert own == disagreements._rounded(point.true)
    assert any(other != own for other in others)


def test_the_page_shows_what_runs_give() -> None:
    jax()
    assert disagreements.table() in PAGE.read_text(encoding="utf-8"), (
        "run python -m tests.oracles.disagreements and put its table into docs/oracles.md"
    )
