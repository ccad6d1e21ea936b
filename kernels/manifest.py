"""The manifest of Awkward's kernels, as written in ``manifest.json``."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

__all__ = ("MANIFEST", "Kernel", "load", "supported_version")

MANIFEST = Path(__file__).with_name("manifest.json")


@dataclass(frozen=True)
class Kernel:
    """One kernel: its kind, its arguments and where it runs.

    ``manifest.json`` says what the fields mean.
    """

    name: str
    kind: str
    keys: int
    floating: int
    arguments: tuple[str, ...]
    directions: tuple[str, ...]
    differentiable: tuple[str, ...]
    cpu: str
    cuda: str
    called: bool


def load(path: Path = MANIFEST) -> dict[str, Kernel]:
    """The kernels of a manifest by name.

    Raises
    ------
    ValueError
        If a name stands twice.
    """
    out: dict[str, Kernel] = {}
    for entry in json.loads(path.read_text())["kernels"]:
        arguments = [argument.split() for argument in entry["arguments"].split(", ")]
        kernel = Kernel(
            name=entry["name"],
            kind=entry["kind"],
            keys=entry["keys"],
            floating=entry["floating"],
            arguments=tuple(name for _, name in arguments),
            directions=tuple(direction for direction, _ in arguments),
            differentiable=tuple(entry.get("differentiable", "").split()),
            cpu=entry["cpu"],
            cuda=entry["cuda"],
            called=entry.get("called", True),
        )
        if kernel.name in out:
            raise ValueError(f"{kernel.name} stands twice in {path.name}")
        out[kernel.name] = kernel
    return out


def supported_version(path: Path = MANIFEST) -> str:
    """The release of awkward-cpp that the manifest describes."""
    return str(json.loads(path.read_text())["awkward_cpp"])
