"""Run kernels between guards: does any of them write outside of its buffers?

Every buffer lies between canaries, which are looked at after the call. All kernels
that read floating data run by themselves, compiled and through their rules, on
literal shapes and numbers; programs run with every kernel call guarded. Run as
``python -m kernels.guard`` from the root of the repository; it prints one line and
exits with 0, or lists every write outside of a buffer and exits with 1.
"""

from __future__ import annotations

import ctypes
import math
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import awkward as ak
import awkward_cpp.cpu_kernels
import numpy as np

import awkward_dual as ad
from awkward_dual.adapter import NumpyBackend
from awkward_dual.backend import DualBackend
from awkward_dual.kernel import DualKernel
from kernels import manifest
from kernels.manifest import Kernel

__all__ = ("Report", "arguments", "guarded_call", "main", "run_all", "watch")

MARGIN = 256
CANARY = 0xA5
MANIFEST = manifest.load()
nan = math.nan


class Guarded:
    """A copy of an array with canaries on both sides.

    Parameters
    ----------
    x
        The array; its copy is `array`, in the same dtype and shape.
    """

    def __init__(self, x: Any) -> None:
        self._bytes = np.full(2 * MARGIN + x.nbytes, CANARY, dtype=np.uint8)
        inside = self._bytes[MARGIN : MARGIN + x.nbytes]
        self.array = inside.view(x.dtype).reshape(x.shape)
        self.array[...] = x
        self._before = x.copy()

    def written_outside(self) -> str:
        """Where something was written outside of the array; empty if nowhere."""
        found = []
        sides = {"before": self._bytes[:MARGIN], "after": self._bytes[-MARGIN:]}
        for side, canaries in sides.items():
            touched = np.flatnonzero(canaries != CANARY)
            if len(touched):
                distance = MARGIN - touched[0] if side == "before" else touched[-1] + 1
                found.append(f"{distance} bytes {side}")
        return " and ".join(found)

    def changed(self) -> bool:
        """Whether anything was written inside of the array."""
        return bool(self.array.tobytes() != self._before.tobytes())


@dataclass
class Report:
    """What was run, and what was wrong."""

    calls: int = 0
    kernels: set[str] = field(default_factory=set)
    lines: list[str] = field(default_factory=list)

    def look(self, name: str, guards: dict[str, Guarded], what: str) -> None:
        """Note the writes of one call."""
        self.calls += 1
        self.kernels.add(name)
        kernel = MANIFEST[name]
        for argument, guard in guards.items():
            outside = guard.written_outside()
            if outside:
                self.lines.append(f"{name}: writes {outside} {argument} ({what})")
            direction = kernel.directions[kernel.arguments.index(argument)]
            if direction == "in" and guard.changed():
                self.lines.append(f"{name}: writes into {argument}, which it reads ({what})")


# -- kernels by themselves

#: list lengths, and whether the lists lie somewhere inside of the data
SHAPES: dict[str, tuple[list[int], bool]] = {
    "no lists": ([], False),
    "one empty list": ([0], False),
    "one element": ([1], False),
    "empty lists around": ([0, 2, 0, 0, 3, 0], False),
    "gaps before and after": ([2, 0, 1, 4], True),
    "a long list": ([0, 300, 1], False),
}
#: what the elements are, by their number
NUMBERS: dict[str, Callable[[Any], Any]] = {
    "distinct": lambda i: (i * 7) % 311 - 4.5,
    "zeros": lambda i: 0.0 * i,
    "ties": lambda i: i % 2 - 0.5,
    "NaN first": lambda i: np.where(i % 2 == 0, nan, i * 1.0),
    "NaN only": lambda i: np.full(len(i), nan),
    "infinities": lambda i: np.where(i % 2 == 0, math.inf, -math.inf),
}


def floating_keys() -> list[tuple[Any, ...]]:
    """The keys of all kernels with floating data, as the manifest counts them."""
    keys = [
        key
        for key in awkward_cpp.cpu_kernels.kernel
        if any(issubclass(t, np.inexact) for t in key[1:])
    ]
    assert len(keys) == sum(kernel.floating for kernel in MANIFEST.values())
    return keys


def arguments(key: tuple[Any, ...], shape: str, numbers: str) -> dict[str, Any]:
    """Arguments of a kernel by name; buffers are as long as Awkward makes them."""
    kernel = MANIFEST[key[0]]
    counts, gaps = SHAPES[shape]
    around = 2 if gaps and "outlength" in kernel.arguments else 0
    offsets = np.concatenate([[0], np.cumsum(counts, dtype=np.int64)]) + around
    size = int(offsets[-1]) + around
    pairs = 2 if kernel.name.endswith("_complex") else 1
    data = NUMBERS[numbers](np.arange(size * pairs))
    writes_lists = "outlength" in kernel.arguments
    known = {
        "toptr": np.zeros(len(counts) if writes_lists else size),
        "fromptr": data,
        "tmpptr": data,
        "offsets": offsets,
        "fromoffsets": offsets,
        "starts": offsets[:-1],
        "fromstarts": offsets[:-1],
        "fromstops": offsets[1:],
        "tooffsets": np.zeros(len(offsets)),
        "toequal": np.zeros(1),
        "means": np.zeros(len(counts)),
        "identity": 0.5,
        "n": 3,
        "outlength": len(counts),
        "offsetslength": len(offsets),
        "length": len(counts) if "fromstarts" in kernel.arguments else size,
        "ascending": True,
        "stable": True,
    }
    if kernel.name == "awkward_unique_ranges":
        known["toptr"] = data
    complex_out = pairs == 2 and np.dtype(key[1]).kind == "f"
    if complex_out and writes_lists:
        known["toptr"] = np.zeros(len(counts) * 2)
    return _typed(key, kernel, known)


def _typed(key: tuple[Any, ...], kernel: Kernel, known: dict[str, Any]) -> dict[str, Any]:
    """The arguments in the types of the compiled function."""
    out = {}
    types = awkward_cpp.cpu_kernels.kernel[key].argtypes
    with warnings.catch_warnings(), np.errstate(invalid="ignore"):
        warnings.simplefilter("ignore")  # NaN as an integer
        for name, ctype in zip(kernel.arguments, types, strict=True):
            if issubclass(ctype, ctypes._Pointer):
                out[name] = np.asarray(known[name]).astype(np.dtype(ctype._type_))
            else:
                out[name] = known[name]
    return out


def guarded_call(
    key: tuple[Any, ...],
    plain: dict[str, Any],
    call: Callable[..., Any],
    report: Report,
    what: str = "",
) -> None:
    """Call a kernel with its buffers guarded, and note what it writes outside of them."""
    guards = {name: Guarded(x) for name, x in plain.items() if isinstance(x, np.ndarray)}
    call(*(guards[name].array if name in guards else x for name, x in plain.items()))
    report.look(key[0], guards, what)


def _through_rule(key: tuple[Any, ...]) -> Callable[..., Any]:
    """A kernel over live data: its rule reads the buffers, and may call other kernels."""

    def call(*args: Any) -> None:
        kernel = MANIFEST[key[0]]
        live = []
        for name, x in zip(kernel.arguments, args, strict=True):
            if isinstance(x, np.ndarray):
                floats = name in kernel.differentiable and x.dtype.kind == "f"
                x = ad.DualArray(x, np.ones(x.shape, x.dtype) if floats else None)
            live.append(x)
        with np.errstate(all="ignore"):
            DualBackend.instance()[key](*live)

    return call


def run_kernels(report: Report) -> None:
    """All kernels with floating data, compiled (unless a rule replaces them) and by their rules."""
    for key in floating_keys():
        compiled = NumpyBackend.instance()[key]
        for shape in SHAPES:
            for numbers in NUMBERS:
                plain = arguments(key, shape, numbers)
                what = f"{np.dtype(key[2]).name}, {shape}, {numbers}"
                if MANIFEST[key[0]].cpu == "compiled":
                    guarded_call(key, plain, compiled, report, f"compiled, {what}")
                guarded_call(key, plain, _through_rule(key), report, f"rule, {what}")


# -- programs


@contextmanager
def watch(report: Report) -> Iterator[None]:
    """Guard every kernel call of Awkward, on ``cpu`` and on ``dual``.

    A buffer that stands for several arguments stays one buffer.
    """
    kernel_type: Any = type(NumpyBackend.instance()[floating_keys()[0]])
    original = kernel_type.__call__
    dual_type: Any = DualKernel
    direct = dual_type.__dict__["_callable"]
    cached = DualBackend.instance()._kernels

    def call(self: Any, *args: Any) -> Any:
        arrays = {
            id(x): x for x in map(_materialized, args) if isinstance(x, np.ndarray) and x.ndim
        }
        guards = {number: Guarded(x) for number, x in arrays.items()}
        replaced = [guards[id(x)].array if id(x) in guards else x for x in map(_materialized, args)]
        error = original(self, *replaced)
        names = MANIFEST[self.key[0]].arguments
        by_name = {
            name: guards[id(x)] for name, x in zip(names, args, strict=True) if id(x) in guards
        }
        report.look(self.key[0], by_name, "in a program")
        for number, guard in guards.items():
            if guard.changed():
                arrays[number][...] = guard.array
        return error

    kernel_type.__call__ = call
    # the dual backend would call the compiled functions by their addresses
    dual_type._callable = staticmethod(lambda kernel: kernel)
    cached.clear()
    try:
        yield
    finally:
        kernel_type.__call__ = original
        dual_type._callable = direct
        cached.clear()


def _materialized(x: Any) -> Any:
    return x.materialize() if hasattr(x, "materialize") else x


DATA = [
    ak.Array([[3.0, 1.0, 2.0], [], [5.0, 5.0], [-1.0]]),
    ak.Array([[nan, 1.0, nan], [nan], [], [2.0, nan]]),
    ak.Array([[[1.0, 2.0], []], [], [[3.0], [4.0, nan, 4.0]]]),
    ak.Array([[1.0, None, 3.0], None, [], [None]]),
    ak.Array([[], []])[:0],
]
PROGRAMS: dict[str, Callable[[Any], Any]] = {
    "sum": lambda x: ak.sum(x, axis=-1),
    "sum of the first axis": lambda x: ak.sum(x, axis=0),
    "prod": lambda x: ak.prod(x, axis=-1),
    "max": lambda x: ak.max(x, axis=-1),
    "min with a start": lambda x: ak.min(x, axis=-1, initial=2.5),
    "argmax": lambda x: x[ak.argmax(x, axis=-1, keepdims=True)],
    "sort": lambda x: ak.sort(x, axis=-1),
    "sort downwards": lambda x: ak.sort(x, axis=-1, ascending=False, stable=False),
    "sort of the first axis": lambda x: ak.sort(x, axis=0),
    "argsort": lambda x: x[ak.argsort(x, axis=-1)],
    "mean": lambda x: ak.mean(x, axis=-1),
    "std": lambda x: ak.std(x, axis=-1),
    "var of the first axis": lambda x: ak.var(x, axis=0),
    "any": lambda x: ak.any(x, axis=-1),
    "count": lambda x: ak.count_nonzero(x, axis=-1),
    "validity": ak.is_valid,
    "runs": lambda x: ak.run_lengths(ak.flatten(x, axis=None)),
    "combinations": lambda x: ak.combinations(x, 2, axis=-1),
    "cartesian": lambda x: ak.cartesian([x, x], axis=1),
    "concatenate": lambda x: ak.concatenate([x, x], axis=1),
    "pad_none": lambda x: ak.pad_none(x, 2, axis=-1),
    "clip and fill": lambda x: ak.fill_none(ak.pad_none(x, 2, axis=-1, clip=True), 0.0, axis=-1),
    "a mask": lambda x: x[x > 1.5],
    "jagged slices": lambda x: x[:, ::-1][:, :1],
    "firsts": lambda x: ak.firsts(x, axis=1),
    "flatten": lambda x: ak.flatten(x, axis=1),
    "drop_none": lambda x: ak.drop_none(x, axis=-1),
    "broadcasting": lambda x: x * ak.local_index(x, axis=0),
    "pickled": lambda x: ak.to_packed(x[[0, 0]] if len(x) else x),
}


def run_programs(report: Report) -> None:
    """Programs with every kernel call guarded: on ``cpu``, in forward and in reverse mode."""
    with watch(report), np.errstate(all="ignore"):
        for program in PROGRAMS.values():
            for x in DATA:
                for mode in (program, _forward(program), _reverse(program)):
                    try:
                        mode(x)
                    except (ValueError, TypeError, IndexError):
                        # what Awkward refuses on this array has run its kernels, too
                        continue


def _forward(program: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda x: ad.jvp(program, (x,), (ak.ones_like(x),))


def _reverse(program: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def pull(x: Any) -> Any:
        value, pullback = ad.vjp(program, x)
        return pullback(ak.ones_like(value))

    return pull


def run_all() -> Report:
    """Everything, in one report."""
    report = Report()
    run_kernels(report)
    run_programs(report)
    return report


def main() -> int:
    report = run_all()
    if report.lines:
        print("\n".join(dict.fromkeys(report.lines)))
        print(f"{len(report.lines)} writes outside of buffers", file=sys.stderr)
        return 1
    print(f"{report.calls} guarded calls of {len(report.kernels)} kernels: "
          "no write outside of a buffer")  # fmt: skip
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
