"""Every error this package raises on its own account."""

from __future__ import annotations

__all__ = (
    "DirectionMismatch",
    "LevelError",
    "MissingTangentRule",
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
