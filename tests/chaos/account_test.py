# SPDX-License-Identifier: Apache-2.0
"""The account of small artificial runs: which violations it reports, and when it balances."""

import pytest

from evalrun_chaos import faults, report, schedule
from evalrun_chaos.account import Account, Evidence
from evalrun_chaos.callers import Record
from evalrun_chaos.deployment import Window
from evalrun_chaos.journal import Journal, Row
from evalrun_chaos.response_rules import Response, Source, Truth

BEGAN, ENDED = 1000.0, 1000.5  # seconds; the backend acts in between
AT = 1_000_200                 # ms
LOGGED = "1970-01-01T00:16:40.400000Z"
STORY = next(story for number in range(1000)
             if (story := schedule.story(1, number)).kind == "once"
             and story.scenario is faults.CLEAN and story.state == "finished")
CALL = STORY.calls[0]
PERFORMED = Response(Source.GATEWAY, "OK", "performed")
NOT_FOUND = Response(Source.GATEWAY, "NOT_FOUND", "absent", "RESOURCE_NOT_FOUND")
UNKNOWN = Response(Source.GATEWAY, "UNAVAILABLE", "unknown", "UPSTREAM_CONNECTION_LOST")
LOST = Response(Source.GRPC, "UNAVAILABLE")
DELETED = Row(CALL.eval_run_uuid, CALL.request_id, AT, "deleted")


def logged(response, sends=1):
    return {"request_id": CALL.request_id, "time": LOGGED, "sends": sends,
            "rpc.response.status_code": response.code, "deletion": response.deletion,
            "reason": response.reason}


def account(response, *, rows=(DELETED,), log=None, remaining=(), **evidence):
    return Account(Evidence(**(dict(
        stories=[STORY], events={}, records=[Record(STORY, CALL, response, BEGAN, ENDED, False)],
        access_log=[logged(response)] if log is None else log, journal=Journal(rows, remaining),
        windows=[], fault_counts={}, failures=[], memory=[[20.0] * 10], memory_growth=10)
        | evidence)))


def kinds(made):
    return [name for name, _ in made.violations]


def test_true_response_is_no_violation():
    made = account(PERFORMED)
    assert kinds(made) == []
    assert made.responses == {("OK", "performed", Truth.THIS_CALL): 1}


def test_false_response_is_reported_in_detail():
    made = account(NOT_FOUND, rows=[DELETED])
    assert set(kinds(made)) >= {"NOT_FOUND_BUT_DELETED"}
    assert all(CALL.request_id in sentence for name, sentence in made.violations
               if name == "NOT_FOUND_BUT_DELETED")


@pytest.mark.parametrize("rows, remaining, what", [
    ([DELETED, DELETED], [], "deleted 2 times"),
    ([DELETED], [CALL.eval_run_uuid], "still there"),
    ([], [], "without a deletion")])
def test_inconsistent_journal_is_reported(rows, remaining, what):
    sentences = [sentence for name, sentence in
                 account(UNKNOWN, rows=rows, remaining=remaining).violations
                 if name == "UNSOUND_JOURNAL"]
    assert len(sentences) == 1 and what in sentences[0]


def test_unknown_without_cause_is_reported():
    assert kinds(account(UNKNOWN)) == ["UNEXPLAINED_UNKNOWN"]
    killed = account(UNKNOWN, windows=[Window(schedule.KILL_BACKEND, BEGAN, ENDED)])
    assert kinds(killed) == []
    assert killed.unknown == {(schedule.KILL_BACKEND, Truth.THIS_CALL): 1}


def test_grpc_error_without_cause_is_reported():
    assert kinds(account(LOST, log=[])) == ["UNEXPLAINED_GRPC"]
    restarted = [Window(schedule.RESTART_GATEWAY, BEGAN, ENDED)]
    assert kinds(account(LOST, log=[], windows=restarted)) == []


def test_lost_response_during_graceful_stop_is_reported():
    restarted = [Window(schedule.RESTART_GATEWAY, BEGAN, ENDED)]
    made = account(LOST, log=[logged(PERFORMED)], windows=restarted)
    assert kinds(made) == ["LOST_BY_GATEWAY"]


def test_proxy_may_keep_a_response_after_which_it_tries_again():
    not_performed = Response(Source.GATEWAY, "UNAVAILABLE", "not_performed", "SERVER_UNAVAILABLE")
    evidence = {"rows": [], "remaining": [CALL.eval_run_uuid],
                "windows": [Window(schedule.RESTART_GATEWAY, BEGAN, ENDED)]}

    def of(response, proxy_retries):
        return kinds(account(LOST, log=[logged(response)], proxy_retries=proxy_retries, **evidence))
    assert of(not_performed, 1) == []
    assert of(not_performed, None) == ["LOST_BY_GATEWAY"]
    assert of(UNKNOWN, 1) == ["LOST_BY_GATEWAY"]


def test_logged_response_of_cancelled_call_is_checked():
    gone = Record(STORY, CALL, Response(Source.GRPC, "CANCELLED"), BEGAN, ENDED, True)
    wrong = Response(Source.GATEWAY, "CANCELLED", "not_performed", "CALL_CANCELLED")
    made = account(LOST, records=[gone], log=[logged(wrong)])
    assert kinds(made) == ["NOT_PERFORMED_BUT_DELETED"]
    assert made.unreceived == {("not_performed", Truth.THIS_CALL): 1}


@pytest.mark.parametrize("log", [[], [logged(UNKNOWN)]])
def test_access_log_must_match_the_response(log):
    assert kinds(account(PERFORMED, log=log)) == ["LOG_DISAGREES"]


def test_more_executed_than_sent_requests_are_reported():
    again = Row(CALL.eval_run_uuid, CALL.request_id, AT + 1, "not_found")
    assert kinds(account(PERFORMED, rows=[DELETED, again])) == ["HIDDEN_RESEND"]
    assert kinds(account(PERFORMED, rows=[DELETED, again], log=[logged(PERFORMED, 2)])) == []


def test_process_failures_and_memory_growth_are_reported():
    assert kinds(account(PERFORMED, failures=["gateway: exit status 1"])) == ["PROCESS"]
    warming_up = [[5.0] * 3 + [20.0] * 7]
    leaking = [[5.0, 10.0, 15.0, 20.0, 25.0, 30.0]]
    assert kinds(account(PERFORMED, memory=warming_up)) == []
    assert kinds(account(PERFORMED, memory=leaking)) == ["MEMORY"]


def test_unexercised_run_does_not_balance():
    made = account(PERFORMED)
    assert not made.balances
    assert {f"fault: {name}" for name in faults.SCENARIOS if name != "none"} <= {
        what for what, _, _ in made.not_exercised}


def test_text_and_json_reports_agree():
    made = account(NOT_FOUND)
    assert list(report.text(made, {"seed": 1}))[-1].startswith("THE ACCOUNT DOES NOT BALANCE")
    as_json = report.as_json(made, {"seed": 1})
    assert as_json["balances"] is False and as_json["violations"]["NOT_FOUND_BUT_DELETED"] == 1
