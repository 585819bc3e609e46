# SPDX-License-Identifier: Apache-2.0
"""The admin port of a real gateway: its responses, and its availability under load."""

import contextlib
import json
import os
import re
import shutil
import socket
import subprocess
import time

import pytest


def test_config_shows_effective_settings_without_secrets(make_deployment):
    deployment = make_deployment(flags=["--upstream-proxy", "http://user:pass-w0rd@127.0.0.1:1",
                              "--retry-initial-backoff", "7ms"])
    config = deployment.gateway.get("/config")
    assert re.search(r"initial_backoff: 7ms +# from --retry-initial-backoff", config)
    assert "# API key: from AYMARA_AI_API_KEY, ****" in config
    assert deployment.api_key not in config and "pass-w0rd" not in config


def test_log_level_changes_only_by_put(deployment):
    for method in ("GET", "HEAD", "POST", "DELETE"):
        deployment.gateway.request(method, "/loglevel", "debug")
        assert deployment.gateway.get("/loglevel") == "info\n", method
    assert deployment.gateway.request("PUT", "/loglevel", "loud")[0] == 400
    assert deployment.gateway.request("PUT", "/loglevel", "d" * 1_000_000)[0] == 400
    assert deployment.gateway.request("PUT", "/loglevel", "debug") == (200, "debug\n")
    assert deployment.gateway.get("/loglevel") == "debug\n"
    assert json.loads(deployment.gateway.get("/status.json"))["log_level"] == "debug"
    changed = deployment.gateway.wait_for_event("log_level_changed")
    assert (changed["from"], changed["to"]) == ("info", "debug")


def test_changed_log_level_takes_effect(deployment):
    deployment.gateway.request("PUT", "/loglevel", "error")
    assert deployment.gateway.stop() == 0
    assert [event["event"] for event in deployment.gateway.events] == ["listening", "log_level_changed"]


def test_readyz_reports_reason(make_deployment):
    deployment = make_deployment(flags=["--drain-delay", "30s"])
    assert deployment.gateway.request("GET", "/readyz") == (200, "ok\n")
    deployment.gateway.signal(15)
    deployment.gateway.wait_for_event("draining")
    assert deployment.gateway.request("GET", "/readyz") == (503, "shutting down\n")
    assert deployment.gateway.request("GET", "/healthz") == (200, "ok\n")
    assert json.loads(deployment.gateway.get("/status.json"))["not_ready_because"] == "shutting down"
    deployment.gateway.signal(15)  # ends the drain delay
    assert deployment.gateway.wait() == 0


SLOW_CLIENTS = {
    "sends nothing": b"",
    "sends half a request line": b"GET /met",
    "sends half a header": b"GET /healthz HTTP/1.1\r\nHost: a\r\n",
    "sends half a body": b"PUT /loglevel HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nde",
    "does not read the responses": b"GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n" * 10,
}


@pytest.mark.parametrize("sent", SLOW_CLIENTS.values(), ids=SLOW_CLIENTS)
def test_liveness_responds_despite_slow_clients(deployment, sent):
    host, port = deployment.gateway.admin_address.split(":")
    with contextlib.ExitStack() as stack:
        for _ in range(300):  # libmicrohttpd accepts 256 at a time
            client = stack.enter_context(socket.socket())
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            client.connect((host, int(port)))
            with contextlib.suppress(ConnectionError):  # the oldest are closed
                client.sendall(sent)
        began = time.monotonic()
        for path in ("/healthz", "/readyz"):
            assert deployment.gateway.request("GET", path) == (200, "ok\n")
        assert deployment.gateway.get("/loglevel") == "info\n"
        assert time.monotonic() - began < 9  # an idle connection lives for 10 s


def test_liveness_does_not_depend_on_the_upstream(deployment):
    deployment.faults.set(fault="hold")
    assert deployment.delete(timeout=0.5) == "DEADLINE_EXCEEDED"
    assert deployment.gateway.request("GET", "/healthz") == (200, "ok\n")
    deployment.backend.kill()
    assert deployment.delete() == "UNAVAILABLE"
    assert deployment.gateway.request("GET", "/healthz") == (200, "ok\n")
    assert deployment.gateway.request("GET", "/readyz") == (200, "ok\n")


@pytest.mark.skipif(not shutil.which("promtool"), reason="promtool (Debian package prometheus)")
def test_metrics_pass_promtool_lint(deployment):
    assert deployment.delete() == "NOT_FOUND"
    checked = subprocess.run(["promtool", "check", "metrics"], input=deployment.gateway.get("/metrics"),
                             capture_output=True, text=True, check=False)
    assert (checked.returncode, checked.stdout, checked.stderr) == (0, "", "")


def test_caller_input_creates_no_series_but_those_of_ten_callers(make_deployment, tmp_path):
    config = tmp_path / "gateway.yaml"
    config.write_text("identity: {metadata_key: x-caller, trusted_networks: [127.0.0.1/32]}")
    deployment = make_deployment(runs=20, flags=["--config", str(config)])

    def series():
        return {line.rpartition(" ")[0] for line in deployment.gateway.get("/metrics").splitlines()}

    before = series()
    for number, run in enumerate(deployment.runs):
        deployment.delete(f"score_run.{number}", request_id=f"request-{number}")
        deployment.delete(workspace_uuid=f"workspace.{number}")
        deployment.delete(run, metadata=[("x-caller", f"caller-{number}")])
    added = [name.partition("{")[0] for name in series() - before]
    assert sorted(added) == ["gateway_top_caller_calls"] * 10 + ["gateway_top_caller_deleted_runs"] * 10


def test_process_metrics_match_proc(deployment):
    pid = deployment.gateway.pid
    assert deployment.gateway.metric("process_open_fds") == pytest.approx(
        len(os.listdir(f"/proc/{pid}/fd")), abs=3)
    assert deployment.gateway.metric("process_threads") == pytest.approx(
        len(os.listdir(f"/proc/{pid}/task")), abs=3)
    assert deployment.gateway.metric("process_cpu_seconds_total") > 0
    assert deployment.gateway.metric("process_start_time_seconds") == pytest.approx(json.loads(
        deployment.gateway.get("/status.json"))["started_at"])
    [build] = json.loads(deployment.gateway.get("/status.json"))["metrics"]["gateway_build_info"]
    assert build["labels"].keys() == {"version", "grpc_hooks", "grpc_version", "libcurl_version"}


def test_key_age_is_that_of_the_file(make_deployment, tmp_path):
    key = tmp_path / "key"
    key.write_text("test-key-1-not-a-secret")
    os.utime(key, (1_600_000_000, 1_600_000_000))
    deployment = make_deployment(flags=["--api-key-file", str(key)])
    assert deployment.gateway.metric('gateway_api_key_changed_timestamp_seconds{key="default"}') == 1.6e9
