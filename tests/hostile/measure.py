# SPDX-License-Identifier: Apache-2.0
"""What an attack costs the gateway, and those who call meanwhile."""

import contextlib
import dataclasses
import pathlib
import socketserver
import subprocess
import sys
import tempfile
import threading
import time

from evalrun_testing.certificates import Authority
from evalrun_testing.deployment import Deployment

MIB = 1 << 20
_ATTACKS = pathlib.Path(__file__).with_name("attacks.py")


class Upstream(socketserver.ThreadingTCPServer):
    """Responds to every request that the run was deleted."""

    daemon_threads = True
    request_queue_size = 1024

    class RequestHandlerClass(socketserver.BaseRequestHandler):
        def handle(self):
            unread = b""
            with contextlib.suppress(ConnectionError):
                while chunk := self.request.recv(65536):
                    *requests, unread = (unread + chunk).split(b"\r\n\r\n")
                    self.request.sendall(b"HTTP/1.1 204 No Content\r\n\r\n" * len(requests))

    def __init__(self):
        super().__init__(("127.0.0.1", 0), self.RequestHandlerClass)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_address[1]}/v2"

    def __exit__(self, *_):
        self.shutdown()
        self.server_close()


@contextlib.contextmanager
def new_deployment(*flags, tls=False):
    """A gateway in front of an Upstream, without an access log. It has served a call."""
    with tempfile.TemporaryDirectory() as folder, Upstream() as upstream:
        folder = pathlib.Path(folder)
        authority = Authority(folder, "authority") if tls else None
        with Deployment(folder / "deployment", authority=authority, upstream=upstream.url,
                        flags=["--access-log=false", *flags]) as started:
            started.delete()
            yield started


class PeakMemory:
    """The memory of a process: `idle`, before the `with` statement, and `peak`, in it; in bytes."""

    def __init__(self, process):
        self._process, self._stop = process, threading.Event()
        self.idle = self.peak = process.resident_bytes
        self._thread = threading.Thread(target=self._sample)

    def _sample(self):
        while not self._stop.wait(0.003):
            self.peak = max(self.peak, self._process.resident_bytes)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        self._thread.join()


@dataclasses.dataclass
class Cost:
    sent: float = 0.0  # MiB
    connections: int = 0
    idle: int = 0  # bytes of memory, before the attack
    peak: int = 0
    after: int = 0
    codes: list = dataclasses.field(default_factory=list)  # of the calls meanwhile
    seconds: list = dataclasses.field(default_factory=list)

    @property
    def success(self):
        return self.codes.count("OK") / len(self.codes)

    @property
    def p99(self):
        return sorted(self.seconds)[int(len(self.seconds) * 0.99)]

    def __str__(self):
        return (f"{self.sent:.1f} MiB sent on {self.connections} connections; memory {self.idle // MIB} MiB "
                f"idle, {self.peak // MIB} peak, {self.after // MIB} after; {len(self.codes)} calls, "
                f"{self.success:.1%} OK, p99 {self.p99 * 1000:.0f} ms, max {max(self.seconds) * 1000:.0f} ms")


def run_attack(deployment, name, size, connections, seconds, settle=20):
    """Runs an attack (see attacks.py) in a process of its own, beside a client that makes a call every
    20 ms, and returns its Cost. Memory `after` is taken when it is back to 10 MiB above what it was, or
    after `settle` seconds."""
    gateway = deployment.gateway
    cost = Cost()
    stop = threading.Event()

    def call():
        with deployment.connect() as client:
            while not stop.wait(0.02):
                began = time.monotonic()
                cost.codes.append(client.delete(timeout=10))
                cost.seconds.append(time.monotonic() - began)

    with PeakMemory(gateway) as memory:
        caller = threading.Thread(target=call)
        caller.start()
        try:
            time.sleep(0.2)
            ca_file = [] if deployment.authority is None else [str(deployment.authority.certificate)]
            output = subprocess.run(
                [sys.executable, str(_ATTACKS), name, gateway.grpc_address, str(size), str(connections),
                 str(seconds), *ca_file], capture_output=True, text=True, check=True, timeout=seconds + 60)
            sent, opened = output.stdout.split()
            cost.sent, cost.connections = float(sent), int(opened)
            time.sleep(0.3)
        finally:
            stop.set()
            caller.join()
    cost.idle, cost.peak = memory.idle, memory.peak
    end = time.monotonic() + settle
    while (used := gateway.resident_bytes) > cost.idle + 10 * MIB and time.monotonic() < end:
        time.sleep(0.1)
    cost.after = used
    return cost
