# SPDX-License-Identifier: Apache-2.0
"""Errors before anything is sent: each message says what to do."""

import os
import socket
import subprocess

import pytest

from evalrun_testing.tcp_server import tcp_server

from evalrunctl import command, environment, run, start, uuid


def unused_address():
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{server.getsockname()[1]}"


@pytest.mark.parametrize("arguments", [("health",), ("delete", uuid(1)),
                                       ("delete", uuid(1), uuid(2))])
def test_connection_refused(arguments):
    address = unused_address()
    done = run(*arguments, "--server", address)
    assert done.returncode == 1
    assert done.stdout == ""
    assert f"Nothing listens at {address}" in done.stderr


def test_http1_port():
    def respond(connection):
        with connection:
            connection.recv(1000)
            connection.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n"
                               b"Connection: close\r\n\r\n")

    with tcp_server(respond) as address:
        done = run("health", "--server", address)
    assert done.returncode == 1
    assert "speaks HTTP/1" in done.stderr


def test_silent_port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        done = run("delete", uuid(1), "--timeout", "300ms", "--server",
                   f"127.0.0.1:{server.getsockname()[1]}")
    assert done.returncode == 1
    assert "not deleted" in done.stderr
    assert "wait longer with --timeout" in done.stderr


def test_unknown_host():
    done = run("health", "--server", "no-such-host.invalid:1")
    assert done.returncode == 1
    assert "spelling of the host" in done.stderr


def test_unreadable_files(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for flags in (("--from-file", tmp_path / "none"), ("--from-file", tmp_path),
                  ("--done-file", tmp_path, uuid(1)),
                  ("--done-file", tmp_path / "none" / "done", uuid(1)),
                  ("--done-file", tmp_path / "pipe", uuid(1)),
                  ("--done-file", tmp_path / "pipe", uuid(1), "--dry-run"),
                  ("--tls", "--ca-file", tmp_path / "none", uuid(1))):
        done = run("delete", *flags)
        assert done.returncode == 2, flags
        assert str(tmp_path) in done.stderr


def test_closed_stdout_does_not_crash():
    with start("--help") as child:
        child.stdout.close()
        assert child.stderr.read() == ""
        assert child.wait(20) == 0
    # The same with closed descriptors.
    done = subprocess.run(["sh", "-c", '"$0" version >&- 2>&-', command()[0]], env=environment(),
                          check=False, timeout=20)
    assert done.returncode == 1, "nothing was printed"
