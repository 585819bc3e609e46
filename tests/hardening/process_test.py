# SPDX-License-Identifier: Apache-2.0
"""The access that the running programs need, and the access to them that they give. Some tests need root."""

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

import pytest

from evalrun_testing.backend import BackendProcess
from evalrun_testing.seed import Seed

# Without core dumps of its own, a process that is denied them shows nothing. A container may not permit to allow them.
CORE_DUMPS = ["prlimit", "--core=unlimited"]
if subprocess.run([*CORE_DUMPS, "true"], check=False, capture_output=True).returncode != 0:
    CORE_DUMPS = []

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")


def core_file_limit(pid):
    text = pathlib.Path(f"/proc/{pid}/limits").read_text(encoding="utf-8")
    return re.search(r"Max core file size\s+(\S+)", text).group(1)


def memory_owner(pid):
    """The user that owns the memory of a process: root if it may not be dumped, whoever runs it."""
    return os.stat(f"/proc/{pid}/mem").st_uid


def as_nobody(*flags):
    """Runs a command as nobody, without capabilities."""
    return [*CORE_DUMPS, "setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--no-new-privs",
            "--inh-caps=-all", "--bounding-set=-all", *flags]


@needs_root
def test_core_dump_and_debugger_are_denied(make_deployment):
    deployment = make_deployment(wrap=as_nobody())
    gateway = deployment.gateway
    assert core_file_limit(gateway.pid) == "0"
    assert memory_owner(gateway.pid) == 0
    read = subprocess.run([*as_nobody(), "cat", f"/proc/{gateway.pid}/environ"], check=False,
                          capture_output=True, text=True)
    assert read.returncode != 0 and deployment.api_key not in read.stdout
    assert deployment.delete() == "NOT_FOUND"


@needs_root
def test_core_dump_can_be_enabled(make_deployment):
    gateway = make_deployment(wrap=as_nobody(), flags=["--core-dumps"]).gateway
    assert core_file_limit(gateway.pid) == ("unlimited" if CORE_DUMPS else core_file_limit(os.getpid()))
    assert memory_owner(gateway.pid) == 65534


def as_nobody_read_only_except(writable):
    """Runs a command as nobody, with all file systems read-only except this folder."""
    os.chown(writable, 65534, 65534)
    for folder in writable.parents:  # nobody must be able to reach it
        mode = stat.S_IMODE(folder.stat().st_mode)
        if not mode & stat.S_IXOTH:
            folder.chmod(mode | stat.S_IXOTH)
    script = (f'mount --bind {writable} {writable} && '
              'for m in $(cut -d" " -f2 /proc/mounts); do '
              f'[ "$m" = {writable} ] || mount -o remount,bind,ro "$m" 2>/dev/null || true; done; '
              '! touch /tmp/x /root/x 2>/dev/null && exec "$@"')
    return ["unshare", "--mount", "/bin/sh", "-c", script, "sh", *as_nobody()]


@needs_root
def test_gateway_runs_unprivileged_on_read_only_root(make_deployment, tmp_path):
    """Only the folder of the audit file is writable."""
    audit = tmp_path / "audit"
    audit.mkdir()
    deployment = make_deployment(wrap=as_nobody_read_only_except(audit),
                                 flags=["--audit", str(audit / "audit.log")])
    assert deployment.delete() == "NOT_FOUND"
    assert deployment.gateway.stop() == 0
    assert deployment.gateway.events[-1]["event"] == "stopped"
    assert (audit / "audit.log").read_text(encoding="utf-8").count("\n") == 1


@needs_root
def test_backend_runs_unprivileged_on_read_only_root(tmp_path):
    """SQLite then has no folder for temporary files."""
    folder = tmp_path / "database"
    folder.mkdir()
    seed = Seed()
    workspace = seed.workspace(seed.organization())
    key = seed.api_key(workspace)
    runs = [seed.eval_run(workspace) for _ in range(8000)]
    with contextlib.ExitStack() as stack:
        backend = stack.enter_context(
            BackendProcess(folder, seed.document, wrap=as_nobody_read_only_except(folder)))
        host, port = backend.address.rsplit(":", 1)
        requests = [f"DELETE /v2/eval-runs/{run} HTTP/1.1\r\nHost: {host}\r\n"
                    f"x-api-key: {key}\r\n\r\n".encode() for run in runs]
        connections = [stack.enter_context(socket.create_connection((host, int(port)), 20))
                       for _ in range(200)]
        for number, connection in enumerate(connections):
            connection.sendall(b"".join(requests[number::len(connections)]))
        responses = collections.Counter()
        for connection in connections:
            with connection.makefile("rb") as lines:
                for _ in range(len(runs) // len(connections)):
                    responses[lines.readline()[:12]] += 1
                    while lines.readline().strip():
                        pass
    assert responses == {b"HTTP/1.1 204": len(runs)}


@pytest.mark.skipif(shutil.which("strace") is None, reason="needs strace")
def test_only_the_audit_file_is_opened_for_writing(make_deployment, tmp_path):
    trace, audit = tmp_path / "trace", tmp_path / "audit.log"
    wrap = ["strace", "--follow-forks", "--output", str(trace), "--trace",
            "open,openat,creat,mkdir,unlink,rename,execve"]
    deployment = make_deployment(wrap=wrap, flags=["--audit", str(audit)])
    assert deployment.delete() == "NOT_FOUND"
    [child] = subprocess.run(["pgrep", "--parent", str(deployment.gateway.pid)], check=True,
                             capture_output=True, text=True).stdout.split()
    os.kill(int(child), signal.SIGTERM)
    deployment.gateway.wait()
    calls = trace.read_text(encoding="utf-8").splitlines()
    writing = [line for line in calls
               if re.search(r"O_(WRONLY|RDWR|CREAT|TRUNC)|\b(creat|mkdir|unlink|rename)\(", line)]
    assert [line for line in writing if str(audit) not in line] == []
    assert len(writing) == 1
    assert len([line for line in calls if "execve(" in line]) == 1, "it has started another program"
