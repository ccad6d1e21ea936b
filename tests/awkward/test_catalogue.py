"""Every program of the catalogue: its value on dual is that on cpu, its derivatives are true."""

from __future__ import annotations

import warnings
from typing import Any

import awkward as ak
import pytest

import awkward_dual as ad
from awkward_dual.testing import check_grads
from tests.awkward.catalogue import NO_DERIVATIVE, PROGRAMS, Program
from tests.awkward.layouts import ZOO


def _written(x: Any) -> tuple[str, str]:
    """The type of a result, and its values to the last bit."""
    return str(ak.type(x)), repr(ak.to_list(x))


def _on_dual(x: Any) -> Any:
    return ak.to_backend(x, "dual") if isinstance(x, ak.Array | ak.Record) else x


@pytest.mark.parametrize("program", PROGRAMS, ids=str)
def test_value_is_that_of_the_cpu(program: Program) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        expected = program.function(*program.args)
        constant = program.function(*map(_on_dual, program.args))
        value, tangent = ad.jvp(program.function, program.args, program.args)
    assert _written(constant) == _written(expected)
    assert _written(value) == _written(expected)
    assert str(ak.type(tangent)) == str(ak.type(expected))


@pytest.mark.parametrize("program", PROGRAMS, ids=str)
def test_derivatives_in_four_modes(program: Program) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        check_grads(program.function, program.args, program.order)


@pytest.mark.parametrize("what", ZOO)
def test_layouts_differentiate(what: str) -> None:
    check_grads(lambda x: x, (ZOO[what],), order=2)


def test_every_public_function_is_here() -> None:
    tried = {program.name.replace(",", "").split()[0] for program in PROGRAMS}
    public = {
        name
        for name in dir(ak.operations)
        if not name.startswith(("_", "ak_")) and callable(getattr(ak.operations, name))
    }
    assert public - tried - NO_DERIVATIVE == set()
