"""Parts on executors: none lost, none twice, in any order, with failures and dead workers."""

from __future__ import annotations

import pickle
import weakref
from collections.abc import Callable, Iterator
from concurrent.futures import BrokenExecutor, ThreadPoolExecutor
from pathlib import Path
from typing import Any, ClassVar

import awkward as ak
import numpy as np
import pytest

import awkward_dual as ad
from awkward_dual import PartsFailed
from awkward_dual.scale.engine import end_workers
from tests.scale import programs
from tests.scale.programs import Flaky, Shuffled, add_all

EXECUTORS = [None, programs.threads, programs.processes]
each = pytest.mark.parametrize("executor", EXECUTORS, ids=["serial", "threads", "processes"])


def flaky(tmp_path: Path, failures: dict[int, int], how: Callable[[], Any], n: int = 8) -> Any:
    return [Flaky(tmp_path, str(i), failures.get(i, 0), how) for i in range(n)]


@each
def test_failing_parts_are_tried_again(tmp_path: Path, executor: Any) -> None:
    parts = flaky(tmp_path, {1: 1, 6: 2}, programs.fail)
    result = ad.scale.total(add_all, parts, executor=executor)
    assert result == {"sum": 28.0, "parts": 8}
    assert [part.calls() for part in parts] == [1, 2, 1, 1, 1, 1, 3, 1]


@each
def test_parts_that_fail_for_good_have_names(tmp_path: Path, executor: Any) -> None:
    parts = flaky(tmp_path, {1: 9, 6: 9, 7: 1}, programs.fail)
    with pytest.raises(PartsFailed, match=r"2 parts failed\n.*route to host") as caught:
        ad.scale.total(add_all, parts, executor=executor, retries=1)
    assert set(caught.value.failed) == {"1", "6"}
    assert all(isinstance(error, OSError) for error in caught.value.failed.values())
    assert caught.value.partial == {"sum": 21.0, "parts": 6}
    assert [part.calls() for part in parts] == [1, 2, 1, 1, 1, 1, 2, 2]
    assert isinstance(caught.value.__cause__, OSError)


@each
def test_mistakes_are_not_repeated(tmp_path: Path, executor: Any) -> None:
    parts = flaky(tmp_path, {0: 9}, programs.wrong, n=40)
    with pytest.raises(PartsFailed, match="0: TypeError: cannot add apples and pears") as caught:
        ad.scale.total(add_all, parts, executor=executor)
    assert caught.value.partial is None
    assert parts[0].calls() == 1
    assert sum(part.calls() for part in parts) < 40


def test_lost_tangents_are_mistakes() -> None:
    calls = []

    def careless(x: Any, scale: Any) -> Any:
        calls.append(1)
        return np.sum(np.asarray(scale * x))

    with pytest.raises(PartsFailed) as caught:
        ad.scale.value_and_grad(careless, [ak.Array([1.0])] * 3, 1.0)
    assert isinstance(caught.value.failed["part 0"], ad.TangentLost)
    assert len(calls) == 1


def test_a_dead_worker_loses_nothing(tmp_path: Path) -> None:
    parts = flaky(tmp_path, {2: 1, 5: 2}, programs.die)
    result = ad.scale.total(add_all, parts, executor=programs.processes, retries=3)
    assert result == {"sum": 28.0, "parts": 8}


class Waiting(ThreadPoolExecutor):
    """A pool that breaks while it starts a worker, and then waits for that one."""

    def __init__(self) -> None:
        super().__init__(1)
        self._broken, self._processes = "a worker died", {1: self}
        self.is_ended = False

    def terminate(self) -> None:
        self.is_ended = True

    def submit(self, *args: Any, **kwargs: Any) -> Any:
        raise BrokenExecutor("a worker died")

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        assert self.is_ended, "this would wait for a worker without end"
        super().shutdown(wait, cancel_futures=cancel_futures)


def test_a_worker_that_starts_while_its_pool_breaks_is_ended() -> None:
    pools = iter([Waiting(), programs.threads()])
    assert ad.scale.total(len, ["ab", "c"], executor=lambda: next(pools)) == 3


def test_a_part_that_kills_its_worker_is_named(tmp_path: Path) -> None:
    parts = flaky(tmp_path, {3: 99}, programs.die)
    with pytest.raises(PartsFailed) as caught:
        ad.scale.total(add_all, parts, executor=programs.processes, retries=0)
    # the parts beside it are innocent, and known to be
    assert set(caught.value.failed) == {"3"}
    assert caught.value.partial == {"sum": 25.0, "parts": 7}


class KilledWorker(Exception):
    """As dask.distributed has it."""


class LikeDask(ThreadPoolExecutor):
    """Workers die of part 3, and of every part that runs beside it; the pool goes on."""

    def __init__(self) -> None:
        super().__init__(4)
        self.running: set[int] = set()

    def submit(self, func: Any, *args: Any, **kwargs: Any) -> Any:
        part = args[-1]
        self.running.add(part.index)
        beside = 3 in self.running

        def run() -> Any:
            try:
                if beside:
                    raise KilledWorker(part.name)
                return func(*args, **kwargs)
            finally:
                self.running.discard(part.index)

        return super().submit(run)


def test_parts_that_dask_blames_run_alone() -> None:
    with LikeDask() as executor, pytest.raises(PartsFailed, match="KilledWorker") as caught:
        ad.scale.total(float, list(range(8)), executor=executor, retries=0)
    assert set(caught.value.failed) == {"part 3"}
    assert caught.value.partial == 25


def test_an_executor_of_the_user_cannot_be_replaced(tmp_path: Path) -> None:
    parts = flaky(tmp_path, {3: 99}, programs.die)
    with programs.processes() as executor:
        with pytest.raises(PartsFailed, match="pass a function that makes one") as caught:
            ad.scale.total(add_all, parts, executor=executor)
        end_workers(executor)
    assert "3" in caught.value.failed


def test_an_executor_of_the_user_stays_open(tmp_path: Path) -> None:
    with programs.threads() as executor:
        for _ in range(2):
            assert ad.scale.total(len, ["ab", "c"], executor=executor) == 3


def test_an_executor_of_ours_is_closed() -> None:
    made = []

    def make() -> Any:
        made.append(programs.threads())
        return made[-1]

    assert ad.scale.total(len, ["ab", "c"], executor=make) == 3
    with pytest.raises(RuntimeError, match="shutdown"):
        made[0].submit(len, "a")


@pytest.mark.parametrize("seed", range(5))
def test_any_order_gives_the_same_bits(seed: int, rng: np.random.Generator) -> None:
    terms = list(rng.normal(size=(60, 3)) * 10.0 ** rng.integers(-9, 9, (60, 3)))
    executor = Shuffled(np.random.default_rng(seed), width=6)
    found = ad.scale.total(np.copy, terms, executor=executor, in_flight=6)
    assert found.tobytes() == ad.scale.total(np.copy, terms).tobytes()
    assert executor.most == 6


class Data:
    """A large part; how many are alive shows what is kept."""

    alive: ClassVar[weakref.WeakSet[Any]] = weakref.WeakSet()

    def __init__(self) -> None:
        self.alive.add(self)


def test_memory_is_bounded() -> None:
    most = 0

    def parts() -> Iterator[Data]:
        for _ in range(50):
            yield Data()

    def look(part: Data) -> int:
        nonlocal most
        most = max(most, len(Data.alive))
        return 1

    executor = Shuffled(np.random.default_rng(0), width=5)
    assert ad.scale.total(look, parts(), executor=executor, in_flight=5) == 50
    assert most <= 6
    most = 0
    assert ad.scale.total(look, parts()) == 50
    assert most <= 2


def test_an_interrupt_goes_through() -> None:
    def interrupt(part: int) -> int:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        ad.scale.total(interrupt, [1, 2])


def test_an_error_in_the_iterator_goes_through() -> None:
    def parts() -> Iterator[int]:
        yield 1
        raise RuntimeError("the list of files ends early")

    with pytest.raises(RuntimeError, match="ends early"):
        ad.scale.total(lambda part: part, parts(), executor=programs.threads)


def test_results_that_do_not_add_up() -> None:
    with pytest.raises(TypeError, match="do not add up"):
        ad.scale.total(np.copy, [np.zeros(2), np.zeros(3)])


@pytest.mark.parametrize("wrong", [{"retries": -1}, {"in_flight": 0}])
def test_options(wrong: Any) -> None:
    with pytest.raises(ValueError, match="retries must not be negative"):
        ad.scale.total(len, ["a"], **wrong)


def test_what_is_no_executor() -> None:
    with pytest.raises(TypeError, match="submit"):
        ad.scale.total(len, ["a"], executor=3)


def test_no_parts() -> None:
    with pytest.raises(ValueError, match="no parts"):
        ad.scale.total(len, [])


def test_the_error_travels() -> None:
    error = pickle.loads(pickle.dumps(PartsFailed({"a": OSError("x")}, "why")))
    assert str(error) == "1 part failed: why\n    a: OSError: x"
    many = PartsFailed({str(i): ValueError() for i in range(30)})
    assert str(many).splitlines()[-1].strip() == "and 20 more"


# -- progress


def test_the_bar_counts_events(capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("tqdm")
    x = ak.Array([[1.0]] * 10)
    assert ad.scale.total(ak.sum, ad.scale.rows(x, 3), progress=True) == 10
    shown = capsys.readouterr().err
    assert "10.0/10.0" in shown
    assert "event/s" in shown
    assert "parts=4/4" in shown


def test_the_bar_without_known_events(capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("tqdm")
    parts = (lambda: ak.Array([1.0, 2.0]) for _ in range(3))
    assert ad.scale.total(ak.sum, parts, progress=True) == 9
    shown = capsys.readouterr().err
    assert "6.00event" in shown
    assert "parts=3" in shown
