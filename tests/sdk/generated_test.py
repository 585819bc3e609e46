# SPDX-License-Identifier: Apache-2.0
"""generated/run.py fails if tests of the SDK did not run, even if none failed."""

import pathlib
import subprocess
import sys

import pytest

RUN = pathlib.Path(__file__).parent / "generated" / "run.py"


@pytest.mark.parametrize(("selected", "missing"), [
    ("no test at all", "only 0 of at least 15 tests of `check` ran and passed"),
    ("check and sync", "only 0 of at least 25 tests of `delete` ran and passed"),
    ("not raw", "only 20 of at least 25 tests of `delete` ran and passed"),
])
def test_missing_tests_are_a_failure(selected, missing):
    done = subprocess.run([sys.executable, RUN, "-k", selected], capture_output=True, text=True)
    assert done.returncode != 0
    assert f"FAILED: {missing}" in done.stdout
