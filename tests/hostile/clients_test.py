# SPDX-License-Identifier: Apache-2.0
"""Malicious clients. Other callers are served during and after each attack, and the gateway frees the
memory and descriptors that the attack took: a repeated attack takes no more."""

import contextlib
import os
import random
import socket
import ssl
import struct
import threading
import time

import grpc
import pytest

import http2
from measure import Upstream
from aymara.evals.v1 import eval_run_service_pb2 as pb
from aymara.evals.v1 import eval_run_service_pb2_grpc as rpc
from evalrun_testing.wait_until import wait_until

MIB = 1 << 20


@pytest.fixture
def make_deployment(make_deployment):
    """`make_deployment(*flags)`: a gateway with an Upstream. It has served a call. It ends in order after the test, which
    with LeakSanitizer means without leaks."""
    deployments = []
    with Upstream() as upstream:
        def make(*flags, listen="127.0.0.1:0", authority=None):
            deployment = make_deployment(
                upstream=upstream.url, has_gateway=False, authority=authority,
                flags=("--access-log=false", *flags))
            deployment.start_gateway(listen=listen)
            assert deployment.delete() == "OK"
            deployments.append(deployment)
            return deployment

        yield make
        for deployment in deployments:
            assert deployment.gateway.stop() == 0, deployment.gateway.stderr


@pytest.fixture
def deployment(make_deployment):
    return make_deployment()


@contextlib.contextmanager
def other_callers(deployment):
    """Makes calls, one after another, and expects that each is served."""
    stop, codes = threading.Event(), []

    def call():
        while not stop.is_set():
            codes.append(deployment.delete(timeout=30))

    thread = threading.Thread(target=call)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
    assert codes and set(codes) == {"OK"}


def memory(deployment):
    """The gateway's memory in bytes. 0 with sanitizers, which need most of it themselves; leaks are
    then found by LeakSanitizer."""
    return 0 if os.environ.get("SANITIZERS") else deployment.gateway.resident_bytes


def assert_memory_bounded(deployment, attack, max_taken=80 * MIB, max_rounds=8):
    """Repeats `attack(address)` until a round takes no more memory than the rounds before it: growth
    in every round is a leak. Memory that is kept for reuse, such as pools, is limited to `max_taken`."""
    memory_before, descriptors_before = memory(deployment), deployment.gateway.descriptor_count
    taken = []
    while len(taken) < 3 or taken[-1] > max(taken[:-1]) + MIB:
        assert len(taken) < max_rounds, taken
        with other_callers(deployment):
            attack(deployment.gateway.grpc_address)
        wait_until(lambda: deployment.gateway.descriptor_count <= descriptors_before + 2)
        assert deployment.delete() == "OK"
        taken.append(memory(deployment) - memory_before)
    assert max(taken) < max_taken, taken


# What a connection sends before it is closed with a FIN or a RST.
def malformed_inputs(chance):
    call = http2.frame(http2.HEADERS, http2.END_HEADERS, 1, http2.CALL)
    hello = http2.PREFACE + http2.settings()
    return [
        b"",
        chance.randbytes(chance.randrange(1, 200)),
        b"GET / HTTP/1.1\r\nHost: gateway\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + chance.randbytes(32),  # TLS
        http2.PREFACE[:chance.randrange(1, len(http2.PREFACE))],
        http2.PREFACE + chance.randbytes(100),
        hello + http2.frame(http2.SETTINGS, payload=b"odd"),
        hello + http2.frame(0xEE, 0xFF, 0x7FFFFFFF, b"unknown"),
        hello + struct.pack(">I", 0xFFFFFF00) + b"\1\4\0\0\0\1",  # a frame of 16 MiB
        hello + call[:chance.randrange(1, len(call))],
        hello + http2.frame(http2.HEADERS, http2.END_HEADERS, 1, chance.randbytes(50)),
        hello + http2.frame(http2.HEADERS, http2.END_HEADERS, 2, http2.CALL),  # a number of the server's
        hello + http2.frame(http2.CONTINUATION, http2.END_HEADERS, 1, http2.CALL),
        hello + call + http2.frame(http2.DATA, http2.END_STREAM, 1, chance.randbytes(30)),
        hello + call + http2.frame(http2.DATA, http2.END_STREAM, 1, b"\0\xff\xff\xff\xff"),
        hello + call + http2.frame(http2.DATA, 0, 3, http2.MESSAGE),  # no such stream
        hello + http2.frame(http2.PING, 0, 0, b"short"),
        hello + http2.frame(8, 0, 0, b"\xff\xff\xff\xff") * 3,  # too large a window
    ]


def test_ten_thousand_malformed_connections(deployment):
    def attack(address):
        chance = random.Random(1)
        for _ in range(3400 // 50):
            batch = [http2.connect(address) for _ in range(50)]
            for connection in batch:
                with contextlib.suppress(ConnectionError):
                    connection.sendall(chance.choice(malformed_inputs(chance)))
                if chance.random() < 0.5:
                    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                                          struct.pack("ii", 1, 0))
                connection.close()

    assert_memory_bounded(deployment, attack)  # at least three times 3,400


def test_incomplete_handshake_is_closed(make_deployment):
    deployment = make_deployment("--server-handshake-timeout", "1s")
    with contextlib.ExitStack() as stack:
        slow = [stack.enter_context(http2.connect(deployment.gateway.grpc_address)) for _ in range(200)]
        for number, connection in enumerate(slow):
            connection.sendall(http2.PREFACE[:number % len(http2.PREFACE)])
        assert deployment.delete() == "OK"
        for connection in slow:
            http2.read_to_end(connection)


def client_hello():
    """The first flight of a TLS handshake."""
    context, sent = ssl.create_default_context(), ssl.MemoryBIO()
    context.set_alpn_protocols(["h2"])
    with contextlib.suppress(ssl.SSLWantReadError):
        context.wrap_bio(ssl.MemoryBIO(), sent, server_hostname="gateway").do_handshake()
    return sent.read()


def test_incomplete_tls_handshake_is_closed(make_deployment, authority):
    """Clients that stop in the middle of their first flight, after it, and after the handshake."""
    deployment = make_deployment("--server-handshake-timeout", "1s", authority=authority)
    hello = client_hello()
    with contextlib.ExitStack() as stack:
        def connect(trusted_ca=None):
            return stack.enter_context(http2.connect(deployment.gateway.grpc_address, trusted_ca))

        before = memory(deployment)
        slow = [connect() for _ in range(200)]
        for number, connection in enumerate(slow):
            connection.sendall(hello[:len(hello) * number // 199])
        slow += [connect(str(authority.certificate)) for _ in range(20)]
        assert deployment.delete() == "OK"
        assert memory(deployment) <= before + 32 * MIB
        for connection in slow:
            http2.read_to_end(connection)
        assert deployment.delete() == "OK"


def test_client_that_never_reads_is_bounded_and_closed(make_deployment):
    """The responses are blocked by flow control, that of HTTP/2 and that of TCP."""
    deployment = make_deployment("--server-max-connection-age", "2s", "--server-max-connection-age-grace",
                       "1s", "--upstream-idle-connection-age", "1s")

    def attack(address):
        with contextlib.ExitStack() as stack:
            slow = [stack.enter_context(http2.connect(address)) for _ in range(20)]
            for connection in slow:
                connection.sendall(http2.PREFACE + http2.settings(window=0))
                for stream in range(1, 400, 2):
                    connection.sendall(
                        http2.frame(http2.HEADERS, http2.END_HEADERS, stream, http2.CALL) +
                        http2.frame(http2.DATA, http2.END_STREAM, stream, http2.MESSAGE))
            for connection in slow:
                http2.read_to_end(connection)

    # 4000 calls at a time wait with their responses: some 20 KiB each.
    assert_memory_bounded(deployment, attack, max_taken=112 * MIB)


def test_rapid_reset(deployment):
    def attack(address):
        for _ in range(5):
            with http2.connect(address) as connection, contextlib.suppress(ConnectionError):
                connection.sendall(http2.PREFACE + http2.settings())
                for first in range(1, 20_000, 200):
                    connection.sendall(b"".join(
                        http2.frame(http2.HEADERS, http2.END_HEADERS, stream, http2.CALL) +
                        http2.frame(http2.RST_STREAM, 0, stream, b"\0\0\0\x08")
                        for stream in range(first, first + 200, 2)))

    assert_memory_bounded(deployment, attack)


@pytest.mark.parametrize("flood", ["settings", "ping", "continuation", "table"])
def test_floods_without_reading(deployment, flood):
    """Frames that make a server collect responses or headers while the client does not read."""
    large = http2.header(b"x-junk", b"j" * 4000)
    repeated = http2.CALL + http2.indexed_header(b"x-junk", b"j" * 4000)
    packet, count = {
        "settings": (http2.settings() * 100, 1000),
        "ping": (http2.frame(http2.PING, payload=b"12345678") * 100, 1000),
        "continuation": (http2.frame(http2.CONTINUATION, 0, 1, large) * 4, 2000),
        # Each byte refers to a header of 4 KB.
        "table": (http2.frame(http2.CONTINUATION, 0, 1, b"\xbe" * 16_000), 100),
    }[flood]

    def attack(address):
        for _ in range(3):
            with http2.connect(address) as connection:
                connection.settimeout(10)
                # TimeoutError: the server no longer reads, which also stops the flood.
                with contextlib.suppress(ConnectionError, TimeoutError):
                    connection.sendall(http2.PREFACE + http2.settings() +
                                       http2.frame(http2.HEADERS, 0, 1, repeated)
                                       if flood in ("continuation", "table")
                                       else http2.PREFACE + http2.settings())
                    for _ in range(count):
                        connection.sendall(packet)
                        used.append(memory(deployment))

    used = [memory(deployment)]
    assert_memory_bounded(deployment, attack)
    assert max(used) < used[0] + 128 * MIB


def closed_by_the_gateway(connection):
    """Whether it is, within 5 s."""
    connection.settimeout(5)
    with contextlib.suppress(TimeoutError):
        http2.read_to_end(connection)
        return True
    return False


@pytest.mark.parametrize("limit", ["max-connections", "max-connections-per-peer"])
def test_connections_above_the_limit_are_closed_at_once(make_deployment, limit):
    deployment = make_deployment(f"--server-{limit}", "3")  # one of them is that of the calls
    with contextlib.ExitStack() as stack:
        def connect():
            return stack.enter_context(http2.connect(deployment.gateway.grpc_address))

        others = [connect() for _ in range(2)]
        assert closed_by_the_gateway(connect())
        assert deployment.delete() == "OK"
        cause = limit.replace("-", "_")
        assert deployment.gateway.wait_for_event("connection_rejected")["cause"] == cause
        assert deployment.gateway.metric(f'gateway_connections_rejected_total{{cause="{cause}"}}') == 1
        assert deployment.gateway.metric("gateway_connections_open") == 3
        others.pop().close()
        wait_until(lambda: deployment.gateway.metric("gateway_connections_open") == 2)
        connect().sendall(http2.PREFACE + http2.settings())
        assert deployment.gateway.metric(f'gateway_connections_rejected_total{{cause="{cause}"}}') == 1


def test_call_whose_message_does_not_come_is_cancelled(make_deployment):
    deployment = make_deployment("--server-client-timeout", "500ms")
    with http2.connect(deployment.gateway.grpc_address) as connection:
        connection.sendall(http2.PREFACE + http2.settings() +
                           http2.frame(http2.HEADERS, http2.END_HEADERS, 1, http2.CALL))
        wait_until(lambda: deployment.gateway.metric("gateway_calls_client_timeout_total") == 1)
        connection.sendall(http2.frame(http2.HEADERS, http2.END_HEADERS, 3, http2.CALL) +
                           http2.frame(http2.DATA, http2.END_STREAM, 3, http2.MESSAGE))
        received, responses = b"", 0
        while responses < 2:  # the second call is served
            received += connection.recv(65536)
            responses = sum(kind == http2.HEADERS for kind, *_ in http2.parse(received)[0])


def refused_streams(connection, count):
    """Reads until `count` streams have been reset."""
    received, streams = b"", set()
    while len(streams) < count:
        received += connection.recv(65536)
        streams = {stream for kind, _, stream, _ in http2.parse(received)[0] if kind == http2.RST_STREAM}
    return streams


def test_more_calls_than_allowed_close_the_connection(make_deployment):
    """Though the client does not acknowledge the limit. Newer gRPC than 1.51 refuses them by itself."""
    deployment = make_deployment("--server-max-concurrent-streams", "10")
    with http2.connect(deployment.gateway.grpc_address) as connection:
        connection.sendall(http2.PREFACE + http2.settings() + b"".join(
            http2.frame(http2.HEADERS, http2.END_HEADERS, stream, http2.CALL)
            for stream in range(1, 2 * 111, 2)))
        if not deployment.gateway.has_grpc_1_51:
            assert refused_streams(connection, 101) == set(range(21, 2 * 111, 2))
            return
        assert closed_by_the_gateway(connection)
    closed = deployment.gateway.wait_for_event("connection_closed")
    assert closed["cause"] == "too_many_calls"


@pytest.mark.parametrize("listen", ["127.0.0.1:0", "[::1]:0"])
def test_a_connection_that_only_makes_calls_stays_open(make_deployment, listen):
    """With a KiB each, they are several times what a connection may send beyond its calls."""
    deployment = make_deployment(listen=listen)
    with deployment.connect() as client:
        for _ in range(600):
            assert client.delete(metadata=[("x-token", "t" * 1000 + str(time.monotonic()))]) == "OK"
    events = {event["event"] for event in deployment.gateway.events}
    assert not events & {"connection_closed", "connection_rejected"}


def test_huge_metadata_is_rejected(deployment):
    metadata = [(f"x-junk-{number}", "j" * 7000) for number in range(8)]
    own_connection = [("grpc.use_local_subchannel_pool", 1)]
    address = deployment.gateway.grpc_address
    with other_callers(deployment), grpc.insecure_channel(address, own_connection) as channel:
        with pytest.raises(grpc.RpcError) as error:
            rpc.EvalRunServiceStub(channel).DeleteEvalRun(
                pb.DeleteEvalRunRequest(), timeout=20, metadata=metadata)
    assert error.value.code() == grpc.StatusCode.RESOURCE_EXHAUSTED


def test_calls_survive_max_connection_age(make_deployment):
    deployment = make_deployment("--server-max-connection-age", "1s")
    with other_callers(deployment):
        time.sleep(5)  # a connection lives for about a second
    assert deployment.gateway.metric("gateway_connections_accepted_total") >= 4


def test_keepalive_detects_vanished_client(make_deployment):
    deployment = make_deployment("--server-keepalive-time", "1s")
    with http2.connect(deployment.gateway.grpc_address) as connection:
        connection.settimeout(40)
        connection.sendall(http2.PREFACE + http2.settings())
        received = http2.read_to_end(connection)  # no ping is answered
    assert bytes([0, 0, 8, http2.PING]) in received
