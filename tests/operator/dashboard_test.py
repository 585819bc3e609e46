# SPDX-License-Identifier: Apache-2.0
"""Every query of the dashboard, with a real Prometheus that scrapes a real gateway and evaluates the recording rules: it
returns data, and its value changes under the fault that it should show. And what every panel must have."""

import contextlib
import itertools
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time

import pytest

from evalrun_testing.collector import Collector
from evalrun_testing.seed import Seed
from prometheus_process import IS_MISSING, Prometheus

TOP = pathlib.Path(__file__).resolve().parents[2]
sys.path.append(str(TOP / "tests/hostile"))
import http2  # pylint: disable=wrong-import-position

GRAFANA = TOP / "deploy/grafana"
DASHBOARD = json.loads((GRAFANA / "evalrun-gateway.json").read_text())
PANELS = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
INTERVAL = "3s"
VARIABLES = {"$namespace": ".*", "$job": ".*", "$instance": ".*", "$__rate_interval": INTERVAL,
             # This Prometheus has data of minutes only.
             "offset 1w": "offset 1s", "[30d]": "[2s]"}

# The fault that must change a query, by panel, or by panel and legend. A text instead of a name in STEPS: no fault here
# changes it, and this is why.
COVERED_BY = "not changed here, but by "
NEEDS_OVERLOAD = COVERED_BY + "tests/integration/overload"
FAULT_BY_PANEL = {
    "Availability, 30 days": "unavailable", "Answered within 1 s, 30 days": "slow",
    "Error budget left, 30 days": {"availability": "unavailable", "latency": "slow"},
    "Deletions enabled": "change", "Burn rate: availability": "unavailable", "Burn rate: latency": "slow",
    "Runs deleted within an hour": "delete", "Replicas up": "down",

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
    "Name of the upstream": COVERED_BY + "tests/name_server", "Duplicate requests suppressed": "stale",

    "Top callers: calls in 5 minutes": "traffic", "Top callers: runs deleted in 5 minutes": "delete",
    "Authorization decisions": "traffic", "Rate limits: decisions by rule": "traffic",
    "Rate limits: tracked callers and workspaces": "held", "Rate limits: limits.max_keys reached": "callers",
    "Rate limits: shared store (Redis)": "break", "Protected runs": "protect", "Connections of callers": "connect",
    "Connections accepted": "connect",
    "Connections rejected or closed": {
        "rejected: {{cause}}": "connect", "closed: {{cause}}": "connect", "closed: core overloaded": NEEDS_OVERLOAD,
        "rejected: no descriptor": COVERED_BY + "tests/integration/gateway"},
    "TLS handshakes failed": "connect", "Calls cancelled for a slow client": "connect",

    "Audit lines lost": "full", "Audit file": "break",
    "Log lines dropped": {"standard output too slow": COVERED_BY + "log_test.py", "rejected calls beyond 100/s": "callers"},
    "Trace spans": {"exported": "traffic", "dropped: {{cause}}": "callers"},

    "Certificates: time to expiry": "change", "API keys: age": "change", "Last reload": "break", "Reloads": "break",
    "Configurations in force": "change", "Configuration: time since it was loaded": "change", "Restart needed": "change",
    "Versions": "constant while a version runs",

    "CPU": "traffic", "Event loop lag": COVERED_BY + "tests/integration/gateway/event_loop_test.cc", "Memory": "held",
    "File descriptors in use": "held", "Threads": COVERED_BY + "metrics_test.py: gRPC starts threads as it needs them",
    "Restarts within an hour": "restart", "Uptime": "restart",
}
LOWER_IS_WORSE = {
    "Availability, 30 days", "Answered within 1 s, 30 days", "Error budget left, 30 days", "Deletions enabled", "Replicas up",
    "Retry budget", "Rate limits: shared store (Redis)", "Certificates: time to expiry", "API keys: age", "Last reload",
    "Configuration: time since it was loaded", "Uptime"}
EMPTY_BEFORE_THE_FIRST_CALL = {
    "Top callers: calls in 5 minutes", "Top callers: runs deleted in 5 minutes",
    "Availability, 30 days", "Answered within 1 s, 30 days", "Error budget left, 30 days"}
# Metrics that no query uses, and why.
NOT_SHOWN = {
    "grpc_server_msg_received_total": "one per call, for dashboards of go-grpc-prometheus",
    "grpc_server_msg_sent_total": "one per call, for dashboards of go-grpc-prometheus",
    "process_virtual_memory_bytes": "says nothing that resident memory does not",
}

CONFIG = """
identity: {{metadata_key: x-caller, trusted_networks: [127.0.0.0/8]}}
authorization: {{rules: [{{identities: ['metadata:*', 'ip:*'], workspaces: ['(unset)']}}]}}
limits:
  max_keys: 100
  replicas: 2
  redis: {{address: '127.0.0.1:{redis}'}}
  rules:
    - {{name: short, by: caller, rate: 50/s, burst: 50, shadow: true}}
    - {{name: long, by: caller, rate: 1/h, burst: 1, shadow: true}}
    - {{name: greedy, by: caller, rate: 1000000/s, burst: 1000000, overrides: [{{pattern: 'metadata:greedy', rate: 1/h, burst: 1}}]}}
upstream: {{max_in_flight: 16, absence_proof_ttl: 0s}}
retry: {{initial_backoff: 1ms, max_backoff: 5ms}}
server: {{client_timeout: 500ms, max_connections_per_peer: 20, max_concurrent_streams: 50}}
tracing: {{max_queue_spans: 64}}
audit: {{on_failure: refuse}}
"""
SAMPLED = ("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")


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
    """Whether a series has risen, or fallen where lower is worse. NaN counts as 0."""
    def number(value):
        return value if value == value else 0

    if title in LOWER_IS_WORSE:
        return any(number(value) < number(before[series]) for series, value in after.items() if series in before)
    return any(number(value) > number(before.get(series, 0)) for series, value in after.items())


@contextlib.contextmanager
def redis():
    """A Redis on a free port. Yields its process id and the port."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL", "--", "redis-server", "--port", str(port), "--bind", "127.0.0.1",
             "--save", "", "--appendonly", "no"], stdout=subprocess.DEVNULL) as process:
        try:
            yield process, port
        finally:
            process.kill()


class Scenario:
    """The gateway with everything configured, what it depends on, and the faults of all of these."""

    def __init__(self, make_deployment, authority, folder, collector, redis_process, redis_port):
        self._folder, self._authority, self._collector, self._redis = folder, authority, collector, redis_process
        self._audit, self._protected, self._key, self._config = (
            folder / "audit/audit.log", folder / "protected.txt", folder / "key", folder / "gateway.yaml")
        self._audit.parent.mkdir()
        self._protected.write_text("# none\n")
        self._config.write_text(CONFIG.format(redis=redis_port))
        seed = Seed()
        workspace = seed.workspace(seed.organization())
        keys = [seed.api_key(workspace) for _ in range(2)]
        self._key.write_text(keys[0])
        self._second_key = keys[1]
        self._runs = iter([seed.eval_run(workspace) for _ in range(400)])
        self._numbers = itertools.count()
        self._mismatched = authority.issue("mismatched")
        self.flags = ["--config", str(self._config), "--protected-runs-file", str(self._protected),
                      "--audit", str(self._audit), "--tracing-otlp-endpoint", collector.url]
        self.deployment = make_deployment(
            seed=seed, api_key="", authority=authority, flags=[*self.flags, "--api-key-file", str(self._key)])
        self._replace_certificate(authority.issue("long", "DNS:gateway.test", days=9))

    def call(self, run=None, caller="team-a"):
        return self.deployment.delete(run, timeout=2, metadata=[("x-caller", caller), SAMPLED])

    def respond(self, **fault):
        """Sets the backend's fault, and calls."""
        @contextlib.contextmanager
        def step():
            self.deployment.faults.set(**fault)
            with Callers(self.call):
                yield
                self.deployment.faults.set(fault="delay", delay_ms=1)
        return step()

    @contextlib.contextmanager
    def delete(self):
        with Callers(lambda: self.call(next(self._runs, None)), threads=1):
            yield

    @contextlib.contextmanager
    def callers(self):
        """Each call from another caller, one caller beyond its limit, and a collector that does not respond."""
        self._collector.hold = True

        def call():
            self.call(caller=f"team-{next(self._numbers)}")
            for _ in range(20):
                self.call(caller="greedy")

        with Callers(call, pause=0):
            yield
            self._collector.hold = False

    @contextlib.contextmanager
    def connect(self):
        """Connections beyond the limit of one peer, one that breaks the protocol, a call whose message does not come, and
        one that is not TLS."""
        gateway, ca = self.deployment.gateway, self._authority.certificate
        address = gateway.grpc_address
        heads = [http2.frame(http2.HEADERS, http2.END_HEADERS, stream, http2.CALL) for stream in range(1, 601, 2)]
        with contextlib.ExitStack() as stack:
            def send(*data, trusted_ca=ca):
                with contextlib.suppress(ConnectionError):
                    stack.enter_context(http2.connect(address, trusted_ca)).sendall(b"".join(data))

            # gRPC itself keeps a client to the limit that has read it in time.
            for _ in range(10):
                send(http2.PREFACE, http2.settings(), *heads)
                time.sleep(0.5)
                if gateway.metric('gateway_connections_closed_total{cause="too_many_calls"}'):
                    break
            send(http2.PREFACE, http2.settings(), heads[0])
            send(b"GET / HTTP/1.1\r\n\r\n" * 3, trusted_ca=None)
            time.sleep(0.7)  # longer than client_timeout
            for _ in range(30):
                send(trusted_ca=None)
            yield

    @contextlib.contextmanager
    def protect(self):
        run = next(self._runs)
        self._write(self._protected, run + "\n")
        with Callers(lambda: self.call(run), threads=1):
            yield

    @contextlib.contextmanager
    def full(self):
        """No file of the gateway may grow."""
        pid = str(self.deployment.gateway.pid)
        subprocess.run(["prlimit", "--pid", pid, "--fsize=0:"], check=True)
        with Callers(self.call, threads=2):
            yield
        subprocess.run(["prlimit", "--pid", pid, "--fsize=unlimited:"], check=True)

    @contextlib.contextmanager
    def break_(self):
        """A configuration and a certificate that cannot be used, an audit file that cannot be opened, a Redis that does
        not respond."""
        good = self._config.read_text()
        self._write(self._config, "log: [")
        self._replace_certificate(self._mismatched._replace(key=self.deployment.pair.key))
        away = self._audit.parent.with_name("away")
        self._audit.parent.rename(away)
        self._redis.send_signal(signal.SIGSTOP)
        with Callers(self.call, threads=1):
            yield
        self._redis.send_signal(signal.SIGCONT)
        away.rename(self._audit.parent)
        self._write(self._config, good)

    @contextlib.contextmanager
    def change(self):
        """The emergency stop and a setting that needs a restart, a certificate that expires earlier, another key."""
        self._write(self._config, self._config.read_text() + "deletions_enabled: false\ncore_dumps: true\n")
        self._write(self._key, self._second_key)
        self._replace_certificate(self._authority.issue("short", "DNS:gateway.test", days=1))
        yield

    @contextlib.contextmanager
    def down(self):
        self.deployment.gateway.kill()
        yield

    @contextlib.contextmanager
    def restart(self):
        self.deployment.start_gateway("--admin-listen", self.deployment.gateway.admin_address)
        yield

    def _replace_certificate(self, pair):
        self.deployment.replace_certificates(pair)

    @staticmethod
    def _write(path, text):
        """Replaces a file in one step."""
        new = path.with_name("new")
        new.write_text(text)
        os.replace(new, path)


# In this order: no connection is open before the first one, and the last ones stop all calls.
STEPS = {
    "held": lambda scenario: scenario.respond(fault="hold"),
    "traffic": lambda scenario: scenario.respond(fault="delay", delay_ms=1),
    "delete": Scenario.delete,
    "unavailable": lambda scenario: scenario.respond(fault="respond", status=503),
    "slow": lambda scenario: scenario.respond(fault="delay", delay_ms=1500),
    "cap": lambda scenario: scenario.respond(fault="hold"),
    "key": lambda scenario: scenario.respond(fault="respond", status=401),
    "forbidden": lambda scenario: scenario.respond(fault="respond", status=403),
    "strange": lambda scenario: scenario.respond(fault="respond", status=404, body="<html>"),
    "stale": lambda scenario: scenario.respond(fault="drop_after_reading"),
    "callers": Scenario.callers,
    "connect": Scenario.connect,
    "protect": Scenario.protect,
    "full": Scenario.full,
    "break": Scenario.break_,
    # All later calls are rejected until Retry-After has passed.
    "busy": lambda scenario: scenario.respond(fault="respond", status=429, headers={"Retry-After": "8"}),
    "change": Scenario.change,
    "down": Scenario.down,
    "restart": Scenario.restart,
}
CALLS = f"sum(rate(grpc_server_handled_total[{INTERVAL}]))"


class Callers:
    """Calls in a loop by several threads until the end of `with`, by default more than upstream.max_in_flight."""

    def __init__(self, call, threads=24, pause=0.05):
        self._call, self._pause, self._stop = call, pause, threading.Event()
        self._threads = [threading.Thread(target=self._run) for _ in range(threads)]

    def _run(self):
        while not self._stop.is_set():
            self._call()
            self._stop.wait(self._pause)

    def __enter__(self):
        for thread in self._threads:
            thread.start()

    def __exit__(self, *_):
        self._stop.set()
        for thread in self._threads:
            thread.join()


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
        waiting = {(title, legend): expr for title, legend, expr in every if fault_for(title, legend) == name}
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


def test_every_fault_is_used_and_every_reason_is_given():
    used = {fault_for(title, legend) for title, legend, _ in queries()}
    assert STEPS.keys() <= used
    reasons = used - STEPS.keys()
    assert all(" " in reason for reason in reasons)
    for path in re.findall(r"tests/[\w/.]+\w", " ".join(reasons)):
        assert (TOP / path).exists(), path


def test_every_metric_is_shown_or_left_out_for_a_reason():
    shown = " ".join(expr for _, _, expr in queries())
    metrics = {line.split()[0] for line in (TOP / "tests/operator/metrics.golden").read_text().splitlines()}
    metrics |= set(re.findall(r"gateway_(?:certificate|credential|limiter)_\w+",
                              (TOP / "service/observability/README.md").read_text()))
    missing = {metric for metric in metrics if not re.search(rf"\b{metric}(_bucket|_count)?\b", shown)}
    recorded = (TOP / "deploy/prometheus/recording.rules.yml").read_text()
    assert missing - {metric for metric in missing if metric in recorded} == NOT_SHOWN.keys()


def test_every_panel_can_be_understood():
    runbook = (TOP / "deploy/prometheus/RUNBOOK.md").read_text()
    sections = {re.sub(r"[^\w -]", "", title).lower().replace(" ", "-")
                for title in re.findall(r"^#+ (.*)", runbook, re.MULTILINE)}
    assert len({panel["title"] for panel in PANELS}) == len(PANELS)
    for panel in PANELS:
        title, defaults = panel["title"], panel["fieldConfig"]["defaults"]
        assert len(panel["description"]) > 20, title
        assert defaults["unit"], title
        [link] = panel["links"]
        assert link["url"].removeprefix("${runbook:raw}#") in sections, (title, link)
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
