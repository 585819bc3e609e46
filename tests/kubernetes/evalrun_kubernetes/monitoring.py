# SPDX-License-Identifier: Apache-2.0
"""A real Prometheus in the cluster, with the configuration of deploy/kubernetes/components/plain-prometheus."""

import json
import re
import time
import urllib.parse

from evalrun_kubernetes import cluster_deployment
from evalrun_kubernetes.kubectl import Failed, wait_for
from evalrun_kubernetes.load import load, assert_balanced, pod

# Panels about what is not configured here, or a week ago: their queries must only be well-formed.
MAY_BE_EMPTY = {"Rate limits: decisions by rule", "Rate limits: shared store (Redis)", "Certificates: time to expiry",
                "Last reload", "Reloads", "Runs deleted within an hour"}
CONFIG = """
global: {scrape_interval: 5s, evaluation_interval: 5s}
scrape_config_files: [/etc/scrape/scrape.yml]
rule_files: [/etc/rules/*.rules.yml]
"""


def config(deployment):
    """One file, because Prometheus supports `scrape_config_files` only since 2.43."""
    scrape = deployment.namespace.get("configmap/evalrun-gateway-scrape")["data"]["scrape.yml"]
    scrape = scrape.replace(".evalrun.svc", f".{deployment.namespace.name}.svc").replace("refresh_interval: 15s", "refresh_interval: 2s")
    return re.sub(r"scrape_config_files: .*\n", scrape, CONFIG)


def start(deployment):
    prometheus = pod("prometheus", deployment.images, ["--config.file=/etc/prometheus/prometheus.yml",
                                                  "--storage.tsdb.path=/data", "--web.listen-address=:9090"])
    container = prometheus["spec"]["containers"][0]
    container.update(command=["prometheus"], volumeMounts=[*container["volumeMounts"],
        {"name": "config", "mountPath": "/etc/prometheus"}, {"name": "rules", "mountPath": "/etc/rules"},
        {"name": "data", "mountPath": "/data"}])
    prometheus["spec"]["volumes"] += [
        {"name": "config", "configMap": {"name": "test-prometheus"}},
        {"name": "rules", "configMap": {"name": "evalrun-gateway-rules"}}, {"name": "data", "emptyDir": {}}]
    deployment.namespace.apply({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "test-prometheus"},
                       "data": {"prometheus.yml": config(deployment)}}, prometheus)
    deployment.namespace.run("wait", "pod/prometheus", "--for=condition=Ready", "--timeout=60s")


def api(deployment, path, **query):
    response = json.loads(deployment.namespace.proxy("prometheus", 9090, f"/api/v1/{path}?{urllib.parse.urlencode(query)}"))
    return response["data"]


def query(deployment, expression):
    return api(deployment, "query", query=expression)["result"]


def panels():
    for panel in json.loads((cluster_deployment.TOP / "deploy/grafana/evalrun-gateway.json").read_text())["panels"]:
        for target in panel.get("targets", []):
            yield panel["title"], (target["expr"].replace("$namespace", ".*").replace("$job", "evalrun-gateway")
                                   .replace("$instance", ".*").replace("$__rate_interval", "30s"))


def prometheus(deployment):
    """Prometheus discovers every pod, evaluates all rules, and returns data for each query of the dashboard."""
    start(deployment)
    try:
        with load(deployment) as calls:
            ready = {f"{p['status']['podIP']}:9090" for p in deployment.namespace.pods()}
            wait_for(lambda: len(query(deployment, 'up{job="evalrun-gateway"} == 1')) == len(ready), 60,
                     f"Prometheus scrapes {len(ready)} pods")
            time.sleep(20)
            found = [target for target in api(deployment, "targets")["activeTargets"] if target["health"] == "up"]
            groups = api(deployment, "rules")["groups"]
            rules = [rule for group in groups for rule in group["rules"]]
            unhealthy = [rule["name"] for rule in rules if rule["health"] != "ok"]
            empty = [title for title, expression in panels()
                     if not query(deployment, expression) and title not in MAY_BE_EMPTY]
            rate = float(query(deployment, "namespace_job:evalrun_calls:rate5m")[0]["value"][1])
    finally:
        deployment.namespace.run("delete", "pod/prometheus", "configmap/test-prometheus", "--grace-period=1", "--ignore-not-found")
    assert_balanced(calls.account)
    alerts = sum(rule["type"] == "alerting" for rule in rules)
    if len(found) != cluster_deployment.REPLICAS or not alerts or unhealthy or empty or rate <= 0:
        raise Failed(f"targets {len(found)}, alerts {alerts}, rules that are not ok {unhealthy}, panels without data {empty}, "
                     f"rate {rate}")
    return f"{len(found)} pods, {len(rules) - alerts} recording rules, {alerts} alerts, {len(list(panels()))} queries", calls.account
