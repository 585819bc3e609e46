"""Clients that mean harm. Others are served meanwhile and afterwards, and what was taken for the
attack is given back: the next one takes no more."""

import contextlib
import os
import random
import socket
import socketserver
import struct
import threading
import time
import uuid

import grpc
import pytest

import http2
from aymara.evals.v1 import eval_run_service_pb2 as pb
from aymara.evals.v1 import eval_run_service_pb2_grpc as rpc
from evalrun_testing.gateway import GatewayProcess

MIB = 1 << 20
SERVED = "OK"


class Upstream(socketserver.ThreadingTCPServer):
    """Says that it has deleted whatever it is asked to delete."""

    daemon_threads = True
    request_queue_size = 1024

    class RequestHandlerClass(socketserver.BaseRequestHandler):
        def handle(self):
            unread = b""
            with contextlib.suppress(ConnectionError):
                while chunk := self.request.recv(65536):
                    *requests, unread = (unread + chunk).split(b"\r\n\r\n")
                    self.request.sendall(b"HTTP/1.1 204 No Content\r\n\r\n" * len(requests))

    def __init__(self):
        super().__init__(("127.0.0.1", 0), self.RequestHandlerClass)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def __exit__(self, *_):
        self.shutdown()
        self.server_close()


class House:
    def __init__(self, stack, flags):
        upstream = stack.enter_context(Upstream())
        self.gateway = stack.enter_context(
            GatewayProcess(f"http://127.0.0.1:{upstream.server_address[1]}/v2", api_key="a-key",
                           flags=("--access-log=false", *flags)))
        self.address = self.gateway.grpc_address
        self._stub = rpc.EvalRunServiceStub(
            stack.enter_context(grpc.insecure_channel(self.address)))
        assert self.delete() == SERVED

    def delete(self):
        try:
            self._stub.DeleteEvalRun(
                pb.DeleteEvalRunRequest(eval_run_uuid=str(uuid.uuid4())), timeout=30)
        except grpc.RpcError as error:
            return error.code().name
        return "OK"

    def memory(self):
        """Bytes that the gateway has in memory. 0 with sanitizers: most of it is then theirs, and
        what is never freed is LeakSanitizer's to find."""
        if os.environ.get("SANITIZERS"):
            return 0
        with open(f"/proc/{self.gateway.pid}/statm", encoding="ascii") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.gateway.pid}/fd"))

    @contextlib.contextmanager
    def callers(self):
        """Honest calls all the while: each has to be served."""
        stop, codes = threading.Event(), []

        def call():
            while not stop.is_set():
                codes.append(self.delete())

        thread = threading.Thread(target=call)
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()
        assert codes and set(codes) == {SERVED}

    def assert_memory_bounded(self, attack, most=80 * MIB, rounds=8):
        """Attacks until an attack takes no more memory than those before it have left: what grows
        with each of them is a leak. `most`: what they may leave to be used again, such as pools."""
        before, descriptors = self.memory(), self.descriptors()
        taken = []
        while len(taken) < 3 or taken[-1] > max(taken[:-1]) + MIB:
            assert len(taken) < rounds, taken
            with self.callers():
                attack(self.address)
            wait_until(lambda: self.descriptors() <= descriptors + 2)
            assert self.delete() == SERVED
            taken.append(self.memory() - before)
        assert max(taken) < most, taken


def wait_until(holds, timeout=60):
    end = time.monotonic() + timeout
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.02)


@pytest.fixture
def make_house():
    with contextlib.ExitStack() as stack:
        yield lambda *flags: House(stack, flags)


@pytest.fixture
def house(make_house):
    return make_house()


# What 10,000 connections say before they are closed, by a FIN or a RST.
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
        hello + http2.frame(http2.HEADERS, http2.END_HEADERS, 2, http2.CALL),  # not a client's
        hello + http2.frame(http2.CONTINUATION, http2.END_HEADERS, 1, http2.CALL),
        hello + call + http2.frame(http2.DATA, http2.END_STREAM, 1, chance.randbytes(30)),
        hello + call + http2.frame(http2.DATA, http2.END_STREAM, 1, b"\0\xff\xff\xff\xff"),
        hello + call + http2.frame(http2.DATA, 0, 3, http2.MESSAGE),  # no such stream
        hello + http2.frame(http2.PING, 0, 0, b"short"),
        hello + http2.frame(8, 0, 0, b"\xff\xff\xff\xff") * 3,  # a window beyond all bounds
    ]


def test_ten_thousand_malformed_connections(house):
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

    house.assert_memory_bounded(attack)  # thrice 3,400, or more often


def test_incomplete_handshake_is_closed(make_house):
    house = make_house("--server-handshake-timeout", "1s")
    with contextlib.ExitStack() as stack:
        slow = [stack.enter_context(http2.connect(house.address)) for _ in range(200)]
        for number, connection in enumerate(slow):
            connection.sendall(http2.PREFACE[:number % len(http2.PREFACE)])
        assert house.delete() == SERVED
        for connection in slow:
            http2.read_to_end(connection)


def test_client_that_never_reads_is_bounded_and_closed(make_house):
    """Calls whose answers are not taken: by HTTP/2's own window, and by TCP's."""
    house = make_house("--server-max-connection-age", "2s", "--server-max-connection-age-grace",
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

    house.assert_memory_bounded(attack)


def test_rapid_reset(house):
    def attack(address):
        for _ in range(5):
            with http2.connect(address) as connection, contextlib.suppress(ConnectionError):
                connection.sendall(http2.PREFACE + http2.settings())
                for first in range(1, 20_000, 200):
                    connection.sendall(b"".join(
                        http2.frame(http2.HEADERS, http2.END_HEADERS, stream, http2.CALL) +
                        http2.frame(http2.RST_STREAM, 0, stream, b"\0\0\0\x08")
                        for stream in range(first, first + 200, 2)))

    house.assert_memory_bounded(attack)


@pytest.mark.parametrize("flood", ["settings", "ping", "continuation", "table"])
def test_floods_without_reading(house, flood):
    """What a server might collect while the client goes on: answers, headers."""
    large = http2.header(b"x-junk", b"j" * 4000)
    repeated = http2.CALL + http2.indexed_header(b"x-junk", b"j" * 4000)
    packet, count = {
        "settings": (http2.settings() * 100, 1000),
        "ping": (http2.frame(http2.PING, payload=b"12345678") * 100, 1000),
        "continuation": (http2.frame(http2.CONTINUATION, 0, 1, large) * 4, 2000),
        # Each byte stands for a header of 4 KB.
        "table": (http2.frame(http2.CONTINUATION, 0, 1, b"\xbe" * 16_000), 100),
    }[flood]

    def attack(address):
        for _ in range(3):
            with http2.connect(address) as connection:
                connection.settimeout(10)
                # TimeoutError: the server no longer reads either, and that is as good.
                with contextlib.suppress(ConnectionError, TimeoutError):
                    connection.sendall(http2.PREFACE + http2.settings() +
                                       http2.frame(http2.HEADERS, 0, 1, repeated)
                                       if flood in ("continuation", "table")
                                       else http2.PREFACE + http2.settings())
                    for _ in range(count):
                        connection.sendall(packet)
                        most.append(house.memory())

    most = [house.memory()]
    house.assert_memory_bounded(attack)
    assert max(most) < most[0] + 128 * MIB


def test_huge_metadata_is_rejected(house):
    metadata = [(f"x-junk-{number}", "j" * 7000) for number in range(8)]
    own_connection = [("grpc.use_local_subchannel_pool", 1)]
    with house.callers(), grpc.insecure_channel(house.address, own_connection) as channel:
        with pytest.raises(grpc.RpcError) as error:
            rpc.EvalRunServiceStub(channel).DeleteEvalRun(
                pb.DeleteEvalRunRequest(), timeout=20, metadata=metadata)
    assert error.value.code() == grpc.StatusCode.RESOURCE_EXHAUSTED


def test_calls_survive_max_connection_age(make_house):
    house = make_house("--server-max-connection-age", "1s")
    with house.callers():
        time.sleep(5)  # a few connections' lives


def test_idle_connection_is_closed(make_house):
    house = make_house("--server-max-connection-idle", "1s")
    with http2.connect(house.address) as connection:
        connection.sendall(http2.PREFACE + http2.settings())
        said = http2.read_to_end(connection)
    assert bytes([http2.GOAWAY, 0, 0, 0, 0, 0]) in said


def test_keepalive_detects_vanished_client(make_house):
    house = make_house("--server-keepalive-time", "1s")
    with http2.connect(house.address) as connection:
        connection.settimeout(40)
        connection.sendall(http2.PREFACE + http2.settings())
        said = http2.read_to_end(connection)  # and no ping is answered
    assert bytes([0, 0, 8, http2.PING]) in said
