"""A real Prometheus in the cluster, with what deploy/kubernetes/components/plain-prometheus gives it."""

import json
import re
import time
import urllib.parse

from evalrun_kubernetes import world as worlds
from evalrun_kubernetes.kubectl import Failed, wait_for
from evalrun_kubernetes.load import load, assert_balanced, pod

# Panels of what only exists once limits are set: their queries have to be well-formed.
NEEDS_LIMITS = {"Decisions by rule", "Store of the shared limits"}
CONFIG = """
global: {scrape_interval: 5s, evaluation_interval: 5s}
scrape_config_files: [/etc/scrape/scrape.yml]
rule_files: [/etc/rules/*.rules.yml]
"""


def config(world):
    """One file: `scrape_config_files` is not known to Prometheus before 2.43."""
    scrape = world.space.get("configmap/evalrun-gateway-scrape")["data"]["scrape.yml"]
    scrape = scrape.replace(".evalrun.svc", f".{world.space.name}.svc").replace("refresh_interval: 15s", "refresh_interval: 2s")
    return re.sub(r"scrape_config_files: .*\n", scrape, CONFIG)


def start(world):
    prometheus = pod("prometheus", world.images, ["--config.file=/etc/prometheus/prometheus.yml",
                                                  "--storage.tsdb.path=/data", "--web.listen-address=:9090"])
    container = prometheus["spec"]["containers"][0]
    container.update(command=["prometheus"], volumeMounts=[*container["volumeMounts"],
        {"name": "config", "mountPath": "/etc/prometheus"}, {"name": "rules", "mountPath": "/etc/rules"},
        {"name": "data", "mountPath": "/data"}])
    prometheus["spec"]["volumes"] += [
        {"name": "config", "configMap": {"name": "test-prometheus"}},
        {"name": "rules", "configMap": {"name": "evalrun-gateway-rules"}}, {"name": "data", "emptyDir": {}}]
    world.space.apply({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "test-prometheus"},
                       "data": {"prometheus.yml": config(world)}}, prometheus)
    world.space.run("wait", "pod/prometheus", "--for=condition=Ready", "--timeout=60s")


def ask(world, path, **query):
    answer = json.loads(world.space.proxy("prometheus", 9090, f"/api/v1/{path}?{urllib.parse.urlencode(query)}"))
    return answer["data"]


def query(world, expression):
    return ask(world, "query", query=expression)["result"]


def panels():
    for panel in json.loads((worlds.TOP / "deploy/grafana/evalrun-gateway.json").read_text())["panels"]:
        for target in panel.get("targets", []):
            yield panel["title"], (target["expr"].replace("$job", "evalrun-gateway").replace("$instance", ".*")
                                   .replace("$__rate_interval", "30s"))


def prometheus(world):
    """It discovers every pod, the rules are loaded and evaluated, and each query of the dashboard returns data."""
    start(world)
    try:
        with load(world) as calls:
            ready = {f"{p['status']['podIP']}:9090" for p in world.space.pods()}
            wait_for(lambda: len(query(world, 'up{job="evalrun-gateway"} == 1')) == len(ready), 60,
                     f"Prometheus scrapes {len(ready)} pods")
            time.sleep(20)
            found = [target for target in ask(world, "targets")["activeTargets"] if target["health"] == "up"]
            groups = ask(world, "rules")["groups"]
            rules = [rule for group in groups for rule in group["rules"]]
            unwell = [rule["name"] for rule in rules if rule["health"] != "ok"]
            empty = [title for title, expression in panels()
                     if not query(world, expression) and title not in NEEDS_LIMITS]
            rate = float(query(world, "job:evalrun_calls:rate5m")[0]["value"][1])
    finally:
        world.space.run("delete", "pod/prometheus", "configmap/test-prometheus", "--grace-period=1", "--ignore-not-found")
    assert_balanced(calls.account)
    alerts = sum(rule["type"] == "alerting" for rule in rules)
    if len(found) != worlds.REPLICAS or not alerts or unwell or empty or rate <= 0:
        raise Failed(f"targets {len(found)}, alerts {alerts}, rules that are not ok {unwell}, panels without data {empty}, "
                     f"rate {rate}")
    return f"{len(found)} pods, {len(rules) - alerts} recording rules, {alerts} alerts, {len(list(panels()))} queries", calls.account
