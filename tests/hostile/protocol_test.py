# SPDX-License-Identifier: Apache-2.0
"""HTTP/2 frame by frame: calls that are compressed, and how the gateway ends a connection."""

import gzip
import struct
import zlib

import pytest

import http2
from aymara.evals.v1 import eval_run_service_pb2 as pb

NO_ERROR = 0
ANY_STREAM = 2**31 - 1
ACK = 1


class Connection:
    """An HTTP/2 connection that has begun."""

    def __init__(self, address):
        self._socket = http2.connect(address)
        self._unread = b""
        self.send(http2.PREFACE + http2.settings())

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._socket.close()

    def send(self, frames):
        self._socket.sendall(frames)

    def call(self, stream, headers=b"", message=http2.MESSAGE):
        """Sends a call of DeleteEvalRun."""
        self.send(http2.frame(http2.HEADERS, http2.END_HEADERS, stream, http2.CALL + headers)
                  + http2.frame(http2.DATA, http2.END_STREAM, stream, message))

    def ping(self):
        """Sends a PING and waits for the response. gRPC writes it after what it wrote before has left its buffers."""
        self.send(http2.frame(http2.PING, 0, 0, bytes(8)))
        while (frame := self.read_until(http2.PING))[1] != ACK:
            pass

    def read(self):
        """The next frame: kind, flags, stream, payload. None: the gateway has closed the connection."""
        while len(self._unread) < 9 or len(self._unread) < 9 + self._length():
            chunk = self._socket.recv(65536)
            if not chunk:
                assert not self._unread
                return None
            self._unread += chunk
        end = 9 + self._length()
        kind, flags, stream = struct.unpack(">BBI", self._unread[3:9])
        frame, self._unread = (kind, flags, stream, self._unread[9:end]), self._unread[end:]
        return frame

    def read_until(self, *kinds):
        """The next frame of one of these kinds."""
        while (frame := self.read()) is not None:
            if frame[0] in kinds:
                return frame
        return None

    def read_response(self):
        """The header blocks of the response to the one call, as bytes."""
        headers = b""
        while (frame := self.read_until(http2.HEADERS, http2.DATA, http2.RST_STREAM)) is not None:
            kind, flags, _, payload = frame
            if kind == http2.HEADERS:
                headers += payload
            if kind == http2.RST_STREAM or flags & http2.END_STREAM:
                break
        return headers

    def read_to_end(self):
        """All frames until the gateway closes the connection."""
        frames = []
        while (frame := self.read()) is not None:
            frames.append(frame)
        return frames

    def _length(self):
        return struct.unpack(">I", b"\0" + self._unread[:3])[0]


def status(code):
    """`grpc-status` as gRPC 1.51 encodes it in the first response on a connection."""
    return http2.string(b"grpc-status") + http2.string(b"%d" % code)


OK, INVALID_ARGUMENT, UNIMPLEMENTED, INTERNAL = status(0), status(3), status(12), status(13)


def compressed(data):
    """A gRPC message whose compressed flag is set."""
    return b"\1" + struct.pack(">I", len(data)) + data


def goaways(frames):
    """(last stream, error code) of each GOAWAY."""
    return [struct.unpack(">II", payload[:8]) for kind, _, _, payload in frames if kind == http2.GOAWAY]


@pytest.fixture
def deployment(make_deployment):
    return make_deployment(runs=1)


def requests(deployment):
    """The number of deletions that have reached the backend."""
    return deployment.backend.query("SELECT COUNT(*) FROM journal")[0][0]


def call(deployment, message, *headers):
    """The response to a call on a connection of its own."""
    with Connection(deployment.gateway.grpc_address) as connection:
        connection.call(1, b"".join(http2.header(*pair) for pair in headers), message)
        return connection.read_response()


def delete_message(run):
    """The gRPC message of a call for this run, not compressed."""
    request = pb.DeleteEvalRunRequest(eval_run_uuid=run).SerializeToString()
    return b"\0" + struct.pack(">I", len(request)) + request


REQUEST = http2.MESSAGE[5:]
# The format of snappy: the length, then one literal.
SNAPPY = bytes([len(REQUEST), len(REQUEST) - 1 << 2]) + REQUEST


@pytest.mark.parametrize("encoding, data", [
    ("gzip", gzip.compress(REQUEST)),
    ("deflate", zlib.compress(REQUEST)),
    ("gzip", gzip.compress(bytes(1 << 20))),  # never inflated
    ("gzip", b"no gzip"),
], ids=["gzip", "deflate", "bomb", "not_gzip"])
def test_compressed_request_is_unimplemented(deployment, encoding, data):
    response = call(deployment, compressed(data), (b"grpc-encoding", encoding.encode()))
    assert UNIMPLEMENTED in response
    assert f"Compression algorithm '{encoding}' is disabled".encode() in response
    assert requests(deployment) == 0


def test_identity_is_no_compression(deployment):
    message = delete_message(deployment.runs[0])
    assert OK in call(deployment, message, (b"grpc-encoding", b"identity"))
    assert requests(deployment) == 1


def test_encoding_that_grpc_does_not_know_deletes_nothing(deployment):
    """gRPC 1.51 takes it for none (service/grpc_adapter/README.md), newer ones refuse it."""
    expected = INVALID_ARGUMENT if deployment.gateway.has_grpc_1_51 else INTERNAL
    assert expected in call(deployment, compressed(SNAPPY), (b"grpc-encoding", b"snappy"))
    assert requests(deployment) == 0


def read_last_goaway(connection):
    """The frames up to the second GOAWAY. gRPC sends the first one with a PING, and the second when the
    client has acknowledged it: what the client sent before it knew has then arrived."""
    frames = []
    while len(goaways(frames)) < 2:
        frames.append(connection.read())
        kind, flags, _, payload = frames[-1]
        if kind == http2.PING and flags != ACK:
            connection.send(http2.frame(http2.PING, ACK, 0, payload))
    return frames


def test_connection_without_calls_ends_gracefully(make_deployment):
    deployment = make_deployment(runs=1, flags=["--server-max-connection-age", "1s"])
    with Connection(deployment.gateway.grpc_address) as connection:
        assert goaways(read_last_goaway(connection)) == [(ANY_STREAM, NO_ERROR), (0, NO_ERROR)]
        assert goaways(connection.read_to_end()) == []


def test_call_that_crosses_the_goaway_is_served(make_deployment):
    deployment = make_deployment(runs=1, flags=["--server-max-connection-age", "1s"])
    with Connection(deployment.gateway.grpc_address) as connection:
        frames = [connection.read_until(http2.GOAWAY), connection.read_until(http2.PING)]
        connection.call(1, message=delete_message(deployment.runs[0]))
        connection.send(http2.frame(http2.PING, ACK, 0, frames[-1][-1]))
        while len(goaways(frames)) < 2 or OK not in b"".join(frame[-1] for frame in frames):
            frames.append(connection.read())
    assert goaways(frames) == [(ANY_STREAM, NO_ERROR), (1, NO_ERROR)]
    assert requests(deployment) == 1


def test_call_after_the_last_goaway_is_not_executed(make_deployment):
    """A client that opens a stream although RFC 9113, section 6.8, forbids it after a GOAWAY. gRPC 1.51 still serves
    a stream that arrives before its write of the GOAWAY has returned, hence the PING."""
    deployment = make_deployment(runs=1, flags=["--server-max-connection-age", "1s"])
    deployment.faults.set(fault="hold")
    with Connection(deployment.gateway.grpc_address) as connection:
        connection.call(1)
        deployment.faults.wait_until_held()
        assert goaways(read_last_goaway(connection)) == [(ANY_STREAM, NO_ERROR), (1, NO_ERROR)]
        connection.ping()
        connection.call(3, message=delete_message(deployment.runs[0]))
        deployment.faults.release()
        frames = connection.read_to_end()
    assert {stream for kind, _, stream, _ in frames if kind == http2.HEADERS} == {1}
    assert requests(deployment) == 1
