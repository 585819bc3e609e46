"""Every query of the dashboard, on a real Prometheus that scrapes a real gateway: it returns data, and
moves when the fault is injected that it is for."""

import json
import pathlib
import shutil
import socket
import subprocess
import threading
import time
import urllib.parse
import urllib.request

import pytest

TOP = pathlib.Path(__file__).resolve().parents[2]
DASHBOARD = TOP / "deploy/grafana/evalrun-gateway.json"
pytestmark = pytest.mark.skipif(not shutil.which("prometheus"),
                                reason="prometheus (Debian package)")
INTERVAL = "4s"
# Panels of what only exists where limits are shared: their queries have to be well-formed.
NEEDS_STORE = {"Store of the shared limits"}
# What each panel is for: the fault that has to move its queries. By panel, or by panel and legend.
MOVED_BY = {
    "Calls": "traffic", "Failed calls": "unavailable", "Latency": "slow", "In flight": "held",
    "By code": "traffic", "By what is certain about the run": "traffic",
    "Shed": {"{{cause}}": "cap", "connections ended": None},  # overload_test.cc makes it move
    "Sends by status class": "traffic", "Time of a send": "slow", "Retries": "unavailable",
    "Retries saved up": "unavailable", "Held back for": "busy",
    "Refused keys, strange 404s, stopped re-sends": {
        "401": "key", "404 not the API's own": "strange", "second sends stopped": "stale"},
    "Connections": "held", "Connections opened and reused": {"opened": "held", "reused": "traffic"},
    "Processor": "traffic", "Memory": "held", "Descriptors": "held", "Log lines dropped": None,  # log_test.py makes it move
    "Decisions by rule": "traffic", "Callers and the like under a limit": "held",
    "Without room of their own": None,  # only made-up names by the thousand move it
}
FAULTS = {
    # First: no connection is open yet.
    "held": {"fault": "hold"},
    "traffic": {"fault": "delay", "delay_ms": 1},
    "unavailable": {"fault": "respond", "status": 503},
    "slow": {"fault": "delay", "delay_ms": 1500},
    "cap": {"fault": "hold"},
    "key": {"fault": "respond", "status": 401},
    "strange": {"fault": "respond", "status": 404, "body": "<html>"},
    "stale": {"fault": "drop_after_reading"},
    # Last: it holds back whatever comes after it.
    "busy": {"fault": "respond", "status": 429, "headers": {"Retry-After": "8"}},
}


def queries():
    """(panel's title, legend, expression)"""
    for panel in json.loads(DASHBOARD.read_text())["panels"]:
        for target in panel.get("targets", []):
            yield panel["title"], target["legendFormat"], (
                target["expr"].replace("$job", ".*").replace("$instance", ".*")
                .replace("$__rate_interval", INTERVAL))


def fault_for(title, legend):
    named = MOVED_BY[title]
    if isinstance(named, dict):
        return named[legend]
    return named


class Prometheus:
    def __init__(self, directory, target):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self._address = f"127.0.0.1:{free.getsockname()[1]}"
        config = directory / "prometheus.yml"
        config.write_text(json.dumps({
            "global": {"scrape_interval": "500ms", "scrape_timeout": "500ms"},
            "scrape_configs": [{"job_name": "evalrun-gateway",
                                "static_configs": [{"targets": [target]}]}]}))
        self._process = subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL", "--", "prometheus", f"--config.file={config}",
             f"--storage.tsdb.path={directory / 'data'}", f"--web.listen-address={self._address}"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def stop(self):
        self._process.kill()
        self._process.wait()

    def ask(self, query):
        """The value of each series, by its labels."""
        url = f"http://{self._address}/api/v1/query?" + urllib.parse.urlencode({"query": query})
        with urllib.request.urlopen(url, timeout=20) as answer:
            return {json.dumps(series["metric"], sort_keys=True): float(series["value"][1])
                    for series in json.load(answer)["data"]["result"]}

    def wait_until(self, holds, timeout=30):
        """Until `holds()` is true; nothing when it never is."""
        end = time.monotonic() + timeout
        while time.monotonic() < end:
            try:
                if holds():
                    return True
            except OSError:  # not up yet
                pass
            time.sleep(0.2)
        return False


@pytest.fixture
def prometheus(house, tmp_path):
    running = Prometheus(tmp_path, house.gateway.admin_address)
    yield running
    running.stop()


@pytest.fixture
def house(make_house, tmp_path):
    limits = tmp_path / "limits.yaml"
    limits.write_text("limits: {rules: [{name: trial, by: caller, rate: 1/s, burst: 1, shadow: true}]}")
    return make_house(flags=["--upstream-max-in-flight", "16", "--retry-initial-backoff", "1ms",
                             "--retry-max-backoff", "5ms", "--config", str(limits)])


FALLS = {"Retries saved up"}
CALLS = "sum(rate(grpc_server_handled_total[4s]))"


def moved(title, before, after):
    """Whether a series is above what it was, or below it where that is the bad side. NaN is 0."""
    def number(value):
        return value if value == value else 0

    sign = -1 if title in FALLS else 1
    return any(sign * number(value) > sign * number(before.get(series, 0))
               for series, value in after.items())


class Callers:
    """Calls by 24 threads, more than the cap, until it is left."""

    def __init__(self, house):
        self._house, self._over = house, threading.Event()
        self._threads = [threading.Thread(target=self._call) for _ in range(24)]

    def _call(self):
        while not self._over.is_set():
            self._house.delete(timeout=2)
            self._over.wait(0.05)

    def __enter__(self):
        for thread in self._threads:
            thread.start()

    def __exit__(self, *_):
        self._over.set()
        for thread in self._threads:
            thread.join()


def test_every_query_has_data_and_reacts_to_its_fault(house, prometheus):
    every = list(queries())
    assert {title for title, _, _ in every} == MOVED_BY.keys() | NEEDS_STORE
    assert prometheus.wait_until(lambda: prometheus.ask("up == 1"))
    time_of_a_rate = "rate(process_cpu_seconds_total[4s])"
    assert prometheus.wait_until(lambda: prometheus.ask(time_of_a_rate))
    quiet = {expr: prometheus.ask(expr) for _, _, expr in every}
    for title, legend, expr in every:
        assert title in NEEDS_STORE or quiet[expr], f"{title} ({legend}) is empty: {expr}"

    for name, fault in FAULTS.items():
        # What the fault before has left must not be taken for this one's.
        assert prometheus.wait_until(lambda: sum(prometheus.ask(CALLS).values()) == 0)
        house.faults.set(**fault)
        waiting = {(title, legend): expr for title, legend, expr in every
                   if title not in NEEDS_STORE and fault_for(title, legend) == name}
        before = {expr: prometheus.ask(expr) for expr in waiting.values()}

        def all_moved():
            for key, expr in list(waiting.items()):
                if moved(key[0], before[expr], prometheus.ask(expr)):
                    del waiting[key]
            return not waiting

        with Callers(house):
            prometheus.wait_until(all_moved)
            house.faults.set(fault="delay", delay_ms=1)
        assert not waiting, f"not moved by the fault {name!r}"
