"""Methods of the vector package: constants join in there, too.

They compare the array modules of their vectors, and refuse two that differ, before Awkward could
bring constants and dual arrays together. Nothing is imported here: vector is connected when it is.
"""

from __future__ import annotations

import importlib.abc
import importlib.util
import sys
from collections.abc import Callable
from typing import Any

from awkward_dual.adapter import Cupy, Numpy
from awkward_dual.cuda.nplike import DualCupy
from awkward_dual.nplike import DualNumpy

__all__ = ("connect",)

NAME = "vector.backends.awkward"


def connect() -> None:
    """Let methods of vector take dual vectors and constants together, now or once it is imported."""
    if NAME in sys.modules:
        _extend(sys.modules[NAME])
    elif not any(isinstance(finder, _WhenImported) for finder in sys.meta_path):
        sys.meta_path.insert(0, _WhenImported())


class _WhenImported(importlib.abc.MetaPathFinder):
    """Finds nothing itself; what the others find is extended when it has run."""

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Any:
        if name != NAME:
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(name)
        if spec is not None and spec.loader is not None:
            execute = spec.loader.exec_module

            def exec_module(module: Any) -> None:
                execute(module)
                _extend(module)

            spec.loader.exec_module = exec_module  # type: ignore[method-assign]
        return spec


def _extend(module: Any) -> None:
    # releases that have no such class take NumPy for every array
    pair = getattr(module, "_lib", None)
    if pair is not None and not hasattr(pair.__eq__, "__wrapped__"):
        pair.__eq__ = _equal(pair.__eq__)


def _equal(original: Callable[[Any, Any], bool]) -> Callable[[Any, Any], bool]:
    """A dual array and one of its primal's backend are computed with together."""

    def __eq__(self: Any, other: Any) -> bool:
        if original(self, other):
            return True
        return isinstance(other, type(self)) and _plain(self.nplike) is _plain(other.nplike)

    __eq__.__wrapped__ = original  # type: ignore[attr-defined]
    return __eq__


def _plain(nplike: Any) -> Any:
    """The array functions of the primals."""
    if isinstance(nplike, DualCupy):
        return Cupy.instance()
    return Numpy.instance() if isinstance(nplike, DualNumpy) else nplike
