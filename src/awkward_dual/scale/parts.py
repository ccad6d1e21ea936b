"""Parts of a sample: their names, how they are loaded, and how to make them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import awkward as ak
import numpy as np

__all__ = ("FileRows", "Part", "evaluate", "files", "numbered", "rows")


@dataclass(frozen=True)
class Part:
    """One part with its number and name; `what` is what the user gave."""

    index: int
    name: str
    what: Any


def evaluate(task: Callable[..., Any], part: Part) -> tuple[int | None, Any]:
    """How many events a part has and what a task makes of it; this runs on a worker."""
    data = part.what() if callable(part.what) else part.what
    return events_in(data), task(data)


def events_in(data: Any) -> int | None:
    """The number of events in a part, if it has one."""
    events = getattr(data, "events", None) if not isinstance(data, ak.Array) else None
    if isinstance(events, int):
        return events
    return len(data) if isinstance(data, ak.Array | np.ndarray) else None


def numbered(parts: Iterable[Any]) -> Iterator[Part]:
    """Parts with numbers and names that differ.

    The name is the key of a mapping, a path, or what the part itself has as ``name``.
    """
    if isinstance(parts, str | bytes | os.PathLike):
        raise TypeError(f"parts are several: write [{str(parts)!r}] for a single one")
    seen: set[str] = set()
    items = parts.items() if isinstance(parts, Mapping) else ((None, part) for part in parts)
    for i, (key, what) in enumerate(items):
        name = str(key) if key is not None else _name(what, i)
        name = f"{name} (part {i})" if name in seen else name
        seen.add(name)
        yield Part(i, name, what)


def _name(what: Any, i: int) -> str:
    if isinstance(what, str | os.PathLike):
        return str(what)
    # a field "name" of an array is data
    name = None if isinstance(what, ak.Array | ak.Record) else getattr(what, "name", None)
    return name if isinstance(name, str) else f"part {i}"


def known_events(parts: Any) -> int | None:
    """How many events there are in all parts, if each says so without being loaded."""
    if not isinstance(parts, Sequence | Mapping) or isinstance(parts, str):
        return None
    whats = parts.values() if isinstance(parts, Mapping) else parts
    counts = [events_in(what) for what in whats]
    return None if None in counts else sum(n for n in counts if n is not None)


# -- make parts


@dataclass(frozen=True)
class _Rows:
    """Some rows of an array in memory, with their name."""

    name: str
    array: Any

    @property
    def events(self) -> int:
        return len(self.array)

    def __call__(self) -> Any:
        return self.array


def rows(array: Any, step: int) -> list[_Rows]:
    """The rows of an array in parts.

    Parameters
    ----------
    array : ak.Array or NumPy array
        The events.
    step : int
        How many rows each part has; the last may have fewer.

    Returns
    -------
    list
        Parts named ``rows 0:100`` and so on.

    Raises
    ------
    ValueError
        If `step` is not positive.

    Examples
    --------
    >>> import awkward as ak
    >>> import awkward_dual as ad
    >>> x = ak.Array([[1.0], [2.0, 3.0], []])
    >>> ad.scale.total(lambda x: ak.sum(x), ad.scale.rows(x, 2))
    np.float64(6.0)
    """
    _check_step(step)
    return [
        _Rows(f"rows {start}:{min(start + step, len(array))}", array[start : start + step])
        for start in range(0, len(array), step)
    ]


@dataclass(frozen=True)
class FileRows:
    """Some rows of a tree or RNTuple of a ROOT file; read where it is needed, and not kept.

    A part that is called gives its events, so `func` sees an ``ak.Array`` with the columns
    asked for, and only the path travels to a worker.
    """

    path: str
    tree: str
    start: int
    stop: int
    columns: tuple[str, ...] | None = None

    @property
    def name(self) -> str:
        """Path and rows."""
        return f"{self.path}:{self.tree}[{self.start}:{self.stop}]"

    @property
    def events(self) -> int:
        """The number of rows."""
        return self.stop - self.start

    def __call__(self) -> Any:
        """Read the rows."""
        import uproot

        with uproot.open(self.path) as file:
            tree = file[self.tree]
            return tree.arrays(
                None if self.columns is None else list(self.columns),
                entry_start=self.start,
                entry_stop=self.stop,
            )


def files(
    paths: Mapping[Any, str] | Iterable[str | os.PathLike[str]] | str | os.PathLike[str],
    tree: str = "Events",
    columns: Iterable[str] | None = None,
    step: int = 100_000,
) -> list[FileRows]:
    """The rows of ROOT files in parts; the files are opened once, for their numbers of rows.

    Parameters
    ----------
    paths : path, list of paths, or dict
        Anything that uproot opens; ``"a.root:Muons"``, or ``{"a.root": "Muons"}``, if the trees
        have different names.
    tree : str
        The name of the tree or RNTuple, where the path has none.
    columns : list of str, optional
        The branches to read; by default all.
    step : int
        How many rows a part has at most; this bounds the memory of a worker.

    Returns
    -------
    list of FileRows

    Raises
    ------
    ValueError
        If `step` is not positive.

    Examples
    --------
    ``files(["a.root", "b.root"], "Events", ["Muon_pt"], step=50_000)``
    """
    import uproot

    _check_step(step)
    names = tuple(columns) if columns is not None else None
    found = []
    for where, own in _paths_and_trees(paths, tree):
        with uproot.open(where) as file:
            entries = int(file[own].num_entries)
        found += [
            FileRows(where, own, start, min(start + step, entries), names)
            for start in range(0, entries, step)
        ]
    return found


def _paths_and_trees(paths: Any, tree: str) -> list[tuple[str, str]]:
    if isinstance(paths, Mapping):
        return [(os.fspath(path), own) for path, own in paths.items()]
    several = [paths] if isinstance(paths, str | os.PathLike) else paths
    return [_path_and_tree(os.fspath(path), tree) for path in several]


def _path_and_tree(path: str, tree: str) -> tuple[str, str]:
    """``a.root:Muons`` as uproot reads it; a colon may also belong to a protocol."""
    head, _, tail = path.rpartition(":")
    return (head, tail) if head.endswith(".root") and tail else (path, tree)


def _check_step(step: int) -> None:
    if step < 1:
        raise ValueError(f"step must be at least 1, not {step}")
