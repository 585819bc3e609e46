# SPDX-License-Identifier: Apache-2.0
"""The phases, one function each. A phase restores the deployment, raises kubectl.Failed if a check fails, and returns a
summary line and, if there was load, the account."""

import base64
import json
import re
import time
import uuid

from evalrun_kubernetes import cluster_deployment
from evalrun_kubernetes.kubectl import Failed, is_ready, run, wait_for
from evalrun_kubernetes.load import load, assert_balanced

GATEWAY = "deployment/evalrun-gateway"
ENDPOINT_DELAY = 4  # seconds


def summary(account):
    slowest = {name: f"{caller['max_ms']:.0f}" for name, caller in account["callers"].items()}
    return f"slowest response in ms: {', '.join(f'{name} {ms}' for name, ms in slowest.items())}"


def steady(deployment):
    """Calls by both Services, without any event."""
    with load(deployment) as calls:
        time.sleep(10)
    assert_balanced(calls.account)
    return summary(calls.account), calls.account


def rolling_restart(deployment):
    with load(deployment) as calls:
        deployment.namespace.run("rollout", "restart", GATEWAY)
        deployment.namespace.rolled_out("evalrun-gateway")
        deployment.namespace.settle(cluster_deployment.REPLICAS)
    assert_balanced(calls.account)
    return summary(calls.account), calls.account


def rollback(deployment):
    """An upgrade that does not start leaves the running pods alone, and is undone."""
    with load(deployment) as calls:
        deployment.namespace.patch(GATEWAY, [{"op": "add", "path": "/spec/template/spec/containers/0/args/-",
                                     "value": "--no-such-flag"}], kind="json")
        wait_for(lambda: any(status.get("lastState", {}).get("terminated", {}).get("exitCode") == 2
                             for pod in deployment.namespace.pods() for status in pod["status"].get("containerStatuses", [])),
                 60, "the broken upgrade ends with exit status 2")
        if sum(is_ready(pod) for pod in deployment.namespace.pods()) < cluster_deployment.REPLICAS:
            raise Failed("the broken upgrade has replaced a pod")
        deployment.namespace.run("rollout", "undo", GATEWAY)
        deployment.namespace.settle(cluster_deployment.REPLICAS)
    assert_balanced(calls.account)
    return summary(calls.account), calls.account


def node_drain(deployment):
    node = deployment.drained_node
    if not node:
        return "skipped: the cluster has one node", None
    if len({pod["spec"]["nodeName"] for pod in deployment.namespace.pods()}) != cluster_deployment.REPLICAS:
        raise Failed("the pods are not spread over the nodes")
    with load(deployment) as calls:
        try:
            run("drain", node, "--ignore-daemonsets", "--delete-emptydir-data", "--timeout=300s",
                f"--pod-selector=app.kubernetes.io/name=evalrun-gateway,evalrun-test={deployment.namespace.name}")
            deployment.namespace.settle(cluster_deployment.REPLICAS)
        finally:
            run("uncordon", node)
    assert_balanced(calls.account)
    # Spread again.
    deployment.namespace.run("rollout", "restart", GATEWAY)
    deployment.namespace.rolled_out("evalrun-gateway")
    return f"{node}; {summary(calls.account)}", calls.account


def publish_endpoints(deployment):
    """Makes the Service `evalrun-gateway-late` lead to the pods that are ready now."""
    name = "evalrun-gateway-late"
    port = {"name": "grpc", "port": 50051, "protocol": "TCP"}
    addresses = [pod["status"]["podIP"] for pod in deployment.namespace.pods() if is_ready(pod)]
    deployment.namespace.apply(
        {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name}, "spec": {"ports": [port]}},
        {"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice",
         "metadata": {"name": name, "labels": {"kubernetes.io/service-name": name}},
         "addressType": "IPv6" if ":" in addresses[0] else "IPv4", "ports": [port],
         "endpoints": [{"addresses": [address], "conditions": {"ready": True}} for address in addresses]})


def replaced_with_late_endpoints(deployment):
    """Deletes pods, each of which stays among the endpoints of a Service for ENDPOINT_DELAY. Returns the account of a caller
    through this Service without retries. The Services of a small cluster do not show what happens when a node is late:
    their rules change before the pod stops listening."""
    publish_endpoints(deployment)
    try:
        with load(deployment, {"plain": 50}, "evalrun-gateway-late") as calls:
            for _ in range(3):
                deployment.namespace.run("delete", "pod", "--wait=false", deployment.namespace.pods()[0]["metadata"]["name"])
                time.sleep(ENDPOINT_DELAY)
                publish_endpoints(deployment)
                deployment.namespace.settle(cluster_deployment.REPLICAS)
                publish_endpoints(deployment)
    finally:
        deployment.namespace.run("delete", "service/evalrun-gateway-late", "endpointslice/evalrun-gateway-late",
                                 "--ignore-not-found")
    return calls.account


def late_endpoints(deployment):
    """A pod that shuts down serves for `drain.delay`, until the last node has removed it from its rules."""
    account = replaced_with_late_endpoints(deployment)
    assert_balanced(account)
    return summary(account), account


def metric(deployment, pod, name, label=""):
    """The sum of a pod's samples of a metric whose labels contain a text."""
    metrics = deployment.namespace.proxy(pod["metadata"]["name"], 9090, "/metrics")
    return sum(float(line.rsplit(" ", 1)[1]) for line in metrics.splitlines()
               if re.match(rf"{name}[{{ ]", line) and label in line)


def calls_of(deployment, pod):
    """The number of finished calls of a pod."""
    return metric(deployment, pod, "grpc_server_handled_total", "DeleteEvalRun")


def reached_by_scaling(deployment):
    """Scales to 4 pods and back, with callers that keep their connections. Returns the number of calls of each new pod, and
    the account."""
    with load(deployment, {"headless": 100, "cluster-ip": 100}) as calls:
        before = {pod["metadata"]["name"] for pod in deployment.namespace.pods()}
        deployment.namespace.run("scale", GATEWAY, "--replicas=4")
        deployment.namespace.settle(4)
        time.sleep(50)
        added = [pod for pod in deployment.namespace.pods() if pod["metadata"]["name"] not in before]
        reached = [int(calls_of(deployment, pod)) for pod in added]
        deployment.namespace.run("scale", GATEWAY, f"--replicas={cluster_deployment.REPLICAS}")
        deployment.namespace.settle(cluster_deployment.REPLICAS)
    return reached, calls.account


def scale(deployment):
    """Scaling up: connections end by age, and callers connect to new pods. Scaling down: no call fails."""
    reached, account = reached_by_scaling(deployment)
    assert_balanced(account)
    if len(reached) != 2 or not all(reached):
        raise Failed(f"the new pods received {reached} calls")
    return f"new pods received {reached} calls; {summary(account)}", account


def autoscaling(deployment):
    """By CPU: the request is so small (10m) that 200 calls per second are far above the target."""
    hpa = {
        "apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": {"name": "evalrun-gateway"},
        "spec": {"scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "evalrun-gateway"},
                 "minReplicas": cluster_deployment.REPLICAS, "maxReplicas": cluster_deployment.REPLICAS + 2,
                 "metrics": [{"type": "Resource", "resource": {
                     "name": "cpu", "target": {"type": "Utilization", "averageUtilization": 100}}}],
                 "behavior": {"scaleDown": {"stabilizationWindowSeconds": 15}}},
    }
    deployment.namespace.patch(GATEWAY, {"spec": {"template": {"spec": {"containers": [
        {"name": "gateway", "resources": {"requests": {"cpu": "10m"}}}]}}}})
    deployment.namespace.rolled_out("evalrun-gateway")
    try:
        with load(deployment) as calls:
            deployment.namespace.apply(hpa)
            wait_for(lambda: len(deployment.namespace.pods()) > cluster_deployment.REPLICAS, 180, "the autoscaler adds pods")
            most = len(deployment.namespace.pods())
            time.sleep(10)
        wait_for(lambda: len(deployment.namespace.pods()) == cluster_deployment.REPLICAS, 300, "the autoscaler takes them away again")
    finally:
        deployment.namespace.run("delete", "hpa", "evalrun-gateway", "--ignore-not-found")
        cluster_deployment.install(deployment)
    assert_balanced(calls.account)
    return f"{cluster_deployment.REPLICAS} -> {most} -> {cluster_deployment.REPLICAS} pods; {summary(calls.account)}", calls.account


def set_key(deployment, key):
    deployment.namespace.patch("secret/evalrun-gateway-key", {"data": {"api-key": base64.b64encode(key.encode()).decode()}})


def key_rotation(deployment):
    """Another key for the upstream, under load, without a restart: the journal has both, and after that only the new one."""
    pods = deployment.namespace.pods()
    changed = "gateway_api_key_changed_timestamp_seconds"
    before = [metric(deployment, pod, changed) for pod in pods]
    try:
        with load(deployment) as calls:
            set_key(deployment, cluster_deployment.SECOND_KEY)
            begun = time.monotonic()
            wait_for(lambda: all(metric(deployment, pod, changed) > old for pod, old in zip(pods, before)), 180,
                     "every pod has read the new key")
            seconds = time.monotonic() - begun
        with load(deployment) as after:
            time.sleep(5)
    finally:
        set_key(deployment, cluster_deployment.FIRST_KEY)
    assert_balanced(calls.account)
    assert_balanced(after.account)
    if set(calls.account["journal"]["keys"]) != {"first", "second"} or set(after.account["journal"]["keys"]) != {"second"}:
        raise Failed(f"keys in the journal: {calls.account['journal']['keys']}, then {after.account['journal']['keys']}")
    return f"read by every pod after {seconds:.0f} s, keys {calls.account['journal']['keys']}; {summary(calls.account)}", calls.account


# Prints the serial number of the certificate that the pod at this address presents on a new connection.
SERIAL = """
import socket, ssl, sys
context = ssl.create_default_context(cafile="/tls/ca.crt")
context.load_cert_chain("/tls/tls.crt", "/tls/tls.key")
context.set_alpn_protocols(["h2"])
with context.wrap_socket(socket.create_connection((sys.argv[1], 50051), 5), server_hostname="evalrun-gateway") as served:
    print(served.getpeercert()["serialNumber"])
"""


def certificate_rotation(deployment):
    """The certificate is replaced under load, and every pod presents the new one without a restart."""
    with load(deployment) as calls:
        addresses = [pod["status"]["podIP"] for pod in deployment.namespace.pods()]
        before = {calls.python(SERIAL, address) for address in addresses}
        deployment.secrets[0] = deployment.authority.server()
        deployment.namespace.apply(deployment.secrets[0])
        begun = time.monotonic()
        wait_for(lambda: before.isdisjoint(calls.python(SERIAL, address) for address in addresses), 180,
                 "every pod serves the new certificate")
        seconds = time.monotonic() - begun
        time.sleep(25)  # all connections with the old certificate have ended
    assert_balanced(calls.account)
    if len(before) != 1 or {pod["status"]["podIP"] for pod in deployment.namespace.pods()} != set(addresses):
        raise Failed(f"pods were replaced, or served different certificates before: {before}")
    return f"served by every pod after {seconds:.0f} s; {summary(calls.account)}", calls.account


def backend_restart(deployment):
    with load(deployment) as calls:
        deployment.namespace.run("rollout", "restart", "deployment/evalrun-backend")
        deployment.namespace.rolled_out("evalrun-backend")
        deployment.namespace.settle(1, "evalrun-backend")
    assert_balanced(calls.account)
    return summary(calls.account), calls.account


def evict(deployment, pod):
    name = pod["metadata"]["name"]
    return run("create", "--raw", f"/api/v1/namespaces/{deployment.namespace.name}/pods/{name}/eviction", "--filename=-",
               check=False, stdin=json.dumps({"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {
                   "name": name, "namespace": deployment.namespace.name}}))


def disruption_budget(deployment):
    """The first eviction is allowed, the second refused."""
    deployment.namespace.settle(cluster_deployment.REPLICAS)
    first, second = (evict(deployment, pod) for pod in deployment.namespace.pods()[:2])
    deployment.namespace.settle(cluster_deployment.REPLICAS)
    if first.returncode:
        raise Failed(f"the first eviction was refused: {first.stderr}")
    if second.returncode == 0 or "disruption budget" not in second.stderr:
        raise Failed(f"the second eviction was not refused: {second.stdout or second.stderr}")
    return "second eviction refused", None


def identity(deployment):
    """The identity of the process, by /proc from a debug container, and the limits within its own container."""
    pod = deployment.namespace.pods()[0]["metadata"]["name"]
    deployment.namespace.run("debug", pod, "--target=gateway", "--container=debug", "--profile=restricted", "--quiet", "--attach=false",
                    f"--image={deployment.images.caller}", f"--image-pull-policy={deployment.images.pull_policy}", "--",
                    "sh", "-c", "cat /proc/1/status; echo end")
    text = wait_for(lambda: (log := deployment.namespace.run("logs", pod, "--container=debug", check=False).stdout).endswith("end\n") and log,
                    60, "the output of the debug container")
    facts = dict(re.findall(r"^(\w+):\t(.*)$", text, re.M))

    def within(*command):
        done = deployment.namespace.run("exec", pod, "--container=gateway", "--", *command, check=False)
        return done.stdout + done.stderr

    written = within("evalrunctl", "delete", str(uuid.uuid4()), "--done-file", "/done")
    shell = within("sh", "-c", "echo a shell")
    found = {
        f"{facts['Name']}, uid 65532": set(facts["Uid"].split()) == {"65532"},
        "gid 65532": set(facts["Gid"].split()) == {"65532"},
        "no capabilities": {int(facts[cap], 16) for cap in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")} == {0},
        "seccomp filter": facts["Seccomp"] == "2", "no new privileges": facts["NoNewPrivs"] == "1",
        "root read-only": "Read-only file system" in written, "no shell": "no such file" in shell or "not found" in shell,
    }
    # The debug container is deleted with the pod.
    deployment.namespace.run("delete", "pod", pod, "--wait=false")
    deployment.namespace.settle(cluster_deployment.REPLICAS)
    if not all(found.values()):
        raise Failed(f"not so: {[name for name, is_so in found.items() if not is_so]}: {text} {written} {shell}")
    return ", ".join(found), None


def frozen_process(deployment):
    """The liveness probe restarts a process that got SIGSTOP."""
    template = deployment.namespace.get(GATEWAY)["spec"]["template"]
    spec = {**template["spec"], "shareProcessNamespace": True, "topologySpreadConstraints": []}
    helper = {"name": "helper", "image": deployment.images.caller, "imagePullPolicy": deployment.images.pull_policy,
              "command": ["sleep", "600"], "securityContext": spec["containers"][0]["securityContext"]}
    spec["containers"] = [*spec["containers"], helper]
    deployment.namespace.apply({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "frozen"}, "spec": spec})
    deployment.namespace.run("wait", "pod/frozen", "--for=condition=Ready", "--timeout=90s")
    begun = time.monotonic()
    deployment.namespace.run("exec", "frozen", "--container=helper", "--", "sh", "-c",
                    'for p in /proc/[0-9]*; do case $(cat $p/comm) in evalrun-gateway) kill -STOP ${p#/proc/};; esac; done')

    def again():
        status = deployment.namespace.get("pod", "frozen")
        gateway = next(s for s in status["status"]["containerStatuses"] if s["name"] == "gateway")
        return gateway["restartCount"] == 1 and gateway["ready"]
    wait_for(again, 120, "the frozen process is replaced")
    seconds = time.monotonic() - begun
    deployment.namespace.run("delete", "pod", "frozen", "--grace-period=1")
    return f"replaced and ready after {seconds:.0f} s", None
