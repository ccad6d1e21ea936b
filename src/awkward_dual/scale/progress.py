"""A progress bar with events per second."""

from __future__ import annotations

from types import TracebackType
from typing import Any

__all__ = ("Progress",)


class Progress:
    """A bar that counts events, with the parts that are done beside it; or nothing.

    Parameters
    ----------
    show : bool
        Whether there is a bar; it needs ``tqdm``.
    events, parts : int or None
        How many there will be, as far as known.
    """

    def __init__(self, show: bool, events: int | None, parts: int | None) -> None:
        self.bar: Any = None
        self.parts, self.of = 0, parts
        if show:
            from tqdm.auto import tqdm

            self.bar = tqdm(total=events, unit="event", unit_scale=True)
            self._show_parts()

    def update(self, events: int | None) -> None:
        """One more part is done, with so many events."""
        self.parts += 1
        if self.bar is not None:
            self._show_parts()
            self.bar.update(events or 0)

    def _show_parts(self) -> None:
        of = "" if self.of is None else f"/{self.of}"
        self.bar.set_postfix_str(f"parts={self.parts}{of}", refresh=False)

    def __enter__(self) -> Progress:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:  # fmt: skip
        if self.bar is not None:
            self.bar.close()
