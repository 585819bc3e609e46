# SPDX-License-Identifier: Apache-2.0
"""Failures of the server: shutdown, and the faults of a fault script."""

import concurrent.futures
import contextlib
import http.client
import json
import signal

import aymara_ai
import pytest

from calls import maybe_await
from error_shape import assert_documented_shape
from partial_request_proxy import PartialRequestProxy


@pytest.fixture(autouse=True)
def fault(deployment, request):
    """Sets the fault of a test with `@pytest.mark.fault(...)`."""
    if marker := request.node.get_closest_marker("fault"):
        deployment.faults.set(**marker.kwargs)


def stop_during_request(backend, partial_request_proxy):
    """Sends SIGTERM while the server has half of a request, and then releases the rest."""
    assert partial_request_proxy.begun.wait(20)
    with contextlib.closing(http.client.HTTPConnection(backend.address, timeout=20)) as idle:
        # Connections are accepted in order: once this one is served, the other one has been accepted.
        idle.request("GET", "/health/")
        assert idle.getresponse().read()
        backend.signal(signal.SIGTERM)
        assert idle.sock.recv(1) == b"", "the idle connection was not closed first"
    partial_request_proxy.release()


async def test_request_during_shutdown(connect, data, deployment, backend):
    with (PartialRequestProxy(backend.address) as partial_request_proxy,
          concurrent.futures.ThreadPoolExecutor() as thread):
        stopping = thread.submit(stop_during_request, backend, partial_request_proxy)
        with pytest.raises(aymara_ai.InternalServerError) as raised:
            runs = connect(data.key, base_url=partial_request_proxy.url).evals.runs
            await maybe_await(runs.delete(data.run))
        stopping.result()
    assert raised.value.status_code == 503
    assert raised.value.body["error"]["code"] == "server.unavailable"
    assert_documented_shape(raised.value)
    assert backend.wait() == 0

    restarted = deployment.start_backend()
    run = await maybe_await(connect(data.key, base_url=restarted.url).evals.runs.get(data.run))
    assert run.eval_run_uuid == data.run, "the run was deleted"


INTERNAL_ERROR = {
    "fault": "respond", "status": 500,
    "headers": {"content-type": "application/json", "x-request-id": "scripted"},
    "body": json.dumps({"error": {"code": "server.internal_error", "message": "the disk is full",
                                  "details": {}}, "request_id": "scripted"})}


@pytest.mark.fault(**INTERNAL_ERROR)
async def test_internal_error(client, data):
    with pytest.raises(aymara_ai.InternalServerError) as raised:
        await maybe_await(client.evals.runs.delete(data.run))
    assert raised.value.status_code == 500
    assert raised.value.body["error"]["code"] == "server.internal_error"
    assert_documented_shape(raised.value)


@pytest.mark.fault(fault="drop_after_commit", count=1)
async def test_retry_after_lost_response_reports_not_found(connect, data):
    """Through the gateway, the caller would learn that the run is gone."""
    client = connect(data.key, max_retries=1)
    with pytest.raises(aymara_ai.NotFoundError):
        await maybe_await(client.evals.runs.delete(data.run))


@pytest.mark.fault(fault="drop_after_reading")
async def test_connection_always_lost(client, data):
    with pytest.raises(aymara_ai.APIConnectionError):
        await maybe_await(client.evals.runs.delete(data.run))


@pytest.mark.fault(fault="hold")
async def test_response_timeout(connect, data):
    client = connect(data.key, timeout=0.1)
    with pytest.raises(aymara_ai.APITimeoutError):
        await maybe_await(client.evals.runs.delete(data.run))
