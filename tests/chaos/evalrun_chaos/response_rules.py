"""What a caller may be told, given what is true: the table that every answer is held against.

Pure: no clock, file or network. The words are those of `eval_run_service.proto` and the table
follows from its comments; tests/chaos/README.md shows it with the reasons.
"""

import dataclasses
import enum


class Truth(enum.Enum):
    """What the backend's journal says about a call's run, as of the answer. One holds of each call.

    The journal may name the call as the one that deleted the run although the deletion was
    carried out only after the answer: a request that somebody gave up may still be on its way.
    """

    THIS_CALL = "this call deleted it"
    THIS_CALL_LATER = "this call deleted it, after the answer"
    ANOTHER = "another call had deleted it"
    NEVER_THERE = "it was never there"
    STILL_THERE = "it was still there"


class Source(enum.Enum):
    """Who spoke to the caller."""

    GATEWAY = "gateway"  # OK, or an error with ErrorInfo
    GRPC = "gRPC"        # an error without: the connection, the client's own timer or cancellation
    NOBODY = "nobody"    # the call never ended


@dataclasses.dataclass(frozen=True)
class Response:
    """What the caller was told."""

    source: Source
    code: str = ""        # gRPC's name: OK, NOT_FOUND, ...
    deletion: str = ""    # of the gateway: performed, presumed, absent, not_performed, unknown
    reason: str = ""      # ErrorInfo.reason; empty with OK
    allow_missing: bool = False


@dataclasses.dataclass(frozen=True)
class Facts:
    """What the journal has about a call and its run."""

    was_there: bool                # the run existed before the first call
    deleted_by_this_call: bool
    deleted_at: int | None         # ms since 1970, by whichever call; None: never
    found_absent_at: int | None    # ms, when the backend first told *this* call that it is not there
    carried_out: int               # requests of this call that the backend carried out
    sent: int | None               # requests that the gateway says it sent for it; None: unknown


def truth_of(facts, answered_at):
    """The Truth as of `answered_at` (ms since 1970)."""
    gone = facts.deleted_at is not None and facts.deleted_at <= answered_at
    if facts.deleted_by_this_call:
        return Truth.THIS_CALL if gone else Truth.THIS_CALL_LATER
    if not facts.was_there:
        return Truth.NEVER_THERE
    return Truth.ANOTHER if gone else Truth.STILL_THERE


class Violation(enum.Enum):
    """What must never happen, by the name under which the account shows it."""

    OK_BUT_STILL_THERE = "OK, and the run was still there"
    PERFORMED_BY_ANOTHER = "`performed`, and it was not this call that deleted the run"
    NOT_FOUND_BUT_DELETED = "NOT_FOUND or `absent`, and this very call deleted the run"
    NOT_PERFORMED_BUT_DELETED = "`not_performed`, and this very call deleted the run"
    ABSENT_BUT_STILL_THERE = "`absent`, and the run was still there"
    NO_EVIDENCE = "`presumed` or `absent`, and the backend never told this call that it is absent"
    WRONG_FORM = "a code, word and reason that do not belong together"
    HIDDEN_RESEND = "more requests carried out than the gateway says it sent"
    NO_ANSWER = "no answer at all"


_GONE = {Truth.THIS_CALL, Truth.ANOTHER, Truth.NEVER_THERE}

# The table: word x truth. What is not in a word's row is a violation, which the row names for each
# truth that may occur.
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
    """The violation that a word outside its row is."""
    if code == "OK" and truth in _STILL_THERE:
        return Violation.OK_BUT_STILL_THERE
    if word == "performed":
        return Violation.PERFORMED_BY_ANOTHER
    if word == "not_performed":
        return (Violation.NOT_FOUND_BUT_DELETED if code == "NOT_FOUND"
                else Violation.NOT_PERFORMED_BUT_DELETED)
    return (Violation.NOT_FOUND_BUT_DELETED if truth in _BY_THIS_CALL
            else Violation.ABSENT_BUT_STILL_THERE)


# Where nothing is certain, or nothing was done. NOT_FOUND is not among them: it reads as "gone".
_OTHER_CODES = {"INVALID_ARGUMENT", "ABORTED", "RESOURCE_EXHAUSTED", "UNAUTHENTICATED",
                "PERMISSION_DENIED", "FAILED_PRECONDITION", "UNIMPLEMENTED", "UNAVAILABLE",
                "DEADLINE_EXCEEDED", "CANCELLED", "UNKNOWN", "INTERNAL"}

# Reasons that say that nothing is known about the run.
_NO_EVIDENCE = {"UPSTREAM_UNRECOGNIZED_404", "SCOPE_NOT_FOUND", "ABSENCE_UNVERIFIED"}


def is_well_formed(answer):
    """Whether code, word, reason and request belong together, whatever is true."""
    if answer.code == "OK":
        return (answer.deletion in ("performed", "presumed")
                or (answer.deletion == "absent" and answer.allow_missing))
    if not answer.reason:
        return False
    if answer.code == "NOT_FOUND":
        return (answer.deletion == "absent" and not answer.allow_missing
                and answer.reason not in _NO_EVIDENCE)
    return answer.code in _OTHER_CODES and answer.deletion in ("not_performed", "unknown")


def violations(answer, facts, answered_at):
    """All that is wrong with an answer, as a list of Violation; empty: it may stand."""
    if answer.source is Source.NOBODY:
        return [Violation.NO_ANSWER]
    if answer.source is Source.GRPC:
        return []  # it claims nothing about the run
    found = [] if is_well_formed(answer) else [Violation.WRONG_FORM]
    truth = truth_of(facts, answered_at)
    if truth not in LEGAL.get(answer.deletion, set(Truth)):
        found.append(_broken(answer.deletion, answer.code, truth))
    elif answer.code == "OK" and truth in _STILL_THERE:
        found.append(Violation.OK_BUT_STILL_THERE)
    elif answer.code == "NOT_FOUND" and truth in _BY_THIS_CALL:
        found.append(Violation.NOT_FOUND_BUT_DELETED)
    says_absent = answer.deletion in ("presumed", "absent")
    if says_absent and (facts.found_absent_at is None or facts.found_absent_at > answered_at):
        found.append(Violation.NO_EVIDENCE)
    if facts.sent is not None and facts.carried_out > facts.sent:
        found.append(Violation.HIDDEN_RESEND)
    return found
