"""Every error this package raises on its own account."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = (
    "DirectionMismatch",
    "LevelError",
    "MissingTangentRule",
    "PartsFailed",
    "TangentLost",
    "TangentMismatch",
    "UnsupportedAwkward",
)


class MissingTangentRule(TypeError):
    """No rule says what an operation does to tangents.

    A ``TypeError`` and not a ``NotImplementedError``, because Awkward decorates
    the latter with a request to report a bug to Awkward.
    """

    def __init__(self, name: str, argument: str = "", dtype: object = "", hint: str = "") -> None:
        where = f" ({argument}: {dtype})" if argument else f" ({dtype})" if str(dtype) else ""
        way_out = hint or (
            "register one with awkward_dual.def_ufunc_rule or awkward_dual.custom_jvp, "
            "or detach with awkward_dual.primal(x)"
        )
        super().__init__(f"no tangent rule for {name!r}{where}: {way_out}")


class TangentLost(TypeError):
    """An operation would drop a live tangent in silence."""

    def __init__(self, what: str, hint: str = "") -> None:
        way_out = hint or "detach on purpose with awkward_dual.primal(x)"
        super().__init__(f"{what} would lose a live tangent; {way_out}")


class TangentMismatch(TypeError):
    """A tangent does not have the type, list lengths or missing pattern of its primal."""


class DirectionMismatch(ValueError):
    """Two tangents of one level have different numbers of directions."""


class LevelError(RuntimeError):
    """A dual of a call that has ended met an operation, or levels would mix."""


class UnsupportedAwkward(ImportError):
    """The installed Awkward Array lacks a hook that this package stands on."""


class PartsFailed(RuntimeError):
    """Parts of a sample that have no result, by name, after all attempts.

    Attributes
    ----------
    failed : dict of str to exception
        The last error of each part.
    partial
        The sum over all other parts, if the run came to its end; else ``None``.
    """

    def __init__(self, failed: Mapping[str, BaseException], why: str = "") -> None:
        super().__init__(dict(failed), why)
        self.failed = dict(failed)
        self.why = why
        self.partial: Any = None

    def __str__(self) -> str:
        shown = [f"{name}: {_one_line(error)}" for name, error in list(self.failed.items())[:10]]
        if len(self.failed) > len(shown):
            shown.append(f"and {len(self.failed) - len(shown)} more")
        parts = "1 part" if len(self.failed) == 1 else f"{len(self.failed)} parts"
        head = f"{parts} failed: {self.why}" if self.why else f"{parts} failed"
        return "\n    ".join([head, *shown])


def _one_line(error: BaseException) -> str:
    text = str(error).strip()
    return f"{type(error).__name__}: {text.splitlines()[0]}" if text else type(error).__name__
