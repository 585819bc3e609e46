# SPDX-License-Identifier: Apache-2.0
"""The account of a run: every response checked against the journal, and whether all faults occurred.

Pure: a function of the records of callers, gateway and backend.
"""

import collections
import dataclasses

from evalrun_chaos import causes, deployment, exercised, faults, schedule, response_rules
from evalrun_chaos.response_rules import Response, Source

# Violations besides those of response_rules.Violation.
MEANINGS = {
    "LOG_DISAGREES": "the access log differs from the response that the caller received",
    "UNEXPLAINED_UNKNOWN": "`unknown` without a cause",
    "UNEXPLAINED_GRPC": "an error of gRPC itself without a cause",
    "LOST_BY_GATEWAY": "a gateway that shut down had a response, and the caller did not receive it",
    "UNSOUND_JOURNAL": "the journal contradicts itself",
    "PROCESS": "a process misbehaved",
    "MEMORY": "memory grew",
}

# Memory grows at first, with connections and calls in flight. Samples count after this share of a
# gateway's life.
_SETTLED = 0.3


@dataclasses.dataclass(frozen=True)
class Evidence:
    """The records of a run."""

    stories: list
    events: dict          # schedule.events()
    records: list         # of callers.Record
    access_log: list
    journal: object       # journal.Journal
    windows: list
    fault_counts: dict
    failures: list
    memory: list          # MiB, a list for each gateway
    memory_growth: float  # MiB that are allowed
    proxy_retries: int | None = None  # attempts that Envoy made again; None: there was no Envoy


class Account:
    """The constructor computes everything."""

    def __init__(self, evidence):
        self._evidence = evidence
        self.violations = []                    # (name, sentence)
        self.responses = collections.Counter()  # (code, deletion, Truth)
        self.unreceived = collections.Counter()  # (deletion, Truth): logged, but no caller received it
        self.unknown = collections.Counter()    # (cause, Truth)
        self.from_grpc = collections.Counter()  # (code, cause, Truth)
        self._log = collections.defaultdict(list)
        for line in evidence.access_log:
            self._log[line["request_id"]].append(line)
        for record in evidence.records:
            self._check_record(record)
        self._check_unread()
        there = [story.eval_run_uuid for story in evidence.stories if story.state != "never there"]
        self._add_all("UNSOUND_JOURNAL", evidence.journal.contradictions(there))
        self._add_all("PROCESS", evidence.failures)
        self._add_all("MEMORY", self._growths())
        self.exercised = exercised.rows(evidence, self.responses, self.unreceived, self._log)

    @property
    def not_exercised(self):
        return [row for row in self.exercised if row.times < row.needed]

    @property
    def balances(self):
        return not self.violations and not self.not_exercised

    def _add_all(self, name, sentences):
        self.violations += [(name, f"{MEANINGS[name]}: {sentence}") for sentence in sentences]

    def _check_record(self, record):
        call, response = record.call, record.response
        lines = self._log.get(call.request_id, ())
        facts = self._evidence.journal.facts(
            call.request_id, call.eval_run_uuid, was_there=record.story.state != "never there",
            sent=sum(line["sends"] for line in lines) if lines else None)
        responded_at = record.ended * 1000
        truth = response_rules.truth_of(facts, responded_at)
        self.responses[response.code or "none", response.deletion or response.source.value, truth] += 1
        for violation in response_rules.violations(response, facts, responded_at):
            self._add(violation.name, record, facts, lines)
        if response.deletion == "unknown":
            self._explain_unknown(record, truth, facts, lines)
        if response.source is Source.GATEWAY:
            logged = (lines[-1]["rpc.response.status_code"], lines[-1]["deletion"]) if lines else None
            if logged != (response.code, response.deletion):
                self._add("LOG_DISAGREES", record, facts, lines)
        elif response.source is Source.GRPC:
            cause = causes.of_grpc_response(record, self._evidence.windows)
            self.from_grpc[response.code, cause or "unexplained", truth] += 1
            if cause is None:
                self._add("UNEXPLAINED_GRPC", record, facts, lines)
            if cause == schedule.RESTART_GATEWAY and self._had_response(record, lines):
                self._add("LOST_BY_GATEWAY", record, facts, lines)
            # gRPC's attempts share a request id: the journal does not say which of them deleted the run.
            if len(lines) == 1:
                self._check_unreceived(record, facts, lines)

    def _had_response(self, record, lines):
        # Except after the caller's deadline, and with a retry policy, where the response may be that of
        # an earlier attempt. Envoy makes another one where nothing was done.
        has_proxy = self._evidence.proxy_retries is not None
        return (bool(lines) and not record.call.retried_by_grpc
                and not (has_proxy and lines[-1]["deletion"] == "not_performed")
                and record.ended - record.began < record.call.timeout - causes.TIMER_SLACK)

    def _check_unreceived(self, record, facts, lines):
        """Applies the same rules to a logged response that no caller received."""
        line = lines[0]
        response = Response(Source.GATEWAY, code=line["rpc.response.status_code"],
                            deletion=line["deletion"], reason=line.get("reason", ""),
                            allow_missing=record.call.allow_missing)
        responded_at = deployment.seconds(line["time"]) * 1000
        self.unreceived[response.deletion, response_rules.truth_of(facts, responded_at)] += 1
        for violation in response_rules.violations(response, facts, responded_at):
            self._add(violation.name, record, facts, lines)

    def _explain_unknown(self, record, truth, facts, lines):
        cause = causes.of_unknown(
            record, lines, self._evidence.windows, attempt_timeout=deployment.UPSTREAM_TIMEOUT,
            unread_happened=self._evidence.fault_counts.get(faults.UNREAD, 0) > 0)
        self.unknown[cause or "unexplained", truth] += 1
        if cause is None:
            self._add("UNEXPLAINED_UNKNOWN", record, facts, lines)

    def _check_unread(self):
        """One closed connection explains one `unknown`."""
        blamed = sum(calls for (cause, _), calls in self.unknown.items() if cause == faults.UNREAD)
        happened = self._evidence.fault_counts.get(faults.UNREAD, 0)
        if blamed > happened:
            self._add_all("UNEXPLAINED_UNKNOWN", [
                f"{blamed} are attributed to {faults.UNREAD!r}, which happened {happened} times"])

    def _add(self, name, record, facts, lines):
        meaning = MEANINGS.get(name) or response_rules.Violation[name].value
        self.violations.append((name, f"{meaning}: {record.call}, story {record.story.kind!r}, "
                                      f"fault {record.story.scenario.name!r}, "
                                      f"response {record.response} ({record.message}), "
                                      f"at {record.ended:.3f}; {facts}; log {lines}"))

    def _growths(self):
        for number, samples in enumerate(self._evidence.memory):
            settled = samples[int(len(samples) * _SETTLED):]
            if settled and max(settled) - settled[0] > self._evidence.memory_growth:
                yield (f"gateway {number} grew from {settled[0]:.0f} MiB to {max(settled):.0f} MiB, "
                       f"more than {self._evidence.memory_growth:.0f} MiB")
