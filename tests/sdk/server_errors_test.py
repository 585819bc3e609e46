"""The server's own failures: leaving, and what only a fault script can bring about."""

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


@pytest.fixture
def backend(start_backend, tmp_path, request):
    """With the fault that a test names by `@pytest.mark.fault(...)`."""
    marker = request.node.get_closest_marker("fault")
    rules = [{"name": "the fault"} | marker.kwargs] if marker else []
    script = tmp_path / "faults.json"
    script.write_text(json.dumps({"rules": rules}), encoding="utf-8")
    return start_backend(["--faults", str(script)])


def stop_during_request(backend, partial_request_proxy):
    """Lets the request's other half go when the server has been told to stop."""
    assert partial_request_proxy.begun.wait(20)
    with contextlib.closing(http.client.HTTPConnection(backend.address, timeout=20)) as idle:
        # Connections are accepted in order: once this one is served, so is the other.
        idle.request("GET", "/health/")
        assert idle.getresponse().read()
        backend.signal(signal.SIGTERM)
        assert idle.sock.recv(1) == b"", "a server that stops closes idle connections first"
    partial_request_proxy.release()


async def test_request_during_shutdown(
        connect, world, backend, start_backend):
    with (PartialRequestProxy(backend.address) as partial_request_proxy,
          concurrent.futures.ThreadPoolExecutor() as thread):
        stopping = thread.submit(stop_during_request, backend, partial_request_proxy)
        with pytest.raises(aymara_ai.InternalServerError) as raised:
            await maybe_await(connect(world.key, base_url=partial_request_proxy.url).evals.runs.delete(world.run))
        stopping.result()
    assert raised.value.status_code == 503
    assert raised.value.body["error"]["code"] == "server.unavailable"
    assert_documented_shape(raised.value)
    assert backend.wait() == 0

    again = start_backend()
    run = await maybe_await(connect(world.key, base_url=again.url).evals.runs.get(world.run))
    assert run.eval_run_uuid == world.run, "nothing was done"


INTERNAL_ERROR = {
    "fault": "respond", "status": 500,
    "headers": {"content-type": "application/json", "x-request-id": "scripted"},
    "body": json.dumps({"error": {"code": "server.internal_error", "message": "the disk is full",
                                  "details": {}}, "request_id": "scripted"})}


@pytest.mark.fault(**INTERNAL_ERROR)
async def test_internal_error(client, world):
    with pytest.raises(aymara_ai.InternalServerError) as raised:
        await maybe_await(client.evals.runs.delete(world.run))
    assert raised.value.status_code == 500
    assert raised.value.body["error"]["code"] == "server.internal_error"
    assert_documented_shape(raised.value)


@pytest.mark.fault(fault="drop_after_commit", count=1)
async def test_retry_after_lost_response_reports_not_found(
        connect, world):
    """What the gateway is for: its caller would be told that the run is gone."""
    client = connect(world.key, max_retries=1)
    with pytest.raises(aymara_ai.NotFoundError):
        await maybe_await(client.evals.runs.delete(world.run))


@pytest.mark.fault(fault="drop_after_reading")
async def test_connection_always_lost(client, world):
    with pytest.raises(aymara_ai.APIConnectionError):
        await maybe_await(client.evals.runs.delete(world.run))


@pytest.mark.fault(fault="hold")
async def test_response_timeout(connect, world):
    client = connect(world.key, timeout=0.1)
    with pytest.raises(aymara_ai.APITimeoutError):
        await maybe_await(client.evals.runs.delete(world.run))
