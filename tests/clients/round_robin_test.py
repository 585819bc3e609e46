# SPDX-License-Identifier: Apache-2.0
"""Two gateways behind one channel, one of which shuts down."""

import signal
import threading

import pytest

TIMEOUT = 20.0
CONCURRENT_CALLS = 8


class Load:
    """Concurrent calls, without pauses, until the end of `with`. `responses` has all responses."""

    def __init__(self, caller, request):
        self._caller, self._request = caller, request
        self._changed = threading.Condition()
        self._stopping = False
        self.responses = []  # guarded by _changed
        self._threads = [threading.Thread(target=self._call) for _ in range(CONCURRENT_CALLS)]

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self._stopping = True
        for thread in self._threads:
            thread.join()

    def wait_for_more(self, count):
        """Waits until `count` more calls have ended."""
        with self._changed:
            wanted = len(self.responses) + count
            assert self._changed.wait_for(lambda: len(self.responses) >= wanted, TIMEOUT)

    def _call(self):
        while not self._stopping:
            response = self._caller.start(self._request, TIMEOUT).result()
            with self._changed:
                self.responses.append(response)
                self._changed.notify_all()


@pytest.fixture
def all_runs_are_deleted(deployment):
    deployment.faults.set(fault="respond", status=204)


@pytest.mark.usefixtures("all_runs_are_deleted")
def test_no_call_fails_when_a_gateway_drains(deployment, connect, any_run):
    remaining, draining = deployment.gateway, deployment.start_gateway("--drain-delay", "500ms")
    with Load(connect(draining.grpc_address, remaining.grpc_address), any_run) as load:
        load.wait_for_more(100)
        draining.signal(signal.SIGTERM)
        assert draining.wait() == 0
        load.wait_for_more(100)
    assert {(response.code, response.deletion) for response in load.responses} == {("OK", "performed")}
    assert draining.access_log and remaining.access_log, "both were called"


@pytest.mark.usefixtures("all_runs_are_deleted")
def test_not_serving_gateway_gets_no_calls(deployment, connect, any_run):
    remaining, draining = deployment.gateway, deployment.start_gateway("--drain-delay", "1m")
    with Load(connect(draining.grpc_address, remaining.grpc_address), any_run) as load:
        load.wait_for_more(100)
        assert draining.access_log, "it is called"
        draining.signal(signal.SIGTERM)
        draining.wait_for_event("draining")
        for _ in range(20):  # until the client has received NOT_SERVING
            before = len(draining.access_log)
            load.wait_for_more(500)
            if len(draining.access_log) == before:
                return
    pytest.fail("it is still called")


@pytest.mark.usefixtures("all_runs_are_deleted")
def test_no_call_fails_when_a_gateway_is_killed(deployment, connect, any_run):
    remaining, killed = deployment.gateway, deployment.start_gateway()
    with Load(connect(killed.grpc_address, remaining.grpc_address), any_run) as load:
        load.wait_for_more(100)
        killed.kill()
        load.wait_for_more(100)
    assert {response.code for response in load.responses} == {"OK"}
    assert killed.access_log and remaining.access_log, "both were called"
