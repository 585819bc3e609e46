# SPDX-License-Identifier: Apache-2.0
"""Every query of the dashboard, with a real Prometheus that scrapes a real gateway: it returns data, and
its value changes under the fault that it should show."""

import json
import pathlib
import shutil
import threading

import pytest

from prometheus_process import Prometheus

TOP = pathlib.Path(__file__).resolve().parents[2]
DASHBOARD = TOP / "deploy/grafana/evalrun-gateway.json"
pytestmark = pytest.mark.skipif(not shutil.which("prometheus"),
                                reason="prometheus (Debian package)")
INTERVAL = "4s"
# Panels about shared limits, which are not configured here: their queries must only be well-formed.
NEEDS_STORE = {"Store of the shared limits"}
# The fault that must change a query, by panel, or by panel and legend.
FAULT_BY_PANEL = {
    "Calls": "traffic", "Failed calls": "unavailable", "Latency": "slow", "In flight": "held",
    "By code": "traffic", "By what is certain about the run": "traffic",
    "Shed": {"{{cause}}": "cap", "connections ended": None},  # overload_test.cc covers this
    "Sends by status class": "traffic", "Time of a send": "slow", "Retries": "unavailable",
    "Retries saved up": "unavailable", "Held back for": "busy",
    "Refused keys, strange 404s, stopped re-sends": {
        "401": "key", "403": "forbidden", "404 not the API's own": "strange", "second sends stopped": "stale"},
    "Connections": "held", "Connections opened and reused": {"opened": "held", "reused": "traffic"},
    "Processor": "traffic", "Memory": "held", "Descriptors": "held",
    "Log lines dropped": None,  # log_test.py covers this
    "Decisions by rule": "traffic", "Callers and the like under a limit": "held",
    "Without room of their own": None,  # only thousands of callers change it
}
FAULTS = {
    # First: no connection is open yet.
    "held": {"fault": "hold"},
    "traffic": {"fault": "delay", "delay_ms": 1},
    "unavailable": {"fault": "respond", "status": 503},
    "slow": {"fault": "delay", "delay_ms": 1500},
    "cap": {"fault": "hold"},
    "key": {"fault": "respond", "status": 401},
    "forbidden": {"fault": "respond", "status": 403},
    "strange": {"fault": "respond", "status": 404, "body": "<html>"},
    "stale": {"fault": "drop_after_reading"},
    # Last: all later calls are rejected until Retry-After has passed.
    "busy": {"fault": "respond", "status": 429, "headers": {"Retry-After": "8"}},
}


def queries():
    """Yields (title of the panel, legend, expression)."""
    for panel in json.loads(DASHBOARD.read_text())["panels"]:
        for target in panel.get("targets", []):
            yield panel["title"], target["legendFormat"], (
                target["expr"].replace("$namespace", ".*").replace("$job", ".*")
                .replace("$instance", ".*").replace("$__rate_interval", INTERVAL))


def fault_for(title, legend):
    fault = FAULT_BY_PANEL[title]
    return fault[legend] if isinstance(fault, dict) else fault


@pytest.fixture
def prometheus(deployment, tmp_path):
    running = Prometheus(tmp_path, deployment.gateway.admin_address)
    yield running
    running.stop()


@pytest.fixture
def deployment(make_deployment, tmp_path):
    limits = tmp_path / "limits.yaml"
    limits.write_text("limits: {rules: [{name: trial, by: caller, rate: 1/s, burst: 1, shadow: true}]}")
    return make_deployment(flags=["--upstream-max-in-flight", "16", "--retry-initial-backoff", "1ms",
                             "--retry-max-backoff", "5ms", "--config", str(limits)])


LOWER_IS_WORSE = {"Retries saved up"}
CALLS = "sum(rate(grpc_server_handled_total[4s]))"


def has_changed(title, before, after):
    """Whether a series has risen, or fallen where lower is worse. NaN counts as 0."""
    def number(value):
        return value if value == value else 0

    sign = -1 if title in LOWER_IS_WORSE else 1
    return any(sign * number(value) > sign * number(before.get(series, 0))
               for series, value in after.items())


class Callers:
    """Calls by 24 threads, which is more than upstream.max_in_flight, until the end of `with`."""

    def __init__(self, deployment):
        self._deployment, self._stop = deployment, threading.Event()
        self._threads = [threading.Thread(target=self._call) for _ in range(24)]

    def _call(self):
        while not self._stop.is_set():
            self._deployment.delete(timeout=2)
            self._stop.wait(0.05)

    def __enter__(self):
        for thread in self._threads:
            thread.start()

    def __exit__(self, *_):
        self._stop.set()
        for thread in self._threads:
            thread.join()


def test_every_query_has_data_and_reacts_to_its_fault(deployment, prometheus):
    every = list(queries())
    assert {title for title, _, _ in every} == FAULT_BY_PANEL.keys() | NEEDS_STORE
    assert prometheus.wait_until(lambda: prometheus.query("up == 1"))
    some_rate = "rate(process_cpu_seconds_total[4s])"
    assert prometheus.wait_until(lambda: prometheus.query(some_rate))
    quiet = {expr: prometheus.query(expr) for _, _, expr in every}
    for title, legend, expr in every:
        assert title in NEEDS_STORE or quiet[expr], f"{title} ({legend}) is empty: {expr}"

    for name, fault in FAULTS.items():
        # The effects of the previous fault must be over.
        assert prometheus.wait_until(lambda: sum(prometheus.query(CALLS).values()) == 0)
        deployment.faults.set(**fault)
        waiting = {(title, legend): expr for title, legend, expr in every
                   if title not in NEEDS_STORE and fault_for(title, legend) == name}
        before = {expr: prometheus.query(expr) for expr in waiting.values()}

        def all_changed():
            for key, expr in list(waiting.items()):
                if has_changed(key[0], before[expr], prometheus.query(expr)):
                    del waiting[key]
            return not waiting

        with Callers(deployment):
            prometheus.wait_until(all_changed)
            deployment.faults.set(fault="delay", delay_ms=1)
        assert not waiting, f"not changed by the fault {name!r}"
