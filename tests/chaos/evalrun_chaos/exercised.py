# SPDX-License-Identifier: Apache-2.0
"""Whether each fault, kind of caller and kind of response occurred often enough in a run. Pure.

A run in which one did not shows nothing about it, and fails as *not exercised*.
"""

import collections
import typing

from evalrun_chaos import faults, schedule
from evalrun_chaos.response_rules import Truth

# The minimum share of the expected number of requests to which a fault is applied.
_ENOUGH = 0.25


class Row(typing.NamedTuple):
    what: str
    times: int
    needed: int


def rows(evidence, responses, unreceived, log):
    """The rows for an account.Evidence. `responses` and `unreceived` are those of account.Account, `log` is
    {request id: lines of the access log}.
    """
    return [*_faults(evidence), *_processes(evidence), *_proxy(evidence), *_callers(evidence, log),
            *_responses(evidence, responses, unreceived)]


def _faults(evidence):
    for rule in faults.script(0)["rules"]:
        name = rule["name"]
        share = 1 if name == faults.UNREAD else faults.SCENARIOS[name].share / 1000
        expected = len(evidence.stories) * share * rule["probability"]
        yield Row(f"fault: {name}", evidence.fault_counts.get(name, 0),
                  max(1, int(expected * _ENOUGH)))


def _processes(evidence):
    planned = collections.Counter(evidence.events.values())
    happened = collections.Counter(window.name for window in evidence.windows)
    for name in schedule.EVENTS:
        yield Row(f"process: {name}", happened[name], planned[name])


def _proxy(evidence):
    if evidence.proxy_retries is not None:
        yield Row("proxy: attempts again by Envoy", evidence.proxy_retries, 1)


def _callers(evidence, log):
    stories = len(evidence.stories)

    def row(what, needed, counts):
        return Row(f"callers: {what}", sum(map(counts, evidence.records)), max(1, needed))

    def attempts(record):
        return len(log.get(record.call.request_id, ()))

    yield row("calls for a run for which there was another call", stories // 10,
              lambda record: record.story.kind in ("again", "together"))
    yield row("calls cancelled in time", stories // 200, lambda record: record.cancelled)
    yield row("calls whose deadline passed", stories // 100,
              lambda record: record.response.code == "DEADLINE_EXCEEDED")
    yield row("calls with allow_missing", stories // 10, lambda record: record.call.allow_missing)
    yield row("calls again by the application", stories // 100,
              lambda record: record.story.kind == "own retry"
              and record.call is not record.story.calls[0])
    yield row("attempts again by gRPC's retry policy", stories // 500,
              lambda record: max(0, attempts(record) - 1) if record.call.retried_by_grpc else 0)
    # The gateway made one attempt, so only an earlier attempt of gRPC can have deleted the run. Three fewer, because a
    # short run has few, and fewer where a backend takes long to come back: most calls of that time then reach none.
    yield row("`presumed` for gRPC's earlier attempt alone", stories // 2000 - 3,
              lambda record: record.response.deletion == "presumed" and attempts(record) > 1
              and log[record.call.request_id][-1]["sends"] == 1)


def _responses(evidence, responses, unreceived):
    stories = len(evidence.stories)
    words = collections.Counter()
    for (_, deletion, truth), calls in responses.items():
        words[deletion] += calls
        words[deletion, truth] += calls

    def row(what, times, share):
        return Row(f"responses: {what}", times, max(1, int(stories * share)))

    yield row("performed", words["performed"], 0.3)
    yield row("presumed", words["presumed"], 0.005)
    yield row("absent", words["absent"], 0.02)
    yield row("not_performed", words["not_performed"], 0.02)
    yield row("unknown", words["unknown"], 0.02)
    yield row("presumed, and it had deleted", words["presumed", Truth.THIS_CALL], 0.005)
    yield row("unknown, and it had deleted", words["unknown", Truth.THIS_CALL], 0.005)
    yield row("unknown, and it had not", words["unknown", Truth.STILL_THERE], 0.005)
    yield row("logged, and not received by the caller", unreceived.total(), 0.005)
    reasons = collections.Counter(line.get("reason") for line in evidence.access_log)
    yield row("unrecognised 404", reasons["UPSTREAM_UNRECOGNIZED_404"], 0.0025)
    yield row("missing workspace", reasons["SCOPE_NOT_FOUND"], 0.01)
    yield row("rejected after a 429", reasons["UPSTREAM_HOLD_BACK"], 0.0025)
    yield row("a silent retry of libcurl was stopped", sum(
        line.get("resends_stopped", 0) for line in evidence.access_log), 0.0025)
