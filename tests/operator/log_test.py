"""What a real gateway does with its log when nobody reads it, and when it is to write less."""

import json
import os
import subprocess
import threading
import uuid

import grpc
import pytest

from aymara.evals.v1 import eval_run_service_pb2 as pb
from aymara.evals.v1 import eval_run_service_pb2_grpc as rpc
from evalrun_testing.child_process import clean_environment, program

PIPE_BYTES = 65536
BUFFER_BYTES = 65536
CALLS = 1500  # of more than 300 bytes each: more than both pipe and buffer hold, twice


@pytest.fixture
def gateway_with_unread_stdout():
    """(process, gRPC address): what it writes after `listening` stays in its pipe. Its upstream is a
    port on which nobody listens, so that every call has a line of level `warn`, which is urgent."""
    command = [program("evalrun-gateway", "GATEWAY_UNDER_TEST"), "--listen", "127.0.0.1:0",
               "--admin-listen", "127.0.0.1:0", "--upstream", "http://127.0.0.1:1/v2",
               "--max-attempts", "1", "--log-buffer-bytes", str(BUFFER_BYTES)]
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
    with grpc.insecure_channel(listening["grpc"]) as channel:
        stub = rpc.EvalRunServiceStub(channel)
        for number in range(CALLS):
            with pytest.raises(grpc.RpcError) as error:
                stub.DeleteEvalRun(pb.DeleteEvalRunRequest(eval_run_uuid=str(uuid.uuid4())),
                                   timeout=10, metadata=[("x-request-id", str(number))])
            # With a blocked call it would be DEADLINE_EXCEEDED.
            assert error.value.code() == grpc.StatusCode.UNAVAILABLE
    metrics = subprocess.run(["curl", "-s", "--noproxy", "*", f"http://{listening['admin']}/metrics"],
                             capture_output=True, text=True, check=True).stdout
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
    assert len(calls) + dropped == CALLS, "each line was written or counted"
    assert calls == sorted(calls)
    assert calls[0] == 0, "what was in the pipe already"
    assert calls[-1] == CALLS - 1, "the newest are kept"


def test_ok_lines_are_sampled_and_others_are_not(make_house):
    house = make_house(flags=["--log-ok-sample-percent", "20"], runs=10)
    for run in house.runs:
        assert house.delete(run) == "OK"
        assert house.delete(run) == "NOT_FOUND"
    assert house.gateway.stop() == 0
    codes = [line["rpc.response.status_code"] for line in house.gateway.access_log]
    assert (codes.count("OK"), codes.count("NOT_FOUND")) == (2, 10)


def test_access_log_uses_opentelemetry_fields(make_house):
    house = make_house(runs=1)
    house.delete(house.runs[0])
    line = house.gateway.wait_for_event("call")
    assert line["network.peer.address"] == "127.0.0.1"
    assert line["network.peer.port"] > 1024
    assert line["rpc.request.size"] == len(
        pb.DeleteEvalRunRequest(eval_run_uuid=house.runs[0]).SerializeToString())
    assert line["http.response.body.size"] == 0  # a 204


def test_access_log_has_trace_id(house):
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    house.delete(request_id="traced", metadata=[("traceparent", f"00-{trace}-00f067aa0ba902b7-01")])
    line = house.gateway.wait_for(lambda event: event.get("request_id") == "traced")
    assert line["trace_id"] == trace
