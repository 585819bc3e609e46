# SPDX-License-Identifier: Apache-2.0
"""HTTP/2 frames as bytes (RFC 9113, RFC 7541), to send what no library would send."""

import socket
import struct

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, RST_STREAM, SETTINGS, PING, GOAWAY, CONTINUATION = 0, 1, 3, 4, 6, 7, 9
END_STREAM, END_HEADERS = 1, 4
INITIAL_WINDOW_SIZE = 4


def frame(kind, flags=0, stream=0, payload=b""):
    return struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, flags, stream) + payload


def settings(**values):
    """`settings(window=0)`"""
    known = {"window": INITIAL_WINDOW_SIZE}
    return frame(SETTINGS, payload=b"".join(
        struct.pack(">HI", known[name], value) for name, value in values.items()))


def string(text):
    """A string literal without Huffman coding."""
    size = len(text)
    if size < 127:
        return bytes([size]) + text
    out, size = b"\x7f", size - 127
    while size >= 128:
        out, size = out + bytes([size % 128 + 128]), size // 128
    return out + bytes([size]) + text


def header(name, value):
    """A header field that is not added to the dynamic table."""
    return b"\0" + string(name) + string(value)


def indexed_header(name, value):
    """A header field that is added to the dynamic table, where its index is 62."""
    return b"\x40" + string(name) + string(value)


CALL = b"".join(header(*pair) for pair in (
    (b":method", b"POST"), (b":scheme", b"http"), (b":authority", b"gateway"),
    (b":path", b"/aymara.evals.v1.EvalRunService/DeleteEvalRun"),
    (b"te", b"trailers"), (b"content-type", b"application/grpc")))
MESSAGE = b"\0" + struct.pack(">I", 38) + b"\x0a\x24" + b"954d54bc-bd5f-4cb5-8d20-688f368b712e"


def connect(address):
    host, port = address.rsplit(":", 1)
    connection = socket.create_connection((host, int(port)), timeout=20)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection


def read_to_end(connection):
    """What the server sends until it closes the connection. TimeoutError: it does not close it."""
    received = b""
    try:
        while chunk := connection.recv(65536):
            received += chunk
    except ConnectionError:
        pass
    return received
