"""Arguments and results that are trees: dicts, tuples, lists and dataclasses of leaves."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

__all__ = ("map_tree",)


def map_tree(func: Callable[..., Any], tree: Any, *others: Any, path: str = "") -> Any:
    """`func(leaf, *other_leaves, path)` for every leaf of `tree`.

    An other tree has the same containers, or ``None`` in place of any part.

    Raises
    ------
    TypeError
        If the trees differ, with the path to where they do.
    """
    if isinstance(tree, dict):
        parts = [_parts(tree, other, path, dict) for other in others]
        return type(tree)(
            (key, map_tree(func, item, *(p and p[key] for p in parts), path=f"{path}[{key!r}]"))
            for key, item in tree.items()
        )
    if isinstance(tree, list | tuple):
        parts = [_parts(tree, other, path, type(tree)) for other in others]
        items = [
            map_tree(func, item, *(p and p[i] for p in parts), path=f"{path}[{i}]")
            for i, item in enumerate(tree)
        ]
        return type(tree)(*items) if hasattr(tree, "_fields") else type(tree)(items)
    if dataclasses.is_dataclass(tree) and not isinstance(tree, type):
        names = [field.name for field in dataclasses.fields(tree)]
        values = {name: getattr(tree, name) for name in names}
        parts = [
            other if other is None else {name: getattr(other, name) for name in names}
            for other in others
        ]
        mapped = {
            name: map_tree(func, item, *(p and p[name] for p in parts), path=f"{path}.{name}")
            for name, item in values.items()
        }
        return dataclasses.replace(tree, **mapped)
    return func(tree, *others, path=path)


def _parts(tree: Any, other: Any, path: str, kind: type) -> Any:
    if other is None:
        return None
    where = f" at {path}" if path else ""
    if not isinstance(other, kind if kind is dict else (list, tuple)):
        raise TypeError(f"expected a {kind.__name__}{where}, as in the primals, not {type(other).__name__}")
    if len(other) != len(tree) or (isinstance(tree, dict) and set(other) != set(tree)):
        raise TypeError(f"{kind.__name__}s of primals and tangents differ{where}")
    return other
