"""What a deployment goes through, one function a phase. Each leaves the deployment as it found it, raises kubectl.Failed
when something is not as it must be, and returns a line (and the account, where there was load)."""

import base64
import json
import re
import time
import uuid

from evalrun_kubernetes import world as worlds
from evalrun_kubernetes.kubectl import Failed, is_ready, run, wait_for
from evalrun_kubernetes.load import load, assert_balanced

GATEWAY = "deployment/evalrun-gateway"


def summary(account):
    slowest = {name: f"{caller['max_ms']:.0f}" for name, caller in account["callers"].items()}
    return f"slowest answer in ms: {', '.join(f'{name} {ms}' for name, ms in slowest.items())}"


def steady(world):
    """Both Services, and nothing else happens."""
    with load(world) as calls:
        time.sleep(10)
    assert_balanced(calls.account)
    return summary(calls.account), calls.account


def rolling_restart(world):
    with load(world) as calls:
        world.space.run("rollout", "restart", GATEWAY)
        world.space.rolled_out("evalrun-gateway")
        world.space.settle(worlds.REPLICAS)
    assert_balanced(calls.account)
    return summary(calls.account), calls.account


def rollback(world):
    """An upgrade that does not start takes nothing away, and is undone."""
    with load(world) as calls:
        world.space.patch(GATEWAY, [{"op": "add", "path": "/spec/template/spec/containers/0/args/-",
                                     "value": "--no-such-flag"}], kind="json")
        wait_for(lambda: any(status.get("lastState", {}).get("terminated", {}).get("exitCode") == 2
                             for pod in world.space.pods() for status in pod["status"].get("containerStatuses", [])),
                 60, "the broken upgrade ends with exit status 2")
        if sum(is_ready(pod) for pod in world.space.pods()) < worlds.REPLICAS:
            raise Failed("the broken upgrade has taken a pod away")
        world.space.run("rollout", "undo", GATEWAY)
        world.space.settle(worlds.REPLICAS)
    assert_balanced(calls.account)
    return summary(calls.account), calls.account


def node_drain(world):
    node = world.drained_node
    if not node:
        return "skipped: the cluster has one node", None
    if len({pod["spec"]["nodeName"] for pod in world.space.pods()}) != worlds.REPLICAS:
        raise Failed("the pods are not spread over the nodes")
    with load(world) as calls:
        try:
            run("drain", node, "--ignore-daemonsets", "--delete-emptydir-data", "--timeout=300s",
                "--pod-selector=app.kubernetes.io/name=evalrun-gateway")
            world.space.settle(worlds.REPLICAS)
        finally:
            run("uncordon", node)
    assert_balanced(calls.account)
    # Spread again.
    world.space.run("rollout", "restart", GATEWAY)
    world.space.rolled_out("evalrun-gateway")
    return f"{node}; {summary(calls.account)}", calls.account


def metric(world, pod, name, label=""):
    """The sum of a pod's samples of this name that have this text among their labels."""
    metrics = world.space.proxy(pod["metadata"]["name"], 9090, "/metrics")
    return sum(float(line.rsplit(" ", 1)[1]) for line in metrics.splitlines()
               if re.match(rf"{name}[{{ ]", line) and label in line)


def calls_of(world, pod):
    """How many calls a pod has answered."""
    return metric(world, pod, "grpc_server_handled_total", "DeleteEvalRun")


def reached_by_scaling(world):
    """Scales to 4 pods and back under callers that keep their connections: how many calls each new pod got, and the account."""
    with load(world, {"headless": 100, "cluster-ip": 100}) as calls:
        before = {pod["metadata"]["name"] for pod in world.space.pods()}
        world.space.run("scale", GATEWAY, "--replicas=4")
        world.space.settle(4)
        time.sleep(50)
        added = [pod for pod in world.space.pods() if pod["metadata"]["name"] not in before]
        reached = [int(calls_of(world, pod)) for pod in added]
        world.space.run("scale", GATEWAY, f"--replicas={worlds.REPLICAS}")
        world.space.settle(worlds.REPLICAS)
    return reached, calls.account


def scale(world):
    """Out: connections end by age, and their callers find the new pods. In: nothing is lost."""
    reached, account = reached_by_scaling(world)
    assert_balanced(account)
    if len(reached) != 2 or not all(reached):
        raise Failed(f"the new pods have answered {reached} calls")
    return f"new pods answered {reached} calls; {summary(account)}", account


def autoscaling(world):
    """By CPU: requests are made so small (10m) that 200 calls a second are far above the target."""
    hpa = {
        "apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": {"name": "evalrun-gateway"},
        "spec": {"scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "evalrun-gateway"},
                 "minReplicas": worlds.REPLICAS, "maxReplicas": worlds.REPLICAS + 2,
                 "metrics": [{"type": "Resource", "resource": {
                     "name": "cpu", "target": {"type": "Utilization", "averageUtilization": 100}}}],
                 "behavior": {"scaleDown": {"stabilizationWindowSeconds": 15}}},
    }
    world.space.patch(GATEWAY, {"spec": {"template": {"spec": {"containers": [
        {"name": "gateway", "resources": {"requests": {"cpu": "10m"}}}]}}}})
    world.space.rolled_out("evalrun-gateway")
    try:
        with load(world) as calls:
            world.space.apply(hpa)
            wait_for(lambda: len(world.space.pods()) > worlds.REPLICAS, 180, "the autoscaler adds pods")
            most = len(world.space.pods())
            time.sleep(10)
        wait_for(lambda: len(world.space.pods()) == worlds.REPLICAS, 300, "the autoscaler takes them away again")
    finally:
        world.space.run("delete", "hpa", "evalrun-gateway", "--ignore-not-found")
        worlds.install(world)
    assert_balanced(calls.account)
    return f"{worlds.REPLICAS} -> {most} -> {worlds.REPLICAS} pods; {summary(calls.account)}", calls.account


def set_key(world, key):
    world.space.patch("secret/evalrun-gateway-key", {"data": {"api-key": base64.b64encode(key.encode()).decode()}})


def key_rotation(world):
    """Another key for the upstream, under load, without a restart: the journal has both, and after that only the new one."""
    pods = world.space.pods()
    changed = "gateway_api_key_changed_timestamp_seconds"
    before = [metric(world, pod, changed) for pod in pods]
    try:
        with load(world) as calls:
            set_key(world, worlds.SECOND_KEY)
            begun = time.monotonic()
            wait_for(lambda: all(metric(world, pod, changed) > old for pod, old in zip(pods, before)), 180,
                     "every pod has read the new key")
            seconds = time.monotonic() - begun
        with load(world) as after:
            time.sleep(5)
    finally:
        set_key(world, worlds.FIRST_KEY)
    assert_balanced(calls.account)
    assert_balanced(after.account)
    if set(calls.account["journal"]["keys"]) != {"first", "second"} or set(after.account["journal"]["keys"]) != {"second"}:
        raise Failed(f"keys in the journal: {calls.account['journal']['keys']}, then {after.account['journal']['keys']}")
    return f"read by every pod after {seconds:.0f} s, keys {calls.account['journal']['keys']}; {summary(calls.account)}", calls.account


# Prints the serial number of the certificate that the pod at this address serves to a connection that is made now.
SERIAL = """
import socket, ssl, sys
context = ssl.create_default_context(cafile="/tls/ca.crt")
context.load_cert_chain("/tls/tls.crt", "/tls/tls.key")
context.set_alpn_protocols(["h2"])
with context.wrap_socket(socket.create_connection((sys.argv[1], 50051), 5), server_hostname="evalrun-gateway") as served:
    print(served.getpeercert()["serialNumber"])
"""


def certificate_rotation(world):
    """Another certificate, under load, without a restart: every pod comes to serve it."""
    with load(world) as calls:
        addresses = [pod["status"]["podIP"] for pod in world.space.pods()]
        before = {calls.python(SERIAL, address) for address in addresses}
        world.secrets[0] = world.authority.server()
        world.space.apply(world.secrets[0])
        begun = time.monotonic()
        wait_for(lambda: before.isdisjoint(calls.python(SERIAL, address) for address in addresses), 180,
                 "every pod serves the new certificate")
        seconds = time.monotonic() - begun
        time.sleep(25)  # every connection that was made with the old one has ended
    assert_balanced(calls.account)
    if len(before) != 1 or {pod["status"]["podIP"] for pod in world.space.pods()} != set(addresses):
        raise Failed(f"pods were replaced, or served different certificates before: {before}")
    return f"served by every pod after {seconds:.0f} s; {summary(calls.account)}", calls.account


def backend_restart(world):
    with load(world) as calls:
        world.space.run("rollout", "restart", "deployment/evalrun-backend")
        world.space.rolled_out("evalrun-backend")
        world.space.settle(1, "evalrun-backend")
    assert_balanced(calls.account)
    return summary(calls.account), calls.account


def evict(world, pod):
    name = pod["metadata"]["name"]
    return run("create", "--raw", f"/api/v1/namespaces/{world.space.name}/pods/{name}/eviction", "--filename=-",
               check=False, stdin=json.dumps({"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {
                   "name": name, "namespace": world.space.name}}))


def disruption_budget(world):
    """The first eviction is allowed, the second refused."""
    world.space.settle(worlds.REPLICAS)
    first, second = (evict(world, pod) for pod in world.space.pods()[:2])
    world.space.settle(worlds.REPLICAS)
    if first.returncode:
        raise Failed(f"the first eviction was refused: {first.stderr}")
    if second.returncode == 0 or "disruption budget" not in second.stderr:
        raise Failed(f"the second eviction was not refused: {second.stdout or second.stderr}")
    return "second eviction refused", None


def identity(world):
    """What the process is: by /proc, from a container that is added to its pod, and by what cannot be done in its own."""
    pod = world.space.pods()[0]["metadata"]["name"]
    world.space.run("debug", pod, "--target=gateway", "--container=look", "--profile=restricted", "--quiet", "--attach=false",
                    f"--image={world.images.caller}", f"--image-pull-policy={world.images.pull_policy}", "--",
                    "sh", "-c", "cat /proc/1/status; echo end")
    text = wait_for(lambda: (log := world.space.run("logs", pod, "--container=look", check=False).stdout).endswith("end\n") and log,
                    60, "the look into /proc")
    facts = dict(re.findall(r"^(\w+):\t(.*)$", text, re.M))

    def within(*command):
        done = world.space.run("exec", pod, "--container=gateway", "--", *command, check=False)
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
    # The pod goes, and the container that was added with it.
    world.space.run("delete", "pod", pod, "--wait=false")
    world.space.settle(worlds.REPLICAS)
    if not all(found.values()):
        raise Failed(f"not so: {[name for name, is_so in found.items() if not is_so]}: {text} {written} {shell}")
    return ", ".join(found), None


def frozen_process(world):
    """A process that is stopped in its tracks is replaced by its liveness probe."""
    template = world.space.get(GATEWAY)["spec"]["template"]
    spec = {**template["spec"], "shareProcessNamespace": True, "topologySpreadConstraints": []}
    helper = {"name": "helper", "image": world.images.caller, "imagePullPolicy": world.images.pull_policy,
              "command": ["sleep", "600"], "securityContext": spec["containers"][0]["securityContext"]}
    spec["containers"] = [*spec["containers"], helper]
    world.space.apply({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "frozen"}, "spec": spec})
    world.space.run("wait", "pod/frozen", "--for=condition=Ready", "--timeout=90s")
    begun = time.monotonic()
    world.space.run("exec", "frozen", "--container=helper", "--", "sh", "-c",
                    'for p in /proc/[0-9]*; do case $(cat $p/comm) in evalrun-gateway) kill -STOP ${p#/proc/};; esac; done')

    def again():
        status = world.space.get("pod", "frozen")
        gateway = next(s for s in status["status"]["containerStatuses"] if s["name"] == "gateway")
        return gateway["restartCount"] == 1 and gateway["ready"]
    wait_for(again, 120, "the frozen process is replaced")
    seconds = time.monotonic() - begun
    world.space.run("delete", "pod", "frozen", "--grace-period=1")
    return f"replaced and ready after {seconds:.0f} s", None
