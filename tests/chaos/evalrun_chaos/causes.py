# SPDX-License-Identifier: Apache-2.0
"""The causes of `unknown` responses, and of errors that are gRPC's own.

Pure. A response without a cause is a failure of the run.
"""

from evalrun_chaos import faults, schedule

SHORT_DEADLINE = "short deadline of the caller"
CANCELLED = "cancelled by the caller"
SLOW = "upstream slower than the timeout of an attempt"
EARLIER_ATTEMPT = "an earlier attempt of gRPC's, whose result the gateway does not know"
OWN_TIMER = "the caller's own timer"
CANCEL = "the caller's own cancellation"

# Seconds until the end of a process is noticed as a lost connection.
_UPSTREAM_SLACK = 0.25
# Seconds until callers have connected to the next gateway.
_GATEWAY_SLACK = 0.5
# Seconds by which a deadline may be early: gRPC counts it from a cached time, which is old when threads
# have to wait for a core.
TIMER_SLACK = 0.1
_LOST = {"UPSTREAM_CONNECTION_LOST", "UPSTREAM_PROTOCOL_ERROR"}
_LATE = {"UPSTREAM_TIMEOUT", "DEADLINE_EXCEEDED", "DEADLINE_TOO_SHORT"}


def of_unknown(record, lines, windows, *, attempt_timeout, unread_happened):
    """The cause of an `unknown`. None: there is none.

    `lines` are those of the access log for this call, one for each attempt of gRPC.
    `attempt_timeout` is in seconds. `unread_happened`: faults.UNREAD has occurred in the run.
    """
    reasons = {line["reason"] for line in lines if "reason" in line}
    slowest_attempt = max((line.get("upstream.duration", 0) for line in lines), default=0)
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
    # The log has the reason of the last attempt only.
    if unread_happened and (reasons & _LOST or any(line["sends"] > 1 for line in lines)):
        return faults.UNREAD
    if record.call.retried_by_grpc and len(lines) > 1:
        return EARLIER_ATTEMPT
    if record.call.retried_by_grpc and _restarted_meanwhile(record, windows):
        return schedule.RESTART_GATEWAY
    if reasons & _LATE and slowest_attempt >= attempt_timeout * 0.98:
        return SLOW
    return None


def of_grpc_response(record, windows):
    """The cause of an error that is gRPC's own. None: there is none."""
    if record.cancelled:
        return CANCEL
    if record.response.code == "DEADLINE_EXCEEDED":
        elapsed = record.ended - record.began
        return OWN_TIMER if elapsed >= record.call.timeout - TIMER_SLACK else None
    if record.response.code not in ("UNAVAILABLE", "CANCELLED"):
        return None
    return schedule.RESTART_GATEWAY if _restarted_meanwhile(record, windows) else None


def _restarted_meanwhile(record, windows):
    return any(window.name == schedule.RESTART_GATEWAY
               and window.overlaps(record.began, record.ended, _GATEWAY_SLACK) for window in windows)
