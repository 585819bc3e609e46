"""Negative controls: what the manifests do against loss is taken away, and the check that is there for it has to go red."""

import time

from evalrun_kubernetes import world as worlds
from evalrun_kubernetes.kubectl import Failed
from evalrun_kubernetes.load import load, assert_balanced, assert_losses
from evalrun_kubernetes.phases import GATEWAY, reached_by_scaling

# Callers that neither retry nor wait see everything.
PLAIN = {"plain": 50, "headless": 30}


def lost(account):
    return f"{account['failed']} of {account['calls']} failed, as they must"


def configure(world, **drain):
    config = world.space.get("configmap/evalrun-gateway")["data"]["gateway.yaml"]
    for name, value in drain.items():
        lines = config.splitlines()
        at = next(i for i, line in enumerate(lines) if line.strip().startswith(f"{name}:"))
        lines[at] = f"{lines[at].split(':')[0]}: {value}"
        config = "\n".join(lines) + "\n"
    world.space.patch("configmap/evalrun-gateway", {"data": {"gateway.yaml": config}})


def restart(world):
    world.space.run("rollout", "restart", GATEWAY)
    world.space.rolled_out("evalrun-gateway")


def without_drain_delay(world):
    """A pod that leaves at once is still on the nodes' lists."""
    try:
        configure(world, delay="0s")
        world.space.patch(GATEWAY, {"spec": {"minReadySeconds": 0}})
        restart(world)
        world.space.settle(worlds.REPLICAS)
        with load(world, PLAIN) as calls:
            for _ in range(12):
                world.space.run("delete", "pod", "--wait=false", world.space.pods()[0]["metadata"]["name"])
                time.sleep(2)
                world.space.settle(worlds.REPLICAS)
    finally:
        worlds.install(world)
        restart(world)
    assert_losses(calls.account)
    return lost(calls.account), calls.account


def health_over_cluster_ip(world):
    """Health checks over one address: while its pod says NOT_SERVING there is no other to turn to, so calls wait."""
    with load(world, {"cluster-ip": 60, "cluster-ip-health": 60}) as calls:
        for pod in world.space.pods():
            world.space.run("delete", "pod", "--wait=false", pod["metadata"]["name"])
            world.space.settle(worlds.REPLICAS)
    assert_balanced(calls.account, slowest=20000)
    with_health, without = (calls.account["callers"][kind]["max_ms"] for kind in ("cluster-ip-health", "cluster-ip"))
    if not without < 4000 < with_health:
        raise Failed(f"slowest answer with health checks {with_health:.0f} ms, without {without:.0f} ms")
    return f"slowest answer with health checks {with_health:.0f} ms, as it must be, without {without:.0f} ms", calls.account


def without_readiness(world):
    """A pod that cannot serve gets calls, and a rollout goes on although none of its pods works."""
    no_probes = [{"op": "remove", "path": f"/spec/template/spec/containers/0/{probe}"}
                 for probe in ("readinessProbe", "startupProbe", "livenessProbe")]
    # It listens elsewhere than it is called.
    deaf = [{"op": "add", "path": "/spec/template/spec/containers/0/args/-", "value": "--listen=0.0.0.0:50052"},
            {"op": "replace", "path": "/spec/minReadySeconds", "value": 0}]
    try:
        with load(world, PLAIN) as calls:
            world.space.patch(GATEWAY, no_probes + deaf, kind="json")
            time.sleep(20)
            world.space.run("rollout", "undo", GATEWAY)
            world.space.rolled_out("evalrun-gateway")
    finally:
        worlds.install(world)
    assert_losses(calls.account)
    return lost(calls.account), calls.account


def without_connection_age(world):
    """Connections that never end never find the new pods."""
    try:
        worlds.install(world, connection_age="0s")
        world.space.settle(worlds.REPLICAS)
        reached, account = reached_by_scaling(world)
    finally:
        worlds.install(world)
    if any(reached):
        raise Failed(f"the new pods were found all the same: {reached} calls")
    return f"new pods answered {reached} calls, as they must", account
