# SPDX-License-Identifier: Apache-2.0
"""README's table of what callers get from Envoy in place of the gateway is what they get."""

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import compare_with_envoy  # noqa: E402

README = pathlib.Path(__file__).resolve().parents[2] / "README.md"


def test_readme_says_what_callers_get(tmp_path):
    rows = [f"| {' | '.join(row)} |" for row in compare_with_envoy.rows(tmp_path)]
    documented = README.read_text().splitlines()
    first = documented.index(rows[0])
    assert documented[first:first + len(rows)] == rows
    assert not documented[first + len(rows)].startswith("|")
