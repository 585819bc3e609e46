# SPDX-License-Identifier: Apache-2.0
"""All metrics of a gateway are those in metrics.golden, on which dashboards and alerts of users depend.

After an intended change, run this test with UPDATE_GOLDEN=1 and review the difference.
"""

import os
import pathlib
import re

GOLDEN = pathlib.Path(__file__).with_name("metrics.golden")


def families(exposition):
    """A line `NAME TYPE LABEL,LABEL` for each family, without the label `le` of histograms."""
    found, labels = {}, {}
    for line in exposition.splitlines():
        if line.startswith("# TYPE "):
            name, kind = line.split()[2:]
            found[name] = kind
        elif not line.startswith("#"):
            name, braced = re.match(r"(\w+)(?:{(.*)})? ", line).groups()
            if name not in found:
                name = re.sub("_(bucket|sum|count)$", "", name)
            labels.setdefault(name, set()).update(re.findall(r'(\w+)="', braced or ""))
    return [" ".join(filter(None, (name, kind, ",".join(sorted(labels.get(name, set()) - {"le"})))))
            for name, kind in sorted(found.items())]


# Settings without which some metrics do not exist.
CONFIG = """
limits:
  rules: [{name: a, by: caller, rate: 100/s, burst: 100}]
  replicas: 2
  redis: {address: '127.0.0.1:1'}
"""


def test_the_names_types_and_labels_of_all_metrics(make_deployment, tmp_path):
    """All families exist before the first call, and all series but those of callers."""
    config = tmp_path / "gateway.yaml"
    config.write_text(CONFIG)
    deployment = make_deployment(runs=1, flags=["--config", str(config)])
    before = families(deployment.gateway.get("/metrics"))
    assert deployment.delete(deployment.runs[0]) == "OK"
    deployment.delete("not-an-id")
    now = families(deployment.gateway.get("/metrics"))
    if os.environ.get("UPDATE_GOLDEN"):
        GOLDEN.write_text("\n".join(now) + "\n")
    assert now == GOLDEN.read_text().splitlines()
    assert before == [family.removesuffix(" caller") for family in now]
