# SPDX-License-Identifier: Apache-2.0
"""The schedule of calls and process restarts, which depends only on the seed.

A *story* is one run and the calls that delete it. Everything about story 4711 is a hash of the seed
and 4711, so it does not depend on the other stories and their order.
"""

import dataclasses

from evalrun_chaos import chance, faults

# The kinds of stories, per hundred.
KINDS = {
    "once": 46,
    "again": 8,        # a second call after the first has ended
    "together": 9,     # two or three concurrent calls
    "grpc retry": 12,  # over a channel whose service config has a retry policy
    "own retry": 12,   # the application retries until the result is known, as the .proto says
    "cancel": 6,
    "hurry": 7,        # a deadline that may be too short
}
# A retry policy retries calls that the gateway has failed: this share of its stories has a scenario
# whose calls fail with UNAVAILABLE.
GRPC_RETRY_SHARE = 0.4
UNAVAILABLE_SCENARIOS = {"503 page": 1, "503 page after commit": 1, "503 of the API": 1}
STATES = {"finished": 92, "processing": 4, "never there": 4}
# A workspace that does not exist, and the share of the stories whose calls name it. The runs are in
# another one, which the calls of the other stories mean without naming it.
MISSING_WORKSPACE = "00000000-0000-4000-8000-00000000dead"
MISSING_WORKSPACE_SHARE = 0.04
OWN_RETRIES = 4
PLAIN_CHANNELS = 6
RETRY_CHANNELS = 2


@dataclasses.dataclass(frozen=True)
class Call:
    request_id: str
    eval_run_uuid: str
    allow_missing: bool
    workspace_uuid: str | None
    timeout: float            # seconds
    channel: int              # from 0; channels from PLAIN_CHANNELS on have a retry policy
    wait_for_ready: bool
    start_after: float = 0.0  # seconds
    cancel_after: float | None = None

    @property
    def retried_by_grpc(self):
        return self.channel >= PLAIN_CHANNELS


@dataclasses.dataclass(frozen=True)
class Story:
    number: int
    kind: str
    eval_run_uuid: str
    state: str
    calls: tuple  # for `own retry` the maximum: it ends when the result is known

    @property
    def scenario(self):
        return faults.scenario_of(self.eval_run_uuid)

    @property
    def certain_calls(self):
        return 1 if self.kind == "own retry" else len(self.calls)


def _uuid(seed, number, scenario):
    text = faults.prefix(scenario) + chance.digits(seed, number, "run")[2:]
    return "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))


def story(seed, number):
    """The story with this number, from 0."""
    def about(*what):
        return (seed, number, *what)

    kind = chance.pick(KINDS, *about("kind"))
    scenarios = {name: each.share for name, each in faults.SCENARIOS.items()}
    if kind == "grpc retry" and chance.fraction(*about("unavailable")) < GRPC_RETRY_SHARE:
        scenarios = UNAVAILABLE_SCENARIOS
    scenario = faults.SCENARIOS[chance.pick(scenarios, *about("scenario"))]
    run = _uuid(seed, number, scenario.name)
    state = chance.pick(STATES, *about("state"))
    workspace = (MISSING_WORKSPACE
                 if chance.fraction(*about("workspace")) < MISSING_WORKSPACE_SHARE else None)
    count = {"again": 2, "together": 2 + (chance.fraction(*about("third")) < 0.3),
             "own retry": 1 + OWN_RETRIES}.get(kind, 1)

    def call(i):
        channel = int(chance.between(0, PLAIN_CHANNELS, *about(i, "channel")))
        if kind == "grpc retry":
            channel = PLAIN_CHANNELS + channel % RETRY_CHANNELS
        timeout = scenario.timeout
        if kind == "hurry":
            timeout = chance.between(0.003, 0.12, *about(i, "timeout"))
        return Call(
            request_id=f"chaos-{seed}-{number}-{i}", eval_run_uuid=run, workspace_uuid=workspace,
            timeout=timeout,
            allow_missing=chance.fraction(*about(i, "allow_missing")) < 0.3
            or (kind == "own retry" and i > 0),
            channel=channel, wait_for_ready=chance.fraction(*about(i, "wait_for_ready")) < 0.85,
            start_after=chance.between(0, 0.01, *about(i, "start")) if kind == "together" else 0.0,
            cancel_after=(chance.between(0, 0.08, *about(i, "cancel")) if kind == "cancel"
                          else None))

    return Story(number, kind, run, state, tuple(call(i) for i in range(count)))


def stories(seed, calls):
    """The stories from number 0 on that make at least this many calls."""
    result, certain = [], 0
    while certain < calls:
        result.append(story(seed, len(result)))
        certain += result[-1].certain_calls
    return result


def has_proxy(seed):
    """Whether callers reach the gateway through Envoy: with every other seed."""
    return seed % 2 == 0


# Restarts of processes, and the number of stories between two of the same kind.
KILL_BACKEND = "backend killed"
STOP_BACKEND = "backend stopped"
RESTART_GATEWAY = "gateway restarted"
EVENTS = {KILL_BACKEND: 1200, STOP_BACKEND: 1800, RESTART_GATEWAY: 2500}


def events(seed, story_count):
    """{number of the story before which it happens: event}, with at least one event of each kind."""
    planned = {}
    for name, distance in EVENTS.items():
        count = max(1, story_count // distance)
        for i in range(count):
            at = int((i + chance.between(0.1, 0.9, seed, name, i)) * story_count / count)
            while at in planned:
                at += 1
            planned[at] = name
    return planned
