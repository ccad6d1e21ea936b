"""All cases of ``dual-cuda`` on a GPU; skipped where there is none."""

from __future__ import annotations

import warnings

import pytest

from tests.cuda import kernel_cases, operations
from tests.cuda.cases import CASES

_MODULES = (kernel_cases, operations)


def _why_not() -> str:
    try:
        import cupy

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            count = cupy.cuda.runtime.getDeviceCount()
    except Exception as error:
        return f"no GPU: {type(error).__name__}: {error}"
    return "" if count else "no GPU"


if why_not := _why_not():
    pytest.skip(why_not, allow_module_level=True)

pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.mark.parametrize("name", CASES)
def test_case(name: str) -> None:
    CASES[name]()
