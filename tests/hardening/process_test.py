"""What the running programs need of their machine, and what they let others see: as root, for strace's sake."""

import collections
import contextlib
import os
import pathlib
import re
import shutil
import signal
import socket
import stat
import subprocess
import uuid

from evalrun_testing.backend import BackendProcess
from evalrun_testing.child_process import ChildProcess, clean_environment, program
from evalrun_testing.seed import Seed

import grpc
import pytest

from aymara.evals.v1 import eval_run_service_pb2 as pb
from aymara.evals.v1 import eval_run_service_pb2_grpc as rpc

is_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
SECRET = "test-key-1-not-a-secret"


class WrappedGateway(ChildProcess):
    """The gateway, started by another command."""

    def __init__(self, wrap, upstream, *flags):
        super().__init__([*wrap, program("evalrun-gateway", "GATEWAY_UNDER_TEST"),
                          "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0",
                          "--upstream", upstream, *flags],
                         clean_environment(AYMARA_AI_API_KEY=SECRET))
        self.grpc_address = self.wait_for_event("listening")["grpc"]


@pytest.fixture
def upstream(tmp_path):
    seed = Seed()
    seed.api_key(seed.workspace(seed.organization()))
    with BackendProcess(tmp_path, seed.document) as backend:
        yield f"{backend.url}/v2"


def call(address):
    """Its status code."""
    with grpc.insecure_channel(address) as channel:
        try:
            rpc.EvalRunServiceStub(channel).DeleteEvalRun(
                pb.DeleteEvalRunRequest(eval_run_uuid=str(uuid.uuid4())), timeout=20)
        except grpc.RpcError as error:
            return error.code().name
    return "OK"


def limits(pid):
    text = pathlib.Path(f"/proc/{pid}/limits").read_text(encoding="utf-8")
    return re.search(r"Max core file size\s+(\S+)", text).group(1)


def owner(pid):
    """Of its memory: root for a process that may not be dumped, whoever it runs as."""
    return os.stat(f"/proc/{pid}/mem").st_uid


def nobody(*flags):
    return ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--no-new-privs",
            "--inh-caps=-all", "--bounding-set=-all", *flags]


@is_root
def test_core_dump_and_debugger_are_denied(upstream):
    with WrappedGateway(nobody(), upstream) as gateway:
        assert limits(gateway.pid) == "0"
        assert owner(gateway.pid) == 0
        look = subprocess.run([*nobody(), "cat", f"/proc/{gateway.pid}/environ"], check=False,
                              capture_output=True, text=True)
        assert look.returncode != 0 and SECRET not in look.stdout
        assert call(gateway.grpc_address) == "NOT_FOUND"


@is_root
def test_core_dump_can_be_enabled(upstream):
    with WrappedGateway(nobody(), upstream, "--core-dumps") as gateway:
        assert limits(gateway.pid) != "0" or limits(os.getpid()) == "0"
        assert owner(gateway.pid) == 65534


def read_only_but(writable):
    """Runs a command as nobody, with file systems that are all read-only but this folder."""
    os.chown(writable, 65534, 65534)
    for folder in writable.parents:  # nobody has to get there
        mode = stat.S_IMODE(folder.stat().st_mode)
        if not mode & stat.S_IXOTH:
            folder.chmod(mode | stat.S_IXOTH)
    script = (f'mount --bind {writable} {writable} && '
              'for m in $(cut -d" " -f2 /proc/mounts); do '
              f'[ "$m" = {writable} ] || mount -o remount,bind,ro "$m" 2>/dev/null || true; done; '
              '! touch /tmp/x /root/x 2>/dev/null && exec "$@"')
    return ["unshare", "--mount", "/bin/sh", "-c", script, "sh", *nobody()]


@is_root
def test_gateway_runs_unprivileged_on_read_only_root(upstream, tmp_path):
    """All of its file systems are read-only but the folder of the audit file."""
    audit = tmp_path / "audit"
    audit.mkdir()
    with WrappedGateway(read_only_but(audit), upstream, "--audit", str(audit / "audit.log")) as gateway:
        assert call(gateway.grpc_address) == "NOT_FOUND"
        gateway.signal(signal.SIGTERM)
        assert gateway.wait() == 0
        assert gateway.events[-1]["event"] == "stopped"
    assert (audit / "audit.log").read_text(encoding="utf-8").count("\n") == 1


@is_root
def test_backend_runs_unprivileged_on_read_only_root(tmp_path):
    """SQLite has no place for temporary files then."""
    folder = tmp_path / "database"
    folder.mkdir()
    seed = Seed()
    workspace = seed.workspace(seed.organization())
    key = seed.api_key(workspace)
    runs = [seed.eval_run(workspace) for _ in range(8000)]
    with contextlib.ExitStack() as stack:
        backend = stack.enter_context(
            BackendProcess(folder, seed.document, wrap=read_only_but(folder)))
        host, port = backend.address.rsplit(":", 1)
        requests = [f"DELETE /v2/eval-runs/{run} HTTP/1.1\r\nHost: {host}\r\n"
                    f"x-api-key: {key}\r\n\r\n".encode() for run in runs]
        connections = [stack.enter_context(socket.create_connection((host, int(port)), 20))
                       for _ in range(200)]
        for number, connection in enumerate(connections):
            connection.sendall(b"".join(requests[number::len(connections)]))
        answers = collections.Counter()
        for connection in connections:
            with connection.makefile("rb") as lines:
                for _ in range(len(runs) // len(connections)):
                    answers[lines.readline()[:12]] += 1
                    while lines.readline().strip():
                        pass
    assert answers == {b"HTTP/1.1 204": len(runs)}


@pytest.mark.skipif(shutil.which("strace") is None, reason="needs strace")
def test_only_the_audit_file_is_opened_for_writing(upstream, tmp_path):
    trace, audit = tmp_path / "trace", tmp_path / "audit.log"
    wrap = ["strace", "--follow-forks", "--output", str(trace), "--trace",
            "open,openat,creat,mkdir,unlink,rename,execve"]
    with WrappedGateway(wrap, upstream, "--audit", str(audit)) as gateway:
        assert call(gateway.grpc_address) == "NOT_FOUND"
        [child] = subprocess.run(["pgrep", "--parent", str(gateway.pid)], check=True,
                                 capture_output=True, text=True).stdout.split()
        os.kill(int(child), signal.SIGTERM)
        gateway.wait()
    calls = trace.read_text(encoding="utf-8").splitlines()
    writing = [line for line in calls
               if re.search(r"O_(WRONLY|RDWR|CREAT|TRUNC)|\b(creat|mkdir|unlink|rename)\(", line)]
    assert [line for line in writing if str(audit) not in line] == []
    assert len(writing) == 1
    assert len([line for line in calls if "execve(" in line]) == 1, "it starts no other program"
