"""Run the cases of ``dual-cuda``: ``python -m tests.cuda.run``, with a GPU; no test runner needed.

With ``--fake`` on a CuPy over NumPy; with ``--json FILE`` the outcome is written there.
"""

from __future__ import annotations

import argparse
import importlib
import json
import sys
import traceback
import warnings
from pathlib import Path


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--fake", action="store_true")
    parser.add_argument("--json", type=Path)
    parser.add_argument("names", nargs="*", help="parts of the names of cases")
    options = parser.parse_args()
    if options.fake:
        importlib.import_module("tests.cuda_host.fake_cupy").install()
    for module in ("operations", "kernel_cases"):
        importlib.import_module(f"tests.cuda.{module}")
    cases = importlib.import_module("tests.cuda.cases").CASES
    found = {}
    for name, check in cases.items():
        if options.names and not any(part in name for part in options.names):
            continue
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                check()
            found[name] = ""
        except Exception:
            found[name] = traceback.format_exc()
    failed = {name: text for name, text in found.items() if text}
    if options.json is not None:
        options.json.write_text(json.dumps(found), encoding="utf-8")
    else:
        for name, text in failed.items():
            print(f"--- {name}\n{text}")
        print(f"{len(found) - len(failed)} cases passed, {len(failed)} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
