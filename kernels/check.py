"""Hold manifest, installed Awkward and rule table against each other.

Run as ``python -m kernels.check`` from the root of the repository; it prints one
line and exits with 0, or lists every gap and exits with 1.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Collection, Iterator, Mapping

from awkward_dual.rules import Kind, Rule, rows
from kernels import installed, manifest
from kernels.installed import InstalledKernel
from kernels.manifest import Kernel

__all__ = ("compare", "kernel_rows", "main", "problems")

_PASSIVE = ("structure", "step")


def kernel_rows() -> dict[str, Rule]:
    """The rows of the rule table that are kernels."""
    return {row.target: row for row in rows() if isinstance(row.target, str)}


def compare(
    listed: Mapping[str, Kernel],
    found: Mapping[str, InstalledKernel],
    table: Mapping[str, Rule],
    called: Collection[str],
) -> list[str]:
    """Every disagreement, one line each; an empty list is agreement."""
    return [
        *_names("awkward-cpp", found, listed),
        *_names("the rule table", table, listed),
        *(f"{name}: looked up by awkward, but no kernel"
          for name in sorted(set(called) - set(found))),
        *(line for name in sorted(listed.keys() & found.keys())
          for line in _installed(listed[name], found[name], name in called)),
        *(line for name in sorted(listed.keys() & table.keys())
          for line in _ruled(listed[name], table[name])),
    ]  # fmt: skip


def _names(where: str, there: Collection[str], listed: Mapping[str, Kernel]) -> Iterator[str]:
    for name in sorted(set(listed) - set(there)):
        yield f"{name}: in the manifest, not in {where}"
    for name in sorted(set(there) - set(listed)):
        yield f"{name}: in {where}, not in the manifest"


def _installed(kernel: Kernel, found: InstalledKernel, called: bool) -> Iterator[str]:
    pairs = {
        "keys": (kernel.keys, found.keys),
        "floating keys": (kernel.floating, found.floating),
        "CUDA route": (kernel.cuda, found.cuda),
        "called": (kernel.called, called),
        "arguments": (len(kernel.directions), len(found.directions)),
    }
    for what, (says, is_) in pairs.items():
        if says != is_:
            yield f"{kernel.name}: {what}: the manifest says {says}, awkward has {is_}"
    for name, says, is_ in zip(kernel.arguments, kernel.directions, found.directions, strict=False):
        if says not in (is_, "inout"):
            yield f"{kernel.name}: argument {name}: the manifest says {says}, awkward has {is_}"


def _ruled(kernel: Kernel, row: Rule) -> Iterator[str]:
    if kernel.kind != row.kind.value:
        yield f"{kernel.name}: the manifest says {kernel.kind}, the rule table {row.kind.value}"
    if kernel.kind == "structure" and kernel.floating:
        yield f"{kernel.name}: of kind structure, but a key has a floating type"
    if kernel.kind in _PASSIVE:
        if kernel.differentiable:
            yield f"{kernel.name}: of kind {kernel.kind}, but says what is differentiable"
        return
    arguments = row.option("args")
    if arguments != kernel.arguments:
        yield f"{kernel.name}: arguments {kernel.arguments}, in the rule table {arguments}"
    if not kernel.differentiable or not set(kernel.differentiable) <= set(kernel.arguments):
        yield f"{kernel.name}: {kernel.differentiable} are not among its arguments"


def problems() -> list[str]:
    """What disagrees now."""
    found = installed.kernels()
    lines = compare(manifest.load(), found, kernel_rows(), installed.looked_up())
    describes, has = manifest.supported_version(), installed.awkward_cpp_version()
    if describes != has:
        lines.insert(0, f"the manifest describes awkward-cpp {describes}, installed is {has}")
    return lines


def main() -> int:
    lines = problems()
    if lines:
        print("\n".join(lines))
        print(f"{len(lines)} disagreements", file=sys.stderr)
        return 1
    listed = manifest.load().values()
    kinds = Counter(kernel.kind for kernel in listed)
    counts = ", ".join(f"{kinds[kind.value]} {kind.value}" for kind in Kind)
    keys = sum(kernel.keys for kernel in listed)
    print(f"{len(listed)} kernels, {keys} specialisations: {counts}; manifest, awkward-cpp "
          f"{installed.awkward_cpp_version()} and rule table agree")  # fmt: skip
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
