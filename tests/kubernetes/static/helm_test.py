# SPDX-License-Identifier: Apache-2.0
"""deploy/helm renders the objects that deploy/kubernetes builds, for every overlay and component."""

import os
import pathlib
import re
import subprocess
import sys
import tarfile

import pytest
import yaml

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import api_server  # noqa: E402
import policy  # noqa: E402
from manifests import BUILT, HERE, TOP, build, by_kind, check_config, filled_in, gateway, objects, validate  # noqa: E402

CHART = TOP / "deploy/helm/evalrun-gateway"

# The values that choose the components of each composition. Those that the chart does not have: `development`, with the
# backend, and `tls`, which is `development` with TLS.
VALUES = {
    "cert-manager": {"certManager": {"enabled": True}},
    "files": {"upstreamKeys": {"enabled": True}, "auditFile": {"enabled": True}},
    "istio": {"mesh": "istio"},
    "operator": {"prometheusOperator": {"enabled": True}, "autoscaling": {"enabled": True}},
    "plain": {"plainPrometheus": {"enabled": True}},
    "production": {},
    "protected-runs": {"protectedRuns": {"enabled": True}},
    "production-mesh": {"mesh": "other"},
    "redis": {
        "redis": {"enabled": True},
        "config": {"limits": {"redis": {"address": "redis.example.com:6380", "tls": True, "timeout": "250ms",
                                        "ca_file": "/etc/evalrun-gateway-redis/ca.crt"}}},
        "networkPolicy": {"extraEgress": [{"to": [{"ipBlock": {"cidr": "10.20.0.0/16"}}],
                                           "ports": [{"port": 6380, "protocol": "TCP"}]}]}},
}
NOT_IN_THE_CHART = {"development"}


def helm(*arguments, values=None):
    """The completed process. The chart gets chart_values.yaml, which fills in what has to be, and then `values`."""
    options = ["--kube-version", "1.30", "--values", HERE / "chart_values.yaml"]
    if values is not None:
        options += ["--values", "-"]
    return subprocess.run([os.environ["HELM"], *arguments, *options], input=yaml.safe_dump(values or {}), capture_output=True,
                          text=True)


def render(values, chart=CHART, namespace="evalrun"):
    done = helm("template", "a-release", chart, "--namespace", namespace, values=values)
    assert done.returncode == 0, done.stderr
    return done.stdout


def comparable(built):
    """The objects by kind and name, without what is only order."""
    result = {}
    for o in built:
        if o["kind"] == "Namespace":  # `helm install --create-namespace`
            continue
        if o["kind"] == "Deployment":
            pod = o["spec"]["template"]["spec"]
            arguments = pod["containers"][0]["args"]
            pod["volumes"].sort(key=lambda each: each["name"])
            pod["containers"][0]["volumeMounts"].sort(key=lambda each: each["name"])
            arguments.sort()
            divided = any(argument.startswith("--limits-replicas") for argument in arguments)
        result[o["kind"], o["metadata"]["name"]] = o
    config = result["ConfigMap", "evalrun-gateway"]["data"]
    config["gateway.yaml"] = yaml.safe_load(config["gateway.yaml"])
    if divided:  # The flag counts.
        del config["gateway.yaml"]["limits"]["replicas"]
    return result


@pytest.mark.parametrize("folder", [each for each in BUILT if each.name not in NOT_IN_THE_CHART], ids=lambda folder: folder.name)
def test_chart_renders_what_kustomize_builds(folder):
    text = render(VALUES[folder.name])
    chart, manifests = comparable(objects(text)), comparable(objects(filled_in(build(folder))))
    assert chart.keys() == manifests.keys()
    for key in chart:
        assert chart[key] == manifests[key], key
    assert validate(text) == ""
    namespace = [o for o in objects(build(folder)) if o["kind"] == "Namespace"]
    assert not list(policy.violations(objects(text) + namespace))
    done = check_config(text)
    assert done.returncode == 0, done.stderr


def test_values():
    digest = f"sha256:{'1' * 64}"
    text = render({
        "image": {"repository": "registry.example/gw", "digest": digest, "pullSecrets": [{"name": "pull"}]},
        "autoscaling": {"enabled": True, "minReplicas": 2, "maxReplicas": 5},
        "config": {"upstream": {"timeout": "5s"}, "log": {"level": "warn"}, "limits": {"redis": {"address": "cache:6379"}}},
        "secrets": {"apiKey": "a", "tls": "t", "redis": "r"},
        "redis": {"enabled": True},
        "certManager": {"enabled": True, "issuerRef": {"kind": "Issuer", "name": "i"}},
        "plainPrometheus": {"enabled": True},
        "networkPolicy": {"extraEgress": [{"to": [{"ipBlock": {"cidr": "10.1.0.0/16"}}], "ports": [{"port": 3128}]}]},
        "resources": {"requests": {"cpu": "1"}}, "terminationGracePeriodSeconds": 90, "nodeSelector": {"a": "b"}, "tolerations": [{"key": "k"}],
        "podAnnotations": {"x": "v"}, "podLabels": {"team": "z"},
        "extraContainers": [{"name": "shipper", "image": "s:1"}],
    }, namespace="other")
    built = objects(text)
    assert validate(text) == "" and check_config(text).returncode == 0
    assert {o["metadata"]["namespace"] for o in built} == {"other"}
    pod = gateway(built)
    container, shipper = pod["containers"]
    assert container["image"] == f"registry.example/gw@{digest}" and pod["imagePullSecrets"] == [{"name": "pull"}]
    assert "--limits-replicas=6" in container["args"]
    assert container["resources"] == {"requests": {"cpu": "1"}} and shipper["name"] == "shipper"
    assert pod["terminationGracePeriodSeconds"] == 90
    assert pod["nodeSelector"] == {"a": "b"} and pod["tolerations"] == [{"key": "k"}]
    assert {v["name"]: v["secret"]["secretName"] for v in pod["volumes"] if "secret" in v} == {"key": "a", "tls": "t", "redis": "r"}
    template = by_kind(built, "Deployment")["spec"]["template"]["metadata"]
    assert template["annotations"]["x"] == "v" and template["labels"]["team"] == "z"
    config = gateway_yaml(built)
    assert config["upstream"]["timeout"] == "5s" and config["upstream"]["url"].startswith("https://")
    assert config["log"] == {"level": "warn"} and config["limits"]["replicas"] == 6
    certificate = by_kind(built, "Certificate")["spec"]
    assert certificate["issuerRef"] == {"kind": "Issuer", "name": "i"} and certificate["secretName"] == "t"
    assert "evalrun-gateway.other.svc" in certificate["dnsNames"] and not any(".evalrun" in n for n in certificate["dnsNames"])
    assert "evalrun-gateway-metrics.other.svc" in text
    assert by_kind(built, "NetworkPolicy")["spec"]["egress"][-1]["ports"] == [{"port": 3128}]


@pytest.mark.parametrize("name, replicas", [("evalrun-gateway", 5), ("another", None)])
def test_an_upgrade_with_the_autoscaler_keeps_the_number_of_pods(name, replicas, tmp_path):
    """Without `replicas` the API server would set 1."""
    live = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name, "namespace": "evalrun"}, "spec": {"replicas": 5}}
    config = tmp_path / "config"
    with api_server.serve(live) as url:
        config.write_text(yaml.safe_dump({
            "clusters": [{"name": "c", "cluster": {"server": url}}], "contexts": [{"name": "c", "context": {"cluster": "c"}}],
            "current-context": "c"}))
        done = helm("template", "a-release", CHART, "--namespace", "evalrun", "--dry-run=server", "--kubeconfig", config,
                    "--disable-openapi-validation", values={"autoscaling": {"enabled": True}})
    assert done.returncode == 0, done.stderr
    assert by_kind(objects(done.stdout), "Deployment")["spec"].get("replicas") == replicas


def test_off_without_quotation_marks():
    config = gateway_yaml(objects(render({"mesh": "istio", "config": {"audit": {"to": False}, "tls": {"client_certificates": False}}})))
    assert config["audit"]["to"] == "off" and config["tls"]["client_certificates"] == "off"


def test_tls_without_client_certificates():
    text = render({"config": {"tls": {"client_certificates": False, "client_ca_file": None}}})
    built = objects(text)
    assert gateway_yaml(built)["tls"] == {"certificate_file": "/etc/evalrun-gateway-tls/tls.crt",
                                          "key_file": "/etc/evalrun-gateway-tls/tls.key", "client_certificates": "off"}
    assert not any(argument.startswith("--tls-") for argument in gateway(built)["containers"][0]["args"])
    done = check_config(text)
    assert done.returncode == 0, done.stderr


def test_null_removes_what_the_overlay_has():
    text = render({"config": {"audit": None, "server": {"max_connection_age": None}, "limits": None}})
    config = gateway_yaml(objects(text))
    assert not {"audit", "limits"}.intersection(config) and config["server"] == {}
    done = check_config(text)
    assert done.returncode == 0, done.stderr


def test_a_namespace_that_is_a_number():
    assert {o["metadata"]["namespace"] for o in objects(render({"plainPrometheus": {"enabled": True}}, namespace="2024"))} == {"2024"}


def test_files_from_elsewhere():
    """The key and the certificate are written by containers into volumes of the values."""
    volumes = [{"name": "written", "emptyDir": {"medium": "Memory"}}, {"name": "extra", "secret": {"secretName": "e"}}]
    mounts = [{"name": "written", "mountPath": "/etc/evalrun-gateway-written"}]
    folder = mounts[0]["mountPath"]
    text = render({
        "secrets": {"apiKey": "", "tls": ""},
        "config": {"upstream": {"api_key_file": f"{folder}/api-key", "ca_file": f"{folder}/ca.crt"}, "tls": {
            "certificate_file": f"{folder}/tls.crt", "key_file": f"{folder}/tls.key", "client_ca_file": f"{folder}/ca.crt"}},
        "extraVolumes": volumes, "extraVolumeMounts": mounts,
        "extraEnv": [{"name": "EVALRUN_TRACING_SERVICE_INSTANCE_ID", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}],
        "extraInitContainers": [{"name": "first", "image": "i:1"}], "extraContainers": [{"name": "beside", "image": "i:1"}],
    })
    built = objects(text)
    assert validate(text) == ""
    done = check_config(text)
    assert done.returncode == 0, done.stderr
    pod = gateway(built)
    container, beside = pod["containers"]
    config = {"name": "config", "configMap": {"name": "evalrun-gateway"}}
    assert pod["volumes"] == [config, *volumes]
    assert [each["name"] for each in container["volumeMounts"]] == ["config", "written"] and container["volumeMounts"][1:] == mounts
    assert container["args"] == ["--config", "/etc/evalrun-gateway/gateway.yaml"]
    assert container["env"][0]["valueFrom"] == {"fieldRef": {"fieldPath": "metadata.name"}}
    assert [each["name"] for each in pod["initContainers"]] == ["first"] and beside["name"] == "beside"
    assert {port["appProtocol"] for o in built if o["kind"] == "Service" for port in o["spec"]["ports"]} == {"https"}


def readme_values(word):
    """The values in deploy/README.md that have `word`."""
    [block] = [block for block in re.findall(r"```yaml\n(.*?)```", (TOP / "deploy/README.md").read_text(), re.DOTALL) if word in block]
    return yaml.safe_load(block.replace("sha256:...", f"sha256:{'0' * 64}"))


def gateway_yaml(built):
    [config] = [o for o in built if o["kind"] == "ConfigMap" and o["metadata"]["name"] == "evalrun-gateway"]
    return yaml.safe_load(config["data"]["gateway.yaml"])


def test_values_of_the_readme():
    """Calls that name no workspace, as those of evalrunctl and the examples, are allowed."""
    values = readme_values("repository:")
    text = render(values)
    assert validate(text) == ""
    done = check_config(text)
    assert done.returncode == 0, done.stderr
    [rule] = gateway_yaml(objects(text))["authorization"]["rules"]
    assert rule["workspaces"] == ["*", "(unset)"]
    comment = re.search(r"^config: \{\}\n((?:#.*\n)+)", (CHART / "values.yaml").read_text(), re.M)[1]
    assert yaml.safe_load(re.sub("^#", "", comment, flags=re.M)) == values["config"]


def test_egress_of_the_readme():
    values = readme_values("extraEgress:")
    text = render(values)
    assert validate(text) == ""
    assert by_kind(objects(text), "NetworkPolicy")["spec"]["egress"][-1:] == values["networkPolicy"]["extraEgress"]


@pytest.mark.parametrize("values, word", [
    ({"replica": 3}, "replica"),
    ({"autoscaling": {"enabled": True, "maxReplicas": 2}}, "minReplicas"),
    ({"config": {"authorization": None}}, "config.authorization"),
    ({"image": {"digest": "sha256:1"}}, "digest"),
    ({"config": {"authorization": {"rules": []}}}, "config.authorization"),
    ({"config": {"limits": {"rules": [{"name": "caller", "by": "caller", "rate": "REPLACE-ME"}]}}}, "config.limits"),
    ({"mesh": "istio", "certManager": {"enabled": True}}, "mesh"),
    ({"secrets": {"tls": ""}, "certManager": {"enabled": True}}, "secrets.tls"),
    ({"extraEnv": {"NAME": "value"}}, "extraEnv"),
    ({"extraEnv": [{"name": "EVALRUN_MAX_ATTEMPTS", "value": 5}]}, "extraEnv"),
    ({"redis": {"enabled": True}}, "config.limits.redis.address"),
    ({"prometheusOperator": {"enabled": True}, "runbookUrl": ""}, "runbookUrl"),
    ({"plainPrometheus": {"enabled": True}, "runbookUrl": ""}, "runbookUrl"),
    ({"runbookUrl": "wiki/evalrun"}, "runbookUrl"),
])
def test_chart_refuses(values, word):
    done = helm("template", "a-release", CHART, values=values)
    assert done.returncode != 0 and word in done.stderr


def test_chart_without_values_is_refused():
    done = subprocess.run([os.environ["HELM"], "template", "a-release", CHART, "--kube-version", "1.30"], capture_output=True, text=True)
    assert done.returncode != 0 and "set config.authorization" in done.stderr


@pytest.mark.parametrize("name", VALUES)
def test_lint(name):
    done = helm("lint", CHART, "--strict", values=VALUES[name])
    assert done.returncode == 0 and "[ERROR]" not in done.stdout, done.stdout


def test_package_is_self_contained(tmp_path):
    """What is a link in the repository is a file in the package, and it renders the same."""
    subprocess.run([os.environ["HELM"], "package", CHART, "--destination", tmp_path], check=True, capture_output=True)
    [package] = tmp_path.iterdir()
    with tarfile.open(package) as archive:
        assert all(member.isfile() for member in archive)
    for values in VALUES.values():
        assert render(values, package) == render(values)


def make_release(*arguments, gateway_program=None):
    return subprocess.run([TOP / "deploy/make-release", *arguments], capture_output=True, text=True,
                          env=os.environ | {"GATEWAY": gateway_program or os.environ["GATEWAY_UNDER_TEST"]})


def test_release(tmp_path):
    image = f"registry.example/evalrun-gateway@sha256:{'2' * 64}"
    done = make_release("--untagged", "--image", image, tmp_path)
    assert done.returncode == 0, done.stderr
    version = subprocess.run([TOP / "deploy/set-version", "--print"], capture_output=True, text=True).stdout.strip()
    chart = tmp_path / f"evalrun-gateway-{version}.tgz"
    assert {each.name for each in tmp_path.iterdir()} == {
        "install.yaml", chart.name, f"evalrun-gateway-{version}.tar.gz", "evalrun-gateway.cdx.json", "RELEASE_NOTES.md", "SHA256SUMS"}
    subprocess.run(["sha256sum", "--check", "--strict", "SHA256SUMS"], cwd=tmp_path, check=True, capture_output=True)
    install = (tmp_path / "install.yaml").read_text()
    assert check_config(install).returncode == 2 and check_config(filled_in(install)).returncode == 0
    assert validate(install) == "" and not list(policy.violations(objects(install)))
    for text in (install, render({}, chart)):
        assert gateway(objects(text))["containers"][0]["image"] == image
    with tarfile.open(tmp_path / f"evalrun-gateway-{version}.tar.gz") as archive:
        assert f"evalrun-gateway-{version}/README.md" in archive.getnames()


@pytest.mark.parametrize("arguments, word", [
    (("--image", "registry.example/evalrun-gateway:0.1.0"), "sha256"), (("--image", f"r/g@sha256:{'2' * 64}"), "tag"),
])
def test_release_is_refused(arguments, word, tmp_path):
    done = make_release(*arguments, tmp_path / "folder")
    assert done.returncode == 2 and word in done.stderr


def test_release_of_another_program_is_refused(tmp_path):
    """The bill of materials would be that of another version."""
    program = tmp_path / "evalrun-gateway"
    program.write_text("#!/bin/sh\necho evalrun-gateway 0.0.1\n")
    program.chmod(0o755)
    done = make_release("--untagged", "--image", f"r/g@sha256:{'2' * 64}", tmp_path / "folder", gateway_program=str(program))
    assert done.returncode == 2 and "is not version" in done.stderr, done.stderr
