"""Run a task over parts on an executor, and add up what comes back.

The sum is taken over a fixed binary tree of the parts' numbers, so it does not depend
on the order in which they finish: serial, threads and processes agree bit for bit.
"""

from __future__ import annotations

import queue
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import BrokenExecutor, Executor, Future
from dataclasses import dataclass
from typing import Any

from awkward_dual.errors import DirectionMismatch, LevelError, PartsFailed
from awkward_dual.scale.parts import Part, evaluate
from awkward_dual.scale.progress import Progress
from awkward_dual.scale.sums import Sum

__all__ = ("Pool", "end_workers", "run")

#: errors of a program, which no repetition mends
HOPELESS = (TypeError, AttributeError, NameError, LevelError, DirectionMismatch)


class Pool:
    """An executor, and how to replace it when it breaks.

    Parameters
    ----------
    source : None, Executor or callable
        ``None`` runs in this thread; an executor is used and left open; a
        callable makes one, which is closed in the end and replaced if it breaks.
    """

    def __init__(self, source: Any) -> None:
        self.make = None if source is None or _is_executor(source) else source
        if self.make is not None and not callable(self.make):
            raise TypeError(
                "executor must have the interface of concurrent.futures.Executor, or be a function "
                f"that makes one; {type(source).__name__} has no submit()"
            )
        self.executor: Any = source if self.make is None else self.make()

    def submit(self, task: Callable[..., Any], part: Part) -> Future[Any]:
        """A future of ``evaluate(task, part)``."""
        if self.executor is not None:
            future: Future[Any] = self.executor.submit(evaluate, task, part)
            return future
        future = Future()
        try:
            future.set_result(evaluate(task, part))
        except Exception as error:
            future.set_exception(error)
        return future

    def replace(self) -> bool:
        """A new executor for a broken one; ``False`` if nobody said how to make it."""
        if self.make is None:
            return False
        self.close()
        self.executor = self.make()
        return True

    def close(self) -> None:
        """End an executor of our own."""
        if self.make is not None:
            if getattr(self.executor, "_broken", False):
                end_workers(self.executor)
            self.executor.shutdown(wait=True, cancel_futures=True)

    def in_flight(self) -> int:
        """How many parts keep all workers busy, as far as the executor says how many it has."""
        if self.executor is None:
            return 1
        return 2 * int(getattr(self.executor, "_max_workers", None) or 8)


def end_workers(executor: Any) -> None:
    """End what still works for a broken executor.

    A process pool that breaks while it starts a worker waits for that one without end
    (CPython, `_ExecutorManagerThread.terminate_broken`); before Python 3.14 it has no public
    name for its workers.
    """
    processes = getattr(executor, "_processes", None) or {}
    for process in list(processes.values()):
        process.terminate()


def _is_executor(source: Any) -> bool:
    return isinstance(source, Executor) or (
        hasattr(source, "submit") and not isinstance(source, type)
    )


@dataclass
class _Job:
    part: Part
    attempts: int = 0
    #: ran when a pool broke: it runs alone from then on, so that the next break has one culprit
    suspect: bool = False
    error: BaseException | None = None


def _is_killed(error: BaseException) -> bool:
    """Whether dask gave a part up, because workers died while they had it."""
    return type(error).__name__ == "KilledWorker"


class _Run:
    """The state of one sum: every part is to come, waiting, running, summed, or failed."""

    def __init__(
        self, task: Callable[..., Any], parts: Iterator[Part], pool: Pool, retries: int
    ) -> None:
        self.task = task
        self.to_come = (_Job(part) for part in parts)
        self.pool = pool
        self.retries = retries
        self.sum = Sum()
        #: suspects first
        self.waiting: deque[_Job] = deque()
        self.running: dict[Future[Any], _Job] = {}
        self.failed: dict[str, BaseException] = {}
        self.hopeless = False
        # only callbacks: a wait() on futures asks for more than their public interface
        self.done: queue.SimpleQueue[Future[Any]] = queue.SimpleQueue()

    def fill(self, limit: int) -> None:
        """Submit parts until so many run."""
        while len(self.running) < limit and (job := self.next_job()) is not None:
            try:
                future = self.pool.submit(self.task, job.part)
            except BrokenExecutor as error:
                self.waiting.appendleft(job)
                if self.running:  # their futures tell, and the pool is mended then
                    return
                self.mend(error)
                continue
            self.running[future] = job
            future.add_done_callback(self.done.put)

    def next_job(self) -> _Job | None:
        if any(job.suspect for job in self.running.values()):
            return None
        if self.waiting:
            alone = self.waiting[0].suspect
            return None if alone and self.running else self.waiting.popleft()
        return None if self.hopeless else next(self.to_come, None)

    def settle(self, future: Future[Any], progress: Progress) -> None:
        """Take the result of a part that is done, or try the part again."""
        job = self.running.pop(future, None)
        if job is None:  # it was taken back when its pool broke
            return
        try:
            events, result = future.result()
        except BrokenExecutor as error:
            self.broken(job, error)
        except Exception as error:
            if _is_killed(error) and not job.suspect:
                # dask blames whatever was on the worker, and mends its pool itself
                job.suspect, job.error = True, error
                self.waiting.appendleft(job)
            else:
                self.again(job, error)
        else:
            self.sum.add(job.part.index, result, job.part.name)
            progress.update(events)

    def again(self, job: _Job, error: BaseException) -> None:
        """Try a part once more, or give it up."""
        job.attempts, job.error = job.attempts + 1, error
        if isinstance(error, HOPELESS):
            self.hopeless = True
            self.failed.update({j.part.name: j.error or error for j in (job, *self.waiting)})
            self.waiting.clear()
        elif job.attempts > self.retries:
            self.failed[job.part.name] = error
        else:
            job.suspect = isinstance(error, BrokenExecutor) or _is_killed(error)
            (self.waiting.appendleft if job.suspect else self.waiting.append)(job)

    def broken(self, job: _Job, error: BaseException) -> None:
        """A worker died. Whose fault it was is known only if one part was running."""
        lost = {f: j for f, j in self.running.items() if not f.done() or f.exception()}
        for future in lost:
            del self.running[future]
        if lost:
            suspects = sorted((job, *lost.values()), key=lambda j: j.part.index)
            for other in suspects:
                other.suspect, other.error = True, error
            self.waiting.extendleft(reversed(suspects))
        else:
            self.again(job, error)
        self.mend(error)

    def mend(self, error: BaseException) -> None:
        """Replace the pool."""
        if not self.pool.replace():
            unfinished = {j.part.name: j.error or error for j in self.waiting}
            raise PartsFailed(
                {**self.failed, **unfinished},
                "the executor broke, and the sum cannot go on; pass a function that makes one, as in "
                "executor=lambda: ProcessPoolExecutor(4), so that it can be replaced",
            ) from error


def run(
    task: Callable[..., Any],
    parts: Iterator[Part],
    pool: Pool,
    *,
    retries: int,
    in_flight: int | None,
    progress: Progress,
) -> Any:
    """The sum of ``task(data)`` over all parts.

    Raises
    ------
    PartsFailed
        If a part has failed more often than `retries`, or cannot work at all.
    ValueError
        If there are no parts.
    """
    state = _Run(task, parts, pool, retries)
    limit = in_flight or pool.in_flight()
    try:
        while True:
            state.fill(limit)
            if not state.running:
                break
            state.settle(state.done.get(), progress)
    except BaseException:
        for future in state.running:
            future.cancel()
        raise
    if state.failed:
        error = PartsFailed(state.failed)
        if not state.hopeless and state.sum.nodes:
            error.partial = state.sum.result()
        raise error from next(iter(state.failed.values()))
    return state.sum.result()
