"""The table of what a caller may be told: every word against every truth."""

import pathlib

import pytest

from evalrun_chaos import report, verdict
from evalrun_chaos.verdict import Answer, Facts, Source, Truth, Violation

README = pathlib.Path(__file__).with_name("README.md")
ANSWERED = 2000
EARLIER, LATER = 1500, 2500
FACTS = {
    Truth.THIS_CALL: dict(was_there=True, deleted_by_this_call=True, deleted_at=EARLIER),
    Truth.THIS_CALL_LATER: dict(was_there=True, deleted_by_this_call=True, deleted_at=LATER),
    Truth.ANOTHER: dict(was_there=True, deleted_by_this_call=False, deleted_at=EARLIER),
    Truth.NEVER_THERE: dict(was_there=False, deleted_by_this_call=False, deleted_at=None),
    Truth.STILL_THERE: dict(was_there=True, deleted_by_this_call=False, deleted_at=None),
}


def facts(truth, **changes):
    """Of a call to which the backend said once that the run is not there."""
    return Facts(**(FACTS[truth] | dict(found_absent_at=EARLIER, carried_out=1, sent=1) | changes))


def told(code, deletion, reason="", allow_missing=False):
    return Answer(Source.GATEWAY, code=code, deletion=deletion, reason=reason,
                  allow_missing=allow_missing)


PERFORMED = told("OK", "performed")
PRESUMED = told("OK", "presumed")
OK_ABSENT = told("OK", "absent", allow_missing=True)
NOT_FOUND = told("NOT_FOUND", "absent", "RESOURCE_NOT_FOUND")
UNRECOGNIZED = told("NOT_FOUND", "not_performed", "UPSTREAM_UNRECOGNIZED_404")
REFUSED = told("ABORTED", "not_performed", "RESOURCE_CONFLICT")
UNKNOWN = told("UNAVAILABLE", "unknown", "UPSTREAM_CONNECTION_LOST")


@pytest.mark.parametrize("truth", Truth)
def test_truth_is_read_from_the_journal_as_of_the_answer(truth):
    assert verdict.truth_of(facts(truth), ANSWERED) is truth


def test_a_run_that_another_call_deletes_after_the_answer_was_still_there():
    later = facts(Truth.ANOTHER, deleted_at=LATER)
    assert verdict.truth_of(later, ANSWERED) is Truth.STILL_THERE
    assert verdict.truth_of(later, LATER) is Truth.ANOTHER


V = Violation
TABLE = [
    # answer        this call                  this call, later           another                  never there              still there
    (PERFORMED,    [None,                      V.OK_BUT_STILL_THERE,      V.PERFORMED_BY_ANOTHER,  V.PERFORMED_BY_ANOTHER,  V.OK_BUT_STILL_THERE]),
    (PRESUMED,     [None,                      V.OK_BUT_STILL_THERE,      None,                    None,                    V.OK_BUT_STILL_THERE]),
    (OK_ABSENT,    [V.NOT_FOUND_BUT_DELETED,   V.OK_BUT_STILL_THERE,      None,                    None,                    V.OK_BUT_STILL_THERE]),
    (NOT_FOUND,    [V.NOT_FOUND_BUT_DELETED,   V.NOT_FOUND_BUT_DELETED,   None,                    None,                    V.ABSENT_BUT_STILL_THERE]),
    (UNRECOGNIZED, [V.NOT_FOUND_BUT_DELETED,   V.NOT_FOUND_BUT_DELETED,   None,                    None,                    None]),
    (REFUSED,      [V.NOT_PERFORMED_BUT_DELETED, V.NOT_PERFORMED_BUT_DELETED, None,                None,                    None]),
    (UNKNOWN,      [None,                      None,                      None,                    None,                    None]),
]


@pytest.mark.parametrize("answer, expected, truth", [
    pytest.param(answer, wrong, truth, id=f"{answer.code} {answer.deletion}, {truth.value}")
    for answer, row in TABLE for truth, wrong in zip(Truth, row, strict=True)])
def test_each_answer_against_each_truth(answer, expected, truth):
    found = verdict.violations(answer, facts(truth), ANSWERED)
    assert found == ([] if expected is None else [expected])


@pytest.mark.parametrize("answer", [
    told("OK", "unknown"), told("OK", "not_performed"), told("OK", "absent"), told("OK", ""),
    told("OK", "gone"),
    told("NOT_FOUND", "unknown", "UPSTREAM_UNRECOGNIZED_404"),
    told("NOT_FOUND", "absent", "UPSTREAM_UNRECOGNIZED_404"),
    told("NOT_FOUND", "not_performed", "RESOURCE_NOT_FOUND"),
    told("NOT_FOUND", "absent", "RESOURCE_NOT_FOUND", allow_missing=True),
    told("UNAVAILABLE", "absent", "X"), told("UNAVAILABLE", "performed", "X"),
    told("UNAVAILABLE", "presumed", "X"), told("UNAVAILABLE", "", "X"),
    told("UNAVAILABLE", "unknown"), told("DATA_LOSS", "unknown", "X"),
], ids=str)
def test_what_does_not_belong_together_is_wrong_whatever_is_true(answer):
    assert Violation.WRONG_FORM in verdict.violations(answer, facts(Truth.ANOTHER), ANSWERED)


@pytest.mark.parametrize("answer", [PRESUMED, OK_ABSENT, NOT_FOUND])
@pytest.mark.parametrize("found_absent_at", [None, LATER])
def test_only_the_backends_own_word_to_this_call_makes_a_run_absent(answer, found_absent_at):
    unfounded = facts(Truth.ANOTHER, found_absent_at=found_absent_at)
    assert verdict.violations(answer, unfounded, ANSWERED) == [Violation.NO_EVIDENCE]


@pytest.mark.parametrize("carried_out, sent, expected", [
    (0, 1, []), (1, 1, []), (2, 1, [Violation.HIDDEN_RESEND]), (2, 2, []), (2, None, [])])
def test_no_more_requests_than_the_gateway_says(carried_out, sent, expected):
    counted = facts(Truth.THIS_CALL, carried_out=carried_out, sent=sent)
    assert verdict.violations(PERFORMED, counted, ANSWERED) == expected


@pytest.mark.parametrize("truth", Truth)
def test_grpcs_own_answers_claim_nothing(truth):
    assert verdict.violations(Answer(Source.GRPC, code="UNAVAILABLE"), facts(truth), ANSWERED) == []


def test_a_call_that_never_ends_is_a_violation():
    found = verdict.violations(Answer(Source.NOBODY), facts(Truth.STILL_THERE), ANSWERED)
    assert found == [Violation.NO_ANSWER]


def test_the_readme_shows_this_table():
    assert "\n".join(report.legal_table()) in README.read_text(encoding="utf-8")
