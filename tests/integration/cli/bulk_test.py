# SPDX-License-Identifier: Apache-2.0
"""Deletion of lists: requests, the done-file, and the output."""

import json
import pathlib
import re
import threading

import grpc
import pytest

from evalrun_testing.wait_until import wait_until
from evalrunctl import run, start, uuid, uuids
from scripted_server import ScriptedError, ScriptedServer


@pytest.fixture(autouse=True)
def _run_in_temporary_directory(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def write_ids(ids, name="ids.txt"):
    with open(name, "w", encoding="utf-8") as file:
        file.writelines(f"{one}\n" for one in ids)
    return name


def read(name):
    with open(name, encoding="utf-8") as file:
        return file.read()


def unknown(request, context):
    context.abort(grpc.StatusCode.UNAVAILABLE, "lost")


def test_list_with_invalid_id_is_rejected():
    with ScriptedServer() as server:
        write_ids([uuid(1), "# fine", "../evals/x", uuid(2), ""])
        done = run("delete", "--server", server.address, "--from-file", "ids.txt")
        assert done.returncode == 2
        assert "ids.txt:3: '../evals/x'" in done.stderr
        assert server.ids == []


def test_each_run_is_sent_once_and_summary_is_on_stdout():
    with ScriptedServer() as server:
        write_ids([*uuids(500), *uuids(500)])
        done = run("delete", "--server", server.address, "--from-file", "ids.txt", uuid(1),
                   uuid(1000))
        assert done.returncode == 0
        assert sorted(server.ids) == sorted([*uuids(500), uuid(1000)])
        assert "501 not in the workspace: 501 deleted" in done.stdout
        assert "501 named more than once" in done.stdout
        assert done.stderr == ""


def test_ids_from_stdin_and_json_on_stdout():
    with ScriptedServer() as server:
        done = run("delete", "--server", server.address, "--from-file", "-", "--json",
                   input="\n".join(uuids(50)))
        assert done.returncode == 0
        objects = [json.loads(line) for line in done.stdout.splitlines()]
        assert sorted(one["eval_run_uuid"] for one in objects) == uuids(50)
        assert all(one["gone"] and one["deletion"] == "performed" for one in objects)
        assert "50 not in the workspace" in done.stderr


def test_dry_run_prints_ids_and_sends_nothing():
    with ScriptedServer() as server:
        write_ids([uuid(1), uuid(2), uuid(1)])
        done = run("delete", "--server", server.address, "--from-file", "ids.txt", "--dry-run")
        assert (done.returncode, done.stdout) == (0, f"{uuid(1)}\n{uuid(2)}\n")
        assert "Nothing was sent. 2 would be deleted" in done.stderr
        assert server.ids == []


def test_rejections_are_retried_after_retry_after():
    calls = iter(range(10**6))

    def handle(request, context):
        if next(calls) % 10 == 0:
            raise ScriptedError(grpc.StatusCode.RESOURCE_EXHAUSTED, "IN_FLIGHT_CAP", retry_after=0.01)

    with ScriptedServer(handle) as server:
        write_ids(uuids(100))
        done = run("delete", "--server", server.address, "--from-file", "ids.txt")
        assert done.returncode == 0, done.stderr
        assert sorted(set(server.ids)) == uuids(100)


def test_too_long_retry_after_stops_with_resume_command():
    def handle(request, context):
        raise ScriptedError(grpc.StatusCode.RESOURCE_EXHAUSTED, "UPSTREAM_HOLD_BACK", retry_after=3600)

    write_ids([uuid(7)], "evalrunctl-left-1.txt")  # of an earlier command, which must not be overwritten
    with ScriptedServer(handle) as server:
        write_ids(uuids(100))
        done = run("delete", "--server", server.address, "--from-file", "ids.txt")
        assert done.returncode == 1
        assert len(server.ids) <= 16
        assert "--max-wait" in done.stderr
        assert f"evalrunctl delete --server {server.address} --from-file evalrunctl-left-2.txt" \
            in done.stderr
        assert sorted(read("evalrunctl-left-2.txt").split()) == uuids(100)
        assert read("evalrunctl-left-1.txt") == uuid(7) + "\n"


def test_printed_command_resolves_unknown_runs():
    with ScriptedServer(unknown) as server:
        write_ids(uuids(30))
        done = run("delete", "--server", server.address, "--from-file", "ids.txt",
                   "--done-file", "done.txt")
        assert done.returncode == 1
        assert "30 unknown whether deleted" in done.stderr
        resolve = next(line.split() for line in done.stderr.splitlines()
                      if line.startswith("    evalrunctl delete --allow-missing"))
        server.handler = lambda request, context: None
        server.requests.clear()
        done = run(*resolve[1:])
        assert done.returncode == 0, done.stderr
        assert sorted(server.ids) == uuids(30)
        assert all(request.allow_missing for request in server.requests)


def test_retry_unknown_is_bounded():
    with ScriptedServer(unknown) as server:
        done = run("delete", "--server", server.address, uuid(1), "--retry-unknown",
                   "--max-attempts", "3")
        assert done.returncode == 1
        assert [request.allow_missing for request in server.requests] == [False, True, True]
        assert re.search("evalrunctl delete --allow-missing --request-id [0-9a-f]{32} "
                         f"--server {server.address} {uuid(1)}\n", done.stderr)


def test_done_file_resumes():
    failing = {uuid(3): ScriptedError(grpc.StatusCode.ABORTED, "RESOURCE_CONFLICT")}

    def handle(request, context):
        if request.eval_run_uuid in failing:
            raise failing[request.eval_run_uuid]
        if request.eval_run_uuid == uuid(4) and not request.allow_missing:
            unknown(request, context)

    with ScriptedServer(handle) as server:
        write_ids(uuids(10))
        arguments = ("delete", "--server", server.address, "--from-file", "ids.txt",
                     "--done-file", "done.txt")
        assert run(*arguments).returncode == 1
        server.requests.clear()
        failing.clear()
        done = run(*arguments)
        assert done.returncode == 0
        assert {request.eval_run_uuid: request.allow_missing for request in server.requests} == {
            uuid(3): False, uuid(4): True}
        assert "8 skipped: done already" in done.stdout
        server.requests.clear()
        assert run(*arguments).returncode == 0
        assert server.ids == []


@pytest.mark.parametrize("stop", ["too long a wait", "SIGKILL"])
def test_a_rejected_run_is_not_presumed_deleted_when_the_command_is_resumed(stop):
    """Nothing was deleted, so a run that is not there was never there."""
    wait = 3600 if stop == "too long a wait" else 5

    def reject(request, context):
        raise ScriptedError(grpc.StatusCode.RESOURCE_EXHAUSTED, "UPSTREAM_HOLD_BACK", retry_after=wait)

    write_ids(uuids(10))
    with ScriptedServer(reject) as server:
        arguments = ("delete", "--server", server.address, "--from-file", "ids.txt", "--done-file", "done.txt")
        if stop == "SIGKILL":
            with start(*arguments) as child:
                wait_until(lambda: pathlib.Path("done.txt").exists() and "failed " in read("done.txt"))
                child.kill()
        else:
            assert run(*arguments).returncode == 1
        tried = [line.split()[1] for line in read("done.txt").splitlines() if line.startswith("failed ")]
        assert tried
        server.requests.clear()
        server.handler = lambda request, context: None
        assert run(*arguments).returncode == 0
        assert {request.eval_run_uuid for request in server.requests} == set(uuids(10))
        assert not any(request.allow_missing for request in server.requests if request.eval_run_uuid in tried)


@pytest.mark.parametrize("ids, limit", [(1, "nothing"), (1, "the result"), (3, "nothing"), (3, "the result")])
def test_a_done_file_that_cannot_be_written_is_an_error(ids, limit):
    """A limit of the file size has the same effect as a full disk."""
    write_ids(uuids(ids))
    with ScriptedServer() as server:
        which = (uuid(0),) if ids == 1 else ("--from-file", "ids.txt")
        arguments = ("delete", "--server", server.address, "--done-file", "done.txt", *which)
        header = f"# evalrunctl done-file 1 server={server.address} workspace=\n"
        sent = sum(len(f"sent {one}\n") for one in uuids(ids))
        size = len(header) + (0 if limit == "nothing" else sent)
        pathlib.Path("done.txt").write_text(header, encoding="utf-8")
        with start(*arguments, "--concurrency", str(ids), through=("prlimit", f"--fsize={size}")) as child:
            out, errors = child.communicate(timeout=20)
        assert child.returncode == 1, out
        assert "cannot write to done.txt: File too large" in errors
        assert len(server.ids) == (0 if limit == "nothing" else ids)
        server.requests.clear()
        assert run(*arguments).returncode == 0
        assert {request.eval_run_uuid: request.allow_missing for request in server.requests} == {
            one: limit != "nothing" for one in uuids(ids)}


def test_a_last_line_that_was_cut_off_is_removed_from_the_done_file():
    write_ids(["run-1", "run-12"])
    with ScriptedServer() as server:
        header = f"# evalrunctl done-file 1 server={server.address} workspace=\n"
        pathlib.Path("done.txt").write_text(header + "sent run-12\ngone run-1", encoding="utf-8")
        done = run("delete", "--server", server.address, "--from-file", "ids.txt", "--done-file", "done.txt",
                   "--opaque-ids")
        assert done.returncode == 0, done.stderr
        assert {request.eval_run_uuid: request.allow_missing for request in server.requests} == {
            "run-1": False, "run-12": True}
        assert sorted(read("done.txt").splitlines()[2:]) == [
            "gone run-1", "gone run-12", "sent run-1", "sent run-12"]


def test_foreign_done_file_is_rejected():
    with ScriptedServer() as server:
        write_ids(uuids(2))
        base = ("delete", "--from-file", "ids.txt", "--server", server.address)
        not_one = run(*base, "--done-file", "ids.txt")
        assert (not_one.returncode, server.ids) == (2, [])
        assert "not a done-file" in not_one.stderr
        assert read("ids.txt") == "".join(f"{one}\n" for one in uuids(2))
        assert run(*base, "--done-file", "done.txt").returncode == 0
        another = run(*base, "--done-file", "done.txt", "--workspace", uuid(7))
        assert another.returncode == 2
        assert "another gateway or workspace" in another.stderr


def test_done_file_is_locked():
    waiting = threading.Event()
    release = threading.Event()

    def handle(request, context):
        waiting.set()
        release.wait(20)

    with ScriptedServer(handle) as server:
        arguments = ("delete", "--server", server.address, uuid(1), "--done-file", "done.txt")
        with start(*arguments) as first:
            assert waiting.wait(20)
            second = run(*arguments)
            release.set()
            assert first.wait(20) == 0
        assert second.returncode == 2
        assert "another evalrunctl is using it" in second.stderr


def test_done_file_survives_sigkill():
    """Killed with calls in flight: runs that may have been deleted are retried with allow_missing."""
    hold = threading.Event()
    reached = threading.Semaphore(0)

    def handle(request, context):
        reached.release()
        if request.eval_run_uuid >= uuid(40) and not request.allow_missing:
            hold.wait(20)

    with ScriptedServer(handle) as server:
        write_ids(uuids(100))
        arguments = ("delete", "--server", server.address, "--from-file", "ids.txt",
                     "--done-file", "done.txt", "--concurrency", "4")
        with start(*arguments) as child:
            for _ in range(44):
                assert reached.acquire(timeout=20)
            child.kill()
            assert child.wait(20) == -9
        hold.set()
        first = list(server.requests)
        recorded = set(read("done.txt").splitlines())
        assert {f"sent {request.eval_run_uuid}" for request in first} <= recorded
        server.requests.clear()
        done = run(*arguments)
        assert done.returncode == 0, done.stderr
        gone = {line.split()[1] for line in recorded if line.startswith("gone ")}
        assert sorted(server.ids) == sorted(set(uuids(100)) - gone)
        sent_before = {request.eval_run_uuid for request in first}
        for request in server.requests:
            assert request.allow_missing == (request.eval_run_uuid in sent_before)


def test_closed_stdout_stops_cleanly():
    with ScriptedServer() as server:
        write_ids(uuids(2000))
        with start("delete", "--server", server.address, "--from-file", "ids.txt", "--json",
                   "--done-file", "done.txt") as child:
            assert json.loads(child.stdout.readline())["gone"]
            child.stdout.close()
            errors = child.stderr.read()
            assert child.wait(20) == 1
        assert "the reader of standard output has closed it" in errors
        assert len(server.ids) < 2000
        gone = read("done.txt").count("gone ")
        assert gone == len(server.ids), "a finished call is missing in the done-file"


def test_full_disk_stops():
    with ScriptedServer() as server, open("/dev/full", "w", encoding="utf-8") as full:
        write_ids(uuids(100))
        with start("delete", "--server", server.address, "--from-file", "ids.txt", "--json",
                   stdout=full) as child:
            errors = child.stderr.read()
            assert child.wait(20) == 1
        assert "No space left on device" in errors
        assert len(server.ids) <= 16


def test_continues_after_gateway_restart():
    with ScriptedServer() as first:
        write_ids(uuids(3000))
        with start("delete", "--server", first.address, "--from-file", "ids.txt", "--json",
                   "--concurrency", "2", "--retry-unknown") as child:
            lines = [child.stdout.readline()]
            first.stop()
            with ScriptedServer(port=first.port) as second:
                lines += child.stdout.readlines()
                assert child.wait(60) == 0, child.stderr.read()
                assert second.ids
    assert sorted(json.loads(line)["eval_run_uuid"] for line in lines) == uuids(3000)
