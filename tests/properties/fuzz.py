"""Random programs of three to eight operations, compared with differences.

    python -m tests.properties.fuzz --seconds 60 --start 0

A seed that fails is printed with its program; add it to `SEEDS`, so that it
stays a test.
"""

from __future__ import annotations

import argparse
import itertools
import sys
import time
from typing import Any

import awkward as ak
import numpy as np

from tests.properties.layouts import with_values
from tests.properties.operations import OPERATIONS
from tests.properties.test_operations import (
    check_tangent,
    check_transposed,
    check_value,
    numbers,
    quiet,
    random_like,
    refuses,
)

#: seeds that failed once
SEEDS: tuple[int, ...] = ()

#: these make numbers too large, or steps too small, to compare after a few operations, or
#: stand on their kink on these arrays, as the spread of a single element does
_LEFT_OUT = {
    "values_astype", "np.tan", "x % 0.7", "local_index", "np.sign", "is_none", "num", "count",
    "std, axis=0", "std, axis=1", "std, axis=-1", "ptp, axis=0", "ptp, axis=1", "ptp, axis=-1",
}  # fmt: skip


def start(rng: np.random.Generator) -> Any:
    """A ragged array: plain, with missing values, nested, regular, indexed or with gaps."""
    flat = ak.Array(np.zeros(12))
    ragged = ak.unflatten(flat, [3, 0, 2, 4, 1, 2])
    shapes = [
        ragged,
        ak.pad_none(ragged, 2),
        ak.from_iter([[0.0, 0.0], None, [], [0.0], None, [0.0, 0.0, 0.0]]),
        ak.unflatten(ragged, [2, 0, 4]),
        ak.Array(np.zeros((4, 3))),
        ragged[np.array([2, 0, 3, 5])],
        ragged[:, ::-1],
        flat,
    ]
    return with_values(shapes[rng.integers(len(shapes))], rng)


def program(seed: int) -> tuple[list[str], Any]:
    """The names of a random program's operations, and the array it is run on."""
    rng = np.random.default_rng(seed)
    x = y = start(rng)
    names: list[str] = []
    choices = [name for name in OPERATIONS if name not in _LEFT_OUT]
    for _ in range(40):
        name = choices[rng.integers(len(choices))]
        operation = OPERATIONS[name]
        if not isinstance(y, ak.Array) or refuses(operation, y):
            continue
        z = quiet(operation, y)
        leaves = numbers(z)
        if not leaves or not all(np.all(np.isfinite(v) & (abs(v) < 50)) for v in leaves):
            continue
        names.append(name)
        y = z
        if len(names) == 3 + seed % 6:
            break
    return names, x


def check(seed: int) -> list[str]:
    """Check one program; its operations are returned."""
    names, x = program(seed)

    def run(x: Any) -> Any:
        for name in names:
            x = OPERATIONS[name](x)
        return x

    rng = np.random.default_rng(seed + 1)
    check_value(run, x)
    dx = random_like(x, rng)
    tangent = check_tangent(run, x, dx)
    check_transposed(run, x, dx, tangent, rng)
    return names


def _names(seed: int) -> list[str]:
    try:
        return program(seed)[0]
    except Exception as error:
        return [f"no program: {error!r}"]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--start", type=int, default=0)
    options = parser.parse_args()
    stop = time.monotonic() + options.seconds
    failed = done = 0
    for seed in itertools.count(options.start):
        if time.monotonic() > stop:
            break
        done += 1
        try:
            check(seed)
        except Exception as error:
            failed += 1
            first = str(error).strip().splitlines()
            sys.stdout.write(f"seed {seed}: {_names(seed)}\n    {first[:3]}\n")
    sys.stdout.write(f"{done} programs from seed {options.start}, {failed} failed\n")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
