# SPDX-License-Identifier: Apache-2.0
"""The sections of the runbook, and the commands in them."""

import pathlib
import re
import textwrap

RUNBOOK = (pathlib.Path(__file__).resolve().parents[2] / "deploy/prometheus/RUNBOOK.md").read_text()


def anchors():
    """What a link to a section has after `#`, as GitHub makes it from the heading."""
    return {re.sub(r"[^\w -]", "", title).lower().replace(" ", "-") for title in re.findall(r"^## (.*)", RUNBOOK, re.MULTILINE)}


def section(title):
    """The text below this heading; None: that before the first one."""
    return RUNBOOK.split(f"\n## {title}\n")[1].split("\n## ")[0] if title else RUNBOOK.split("\n## ")[0]


def blocks(title):
    """The blocks of commands in a section, each as one script."""
    return [textwrap.dedent(block) for block in re.findall(r"(?:^    .*\n)+", section(title), re.MULTILINE)]
