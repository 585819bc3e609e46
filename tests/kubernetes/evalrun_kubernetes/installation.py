# SPDX-License-Identifier: Apache-2.0
"""Phases that install what users install: an overlay over `overlays/production`, and the Helm chart. Each in a namespace of
its own, with the bundled backend in place of Aymara's API."""

import base64
import contextlib
import dataclasses
import json
import os
import pathlib
import shutil
import subprocess
import tempfile
import time

from evalrun_kubernetes import cluster_deployment
from evalrun_kubernetes.kubectl import Failed, Namespace, run
from evalrun_kubernetes.load import assert_balanced, load
from evalrun_kubernetes.phases import summary

# What has to be filled in. The limit is divided among 13 pods, and one of 3 may get all calls.
CONFIG = {
    "upstream": {"url": "http://evalrun-backend:8080/v2"},
    "authorization": {"rules": [{"identities": ["dns:caller.test"], "workspaces": ["*", "(unset)"]}]},
    "limits": {"rules": [{"name": "caller", "by": "caller", "rate": "600000/m", "burst": 10000}]},
}


@contextlib.contextmanager
def prepared(deployment, suffix):
    """A new namespace with the Secrets and the backend, as a deployment for `load`. The NetworkPolicy of production does not
    allow the backend, so one is added that does."""
    namespace = Namespace(f"{deployment.namespace.name}-{suffix}")
    run("apply", "--server-side", "--filename=-", stdin=json.dumps({
        "apiVersion": "v1", "kind": "Namespace", "metadata": {
            "name": namespace.name, "labels": {"pod-security.kubernetes.io/enforce": "restricted"}}}))
    try:
        seed = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "backend-seed"},
                "data": {"seed.json": json.dumps(cluster_deployment.seed())}}
        key = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "evalrun-gateway-key"},
               "data": {"api-key": base64.b64encode(cluster_deployment.FIRST_KEY.encode()).decode()}}
        egress = {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": {"name": "to-the-backend"},
                  "spec": {"podSelector": {"matchLabels": {"app.kubernetes.io/name": "evalrun-gateway"}}, "policyTypes": ["Egress"],
                           "egress": [{"to": [{"podSelector": {"matchLabels": {"app.kubernetes.io/name": "evalrun-backend"}}}]}]}}
        namespace.apply(seed, key, egress, *deployment.secrets)
        namespace.run("apply", "--server-side", "--filename=-", stdin=backend(deployment))
        yield dataclasses.replace(deployment, namespace=namespace)
    finally:
        run("delete", "namespace", namespace.name, "--ignore-not-found", "--wait=true", "--timeout=180s", check=False)


def backend(deployment):
    """The backend of the development overlay, with the test's seed."""
    with tempfile.TemporaryDirectory() as folder:
        shutil.copy(cluster_deployment.TOP / "deploy/kubernetes/overlays/development/backend.yaml", folder)
        patch = [
            {"op": "add", "path": "/spec/template/spec/containers/0/imagePullPolicy", "value": deployment.images.pull_policy},
            {"op": "replace", "path": "/spec/template/spec/containers/0/args/7", "value": "/seed/seed.json"},
            {"op": "add", "path": "/spec/template/spec/containers/0/volumeMounts/-", "value": {"name": "seed", "mountPath": "/seed"}},
            {"op": "add", "path": "/spec/template/spec/volumes/-", "value": {"name": "seed", "configMap": {"name": "backend-seed"}}}]
        (pathlib.Path(folder) / "kustomization.yaml").write_text(json.dumps({
            "resources": ["backend.yaml"], "images": [cluster_deployment.image("evalrun-backend", deployment.images.backend)],
            "patches": [{"target": {"kind": "Deployment"}, "patch": json.dumps(patch)}]}))
        return run("kustomize", folder).stdout


def production_config():
    """gateway.yaml of overlays/production, filled in."""
    text = (cluster_deployment.TOP / "deploy/kubernetes/overlays/production/gateway.yaml").read_text()
    for hole, value in (("identities: [REPLACE-ME]", 'identities: ["dns:caller.test"]'),
                        ("workspaces: [REPLACE-ME]", 'workspaces: ["*", "(unset)"]'),
                        ("rate: REPLACE-ME, burst: 100", "rate: 600000/m, burst: 10000"),
                        ("https://api.aymara.ai/v2", CONFIG["upstream"]["url"])):
        assert text.count(hole) == 1, hole
        text = text.replace(hole, value)
    return text


def production_overlay(deployment):
    """The overlay of deploy/README.md, with a filled-in gateway.yaml."""
    with prepared(deployment, "production") as installed, tempfile.TemporaryDirectory() as folder:
        here = pathlib.Path(folder)
        for part in ("kubernetes", "prometheus", "grafana"):
            shutil.copytree(cluster_deployment.TOP / "deploy" / part, here / "evalrun-gateway/deploy" / part)
        (here / "gateway.yaml").write_text(production_config())
        pull = [{"op": "add", "path": "/spec/template/spec/containers/0/imagePullPolicy", "value": deployment.images.pull_policy}]
        (here / "kustomization.yaml").write_text(json.dumps({
            "apiVersion": "kustomize.config.k8s.io/v1beta1", "kind": "Kustomization", "namespace": installed.namespace.name,
            "resources": ["evalrun-gateway/deploy/kubernetes/overlays/production"],
            "components": ["evalrun-gateway/deploy/kubernetes/components/autoscaling"],
            "configMapGenerator": [{"name": "evalrun-gateway", "namespace": "evalrun", "behavior": "merge",
                                    "options": {"disableNameSuffixHash": True}, "files": ["gateway.yaml"]}],
            "images": [cluster_deployment.image("evalrun-gateway", deployment.images.gateway)],
            "patches": [{"target": {"kind": "Deployment"}, "patch": json.dumps(pull)}]}))
        run("apply", "--server-side", "--validate=strict", "--kustomize", folder)
        installed.namespace.rolled_out("evalrun-backend")
        installed.namespace.rolled_out("evalrun-gateway")
        with load(installed) as calls:
            time.sleep(10)
        deployment.last_account = calls.account
        assert_balanced(calls.account)
        return f"{len(installed.namespace.pods())} pods; {summary(calls.account)}", calls.account


def helm(deployment):
    """`helm install`, an upgrade and a rollback under load, and `helm uninstall`, which leaves nothing of the chart."""
    program = os.environ.get("HELM") or shutil.which("helm")
    if not program:
        return "skipped: there is no helm", None
    name, full = "evalrun-gateway", cluster_deployment.image("evalrun-gateway", deployment.images.gateway)
    values = {"replicas": cluster_deployment.REPLICAS, "config": CONFIG,
              "image": {"repository": full["newName"], "tag": full.get("newTag", ""), "digest": full.get("digest", ""),
                        "pullPolicy": deployment.images.pull_policy}}
    with prepared(deployment, "helm") as installed:
        def run_helm(*arguments):
            done = subprocess.run([program, *arguments, "--namespace", installed.namespace.name, "--wait", "--timeout=300s"],
                                  input=json.dumps(values), capture_output=True, text=True)
            if done.returncode:
                raise Failed(f"helm {' '.join(arguments)}: {done.stderr}")

        chart = (name, str(cluster_deployment.TOP / "deploy/helm/evalrun-gateway"), "--values=-")
        run_helm("install", *chart)
        installed.namespace.rolled_out("evalrun-backend")
        with load(installed) as calls:
            values["podAnnotations"] = {"evalrun-gateway/test": "upgraded"}
            run_helm("upgrade", *chart)
            run_helm("rollback", name, "1")
            installed.namespace.settle(cluster_deployment.REPLICAS)
        deployment.last_account = calls.account
        assert_balanced(calls.account)
        run_helm("uninstall", name)
        left = installed.namespace.run("get", "deployment,service,configmap,poddisruptionbudget,networkpolicy,serviceaccount",
                                       "--selector=app.kubernetes.io/name=evalrun-gateway", "--output=name").stdout
        if left:
            raise Failed(f"left after helm uninstall: {left}")
    return summary(calls.account), calls.account
