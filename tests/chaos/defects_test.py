# SPDX-License-Identifier: Apache-2.0
"""Every defect applies to the sources as they are, which broken_builds needs."""

import pathlib
import subprocess

import pytest

HERE = pathlib.Path(__file__).resolve().parent
DEFECTS = sorted((HERE / "defects").glob("*.patch"))
assert DEFECTS


@pytest.mark.parametrize("patch", DEFECTS, ids=lambda path: path.stem)
def test_defect_applies(patch):
    done = subprocess.run(["patch", "--dry-run", "--strip=1", "--fuzz=0", "--force", "--input", patch],
                          cwd=HERE.parents[1], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
