"""The account of a run: each answer held against the journal, and whether everything happened.

Pure: from what callers, gateway and backend have written down to what is wrong with it.
"""

import collections
import dataclasses

from evalrun_chaos import causes, exercised, faults, house, schedule, response_rules
from evalrun_chaos.response_rules import Response, Source

# What is wrong besides the words of response_rules.Violation.
MEANINGS = {
    "LOG_DISAGREES": "the access log says something else than the caller was told",
    "UNEXPLAINED_UNKNOWN": "`unknown`, and nothing explains it",
    "UNEXPLAINED_GRPC": "an answer of gRPC itself, and nothing explains it",
    "LOST_BY_GATEWAY": "a gateway that was stopped had an answer, and the caller never got it",
    "UNSOUND_JOURNAL": "the journal contradicts itself",
    "PROCESS": "a process did what it must not",
    "MEMORY": "memory grew",
}

# MiB that come with connections and calls in flight, before growth is looked at: the first sample
# that counts is the one after this share of a gateway's life.
_SETTLED = 0.3


@dataclasses.dataclass(frozen=True)
class Evidence:
    """What is left of a run."""

    stories: list
    events: dict          # schedule.events()
    records: list         # of callers.Record
    access_log: list
    journal: object       # journal.Journal
    windows: list
    fault_counts: dict
    failures: list
    memory: list          # MiB, a list for each gateway
    memory_growth: float  # MiB that may be


class Account:
    """Everything is worked out by the constructor."""

    def __init__(self, evidence):
        self._evidence = evidence
        self.violations = []                    # (name, sentence)
        self.told = collections.Counter()       # (code, deletion, Truth)
        self.unheard = collections.Counter()    # (deletion, Truth): logged, and no caller heard it
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
        self.exercised = exercised.rows(evidence, self.told, self.unheard, self._log)

    @property
    def not_exercised(self):
        return [row for row in self.exercised if row.times < row.needed]

    @property
    def balances(self):
        return not self.violations and not self.not_exercised

    def _add_all(self, name, sentences):
        self.violations += [(name, f"{MEANINGS[name]}: {sentence}") for sentence in sentences]

    def _check_record(self, record):
        call, answer = record.call, record.answer
        lines = self._log.get(call.request_id, ())
        facts = self._evidence.journal.facts(
            call.request_id, call.eval_run_uuid, was_there=record.story.state != "never there",
            sent=sum(line["sends"] for line in lines) if lines else None)
        answered_at = record.ended * 1000
        truth = response_rules.truth_of(facts, answered_at)
        self.told[answer.code or "none", answer.deletion or answer.source.value, truth] += 1
        for violation in response_rules.violations(answer, facts, answered_at):
            self._add(violation.name, record, facts, lines)
        if answer.deletion == "unknown":
            self._explain_unknown(record, truth, facts, lines)
        if answer.source is Source.GATEWAY:
            said = (lines[-1]["rpc.response.status_code"], lines[-1]["deletion"]) if lines else None
            if said != (answer.code, answer.deletion):
                self._add("LOG_DISAGREES", record, facts, lines)
        elif answer.source is Source.GRPC:
            cause = causes.of_grpc_answer(record, self._evidence.windows)
            self.from_grpc[answer.code, cause or "unexplained", truth] += 1
            if cause is None:
                self._add("UNEXPLAINED_GRPC", record, facts, lines)
            if cause == schedule.RESTART_GATEWAY and self._had_response(record, lines):
                self._add("LOST_BY_GATEWAY", record, facts, lines)
            # Attempts share a request id, and the journal cannot tell which of them did it.
            if len(lines) == 1:
                self._check_unheard(record, facts, lines)

    @staticmethod
    def _had_response(record, lines):
        # Not one that came after the caller's deadline. And of the attempts of a retry policy it
        # may be the next one that met no gateway.
        return (bool(lines) and not record.call.retried_by_grpc
                and record.ended - record.began < record.call.timeout - causes.TIMER_SLACK)

    def _check_unheard(self, record, facts, lines):
        """What the gateway would have told a caller who had left is held to the same."""
        line = lines[0]
        answer = Response(Source.GATEWAY, code=line["rpc.response.status_code"],
                        deletion=line["deletion"], reason=line.get("reason", ""),
                        allow_missing=record.call.allow_missing)
        answered_at = house.seconds(line["time"]) * 1000
        self.unheard[answer.deletion, response_rules.truth_of(facts, answered_at)] += 1
        for violation in response_rules.violations(answer, facts, answered_at):
            self._add(violation.name, record, facts, lines)

    def _explain_unknown(self, record, truth, facts, lines):
        cause = causes.of_unknown(
            record, lines, self._evidence.windows, send_timeout=house.UPSTREAM_TIMEOUT,
            unread_happened=self._evidence.fault_counts.get(faults.UNREAD, 0) > 0)
        self.unknown[cause or "unexplained", truth] += 1
        if cause is None:
            self._add("UNEXPLAINED_UNKNOWN", record, facts, lines)

    def _check_unread(self):
        """One connection that ends explains one `unknown`."""
        blamed = sum(calls for (cause, _), calls in self.unknown.items() if cause == faults.UNREAD)
        happened = self._evidence.fault_counts.get(faults.UNREAD, 0)
        if blamed > happened:
            self._add_all("UNEXPLAINED_UNKNOWN", [
                f"{blamed} are put down to {faults.UNREAD!r}, which happened {happened} times"])

    def _add(self, name, record, facts, lines):
        meaning = MEANINGS.get(name) or response_rules.Violation[name].value
        self.violations.append((name, f"{meaning}: {record.call}, story {record.story.kind!r}, "
                                      f"fault {record.story.scenario.name!r}, "
                                      f"told {record.answer} ({record.words}), "
                                      f"at {record.ended:.3f}; {facts}; log {lines}"))

    def _growths(self):
        for number, samples in enumerate(self._evidence.memory):
            settled = samples[int(len(samples) * _SETTLED):]
            if settled and max(settled) - settled[0] > self._evidence.memory_growth:
                yield (f"gateway {number} grew from {settled[0]:.0f} MiB to {max(settled):.0f} MiB, "
                       f"more than {self._evidence.memory_growth:.0f} MiB")
