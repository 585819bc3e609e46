# SPDX-License-Identifier: Apache-2.0
"""The rules for all manifests of deploy/kubernetes, besides their schemas. Pure: from objects to sentences."""

import ipaddress
import re

import yaml

_SECONDS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600}


# What an upstream on the internet is not: private addresses, and those of the link, with the cloud's metadata.
PRIVATE = {"0.0.0.0/0": ["10.0.0.0/8", "100.64.0.0/10", "169.254.169.254/32", "172.16.0.0/12", "192.168.0.0/16"],
           "::/0": ["fc00::/7", "fe80::/10", "fd00:ec2::254/128"]}


def ipaddresses(block):
    return [ipaddress.ip_network(each) for each in block.get("except", [])]


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


def drain_violations(config):
    """Nodes and callers must have time to learn of a pod's end."""
    drain = yaml.safe_load(config).get("drain", {})
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


def egress_violations(objects):
    """The gateway must reach every kind of cluster DNS, and an upstream on the internet over IPv4 and IPv6."""
    spec = next(o for o in objects if o["kind"] == "NetworkPolicy" and o["metadata"]["name"] == "evalrun-gateway")["spec"]

    def rules(port):
        return [peer for rule in spec["egress"] if port in [each["port"] for each in rule["ports"]] for peer in rule["to"]]
    names = [peer for peer in rules(53) if "podSelector" in peer]
    node_local = [peer for peer in rules(53) if peer.get("ipBlock", {}).get("cidr") == "169.254.20.10/32"]
    if not names or not node_local:
        yield "NetworkPolicy: no egress to the cluster's DNS, or none to NodeLocal DNSCache"
    internet = {peer["ipBlock"]["cidr"]: ipaddresses(peer["ipBlock"]) for peer in rules(443) if "ipBlock" in peer}
    if internet and set(internet) != {"0.0.0.0/0", "::/0"}:
        yield "NetworkPolicy: no egress to the internet over IPv4, or none over IPv6"
    for cidr, excepted in internet.items():
        for private in PRIVATE[cidr]:
            if not any(ipaddress.ip_network(private).subnet_of(each) for each in excepted):
                yield f"NetworkPolicy: egress to the private addresses {private}"


def peer_violations(objects):
    """Callers and cluster DNS are other pods than the gateway's: their selectors must not have its labels."""
    spec = next(o for o in objects if o["kind"] == "NetworkPolicy" and o["metadata"]["name"] == "evalrun-gateway")["spec"]
    peers = [peer for direction, side in (("ingress", "from"), ("egress", "to")) for rule in spec[direction] for peer in rule[side]]
    selectors = [peer["podSelector"].get("matchLabels", {}) for peer in peers if "podSelector" in peer]
    if {"evalrun-gateway/caller": "true"} not in selectors or {"k8s-app": "kube-dns"} not in selectors:
        yield "NetworkPolicy: does not select every caller and the pods of cluster DNS as peers"


def mesh_violations(objects):
    """A mesh may make a call again only where no gateway has had it: a response may be about a deleted run."""
    services = {o["metadata"]["name"] for o in objects
                if o["kind"] == "Service" and any(port["targetPort"] == "grpc" for port in o["spec"]["ports"])}
    routes = [o for o in objects if o["kind"] == "VirtualService"]
    for o in routes:
        for route in o["spec"]["http"]:
            if set(route.get("retries", {}).get("retryOn", "").split(",")) != {"connect-failure", "refused-stream"}:
                yield f"VirtualService {o['metadata']['name']}: retries what a gateway has responded to"
    if routes and {host for o in routes for host in o["spec"]["hosts"]} != services - {"evalrun-backend"}:
        yield "VirtualService: not one for each Service"
    for o in objects:
        if o["kind"] == "PeerAuthentication" and o["spec"]["mtls"]["mode"] != "STRICT":
            yield f"PeerAuthentication {o['metadata']['name']}: plaintext is accepted"


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
                for why in drain_violations(configs["evalrun-gateway"]["gateway.yaml"]):
                    yield f"{name}: {why}"
        elif o["kind"] == "Namespace":
            if o["metadata"].get("labels", {}).get("pod-security.kubernetes.io/enforce") != "restricted":
                yield f"{name}: Pod Security is not restricted"
        elif o["kind"] in ("Secret",) and o["metadata"].get("namespace") != "evalrun-development":
            yield f"{name}: a secret in the repository"
    yield from selection_violations(objects)
    yield from egress_violations(objects)
    yield from peer_violations(objects)
    yield from mesh_violations(objects)
    for kind in ("PodDisruptionBudget", "NetworkPolicy", "ServiceAccount"):
        if not any(o["kind"] == kind for o in objects):
            yield f"there is no {kind}"
