"""Compiled loops: partials and their products with the tangents in one pass over memory.

For arrays that do not fit into the cache, a rule in NumPy's array operations
spends its time on temporaries. Here a rule's formula becomes one loop for all
directions, compiled by Numba and kept on disk. Loading Numba costs more than a
small program, so the loops come in when a process has done enough work to
profit: see `WORK`. Set the environment variable ``AWKWARD_DUAL_ENGINE`` to
``numpy`` to do without them, to ``compiled`` to have them from the first element.
"""

from __future__ import annotations

import functools
import hashlib
import math
import os
import sys
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from awkward_dual import jit
from awkward_dual.loop_source import of_many_directions, of_one_direction
from awkward_dual.memory import reuse_buffers
from awkward_dual.threads import num_threads, run_all
from awkward_dual.tracing import Formulas, NoFormula, trace
from awkward_dual.twins import TWINS, has_twin, quarters

__all__ = (
    "BLOCK",
    "Form",
    "Loop",
    "columns",
    "compile_loop",
    "compile_source",
    "engine_name",
    "is_large",
    "pays",
    "set_engine",
    "weighted",
)

#: elements of a block whose arrays, prepared by NumPy, stay in the cache
BLOCK = 2**15

#: elements times directions that rules must have processed before loops are compiled:
#: in NumPy they take about as long as the loops take to load
WORK = 5_000_000
#: below this many elements a call of a compiled loop costs more than it saves
SMALLEST = 32_768
_ENGINES = ("auto", "numpy", "compiled")


class _State:
    engine = os.environ.get("AWKWARD_DUAL_ENGINE", "auto")
    work = 0
    # Numba's extensions may come back here
    lock = threading.RLock()


if _State.engine not in _ENGINES:
    raise ValueError(
        f"the environment variable AWKWARD_DUAL_ENGINE is one of {', '.join(_ENGINES)}, "
        f"not {_State.engine!r}"
    )


def _after_fork() -> None:
    """A forked process has no thread that would release the lock."""
    _State.lock = threading.RLock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
_loops: dict[Any, Any] = {}


def set_engine(name: str) -> str:
    """Choose what computes the tangents of large arrays.

    Parameters
    ----------
    name : {"auto", "numpy", "compiled"}
        With ``"auto"`` loops are compiled (and kept on disk) when a process has
        done enough work to profit; ``"numpy"`` never, ``"compiled"`` from the
        first array on. Values are the same, tangents agree to rounding.

    Returns
    -------
    str
        The engine chosen before.

    Raises
    ------
    ValueError
        For any other name.

    Examples
    --------
    >>> import awkward_dual as ad
    >>> before = ad.set_engine("numpy")
    >>> ad.set_engine(before)
    'numpy'
    """
    if name not in _ENGINES:
        raise ValueError(f"the engine is one of {', '.join(_ENGINES)}, not {name!r}")
    before, _State.engine = _State.engine, name
    return before


#: what Numba will say of itself when it is imported
_DISABLED = os.environ.get("NUMBA_DISABLE_JIT", "0") not in ("", "0")


def engine_name() -> str:
    """The engine chosen by `set_engine`, or NumPy where Numba does not compile."""
    return "numpy" if _compiles_nothing() else _State.engine


def _compiles_nothing() -> bool:
    """Whether Numba was told to run Python in place of compiled functions."""
    config = getattr(sys.modules.get("numba"), "config", None)
    return _DISABLED if config is None else bool(config.DISABLE_JIT)


def columns(x: Any, block: slice) -> Any:
    """A block of an array that may be constant along its last axis."""
    return x[block] if getattr(x, "ndim", 0) and x.shape[-1] != 1 else x


def is_large(length: int) -> bool:
    """Whether arrays of this length are worth more than NumPy's operations on the whole."""
    return length >= SMALLEST or engine_name() == "compiled"


def pays(elements: int) -> bool:
    """Whether a loop over so many elements (of all directions) is to be a compiled one."""
    if engine_name() == "auto":
        _State.work += elements if elements >= SMALLEST else 0
        is_compiled = elements >= SMALLEST and _State.work > WORK
    else:
        is_compiled = engine_name() == "compiled"
    if is_compiled:
        reuse_buffers(elements)
    return is_compiled


def weighted(
    body: Callable[..., Any],
    inputs: Sequence[Any],
    tangents: Sequence[Any],
    live: Sequence[int],
    full: tuple[int, int],
    dtype: Any,
    target: Any = None,
) -> Any:
    """The sum of partial times tangent by a compiled loop; ``None`` where NumPy is to do it.

    Parameters
    ----------
    body
        A rule's body; its formula is found once for each pattern of inputs.
    inputs
        The output and the inputs: arrays of length n or numbers, all of `dtype`.
    tangents
        Those of the inputs `live`, of shape ``(k, n)`` or ``(k, 1)``.
    full, dtype
        Shape ``(k, n)`` and dtype of the result.
    target
        The function whose rule it is.
    """
    if dtype.type not in (np.float64, np.float32) or not pays(full[0] * full[1]):
        return None
    # compiled code checks no bounds
    n = full[1]
    inputs = [x.reshape(()) if x.shape == (1,) != (n,) else x for x in inputs]
    if any(x.shape not in ((), (n,)) or x.dtype != dtype for x in inputs):
        return None
    if any(t.shape not in (full, (full[0], 1)) or t.dtype != dtype for t in tangents):
        return None
    form = Form(body, dtype.type, tuple(x.ndim for x in inputs), target)
    single = tuple(t.shape[1] == 1 for t in tangents)
    loop = form.loop(inputs, tuple(live), single, is_one=full[0] == 1)
    return None if loop is None else loop(inputs, tangents, full, dtype)


class Form(NamedTuple):
    """A rule's body with the type and the numbers of axes of what it is applied to.

    `flags` are the positions of arrays of booleans.
    """

    body: Callable[..., Any]
    scalar: type
    ndims: tuple[int, ...]
    target: Any
    flags: tuple[int, ...] = ()

    def loop(
        self,
        inputs: Sequence[Any],
        live: tuple[int, ...],
        single: tuple[bool, ...],
        *,
        is_one: bool,
        build: Callable[..., Any] | None = None,
    ) -> Any:
        """The loop for the tangents of the inputs `live`, if the body has formulas.

        `single` says which tangents are the same for all elements, `is_one` whether
        there is one direction; of `inputs` only those without axes are looked at.
        `build` makes the loop out of the formulas, a `Loop` if it is not given.
        """
        pattern = (build or _loop, self, live, single, is_one)
        loop = _find(pattern, [None] * len(inputs))
        if loop is None:
            # squares and cubes, by far the most frequent powers, have formulas of their own
            literals = [
                x if not n and x in (2, 3) else None
                for x, n in zip(inputs, self.ndims, strict=True)
            ]
            if any(x is not None for x in literals):
                loop = _find((*pattern, tuple(literals)), literals)
        return loop


def _find(pattern: Any, literals: list[Any]) -> Any:
    try:
        return _loops[pattern]
    except KeyError:
        with _State.lock:
            if pattern not in _loops:
                _loops[pattern] = _make(pattern, literals)
            return _loops[pattern]


def _make(pattern: Any, literals: list[Any]) -> Any:
    build, form, live, single, is_one, *_ = pattern
    try:
        formulas = trace(form, live, literals)
    except (NoFormula, AttributeError, TypeError):
        # what symbols do not know, or the rule refuses: NumPy does it, or says why not
        return None
    return build(formulas, form, single, is_one)


def _loop(formulas: Formulas, form: Form, single: Sequence[bool], is_one: bool) -> Loop:
    write = of_one_direction if is_one else of_many_directions
    source = write(formulas, form.ndims, single)
    function = compile_source(source, "loop", form.scalar, {"empty": np.empty}, compile_loop)
    used = formulas.used(len(form.ndims))
    return Loop(function, formulas.prepared, np.dtype(form.scalar), used)


def compile_source(
    source: str,
    prefix: str,
    scalar: Any,
    names: dict[str, Any],
    compiler: Callable[[Any], Any],
) -> Any:
    """Compile the source of a loop for arrays of a type; `names` are what it uses beside formulas."""
    # the index of Numba's cache knows names, not constants
    digest = hashlib.sha256(source.encode()).hexdigest()[:16]
    name = f"{prefix}_{np.dtype(scalar).name}_{digest}"
    namespace = {"F": scalar, "D": np.float64, "sqrt": math.sqrt, "select": _select(), **names}
    code = compile(source.replace("NAME", name, 1), __file__, "exec")
    exec(code, namespace)
    namespace[name].__module__ = __name__
    return compiler(namespace[name])


@functools.cache
def _select() -> Any:
    """``select(condition, a, b)`` without a branch, which would keep a loop from being vectorised."""
    from numba.core import types
    from numba.extending import intrinsic

    @intrinsic  # type: ignore[untyped-decorator]
    def select(_context: Any, _condition: Any, a: Any, _b: Any) -> Any:
        def write(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
            return builder.select(*arguments)

        return a(types.boolean, a, a), write

    return select


@functools.cache
def compile_loop(function: Callable[..., Any]) -> Callable[..., Any]:
    """A loop compiled by Numba, from its cache on disk if it is there."""
    from numba.core import entrypoints

    with _State.lock:
        # Numba does this when it first compiles, and lets other threads compile before it is done
        entrypoints.init_all()
    return jit.jitted(function, nogil=True, error_model="numpy")  # type: ignore[no-any-return]


@dataclass
class Loop:
    """A compiled loop, and what NumPy computes for it beforehand."""

    function: Any
    prepared: list[tuple[Any, tuple[Any, ...]]]
    dtype: Any
    #: the positions of the inputs that it looks at
    used: frozenset[int]

    def __call__(
        self, inputs: Sequence[Any], tangents: Sequence[Any], full: tuple[int, int], dtype: Any
    ) -> Any:
        result = out = np.empty(full, dtype)
        if full[0] == 1:
            out, tangents = out[0], [t[0] for t in tangents]
        threads = num_threads()
        blocks = self._blocks(full[1], threads)
        calls = [
            (
                # a number, not an array without axes: Numba computes with those in arrays
                [columns(x, block) if x.ndim else x[()] for x in inputs],
                [t if t.shape[-1] == 1 else t[..., block] for t in tangents],
                out[..., block],
            )
            for block in blocks
        ]
        if len(calls) > 1 and threads > 1:
            run_all(lambda arguments: self.run(*arguments), calls, threads)
        else:
            for arguments in calls:
                self.run(*arguments)
        return result

    def _blocks(self, length: int, threads: int) -> list[slice]:
        """One block for each thread, and no longer than what NumPy prepares in the cache."""
        size = -(-length // threads)
        if self.prepared:
            size = min(size, BLOCK)
        size = max(size, 1)
        return [slice(start, min(start + size, length)) for start in range(0, length, size)]

    def run(self, inputs: Sequence[Any], tangents: Sequence[Any], out: Any) -> None:
        """Fill `out` from blocks of its length; arrays of one direction have one axis."""
        values = prepare(self.prepared, inputs, self.dtype)
        values = [np.broadcast_to(v, out.shape[-1:]) for v in values]
        self.function(*inputs, *values, *tangents, out)


def prepare(prepared: Sequence[Any], inputs: Sequence[Any], dtype: Any) -> list[Any]:
    """What NumPy computes for a loop beforehand."""
    values: list[Any] = []
    if prepared:
        with np.errstate(all="ignore"):
            for ufunc, args in prepared:
                given = [
                    dtype.type(a)
                    if isinstance(a, float)
                    else inputs[a]
                    if a >= 0
                    else values[-1 - a]
                    for a in args
                ]
                values.append(_prepared(ufunc, given))
    return values


def _prepared(ufunc: Any, args: Sequence[Any]) -> Any:
    if not has_twin(ufunc, args):
        return ufunc(*args)
    out = np.empty(args[0].shape)
    compile_loop(quarters)(args[0], TWINS[ufunc], out)
    return out
