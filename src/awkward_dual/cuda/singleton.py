"""Singletons beside those of the classes that they are made from."""

from __future__ import annotations

from typing import Any

__all__ = ("OwnInstance",)


class OwnInstance:
    """A class with one instance of its own; Awkward's singletons would share that of a base."""

    _instance: Any

    @classmethod
    def _ensure_instance(cls) -> Any:
        if "_instance" not in vars(cls):
            self = object.__new__(cls)
            self.__init__()  # type: ignore[misc]
            cls._instance = self
        return cls._instance
