# SPDX-License-Identifier: Apache-2.0
"""The progress bar on a terminal, which leaves no trace in the output."""

import os
import pty
import struct
import subprocess
import termios
import threading
import fcntl

import pytest

from evalrunctl import command, environment, run, uuids
from scripted_server import ScriptedServer


def run_on_terminal(*arguments, columns, stdout=None, variables=()):
    """Runs it on a terminal of `columns`. Returns the exit status, and all that the terminal received
    from standard error and, unless `stdout` is given, from standard output."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    child = subprocess.Popen(command(*arguments), stdin=subprocess.DEVNULL, stdout=stdout or theirs,
                             stderr=theirs, env=environment() | dict(variables))
    os.close(theirs)
    received = b""
    while True:
        try:
            some = os.read(ours, 65536)
        except OSError:  # Linux: the other side is closed
            break
        if not some:
            break
        received += some
    os.close(ours)
    return child.wait(20), received.decode()


@pytest.fixture(name="ids")
def _ids(tmp_path):
    path = tmp_path / "ids.txt"
    path.write_text("\n".join(uuids(300)), encoding="utf-8")
    return path


@pytest.mark.parametrize("columns", [20, 80, 200])
def test_progress_bar_never_wraps_and_is_cleared(ids, columns):
    with ScriptedServer() as server:
        status, received = run_on_terminal("delete", "--server", server.address, "--from-file", ids,
                                           columns=columns)
    assert status == 0
    bar, _, summary = received.rpartition("\r\x1b[K")
    assert "0/300" in bar
    assert all(len(drawn) < columns for drawn in bar.split("\r\x1b[K"))
    assert "300 not in the workspace: 300 deleted" in summary
    assert "\x1b" not in summary


def test_json_output_has_no_progress_bar(ids, tmp_path):
    with ScriptedServer() as server, open(tmp_path / "out", "w+", encoding="utf-8") as out:
        status, received = run_on_terminal("delete", "--server", server.address, "--from-file", ids,
                                           "--json", columns=80, stdout=out)
        out.seek(0)
        lines = out.read().splitlines()
    assert status == 0
    assert len(lines) == 300
    assert all(line.startswith("{") and line.endswith("}") for line in lines)
    assert "\x1b[K" in received


def test_no_progress_bar_on_dumb_terminal(ids):
    with ScriptedServer() as server:
        arguments = ("delete", "--server", server.address, "--from-file", ids)
        _, dumb = run_on_terminal(*arguments, columns=80, variables={"TERM": "dumb"})
        assert "\x1b" not in dumb
        piped = run(*arguments)
    assert "\x1b" not in piped.stdout + piped.stderr


def test_progress_lines_without_terminal(ids):
    """There is one every ten seconds. This test waits for the first one."""
    release = threading.Event()
    held = threading.Event()

    def handle(request, context):
        if request.eval_run_uuid == uuids(300)[-1]:
            held.set()
            release.wait(25)

    with ScriptedServer(handle) as server:
        child = subprocess.Popen(
            command("delete", "--server", server.address, "--from-file", ids),
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            env=environment())
        with child:
            assert held.wait(20)
            line = child.stderr.readline()
            release.set()
            child.communicate(timeout=20)
    assert line.startswith("299 of 300 done (99%), ")
