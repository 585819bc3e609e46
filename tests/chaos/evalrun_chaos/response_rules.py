# SPDX-License-Identifier: Apache-2.0
"""Which responses are allowed, given the facts: the table that every response is checked against.

Pure. The values are those of `eval_run_service.proto`, and the table follows from its comments.
tests/chaos/README.md has it with the reasons.
"""

import dataclasses
import enum


class Truth(enum.Enum):
    """What the backend's journal says about a call's run at the time of the response.

    The call may have deleted the run after its response: a request that was given up may still be
    on its way.
    """

    THIS_CALL = "this call deleted it"
    THIS_CALL_LATER = "this call deleted it, after the response"
    ANOTHER = "another call had deleted it"
    NEVER_THERE = "it was never there"
    STILL_THERE = "it was still there"


class Source(enum.Enum):
    """The origin of a response."""

    GATEWAY = "gateway"  # OK, or an error with ErrorInfo
    GRPC = "gRPC"        # an error without ErrorInfo: the connection, the client's own timer or cancellation
    NOBODY = "nobody"    # the call never ended


@dataclasses.dataclass(frozen=True)
class Response:
    """The response that the caller received."""

    source: Source
    code: str = ""        # gRPC's name: OK, NOT_FOUND, ...
    deletion: str = ""    # from the gateway: performed, presumed, absent, not_performed, unknown
    reason: str = ""      # ErrorInfo.reason; empty with OK
    allow_missing: bool = False


@dataclasses.dataclass(frozen=True)
class Facts:
    """The entries of the journal about a call and its run."""

    was_there: bool                # the run existed before the first call
    deleted_by_this_call: bool
    deleted_at: int | None         # ms since 1970, by any call; None: never
    found_absent_at: int | None    # ms since 1970, when the backend first responded to this call that it does not exist
    carried_out: int               # requests of this call that the backend executed
    sent: int | None               # requests that the gateway sent for it, by its log; None: unknown


def truth_of(facts, responded_at):
    """The Truth as of `responded_at` (ms since 1970)."""
    gone = facts.deleted_at is not None and facts.deleted_at <= responded_at
    if facts.deleted_by_this_call:
        return Truth.THIS_CALL if gone else Truth.THIS_CALL_LATER
    if not facts.was_there:
        return Truth.NEVER_THERE
    return Truth.ANOTHER if gone else Truth.STILL_THERE


class Violation(enum.Enum):
    """What must never happen. The account shows the names."""

    OK_BUT_STILL_THERE = "OK, and the run was still there"
    PERFORMED_BY_ANOTHER = "`performed`, and it was not this call that deleted the run"
    NOT_FOUND_BUT_DELETED = "NOT_FOUND or `absent`, and this very call deleted the run"
    NOT_PERFORMED_BUT_DELETED = "`not_performed`, and this very call deleted the run"
    ABSENT_BUT_STILL_THERE = "`absent`, and the run was still there"
    NO_EVIDENCE = "`presumed` or `absent`, and the backend never responded to this call that it is absent"
    WRONG_FORM = "an invalid combination of code, `deletion` and reason"
    HIDDEN_RESEND = "more requests executed than sent by the gateway's log"
    NO_ANSWER = "no response at all"


_GONE = {Truth.THIS_CALL, Truth.ANOTHER, Truth.NEVER_THERE}

# The table: the truths that each value of `deletion` allows.
LEGAL = {
    "performed": {Truth.THIS_CALL},
    "presumed": _GONE,
    "absent": {Truth.ANOTHER, Truth.NEVER_THERE},
    "not_performed": {Truth.ANOTHER, Truth.NEVER_THERE, Truth.STILL_THERE},
    "unknown": set(Truth),
}
_STILL_THERE = {Truth.STILL_THERE, Truth.THIS_CALL_LATER}
_BY_THIS_CALL = {Truth.THIS_CALL, Truth.THIS_CALL_LATER}


def _broken(word, code, truth):
    """The violation for a value of `deletion` that does not allow the truth."""
    if code == "OK" and truth in _STILL_THERE:
        return Violation.OK_BUT_STILL_THERE
    if word == "performed":
        return Violation.PERFORMED_BY_ANOTHER
    if word == "not_performed":
        return (Violation.NOT_FOUND_BUT_DELETED if code == "NOT_FOUND"
                else Violation.NOT_PERFORMED_BUT_DELETED)
    return (Violation.NOT_FOUND_BUT_DELETED if truth in _BY_THIS_CALL
            else Violation.ABSENT_BUT_STILL_THERE)


# The codes of `not_performed` and `unknown`. NOT_FOUND is not among them: callers read it as "gone".
_OTHER_CODES = {"INVALID_ARGUMENT", "ABORTED", "RESOURCE_EXHAUSTED", "UNAUTHENTICATED",
                "PERMISSION_DENIED", "FAILED_PRECONDITION", "UNIMPLEMENTED", "UNAVAILABLE",
                "DEADLINE_EXCEEDED", "CANCELLED", "UNKNOWN", "INTERNAL"}

# Reasons that say that nothing is known about the run.
_NO_EVIDENCE = {"UPSTREAM_UNRECOGNIZED_404", "SCOPE_NOT_FOUND", "ABSENCE_UNVERIFIED"}


def is_well_formed(response):
    """Whether code, `deletion`, reason and request fit together, whatever the truth."""
    if response.code == "OK":
        return (response.deletion in ("performed", "presumed")
                or (response.deletion == "absent" and response.allow_missing))
    if not response.reason:
        return False
    if response.code == "NOT_FOUND":
        return (response.deletion == "absent" and not response.allow_missing
                and response.reason not in _NO_EVIDENCE)
    return response.code in _OTHER_CODES and response.deletion in ("not_performed", "unknown")


def violations(response, facts, responded_at):
    """The list of all violations of a response."""
    if response.source is Source.NOBODY:
        return [Violation.NO_ANSWER]
    if response.source is Source.GRPC:
        return []  # it says nothing about the run
    found = [] if is_well_formed(response) else [Violation.WRONG_FORM]
    truth = truth_of(facts, responded_at)
    if truth not in LEGAL.get(response.deletion, set(Truth)):
        found.append(_broken(response.deletion, response.code, truth))
    elif response.code == "OK" and truth in _STILL_THERE:
        found.append(Violation.OK_BUT_STILL_THERE)
    elif response.code == "NOT_FOUND" and truth in _BY_THIS_CALL:
        found.append(Violation.NOT_FOUND_BUT_DELETED)
    says_absent = response.deletion in ("presumed", "absent")
    if says_absent and (facts.found_absent_at is None or facts.found_absent_at > responded_at):
        found.append(Violation.NO_EVIDENCE)
    if facts.sent is not None and facts.carried_out > facts.sent:
        found.append(Violation.HIDDEN_RESEND)
    return found
