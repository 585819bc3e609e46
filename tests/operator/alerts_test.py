# SPDX-License-Identifier: Apache-2.0
"""The rules of deploy/prometheus in a real Prometheus that scrapes a real gateway: all can be evaluated, and the alert
for slow calls fires, whichever way this version of Prometheus stores the bucket of one second."""

import concurrent.futures

import pytest

from prometheus_process import IS_MISSING, PROMETHEUS_VERSION, Prometheus, copy_rules

pytestmark = pytest.mark.skipif(IS_MISSING, reason="prometheus (Debian package)")


@pytest.fixture
def prometheus(deployment, tmp_path):
    running = Prometheus(tmp_path, deployment.gateway.admin_address, copy_rules(tmp_path, wait="1s"))
    yield running
    running.stop()


def test_slow_calls_fire_the_latency_alert(deployment, prometheus):
    calls = "sum(grpc_server_handled_total)"
    assert prometheus.wait_until(lambda: prometheus.query(calls))  # a scrape before the first call
    assert prometheus.wait_until(lambda: prometheus.alerts() == {})  # EvalrunGatewayMissing fires before the first scrape

    deployment.faults.set(fault="delay", delay_ms=1200)
    with concurrent.futures.ThreadPoolExecutor(20) as pool:
        assert set(pool.map(lambda _: deployment.delete(), range(20))) == {"NOT_FOUND"}
    expected = {"EvalrunLatencyBurnsFast": "firing", "EvalrunLatencyBurnsSlowly": "firing"}
    assert prometheus.wait_until(lambda: prometheus.alerts() == expected), prometheus.alerts()

    rules = [rule for group in prometheus.get("rules")["groups"] for rule in group["rules"]]
    assert len(rules) > 50
    assert {rule["health"] for rule in rules} == {"ok"}
    stored = "1" if PROMETHEUS_VERSION < 3 else "1.0"
    assert prometheus.query(f'grpc_server_handling_seconds_bucket{{le="{stored}"}}')
