# SPDX-License-Identifier: Apache-2.0
"""Injects faults into a real gateway, in front of the real backend and scraped by a real Prometheus, and prints as a table
in Markdown what an operator sees: on the page, as alerts, on the dashboard, in the log, and where the runbook helps.

    tests/operator/faults [NAME...] > tests/operator/FAULTS.md

The rules are those of deploy/prometheus with two changes: `for` of every alert is 1 s instead of minutes, and windows of 5
minutes in the alerts are 10 s (the objectives keep their windows). Prometheus scrapes and evaluates twice a second. And
`upstream.absence_proof_ttl` is 1 s instead of 5 minutes.
"""

import collections
import contextlib
import dataclasses
import json
import pathlib
import re
import sys
import tempfile
import threading
import time
from collections.abc import Callable

from dashboard_test import PANELS, queries
from evalrun_testing.deployment import Deployment
from evalrun_testing.seed import Seed
from prometheus_process import PROMETHEUS_VERSION, RULES, Prometheus, copy_rules

CONFIG = """
upstream: {absence_proof_ttl: 1s}
identity: {metadata_key: x-caller, trusted_networks: [127.0.0.0/8]}
limits:
  rules:
    - {name: per-caller, by: caller, rate: 20/s, burst: 20}
"""
CALLERS = ("team-a", "team-b", "team-c")
QUIET_S, FAULT_S = 6, 14  # how long calls are made before and under the fault
# Panels that only say how much there is to do: they move with every change of the load.
LOAD_PANELS = {"CPU", "Memory", "Threads", "Uptime", "Calls", "File descriptors in use", "Calls in flight",
               "API keys: age", "Configuration: time since it was loaded", "Event loop lag", "Retry budget",
               "Connections to the upstream", "Connections opened and reused", "Connections of callers",
               "Connections accepted", "Rate limits: tracked callers and workspaces", "Authorization decisions",
               "Runs deleted within an hour", "Top callers: runs deleted in 5 minutes",
               # They follow from the burn rates.
               "Availability, 30 days", "Answered within 1 s, 30 days", "Error budget left, 30 days"}
# By how much a value has to grow, and how much above 0.02 it must be, for a panel to have moved.
GROWTH, LEAST = 4, 0.02


def nothing(_):
    pass


@dataclasses.dataclass
class Fault:
    """What goes wrong: `inject(deployment)`. `flood`: one caller calls as fast as it can. `section`: of the runbook, where
    no alert is meant to fire."""
    description: str
    inject: Callable = nothing
    flood: bool = False
    section: str = ""


def respond(**rule):
    return lambda deployment: deployment.faults.set(fault="respond", **rule)


def forbid(deployment):
    deployment.faults.set(fault="respond", status=403, headers={"Content-Type": "application/json"}, body=json.dumps(
        {"error": {"code": "auth.insufficient_permissions", "message": "This key may not delete eval runs."}}))


def replace_key(deployment):
    (deployment.directory / "key").write_text("a-key-that-the-vendor-does-not-know", encoding="ascii")
    deployment.gateway.wait_for_event("upstream_key_changed")


def remove_organization(deployment):
    deployment.faults.set_missing(deployment.seed.document["organizations"][0]["organization_uuid"])


FAULTS = {
    "vendor-down": Fault("vendor down: nobody listens at its address", lambda deployment: deployment.backend.kill()),
    "wrong-key": Fault("wrong key: its file was replaced by a key that the vendor does not know", replace_key),
    "key-without-right": Fault("key without the right: the vendor answers 403", forbid),
    "wrong-base-path": Fault("wrong base path: another server answers 404 in HTML",
                             respond(status=404, headers={"Content-Type": "text/html"}, body="<html>Not Found</html>")),
    "slow-vendor": Fault("slow vendor: 2 s for each response",
                         lambda deployment: deployment.faults.set(fault="delay", delay_ms=2000)),
    "flood": Fault("one caller floods: beyond its limit of 20 calls a second", flood=True,
                   section="who-calls-and-who-deletes"),
    "missing-organization": Fault("missing organization: every request in it gets the 404 of a missing run",
                                  remove_organization),
}


class Callers:
    """Three callers with five calls a second each, and on demand one that calls as fast as it can."""

    def __init__(self, deployment):
        self._deployment, self._stop = deployment, threading.Event()
        self._runs, self._lock = iter(deployment.runs), threading.Lock()
        self._threads = []

    def start(self, caller, pause=0.2):
        thread = threading.Thread(target=self._call, args=(caller, pause))
        self._threads.append(thread)
        thread.start()

    def _call(self, caller, pause):
        while not self._stop.wait(pause):
            with self._lock:
                run = next(self._runs, None)
            self._deployment.delete(run, timeout=5, metadata=[("x-caller", caller)])

    def __enter__(self):
        for caller in CALLERS:
            self.start(caller)
        return self

    def __exit__(self, *_):
        self._stop.set()
        for thread in self._threads:
            thread.join()


@dataclasses.dataclass
class Seen:
    """What an operator sees of a fault. Each is a list of short texts."""
    page: list
    alerts: list
    panels: list
    log: list
    runbook: list


def panel_values(prometheus):
    """The greatest value of each panel, and of those where lower is worse the negated least one."""
    found = {}
    for title, legend, expression in queries():
        for series, value in prometheus.query(expression).items():
            if value == value:
                found[title, legend, series] = value
    return found


def moved_panels(before, after):
    """The titles of the panels that show much more than before."""
    return {title for (title, legend, series), value in after.items()
            if value > LEAST and value > GROWTH * max(before.get((title, legend, series), 0), 0)} - LOAD_PANELS


def count(values):
    """`("a", "b", "a")`: a (2), b (1), the most frequent first."""
    return [f"{value} ({number})" for value, number in collections.Counter(values).most_common()]


def page_texts(status, before):
    """What the data of the page says, in short."""
    def total(state, metric):
        return sum(series["value"] for series in state["metrics"][metric]
                   if "EvalRun" in series["labels"].get("grpc_service", "EvalRun"))

    calls, failed = (int(total(status, metric) - total(before, metric))
                     for metric in ("grpc_server_handled_total", "gateway_failed_calls_total"))
    texts = ["ready" if status["ready"] else f"not ready: {status['not_ready_because']}",
             f"failed {failed} of {calls} calls"]
    groups = collections.Counter()
    for error in status["errors"]:
        cause = f", HTTP {error['http_status']}" if error["http_status"] else ""
        groups[f"{error['code']} {error['reason']}{cause}"] += error["count"]
    texts += [f"last errors: {group} ({number})" for group, number in groups.most_common(3)]
    slowest = status.get("slowest_calls", [])
    if slowest and slowest[0]["duration"] > 1:
        texts.append(f"slowest call {slowest[0]['duration']:.1f} s, its last attempt "
                     f"{slowest[0]['last_attempt_duration']:.1f} s")
    top = status.get("top_callers", [])
    if top and 2 * top[0]["calls"] > sum(caller["calls"] for caller in top):
        texts.append(f"top caller {top[0]['caller']} ({top[0]['calls']} calls in 5 minutes)")
    return texts


def log_texts(events):
    """Events and their levels; of calls that did not end with OK or with the NOT_FOUND of an absent run, the reasons; and
    slow calls."""
    calls = [event for event in events if event["event"] == "call"]
    lines = ([f"{event['event']} {event['level']}" for event in events if event["event"] != "call"],
             [f"call {event['level']} {event['reason']}" for event in calls
              if event.get("reason", "RESOURCE_NOT_FOUND") != "RESOURCE_NOT_FOUND"],
             [f"call {event['level']}, duration > 1 s" for event in calls if event["duration"] > 1])
    return [f"`{text.replace(' (', '` (')}" for some in lines for text in count(some)]


def watch(fault, directory):
    """Injects a fault, and returns what is seen of it."""
    directory = pathlib.Path(directory)
    seed = Seed()
    workspace = seed.workspace(seed.organization())
    key = seed.api_key(workspace)
    runs = [seed.eval_run(workspace) for _ in range(1000)]
    (directory / "deployment").mkdir()
    (directory / "deployment/key").write_text(key, encoding="ascii")
    (directory / "gateway.yaml").write_text(CONFIG, encoding="utf-8")
    with contextlib.ExitStack() as stack:
        deployment = stack.enter_context(Deployment(directory / "deployment", seed=seed, api_key="", flags=[
            "--config", str(directory / "gateway.yaml"), "--api-key-file", str(directory / "deployment/key")]))
        deployment.runs = runs
        prometheus = Prometheus(directory, deployment.gateway.admin_address, copy_rules(directory, wait="1s", window="10s"))
        stack.callback(prometheus.stop)
        assert prometheus.wait_until(lambda: prometheus.query("up == 1"))
        with Callers(deployment) as callers:
            time.sleep(QUIET_S)
            assert prometheus.alerts() == {}, prometheus.alerts()
            before, quiet = panel_values(prometheus), json.loads(deployment.gateway.get("/status.json"))
            logged = len(deployment.gateway.events)
            fault.inject(deployment)
            for _ in range(4 if fault.flood else 0):
                callers.start("flooder", pause=0.002)
            moved, end = set(), time.monotonic() + FAULT_S
            while time.monotonic() < end:
                time.sleep(1)
                moved |= moved_panels(before, panel_values(prometheus))
            alerts = prometheus.alerts()
            page = page_texts(json.loads(deployment.gateway.get("/status.json")), quiet)
            log = log_texts(deployment.gateway.events[logged:])
    panels = [panel for panel in PANELS if panel["title"] in moved]
    return Seen(page, [f"{name} ({state})" for name, state in sorted(alerts.items())],
                [panel["title"] for panel in panels], log, runbook_links(alerts, fault.section))


def runbook_links(alerts, section):
    """The sections to which the alerts lead; without an alert, `section`."""
    text = (RULES / "alerts.rules.yml").read_text(encoding="utf-8")
    sections = [re.search(rf"alert: {name}\n(?s:.*?)#(\w+)\n", text)[1] for name in sorted(alerts)]
    sections = sections or [section]
    return [f"[{section}](../../deploy/prometheus/RUNBOOK.md#{section})" for section in sections]


HEADER = f"""# Faults, as an operator sees them

Written by `tests/operator/faults > tests/operator/FAULTS.md`, on the real gateway and backend and a real Prometheus
{PROMETHEUS_VERSION}; the numbers differ from run to run. [faults_test.py](faults_test.py) asserts what must be seen.

Three callers make five calls a second each, for {QUIET_S} s before the fault and {FAULT_S} s under it. In the rules `for` is 1 s
instead of minutes, and windows of 5 minutes in the alerts are 10 s, so that they need not be waited for; the objectives
keep their windows. `upstream.absence_proof_ttl` is 1 s instead of 5 minutes: until it has passed, a 404 of a missing
organization still counts as evidence that a run is absent. Of the panels, those that only show load are left out.

So the alerts of a fault fire at once here. In production each comes after its `for` at the earliest: those that page after
one or two minutes, EvalrunRetryBudgetEmpty after 5, EvalrunAvailabilityBurnsSlowly after 15 minutes. Begin with the one that
names a cause. A caller that its own limit rejects is no failure, so no alert fires for the flood.
"""


def main(names):
    print(HEADER)
    print("| fault | page (`/status.json`) | alerts | dashboard panels that move | log: event, level, reason (lines) "
          "| runbook |\n|---|---|---|---|---|---|")
    for name in names or FAULTS:
        with tempfile.TemporaryDirectory() as directory:
            seen = watch(FAULTS[name], directory)
        cells = ["<br>".join(texts) or "none" for texts in dataclasses.astuple(seen)]
        print(f"| {FAULTS[name].description} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
