"""What the recommended service config alone makes a client do, before any server that can fail."""

import grpc
import pytest

from scripted_server import ScriptedServer

TIMEOUT = 20.0
# What says that no gateway has answered.
RETRIED = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED)


@pytest.mark.parametrize("code", RETRIED)
def test_no_answer_is_tried_three_times_and_each_attempt_says_how_many_there_were(
        connect, any_run, code):
    with ScriptedServer(code) as server:
        answer = connect(server.address).start(any_run, TIMEOUT).result()
        assert answer.code == code.name
        assert server.previous_attempts == [None, "1", "2"]


@pytest.mark.parametrize(
    "code", [code for code in grpc.StatusCode if code not in (grpc.StatusCode.OK, *RETRIED)])
def test_any_other_code_is_tried_once(connect, any_run, code):
    with ScriptedServer(code) as server:
        answer = connect(server.address).start(any_run, TIMEOUT).result()
        assert answer.code == code.name
        assert len(server.previous_attempts) == 1


@pytest.mark.parametrize("code", RETRIED)
def test_a_server_that_says_so_is_not_tried_again(connect, any_run, code):
    with ScriptedServer(code, (("grpc-retry-pushback-ms", "-1"),)) as server:
        answer = connect(server.address).start(any_run, TIMEOUT).result()
        assert answer.code == code.name
        assert len(server.previous_attempts) == 1
