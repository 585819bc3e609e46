"""Who calls what, and when which process is killed: all of it, from the seed alone.

A *story* is one run and those who delete it. Everything about story 4711 is a hash of the seed and
4711, so it is the same whatever the other stories do and in whatever order they come.
"""

import dataclasses

from evalrun_chaos import chance, faults

# How runs are deleted, of a hundred stories.
KINDS = {
    "once": 46,
    "again": 8,        # a second call, after the first was answered
    "together": 9,     # two or three calls at a time
    "grpc retry": 12,  # over a channel whose service config has a retry policy
    "own retry": 12,   # the application calls again until it knows, as the .proto tells it to
    "cancel": 6,
    "hurry": 7,        # a deadline that may be too short
}
# A retry policy retries what the gateway has given up: the runs of this share of its callers belong
# to a scenario of which it is told UNAVAILABLE.
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
    channel: int              # from 0; those from PLAIN_CHANNELS on retry by themselves
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
    calls: tuple  # of `own retry`: at most; the later ones only until one settles it

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
    """The story of this number, from 0."""
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
    """As many stories, from number 0, as it takes to be sure of so many calls."""
    told, certain = [], 0
    while certain < calls:
        told.append(story(seed, len(told)))
        certain += told[-1].certain_calls
    return told


# What happens to processes, and how many stories lie between two of a kind.
KILL_BACKEND = "backend killed"
STOP_BACKEND = "backend stopped"
RESTART_GATEWAY = "gateway restarted"
EVENTS = {KILL_BACKEND: 1200, STOP_BACKEND: 1800, RESTART_GATEWAY: 2500}


def events(seed, story_count):
    """{number of the story with whose beginning it happens: event}; at least one of each kind."""
    planned = {}
    for name, distance in EVENTS.items():
        count = max(1, story_count // distance)
        for i in range(count):
            at = int((i + chance.between(0.1, 0.9, seed, name, i)) * story_count / count)
            while at in planned:
                at += 1
            planned[at] = name
    return planned
