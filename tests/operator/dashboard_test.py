# SPDX-License-Identifier: Apache-2.0
"""Every query of the dashboard, with a real Prometheus that scrapes a real gateway and evaluates the recording rules: it
returns data, and its value changes under the fault that it should show. And what every panel must have."""

import json
import pathlib
import re
import shutil
import subprocess
import time

import pytest

from dashboard_scenario import STEPS, Scenario, redis
from evalrun_testing.collector import Collector
from prometheus_process import IS_MISSING, Prometheus
from runbook import anchors

TOP = pathlib.Path(__file__).resolve().parents[2]
GRAFANA = TOP / "deploy/grafana"
DASHBOARD = json.loads((GRAFANA / "evalrun-gateway.json").read_text())
PANELS = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
INTERVAL = "3s"
VARIABLES = {"$namespace": ".*", "$job": ".*", "$instance": ".*", "$__rate_interval": INTERVAL,
             # This Prometheus has data of minutes only.
             "offset 1w": "offset 1s", "[30d]": "[2s]"}

# The fault that must change a query, a name in STEPS: by panel, or by panel and legend.
FAULT_BY_PANEL = {
    "Availability, 30 days": "unavailable", "Answered within 1 s, 30 days": "slow",
    "Error budget left, 30 days": {"availability": "unavailable", "latency": "slow"},
    "Deletions enabled": "change", "Burn rate: availability": "unavailable", "Burn rate: latency": "slow",
    "Runs deleted within an hour": "delete", "Replicas up": "shutdown",

    "Calls": "traffic", "Failed calls": "unavailable", "Failed calls by code": "unavailable", "Latency of a call": "slow",
    "Calls by code": "traffic", "Calls by state of the run": "delete",
    "Rejected by admission": {"{{cause}}": "cap", "audit not writable": "full", "protected run": "protect"},
    "Calls in flight": "held",

    "Attempts by status class": "traffic", "Latency of an attempt": "slow", "Retries": "unavailable",
    "Retry budget": "unavailable",
    "Responses that an operator has to act on": {
        "401: key rejected": "key", "403: key may not delete": "forbidden", "404 that is not the API's": "strange"},
    "Hold-back after a 429: time left": "busy", "Hold-backs begun": "busy",
    "Checks of the workspace after a 404": "traffic", "Connections to the upstream": "held",
    "Connections opened and reused": {"opened": "held", "reused by an attempt": "traffic"},
    "Name of the upstream": "break", "Duplicate requests suppressed": "stale",

    "Top callers: calls in 5 minutes": "traffic", "Top callers: runs deleted in 5 minutes": "delete",
    "Authorization decisions": "traffic", "Rate limits: decisions by rule": "traffic",
    "Rate limits: tracked callers and workspaces": "held", "Rate limits: limits.max_keys reached": "callers",
    "Rate limits: shared store (Redis)": "break", "Protected runs": "protect", "Connections of callers": "connect",
    "Connections accepted": "connect",
    "Connections rejected or closed": {
        "rejected: {{cause}}": "connect", "closed: {{cause}}": "connect", "closed: core overloaded": "overload",
        "rejected: no descriptor": "descriptors"},
    "TLS handshakes failed": "connect", "Calls cancelled for a slow client": "connect",

    "Audit lines lost": "full", "Audit file": "break",
    "Log lines dropped": {"standard output too slow": "full", "rejected calls beyond 100/s": "callers"},
    "Trace spans": {"exported": "traffic", "dropped: {{cause}}": "callers"},

    "Certificates: time to expiry": "change", "API keys: age": "change", "Last reload": "break", "Reloads": "break",
    "Configurations in force": "change", "Configuration: time since it was loaded": "change", "Restart needed": "change",
    "Versions": "upgrade",

    "CPU": "overload", "Event loop lag": "stuck", "Memory": "overload",
    "File descriptors in use": "descriptors", "Threads": "shutdown",
    "Restarts within an hour": "upgrade", "Uptime": "upgrade",
}
LOWER_IS_WORSE = {
    "Availability, 30 days", "Answered within 1 s, 30 days", "Error budget left, 30 days", "Deletions enabled", "Replicas up",
    "Retry budget", "Rate limits: shared store (Redis)", "Name of the upstream",
    "Certificates: time to expiry", "API keys: age", "Last reload", "Configuration: time since it was loaded", "Uptime"}
EMPTY_BEFORE_THE_FIRST_CALL = {
    "Top callers: calls in 5 minutes", "Top callers: runs deleted in 5 minutes",
    "Availability, 30 days", "Answered within 1 s, 30 days", "Error budget left, 30 days"}
# How much the value of a series has to rise, where it rises a little without a fault, or with every call.
MIN_RISE = {"CPU": 0.1, "Event loop lag": 1, "File descriptors in use": 0.5, "Latency of a call": 1,
            "Latency of an attempt": 1, "Memory": 1 << 20}
# Metrics that no query uses, and why.
NOT_SHOWN = {
    "grpc_server_msg_received_total": "one per call, for dashboards of go-grpc-prometheus",
    "grpc_server_msg_sent_total": "one per call, for dashboards of go-grpc-prometheus",
    "process_virtual_memory_bytes": "says nothing that resident memory does not",
}


def queries():
    """Yields (title of the panel, legend, expression)."""
    for panel in PANELS:
        for target in panel["targets"]:
            yield panel["title"], target["legendFormat"], resolve(target["expr"])


def resolve(expression):
    for variable, value in VARIABLES.items():
        expression = expression.replace(variable, value)
    return expression


def fault_for(title, legend):
    fault = FAULT_BY_PANEL[title]
    if not isinstance(fault, dict):
        return fault
    [found] = [name for part, name in fault.items() if legend.endswith(part)]
    return found


def has_changed(title, before, after):
    """Whether a series has risen by more than MIN_RISE, or fallen where lower is worse. NaN counts as 0."""
    def number(value):
        return value if value == value else 0

    if title in LOWER_IS_WORSE:
        return any(number(value) < number(before[series]) for series, value in after.items() if series in before)
    least = MIN_RISE.get(title, 0)
    return any(number(value) > number(before.get(series, 0)) + least for series, value in after.items())


CALLS = f"sum(rate(grpc_server_handled_total[{INTERVAL}]))"


@pytest.fixture
def scenario(make_deployment, authority, tmp_path):
    with Collector() as collector, redis() as (process, port):
        yield Scenario(make_deployment, authority, tmp_path, collector, process, port)


@pytest.fixture
def prometheus(scenario, tmp_path):
    running = Prometheus(tmp_path, scenario.deployment.gateway.admin_address,
                         rule_files=[TOP / "deploy/prometheus/recording.rules.yml"])
    yield running
    running.stop()


def annotations():
    return {one["name"]: resolve(one["expr"]) for one in DASHBOARD["annotations"]["list"]}


@pytest.mark.skipif(IS_MISSING or not shutil.which("redis-server"), reason="prometheus, redis-server (Debian packages)")
def test_every_query_has_data_and_reacts_to_its_fault(scenario, prometheus):
    every = list(queries())
    assert {title for title, _, _ in every} == FAULT_BY_PANEL.keys()
    assert prometheus.wait_until(lambda: prometheus.query("up == 1"))
    some_rate = f"rate(process_cpu_seconds_total[{INTERVAL}])"
    assert prometheus.wait_until(lambda: prometheus.query(some_rate))
    assert prometheus.wait_until(lambda: prometheus.query("namespace_job:evalrun_deleted_runs:increase1h offset 1s"))
    for title, legend, expr in every:
        assert title in EMPTY_BEFORE_THE_FIRST_CALL or prometheus.query(expr), f"{title} ({legend}) is empty: {expr}"

    started, before = None, {}
    for name, step in STEPS.items():
        # The effects of the previous fault must be over.
        assert prometheus.wait_until(lambda: sum(prometheus.query(CALLS).values()) == 0)
        waiting = {(title, legend): expr for title, legend, expr in every
                   if fault_for(title, legend) == name and title not in scenario.untested}
        before = {expr: prometheus.query(expr) or before.get(expr, {}) for _, _, expr in every}
        started = started or prometheus.query(annotations()["Restart"])

        def all_changed():
            for key, expr in list(waiting.items()):
                if has_changed(key[0], before[expr], prometheus.query(expr)):
                    del waiting[key]
            return not waiting

        with step(scenario):
            prometheus.wait_until(all_changed)
        assert not waiting, f"not changed by the fault {name!r}: {[(key, before[expr]) for key, expr in waiting.items()]}"
    for title, legend, expr in every:
        assert title in EMPTY_BEFORE_THE_FIRST_CALL or prometheus.query(expr), f"{title} ({legend}) is empty: {expr}"
    after = prometheus.query(annotations()["Restart"])
    assert started.keys() == after.keys()
    assert max(after.values()) > max(started.values()) > (time.time() - 3600) * 1000
    assert prometheus.query(annotations()["Configuration loaded"])
    if scenario.untested:
        pytest.skip(f"all but these panels were tested: {scenario.untested}")


def test_every_query_has_a_fault_and_every_fault_a_query():
    assert {fault_for(title, legend) for title, legend, _ in queries()} == STEPS.keys()


def test_every_metric_is_shown_or_left_out_for_a_reason():
    shown = " ".join(expr for _, _, expr in queries())
    metrics = {line.split()[0] for line in (TOP / "tests/operator/metrics.golden").read_text().splitlines()}
    metrics |= set(re.findall(r"gateway_(?:certificate|credential|limiter)_\w+",
                              (TOP / "service/observability/README.md").read_text()))
    missing = {metric for metric in metrics if not re.search(rf"\b{metric}(_bucket|_count)?\b", shown)}
    recorded = (TOP / "deploy/prometheus/recording.rules.yml").read_text()
    assert missing - {metric for metric in missing if metric in recorded} == NOT_SHOWN.keys()


def test_every_panel_can_be_understood():
    assert len({panel["title"] for panel in PANELS}) == len(PANELS)
    for panel in PANELS:
        title, defaults = panel["title"], panel["fieldConfig"]["defaults"]
        assert len(panel["description"]) > 20, title
        assert defaults["unit"], title
        [link] = panel["links"]
        assert link["url"].removeprefix("${runbook:raw}#") in {"runbook", *anchors()}, (title, link)  # its top, or a section
        if panel["type"] == "timeseries":
            assert panel["options"]["legend"]["calcs"] == ["lastNotNull", "max"], title
    places = [(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in DASHBOARD["panels"]]
    assert len(set(places)) == len(places)


def test_dashboard_is_what_generate_writes_with_the_runbook_of_the_alerts(tmp_path):
    copy = tmp_path / "deploy"
    shutil.copytree(TOP / "deploy/grafana", copy / "grafana")
    shutil.copytree(TOP / "deploy/prometheus", copy / "prometheus")
    shutil.copytree(TOP / "deploy/kubernetes/components/prometheus-operator",
                    copy / "kubernetes/components/prometheus-operator")
    written = copy / "grafana/evalrun-gateway.json"
    written.unlink()
    subprocess.run([copy / "grafana/generate"], check=True)
    assert written.read_text() == (GRAFANA / "evalrun-gateway.json").read_text()
    subprocess.run([copy / "prometheus/set-runbook-url", "https://wiki.example/evalrun"], check=True)
    [runbook] = [one for one in json.loads(written.read_text())["templating"]["list"] if one["name"] == "runbook"]
    assert runbook["query"] == runbook["current"]["value"] == "https://wiki.example/evalrun"
