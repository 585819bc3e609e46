# SPDX-License-Identifier: Apache-2.0
"""What the recommended service config makes a client retry, with a scripted server."""

import grpc
import pytest

from scripted_server import ScriptedServer

TIMEOUT = 20.0
# The codes of a call that no gateway has answered.
RETRIED = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED)


@pytest.mark.parametrize("code", RETRIED)
def test_unavailable_is_attempted_three_times_with_attempt_metadata(
        connect, any_run, code):
    with ScriptedServer(code) as server:
        response = connect(server.address).start(any_run, TIMEOUT).result()
        assert response.code == code.name
        assert server.previous_attempts == [None, "1", "2"]


@pytest.mark.parametrize(
    "code", [code for code in grpc.StatusCode if code not in (grpc.StatusCode.OK, *RETRIED)])
def test_other_codes_are_attempted_once(connect, any_run, code):
    with ScriptedServer(code) as server:
        response = connect(server.address).start(any_run, TIMEOUT).result()
        assert response.code == code.name
        assert len(server.previous_attempts) == 1


@pytest.mark.parametrize("code", RETRIED)
def test_server_pushback_prevents_retry(connect, any_run, code):
    with ScriptedServer(code, (("grpc-retry-pushback-ms", "-1"),)) as server:
        response = connect(server.address).start(any_run, TIMEOUT).result()
        assert response.code == code.name
        assert len(server.previous_attempts) == 1
