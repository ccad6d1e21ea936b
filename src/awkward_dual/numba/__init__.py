"""Compiled loops over dual arrays: what Numba needs to know."""

from __future__ import annotations

from threading import RLock
from typing import Any

from awkward_dual import adapter

__all__ = ("init", "zeros")


def __getattr__(name: str) -> Any:
    # the entry point is kept small: what compiled code names is loaded with it
    if name == "zeros":
        from awkward_dual.numba.output import zeros

        return zeros
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


# registering makes Numba load its extensions, this one among them
_lock = RLock()
_done: list[bool] = []


def init() -> None:
    """Tell Numba about duals, once; Awkward's own extension comes first.

    Called by Numba (entry point ``numba_extensions``) before it compiles, and by
    `awkward_dual.register` where Awkward has told Numba about itself already.
    """
    adapter.register_numba()
    from awkward_dual.numba import (  # noqa: F401
        builder,
        extrema,
        functions,
        growable,
        numbers,
        output,
        reverse,
        typing,
        views,
    )

    with _lock:
        if not _done:
            _done.append(True)
            functions.register()
            typing.register()
            builder.register()
            growable.register()
    for module in (views, builder, growable, reverse):
        for name, make in module.PATCHES.items():
            adapter.patch(name, make)
