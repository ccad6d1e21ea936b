"""A pytest plugin that runs Awkward's own tests with every high-level array on the dual backend.

Loaded with ``-p plugin`` by `run.py`, which says by the environment in which mode:

- ``cpu``: nothing of this project is imported;
- ``plain``: awkward_dual is imported, arrays stay where they are;
- ``absent``: arrays of the cpu backend become dual ones, without tangents;
- ``live``: every floating or complex buffer gets a random tangent, and the ways out that
  refuse live tangents (NumPy, ``float()``, ``tolist`` …) show primals instead, so that the
  tests can compare. This is done here only.
"""

from __future__ import annotations

import contextlib
import functools
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

MODE = os.environ.get("AWKWARD_DUAL_UPSTREAM_MODE", "cpu")
RESULTS = os.environ.get("AWKWARD_DUAL_UPSTREAM_RESULTS", "")

# -- every high-level array on the dual backend

_stays: list[None] = []


@contextlib.contextmanager
def _stay() -> Iterator[None]:
    """Inside, arrays stay on the backend that they are built on."""
    _stays.append(None)
    try:
        yield
    finally:
        _stays.pop()


def _moved(layout: Any) -> Any:
    """A layout of the cpu backend on the dual one."""
    import awkward as ak

    if layout.backend.name != "cpu":
        return layout
    if isinstance(layout, ak.record.Record):
        return ak.record.Record(_moved(layout.array), layout.at)
    layout = layout.to_backend("dual")
    return layout if MODE == "absent" else _with_tangents(layout)


def _with_tangents(layout: Any) -> Any:
    import numpy as np

    from awkward_dual import DualArray
    from awkward_dual.adapter import VirtualNDArray

    def tangent(data: Any) -> Any:
        if data.dtype.kind not in "fc":
            return data
        if isinstance(data, VirtualNDArray):
            if data.is_materialized:
                return tangent(data.materialize())
            generator, key = (lambda: tangent(data.materialize())), data.buffer_key
            return VirtualNDArray(
                data.nplike, data._shape, data.dtype, generator, lambda: data.shape, key,
                __enable_caching__=data.__enable_caching__,
            )  # fmt: skip
        primal = data.primal
        noise = np.random.default_rng(primal.size).normal(size=primal.shape)
        return DualArray(primal, np.asarray(noise, dtype=primal.dtype))

    def descend(node: Any) -> Any:
        if node.parameter("__array__") in ("string", "bytestring") or node.is_unknown:
            return node
        if node.is_numpy:
            return node.copy(data=tangent(node.data))
        if node.is_record or node.is_union:
            return node.copy(contents=[descend(content) for content in node.contents])
        return node.copy(content=descend(node.content))

    return descend(layout)


def _move_arrays() -> None:
    import awkward as ak

    for cls in (ak.Array, ak.Record):
        cls.__init__ = _moving_init(cls.__init__)
    # these say on which backend they want their result
    ak.to_backend = ak.operations.to_backend = _staying(ak.to_backend)


def _moving_init(init: Callable[..., None]) -> Callable[..., None]:
    @functools.wraps(init)
    def __init__(self: Any, data: Any, *args: Any, **kwargs: Any) -> None:
        if kwargs.get("backend") is not None:
            with _stay():
                init(self, data, *args, **kwargs)
        else:
            init(self, data, *args, **kwargs)
            if not _stays:
                self._layout = _moved(self._layout)

    return __init__


def _staying(function: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        with _stay():
            return function(*args, **kwargs)

    return call


# -- NumPy and Python may see primals, in mode live


def _show_primals() -> None:
    import numpy as np

    from awkward_dual import DualArray, patches
    from awkward_dual.nplike import DualNumpy
    from awkward_dual.pair import lowest, strengthen

    def constant(self: Any, *what: str) -> Any:
        return strengthen(lowest(self))

    DualArray._constant = constant
    DualArray.tolist = lambda self: constant(self).tolist()
    DualArray.__reduce__ = lambda self: (DualArray, (lowest(self),))
    DualArray.__hash__ = lambda self: hash(lowest(self))
    patches._is_live = lambda layout: False
    DualNumpy.memory_ptr = lambda self, x: int(np.asarray(x).ctypes.data)


if MODE != "cpu":
    import awkward_dual  # noqa: F401
if MODE in ("absent", "live"):
    _move_arrays()
if MODE == "live":
    _show_primals()

# -- what passed

with contextlib.suppress(ImportError):
    # a busy machine is no failure; the suite's own profiles inherit this
    import hypothesis

    hypothesis.settings.register_profile("upstream", deadline=None)
    hypothesis.settings.load_profile("upstream")

_outcomes: dict[str, dict[str, str]] = {}


def pytest_runtest_logreport(report: Any) -> None:
    outcome = _outcomes.setdefault(report.nodeid, {"outcome": "passed", "why": ""})
    if report.outcome != "passed" and outcome["outcome"] != "failed":
        outcome["outcome"] = report.outcome
        crash = getattr(report.longrepr, "reprcrash", None)
        outcome["why"] = str(crash.message if crash else report.longrepr)[:2000]
        if crash:
            outcome["where"] = f"{crash.path}:{crash.lineno}"


def pytest_sessionfinish(session: Any) -> None:
    if RESULTS and not hasattr(session.config, "workerinput"):
        text = json.dumps(_outcomes, indent=1, sort_keys=True)
        Path(RESULTS).write_text(text, encoding="utf-8")
