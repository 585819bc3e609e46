# SPDX-License-Identifier: Apache-2.0
"""The table of allowed responses: every value of `deletion` with every truth."""

import pathlib

import pytest

from evalrun_chaos import report, response_rules
from evalrun_chaos.response_rules import Response, Facts, Source, Truth, Violation

README = pathlib.Path(__file__).with_name("README.md")
RESPONDED = 2000
EARLIER, LATER = 1500, 2500
FACTS = {
    Truth.THIS_CALL: dict(was_there=True, deleted_by_this_call=True, deleted_at=EARLIER),
    Truth.THIS_CALL_LATER: dict(was_there=True, deleted_by_this_call=True, deleted_at=LATER),
    Truth.ANOTHER: dict(was_there=True, deleted_by_this_call=False, deleted_at=EARLIER),
    Truth.NEVER_THERE: dict(was_there=False, deleted_by_this_call=False, deleted_at=None),
    Truth.STILL_THERE: dict(was_there=True, deleted_by_this_call=False, deleted_at=None),
}


def facts(truth, **changes):
    """Facts of a call to which the backend once responded that the run does not exist."""
    return Facts(**(FACTS[truth] | dict(found_absent_at=EARLIER, carried_out=1, sent=1) | changes))


def from_gateway(code, deletion, reason="", allow_missing=False):
    return Response(Source.GATEWAY, code=code, deletion=deletion, reason=reason,
                  allow_missing=allow_missing)


PERFORMED = from_gateway("OK", "performed")
PRESUMED = from_gateway("OK", "presumed")
OK_ABSENT = from_gateway("OK", "absent", allow_missing=True)
NOT_FOUND = from_gateway("NOT_FOUND", "absent", "RESOURCE_NOT_FOUND")
UNRECOGNIZED = from_gateway("UNAVAILABLE", "not_performed", "UPSTREAM_UNRECOGNIZED_404")
REFUSED = from_gateway("ABORTED", "not_performed", "RESOURCE_CONFLICT")
UNKNOWN = from_gateway("UNAVAILABLE", "unknown", "UPSTREAM_CONNECTION_LOST")


@pytest.mark.parametrize("truth", Truth)
def test_truth_is_as_of_the_response(truth):
    assert response_rules.truth_of(facts(truth), RESPONDED) is truth


def test_later_deletion_does_not_change_truth():
    later = facts(Truth.ANOTHER, deleted_at=LATER)
    assert response_rules.truth_of(later, RESPONDED) is Truth.STILL_THERE
    assert response_rules.truth_of(later, LATER) is Truth.ANOTHER


V = Violation
TABLE = [
    # response      this call                  this call, later           another                  never there              still there
    (PERFORMED,    [None,                      V.OK_BUT_STILL_THERE,      V.PERFORMED_BY_ANOTHER,  V.PERFORMED_BY_ANOTHER,  V.OK_BUT_STILL_THERE]),
    (PRESUMED,     [None,                      V.OK_BUT_STILL_THERE,      None,                    None,                    V.OK_BUT_STILL_THERE]),
    (OK_ABSENT,    [V.NOT_FOUND_BUT_DELETED,   V.OK_BUT_STILL_THERE,      None,                    None,                    V.OK_BUT_STILL_THERE]),
    (NOT_FOUND,    [V.NOT_FOUND_BUT_DELETED,   V.NOT_FOUND_BUT_DELETED,   None,                    None,                    V.ABSENT_BUT_STILL_THERE]),
    (UNRECOGNIZED, [V.NOT_PERFORMED_BUT_DELETED, V.NOT_PERFORMED_BUT_DELETED, None,                None,                    None]),
    (REFUSED,      [V.NOT_PERFORMED_BUT_DELETED, V.NOT_PERFORMED_BUT_DELETED, None,                None,                    None]),
    (UNKNOWN,      [None,                      None,                      None,                    None,                    None]),
]


@pytest.mark.parametrize("response, expected, truth", [
    pytest.param(response, wrong, truth, id=f"{response.code} {response.deletion}, {truth.value}")
    for response, row in TABLE for truth, wrong in zip(Truth, row, strict=True)])
def test_each_response_against_each_truth(response, expected, truth):
    found = response_rules.violations(response, facts(truth), RESPONDED)
    assert found == ([] if expected is None else [expected])


@pytest.mark.parametrize("response", [
    from_gateway("OK", "unknown"), from_gateway("OK", "not_performed"), from_gateway("OK", "absent"), from_gateway("OK", ""),
    from_gateway("OK", "gone"),
    from_gateway("NOT_FOUND", "unknown", "UPSTREAM_UNRECOGNIZED_404"),
    from_gateway("NOT_FOUND", "absent", "UPSTREAM_UNRECOGNIZED_404"),
    from_gateway("NOT_FOUND", "not_performed", "UPSTREAM_UNRECOGNIZED_404"),
    from_gateway("NOT_FOUND", "absent", "ABSENCE_UNVERIFIED"),
    from_gateway("OK", "not_performed", "SCOPE_NOT_FOUND"),
    from_gateway("NOT_FOUND", "not_performed", "RESOURCE_NOT_FOUND"),
    from_gateway("NOT_FOUND", "absent", "RESOURCE_NOT_FOUND", allow_missing=True),
    from_gateway("UNAVAILABLE", "absent", "X"), from_gateway("UNAVAILABLE", "performed", "X"),
    from_gateway("UNAVAILABLE", "presumed", "X"), from_gateway("UNAVAILABLE", "", "X"),
    from_gateway("UNAVAILABLE", "unknown"), from_gateway("DATA_LOSS", "unknown", "X"),
], ids=str)
def test_malformed_response_is_always_a_violation(response):
    assert Violation.WRONG_FORM in response_rules.violations(response, facts(Truth.ANOTHER), RESPONDED)


@pytest.mark.parametrize("response", [PRESUMED, OK_ABSENT, NOT_FOUND])
@pytest.mark.parametrize("found_absent_at", [None, LATER])
def test_absent_requires_backend_response(response, found_absent_at):
    unfounded = facts(Truth.ANOTHER, found_absent_at=found_absent_at)
    assert response_rules.violations(response, unfounded, RESPONDED) == [Violation.NO_EVIDENCE]


@pytest.mark.parametrize("carried_out, sent, expected", [
    (0, 1, []), (1, 1, []), (2, 1, [Violation.HIDDEN_RESEND]), (2, 2, []), (2, None, [])])
def test_executed_requests_are_bounded_by_sends(carried_out, sent, expected):
    counted = facts(Truth.THIS_CALL, carried_out=carried_out, sent=sent)
    assert response_rules.violations(PERFORMED, counted, RESPONDED) == expected


@pytest.mark.parametrize("truth", Truth)
def test_grpc_errors_claim_nothing(truth):
    assert response_rules.violations(Response(Source.GRPC, code="UNAVAILABLE"), facts(truth), RESPONDED) == []


def test_hung_call_is_a_violation():
    found = response_rules.violations(Response(Source.NOBODY), facts(Truth.STILL_THERE), RESPONDED)
    assert found == [Violation.NO_ANSWER]


def test_readme_contains_the_table():
    assert "\n".join(report.legal_table()) in README.read_text(encoding="utf-8")
