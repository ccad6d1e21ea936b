"""Levels: serial numbers, life and end."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import awkward_dual as ad
from awkward_dual.levels import GROUND, Level, check_alive, inspection, is_running, new_level
from awkward_dual.pair import on_level, raw_or_live, top_level


def test_the_ground_never_ends() -> None:
    assert GROUND.alive
    assert repr(GROUND) == f"<Level {GROUND.serial} ground>"
    check_alive(GROUND)


def test_a_level_ends_with_its_block() -> None:
    with new_level() as level:
        check_alive(level)
        assert repr(level) == f"<Level {level.serial} alive>"
    assert repr(level) == f"<Level {level.serial} ended>"
    with pytest.raises(ad.LevelError, match=f"level {level.serial}.*awkward_dual.primal"):
        check_alive(level)


def test_a_differentiated_function_knows_that_it_runs() -> None:
    seen: list[bool] = []

    def program(x: float) -> float:
        seen.append(is_running())
        dy: float = ad.jvp(np.square, (x,), (1.0,))[1]
        seen.append(is_running())
        return dy

    ad.jvp(program, (2.0,), (1.0,))
    assert seen == [True, True]
    assert not is_running()
    _, pullback = ad.vjp(program, 2.0)
    assert not is_running()
    pullback(1.0)
    with pytest.raises(ZeroDivisionError):
        ad.jvp(lambda x: 1 / 0, (1.0,), (1.0,))
    assert not is_running()


def test_a_level_ends_with_an_exception() -> None:
    with pytest.raises(KeyError), new_level() as level:
        raise KeyError
    assert not level.alive


def test_inspection_looks_at_what_has_ended() -> None:
    with new_level() as level:
        pass
    with inspection():
        check_alive(level)
        with ThreadPoolExecutor(1) as pool, pytest.raises(ad.LevelError):
            pool.submit(check_alive, level).result()
    with pytest.raises(ad.LevelError):
        check_alive(level)


def test_serial_numbers_are_unique_and_grow() -> None:
    with ThreadPoolExecutor(8) as pool:
        levels = list(pool.map(lambda _: [Level() for _ in range(200)], range(8)))
    serials = [[level.serial for level in own] for own in levels]
    assert all(own == sorted(own) for own in serials)
    assert len({serial for own in serials for serial in own}) == 1600


def test_the_highest_live_level_counts() -> None:
    x = ad.DualArray(np.ones(2), np.ones(2))
    assert top_level([1.0, x, np.ones(2)])[0] is GROUND
    assert top_level([ad.DualArray(np.ones(2))]) == (None, None)
    with new_level() as level:
        y = ad.DualArray._new(x, np.ones((1, 2)), level)
        assert top_level([x, y])[0] is level
        assert on_level(y, level)[0] is x
        assert on_level(x, level) == (x, None)
    with pytest.raises(ad.LevelError):
        top_level([y])


def test_without_a_tangent_a_dual_is_its_primal() -> None:
    constant = ad.DualArray(np.ones(2))
    assert type(raw_or_live(constant)) is np.ndarray
    assert constant.level is None
    assert raw_or_live(ad.DualArray(constant)) is constant.primal
