# SPDX-License-Identifier: Apache-2.0
"""Clients with the recommended service config and the real gateway: which of the two retries what."""

import pytest

from aymara.evals.v1 import eval_run_service_pb2 as pb
from fault_rules import api_error

TIMEOUT = 20.0
GATEWAY_ATTEMPTS = 3  # retry.max_attempts


@pytest.fixture
def delete(deployment):
    """`delete(caller)`: the response to the deletion of the one run."""
    def call(caller, timeout=TIMEOUT):
        return caller.start(pb.DeleteEvalRunRequest(eval_run_uuid=deployment.runs[0]), timeout).result()
    return call


@pytest.mark.parametrize(("fault", "code", "deletion"), [
    (api_error(503), "UNAVAILABLE", "not_performed"),
    (api_error(503, **{"retry-after-ms": "20"}), "UNAVAILABLE", "not_performed"),
    ({"fault": "respond", "status": 502}, "UNAVAILABLE", "unknown"),
    ({"fault": "respond", "status": 504}, "DEADLINE_EXCEEDED", "unknown"),
    ({"fault": "drop_after_reading"}, "UNAVAILABLE", "unknown"),
    ({"fault": "drop_after_commit"}, "UNAVAILABLE", "unknown"),
], ids=["503", "503 with Retry-After", "502", "504", "lost", "lost after commit"])
def test_client_does_not_retry_after_gateway_retries(
        deployment, connect, delete, fault, code, deletion):
    deployment.faults.set(**fault)
    response = delete(connect(deployment.gateway.grpc_address))
    assert (response.code, response.deletion, response.pushback) == (code, deletion, "-1")
    assert deployment.faults.applied() == GATEWAY_ATTEMPTS


@pytest.mark.parametrize(("status", "code"), [
    (202, "UNKNOWN"), (404, "NOT_FOUND"), (409, "ABORTED"), (422, "INVALID_ARGUMENT"),
])
def test_non_retryable_error_is_sent_once(deployment, connect, delete, status, code):
    deployment.faults.set(**api_error(status))
    assert delete(connect(deployment.gateway.grpc_address)).code == code
    assert deployment.faults.applied() == 1


@pytest.mark.parametrize(("status", "code"), [(429, "RESOURCE_EXHAUSTED"), (503, "UNAVAILABLE")])
def test_retry_after_beyond_deadline_fails_immediately(deployment, connect, delete, status, code):
    deployment.faults.set(**api_error(status, **{"Retry-After": "60"}))
    # If the client waited, the status would be DEADLINE_EXCEEDED, without details.
    response = delete(connect(deployment.gateway.grpc_address), timeout=5.0)
    assert (response.code, response.deletion, response.retry_after) == (code, "not_performed", 60.0)
    assert deployment.faults.applied() == 1


def test_gateway_honors_short_retry_after(deployment, connect, delete):
    deployment.faults.set(count=1, **api_error(429, **{"retry-after-ms": "20"}))
    response = delete(connect(deployment.gateway.grpc_address))
    assert (response.code, response.deletion) == ("OK", "performed")
    assert deployment.gateway.wait_for_event("call")["sends"] == 2


@pytest.mark.parametrize(("is_gone", "deletion"), [
    (True, "presumed"),  # the next attempt gets a 404
    (False, "performed"),
], ids=["the run is gone", "the run is there"])
def test_client_retries_after_gateway_kill(
        deployment, connect, is_gone, deletion):
    deployment.faults.set(fault="hold", commit=is_gone, count=1)
    caller = connect(deployment.gateway.grpc_address)
    pending = caller.start(pb.DeleteEvalRunRequest(eval_run_uuid=deployment.runs[0]), TIMEOUT)
    deployment.faults.wait_until_held()
    deployment.gateway.kill()
    deployment.restart_gateway()
    response = pending.result()
    assert (response.code, response.deletion) == ("OK", deletion)


def test_unreachable_gateway_has_no_error_details(deployment, connect):
    """Callers must read this as `unknown`."""
    deployment.faults.set(fault="hold", commit=True, count=1)
    pending = connect(deployment.gateway.grpc_address).start(
        pb.DeleteEvalRunRequest(eval_run_uuid=deployment.runs[0]), timeout=1.0)
    deployment.faults.wait_until_held()
    deployment.gateway.kill()
    response = pending.result()
    assert response.code in ("UNAVAILABLE", "DEADLINE_EXCEEDED")
    assert response.deletion is None
