# SPDX-License-Identifier: Apache-2.0
"""How often a client may ping without calls. proto/CALLERS.md says every 10 s; gRPC forgives two pings that
come too early, and closes the connection at the third."""

import contextlib
import time

import http2

_ENHANCE_YOUR_CALM = b"\x00\x00\x00\x0b"


def ping(gateway, intervals):
    """What the gateway sends to a client that pings after each of these intervals, in seconds."""
    received = b""
    with http2.connect(gateway.grpc_address) as connection:
        connection.sendall(http2.PREFACE + http2.settings())
        connection.settimeout(0.2)
        for interval in intervals:
            time.sleep(interval)
            with contextlib.suppress(OSError):
                connection.sendall(http2.frame(http2.PING, payload=b"12345678"))
        with contextlib.suppress(OSError):
            while (data := connection.recv(65536)):
                received += data
    return received


def test_pings_of_10_s_with_half_of_it_as_jitter_are_welcome(make_deployment):
    """Five pings, each too early for a client that promised 10 s."""
    received = ping(make_deployment().gateway, [5.2] * 5)
    assert received.count(http2.frame(http2.PING, 1, payload=b"12345678")) == 5
    assert _ENHANCE_YOUR_CALM not in received


def test_pings_of_1_s_end_the_connection(make_deployment):
    assert _ENHANCE_YOUR_CALM in ping(make_deployment().gateway, [1.0] * 6)
