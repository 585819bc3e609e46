# SPDX-License-Identifier: Apache-2.0
"""Continuous deletions from a pod, and their account."""

import contextlib
import itertools
import json

from evalrun_kubernetes.kubectl import Failed, wait_for

_numbers = itertools.count(1)
# 200 calls per second in total.
USUAL = {"headless": 90, "cluster-ip": 90, "plain": 20}
TARGETS = {
    "headless": "dns:///evalrun-gateway-headless:50051",
    "cluster-ip": "dns:///evalrun-gateway:50051",
    "cluster-ip-health": "dns:///evalrun-gateway:50051",
    "plain": "dns:///evalrun-gateway:50051",
}


def pod(name, images, arguments, node=None):
    """A pod of the caller's image, for Pod Security `restricted`."""
    return {
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": name, "labels": {"evalrun-gateway/caller": "true", "app.kubernetes.io/name": "caller"}},
        "spec": {
            "restartPolicy": "Never", "automountServiceAccountToken": False, "enableServiceLinks": False,
            "terminationGracePeriodSeconds": 5,
            **({"nodeName": node} if node else {}),
            "securityContext": {"runAsNonRoot": True, "runAsUser": 65532, "fsGroup": 65532,
                                "seccompProfile": {"type": "RuntimeDefault"}},
            "containers": [{
                "name": "caller", "image": images.caller, "imagePullPolicy": images.pull_policy, "args": arguments,
                "volumeMounts": [{"name": "tls", "mountPath": "/tls", "readOnly": True}],
                "env": [{"name": "AYMARA_AI_API_KEY", "value": "maker-key-not-a-secret"}],
                "securityContext": {"allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True,
                                    "capabilities": {"drop": ["ALL"]}},
                "resources": {"requests": {"cpu": "100m", "memory": "128Mi"}, "limits": {"memory": "1Gi"}},
            }],
            "volumes": [{"name": "tls", "secret": {"secretName": "caller-tls", "defaultMode": 0o440}}],
        },
    }


class Load:
    """Calls from a new pod. `stop()` ends them and sets `account`."""

    def __init__(self, deployment, rates=None, service=None):
        self._deployment, self._namespace = deployment, deployment.namespace
        self._name, self.account = f"caller-{next(_numbers)}", None
        arguments = ["--backend=http://evalrun-backend:8080", "--journal=http://evalrun-backend:8081",
                     "--ca-file=/tls/ca.crt", "--cert-file=/tls/tls.crt", "--key-file=/tls/tls.key"]
        for kind, rate in (rates or USUAL).items():
            target = f"dns:///{service}:50051" if service else TARGETS[kind]
            arguments.append(f"--caller={kind}={target}@{rate}")
        self._namespace.apply(pod(self._name, deployment.images, arguments, deployment.caller_node))
        wait_for(self._is_calling, 90, f"responses to {self._name}")

    def _is_calling(self):
        status = self._namespace.get("pod", self._name)["status"]
        if status["phase"] == "Failed":  # by itself, or kubelet has rejected it
            raise Failed(f"{self._name} does not run: {status.get('message', '')} {self._log()[-2000:]}")
        return "calling" in self._log()

    def _log(self):
        return self._namespace.run("logs", self._name, check=False).stdout

    def python(self, code, *arguments):
        """Runs a Python program in the caller's container, and returns its output."""
        return self._namespace.run("exec", self._name, "--", "/src/build/python/bin/python", "-c", code, *arguments).stdout.strip()

    def stop(self):
        self._namespace.run("exec", self._name, "--", "sh", "-c", "kill -TERM 1")
        ended = wait_for(lambda: (phase := self._namespace.get("pod", self._name)["status"]["phase"]) != "Running" and phase,
                         150, f"{self._name} ends: {self._log()[-2000:]}")
        if ended != "Succeeded":
            raise Failed(f"{self._name} ended as {ended}: {self._log()[-2000:]}")
        self.account = self._deployment.last_account = json.loads(self._log().splitlines()[-1])["account"]
        self.remove()

    def remove(self):
        self._namespace.run("delete", "pod", self._name, "--wait=false", "--ignore-not-found")


@contextlib.contextmanager
def load(deployment, rates=None, service=None):
    """Makes calls during the block, through the usual Services or `service`. Afterwards the Load has its `account`."""
    calls = Load(deployment, rates, service)
    try:
        yield calls
        calls.stop()
    except BaseException:
        calls.remove()
        raise


def assert_balanced(account, min_calls=500, max_ms=5000):
    """Fails unless there are at least `min_calls`, all correct and none slower than `max_ms` milliseconds."""
    if account["failed"] or account["wrong"]:
        raise Failed(f"{account['failed']} failed, {account['wrong']} wrong: "
                     f"{json.dumps((account['wrongs'] + account['failures'])[:4])}")
    if account["calls"] < min_calls:
        raise Failed(f"only {account['calls']} calls were made")
    for name, caller in account["callers"].items():
        if not caller["calls"]:
            raise Failed(f"{name} made no calls")
        if caller["max_ms"] > max_ms:
            raise Failed(f"{name} waited {caller['max_ms']:.0f} ms for a response")
    if account["gone"] != account["journal"]["deleted"]:
        raise Failed(f"{account['gone']} runs were reported as gone, the journal has {account['journal']['deleted']} deletions")


def assert_losses(account):
    """For negative controls: fails unless calls could not connect, so that assert_balanced would find them failed. No response
    may be wrong even then."""
    if account["wrong"]:
        raise Failed(f"{account['wrong']} wrong: {json.dumps(account['wrongs'][:4])}")
    if not account["not_connected"]:
        raise Failed(f"of {account['calls']} calls {account['failed']} failed, and none for want of a connection: the check "
                     "would not have found the defect")
