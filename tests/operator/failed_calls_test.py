# SPDX-License-Identifier: Apache-2.0
"""Which calls count as failed: the same in the metric of the gateway, in the recorded series of the availability
objective, and in the dashboard, on a real Prometheus. page_test.py has the page."""

import re

import pytest

from dashboard_test import TOP, queries
from prometheus_process import IS_MISSING, Prometheus

pytestmark = pytest.mark.skipif(IS_MISSING,
                                reason="prometheus (Debian package)")

CONFIG = """
identity: {metadata_key: x-caller, trusted_networks: [127.0.0.0/8]}
retry: {max_attempts: 1}
authorization:
  rules: [{identities: ['metadata:team-a', 'metadata:greedy'], workspaces: [(unset)]}]
limits:
  rules:
    - {name: per-caller, by: caller, rate: 1000/s, burst: 1000,
       overrides: [{pattern: 'metadata:greedy', rate: 1/h, burst: 1}]}
"""


@pytest.fixture
def deployment(make_deployment, tmp_path):
    config = tmp_path / "gateway.yaml"
    config.write_text(CONFIG)
    return make_deployment(runs=4, flags=["--config", str(config)])


@pytest.fixture
def prometheus(deployment, tmp_path):
    running = Prometheus(tmp_path, deployment.gateway.admin_address,
                         rule_files=[TOP / "deploy/prometheus/recording.rules.yml"])
    yield running
    running.stop()


def call(deployment, code, *, times, caller="team-a", runs=(), **fault):
    """Makes calls that must end with `code`. Returns how many."""
    if fault:
        deployment.faults.set(fault="respond", **fault)
    for number in range(times):
        run = runs[number] if runs else None
        assert deployment.delete(run, metadata=[("x-caller", caller)]) == code
    return times


def test_one_definition(deployment, prometheus):
    failed = "sum(gateway_failed_calls_total)"
    assert prometheus.wait_until(lambda: prometheus.query(failed))  # a scrape before the first call

    good = (call(deployment, "OK", times=4, runs=deployment.runs)
            + call(deployment, "NOT_FOUND", times=3)
            + call(deployment, "NOT_FOUND", times=1, caller="greedy")
            + call(deployment, "RESOURCE_EXHAUSTED", times=7, caller="greedy")
            + call(deployment, "PERMISSION_DENIED", times=6, caller="stranger"))
    bad = (call(deployment, "PERMISSION_DENIED", times=5, status=403)
           + call(deployment, "UNAUTHENTICATED", times=1, status=401)
           + call(deployment, "UNAVAILABLE", times=2, status=404, body="<html>")
           + call(deployment, "UNAVAILABLE", times=1, status=503)
           + call(deployment, "RESOURCE_EXHAUSTED", times=1, status=429))
    assert prometheus.wait_until(lambda: list(prometheus.query(failed).values()) == [bad])

    share = pytest.approx(bad / (good + bad), rel=1e-6)
    recorded = ("namespace_job:evalrun_failed_calls:rate5m / namespace_job:evalrun_calls:rate5m")
    assert prometheus.wait_until(lambda: list(prometheus.query(recorded).values()) == [share])
    (shown,) = (expression for title, _, expression in queries() if title == "Failed calls")
    shown = re.sub(r"\[\w+\]", "[5m]", shown)
    assert list(prometheus.query(shown).values()) == [share]

    levels = {line["reason"]: line["level"] for line in deployment.gateway.access_log
              if line["rpc.response.status_code"] == "PERMISSION_DENIED"}
    assert levels == {"CALLER_NOT_ALLOWED": "info", "UPSTREAM_PERMISSION_DENIED": "error"}
