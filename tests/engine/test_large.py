"""Large arrays with what is not finite, threads and processes: as small arrays in one thread."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import awkward as ak
import numpy as np
import pytest

import awkward_dual as ad

SIZE = 40_000


@pytest.fixture(autouse=True)
def _engine() -> Iterator[None]:
    before = ad.set_engine("auto")
    yield
    ad.set_engine(before)


FUNCTIONS: dict[str, Any] = {
    "sinh": np.sinh,
    "sin": np.sin,
    "sqrt": np.sqrt,
    "exp": np.exp,
    "square": lambda x: x * x,
    "arctan2": lambda x: np.arctan2(x, 2.0 - x),
    "guard": lambda x: np.where(x > 0, np.sqrt(x), 0.0),
}


@pytest.mark.parametrize("engine", ["numpy", "auto", "compiled"])
@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("corner", [np.nan, np.inf, 0.0])
def test_one_element_that_is_not_finite(name: str, corner: float, engine: str) -> None:
    ad.set_engine(engine)
    func = FUNCTIONS[name]
    x = np.full(SIZE, 1.0)
    x[0] = corner
    with np.errstate(all="ignore"):
        found = ad.jvp(func, (x,), (np.ones(SIZE),))[1]
        few = ad.jvp(func, (x[:2].copy(),), (np.ones(2),))[1]
        gradient = ad.grad(lambda x: np.sum(func(x)))(x)
    np.testing.assert_allclose(found[:2], few, rtol=1e-15)
    np.testing.assert_allclose(gradient[:2], few, rtol=1e-15)


@pytest.mark.parametrize("dtype", [np.float16, np.longdouble])
def test_other_types(dtype: Any) -> None:
    x = np.ones(SIZE, dtype)
    x[0] = np.nan
    found = ad.jvp(lambda x: x * x, (x,), (np.ones(SIZE, dtype),))[1]
    assert np.isnan(found[0])
    assert (found[1:] == 2).all()


def python(code: str, folder: Path) -> None:
    """Run a program in a process whose loops are not compiled yet."""
    environment = os.environ | {"NUMBA_CACHE_DIR": str(folder)}
    environment.pop("AWKWARD_DUAL_ENGINE", None)
    subprocess.run(
        [sys.executable, "-W", "error", "-c", code], check=True, env=environment, timeout=300
    )


def test_threads_that_compile_first(tmp_path: Path) -> None:
    code = (
        "import numpy as np, awkward_dual as ad\n"
        "from concurrent.futures import ThreadPoolExecutor\n"
        "ad.set_engine('compiled')\n"
        "x, t = np.linspace(0.5, 1, 1000), np.ones(1000)\n"
        "def call(_):\n"
        "    return ad.jvp(lambda x: np.tanh(np.sqrt(x) * x), (x,), (t,))[1]\n"
        "with ThreadPoolExecutor(4) as pool:\n"
        "    found = list(pool.map(call, range(8)))\n"
        "assert all((f == found[0]).all() for f in found)\n"
    )
    python(code, tmp_path)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="processes are not forked here")
def test_a_forked_process_has_threads_of_its_own(tmp_path: Path) -> None:
    code = (
        "import os, warnings, numpy as np, awkward_dual as ad\n"
        "ad.set_engine('compiled'); ad.set_num_threads(2)\n"
        "x = np.ones(40_000)\n"
        "f = lambda: ad.jvp(np.exp, (x,), (x,))[1]\n"
        "f()\n"
        "with warnings.catch_warnings():\n"
        "    warnings.simplefilter('ignore', DeprecationWarning)\n"
        "    child = os.fork()\n"
        "if child == 0:\n"
        "    f(); os._exit(7)\n"
        "assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7\n"
    )
    python(code, tmp_path)


def test_another_number_of_threads_while_loops_run() -> None:
    ad.set_engine("compiled")
    x = np.linspace(0.1, 1.0, 200_000)
    expected = ad.jvp(np.tanh, (x,), (x,))[1]
    before = ad.set_num_threads(2)
    wrong: list[Any] = []

    def work() -> None:
        for _ in range(20):
            try:
                if not (ad.jvp(np.tanh, (x,), (x,))[1] == expected).all():
                    wrong.append("other values")
            except RuntimeError as error:
                wrong.append(error)

    threads = [threading.Thread(target=work) for _ in range(3)]
    try:
        for thread in threads:
            thread.start()
        for count in (1, 3, 2, 1, 2) * 4:
            ad.set_num_threads(count)
        for thread in threads:
            thread.join()
    finally:
        ad.set_num_threads(before)
    assert wrong == []


def test_an_unknown_engine_in_the_environment() -> None:
    done = subprocess.run(
        [sys.executable, "-c", "import awkward_dual"],
        env=os.environ | {"AWKWARD_DUAL_ENGINE": "fast"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode
    assert "AWKWARD_DUAL_ENGINE is one of auto, numpy, compiled, not 'fast'" in done.stderr


@pytest.mark.parametrize("engine", ["numpy", "compiled"])
def test_products_with_infinite_partials(engine: str) -> None:
    ad.set_engine(engine)
    x = ak.Array([[np.inf, np.inf, 0.0], [1.0, -1.0, 2.0, np.inf], [3.0, 0.0]])
    t = ak.Array([[1.0, 0.0, 0.0], [1.0, 0.0, 0.0, 1.0], [1.0, 1.0]])
    with np.errstate(all="ignore"):
        found = ad.jvp(lambda x: ak.prod(x, axis=1), (x,), (t,))[1].to_list()
    assert np.isnan(found[0])
    assert found[1] == -np.inf
    assert found[2] == 3.0
