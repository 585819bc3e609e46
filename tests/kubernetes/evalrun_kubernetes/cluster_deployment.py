# SPDX-License-Identifier: Apache-2.0
"""The deployment under test: the development overlay in its own namespace, with a backend whose data outlives its pod."""

import dataclasses
import json
import pathlib
import shutil
import tempfile
import uuid

from evalrun_kubernetes.certificates import Authority
from evalrun_kubernetes.kubectl import Namespace, run

TOP = pathlib.Path(__file__).resolve().parents[3]
REPLICAS = 2
CONNECTION_AGE = "20s"  # short, so that connections end within a phase
FIRST_KEY, SECOND_KEY = "sample-key-not-a-secret", "second-key-not-a-secret"


@dataclasses.dataclass(frozen=True)
class Images:
    gateway: str
    backend: str
    caller: str
    pull_policy: str


@dataclasses.dataclass
class ClusterDeployment:
    namespace: Namespace
    images: Images
    storage_path: str
    storage_node: str
    nodes: list
    authority: Authority
    secrets: list  # for mTLS
    last_account: dict = None  # of the latest load

    @property
    def caller_node(self):
        """The node of the callers: that of the backend, so that draining another node affects only gateways."""
        return self.storage_node

    @property
    def drained_node(self):
        others = [node for node in self.nodes if node != self.storage_node]
        return others[0] if others else None


def image(name, full):
    """An entry of kustomize's `images`."""
    if "@" in full:
        new, digest = full.split("@")
        return {"name": name, "newName": new, "digest": digest}
    new, tag = full.rsplit(":", 1)
    return {"name": name, "newName": new, "newTag": tag}


def seed():
    """The sample data, with a second API key for the gateway, and one for creating runs."""
    data = json.loads((TOP / "deploy/sample-data.json").read_text())
    first = data["api_keys"][0]
    assert first["key"] == FIRST_KEY
    data["api_keys"] = [{**first, "name": name, "key": key} for name, key in (
        ("first", FIRST_KEY), ("second", SECOND_KEY), ("maker", "maker-key-not-a-secret"))]
    return data


def manifests(deployment, connection_age):
    """The manifests of the test's overlay, built by kubectl's kustomize."""
    flags = [f"--server-max-connection-age={connection_age}", "--tls-certificate-file=/etc/evalrun-gateway-tls/tls.crt",
             "--tls-key-file=/etc/evalrun-gateway-tls/tls.key", "--tls-client-ca-file=/etc/evalrun-gateway-tls/ca.crt",
             "--tls-client-certificates=required"]
    flags = [{"op": "add", "path": "/spec/template/spec/containers/0/args/-", "value": flag} for flag in flags]
    pull = [{"op": "add", "path": "/spec/template/spec/containers/0/imagePullPolicy", "value": deployment.images.pull_policy}]
    overlay = {
        "apiVersion": "kustomize.config.k8s.io/v1beta1", "kind": "Kustomization", "namespace": deployment.namespace.name,
        "resources": ["../development", "storage.yaml", "secrets.yaml"],
        "components": ["../../components/plain-prometheus", "../../components/tls"],
        "labels": [{"pairs": {"evalrun-test": deployment.namespace.name}, "includeTemplates": True}],
        "replicas": [{"name": "evalrun-gateway", "count": REPLICAS}],
        "images": [image("evalrun-gateway", deployment.images.gateway), image("evalrun-backend", deployment.images.backend)],
        "configMapGenerator": [{"name": "backend-seed", "files": ["seed.json"],
                                "options": {"disableNameSuffixHash": True}}],
        "patches": [{"path": "backend.yaml"},
                    {"target": {"kind": "Deployment"}, "patch": json.dumps(pull)},
                    {"target": {"kind": "Deployment", "name": "evalrun-gateway"}, "patch": json.dumps(flags)}],
    }
    claim = {
        "apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "backend"},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
    }
    if deployment.storage_path:
        claim["spec"].update(storageClassName="", volumeName=deployment.namespace.name)
    # During a rolling restart two backends use the same database, which SQLite's locks allow on one node.
    backend = {
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "evalrun-backend"},
        "spec": {
            "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1}},
            "template": {"spec": {
                "affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [
                    {"matchExpressions": [{"key": "kubernetes.io/hostname", "operator": "In",
                                           "values": [deployment.storage_node]}]}]}}},
                "containers": [{
                    "name": "backend",
                    "args": ["--listen", "0.0.0.0:8080", "--admin-listen", "0.0.0.0:8081", "--seed", "/seed/seed.json",
                             "--database", f"/data/{deployment.namespace.name}.db"],
                    "volumeMounts": [{"name": "seed", "mountPath": "/seed"}]}],
                "volumes": [{"name": "seed", "configMap": {"name": "backend-seed"}},
                            {"name": "data", "emptyDir": None, "persistentVolumeClaim": {"claimName": "backend"}}],
            }},
        },
    }
    with tempfile.TemporaryDirectory() as folder:
        for part in ("kubernetes", "prometheus", "grafana"):
            shutil.copytree(TOP / "deploy" / part, pathlib.Path(folder) / part)
        here = pathlib.Path(folder) / "kubernetes/overlays/test"
        here.mkdir()
        for name, content in (("kustomization.yaml", overlay), ("storage.yaml", claim),
                              ("secrets.yaml", {"apiVersion": "v1", "kind": "List", "items": deployment.secrets}), ("backend.yaml", backend),
                              ("seed.json", seed())):
            (here / name).write_text(json.dumps(content))
        return run("kustomize", str(here)).stdout


def make(images, storage_path, storage_node):
    """Creates the namespace and starts the deployment."""
    nodes = [node["metadata"]["name"] for node in json.loads(run("get", "nodes", "--output=json").stdout)["items"]
             if not node["spec"].get("unschedulable")]
    authority = Authority()
    deployment = ClusterDeployment(Namespace(f"evalrun-test-{uuid.uuid4().hex[:6]}"), images, storage_path, storage_node or nodes[0], nodes,
                  authority, [authority.server(), authority.client()])
    if storage_path:
        run("apply", "--filename=-", stdin=json.dumps({
            "apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": deployment.namespace.name},
            "spec": {"capacity": {"storage": "1Gi"}, "accessModes": ["ReadWriteOnce"], "storageClassName": "",
                     "persistentVolumeReclaimPolicy": "Retain", "hostPath": {"path": storage_path, "type": "Directory"},
                     "claimRef": {"namespace": deployment.namespace.name, "name": "backend"}}}))
    try:
        install(deployment)
    except BaseException:
        remove(deployment)
        raise
    return deployment


def install(deployment, connection_age=CONNECTION_AGE):
    """Applies the manifests, also to undo the changes of a phase, and waits until they are rolled out."""
    run("apply", "--server-side", "--force-conflicts", "--validate=strict", "--filename=-",
        stdin=manifests(deployment, connection_age))
    deployment.namespace.rolled_out("evalrun-backend")
    deployment.namespace.rolled_out("evalrun-gateway")


def remove(deployment):
    run("delete", "namespace", deployment.namespace.name, "--ignore-not-found", "--wait=true", "--timeout=180s", check=False)
    if deployment.storage_path:
        run("delete", "persistentvolume", deployment.namespace.name, "--ignore-not-found", "--wait=false", check=False)
