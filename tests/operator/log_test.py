# SPDX-License-Identifier: Apache-2.0
"""The log of a real gateway: unread output, sampling, and fields."""

import json
import os
import subprocess
import threading
import urllib.request

import grpc
import pytest

from aymara.evals.v1 import eval_run_service_pb2 as pb
from evalrun_testing.child_process import clean_environment
from evalrun_testing.client import Client
from evalrun_testing.gateway import gateway_command

PIPE_BYTES = 65536
BUFFER_BYTES = 65536
CALLS = 1500  # of more than 300 bytes each: twice as much as pipe and buffer hold together


@pytest.fixture
def gateway_with_unread_stdout():
    """(process, event `listening`): all later output stays in the pipe. Its upstream is a port on which
    nobody listens, so that every call has a line of level `warn`, which is written without batching."""
    command = gateway_command("--upstream", "http://127.0.0.1:1/v2", "--max-attempts", "1",
                              "--log-buffer-bytes", BUFFER_BYTES)
    with subprocess.Popen(["setpriv", "--pdeathsig", "KILL", "--", *command],
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                          env=clean_environment(AYMARA_AI_API_KEY="k-not-a-secret")) as process:
        yield process, json.loads(process.stdout.readline())
        process.kill()


def read_until_eof(stream, into):
    while chunk := os.read(stream.fileno(), 65536):
        into.append(chunk)


def test_blocked_stdout_drops_oldest_lines_without_delaying_calls(gateway_with_unread_stdout):
    process, listening = gateway_with_unread_stdout
    with Client(listening["grpc"]) as client:
        for number in range(CALLS):
            # A blocked call would be DEADLINE_EXCEEDED.
            assert client.delete(timeout=10, request_id=str(number)) == "UNAVAILABLE"
    with urllib.request.urlopen(f"http://{listening['admin']}/metrics", timeout=20) as response:
        metrics = response.read().decode()
    [dropped] = [int(line.split()[1]) for line in metrics.splitlines()
                 if line.startswith("gateway_log_lines_dropped_total ")]

    written = []
    reader = threading.Thread(target=read_until_eof, args=(process.stdout, written))
    reader.start()
    process.terminate()
    assert process.wait(20) == 0
    reader.join(20)
    lines = [json.loads(line) for line in b"".join(written).splitlines()]
    calls = [int(line["request_id"]) for line in lines if line["event"] == "call"]
    assert dropped > 0
    assert len(calls) + dropped == CALLS, "some lines are neither written nor counted"
    assert calls == sorted(calls)
    assert calls[0] == 0, "the lines that were already in the pipe are lost"
    assert calls[-1] == CALLS - 1, "the newest lines are lost"


def test_ok_lines_are_sampled_and_others_are_not(make_deployment):
    deployment = make_deployment(flags=["--log-ok-sample-percent", "20"], runs=10)
    for run in deployment.runs:
        assert deployment.delete(run) == "OK"
        assert deployment.delete(run) == "NOT_FOUND"
    assert deployment.gateway.stop() == 0
    codes = [line["rpc.response.status_code"] for line in deployment.gateway.access_log]
    assert (codes.count("OK"), codes.count("NOT_FOUND")) == (2, 10)


def test_access_log_uses_opentelemetry_fields(make_deployment):
    deployment = make_deployment(runs=1)
    deployment.delete(deployment.runs[0])
    line = deployment.gateway.wait_for_event("call")
    assert line["network.peer.address"] == "127.0.0.1"
    assert line["network.peer.port"] > 1024
    assert line["rpc.request.size"] == len(
        pb.DeleteEvalRunRequest(eval_run_uuid=deployment.runs[0]).SerializeToString())
    assert line["http.response.body.size"] == 0  # the status is 204


def test_access_log_has_trace_id(deployment):
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    deployment.delete(request_id="traced", metadata=[("traceparent", f"00-{trace}-00f067aa0ba902b7-01")])
    line = deployment.gateway.wait_for(lambda event: event.get("request_id") == "traced")
    assert line["trace_id"] == trace


def test_invalid_utf8_of_a_caller_is_an_event(make_deployment):
    """protobuf reports it on standard error, unless it is told where."""
    gateway = make_deployment().gateway
    with grpc.insecure_channel(gateway.grpc_address) as channel:
        delete = channel.unary_unary("/aymara.evals.v1.EvalRunService/DeleteEvalRun")
        for _ in range(50):
            with pytest.raises(grpc.RpcError) as error:
                delete(b"\x0a\x02\xff\xfe", timeout=20)
            assert error.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    event = gateway.wait_for_event("protobuf_library")
    assert event["level"] == "warning"
    assert [event["event"] for event in gateway.events].count("protobuf_library") == 1
    assert gateway.stop() == 0
    assert gateway.stderr == ""
