# SPDX-License-Identifier: Apache-2.0
"""A list is acted on as a whole or not at all, and everything that is printed arrives or is reported."""

import os
import subprocess

import grpc
import pytest

from evalrunctl import command, environment, run, uuid, uuids
from scripted_server import ScriptedError, ScriptedServer


@pytest.fixture(autouse=True)
def _run_in_temporary_directory(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.fixture(name="server")
def _server():
    with ScriptedServer() as server:
        yield server


def delete(server, *arguments, **options):
    return run("delete", "--server", server.address, *arguments, **options)


def test_read_error_on_stdin_sends_nothing(server):
    """A directory can be opened, and read() fails."""
    folder = os.open(".", os.O_RDONLY)
    done = delete(server, "--from-file", "-", uuid(1), stdin=folder)
    os.close(folder)
    assert done.returncode == 2
    assert "cannot read standard input, so nothing was sent: Is a directory" in done.stderr
    assert server.ids == []


def test_closed_stdin_is_an_error(server):
    done = subprocess.run(["sh", "-c", '"$@" <&-', "sh", *command(
        "delete", "--server", server.address, "--from-file", "-", "--done-file", "done.txt")],
        env=environment(), capture_output=True, text=True, check=False, timeout=20)
    assert done.returncode == 2
    assert "cannot read standard input" in done.stderr
    assert server.ids == []


def test_closed_stdout_does_not_become_the_done_file(server):
    done = subprocess.run(["sh", "-c", '"$@" >&-', "sh", *command(
        "delete", "--server", server.address, uuid(1), uuid(2), "--done-file", "done.txt")],
        env=environment(), capture_output=True, text=True, check=False, timeout=20)
    assert done.returncode == 1
    assert "cannot write to standard output" in done.stderr
    with open("done.txt", encoding="utf-8") as record:
        words = {line.split()[0] for line in record}
    assert words == {"#", "sent", "gone"}


@pytest.mark.parametrize("text", ["", "\n \n# nothing\n"])
def test_empty_list_is_an_error_unless_allowed(server, text):
    refused = delete(server, "--from-file", "-", input=text)
    assert refused.returncode == 2
    assert "standard input names no run" in refused.stderr
    also = delete(server, uuid(1), "--from-file", "-", input=text)
    assert (also.returncode, server.ids) == (2, [])
    allowed = delete(server, "--from-file", "-", "--allow-empty", input=text)
    assert (allowed.returncode, server.ids) == (0, [])


def test_list_from_windows(server):
    with open("ids.txt", "wb") as file:
        file.write(("\ufeff" + "\r\n".join(uuids(2))).encode())
    assert delete(server, "--from-file", "ids.txt").returncode == 0
    assert sorted(server.ids) == uuids(2)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be"])
def test_utf16_is_refused_with_advice(server, encoding):
    with open("ids.txt", "wb") as file:
        file.write("\r\n".join(uuids(2)).encode(encoding))
    done = delete(server, "--from-file", "ids.txt")
    assert done.returncode == 2
    assert "cannot use ids.txt: it is UTF-16 text" in done.stderr
    assert "UTF-8" in done.stderr
    assert server.ids == []


@pytest.mark.parametrize("arguments", [
    ("delete", "--dry-run", uuid(1)), ("delete", "--dry-run", "--json", uuid(1)), ("--help",),
    ("help", "delete"), ("version",), ("completion", "bash")])
def test_full_disk_is_an_error(arguments):
    with open("/dev/full", "w", encoding="utf-8") as full:
        done = subprocess.run(command(*arguments), stdout=full, stderr=subprocess.PIPE, text=True,
                              env=environment(), check=False, timeout=20)
    assert done.returncode == 1
    assert "cannot write to standard output: No space left on device" in done.stderr


@pytest.mark.parametrize("flags", [(), ("--json",), (uuid(2),)])
def test_full_disk_after_the_last_call_is_an_error(server, flags):
    """The runs are deleted, and whoever reads the output does not know it."""
    with open("/dev/full", "w", encoding="utf-8") as full:
        done = subprocess.run(command("delete", "--server", server.address, uuid(1), *flags),
                              stdout=full, stderr=subprocess.PIPE, text=True, env=environment(),
                              check=False, timeout=20)
    assert done.returncode == 1
    assert "No space left on device" in done.stderr
    assert uuid(1) in server.ids


@pytest.mark.parametrize("workspace", ["", "../other", "w 1", "workspace.1"])
def test_malformed_workspace_sends_nothing(server, workspace):
    done = delete(server, uuid(1), "--workspace", workspace)
    assert done.returncode == 2
    assert f"--workspace '{workspace}'" in done.stderr
    assert server.ids == []


def test_server_from_the_environment(server):
    variables = environment() | {"EVALRUNCTL_SERVER": server.address}
    done = subprocess.run(command("delete", uuid(1)), env=variables, capture_output=True, text=True,
                          check=False, timeout=20)
    assert done.returncode == 0, done.stderr
    assert server.ids == [uuid(1)]


def test_limit_is_shown(server):
    def handle(request, context):
        raise ScriptedError(grpc.StatusCode.RESOURCE_EXHAUSTED, "RATE_LIMITED", retry_after=3,
                            quota=("caller:me", "a call every 1s"))

    server.handler = handle
    done = delete(server, uuid(1))
    assert done.returncode == 1
    assert "limit                caller:me: a call every 1s" in done.stderr
    assert "retry after          3 s" in done.stderr
    many = delete(server, uuid(1), uuid(2), "--max-attempts", "1")
    assert "limit: caller:me: a call every 1s" in many.stderr
