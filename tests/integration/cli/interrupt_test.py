# SPDX-License-Identifier: Apache-2.0
"""Interruption: the first signal lets calls in flight finish, the second cancels them; the summary says so."""

import json
import signal
import threading

import pytest

from evalrunctl import start, uuids
from scripted_server import ScriptedServer


class BlockingHandler:
    """Returns from the first `free` calls at once, and from the others when `release` is set."""

    def __init__(self, free):
        self._free = threading.Semaphore(free)
        self.holding = threading.Event()
        self.release = threading.Event()

    def __call__(self, request, context):
        if not self._free.acquire(blocking=False):
            self.holding.set()
            while not self.release.wait(0.01) and context.is_active():
                pass


@pytest.fixture(name="ids")
def _ids(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "ids.txt").write_text("\n".join(uuids(1000)), encoding="utf-8")
    return "ids.txt"


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143),
                                                (signal.SIGHUP, 129)])
def test_first_interrupt_finishes_calls_in_flight(ids, number, status):
    held = BlockingHandler(free=20)
    with ScriptedServer(held) as server:
        with start("delete", "--server", server.address, "--from-file", ids, "--json",
                   "--concurrency", "3") as child:
            assert held.holding.wait(20)
            child.send_signal(number)
            held.release.set()
            out, err = child.communicate(timeout=20)
        assert child.returncode == status
        objects = [json.loads(line) for line in out.splitlines()]
        assert sorted(one["eval_run_uuid"] for one in objects) == uuids(1000)
        gone = {one["eval_run_uuid"] for one in objects if one["gone"]}
        # A few calls may have started before the signal was handled; each of them has finished.
        assert gone == set(server.ids)
        assert {one["reason"] for one in objects if not one["gone"]} == {"NOT_TRIED"}
        assert "Stopped by a signal." in err
        assert "--from-file evalrunctl-left-1.txt" in err


def test_sighup_that_was_ignored_stays_ignored(ids):
    """As under nohup."""
    held = BlockingHandler(free=0)
    with ScriptedServer(held) as server:
        # Not preexec_fn: it runs gRPC's fork handlers in this process, which can stop its server.
        with start("delete", "--server", server.address, "--from-file", ids,
                   through=("env", "--ignore-signal=HUP")) as child:
            assert held.holding.wait(20)
            child.send_signal(signal.SIGHUP)
            held.release.set()
            out, _ = child.communicate(timeout=20)
        assert child.returncode == 0
        assert "1000 not in the workspace" in out


def test_second_interrupt_cancels_calls_as_unknown(ids):
    held = BlockingHandler(free=0)
    with ScriptedServer(held) as server:
        with start("delete", "--server", server.address, "--from-file", ids, "--concurrency",
                   "3") as child:
            assert held.holding.wait(20)
            child.send_signal(signal.SIGINT)
            child.send_signal(signal.SIGTERM)
            _, err = child.communicate(timeout=4)
        assert child.returncode in (130, 143)
        assert "unknown whether deleted" in err
        assert "evalrunctl delete --allow-missing" in err


def test_interrupt_after_the_last_call_is_success(ids, tmp_path):
    (tmp_path / "ids.txt").write_text("\n".join(uuids(2)), encoding="utf-8")
    held = BlockingHandler(free=0)
    with ScriptedServer(held) as server:
        with start("delete", "--server", server.address, "--from-file", ids) as child:
            assert held.holding.wait(20)
            while len(server.ids) < 2:
                pass
            child.send_signal(signal.SIGINT)
            held.release.set()
            out, _ = child.communicate(timeout=20)
        assert child.returncode == 0
        assert "2 not in the workspace" in out
