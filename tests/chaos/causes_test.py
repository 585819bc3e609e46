# SPDX-License-Identifier: Apache-2.0
"""The causes of `unknown` responses, and of errors that are gRPC's own."""

import dataclasses

import pytest

from evalrun_chaos import causes, faults, schedule
from evalrun_chaos.callers import Record
from evalrun_chaos.deployment import Window
from evalrun_chaos.response_rules import Response, Source

ATTEMPT_TIMEOUT = 1.0
KILLED = Window(schedule.KILL_BACKEND, 100.0, 101.0)
RESTARTED = Window(schedule.RESTART_GATEWAY, 100.0, 101.0)


def record(kind="once", *, scenario="none", began=50.0, ended=50.2, response=None, cancelled=False):
    """A call of the first story of this kind and scenario."""
    story = next(story for number in range(100000)
                 if (story := schedule.story(1, number)).kind == kind
                 and story.scenario.name == scenario)
    return Record(story, story.calls[0],
                  response or Response(Source.GATEWAY, "UNAVAILABLE", "unknown",
                                   "UPSTREAM_CONNECTION_LOST"), began, ended, cancelled)


def line(reason="UPSTREAM_CONNECTION_LOST", sends=1, took=0.0):
    return {"reason": reason, "sends": sends, "upstream.duration": took}


def of_unknown(call_record, lines, windows=(), unread_happened=False):
    return causes.of_unknown(call_record, lines, windows, attempt_timeout=ATTEMPT_TIMEOUT,
                             unread_happened=unread_happened)


def test_no_cause():
    assert of_unknown(record(), [line()]) is None


def test_fault_that_loses_the_response_explains_unknown():
    assert of_unknown(record(scenario="reset after commit"), [line()]) == "reset after commit"


def test_fault_with_known_result_explains_nothing():
    assert of_unknown(record(scenario="409"), [line("RESOURCE_CONFLICT")]) is None


@pytest.mark.parametrize("began, ended, explains", [
    (98.0, 99.0, False), (98.0, 100.5, True), (100.2, 100.4, True), (100.9, 102.0, True),
    (103.0, 103.5, False)])
def test_backend_restart_explains_calls_in_flight(began, ended, explains):
    cause = of_unknown(record(began=began, ended=ended), [line()], [RESTARTED, KILLED])
    assert (cause == schedule.KILL_BACKEND) is explains


def test_unread_connection_close_explains_lost_request():
    assert of_unknown(record(), [line()], unread_happened=True) == faults.UNREAD
    later_attempt = [line("RESOURCE_CONFLICT", sends=2)]
    assert of_unknown(record(), later_attempt, unread_happened=True) == faults.UNREAD
    assert of_unknown(record(), [line("RESOURCE_CONFLICT")], unread_happened=True) is None


def test_caller_options_explain_unknown():
    assert of_unknown(record("hurry"), [line("UPSTREAM_TIMEOUT")]) == causes.SHORT_DEADLINE
    assert of_unknown(record("cancel"), [line("CALL_CANCELLED")]) == causes.CANCELLED
    assert of_unknown(record("grpc retry"), [line(), line()]) == causes.EARLIER_ATTEMPT
    assert of_unknown(record("once"), [line("UPSTREAM_TIMEOUT")]) is None


def test_slow_backend_explains_timeout():
    assert of_unknown(record(), [line("UPSTREAM_TIMEOUT", took=ATTEMPT_TIMEOUT)]) == causes.SLOW
    assert of_unknown(record(), [line("UPSTREAM_TIMEOUT", took=ATTEMPT_TIMEOUT / 2)]) is None


def by_grpc(code, **fields):
    return record(response=Response(Source.GRPC, code), **fields)


def test_grpc_error_during_gateway_restart():
    lost = by_grpc("UNAVAILABLE", began=100.5, ended=100.6)
    assert causes.of_grpc_response(lost, [KILLED]) is None
    assert causes.of_grpc_response(lost, [RESTARTED]) == schedule.RESTART_GATEWAY
    assert causes.of_grpc_response(by_grpc("UNAVAILABLE"), [RESTARTED]) is None
    odd = by_grpc("INTERNAL", began=100.5, ended=100.6)
    assert causes.of_grpc_response(odd, [RESTARTED]) is None


def test_grpc_deadline_exceeded_only_after_deadline():
    late = by_grpc("DEADLINE_EXCEEDED", began=50.0, ended=55.0)
    assert causes.of_grpc_response(late, []) == causes.OWN_TIMER
    assert causes.of_grpc_response(dataclasses.replace(late, ended=54.0), []) is None


def test_grpc_cancelled_after_cancel():
    assert causes.of_grpc_response(by_grpc("CANCELLED", cancelled=True), []) == causes.CANCEL
    assert causes.of_grpc_response(by_grpc("CANCELLED"), []) is None
