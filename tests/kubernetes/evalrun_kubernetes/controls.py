# SPDX-License-Identifier: Apache-2.0
"""Negative controls: a protection in the manifests is removed, and the check must fail."""

import time

from evalrun_kubernetes import cluster_deployment
from evalrun_kubernetes.kubectl import Failed
from evalrun_kubernetes.load import load, assert_balanced, assert_losses
from evalrun_kubernetes.phases import GATEWAY, reached_by_scaling, replaced_with_late_endpoints

# Callers without retries and waiting see every failure.
PLAIN = {"plain": 50, "headless": 30}


def lost(account):
    return f"{account['failed']} of {account['calls']} failed, {account['not_connected']} could not connect, as expected"


def configure(deployment, **drain):
    config = deployment.namespace.get("configmap/evalrun-gateway")["data"]["gateway.yaml"]
    for name, value in drain.items():
        lines = config.splitlines()
        at = next(i for i, line in enumerate(lines) if line.strip().startswith(f"{name}:"))
        lines[at] = f"{lines[at].split(':')[0]}: {value}"
        config = "\n".join(lines) + "\n"
    deployment.namespace.patch("configmap/evalrun-gateway", {"data": {"gateway.yaml": config}})


def restart(deployment):
    deployment.namespace.run("rollout", "restart", GATEWAY)
    deployment.namespace.rolled_out("evalrun-gateway")


def without_drain_delay(deployment):
    """A pod that shuts down at once still receives connections from nodes that do not know yet: `late-endpoints` fails."""
    try:
        configure(deployment, delay="0s")
        deployment.namespace.patch(GATEWAY, {"spec": {"minReadySeconds": 0}})
        restart(deployment)
        deployment.namespace.settle(cluster_deployment.REPLICAS)
        account = replaced_with_late_endpoints(deployment)
    finally:
        cluster_deployment.install(deployment)
        restart(deployment)
    assert_losses(account)
    return lost(account), account


def health_over_cluster_ip(deployment):
    """Health checks over one address: while its pod is NOT_SERVING, there is no other address, so calls wait."""
    with load(deployment, {"cluster-ip": 60, "cluster-ip-health": 60}) as calls:
        for pod in deployment.namespace.pods():
            deployment.namespace.run("delete", "pod", "--wait=false", pod["metadata"]["name"])
            deployment.namespace.settle(cluster_deployment.REPLICAS)
    assert_balanced(calls.account, max_ms=20000)
    with_health, without = (calls.account["callers"][kind]["max_ms"] for kind in ("cluster-ip-health", "cluster-ip"))
    if not without < 4000 < with_health:
        raise Failed(f"slowest response with health checks {with_health:.0f} ms, without {without:.0f} ms")
    return f"slowest response with health checks {with_health:.0f} ms, as expected, without {without:.0f} ms", calls.account


def without_readiness(deployment):
    """A pod that cannot serve receives calls, and a rollout continues although its pods do not work."""
    no_probes = [{"op": "remove", "path": f"/spec/template/spec/containers/0/{probe}"}
                 for probe in ("readinessProbe", "startupProbe", "livenessProbe")]
    # It listens on another port than the one that is called.
    wrong_port = [{"op": "add", "path": "/spec/template/spec/containers/0/args/-", "value": "--listen=0.0.0.0:50052"},
            {"op": "replace", "path": "/spec/minReadySeconds", "value": 0}]
    try:
        with load(deployment, PLAIN) as calls:
            deployment.namespace.patch(GATEWAY, no_probes + wrong_port, kind="json")
            time.sleep(20)
            deployment.namespace.run("rollout", "undo", GATEWAY)
            deployment.namespace.rolled_out("evalrun-gateway")
    finally:
        cluster_deployment.install(deployment)
    assert_losses(calls.account)
    return lost(calls.account), calls.account


def without_connection_age(deployment):
    """Without a connection age, callers never connect to new pods."""
    try:
        cluster_deployment.install(deployment, connection_age="0s")
        deployment.namespace.settle(cluster_deployment.REPLICAS)
        reached, account = reached_by_scaling(deployment)
    finally:
        cluster_deployment.install(deployment)
    if any(reached):
        raise Failed(f"the new pods received {reached} calls")
    return f"new pods received {reached} calls, as expected", account
