# SPDX-License-Identifier: Apache-2.0
"""A gateway with everything configured, what it depends on, and the faults that move the queries of the dashboard."""

import contextlib
import itertools
import os
import pathlib
import resource
import signal
import socket
import subprocess
import sys
import threading
import time

from evalrun_testing.seed import Seed
from stopped_thread import stopped_thread

sys.path.append(str(pathlib.Path(__file__).resolve().parents[1] / "hostile"))
import http2  # pylint: disable=wrong-import-position

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
upstream: {{max_in_flight: 16, absence_proof_ttl: 0s, dns_cache_time: 1s}}
retry: {{initial_backoff: 1ms, max_backoff: 5ms}}
server: {{client_timeout: 500ms, max_connections_per_peer: 20, max_concurrent_streams: 50, grpc_hooks: false}}
tracing: {{max_queue_spans: 64}}
audit: {{on_failure: refuse}}
log: {{buffer_bytes: 65536}}
drain: {{timeout: 3s}}
core_dumps: true  # lets a user other than root stop a thread
"""
UPSTREAM, UPSTREAM_ADDRESS = "upstream.test", "127.0.0.1"
SAMPLED = ("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")
# Twenty times a hundred calls of one connection, which are rejected because they have no id.
OVERLOAD = [b"".join(
    http2.frame(http2.HEADERS, http2.END_HEADERS, stream, http2.CALL + http2.header(b"x-large", b"x" * 4000)) +
    http2.frame(http2.DATA, http2.END_STREAM, stream, b"\0\0\0\0\0") for stream in range(first, first + 200, 2))
    for first in range(1, 4001, 200)]


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


class HostsFile:
    """A file that a program sees as /etc/hosts, when `wrap` starts it. It knows no other names."""

    def __init__(self, folder):
        self._path, switch = folder / "hosts", folder / "nsswitch.conf"
        switch.write_text("hosts: files\n")
        self.set(UPSTREAM_ADDRESS, UPSTREAM)
        new_user = [] if os.getuid() == 0 else ["--map-root-user"]
        self.wrap = ["unshare", *new_user, "--mount", "sh", "-c",
                     'mount --bind "$0" /etc/hosts && mount --bind "$1" /etc/nsswitch.conf && shift && exec "$@"',
                     str(self._path), str(switch)]
        self.is_permitted = subprocess.run([*self.wrap, "true"], capture_output=True, check=False).returncode == 0

    def set(self, *line):
        """Writes in place, because the file is bind-mounted."""
        self._path.write_text(" ".join(line) + "\n")


class Callers:
    """Calls in a loop by several threads until the end of `with`."""

    def __init__(self, call, threads=1, pause=0.05):
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


class Scenario:
    """Each method that is a context manager is a fault, from the beginning to the end of `with`."""

    def __init__(self, make_deployment, authority, folder, collector, redis_process, redis_port):
        self._authority, self._collector, self._redis = authority, collector, redis_process
        self._audit, self._protected, self._key, self._config = (
            folder / "audit/audit.log", folder / "protected.txt", folder / "key", folder / "gateway.yaml")
        self._audit.parent.mkdir()
        self._protected.write_text("# none\n")
        self._config.write_text(CONFIG.format(redis=redis_port))
        self._hosts = HostsFile(folder)
        seed = Seed()
        workspace = seed.workspace(seed.organization())
        keys = [seed.api_key(workspace) for _ in range(2)]
        self._key.write_text(keys[0])
        self._second_key = keys[1]
        self._runs = iter([seed.eval_run(workspace) for _ in range(400)])
        self._numbers = itertools.count()
        self._good, self._short, self._mismatched = (
            authority.issue("good", "DNS:gateway.test", days=9), authority.issue("short", "DNS:gateway.test", days=1),
            authority.issue("mismatched"))
        has_name = self._hosts.is_permitted
        self.deployment = make_deployment(
            seed=seed, api_key="", authority=authority, pair=self._good,
            upstream_host=UPSTREAM if has_name else UPSTREAM_ADDRESS, wrap=self._hosts.wrap if has_name else (),
            flags=["--config", str(self._config), "--protected-runs-file", str(self._protected), "--audit", str(self._audit),
                   "--tracing-otlp-endpoint", collector.url, "--api-key-file", str(self._key)])
        self._client = self.deployment.connect()
        self._has_grpc_1_51 = self.deployment.gateway.has_grpc_1_51

    @property
    def untested(self):
        """The panels that no fault moves on this machine, and why."""
        untested = {}
        if not self._hosts.is_permitted:
            untested["Name of the upstream"] = "no mount namespace for a hosts file of the gateway's own"
        if not self._has_grpc_1_51:
            untested["Connections rejected or closed"] = "newer gRPC refuses calls above the limit by itself"
            untested["Versions"] = "without the gRPC hooks there is no other build to upgrade to"
        return untested

    def call(self, run=None, caller="team-a", timeout=2):
        return self._client.delete(run, timeout=timeout, metadata=[("x-caller", caller), SAMPLED])

    def respond(self, callers=24, **fault):
        """Sets the backend's fault, and calls: by default from more callers than upstream.max_in_flight."""
        @contextlib.contextmanager
        def step():
            self.deployment.faults.set(**fault)
            with Callers(self.call, callers):
                yield
                self._respond_as_usual()
        return step()

    @contextlib.contextmanager
    def delete(self):
        with Callers(lambda: self.call(next(self._runs, None))):
            yield

    @contextlib.contextmanager
    def callers(self):
        """Each call from another caller, one caller beyond its limit, and a collector that does not respond."""
        self._collector.hold = True

        def call():
            self.call(caller=f"team-{next(self._numbers)}")
            for _ in range(20):
                self.call(caller="greedy")

        with Callers(call, threads=24, pause=0):
            yield
            self._collector.hold = False

    @contextlib.contextmanager
    def connect(self):
        """Connections beyond the limit of one peer, one that breaks the protocol, a call whose message does not come, and
        one that is not TLS."""
        gateway = self.deployment.gateway
        heads = [http2.frame(http2.HEADERS, http2.END_HEADERS, stream, http2.CALL) for stream in range(1, 601, 2)]
        with contextlib.ExitStack() as stack:
            def send(*data, tls=True):
                # The gateway may close the connection at once.
                with contextlib.suppress(OSError):
                    stack.enter_context(self._connect(tls)).sendall(b"".join(data))

            # gRPC itself keeps a client to the limit that has read it in time.
            for _ in range(10):
                send(http2.PREFACE, http2.settings(), *heads)
                time.sleep(0.5)
                if gateway.metric('gateway_connections_closed_total{cause="too_many_calls"}'):
                    break
            send(http2.PREFACE, http2.settings(), heads[0])
            send(b"GET / HTTP/1.1\r\n\r\n" * 3, tls=False)
            time.sleep(0.7)  # longer than client_timeout
            for _ in range(30):
                send(tls=False)
            yield

    @contextlib.contextmanager
    def descriptors(self):
        """More connections than there are descriptors."""
        with contextlib.ExitStack() as stack:
            stack.enter_context(self._limit(resource.RLIMIT_NOFILE, self.deployment.gateway.descriptor_count + 2))
            for _ in range(10):
                stack.enter_context(self._connect(tls=False))
            yield

    @contextlib.contextmanager
    def stuck(self):
        """The event loop does not run."""
        with stopped_thread(self.deployment.gateway.pid, "event-loop"):
            yield

    @contextlib.contextmanager
    def protect(self):
        run = next(self._runs)
        self._write(self._protected, run + "\n")
        with Callers(lambda: self.call(run)):
            yield

    @contextlib.contextmanager
    def full(self):
        """No file of the gateway may grow, and nobody reads its standard output."""
        with self._limit(resource.RLIMIT_FSIZE, 0), self.deployment.gateway.unread_output(), Callers(self.call, threads=24):
            yield

    @contextlib.contextmanager
    def break_(self):
        """A configuration and a certificate that cannot be used, an audit file that cannot be opened, a Redis that does
        not respond, an upstream whose name is not known."""
        good = self._config.read_text()
        self._write(self._config, "log: [")
        self._replace_certificate(self._mismatched._replace(key=self._good.key))
        away = self._audit.parent.with_name("away")
        self._audit.parent.rename(away)
        self._redis.send_signal(signal.SIGSTOP)
        self._hosts.set(UPSTREAM_ADDRESS, "another.test")
        with Callers(self.call):
            yield
        self._hosts.set(UPSTREAM_ADDRESS, UPSTREAM)
        self._redis.send_signal(signal.SIGCONT)
        away.rename(self._audit.parent)
        self._replace_certificate(self._good)
        self._write(self._config, good)

    @contextlib.contextmanager
    def shutdown(self):
        """The gateway waits for a call, with threads of its own for that, and then ends."""
        self.deployment.faults.set(fault="hold")
        with Callers(lambda: self.call(timeout=20)):
            self.deployment.faults.wait_until_held()
            self.deployment.gateway.signal(signal.SIGTERM)
            yield
            self.deployment.gateway.wait()
        self._respond_as_usual()

    @contextlib.contextmanager
    def upgrade(self):
        """Another build takes the place of the gateway that has ended."""
        self.deployment.restart_gateway(
            "--admin-listen", self.deployment.gateway.admin_address, "--server-grpc-hooks=true",
            "--server-max-receive-wait=1ms", "--server-max-concurrent-streams=500", hooks=True)
        self._client = self.deployment.connect()
        yield

    @contextlib.contextmanager
    def change(self):
        """The emergency stop and a setting that needs a restart, a certificate that expires earlier, another key."""
        self._write(self._config, self._config.read_text().replace("core_dumps: true", "core_dumps: false") +
                    "deletions_enabled: false\n")
        self._write(self._key, self._second_key)
        self._replace_certificate(self._short)
        yield

    @contextlib.contextmanager
    def overload(self):
        """More calls than a core can read, on connections that always have further ones to send."""
        def flood():
            with contextlib.suppress(OSError), self._connect() as connection:
                connection.sendall(http2.PREFACE + http2.settings() + http2.frame(http2.SETTINGS, 1))
                for calls in OVERLOAD:
                    connection.sendall(calls)
                    # The responses, as they come: the gateway does not have to wait until they are accepted.
                    with contextlib.suppress(BlockingIOError):
                        while os.read(connection.fileno(), 1 << 16):
                            pass

        with Callers(flood, threads=16, pause=0):
            yield

    def _connect(self, tls=True):
        """A connection on which any bytes can be sent."""
        return http2.connect(self.deployment.gateway.grpc_address, self._authority.certificate if tls else None)

    def _respond_as_usual(self):
        self.deployment.faults.set(fault="delay", delay_ms=1)

    def _replace_certificate(self, pair):
        self.deployment.replace_certificates(pair)

    @contextlib.contextmanager
    def _limit(self, kind, value):
        """The gateway's soft limit (prlimit(2)) is `value` until the end of `with`."""
        pid = self.deployment.gateway.pid
        soft, hard = resource.prlimit(pid, kind)
        resource.prlimit(pid, kind, (value, hard))
        yield
        resource.prlimit(pid, kind, (soft, hard))

    @staticmethod
    def _write(path, text):
        """Replaces a file in one step."""
        new = path.with_name("new")
        new.write_text(text)
        os.replace(new, path)


# In this order: no connection is open before the first one, the gateway is another one from `upgrade` on, and the last
# ones stop all calls.
STEPS = {
    "held": lambda scenario: scenario.respond(fault="hold"),
    "traffic": lambda scenario: scenario.respond(fault="delay", delay_ms=1),
    "delete": Scenario.delete,
    "unavailable": lambda scenario: scenario.respond(fault="respond", status=503),
    "slow": lambda scenario: scenario.respond(callers=8, fault="delay", delay_ms=1500),
    "cap": lambda scenario: scenario.respond(fault="hold"),
    "key": lambda scenario: scenario.respond(fault="respond", status=401),
    "forbidden": lambda scenario: scenario.respond(fault="respond", status=403),
    "strange": lambda scenario: scenario.respond(fault="respond", status=404, body="<html>"),
    "stale": lambda scenario: scenario.respond(fault="drop_after_reading"),
    "callers": Scenario.callers,
    "connect": Scenario.connect,
    "descriptors": Scenario.descriptors,
    "stuck": Scenario.stuck,
    "protect": Scenario.protect,
    "full": Scenario.full,
    "break": Scenario.break_,
    "shutdown": Scenario.shutdown,
    "upgrade": Scenario.upgrade,
    # All later calls are rejected until Retry-After has passed.
    "busy": lambda scenario: scenario.respond(fault="respond", status=429, headers={"Retry-After": "8"}),
    "change": Scenario.change,
    "overload": Scenario.overload,
}
