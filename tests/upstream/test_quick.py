"""A twelfth of Awkward's own suite, in every mode, as ``make test`` runs it."""

from __future__ import annotations

import pytest

from tests.upstream import run


def test_awkwards_own_tests_pass_in_every_mode() -> None:
    # one test for all modes: they share the run on cpu
    try:
        run.fetch()
    except run.CannotFetch as error:
        pytest.skip(str(error))
    reports = [run.run(mode, "quick") for mode in run.MODES]
    for report in reports:
        print(report.summary())
    assert [(report.mode, report.unknown) for report in reports if report.unknown] == []
    assert [(report.mode, report.stale) for report in reports if report.stale] == []
