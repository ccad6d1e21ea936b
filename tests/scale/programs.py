"""What the parts' tests run: functions that a process can import, and executors for them."""

from __future__ import annotations

import functools
import multiprocessing
import os
from collections.abc import Callable
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import awkward as ak
import numpy as np

# to fork a process that has threads may hang; a server without threads forks quickly
_METHODS = multiprocessing.get_all_start_methods()
_CONTEXT: Any = multiprocessing.get_context("forkserver" if "forkserver" in _METHODS else "spawn")
if "forkserver" in _METHODS:
    _CONTEXT.set_forkserver_preload(["awkward_dual"])

processes = functools.partial(ProcessPoolExecutor, 2, mp_context=_CONTEXT)
threads = functools.partial(ThreadPoolExecutor, 3)

PARAMS = {"scale": 1.1, "shift": (0.5, np.array([1.0, 2.0]))}
TANGENTS = {"scale": 1.0, "shift": (0.0, np.array([1.0, -1.0]))}


def sample(rng: np.random.Generator, events: int = 97) -> Any:
    """Ragged events."""
    return ak.unflatten(
        rng.normal(size=2 * events),
        np.bincount(rng.integers(events, size=2 * events), minlength=events),
    )


def loss(x: Any, params: Any) -> Any:
    """A number from ragged events, which no two parts give in common."""
    a, b = params["shift"]
    y = np.sin(params["scale"] * x + a) * b[0] + b[1] * x
    return ak.sum(ak.sum(y, axis=1) ** 2) + 0.1


def moments(x: Any, params: Any) -> Any:
    """A tree of arrays."""
    y = params["scale"] * x + params["shift"][0]
    return {"powers": np.stack([ak.sum(y**n) for n in range(1, 4)]), "count": ak.count(y)}


# -- parts that misbehave; they keep their count in files, which processes share


class Flaky:
    """A part that fails a number of times before it gives its data."""

    def __init__(self, folder: Path, name: str, failures: int, fail: Callable[[], Any]) -> None:
        self.folder, self.name, self.failures, self.fail = folder, name, failures, fail

    def calls(self) -> int:
        """How often this part was loaded."""
        return len(list(self.folder.glob(f"{self.name}.*")))

    def __call__(self) -> Any:
        calls = self.calls()
        (self.folder / f"{self.name}.{calls}").touch()
        if calls < self.failures:
            self.fail()
        return ak.Array([[float(self.name)], []])


def fail() -> None:
    """The network is down."""
    raise OSError("no route to host")


def wrong() -> None:
    """A mistake of the program."""
    raise TypeError("cannot add apples and pears")


def die() -> None:
    """End the process, as the system ends one that takes too much memory."""
    os._exit(1)


def add_all(x: Any) -> Any:
    """The sum, and how many parts are in it."""
    return {"sum": ak.sum(x), "parts": 1}


# -- executors of our own


class Shuffled(Executor):
    """Runs what was submitted when it is asked to, in another order."""

    def __init__(self, order: np.random.Generator, width: int) -> None:
        self.order, self.width = order, width
        self.queue: list[tuple[Future[Any], Any]] = []
        self.most = 0

    def submit(self, call: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        self.queue.append((future, functools.partial(call, *args, **kwargs)))
        self.most = max(self.most, len(self.queue))
        if len(self.queue) == self.width:
            self.flush()
        return future

    def flush(self) -> None:
        """Run all, in any order."""
        for i in self.order.permutation(len(self.queue)):
            future, call = self.queue[i]
            try:
                future.set_result(call())
            except Exception as error:
                future.set_exception(error)
        self.queue.clear()
