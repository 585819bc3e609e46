# SPDX-License-Identifier: Apache-2.0
"""kubectl, in one namespace."""

import json
import subprocess
import time


class Failed(Exception):
    """A command or a check failed, or a condition was not met in time."""


def run(*arguments, stdin=None, check=True, timeout=600):
    done = subprocess.run(["kubectl", *arguments], input=stdin, capture_output=True, text=True, timeout=timeout)
    if check and done.returncode:
        raise Failed(f"kubectl {' '.join(arguments)}: {done.stderr.strip() or done.stdout.strip()}")
    return done


class Namespace:
    def __init__(self, name):
        self.name = name

    def run(self, *arguments, **options):
        return run("--namespace", self.name, *arguments, **options)

    def get(self, *arguments):
        return json.loads(self.run("get", *arguments, "--output=json").stdout)

    def apply(self, *objects):
        self.run("apply", "--server-side", "--force-conflicts", "--validate=strict", "--filename=-",
                 stdin=json.dumps({"apiVersion": "v1", "kind": "List", "items": list(objects)}))

    def patch(self, what, patch, kind="strategic"):
        self.run("patch", what, f"--type={kind}", "--patch", json.dumps(patch))

    def rolled_out(self, deployment, seconds=400):
        self.run("rollout", "status", f"deployment/{deployment}", f"--timeout={seconds}s", timeout=seconds + 30)

    def pods(self, name="evalrun-gateway"):
        """The pods that are not being deleted."""
        items = self.get("pods", f"--selector=app.kubernetes.io/name={name}")["items"]
        return [pod for pod in items if "deletionTimestamp" not in pod["metadata"]]

    def settle(self, count, name="evalrun-gateway", seconds=300):
        """Waits until there are `count` ready pods and no others, including pods that are being deleted."""
        def settled():
            items = self.get("pods", f"--selector=app.kubernetes.io/name={name}")["items"]
            return len(items) == count and all(is_ready(pod) for pod in items)
        wait_for(settled, seconds, f"{count} ready pods of {name}, and no others")

    def proxy(self, pod, port, path):
        return self.run("get", "--raw", f"/api/v1/namespaces/{self.name}/pods/{pod}:{port}/proxy{path}").stdout


def is_ready(pod):
    return any(c["type"] == "Ready" and c["status"] == "True" for c in pod["status"].get("conditions", []))


def wait_for(condition, seconds, what):
    """Polls until `condition()` is true, and returns its value."""
    end = time.monotonic() + seconds
    while True:
        result = condition()
        if result:
            return result
        if time.monotonic() > end:
            raise Failed(f"after {seconds} s not yet: {what}")
        time.sleep(1)
