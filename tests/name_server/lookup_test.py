# SPDX-License-Identifier: Apache-2.0
"""No name server that is slow, silent or wrong stops the gateway, or what it can still do."""

import contextlib
import shutil
import socket
import subprocess
import threading
import time

import grpc
import pytest

# No call of these tests may take longer while lookups take seconds. It is much longer than such a call
# needs, and much shorter than a lookup without an answer.
PROMPT = 1.0
# Each call makes a new connection, and addresses are looked up again after a second.
PORT = 8080  # of the upstream: all ports are free here
FLAGS = ("--upstream-idle-connection-age", "1s", "--upstream-connection-lifetime", "1s",
         "--upstream-dns-cache-time", "1s")


class HealthProbe:
    """The gateway's health service, by one connection."""

    def __init__(self, gateway):
        self._channel = grpc.insecure_channel(gateway.grpc_address,
                                              [("grpc.use_local_subchannel_pool", 1)])
        self._check = self._channel.unary_unary("/grpc.health.v1.Health/Check")
        self.duration()

    def close(self):
        self._channel.close()

    def duration(self):
        """How long a response takes."""
        begin = time.monotonic()
        assert self._check(b"", timeout=20) == b"\x08\x01"  # SERVING
        return time.monotonic() - begin


@pytest.fixture
def start(make_deployment):
    """`start(*flags)` starts a backend on 127.0.0.2, and a gateway that knows it as `upstream.test`."""
    def start_deployment(*flags, host="upstream.test"):
        deployment = make_deployment(has_gateway=False, flags=FLAGS, upstream=f"http://{host}:{PORT}/v2")
        deployment.start_backend(seed=deployment.seed.document, listen=f"127.0.0.2:{PORT}")
        deployment.start_gateway(*flags)
        return deployment
    return start_deployment


def ends_promptly(gateway):
    begin = time.monotonic()
    assert gateway.stop() == 0
    return time.monotonic() - begin < PROMPT


def timed_delete(deployment, **options):
    """The status of a call, and how long it took."""
    begin = time.monotonic()
    status = deployment.delete(**options)
    return status, time.monotonic() - begin


def test_silent_from_the_start(name_server, start):
    """Calls wait for addresses within their deadlines; nothing else waits."""
    name_server.silent = True
    deployment = start("--upstream-connect-timeout", "500ms", "--max-attempts", "1")
    with contextlib.closing(HealthProbe(deployment.gateway)) as health:
        statuses = []
        caller = threading.Thread(target=lambda: statuses.extend(timed_delete(deployment, timeout=10)))
        caller.start()
        assert max(health.duration() for _ in range(20)) < PROMPT
        caller.join()
        assert statuses[0] == "UNAVAILABLE"
        assert statuses[1] < 0.5 + PROMPT
        status, duration = timed_delete(deployment, timeout=0.2)
        assert status == "DEADLINE_EXCEEDED"
        assert duration < PROMPT
        first = deployment.gateway.wait_for_event("call")
        assert (first["reason"], first["deletion"]) == ("UPSTREAM_RESOLVE_FAILED", "not_performed")
        second = deployment.gateway.wait_for(
            lambda event: event.get("event") == "call" and event["reason"] != first["reason"])
        assert second["deletion"] == "not_performed"
        assert health.duration() < PROMPT
    deployment.gateway.get("/metrics")
    assert ends_promptly(deployment.gateway)


def test_calls_wait_for_the_first_addresses(name_server, start):
    """A call that arrives while the name is being looked up is sent when the answer comes."""
    name_server.lost_aaaa = 1  # the lookup ends three seconds later, with the IPv4 address
    deployment = start("--upstream-connect-timeout", "10s")
    status, duration = timed_delete(deployment)
    assert status == "NOT_FOUND"
    assert duration > 1
    assert deployment.gateway.wait_for_event("call")["sends"] == 1


def test_known_addresses_outlive_the_name_server(name_server, start):
    """While lookups fail, calls go to the addresses that were last known, on new connections, too."""
    deployment = start()
    assert deployment.delete() == "NOT_FOUND"
    name_server.silent = True
    name_server.wait_for_questions(2)
    opened = deployment.gateway.metric("gateway_upstream_connections_opened_total")
    with contextlib.closing(HealthProbe(deployment.gateway)) as health:
        end = time.monotonic() + 5
        while time.monotonic() < end:
            status, duration = timed_delete(deployment)
            assert status == "NOT_FOUND"
            assert duration < PROMPT
            assert health.duration() < PROMPT
            time.sleep(0.3)
    failed = deployment.gateway.wait_for_event("upstream_lookup_failed")
    assert failed["name"] == "upstream.test"
    assert failed["known_addresses"] == "1"
    assert failed["reason"] == "Temporary failure in name resolution"
    assert deployment.gateway.metric("gateway_upstream_name_resolved") == 0
    assert deployment.gateway.metric("gateway_upstream_connections_opened_total") > opened + 1
    name_server.silent = False
    deployment.gateway.wait_for_event("upstream_lookup_succeeded")
    assert deployment.gateway.metric("gateway_upstream_name_resolved") == 1
    name_server.silent = True
    name_server.wait_for_questions(2)
    assert ends_promptly(deployment.gateway)


def test_lost_answer_delays_no_call(name_server, start):
    """One lost AAAA answer makes a lookup take seconds, and no call."""
    deployment = start()
    assert deployment.delete() == "NOT_FOUND"
    name_server.lost_aaaa = 1
    name_server.wait_for_questions(2)
    assert name_server.lost_aaaa == 0
    for _ in range(10):
        status, duration = timed_delete(deployment)
        assert status == "NOT_FOUND"
        assert duration < PROMPT
        time.sleep(0.25)
    assert ends_promptly(deployment.gateway)


def test_name_that_does_not_exist(name_server, start):
    """It is looked up again, and calls succeed once it exists."""
    del name_server.records["upstream.test"]
    deployment = start("--max-attempts", "1")
    status, duration = timed_delete(deployment)
    assert status == "UNAVAILABLE"
    assert duration < PROMPT
    call = deployment.gateway.wait_for_event("call")
    assert (call["reason"], call["deletion"]) == ("UPSTREAM_RESOLVE_FAILED", "not_performed")
    failed = deployment.gateway.wait_for_event("upstream_lookup_failed")
    assert failed["reason"] == "Name or service not known"
    assert failed["known_addresses"] == "0"
    name_server.records["upstream.test"] = ["127.0.0.2"]
    deployment.gateway.wait_for_event("upstream_lookup_succeeded")
    assert deployment.delete() == "NOT_FOUND"


def test_lookups_are_bounded(name_server, start):
    """However many calls fail for lack of an address, the name server is asked about once a second."""
    del name_server.records["upstream.test"]
    deployment = start("--max-attempts", "1")
    before, begin = name_server.questions, time.monotonic()
    for _ in range(300):
        assert deployment.delete() == "UNAVAILABLE"
    allowed = 2 + (time.monotonic() - begin)
    assert name_server.questions - before <= 2 * allowed  # for IPv4 and for IPv6


def test_change_of_address_is_followed(name_server, start):
    """The old address stops to accept connections: the next call's lookup finds the new one."""
    deployment = start()
    assert deployment.delete() == "NOT_FOUND"
    deployment.backend.kill()
    deployment.start_backend(listen=f"127.0.0.3:{PORT}")
    name_server.records["upstream.test"] = ["127.0.0.3"]
    end = time.monotonic() + 10
    while deployment.delete() != "NOT_FOUND":
        assert time.monotonic() < end
    assert deployment.delete() == "NOT_FOUND"


def test_change_of_address_is_followed_while_the_old_one_works(name_server, start):
    deployment = start()
    with socket.create_server(("127.0.0.3", PORT)) as other:
        other.settimeout(0.1)
        name_server.records["upstream.test"] = ["127.0.0.3"]
        end = time.monotonic() + 20
        while True:
            assert time.monotonic() < end
            deployment.delete(timeout=0.3)
            try:
                other.accept()[0].close()
                break
            except TimeoutError:
                pass


def test_several_addresses_are_tried(name_server, start):
    """Nothing listens on the first one."""
    name_server.records["upstream.test"] = ["127.0.0.9", "127.0.0.2"]
    deployment = start("--max-attempts", "1")
    for _ in range(3):
        assert deployment.delete() == "NOT_FOUND"
        time.sleep(1.1)


def test_name_with_a_dot_at_its_end(name_server, start):
    deployment = start(host="upstream.test.")
    assert deployment.delete() == "NOT_FOUND"
    name_server.silent = True
    name_server.wait_for_questions(1)
    time.sleep(1.1)  # longer than libcurl would keep an address by itself
    status, duration = timed_delete(deployment)
    assert status == "NOT_FOUND"
    assert duration < PROMPT


def test_name_of_the_proxy(name_server, start):
    """With a proxy it is the proxy's name that is looked up, in the same way."""
    name_server.silent = True
    deployment = start("--upstream-proxy", "http://proxy.test:3128",
                       "--upstream-connect-timeout", "500ms", "--max-attempts", "1")
    with contextlib.closing(HealthProbe(deployment.gateway)) as health:
        status, duration = timed_delete(deployment)
        assert status == "UNAVAILABLE"
        assert duration < 0.5 + PROMPT
        assert health.duration() < PROMPT
    name_server.silent = False
    failed = deployment.gateway.wait_for_event("upstream_lookup_failed")
    assert failed["name"] == "proxy.test"
    name_server.silent = True
    name_server.wait_for_questions(1)
    assert ends_promptly(deployment.gateway)


LIMITS = """
limits:
  rules: [{name: all, by: gateway, rate: 1000/s, burst: 1000}]
  replicas: 2
  redis: {address: 'redis.test:6379', timeout: 100ms}
"""


def test_name_of_redis_is_silent(name_server, start, tmp_path):
    """Neither calls nor the end of the process wait for it."""
    name_server.silent = True
    config = tmp_path / "gateway.yaml"
    config.write_text(LIMITS, encoding="utf-8")
    deployment = start("--config", str(config), host="127.0.0.2")
    down = deployment.gateway.wait_for_event("limits_store_down")
    assert down["reason"] == "no response of a name server in time"
    status, duration = timed_delete(deployment)
    assert status == "NOT_FOUND"
    assert duration < PROMPT
    assert ends_promptly(deployment.gateway)


@pytest.mark.skipif(shutil.which("redis-server") is None, reason="redis-server is not installed")
def test_name_of_redis(name_server, start, tmp_path):
    """It is used as soon as it can be looked up."""
    with subprocess.Popen(["setpriv", "--pdeathsig", "KILL", "--", "redis-server", "--bind", "127.0.0.4",
                           "--save", ""], cwd=tmp_path, stdout=subprocess.DEVNULL) as redis:
        try:
            config = tmp_path / "gateway.yaml"
            config.write_text(LIMITS, encoding="utf-8")
            deployment = start("--config", str(config), host="127.0.0.2")
            down = deployment.gateway.wait_for_event("limits_store_down")
            assert down["reason"] == "Name or service not known"
            name_server.records["redis.test"] = ["127.0.0.4"]
            deployment.gateway.wait_for_event("limits_store_up")
        finally:
            redis.kill()
