# SPDX-License-Identifier: Apache-2.0
"""The rules for all manifests of deploy/kubernetes, besides their schemas. Pure: from objects to sentences."""

import re

import yaml

_SECONDS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600}


def seconds(duration):
    number, unit = re.fullmatch(r"(\d+)(ms|s|m|h)", str(duration)).groups()
    return int(number) * _SECONDS[unit]


def selects(selector, labels):
    return bool(selector) and selector.items() <= labels.items()


def image_violations(image):
    name, _, tag = image.rpartition("/")[2].partition(":")
    if "@sha256:" in image:
        return
    if not tag or tag == "latest":
        yield f"image {name} has no fixed tag"


def container_violations(container, probes=True):
    name = container["name"]
    for why in image_violations(container["image"]):
        yield f"{name}: {why}"
    resources = container.get("resources", {})
    for kind in ("requests", "limits"):
        for resource in ("cpu", "memory"):
            if resource not in resources.get(kind, {}):
                yield f"{name}: no {kind} of {resource}"
    for probe in ("readinessProbe", "livenessProbe"):
        if probes and "httpGet" not in container.get(probe, {}):
            yield f"{name}: no {probe} by HTTP"
    context = container.get("securityContext", {})
    if context.get("allowPrivilegeEscalation") is not False:
        yield f"{name}: allowPrivilegeEscalation is not false"
    if context.get("readOnlyRootFilesystem") is not True:
        yield f"{name}: the root file system is not read-only"
    if context.get("capabilities", {}).get("drop") != ["ALL"]:
        yield f"{name}: not all capabilities are dropped"


def pod_violations(spec):
    context = spec.get("securityContext", {})
    if context.get("runAsNonRoot") is not True or not context.get("runAsUser"):
        yield "the user may be root"
    if context.get("seccompProfile", {}).get("type") != "RuntimeDefault":
        yield "no seccomp profile"
    if spec.get("automountServiceAccountToken") is not False:
        yield "a token of the Kubernetes API is mounted"
    for key in ("hostNetwork", "hostPID", "hostIPC"):
        if spec.get(key):
            yield f"{key} is set"
    for container in spec["containers"]:
        yield from container_violations(container)


def drain_violations(spec, config):
    """The termination grace period must be longer than the gateway's shutdown."""
    drain = yaml.safe_load(config).get("drain", {})
    needed = seconds(drain.get("delay", "0s")) + seconds(drain.get("timeout", "25s"))
    if spec.get("terminationGracePeriodSeconds", 30) <= needed:
        yield f"terminationGracePeriodSeconds is not longer than drain.delay and drain.timeout together, {needed} s"
    if seconds(drain.get("delay", "0s")) < 5:
        yield "drain.delay is too short for every node to be informed"


def selection_violations(objects):
    """Every selector must select the pods of a Deployment, and name ports that they have."""
    templates = [o["spec"]["template"] for o in objects if o["kind"] == "Deployment"]

    def pods(selector):
        return [t for t in templates if selects(selector, t["metadata"]["labels"])]

    for o in objects:
        name, spec = f"{o['kind']} {o['metadata']['name']}", o.get("spec", {})
        if o["kind"] == "Service":
            found, ports = pods(spec.get("selector")), [port["targetPort"] for port in spec["ports"]]
        elif o["kind"] == "PodMonitor":
            found, ports = pods(spec["selector"]["matchLabels"]), [e["port"] for e in spec["podMetricsEndpoints"]]
        elif o["kind"] == "PodDisruptionBudget":
            found, ports = pods(spec["selector"]["matchLabels"]), []
        elif o["kind"] == "NetworkPolicy":
            found = pods(spec["podSelector"]["matchLabels"])
            ports = [port["port"] for rule in spec.get("ingress", []) for port in rule.get("ports", [])]
        elif o["kind"] == "HorizontalPodAutoscaler":
            scaled = [d for d in objects if d["kind"] == "Deployment" and d["metadata"]["name"] == spec["scaleTargetRef"]["name"]]
            found, ports = [d["spec"]["template"] for d in scaled], []
            if any("replicas" in d["spec"] for d in scaled):
                yield f"{name}: the Deployment sets replicas, so that each apply would undo the scaling"
        else:
            continue
        if not found:
            yield f"{name} selects no pods"
        for template in found:
            named = {port["name"] for c in template["spec"]["containers"] for port in c.get("ports", [])}
            for port in set(ports) - named:
                yield f"{name}: the pods have no port {port}"


def violations(objects):
    """Yields a sentence for each violation."""
    configs = {o["metadata"]["name"]: o["data"] for o in objects if o["kind"] == "ConfigMap"}
    for o in objects:
        name = f"{o['kind']} {o['metadata']['name']}"
        if o["kind"] == "Deployment":
            spec = o["spec"]["template"]["spec"]
            for why in pod_violations(spec):
                yield f"{name}: {why}"
            if o["metadata"]["name"] == "evalrun-gateway":
                for why in drain_violations(spec, configs["evalrun-gateway"]["gateway.yaml"]):
                    yield f"{name}: {why}"
        elif o["kind"] == "Namespace":
            if o["metadata"].get("labels", {}).get("pod-security.kubernetes.io/enforce") != "restricted":
                yield f"{name}: Pod Security is not restricted"
        elif o["kind"] in ("Secret",) and o["metadata"].get("namespace") != "evalrun-development":
            yield f"{name}: a secret in the repository"
    yield from selection_violations(objects)
    for kind in ("PodDisruptionBudget", "NetworkPolicy", "ServiceAccount"):
        if not any(o["kind"] == kind for o in objects):
            yield f"there is no {kind}"
