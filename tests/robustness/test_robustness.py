"""Bad input of every kind: a clear error or the right answer, no state left, and the next call works."""

from __future__ import annotations

import math
import sys
import threading
import warnings
from collections.abc import Iterator
from typing import Any

import awkward as ak
import numpy as np
import pytest
import scipy.special

import awkward_dual as ad
from awkward_dual import adapter, levels
from awkward_dual.rules import rows
from tests.robustness import arguments, backends, exceptions, operators, programs, values

#: (name, program, kind of error, part of its message) or (name, program, right answer)
ROWS: list[tuple[Any, ...]] = [
    row
    for table in (arguments, operators, exceptions, programs, backends, values)
    for row in table.ROWS
]


def test_the_kinds_are_many_and_differ() -> None:
    names = [row[0] for row in ROWS]
    assert len(set(names)) == len(names) >= 200
    programs_ = [row[1].__code__ for row in ROWS]
    assert len({(code.co_code, code.co_consts, code.co_names) for code in programs_}) >= 200


@pytest.fixture(scope="module", autouse=True)
def _everything_loaded() -> None:
    """What is loaded when it is first needed changes filters of warnings, rows and patches, once."""
    ad.jvp(scipy.special.expit, (1.0,), (1.0,))
    ak.numba.register_and_check()


@pytest.fixture
def nothing_left(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """After the test all is as it was before: levels, patches, settings of NumPy and Python."""
    opened: list[levels.Level] = []
    start = levels.Level.__init__

    def counted(self: levels.Level) -> None:
        start(self)
        opened.append(self)

    monkeypatch.setattr(levels.Level, "__init__", counted)
    before = _state()
    yield
    assert _state() == before
    assert not [level for level in opened if level.alive]


def _state() -> tuple[Any, ...]:
    return (
        np.geterr(),
        np.geterrcall(),
        list(warnings.filters),
        levels._inspecting.get(),
        adapter.replaced_names(),
        [vars(holder)[name] for places in adapter._NAMES.values() for holder, name in places],
        rows(),
        dict(ak.behavior),
        threading.active_count(),
        sys.getrecursionlimit(),
    )


def plain(x: Any) -> Any:
    """Arrays and numbers of all libraries as those of Python."""
    if isinstance(x, ak.Array | ak.Record | np.ndarray):
        return plain(x.tolist())
    if isinstance(x, list | tuple):
        return type(x)(plain(item) for item in x)
    if isinstance(x, dict):
        return {key: plain(item) for key, item in x.items()}
    return float(x) if isinstance(x, np.floating) else x.item() if isinstance(x, np.generic) else x


def healthy() -> None:
    """A call that has nothing to do with what came before."""
    x = ak.Array([[1.0, 2.0], [], [3.0]])
    value, tangent = ad.jvp(lambda x: ak.sum(x**2, axis=1), (x,), (ak.ones_like(x),))
    assert value.to_list() == [5.0, 0.0, 9.0]
    assert tangent.to_list() == [6.0, 0.0, 6.0]
    assert ad.grad(lambda x: ak.sum(x**2))(x).to_list() == [[2.0, 4.0], [], [6.0]]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0])
@pytest.mark.usefixtures("nothing_left")
def test_row(row: tuple[Any, ...]) -> None:
    _name, program, *expected = row
    if len(expected) == 2:
        kind, message = expected
        with pytest.raises(kind) as caught:
            program()
        assert message in str(caught.value)
    else:
        # the text tells apart 1 and 1.0, and has one NaN only
        assert repr(plain(program())) == repr(expected[0])
    healthy()


def test_the_test_sees_what_is_left() -> None:
    with np.errstate(all="raise"):
        changed = _state()
    assert changed != _state()
    assert repr(plain([np.float64(math.nan)])) == repr([math.nan])
