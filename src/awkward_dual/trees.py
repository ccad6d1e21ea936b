"""Arguments and results that are trees: dicts, tuples, lists and dataclasses of leaves."""

from __future__ import annotations

import copy
import dataclasses
import functools
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
        # a copy keeps what else there is to a subclass, as the default of a defaultdict
        out: Any = copy.copy(tree)
        for key, item in tree.items():
            own = (None if p is None else p[key] for p in parts)
            out[key] = map_tree(func, item, *own, path=f"{path}[{key!r}]")
        return out
    if isinstance(tree, list | tuple):
        parts = [_parts(tree, other, path, type(tree)) for other in others]
        items = [
            map_tree(func, item, *(None if p is None else p[i] for p in parts), path=f"{path}[{i}]")
            for i, item in enumerate(tree)
        ]
        return type(tree)(*items) if hasattr(tree, "_fields") else type(tree)(items)
    if dataclasses.is_dataclass(tree) and not isinstance(tree, type):
        values = {field.name: getattr(tree, field.name) for field in dataclasses.fields(tree)}
        parts = [_parts(tree, other, path, type(tree)) for other in others]
        # a copy, not a new object: an __init__ may convert or check what is a dual now
        out = copy.copy(tree)
        for name in [*getattr(out, "__dict__", ())]:
            # computed from other fields than those to come
            if isinstance(getattr(type(out), name, None), functools.cached_property):
                del out.__dict__[name]
        for name, item in values.items():
            own = (None if p is None else getattr(p, name) for p in parts)
            object.__setattr__(out, name, map_tree(func, item, *own, path=f"{path}.{name}"))
        return out
    return func(tree, *others, path=path)


def _parts(tree: Any, other: Any, path: str, kind: type) -> Any:
    if other is None:
        return None
    where = f" at {path}" if path else ""
    # lists and tuples stand for each other
    alike: Any = next((k for k in (dict, (list, tuple)) if issubclass(kind, k)), kind)
    if not isinstance(other, alike):
        raise TypeError(
            f"expected a {kind.__name__}{where}, as in the primals, not {type(other).__name__}"
        )
    if not isinstance(tree, dict | list | tuple):
        return other
    if len(other) != len(tree) or (isinstance(tree, dict) and set(other) != set(tree)):
        difference = sorted(map(repr, set(other) ^ set(tree))) if isinstance(tree, dict) else []
        what = (
            f"keys {', '.join(difference)}" if difference else f"{len(tree)} against {len(other)}"
        )
        raise TypeError(f"{kind.__name__}s of primals and tangents differ{where}: {what}")
    return other
