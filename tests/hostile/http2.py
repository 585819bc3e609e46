# SPDX-License-Identifier: Apache-2.0
"""HTTP/2 frames as bytes (RFC 9113, RFC 7541), to send what no library would send."""

import socket
import ssl
import struct

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, RST_STREAM, SETTINGS, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = 0, 1, 3, 4, 6, 7, 8, 9
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


_FIELDS = ((b":method", b"POST"), (b":scheme", b"http"), (b":authority", b"gateway"),
           (b":path", b"/aymara.evals.v1.EvalRunService/DeleteEvalRun"),
           (b"te", b"trailers"), (b"content-type", b"application/grpc"))
CALL = b"".join(header(*pair) for pair in _FIELDS)
# The same, first with fields that are added to the dynamic table, then as their indices.
INDEXED_CALL = b"".join(indexed_header(*pair) for pair in _FIELDS)
CALL_INDICES = bytes(0x80 | (61 + len(_FIELDS) - number) for number in range(len(_FIELDS)))
MESSAGE = b"\0" + struct.pack(">I", 38) + b"\x0a\x24" + b"954d54bc-bd5f-4cb5-8d20-688f368b712e"


def connect(address, trusted_ca=None):
    """A connection by TCP; with `trusted_ca`, a file in PEM, by TLS."""
    host, port = address.rsplit(":", 1)
    connection = socket.create_connection((host, int(port)), timeout=20)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if trusted_ca is None:
        return connection
    context = ssl.create_default_context(cafile=trusted_ca)
    context.check_hostname = False
    context.set_alpn_protocols(["h2"])
    return context.wrap_socket(connection)


def parse(data):
    """The whole frames in `data`, as (type, flags, stream, payload), and the bytes that are left."""
    frames, at = [], 0
    while len(data) - at >= 9:
        size = int.from_bytes(data[at:at + 3], "big")
        if len(data) - at < 9 + size:
            break
        kind, flags, stream = struct.unpack_from(">BBI", data, at + 3)
        frames.append((kind, flags, stream & 0x7FFFFFFF, data[at + 9:at + 9 + size]))
        at += 9 + size
    return frames, data[at:]


def read_to_end(connection):
    """What the server sends until it closes the connection. TimeoutError: it does not close it."""
    received = b""
    try:
        while chunk := connection.recv(65536):
            received += chunk
    except ConnectionError:
        pass
    return received
