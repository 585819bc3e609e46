"""The admin port of a real gateway: what it answers, what it never does, and to whom it still answers."""

import contextlib
import json
import os
import re
import shutil
import socket
import subprocess

import pytest


def test_config_shows_effective_settings_without_secrets(make_house):
    house = make_house(flags=["--upstream-proxy", "http://user:pass-w0rd@127.0.0.1:1",
                              "--retry-initial-backoff", "7ms"])
    config = house.get("/config")
    assert re.search(r"initial_backoff: 7ms +# from --retry-initial-backoff", config)
    assert "# API key: from AYMARA_AI_API_KEY, ****" in config
    assert house.key not in config and "pass-w0rd" not in config


def test_log_level_changes_only_by_put(house):
    for method in ("GET", "HEAD", "POST", "DELETE"):
        house.ask(method, "/loglevel", "debug")
        assert house.get("/loglevel") == "info\n", method
    assert house.ask("PUT", "/loglevel", "loud")[0] == 400
    assert house.ask("PUT", "/loglevel", "d" * 1_000_000)[0] == 400
    assert house.ask("PUT", "/loglevel", "debug") == (200, "debug\n")
    assert house.get("/loglevel") == "debug\n"
    assert json.loads(house.get("/status.json"))["log_level"] == "debug"
    changed = house.gateway.wait_for_event("log_level_changed")
    assert (changed["from"], changed["to"]) == ("info", "debug")


def test_changed_log_level_takes_effect(house):
    house.ask("PUT", "/loglevel", "error")
    assert house.gateway.stop() == 0
    assert [event["event"] for event in house.gateway.events] == ["listening", "log_level_changed"]


def test_readyz_reports_reason(make_house):
    house = make_house(flags=["--drain-delay", "30s"])
    assert house.ask("GET", "/readyz") == (200, "ok\n")
    house.gateway.signal(15)
    house.gateway.wait_for_event("draining")
    assert house.ask("GET", "/readyz") == (503, "shutting down\n")
    assert house.ask("GET", "/healthz") == (200, "ok\n")
    assert json.loads(house.get("/status.json"))["not_ready_because"] == "shutting down"
    house.gateway.signal(15)  # enough of it
    assert house.gateway.wait() == 0


SLOW_CLIENTS = {
    "says nothing": b"",
    "has said half a request line": b"GET /met",
    "has said half a head": b"GET /healthz HTTP/1.1\r\nHost: a\r\n",
    "has said half a body": b"PUT /loglevel HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nde",
    "does not read what it asked for": b"GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n" * 40,
}


@pytest.mark.parametrize("said", SLOW_CLIENTS.values(), ids=SLOW_CLIENTS)
def test_liveness_responds_despite_slow_clients(house, said):
    host, port = house.gateway.admin_address.split(":")
    with contextlib.ExitStack() as stack:
        for _ in range(200):
            client = stack.enter_context(socket.socket())
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            client.connect((host, int(port)))
            client.sendall(said)
        for path in ("/healthz", "/readyz"):
            assert house.ask("GET", path) == (200, "ok\n")
        assert house.get("/loglevel") == "info\n"


def test_liveness_does_not_depend_on_the_upstream(house):
    house.faults.set(fault="hold")
    assert house.delete(timeout=0.5) == "DEADLINE_EXCEEDED"
    assert house.ask("GET", "/healthz") == (200, "ok\n")
    house.backend.kill()
    assert house.delete() == "UNAVAILABLE"
    assert house.ask("GET", "/healthz") == (200, "ok\n")
    assert house.ask("GET", "/readyz") == (200, "ok\n")


@pytest.mark.skipif(not shutil.which("promtool"), reason="promtool (Debian package prometheus)")
def test_metrics_pass_promtool_lint(house):
    assert house.delete() == "NOT_FOUND"
    checked = subprocess.run(["promtool", "check", "metrics"], input=house.get("/metrics"),
                             capture_output=True, text=True, check=False)
    assert (checked.returncode, checked.stdout, checked.stderr) == (0, "", "")


def test_caller_input_creates_no_series(house):
    def series():
        return {line.rpartition(" ")[0] for line in house.get("/metrics").splitlines()}

    before = series()
    for number in range(20):
        house.delete(f"score_run.{number}", request_id=f"request-{number}")
        house.delete(workspace_uuid=f"workspace.{number}")
        house.delete(request_id=f"request-{number}")
    assert series() == before


def test_process_metrics_match_proc(house):
    pid = house.gateway.pid
    assert house.metric("process_open_fds") == pytest.approx(
        len(os.listdir(f"/proc/{pid}/fd")), abs=3)
    assert house.metric("process_threads") == pytest.approx(
        len(os.listdir(f"/proc/{pid}/task")), abs=3)
    assert house.metric("process_cpu_seconds_total") > 0
    assert house.metric("process_start_time_seconds") == pytest.approx(json.loads(
        house.get("/status.json"))["started_at"])
    [build] = json.loads(house.get("/status.json"))["metrics"]["gateway_build_info"]
    assert build["labels"].keys() == {"version", "grpc_hooks", "grpc_version", "libcurl_version"}


def test_key_age_is_that_of_the_file(make_house, tmp_path):
    key = tmp_path / "key"
    key.write_text("test-key-1-not-a-secret")
    os.utime(key, (1_600_000_000, 1_600_000_000))
    house = make_house(flags=["--api-key-file", str(key)])
    assert house.metric('gateway_api_key_changed_timestamp_seconds{key="default"}') == 1.6e9
