"""The backend and the gateway over all their lives: started, killed, restarted, looked at."""

import collections
import dataclasses
import datetime
import http.client
import json
import pathlib
import signal
import subprocess
import time
import urllib.error
import urllib.request

from evalrun_testing.backend import BackendProcess
from evalrun_testing.gateway import GatewayProcess
from evalrun_testing.seed import Seed

from evalrun_chaos import faults, schedule

UPSTREAM_TIMEOUT = 1.0  # seconds; so that held requests are given up, and sent again, within a call
# Of so many lives of a gateway one leaves it to its callers to try again; the others see to it that
# gRPC's retry policy has little to do.
_GATEWAY_CYCLE, _NO_RETRY_INDEX = 3, 1
_STATUS_LINE = "VmRSS:"


@dataclasses.dataclass(frozen=True)
class Window:
    """When something was happening to a process. Seconds since 1970."""

    name: str
    began: float
    ended: float

    def overlaps(self, began, ended, slack=0.0):
        return began <= self.ended + slack and ended >= self.began - slack


def seconds(text):
    """Of an RFC 3339 time in a log."""
    return datetime.datetime.fromisoformat(text).timestamp()


def _resident_mib(pid):
    try:
        text = pathlib.Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    except OSError:
        return None  # it has just ended
    return next((int(line.split()[1]) / 1024 for line in text.splitlines()
                 if line.startswith(_STATUS_LINE)), None)


class House:
    """One backend and one gateway at a time, each always on the same port.

    All of it happens in the caller's thread and blocks. The thread has to live as long as the
    processes do (child_process.py).
    """

    def __init__(self, directory, seed, stories, *, gateway_flags=()):
        self.windows = []                           # of what was done to processes
        self.failures = []                          # what no process may do, a line each
        self.fault_counts = collections.Counter()   # requests that met a fault, by rule
        self.memory = []                            # of each gateway: MiB, sampled
        self._directory = pathlib.Path(directory)
        self._gateways = []
        self._backends = []
        self._gateway_flags = ["--upstream-timeout", f"{UPSTREAM_TIMEOUT:g}s", *gateway_flags]

        document = Seed()
        workspace = document.workspace(document.organization())
        self._key = document.api_key(workspace)
        without_runs = json.dumps(document.document)
        for story in stories:
            if story.state != "never there":
                document.eval_run(workspace, eval_run_uuid=story.eval_run_uuid, status=story.state)
        script = self._directory / "faults.json"
        script.write_text(json.dumps(faults.script(seed)), encoding="utf-8")
        self._backend_flags = ["--faults", str(script)]
        self._start_backend("127.0.0.1:0", "127.0.0.1:0", document.document)
        # A later backend need not read them again.
        (self._directory / "seed.json").write_text(without_runs, encoding="utf-8")
        self._start_gateway("127.0.0.1:0")
        self.gateway_address = self._gateways[-1].grpc_address

    @property
    def database(self):
        return self._backends[-1].database

    @property
    def gateway_starts(self):
        return len(self._gateways)

    def access_log(self):
        """The line of each call, of all gateways."""
        return [line for gateway in self._gateways for line in gateway.access_log]

    def kill_all(self):
        for process in (*self._gateways, *self._backends):
            process.kill()

    def apply_event(self, event):
        """Does what an event of the schedule says."""
        began = time.time()
        if event == schedule.RESTART_GATEWAY:
            self._stop_gateway()
            self._start_gateway(self.gateway_address)
        else:
            backend = self._backends[-1]
            self._count_faults()
            if event == schedule.KILL_BACKEND:
                status = backend.kill()
                if status != -signal.SIGKILL:
                    self.failures.append(
                        f"backend ended by itself with {status}: {backend.stderr!r}")
            else:
                self._expect_exit(backend, "backend")
            self._start_backend(backend.address, backend.listening["admin"])
        self.windows.append(Window(event, began, time.time()))

    def sample_memory(self):
        """Takes a sample of the gateway's memory."""
        resident = _resident_mib(self._gateways[-1].pid)
        if resident is not None:
            self.memory[-1].append(resident)

    def close(self):
        """Stops both, the gateway first, and what was given up meanwhile is still carried out."""
        self._stop_gateway()
        self._count_faults()
        self._expect_exit(self._backends[-1], "backend")
        for backend in self._backends:
            self._note_crashes(backend)

    def _start_backend(self, listen, admin, seed=None):
        self._backends.append(BackendProcess(
            self._directory, seed, listen=listen,
            flags=[*self._backend_flags, "--admin-listen", admin]))

    def _start_gateway(self, listen):
        backend = self._backends[-1]
        flags = [*self._gateway_flags]
        if len(self._gateways) % _GATEWAY_CYCLE == _NO_RETRY_INDEX:
            flags += ["--max-attempts", "1"]
        self._gateways.append(GatewayProcess(f"{backend.url}/v2", api_key=self._key, listen=listen,
                                             flags=flags))
        self.memory.append([])
        self.sample_memory()

    def _stop_gateway(self):
        self.sample_memory()
        gateway = self._gateways[-1]
        self._expect_exit(gateway, "gateway", timeout=40)
        if gateway.stderr:
            self.failures.append(f"gateway said on stderr: {gateway.stderr!r}")

    def _expect_exit(self, process, name, timeout=20):
        try:
            status = process.stop(timeout)
        except subprocess.TimeoutExpired:
            process.kill()
            status = f"none in {timeout} s"
        if status != 0:
            self.failures.append(f"{name}: exit status {status} after SIGTERM; it said "
                                 f"{process.stderr!r} and logged {process.events[-3:]}")

    def _count_faults(self):
        """Adds the counts of the backend, which is about to end and take them with it."""
        url = f"http://{self._backends[-1].listening['admin']}/faults"
        for rule in self._ask(url)["rules"]:
            self.fault_counts[rule["name"]] += rule["applied"]

    @staticmethod
    def _ask(url):
        deadline = time.monotonic() + 10
        while True:
            try:
                with urllib.request.urlopen(url, timeout=5) as answer:
                    return json.load(answer)
            except (urllib.error.URLError, ConnectionError, TimeoutError, http.client.HTTPException):
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.02)  # it is crashing by script, and back in a moment

    def _note_crashes(self, backend):
        """The windows of the crashes by script: the process went on under the same id."""
        began = None
        for event in backend.events:
            if event["event"] == "restarting":
                began = seconds(event["time"])
            elif event["event"] == "listening" and began is not None:
                self.windows.append(Window("backend crashed", began, seconds(event["time"])))
                began = None
