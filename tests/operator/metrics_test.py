"""The metrics of a whole gateway, held against a list that dashboards and alerts of others rely on.

After a change that is meant: UPDATE_GOLDEN=1, and look at the difference.
"""

import os
import pathlib
import re

GOLDEN = pathlib.Path(__file__).with_name("metrics.golden")


def families(exposition):
    """A line `NAME TYPE LABEL,LABEL` for each family. A histogram's `le` is not told."""
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
    return [" ".join(filter(None, (name, kind, ",".join(sorted(labels[name] - {"le"})))))
            for name, kind in sorted(found.items())]


# What only there are metrics for when it is configured.
CONFIG = """
limits:
  rules: [{name: a, by: caller, rate: 100/s, burst: 100}]
  replicas: 2
  redis: {address: '127.0.0.1:1'}
"""


def test_the_names_types_and_labels_of_all_metrics(make_house, tmp_path):
    """Before the first call: no family comes into being with what it counts."""
    config = tmp_path / "gateway.yaml"
    config.write_text(CONFIG)
    house = make_house(flags=["--config", str(config)])
    now = families(house.get("/metrics"))
    if os.environ.get("UPDATE_GOLDEN"):
        GOLDEN.write_text("\n".join(now) + "\n")
    assert now == GOLDEN.read_text().splitlines()
    house.delete()
    house.delete("not-an-id")
    assert families(house.get("/metrics")) == now
