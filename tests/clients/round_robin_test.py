"""Two gateways behind one channel, of which one leaves."""

import signal
import threading

import pytest

TIMEOUT = 20.0
CONCURRENT_CALLS = 8


class Load:
    """Calls without a pause, until the end of `with`; then `answers` has every answer."""

    def __init__(self, caller, request):
        self._caller, self._request = caller, request
        self._changed = threading.Condition()
        self._stopping = False
        self.answers = []  # guarded by _changed
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
        """Until as many more calls have been answered."""
        with self._changed:
            wanted = len(self.answers) + count
            assert self._changed.wait_for(lambda: len(self.answers) >= wanted, TIMEOUT)

    def _call(self):
        while not self._stopping:
            answer = self._caller.start(self._request, TIMEOUT).result()
            with self._changed:
                self.answers.append(answer)
                self._changed.notify_all()


@pytest.fixture
def all_runs_are_deleted(house):
    house.faults.set(fault="respond", status=204)


@pytest.mark.usefixtures("all_runs_are_deleted")
def test_no_call_fails_when_a_gateway_drains(house, connect, any_run):
    leaving, staying = house.gateway("--drain-delay", "500ms"), house.gateway()
    with Load(connect(leaving.grpc_address, staying.grpc_address), any_run) as load:
        load.wait_for_more(100)
        leaving.signal(signal.SIGTERM)
        assert leaving.wait() == 0
        load.wait_for_more(100)
    assert {(answer.code, answer.deletion) for answer in load.answers} == {("OK", "performed")}
    assert leaving.access_log and staying.access_log, "both were asked"


@pytest.mark.usefixtures("all_runs_are_deleted")
def test_not_serving_gateway_gets_no_calls(house, connect, any_run):
    leaving, staying = house.gateway("--drain-delay", "1m"), house.gateway()
    with Load(connect(leaving.grpc_address, staying.grpc_address), any_run) as load:
        load.wait_for_more(100)
        leaving.signal(signal.SIGTERM)
        leaving.wait_for_event("draining")
        for _ in range(20):  # until the client has heard
            before = len(leaving.access_log)
            load.wait_for_more(500)
            if len(leaving.access_log) == before:
                return
    pytest.fail("it is still asked")


@pytest.mark.usefixtures("all_runs_are_deleted")
def test_no_call_fails_when_a_gateway_is_killed(house, connect, any_run):
    killed, staying = house.gateway(), house.gateway()
    with Load(connect(killed.grpc_address, staying.grpc_address), any_run) as load:
        load.wait_for_more(100)
        killed.kill()
        load.wait_for_more(100)
    assert {answer.code for answer in load.answers} == {"OK"}
    assert killed.access_log and staying.access_log, "both were asked"
