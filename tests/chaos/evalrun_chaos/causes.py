"""Why an answer is `unknown`, or none of the gateway's: what the call met, as far as one can know.

Pure. An answer without a cause is a failure of the run.
"""

from evalrun_chaos import faults, schedule

SHORT_DEADLINE = "short deadline of the caller"
CANCELLED = "cancelled by the caller"
SLOW = "upstream slower than the time for one send"
EARLIER_ATTEMPT = "an earlier attempt of gRPC's, which the gateway knows only to have been"
OWN_TIMER = "the caller's own timer"
CANCEL = "the caller's own cancellation"

# A connection that was lost when its process ended may be noticed a little later.
_UPSTREAM_SLACK = 0.25
# Until callers have connected to the next gateway.
_GATEWAY_SLACK = 0.5
# Seconds by which a deadline may be early: gRPC counts it from when it last looked at the clock, which
# is a while ago where threads have to wait for a core.
TIMER_SLACK = 0.1
_LOST = {"UPSTREAM_CONNECTION_LOST", "UPSTREAM_PROTOCOL_ERROR"}
_LATE = {"UPSTREAM_TIMEOUT", "DEADLINE_EXCEEDED", "DEADLINE_TOO_SHORT"}


def of_unknown(record, lines, windows, *, send_timeout, unread_happened):
    """Which fault explains an `unknown`; None: none does.

    `lines`: the gateway's access log of this call, a line for each attempt that gRPC made.
    `send_timeout`: seconds. `unread_happened`: faults.UNREAD did.
    """
    reasons = {line["reason"] for line in lines if "reason" in line}
    slowest_send = max((line.get("upstream.duration", 0) for line in lines), default=0)
    if not record.story.scenario.certain:
        return record.story.scenario.name
    if record.call.cancel_after is not None and "CALL_CANCELLED" in reasons:
        return CANCELLED
    if record.story.kind == "hurry" and reasons & _LATE:
        return SHORT_DEADLINE
    for window in windows:
        if (window.name != schedule.RESTART_GATEWAY
                and window.overlaps(record.began, record.ended, _UPSTREAM_SLACK)):
            return window.name
    # Of several sends the log tells the reason of the last.
    if unread_happened and (reasons & _LOST or any(line["sends"] > 1 for line in lines)):
        return faults.UNREAD
    if record.call.retried_by_grpc and len(lines) > 1:
        return EARLIER_ATTEMPT
    if record.call.retried_by_grpc and _restarted_meanwhile(record, windows):
        return schedule.RESTART_GATEWAY
    if reasons & _LATE and slowest_send >= send_timeout * 0.98:
        return SLOW
    return None


def of_grpc_answer(record, windows):
    """Why it was gRPC that answered; None: it should not have been."""
    if record.cancelled:
        return CANCEL
    if record.answer.code == "DEADLINE_EXCEEDED":
        elapsed = record.ended - record.began
        return OWN_TIMER if elapsed >= record.call.timeout - TIMER_SLACK else None
    if record.answer.code not in ("UNAVAILABLE", "CANCELLED"):
        return None
    return schedule.RESTART_GATEWAY if _restarted_meanwhile(record, windows) else None


def _restarted_meanwhile(record, windows):
    return any(window.name == schedule.RESTART_GATEWAY
               and window.overlaps(record.began, record.ended, _GATEWAY_SLACK) for window in windows)
