# SPDX-License-Identifier: Apache-2.0
"""The backend and the gateway of a run, across all their restarts."""

import collections
import contextlib
import dataclasses
import datetime
import http.client
import json
import signal
import subprocess
import time
import urllib.error
import urllib.request

from evalrun_testing.deployment import Deployment
from evalrun_testing.envoy import EnvoyProcess
from evalrun_testing.seed import Seed

from evalrun_chaos import faults, schedule

UPSTREAM_TIMEOUT = 1.0  # seconds, so that an attempt that is held is given up and retried within a call
# One in so many gateways makes no retries, so that gRPC's retry policy has something to do.
_GATEWAY_CYCLE, _NO_RETRY_INDEX = 3, 1


@dataclasses.dataclass(frozen=True)
class Window:
    """The time during which a process was being stopped and restarted. Seconds since 1970."""

    name: str
    began: float
    ended: float

    def overlaps(self, began, ended, slack=0.0):
        return began <= self.ended + slack and ended >= self.began - slack


def seconds(text):
    """Converts an RFC 3339 time of a log to seconds since 1970."""
    return datetime.datetime.fromisoformat(text).timestamp()


class ChaosDeployment(Deployment):
    """One backend and one gateway at a time, always on the same ports, and perhaps an Envoy before it.

    Envoy retries as Istio's does, but does not say so by `x-envoy-attempt-count`, so that only the
    gateway's errors keep it from a second attempt whose NOT_FOUND would be wrong.

    All methods block, and belong to the thread that calls the constructor. It must outlive the
    processes (see ChildProcess).
    """

    def __init__(self, directory, seed, stories, *, gateway_flags=()):
        self.windows = []                           # of all restarts
        self.failures = []                          # sentences about processes that misbehaved
        self.fault_counts = collections.Counter()   # requests to which a fault was applied, by rule
        self.memory = []                            # samples in MiB, a list for each gateway

        data = Seed()
        workspace = data.workspace(data.organization())
        data.api_key(workspace)
        without_runs = json.dumps(data.document)
        for story in stories:
            if story.state != "never there":
                data.eval_run(workspace, eval_run_uuid=story.eval_run_uuid, status=story.state)
        script = directory / "faults.json"
        script.write_text(json.dumps(faults.script(seed)), encoding="utf-8")
        super().__init__(directory, seed=data, backend_flags=["--faults", str(script)],
                         flags=["--upstream-timeout", f"{UPSTREAM_TIMEOUT:g}s", *gateway_flags])
        # Later backends find the runs in the database and need not read them again.
        (directory / "seed.json").write_text(without_runs, encoding="utf-8")
        self.proxy = None
        if schedule.has_proxy(seed):
            with contextlib.ExitStack() as on_failure:
                on_failure.callback(self.close)
                self.proxy = self._stack.enter_context(EnvoyProcess(
                    directory / "envoy", [self.gateway.grpc_address], counts_attempts=False))
                on_failure.pop_all()

    @property
    def callers_address(self):
        """HOST:PORT that callers connect to."""
        return self.gateway.grpc_address if self.proxy is None else self.proxy.address

    def proxy_retries(self):
        """The number of attempts that Envoy has made again; None without Envoy."""
        if self.proxy is None:
            return None
        return self.proxy.counter("cluster.gateways.upstream_rq_retry")

    def access_log(self):
        """The access log lines of all gateways."""
        return [line for gateway in self.gateways for line in gateway.access_log]

    def start_gateway(self, *flags, **options):
        if len(self.gateways) % _GATEWAY_CYCLE == _NO_RETRY_INDEX:
            flags += ("--max-attempts", "1")
        super().start_gateway(*flags, **options)
        self.memory.append([])
        self.sample_memory()
        return self.gateway

    def apply_event(self, event):
        """Executes an event of the schedule."""
        began = time.time()
        if event == schedule.RESTART_GATEWAY:
            self._stop_gateway()
            self.restart_gateway()
        else:
            self._add_fault_counts()
            if event == schedule.KILL_BACKEND:
                status = self.backend.kill()
                if status != -signal.SIGKILL:
                    self.failures.append(
                        f"backend ended by itself with {status}: {self.backend.stderr!r}")
            else:
                self._stop_and_check(self.backend, "backend")
            self.restart_backend()
        self.windows.append(Window(event, began, time.time()))

    def sample_memory(self):
        """Samples the gateway's memory, if it is running."""
        try:
            self.memory[-1].append(self.gateway.resident_bytes / 2**20)
        except OSError:
            pass  # it has just ended

    def stop(self):
        """Stops the gateway and then the backend, which completes requests that the gateway has given up."""
        self._stop_gateway()
        self._add_fault_counts()
        self._stop_and_check(self.backend, "backend")
        for backend in self.backends:
            self._add_crash_windows(backend)

    def _stop_gateway(self):
        self.sample_memory()
        self._stop_and_check(self.gateway, "gateway", timeout=40)
        if self.gateway.stderr:
            self.failures.append(f"gateway wrote to standard error: {self.gateway.stderr!r}")

    def _stop_and_check(self, process, name, timeout=20):
        try:
            status = process.stop(timeout)
        except subprocess.TimeoutExpired:
            process.kill()
            status = f"none in {timeout} s"
        if status != 0:
            self.failures.append(f"{name}: exit status {status} after SIGTERM; it wrote "
                                 f"{process.stderr!r} and logged {process.events[-3:]}")

    def _add_fault_counts(self):
        """Adds the counts of the backend, which are lost when it ends."""
        for rule in self._get_fault_rules():
            self.fault_counts[rule["name"]] += rule["applied"]

    def _get_fault_rules(self):
        deadline = time.monotonic() + 10
        while True:
            try:
                with urllib.request.urlopen(f"http://{self.backend.admin_address}/faults",
                                            timeout=5) as response:
                    return json.load(response)["rules"]
            except (urllib.error.URLError, ConnectionError, TimeoutError, http.client.HTTPException):
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.02)  # the fault `restart` restarts it

    def _add_crash_windows(self, backend):
        """Adds the windows of the fault `restart`, after which the process has the same id."""
        began = None
        for event in backend.events:
            if event["event"] == "restarting":
                began = seconds(event["time"])
            elif event["event"] == "listening" and began is not None:
                self.windows.append(Window("backend crashed", began, seconds(event["time"])))
                began = None
