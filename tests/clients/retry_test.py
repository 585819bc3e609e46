"""A call through the real gateway by a client that retries by itself: who retries what."""

import pytest

from aymara.evals.v1 import eval_run_service_pb2 as pb
from replies import api_error

TIMEOUT = 20.0
SENDS = 3  # the gateway's retry.max_attempts


@pytest.fixture
def delete(house):
    """`delete(caller)`: the answer to a deletion of the one run."""
    def one_call(caller, timeout=TIMEOUT):
        return caller.start(pb.DeleteEvalRunRequest(eval_run_uuid=house.run), timeout).result()
    return one_call


@pytest.mark.parametrize(("fault", "code", "deletion"), [
    (api_error(503), "UNAVAILABLE", "not_performed"),
    (api_error(503, **{"retry-after-ms": "20"}), "UNAVAILABLE", "not_performed"),
    ({"fault": "respond", "status": 502}, "UNAVAILABLE", "unknown"),
    ({"fault": "respond", "status": 504}, "DEADLINE_EXCEEDED", "unknown"),
    ({"fault": "drop_after_reading"}, "UNAVAILABLE", "unknown"),
    ({"fault": "drop_after_commit"}, "UNAVAILABLE", "unknown"),
], ids=["503", "503 with a time", "502", "504", "lost", "lost when done"])
def test_client_does_not_retry_after_gateway_retries(
        house, connect, delete, fault, code, deletion):
    house.faults.set(**fault)
    gateway = house.gateway()
    answer = delete(connect(gateway.grpc_address))
    assert (answer.code, answer.deletion, answer.pushback) == (code, deletion, "-1")
    assert house.faults.applied() == SENDS


@pytest.mark.parametrize(("status", "code"), [
    (202, "UNKNOWN"), (404, "NOT_FOUND"), (409, "ABORTED"), (422, "INVALID_ARGUMENT"),
])
def test_non_retryable_error_is_sent_once(house, connect, delete, status, code):
    house.faults.set(**api_error(status))
    gateway = house.gateway()
    assert delete(connect(gateway.grpc_address)).code == code
    assert house.faults.applied() == 1


@pytest.mark.parametrize(("status", "code"), [(429, "RESOURCE_EXHAUSTED"), (503, "UNAVAILABLE")])
def test_retry_after_beyond_deadline_fails_immediately(house, connect, delete, status, code):
    house.faults.set(**api_error(status, **{"Retry-After": "60"}))
    gateway = house.gateway()
    # A client that waited for the pause would say DEADLINE_EXCEEDED, and lose the details.
    answer = delete(connect(gateway.grpc_address), timeout=5.0)
    assert (answer.code, answer.deletion, answer.retry_after) == (code, "not_performed", 60.0)
    assert house.faults.applied() == 1


def test_gateway_honors_short_retry_after(house, connect, delete):
    house.faults.set(count=1, **api_error(429, **{"retry-after-ms": "20"}))
    gateway = house.gateway()
    answer = delete(connect(gateway.grpc_address))
    assert (answer.code, answer.deletion) == ("OK", "performed")
    assert gateway.wait_for_event("call")["sends"] == 2


@pytest.mark.parametrize(("is_gone", "deletion"), [
    (True, "presumed"),  # the next attempt's 404 is no NOT_FOUND
    (False, "performed"),
], ids=["the run is gone", "the run is there"])
def test_client_retries_after_gateway_kill(
        house, connect, is_gone, deletion):
    house.faults.set(fault="hold", commit=is_gone, count=1)
    gateway = house.gateway()
    caller = connect(gateway.grpc_address)
    pending = caller.start(pb.DeleteEvalRunRequest(eval_run_uuid=house.run), TIMEOUT)
    house.faults.wait_until_held()
    gateway.kill()
    house.gateway(listen=gateway.grpc_address)
    answer = pending.result()
    assert (answer.code, answer.deletion) == ("OK", deletion)


def test_unreachable_gateway_has_no_error_details(house, connect):
    """Which callers have to read as `unknown`."""
    house.faults.set(fault="hold", commit=True, count=1)
    gateway = house.gateway()
    pending = connect(gateway.grpc_address).start(
        pb.DeleteEvalRunRequest(eval_run_uuid=house.run), timeout=1.0)
    house.faults.wait_until_held()
    gateway.kill()
    answer = pending.result()
    assert answer.code in ("UNAVAILABLE", "DEADLINE_EXCEEDED")
    assert answer.deletion is None
