# SPDX-License-Identifier: Apache-2.0
"""The fault scenarios, and the backend's fault script for them.

Each run belongs to one scenario, whose two digits are the first ones of its id. So a rule of the
script matches the runs of its scenario by their path, and the id of a run tells which fault may have
been applied.
"""

import dataclasses
import json

_HTML = {"Content-Type": "text/html"}
_JSON = {"Content-Type": "application/json"}
# Short, because a gateway that honors it rejects all other calls meanwhile.
_SOON = {"Retry-After": "0.02"}
_FRAMEWORK = '{"detail": "Not Found"}'
_PORTAL = "<!DOCTYPE html><html><body><h1>Sign in to continue</h1></body></html>"


def _page(status, title, *, commit=False, headers=None):
    """An HTML page of a proxy."""
    return {"fault": "respond", "status": status, "headers": _HTML | (headers or {}),
            "body": f"<html><head><title>{status} {title}</title></head></html>", "commit": commit}


def _api(status, code, *, commit=False, headers=None):
    """The API's own error object."""
    body = {"error": {"code": code, "message": "scripted", "details": {}}, "request_id": "scripted"}
    return {"fault": "respond", "status": status, "headers": _JSON | (headers or {}),
            "body": json.dumps(body), "commit": commit}


@dataclasses.dataclass(frozen=True)
class Scenario:
    name: str
    share: int           # per thousand runs
    fault: dict | None   # a rule of the fault script; None: no fault
    chance: float = 0.6  # probability that it is applied to a request
    timeout: float = 5.0  # of its callers, in seconds
    certain: bool = False  # the response shows what happened to the request


# No rule makes a false statement in the name of the API: responses in its own form are true, and
# responses after a commit are those of a proxy.
_FAULTY = (
    Scenario("404 page", 14, _page(404, "Not Found"), certain=True),
    Scenario("404 of a framework", 8,
             {"fault": "respond", "status": 404, "headers": _JSON, "body": _FRAMEWORK},
             certain=True),
    Scenario("408 page after commit", 6, _page(408, "Request Timeout", commit=True)),
    Scenario("409", 10, _api(409, "resource.conflict"), certain=True),
    Scenario("429", 6, _api(429, "quota.limit_exceeded", headers=_SOON), certain=True),
    Scenario("500", 8, _api(500, "server.internal_error")),
    Scenario("500 after commit", 10, _api(500, "server.internal_error", commit=True)),
    Scenario("502 page", 10, _page(502, "Bad Gateway")),
    Scenario("502 page after commit", 14, _page(502, "Bad Gateway", commit=True)),
    Scenario("503 page", 10, _page(503, "Service Unavailable", headers=_SOON)),
    Scenario("503 page after commit", 12, _page(503, "Service Unavailable", commit=True, headers=_SOON)),
    Scenario("503 of the API", 8, _api(503, "server.unavailable", headers=_SOON), certain=True),
    Scenario("504 page", 10, _page(504, "Gateway Timeout")),
    Scenario("504 page after commit", 12, _page(504, "Gateway Timeout", commit=True)),
    Scenario("200 portal page", 12,
             {"fault": "respond", "status": 200, "headers": _HTML, "body": _PORTAL}),
    Scenario("202 after commit", 6,
             {"fault": "respond", "status": 202, "headers": _JSON, "body": "{}", "commit": True}),
    Scenario("redirect", 10, _page(302, "Found", headers={"Location": "http://127.0.0.1:1/login"}), certain=True),
    Scenario("reset during the request", 10, {"fault": "drop_after_reading", "reset": True}),
    Scenario("close during the request", 10, {"fault": "drop_after_reading"}),
    Scenario("reset after commit", 14, {"fault": "drop_after_commit", "reset": True}),
    Scenario("close after commit", 16, {"fault": "drop_after_commit"}),
    Scenario("close in the status line", 10, {"fault": "drop_mid_response"}),
    Scenario("reset in the headers", 8, {"fault": "drop_mid_response", "bytes": 40, "reset": True}),
    Scenario("garbage", 8, {"fault": "garbage"}),
    Scenario("garbage after commit", 10, {"fault": "garbage", "commit": True}),
    Scenario("late, in time", 12, {"fault": "delay", "delay_ms": 60}, certain=True),
    Scenario("executed after the deadline", 10, {"fault": "delay", "delay_ms": 700}, timeout=0.4),
    Scenario("response after the deadline", 10,
             {"fault": "delay", "delay_ms": 700, "commit": True}, timeout=0.4),
    Scenario("held", 6, {"fault": "hold"}, timeout=2.5),
    Scenario("held after commit", 8, {"fault": "hold", "commit": True}, timeout=2.5),
    Scenario("crash", 2, {"fault": "restart"}, chance=0.5),
    Scenario("crash after commit", 2, {"fault": "restart", "commit": True}, chance=0.5),
)
CLEAN = Scenario("none", 1000 - sum(scenario.share for scenario in _FAULTY), None, certain=True)
SCENARIOS = {scenario.name: scenario for scenario in (CLEAN, *_FAULTY)}

# This fault is in no scenario: it ends a connection before the request is read.
UNREAD = "reset before the request"
UNREAD_CHANCE = 0.004


def prefix(name):
    """The two digits at the beginning of the ids of a scenario's runs."""
    return f"{list(SCENARIOS).index(name):02x}"


def scenario_of(eval_run_uuid):
    """The scenario of a run, by its id."""
    return list(SCENARIOS.values())[int(eval_run_uuid[:2], 16)]


def script(seed):
    """The fault script, in the form that rest_backend/server/README.md describes."""
    rules = [{"name": scenario.name, "method": "DELETE",
              "path": f"/v2/eval-runs/{prefix(scenario.name)}*", "probability": scenario.chance,
              **scenario.fault} for scenario in _FAULTY]
    rules.append({"name": UNREAD, "probability": UNREAD_CHANCE, "fault": "drop_before_reading",
                  "reset": True})
    return {"seed": seed, "rules": rules}
