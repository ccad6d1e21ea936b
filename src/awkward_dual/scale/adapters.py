"""Executors that have another interface than ``concurrent.futures``."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from typing import Any

from awkward_dual.errors import PartsFailed
from awkward_dual.scale.engine import HOPELESS
from awkward_dual.scale.parts import Part, evaluate
from awkward_dual.scale.sums import Sum

__all__ = ("Coffea",)


class Coffea:
    """An executor of coffea (``coffea.processor``), to be given as ``executor=``.

    Such an executor takes all items at once and merges what comes back in any order. So it
    is given the terms of the sum with their numbers, and they are added here, in the
    same order as everywhere else. The terms of all parts are kept until then.

    Parameters
    ----------
    executor : callable
        ``executor(items, function, accumulator)``, as ``FuturesExecutor(workers=4)``, with its
        own progress bar and pool.

    Examples
    --------
    ``ad.scale.total(func, parts, executor=ad.scale.Coffea(FuturesExecutor(workers=4)))``
    """

    def __init__(self, executor: Callable[..., Any]) -> None:
        self.executor = executor

    def run(self, task: Callable[..., Any], parts: Iterator[Part], retries: int) -> Any:
        """The sum of ``task(data)`` over all parts.

        Raises
        ------
        PartsFailed
            If a part fails for good, or the executor did not give its result.
        """
        items = list(parts)
        made = self.executor(items, functools.partial(_attempt, task, retries), {})
        terms, error = made if isinstance(made, tuple) else (made, None)
        sums, failed = Sum(), {}
        for part in items:
            result, problem = terms.get(part.index, (None, _lost(error)))
            if problem is None:
                sums.add(part.index, result, part.name)
            else:
                failed[part.name] = problem
        if failed:
            raised = PartsFailed(failed)
            raised.partial = sums.result() if sums.nodes else None
            raise raised
        return sums.result()


def _attempt(task: Callable[..., Any], retries: int, part: Part) -> dict[int, tuple[Any, Any]]:
    """The result of a part, or its error, under its number; this runs on a worker."""
    for attempt in range(retries + 1):
        try:
            return {part.index: (evaluate(task, part)[1], None)}
        except Exception as error:
            if attempt == retries or isinstance(error, HOPELESS):
                return {part.index: (None, error)}
    raise AssertionError("retries must not be negative")


def _lost(error: Any) -> BaseException:
    return (
        error if isinstance(error, BaseException) else RuntimeError("the executor lost this part")
    )
