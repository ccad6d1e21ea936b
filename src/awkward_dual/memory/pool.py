"""An allocator for NumPy's arrays (NEP 49) that gives large blocks out again.

Each block begins with its size, in bytes of its own. A large one that is freed while the pool
is open is kept. It is given out for an array of its size, or a little less; where
none fits, as many bytes of the oldest are freed as are asked for, so that blocks in use and kept
ones together never take more than those in use did at their peak.

NumPy calls these functions with Python's lock held. An array may outlive the call, the pool
and every name of this module: what its buffer is freed by never goes away.
"""

from __future__ import annotations

import ctypes
import threading
from typing import Any, NamedTuple

import numba
import numpy as np
from numba import types
from numba.core import typing
from numpy._core import _multiarray_umath  # type: ignore[attr-defined]

from awkward_dual import jit
from awkward_dual.runs.interpreter import arrays_of

__all__ = ("LARGE", "RESERVE", "SLOTS", "begin_again", "enter", "is_free", "kept", "leave")

#: the allocator's, which NumPy tells of an array
NAME = b"awkward_dual"
#: bytes before each block: its size, and room so that a block on pages of its own begins a cache line
HEAD = 48
#: bytes from which a block is kept
LARGE = 2**20
#: bytes that are kept for the next call at most
RESERVE = 2**27
#: blocks that are kept at most
SLOTS = 64
#: one part in so many of a block that is given out may be left over
SPARE = 8
#: bytes of a page; bytes from which NumPy asks for huge pages; the advice of `madvise` that does
PAGE, HUGE, ADVICE = 2**12, 2**22, 14
#: more bytes than there are
ALL = 2**62

# the state: how many calls have the pool open, how many blocks it keeps, whether huge pages
# are asked for; then size and address of each kept block, the oldest first
_CALLS, _COUNT, _ASKS, _FIRST = 0, 1, 2, 3

#: the place of ``PyDataMem_SetHandler`` in NumPy's table of functions, a part of its ABI
_SET_HANDLER = 304

_int = types.int64
_words = arrays_of(np.int64)


def _of_c(name: str, result: Any, *arguments: Any) -> Any:
    """A function of the C library; pointers are integers."""
    return types.ExternalFunction(name, typing.signature(result, *arguments))


_c_malloc = _of_c("malloc", _int, _int)
_c_calloc = _of_c("calloc", _int, _int, _int)
_c_realloc = _of_c("realloc", _int, _int, _int)
_c_free = _of_c("free", types.void, _int)
_c_memset = _of_c("memset", _int, _int, types.int32, _int)
_c_madvise = _of_c("madvise", types.int32, _int, _int, types.int32)


@numba.njit  # type: ignore[untyped-decorator]
def _take_out(state: Any, place: int) -> Any:
    """Take a kept block out of the state, and give its address."""
    first = _FIRST + 2 * place
    address = state[first + 1]
    state[_COUNT] -= 1
    for i in range(first, _FIRST + 2 * state[_COUNT]):
        state[i] = state[i + 2]
    return address


@numba.njit  # type: ignore[untyped-decorator]
def _free_oldest(state: Any) -> Any:
    """Free a kept block, and give its size."""
    size = state[_FIRST]
    _c_free(_take_out(state, 0) - HEAD)
    return size


@numba.njit  # type: ignore[untyped-decorator]
def _make_room(pool: int, size: int) -> Any:
    """Free the oldest blocks, until they had so many bytes; whether there was any."""
    state = _words(pool, _FIRST + 2 * SLOTS)
    freed = 0
    while freed < size and state[_COUNT]:
        freed += _free_oldest(state)
    return freed > 0


@numba.njit  # type: ignore[untyped-decorator]
def _kept_block(pool: int, size: int) -> Any:
    """The address of the kept block that fits best; 0, and room for it, where there is none."""
    state = _words(pool, _FIRST + 2 * SLOTS)
    if size < LARGE or state[_CALLS] <= 0:
        return 0
    place, best = -1, size + size // SPARE + 1
    for i in range(state[_COUNT]):
        own = state[_FIRST + 2 * i]
        if size <= own < best:
            place, best = i, own
    if place >= 0:
        return _take_out(state, place)
    _make_room(pool, size)
    return 0


@numba.njit  # type: ignore[untyped-decorator]
def _begun(pool: int, start: int, size: int) -> Any:
    """The address of a new block, after its size is written down."""
    if not start:
        return 0
    if size >= HUGE and _words(pool, _FIRST)[_ASKS]:
        page = (start + PAGE - 1) // PAGE * PAGE
        _c_madvise(page, start + HEAD + size - page, ADVICE)
    _words(start, 1)[0] = size
    return start + HEAD


def _malloc(pool: int, size: int) -> Any:
    block = _kept_block(pool, size)
    if block:
        return block
    start = _c_malloc(size + HEAD)
    if not start and _make_room(pool, ALL):
        start = _c_malloc(size + HEAD)
    return _begun(pool, start, size)


def _calloc(pool: int, count: int, itemsize: int) -> Any:
    size = count * itemsize
    block = _kept_block(pool, size)
    if block:
        _c_memset(block, 0, size)
        return block
    start = _c_calloc(1, size + HEAD)
    if not start and _make_room(pool, ALL):
        start = _c_calloc(1, size + HEAD)
    return _begun(pool, start, size)


def _realloc(pool: int, block: int, size: int) -> Any:
    before = block - HEAD if block else 0
    if size >= LARGE:
        _make_room(pool, size - (_words(before, 1)[0] if before else 0))
    start = _c_realloc(before, size + HEAD)
    if not start and _make_room(pool, ALL):
        start = _c_realloc(before, size + HEAD)
    return _begun(pool, start, size)


def _free(pool: int, block: int, _size: int) -> None:
    if not block:
        return
    state = _words(pool, _FIRST + 2 * SLOTS)
    size = _words(block - HEAD, 1)[0]
    if size < LARGE or state[_CALLS] <= 0:
        _c_free(block - HEAD)
        return
    if state[_COUNT] == SLOTS:
        _free_oldest(state)
    place = _FIRST + 2 * state[_COUNT]
    state[place], state[place + 1] = size, block
    state[_COUNT] += 1


def _enter(pool: int, calls: int) -> None:
    _words(pool, _FIRST)[_CALLS] += calls


def _leave(pool: int, most: int) -> None:
    """End a call; after the last one free the oldest blocks, until the others have so many bytes."""
    state = _words(pool, _FIRST + 2 * SLOTS)
    # an interrupt may have come before its beginning
    state[_CALLS] = max(state[_CALLS] - 1, 0)
    if state[_CALLS]:
        return
    total = 0
    for i in range(state[_COUNT]):
        total += state[_FIRST + 2 * i]
    while total > most:
        total -= _free_oldest(state)


class _Allocator(ctypes.Structure):
    """``PyDataMem_Handler`` of NumPy's C API, with ``PyDataMemAllocator`` in it."""

    _fields_ = (
        ("name", ctypes.c_char * 127),
        ("version", ctypes.c_uint8),
        *((part, ctypes.c_void_p) for part in ("pool", "malloc", "calloc", "realloc", "free")),
    )


class _Pool(NamedTuple):
    """The state, the capsule that NumPy knows the allocator by, and what works on it."""

    state: Any
    capsule: Any
    set_allocator: Any
    enter: Any
    leave: Any


class _State:
    # a handler of a signal may come back here
    lock = threading.RLock()


_made: list[_Pool] = []


def _pool() -> _Pool:
    if not _made:
        with _State.lock:
            if not _made:
                made = _make()
                if not _made:
                    _made.append(made)
    return _made[0]


def _make() -> _Pool:
    state = np.zeros(_FIRST + 2 * SLOTS, np.int64)
    state[_ASKS] = _multiarray_umath._get_madvise_hugepage()
    functions = [
        _compiled(_malloc, _int, _int, _int),
        _compiled(_calloc, _int, _int, _int, _int),
        _compiled(_realloc, _int, _int, _int, _int),
        _compiled(_free, types.void, _int, _int, _int),
    ]
    counts = [_compiled(function, types.void, _int, _int) for function in (_enter, _leave)]
    addresses = [function.address for function in functions]
    allocator = _Allocator(NAME, 1, state.ctypes.data, *addresses)
    capsule, set_allocator = _of_numpy(allocator)
    python = ctypes.PyDLL(None)
    python.Py_IncRef.argtypes = [ctypes.py_object]
    for part in (*functions, *counts, allocator, state, capsule, _NAME):
        python.Py_IncRef(part)
    # unlike Numba's own, these keep Python's lock
    kind = ctypes.PYFUNCTYPE(None, ctypes.c_void_p, ctypes.c_int64)
    return _Pool(state, capsule, set_allocator, *(kind(count.address) for count in counts))


#: what a capsule keeps is the address of its name
_NAME = ctypes.c_char_p(b"mem_handler")


def _of_numpy(allocator: _Allocator) -> tuple[Any, Any]:
    """What NumPy knows an allocator by, and its function ``PyDataMem_SetHandler``."""
    python = ctypes.PyDLL(None)
    python.PyCapsule_New.restype = ctypes.py_object
    python.PyCapsule_New.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p]
    python.PyCapsule_GetPointer.restype = ctypes.c_void_p
    python.PyCapsule_GetPointer.argtypes = [ctypes.py_object, ctypes.c_char_p]
    table = python.PyCapsule_GetPointer(_multiarray_umath._ARRAY_API, None)
    place = ctypes.cast(table, ctypes.POINTER(ctypes.c_void_p))[_SET_HANDLER]
    capsule = python.PyCapsule_New(ctypes.addressof(allocator), _NAME, None)
    return capsule, ctypes.PYFUNCTYPE(ctypes.py_object, ctypes.py_object)(place)


def _compiled(function: Any, result: Any, *arguments: Any) -> Any:
    return jit.callback(result(*arguments), function)


def is_free() -> bool:
    """Whether NumPy's allocator is its own in this context, and not that of another library."""
    return _multiarray_umath.get_handler_name() in ("default_allocator", NAME.decode())


def enter() -> None:
    """Let NumPy take its arrays out of the pool in this context."""
    pool = _pool()
    pool.enter(pool.state.ctypes.data, 1)
    pool.set_allocator(pool.capsule)


def leave() -> None:
    """Give NumPy its allocator back; after the last of all calls the pool keeps a reserve."""
    pool = _pool()
    pool.set_allocator(ctypes.py_object())
    pool.leave(pool.state.ctypes.data, RESERVE)


def begin_again(calls: int) -> None:
    """Set how many calls have the pool open: a forked process has none but its own."""
    _State.lock = threading.RLock()
    for pool in _made:
        pool.state[_CALLS] = calls


def kept() -> int:
    """The bytes of the blocks that the pool keeps."""
    pool = _pool()
    count = int(pool.state[_COUNT])
    return int(pool.state[_FIRST : _FIRST + 2 * count : 2].sum())
