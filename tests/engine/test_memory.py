"""The pool of large buffers: what is freed in a call is taken again, and nothing else changes."""

from __future__ import annotations

import contextvars
import gc
import os
import subprocess
import sys
import textwrap
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import awkward as ak
import numpy as np
import pytest

import awkward_dual as ad
from awkward_dual import memory
from awkward_dual.memory import pool

if not memory._is_supported():
    pytest.skip("the pool is for CPython with a lock, on Linux", allow_module_level=True)

#: an array of this many numbers is kept
SIZE = pool.LARGE // 8


@contextmanager
def opened() -> Iterator[None]:
    """A call that works on large arrays, begun with an empty pool."""
    pool._pool().enter(pool._pool().state.ctypes.data, 1)
    pool._pool().leave(pool._pool().state.ctypes.data, 0)
    with memory.reusing():
        memory.reuse_buffers(memory.SMALLEST)
        yield


def handler(x: Any) -> str:
    return str(np._core.multiarray.get_handler_name(x))


def address(x: Any) -> int:
    return int(x.__array_interface__["data"][0])


def test_a_buffer_is_taken_again() -> None:
    with opened():
        x = np.ones(SIZE)
        place = address(x)
        del x
        assert pool.kept() == 8 * SIZE
        y = np.empty(SIZE)
        assert address(y) == place
        assert pool.kept() == 0


@pytest.mark.parametrize(
    ("size", "left"), [(2 * SIZE - 8, 3), (SIZE, 3), (3 * SIZE - 8, 2), (3 * SIZE + 8, 0)]
)
def test_what_does_not_fit_makes_room(size: int, left: int) -> None:
    with opened():
        arrays = [np.empty(2 * SIZE), np.empty(3 * SIZE)]
        del arrays[0], arrays[0]
        x = np.empty(size)
        # what fits is taken, else the oldest are freed
        assert pool.kept() == left * 8 * SIZE
        x[:] = 1.0


def test_the_best_fit_is_taken() -> None:
    with opened():
        arrays = [np.empty(16 * SIZE + extra) for extra in (100, 10, 1000)]
        place = address(arrays[1])
        arrays.clear()
        assert address(np.empty(16 * SIZE)) == place


def test_zeros_are_zero() -> None:
    with opened():
        x = np.full(SIZE, np.nan)
        place = address(x)
        del x
        y = np.zeros(SIZE)
        assert address(y) == place
        assert not y.any()
        assert not np.zeros(5 * SIZE).any()


def test_small_arrays_are_not_kept() -> None:
    with opened():
        x = np.empty(SIZE - 1)
        del x
        assert pool.kept() == 0


def test_what_is_kept_never_adds_to_the_peak() -> None:
    sizes = np.random.default_rng(5).integers(1, 9, 400) * SIZE
    with opened():
        live: list[Any] = []
        most = 0
        for i, size in enumerate(sizes):
            if i % 3 == 2:
                del live[i % len(live)]
            live.append(np.empty(size))
            used = sum(x.nbytes for x in live)
            most = max(most, used)
            # a block may be an eighth larger than what it holds
            assert used + pool.kept() <= most * (1 + 1 / pool.SPARE)


def test_no_more_blocks_than_there_is_room_for() -> None:
    with opened():
        arrays = [np.full(SIZE, i) for i in range(pool.SLOTS + 10)]
        arrays.clear()
        assert pool.kept() == pool.SLOTS * 8 * SIZE
        arrays = [np.full(SIZE, i) for i in range(pool.SLOTS + 10)]
        assert all((x == i).all() for i, x in enumerate(arrays))


def test_after_a_call_a_reserve_is_left() -> None:
    with opened():
        x = np.empty(pool.RESERVE // 8)
        y = np.empty(SIZE)
        del x, y
    assert pool.kept() == 8 * SIZE
    assert handler(np.empty(3)) == "default_allocator"
    with memory.reusing():
        memory.reuse_buffers(memory.SMALLEST)
        assert pool.kept() == 8 * SIZE
        z = np.empty(SIZE)
        assert pool.kept() == 0
    assert handler(z) == "awkward_dual"


def test_arrays_outlive_the_call() -> None:
    with opened():
        x = np.arange(2 * SIZE)
        view = x[SIZE:].reshape(2, -1)
    del x
    assert view[0, 0] == SIZE
    before = pool.kept()
    del view
    assert pool.kept() == before


def test_arrays_change_their_size() -> None:
    with opened():
        for first, second in ((10, 2 * SIZE), (2 * SIZE, 10), (SIZE, 3 * SIZE)):
            x = np.arange(float(first))
            x.resize(second, refcheck=False)
            n = min(first, second)
            np.testing.assert_array_equal(x[:n], np.arange(float(n)))
            assert not x[n:].any()
            y = np.array(x)
            del x
            assert y[0] == 0.0


def test_what_cannot_be_had_raises() -> None:
    with opened():
        for make in (np.empty, np.zeros):
            with pytest.raises(MemoryError):
                make(2**58, np.int64)
        assert np.ones(3).sum() == 3.0


def test_calls_within_calls() -> None:
    with opened():
        with memory.reusing():
            memory.reuse_buffers(memory.SMALLEST)
            x = np.empty(SIZE)
        del x
        assert pool.kept() == 8 * SIZE
        assert handler(np.empty(3)) == "awkward_dual"


def test_a_call_that_raises() -> None:
    with pytest.raises(KeyError), opened():
        raise KeyError
    assert handler(np.empty(3)) == "default_allocator"
    assert not pool._pool().state[0]


def test_small_calls_leave_the_allocator_alone() -> None:
    with memory.reusing():
        memory.reuse_buffers(memory.SMALLEST - 1)
        assert handler(np.empty(3)) == "default_allocator"
    memory.reuse_buffers(memory.SMALLEST)
    assert handler(np.empty(3)) == "default_allocator"


def test_the_allocator_of_another_library_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    with opened():
        assert pool.is_free()
        monkeypatch.setattr(pool, "NAME", b"another")
        assert not pool.is_free()

        def nested() -> int:
            with memory.reusing():
                memory.reuse_buffers(memory.SMALLEST)
                return int(pool._pool().state[0])

        with ThreadPoolExecutor(1) as executor:
            # which has a context, and so a call, of its own
            assert executor.submit(nested).result() == 2
            context = contextvars.copy_context()
            context.run(memory._call.set, lambda: None)
            assert executor.submit(context.run, nested).result() == 1


def test_an_interrupt_at_the_end_of_a_call(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(_call: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(memory._Call, "leave", interrupted)
        with pytest.raises(KeyboardInterrupt), opened():
            pass
    gc.collect()
    assert not pool._pool().state[0]
    with opened():
        assert handler(np.empty(3)) == "awkward_dual"
    assert handler(np.empty(3)) == "default_allocator"
    assert not pool._pool().state[0]


def test_a_signal_while_the_pool_opens(monkeypatch: pytest.MonkeyPatch) -> None:
    enter = pool.enter

    def interrupted() -> None:
        monkeypatch.undo()
        with memory.reusing():
            memory.reuse_buffers(memory.SMALLEST)
        enter()

    monkeypatch.setattr(pool, "enter", interrupted)
    with opened():
        assert pool._pool().state[0] == 1
    assert not pool._pool().state[0]


def test_what_is_kept_is_freed_where_memory_is_short() -> None:
    run(
        """
        import numpy as np, resource
        from pathlib import Path
        from awkward_dual import memory
        from awkward_dual.memory import pool
        with memory.reusing():
            memory.reuse_buffers(memory.SMALLEST)
            size = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
            resource.setrlimit(resource.RLIMIT_AS, (size + 400 * 2**20, -1))
            for make in (
                lambda: [np.empty(100_000) for _ in range(400)],
                lambda: [np.zeros(100_000) for _ in range(400)],
                lambda: np.ones(2**20).resize(30 * 2**20),
            ):
                arrays = [np.ones(2**20) for _ in range(42)]
                arrays.clear()
                make()
        """
    )


def test_threads_that_open_the_pool_first() -> None:
    run(
        """
        import threading
        from awkward_dual import memory
        made = []

        def work():
            with memory.reusing():
                memory.reuse_buffers(memory.SMALLEST)
            made.append(memory._pool()._pool())

        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(set(map(id, made))) == 1
        assert not made[0].state[0]
        """
    )


def test_other_contexts_keep_their_allocator() -> None:
    found = []
    with opened():
        thread = threading.Thread(target=lambda: found.append(handler(np.empty(3))))
        thread.start()
        thread.join()
        contextvars.Context().run(lambda: found.append(handler(np.empty(3))))
    assert found == ["default_allocator"] * 2


def test_tasks_that_outlive_the_call() -> None:
    with memory.reusing():
        context = contextvars.copy_context()
    context.run(memory.reuse_buffers, memory.SMALLEST)
    assert context.run(lambda: handler(np.empty(3))) == "default_allocator"
    with opened():
        context = contextvars.copy_context()
    assert context.run(lambda: np.ones(SIZE).sum()) == SIZE
    assert not pool._pool().state[0]


def test_threads_that_share_a_call() -> None:
    with memory.reusing():
        contexts = [contextvars.copy_context() for _ in range(8)]
        barrier = threading.Barrier(8)

        def work(context: contextvars.Context) -> None:
            barrier.wait()
            context.run(memory.reuse_buffers, memory.SMALLEST)

        with ThreadPoolExecutor(8) as executor:
            list(executor.map(work, contexts))
        assert pool._pool().state[0] == 1
    assert not pool._pool().state[0]


def test_threads_have_one_pool() -> None:
    def work(seed: int) -> float:
        rng = np.random.default_rng(seed)
        total = 0.0
        for _ in range(60):
            with memory.reusing():
                memory.reuse_buffers(memory.SMALLEST)
                arrays = [np.full(n, seed) for n in rng.integers(1, 5, 4) * SIZE]
                total += float(sum((x != seed).sum() for x in arrays))
        return total

    with ThreadPoolExecutor(4) as executor:
        assert list(executor.map(work, range(4))) == [0.0] * 4
    assert not pool._pool().state[0]


@pytest.fixture
def compiled_engine() -> Iterator[None]:
    before = ad.set_engine("compiled")
    yield
    ad.set_engine(before)


OPERATORS = {
    "jvp": lambda f, x: ad.jvp(f, (x,), (ak.ones_like(x),)),
    "vjp": lambda f, x: ad.vjp(f, x)[1](ak.ones_like(x)),
    "value_and_grad": lambda f, x: ad.value_and_grad(lambda x: ak.sum(f(x)))(x),
    "linearize": lambda f, x: ad.linearize(f, x)[1](ak.ones_like(x)),
    "hvp": lambda f, x: ad.hvp(lambda x: ak.sum(f(x)), (x,), (ak.ones_like(x),)),
    "jacfwd": lambda f, x: ad.jacfwd(lambda p: f(p * x))(1.5),
    "jacrev": lambda f, x: ad.jacrev(lambda x: ak.sum(f(x)))(x),
}


@pytest.mark.parametrize("name", OPERATORS)
@pytest.mark.usefixtures("compiled_engine")
def test_operators_use_it(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []

    def program(x: Any) -> Any:
        y = np.exp(np.sin(x)) * x
        seen.append(handler(np.empty(3)))
        return y

    x = ak.Array(np.linspace(0.0, 3.0, 2 * SIZE))
    found = OPERATORS[name](program, x)
    assert seen == ["awkward_dual"]
    assert handler(np.empty(3)) == "default_allocator"
    monkeypatch.setattr(memory, "_is_supported", lambda: False)
    plain = OPERATORS[name](program, x)
    assert seen[1] == "default_allocator"
    assert ak.array_equal(found, plain)


def test_numpy_alone_leaves_the_allocator_alone() -> None:
    before = ad.set_engine("numpy")
    try:
        ad.jvp(lambda x: check(np.exp(x)), (np.ones(SIZE),), (np.ones(SIZE),))
    finally:
        ad.set_engine(before)


def check(y: Any) -> Any:
    assert handler(np.empty(3)) == "default_allocator"
    return y


def run(source: str) -> str:
    """What a process of its own prints, with no complaint."""
    source = textwrap.dedent(source)
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", source],
        check=True, capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert not done.stderr
    return done.stdout


PROGRAM = """
    import numpy as np, awkward_dual as ad, sys
    from awkward_dual.memory import pool
    ad.set_engine("compiled")
    x = np.linspace(0, 1, 400_000)
    value, tangent = ad.jvp(lambda x: np.exp(x) * x, (x,), (np.ones_like(x),))
"""


def test_arrays_at_the_end_of_the_process() -> None:
    # in a module that is torn down late, in a cycle, and in a leaked reference
    run(
        PROGRAM
        + """
    sys.kept = value
    cycle = [tangent]
    cycle.append(cycle)
    import ctypes
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(tangent))
    del value, tangent, cycle, ad, np, pool
    """
    )


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the system does not fork processes")
def test_forked_processes() -> None:
    printed = run(
        PROGRAM
        + """
    import os, threading, warnings
    warnings.simplefilter("ignore", DeprecationWarning)
    begun, ended = threading.Event(), threading.Event()

    def slow(x):
        y = np.exp(x)
        begun.set()
        ended.wait()
        return y

    thread = threading.Thread(target=lambda: ad.jvp(slow, (x,), (x,)))
    thread.start()
    begun.wait()
    if os.fork() == 0:
        ad.jvp(lambda x: np.exp(x) * x, (x,), (x,))
        print(pool._pool().state[0], flush=True)
        os._exit(0)
    os.wait()
    ended.set()
    thread.join()
    print(pool._pool().state[0])
    """
    )
    assert printed.split() == ["0", "0"]
