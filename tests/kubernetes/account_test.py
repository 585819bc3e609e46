# SPDX-License-Identifier: Apache-2.0
"""The account of the callers in the cluster: which calls are failed or wrong."""

import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent / "caller"))
import account  # noqa: E402


def call(code="OK", deletion="performed", exists=True, request_id="mine", run="run", details=""):
    return {"caller": "headless", "request_id": request_id, "run": run, "exists": exists, "code": code,
            "deletion": deletion, "details": details, "seconds": 0.01}


def row(request_id="mine", outcome="deleted", run="run"):
    return {"eval_run_uuid": run, "request_id": request_id, "outcome": outcome, "key_name": "first"}


@pytest.mark.parametrize("response, journal, failed, wrong", [
    (call(), [row()], 0, 0),
    (call(deletion="presumed"), [row(), row(outcome="not_found")], 0, 0),
    (call(code="NOT_FOUND", deletion="absent", exists=False), [row(outcome="not_found")], 0, 0),
    (call(deletion="presumed", exists=False), [row(outcome="not_found")], 0, 0),
    # Failed, and correct.
    (call(code="UNAVAILABLE", deletion="not_performed"), [], 1, 0),
    (call(code="UNAVAILABLE", deletion="unknown"), [row()], 1, 0),
    (call(code="UNAVAILABLE", deletion=""), [row()], 1, 0),
    (call(code="DEADLINE_EXCEEDED", deletion=""), [], 1, 0),
    (call(code="UNAVAILABLE", deletion="not_performed", exists=False), [], 1, 0),
    # Wrong.
    (call(), [], 0, 1),
    (call(), [row(outcome="not_found")], 0, 1),
    (call(), [row(request_id="another")], 0, 1),
    (call(), [row(), row(request_id="another")], 0, 1),
    (call(code="UNAVAILABLE", deletion="not_performed"), [row()], 1, 1),
    (call(code="NOT_FOUND", deletion="absent"), [row()], 1, 1),
    (call(code="NOT_FOUND", deletion="absent"), [], 1, 1),
    (call(exists=False), [], 1, 1),
])
def test_one_call(response, journal, failed, wrong):
    result = account.of([response], journal)
    assert (result["failed"], result["wrong"]) == (failed, wrong)
    assert (len(result["failures"]), len(result["wrongs"])) == (failed, wrong)


def test_adds_up():
    calls = [call(request_id=str(n), run=str(n)) for n in range(10)]
    calls.append(call(code="UNAVAILABLE", deletion="unknown", run="x"))
    result = account.of(calls, [row(request_id=str(n), run=str(n)) for n in range(10)])
    assert (result["calls"], result["gone"], result["failed"], result["wrong"]) == (11, 10, 1, 0)
    assert result["journal"] == {"rows": 10, "deleted": 10, "keys": {"first": 10}}
    assert result["callers"]["headless"]["responses"] == {"OK performed": 10, "UNAVAILABLE unknown": 1}


def test_counts_calls_that_could_not_connect():
    refused = "failed to connect to all addresses; last error: UNKNOWN: ipv4:10.0.0.1:50051: Connection refused"
    calls = [call(code="UNAVAILABLE", deletion="", details=refused), call(code="UNAVAILABLE", deletion="", details="Socket closed"),
             call(code="UNAVAILABLE", deletion="not_performed", details="the upstream cannot be reached"), call()]
    assert account.of(calls, [])["not_connected"] == 1
