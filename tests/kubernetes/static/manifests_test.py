# SPDX-License-Identifier: Apache-2.0
"""deploy/kubernetes without a cluster: every overlay and component builds, is valid by strict schemas, conforms to
policy.py, and has a configuration that the gateway accepts once what is left to fill in is filled in."""

import copy
import os
import pathlib
import re
import shutil
import sys

import pytest
import yaml

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import policy  # noqa: E402
from manifests import (  # noqa: E402
    BUILT, DEPLOY, EXAMPLE_RUNBOOK, HERE, RUNBOOK, TOP, build, by_kind, check_config, filled_in, gateway, objects, validate)


@pytest.mark.parametrize("folder", BUILT, ids=lambda folder: folder.name)
def test_manifests(folder):
    text = build(folder)
    assert validate(text) == ""
    built = objects(text)
    assert not list(policy.violations(built))

    done = check_config(filled_in(text))
    assert done.returncode == 0 and "configuration OK" in done.stdout, done.stderr


@pytest.mark.parametrize("overlay", ["production", "production-mesh"])
@pytest.mark.parametrize("setting", ["identities", "workspaces", "rate"])
def test_what_is_not_filled_in_is_refused(overlay, setting):
    unfilled = build(DEPLOY / "overlays" / overlay)
    line = next(line for line in unfilled.splitlines() if f"{setting}: " in line and "REPLACE-ME" in line)
    filled = filled_in(unfilled)
    done = check_config(filled.replace(filled_in(line), line))
    assert done.returncode == 2 and done.stderr.count("REPLACE-ME") == 1 and setting in done.stderr, done.stderr


@pytest.mark.parametrize("name", ["operator", "plain"])
def test_example_address_of_the_runbook_is_refused(name):
    """In the rules of Prometheus as a ConfigMap, and in those for the operator, with the dashboard."""
    text = build(HERE / "compositions" / name)
    assert EXAMPLE_RUNBOOK in text
    done = check_config(filled_in(text).replace(RUNBOOK, EXAMPLE_RUNBOOK))
    assert done.returncode == 2 and "set-runbook-url" in done.stderr, done.stderr


# A defect of manifests that are otherwise complete, and a part of the sentence about it.
CONFIG_DEFECTS = {
    "no authorization": ("production", "authorization:", "authorization: {}\n    x:", "allow_all"),
    "one replica more": ("production", "replicas: 3", "replicas: 4", "up to 5 pods"),
    "a limit of one pod": ("production", "      replicas: 4\n", "", "is 1, and"),
    "another maximum": ("operator", "maxReplicas: 12", "maxReplicas: 20", "up to 21 pods"),
    "an unknown flag": ("files", "--audit=", "--audti=", "--audti"),
    "a flag out of bounds": ("operator", "--limits-replicas=13", "--limits-replicas=0", "limits.replicas"),
    "no number": ("operator", "--limits-replicas=13", "--limits-replicas=many", "limits.replicas"),
    "a number after a blank": ("operator", "--limits-replicas=13", "--limits-replicas\n        - '12'", "is 12, and"),
    "an audit file that is on no volume": ("files", "--audit=/var/log/evalrun-gateway/", "--audit=/srv/", "audit.to"),
    "a configuration that is not mounted": ("production", "- /etc/evalrun-gateway/", "- /etc/evalrun/", "/etc/evalrun/gateway.yaml"),
    "a file that is a folder": ("production", "file: /etc/evalrun-gateway-key/api-key", "file: /etc", "cannot read /etc"),
    "another port": ("production", "    listen: 0.0.0.0:50051", "    listen: 0.0.0.0:50052", "listen: is 0.0.0.0:50052"),
    "another admin port": ("production", "admin_listen: 0.0.0.0:9090", "admin_listen: 0.0.0.0:9091", "admin_listen: is"),
    "a drain as long as the grace period": ("production", "      timeout: 30s", "      timeout: 37s", "up to 45 s"),
    "malformed gateway.yaml": ("production", "    drain:\n", "    drain: [\n", "gateway.yaml: malformed YAML"),
    "no gateway.yaml": ("production", "  gateway.yaml: |", "  gateway.yml: |", "no gateway.yaml"),
    "a section that is none": ("production", "    authorization:\n", "    authorization: 1\n    x:\n", "authorization ("),
    "no such container": ("production", "        name: gateway\n", "        name: main\n", "no container gateway"),
}


@pytest.mark.parametrize("name", CONFIG_DEFECTS)
def test_check_config_finds(name):
    folder, old, new, word = CONFIG_DEFECTS[name]
    text = filled_in(build(next(each for each in BUILT if each.name == folder)))
    assert text.count(old) == 1
    done = check_config(text.replace(old, new))
    assert done.returncode == 2 and word in done.stderr, done.stderr


@pytest.mark.parametrize("overlay, old, new", [
    ("production", "https", "kubernetes.io/h2c"), ("production-mesh", "kubernetes.io/h2c", "https")])
def test_services_have_to_say_what_the_gateway_speaks(overlay, old, new):
    """Proxies go by it."""
    text = filled_in(build(DEPLOY / "overlays" / overlay))
    changed_text = text.replace(f"appProtocol: {old}", f"appProtocol: {new}")
    other = "kind: Service\nmetadata: {name: other}\nspec: {type: ExternalName, externalName: other.example}"
    of_another = "kind: Service\nmetadata: {name: o}\nspec: {selector: {a: b}, ports: [{targetPort: grpc, appProtocol: x}]}"
    done = check_config("\n---\n".join([changed_text, other, of_another]))
    assert done.returncode == 2 and done.stderr.count(f"appProtocol is {new}, and the gateway speaks {old}") == 2, done.stderr
    assert done.stderr.count("appProtocol") == 2


def test_tls_is_as_the_configuration_says():
    """For callers without certificates too; without settings, the component refuses plaintext."""
    def server_only(config, _):
        config["tls"].update(client_certificates="off")
        del config["tls"]["client_ca_file"]

    def without(config, _):
        config["tls"] = {}
        config["server"]["insecure"] = True

    text = filled_in(build(DEPLOY / "overlays/production"))
    done = check_config(changed(text, server_only))
    assert done.returncode == 0, done.stderr
    done = check_config(changed(text, without))
    assert done.returncode == 2 and "tls.certificate_file" in done.stderr, done.stderr


@pytest.mark.parametrize("text, word", [
    ("", "there is no ConfigMap or Deployment evalrun-gateway in the input"),
    ("Error: INSTALLATION FAILED", "there is no ConfigMap or Deployment evalrun-gateway in the input"),
    ("- a list\n--- text\n--- {metadata: text}", "there is no ConfigMap or Deployment evalrun-gateway in the input"),
    ("kind: ConfigMap\nmetadata: {name: evalrun-gateway}\n", "there is no ConfigMap or Deployment evalrun-gateway in the input"),
    ("kind: {", "the input: malformed YAML"), ("a: 2026-99-99", "the input: malformed YAML"),
])
def test_input_without_a_gateway(text, word):
    done = check_config(text)
    assert done.returncode == 2 and done.stderr.startswith(f"check-config: {word}") and done.stderr.count("\n") == 1, done.stderr


def changed(text, change):
    """The manifests after `change` of the configuration and of the pod."""
    built = objects(text)
    data = next(o for o in built if o["kind"] == "ConfigMap" and o["metadata"]["name"] == "evalrun-gateway")["data"]
    config = yaml.safe_load(data["gateway.yaml"])
    change(config, gateway(built))
    data["gateway.yaml"] = yaml.safe_dump(config)
    return yaml.safe_dump_all(built)


def vault_agent(config, _):
    config["upstream"]["api_key_file"] = "/vault/secrets/api-key"


def spiffe_helper(config, pod):
    """The container comes first, as patches of kustomize add it."""
    config["tls"] |= {"certificate_file": "/run/svid/svid.pem", "key_file": "/run/svid/svid_key.pem",
                      "client_ca_file": "/run/svid/svid_bundle.pem"}
    pod["containers"][0]["volumeMounts"].append({"name": "svid", "mountPath": "/run/svid"})
    pod["containers"].insert(0, {"name": "spiffe-helper", "image": "spiffe-helper:1", "args": ["-config", "/etc/helper.conf"]})


def redis_over_tls(config, _):
    readme = (TOP / "service/ratelimit/README.md").read_text()
    [redis] = [block for block in re.findall(r"```yaml\n(.*?)```", readme, re.DOTALL) if "/etc/redis-tls/ca.crt" in block]
    config["limits"]["redis"] = yaml.safe_load(redis)["limits"]["redis"]


def one_file_for_two(config, pod):
    """By a volume that is a file."""
    config["tls"] |= {"certificate_file": "/run/tls/both.pem", "key_file": "/run/tls/both.pem", "client_ca_file": "/run/tls/ca"}
    pod["containers"][0]["volumeMounts"].append({"name": "both", "mountPath": "/run/tls/both.pem", "subPath": "both.pem"})


# The first three are those of deploy/README.md and service/ratelimit/README.md.
@pytest.mark.parametrize("layout", [vault_agent, spiffe_helper, redis_over_tls, one_file_for_two])
def test_files_of_other_layouts(layout):
    done = check_config(changed(filled_in(build(DEPLOY / "overlays/production")), layout))
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("write", [
    lambda name, flag, path, config, arguments: config_section(config, name).update({name.rpartition(".")[2]: path}),
    lambda name, flag, path, config, arguments: arguments.append(f"{flag}={path}"),
    lambda name, flag, path, config, arguments: arguments.extend([flag, path]),
], ids=["in the file", "by flags", "by flags with a blank"])
def test_every_setting_that_names_a_file(write):
    """By the reference; wherever the file is."""
    rows = re.findall(r"^\| `([\w.]+)` \| `(--[\w-]+)` \| `\w+` \| [^|]+ \| `FILE` \|",
                      (TOP / "service/config/REFERENCE.md").read_text(), re.MULTILINE)
    assert len(rows) > 10

    def name_all(config, pod):
        arguments = pod["containers"][0]["args"] = ["--config", "/etc/evalrun-gateway/gateway.yaml"]
        config["limits"]["redis"] = {"address": "redis:6379", "tls": True}
        config["upstream"]["keys"] = [{"name": "a", "file": "/keys/a", "identities": ["*"]}]
        del config["upstream"]["api_key_file"]
        config["tls"] = {"client_certificates": "required"}
        for number, (name, flag) in enumerate(rows):
            write(name, flag, f"/volume-{number}/file", config, arguments)

    done = check_config(changed(filled_in(build(DEPLOY / "overlays/production")), name_all))
    assert done.returncode == 0, done.stderr


def config_section(config, name):
    for part in name.split(".")[:-1]:
        config = config.setdefault(part, {})
    return config


@pytest.mark.parametrize("old, new", [
    ("file: /etc/evalrun-gateway-tls/ca.crt", 'file: "/etc/evalrun-gateway-tls/ca.crt" # /etc/evalrun-gateway-tls/ca.crt'),
    ("upstream:\n", "upstream:\n      ca_file: &ca /etc/ca\n      client_certificate_file: *ca\n      client_key_file: /k\n"),
    ("api_key_file: /etc/evalrun-gateway-key/api-key", "api_key_file: >-\n        /etc/evalrun-gateway-key/api-key"),
])
def test_configuration_is_checked_as_it_is_written(old, new):
    text = filled_in(build(DEPLOY / "overlays/production")).replace(old, new)
    assert new in text and check_config(text).returncode == 0
    # PyYAML reads this, the gateway does not.
    done = check_config(text.replace("    drain:\n", "    drain: {}\n    drain:\n"))
    assert done.returncode == 2 and "twice" in done.stderr, done.stderr


@pytest.mark.parametrize("variables, word", [
    ([], "no API key"),
    ([{"name": "AYMARA_AI_API_KEY", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}}], None),
    ([{"name": "EVALRUN_API_KEY_FILE", "value": "/run/secrets/key"}], None),
    ([{"name": "AYMARA_AI_API_KEY", "value": "k"}, {"name": "EVALRUN_DRAIN_DELAY", "value": "soon"}], "EVALRUN_DRAIN_DELAY"),
    ([{"name": "AYMARA_AI_API_KEY", "value": "k"}, {"name": "EVALRUN_LIMITS_REPLICAS", "value": "2"}], "limits.replicas: is 2"),
    ([{"name": "AYMARA_AI_API_KEY", "value": "k"}, {"name": "EVALRUN_LOG_OK_SAMPLE_PERCENT", "value": 5}], "EVALRUN_LOG_OK_SAMPLE_PERCENT"),
])
def test_environment_is_that_of_the_container(variables, word):
    def change(config, pod):
        del config["upstream"]["api_key_file"]
        pod["containers"][0]["env"] = variables
    text = changed(filled_in(build(DEPLOY / "overlays/production")), change)
    done = check_config(text, env={**os.environ, "AYMARA_AI_API_KEY": "of-the-shell"})
    assert done.returncode == (2 if word else 0) and (word or "") in done.stderr, done.stderr


def test_what_is_not_known_is_a_warning():
    def change(_, pod):
        pod["containers"][0]["env"] = [{"name": "EVALRUN_LOG_LEVEL", "valueFrom": {"configMapKeyRef": {"name": "c", "key": "k"}}}]
        pod["containers"][0]["envFrom"] = [{"secretRef": {"name": "s"}}]
        pod["containers"][0]["args"].append("--protected-runs-file=/srv/ids.txt")
    text = filled_in(build(DEPLOY / "overlays/production"))
    assert "warning" not in check_config(text).stderr
    done = check_config(changed(text, change))
    assert done.returncode == 0 and re.findall("warning: (.*)", done.stderr) == [
        "env: the value of EVALRUN_LOG_LEVEL is not looked at", "envFrom is not looked at",
        "/srv/ids.txt is on no volume of the container"], done.stderr


def test_nothing_is_written_elsewhere(tmp_path):
    path = "/.." * 20 + f"{tmp_path}/key"
    done = check_config(changed(filled_in(build(DEPLOY / "overlays/production")),
                                lambda config, _: config["upstream"].update(api_key_file=path)))
    assert done.returncode == 0 and not list(tmp_path.iterdir()), done.stderr


# In place of docker and podman: writes the arguments to a file, checks that others may read, or write, what is mounted, and
# is the gateway.
ENGINE = f"""#!{sys.executable}
import os, pathlib, sys
if sys.argv[1] == "info":
    sys.exit()
with open(__file__ + ".arguments", "a") as file:
    print("\\n".join(sys.argv[1:]), file=file)
for _, root, mode in (a.split(":") for a in sys.argv if a.startswith("--volume=")):
    for each in [pathlib.Path(root), *pathlib.Path(root).rglob("*")]:
        wanted = 0o7 if mode == "rw" else 0o5 if each.is_dir() else 0o4
        assert each.stat().st_mode & wanted == wanted, each
os.execv({os.environ["GATEWAY_UNDER_TEST"]!r}, sys.argv[sys.argv.index("registry.example/gw:1"):])
"""


def make_program(path, text):
    path.write_text(text)
    path.chmod(0o755)


@pytest.mark.parametrize("engine", ["docker", "podman"])
def test_program_of_an_image(engine, tmp_path):
    """podman if docker has no daemon."""
    make_program(tmp_path / "docker", "#!/bin/sh\nexit 1\n")
    make_program(tmp_path / engine, ENGINE)
    (tmp_path / "openssl").symlink_to(shutil.which("openssl"))
    text = filled_in(build(HERE / "compositions/files"))
    process = {"env": {"PATH": str(tmp_path)}, "umask": 0o077}
    done = check_config(text, "--image", "registry.example/gw:1", **process)
    assert done.returncode == 0 and "configuration OK" in done.stdout, done.stderr
    arguments = (tmp_path / f"{engine}.arguments").read_text().splitlines()
    arguments, again = arguments[:len(arguments) // 2], arguments[len(arguments) // 2:]
    assert again == [*arguments[:-1], "--print-config"]
    root = arguments[arguments.index("--config") + 1].removesuffix("/etc/evalrun-gateway/gateway.yaml")
    audit = f"{root}/var/log/evalrun-gateway"
    assert arguments[:arguments.index("--config")] == [
        "run", "--rm", "--network=none", f"--user={os.getuid()}:{os.getgid()}", "--security-opt=label=disable",
        f"--volume={root}:{root}:ro", f"--volume={audit}:{audit}:rw", "registry.example/gw:1"]
    assert f"--audit={audit}/audit.jsonl" in arguments and arguments[-1] == "--check-config"
    assert not pathlib.Path(root).exists()

    done = check_config(text.replace("--audit=", "--audti="), "--image", "registry.example/gw:1", **process)
    assert done.returncode == 2 and "--audti" in done.stderr, done.stderr


def test_program_that_is_not_there(tmp_path):
    text = filled_in(build(DEPLOY / "overlays/production"))
    (tmp_path / "openssl").symlink_to(shutil.which("openssl"))
    for options, word in ((("--image", "gw:1"), "no docker"), (("--gateway", "/nonesuch"), "--image")):
        done = check_config(text, *options, env={"PATH": str(tmp_path)})
        assert done.returncode == 2 and word in done.stderr and done.stderr.count("\n") == 1, done.stderr


@pytest.mark.parametrize("where", ["gateway.yaml", "flag", "environment"])
def test_check_config_warns_of_a_policy_that_denies_nothing(where):
    def change(config, pod):
        if where == "gateway.yaml":
            config["authorization"]["dry_run"] = True
        elif where == "flag":
            pod["containers"][0]["args"].append("--authorization-dry-run")
        else:
            pod["containers"][0]["env"] = [{"name": "EVALRUN_AUTHORIZATION_DRY_RUN", "value": "true"}]
    text = filled_in(build(DEPLOY / "overlays/production"))
    assert "warning" not in check_config(text).stderr
    done = check_config(changed(text, change))
    assert done.returncode == 0 and "warning: authorization.dry_run" in done.stderr, done.stderr


def test_check_config_warns_of_shares_of_a_limit():
    text = filled_in(build(HERE / "compositions/operator"))
    assert "kind: HorizontalPodAutoscaler" in text and "warning: limits: without limits.redis.address" in check_config(text).stderr


def test_check_config_warns_of_no_limits():
    assert "warning: limits" in check_config(build(DEPLOY / "overlays/development")).stderr
    assert "warning: limits" not in check_config(filled_in(build(DEPLOY / "overlays/production"))).stderr


def test_overlay_outside_the_repository(tmp_path):
    """The overlay that deploy/README.md shows, with another gateway.yaml."""
    readme = (TOP / "deploy/README.md").read_text()
    [overlay] = [block for block in re.findall(r"```yaml\n(.*?)```", readme, re.DOTALL) if "kind: Kustomization" in block]
    (tmp_path / "evalrun-gateway").symlink_to(TOP)
    (tmp_path / "kustomization.yaml").write_text(overlay.replace("sha256:...", f"sha256:{'0' * 64}"))
    config = filled_in((DEPLOY / "overlays/production/gateway.yaml").read_text()) + "log: {level: warn}\n"
    (tmp_path / "gateway.yaml").write_text(config)
    text = build(tmp_path)
    assert validate(text) == ""
    built = objects(text)
    assert not list(policy.violations(built))
    assert [o["data"]["gateway.yaml"] for o in built if o["kind"] == "ConfigMap" and o["metadata"]["name"] == "evalrun-gateway"] == [config]
    assert gateway(built)["containers"][0]["image"] == f"registry.example/evalrun-gateway@sha256:{'0' * 64}"
    done = check_config(filled_in(text))
    assert done.returncode == 0, done.stderr


def test_every_component_is_composed():
    used = {pathlib.Path(component).name for folder in BUILT
            for component in yaml.safe_load((folder / "kustomization.yaml").read_text()).get("components", [])}
    assert used == {component.name for component in (DEPLOY / "components").iterdir()}


def test_operator_rules_match_prometheus_rules():
    rules = yaml.safe_load((DEPLOY / "components/prometheus-operator/rules.yaml").read_text())["spec"]["groups"]
    source = [group for name in ("recording", "alerts")
              for group in yaml.safe_load((TOP / f"deploy/prometheus/{name}.rules.yml").read_text())["groups"]]
    assert rules == source, "run deploy/kubernetes/components/prometheus-operator/generate"


@pytest.fixture(scope="module")
def production():
    return objects(build(DEPLOY / "overlays/production"))


def egress(built, port):
    return next(rule for rule in by_kind(built, "NetworkPolicy")["spec"]["egress"] if rule["ports"][0]["port"] == port)


# A defect, and a part of the sentence about it.
DEFECTS = {
    "latest": (lambda b: gateway(b)["containers"][0].update(image="r/evalrun-gateway:latest"), "fixed tag"),
    "no tag": (lambda b: gateway(b)["containers"][0].update(image="localhost:5000/evalrun-gateway"), "fixed tag"),
    "limit": (lambda b: gateway(b)["containers"][0]["resources"]["limits"].pop("memory"), "limits of memory"),
    "probe": (lambda b: gateway(b)["containers"][0].pop("readinessProbe"), "readinessProbe"),
    "root": (lambda b: gateway(b)["securityContext"].pop("runAsNonRoot"), "root"),
    "writable": (lambda b: gateway(b)["containers"][0]["securityContext"].pop("readOnlyRootFilesystem"), "read-only"),
    "capabilities": (lambda b: gateway(b)["containers"][0]["securityContext"].pop("capabilities"), "capabilities"),
    "escalation": (lambda b: gateway(b)["containers"][0]["securityContext"].pop("allowPrivilegeEscalation"), "Escalation"),
    "seccomp": (lambda b: gateway(b)["securityContext"].pop("seccompProfile"), "seccomp"),
    "token": (lambda b: gateway(b).pop("automountServiceAccountToken"), "token"),
    "host network": (lambda b: gateway(b).update(hostNetwork=True), "hostNetwork"),
    "no delay": (lambda b: by_kind(b, "ConfigMap")["data"].update({"gateway.yaml": "drain: {delay: 0s}"}), "drain.delay"),
    "service": (lambda b: by_kind(b, "Service")["spec"]["selector"].update(x="y"), "selects no pods"),
    "port": (lambda b: by_kind(b, "Service")["spec"]["ports"][0].update(targetPort="http"), "no port http"),
    "budget": (lambda b: by_kind(b, "PodDisruptionBudget")["spec"]["selector"]["matchLabels"].update(x="y"), "selects no pods"),
    "no budget": (lambda b: b.remove(by_kind(b, "PodDisruptionBudget")), "no PodDisruptionBudget"),
    "secret": (lambda b: b.append({"kind": "Secret", "metadata": {"name": "key", "namespace": "evalrun"}}), "secret"),
    "no IPv6": (lambda b: egress(b, 443)["to"].pop(1), "IPv6"),
    "private IPv6": (lambda b: egress(b, 443)["to"][1]["ipBlock"]["except"].pop(0), "private"),
    "private IPv4": (lambda b: egress(b, 443)["to"][0]["ipBlock"]["except"].pop(0), "private"),
    "no NodeLocal DNSCache": (lambda b: by_kind(b, "NetworkPolicy")["spec"]["egress"].pop(1), "NodeLocal"),
    "no cluster DNS": (lambda b: by_kind(b, "NetworkPolicy")["spec"]["egress"].pop(0), "DNS"),
    "another caller": (lambda b: by_kind(b, "NetworkPolicy")["spec"]["ingress"][0]["from"][0]["podSelector"]["matchLabels"].update(
        {"app.kubernetes.io/name": "evalrun-gateway"}), "caller"),
    "pod security": (lambda b: by_kind(b, "Namespace")["metadata"].pop("labels"), "restricted"),
}


def first_retries(built):
    return by_kind(built, "VirtualService")["spec"]["http"][0]["retries"]


# The same, of a composition.
COMPONENT_DEFECTS = {
    "Istio's default retries": ("istio", lambda b: by_kind(b, "VirtualService")["spec"]["http"][0].pop("retries"), "retries"),
    "retries of a response": ("istio", lambda b: first_retries(b).update(
        retryOn="connect-failure,refused-stream,unavailable"), "retries"),
    "a Service without routes": ("istio", lambda b: b.remove(by_kind(b, "VirtualService")), "each Service"),
    "plaintext beside the mesh": ("istio", lambda b: by_kind(b, "PeerAuthentication")["spec"]["mtls"].update(
        mode="PERMISSIVE"), "plaintext"),
}


@pytest.mark.parametrize("name", COMPONENT_DEFECTS)
def test_policy_finds_in_components(name):
    composition, defect, word = COMPONENT_DEFECTS[name]
    broken = objects(build(HERE / "compositions" / composition))
    assert not list(policy.violations(broken))
    defect(broken)
    found = list(policy.violations(broken))
    assert len(found) >= 1 and all(word in sentence for sentence in found), found


@pytest.mark.parametrize("name", DEFECTS)
def test_policy_finds(name, production):
    broken = copy.deepcopy(production)
    defect, word = DEFECTS[name]
    defect(broken)
    found = list(policy.violations(broken))
    assert len(found) >= 1 and all(word in sentence for sentence in found), found


@pytest.mark.parametrize("old, new", [
    ("readOnlyRootFilesystem:", "readonlyRootFilesystem:"), ("maxSurge: 1", "maxSurge: [1]"),
    ("minReadySeconds: 35", "minReadySeconds: soon"), ("clusterIP: None", "clusterIp: None"),
    ("jobLabel:", "jobLable:"), ("expr:", "exp:"), ("kind: PodMonitor", "kind: PodMonitors"),
    ("retryOn:", "retry_on:"), ("portLevelMtls:", "portLevelMTLS:"), ("mode: STRICT", "mode: STRCT"),
])
def test_schemas_find(old, new):
    text = next(text for text in map(build, (HERE / "compositions/operator", HERE / "compositions/istio")) if old in text)
    assert validate(text.replace(old, new, 1)) != ""


def test_chart_reads_the_manifests():
    """What the Helm chart's templates read exists, and its links lead into deploy/. helm_test.py renders it."""
    chart = TOP / "deploy/helm/evalrun-gateway"
    for link in (chart / "files").iterdir():
        assert link.is_symlink() and link.resolve().is_dir() and (TOP / "deploy") in link.resolve().parents
    templates = "".join(each.read_text() for each in (chart / "templates").iterdir())
    read = set(re.findall(r'"((?:files/)?(?:base|components|grafana|prometheus)/[\w./*-]+\.(?:yaml|yml|json))"', templates))
    assert len(read) > 10
    for name in read:
        assert list((chart / "files").glob(name.removeprefix("files/"))), name
    for component in (DEPLOY / "components").iterdir():
        assert component.name.removeprefix("tls-") in templates.replace("certManager", "cert-manager"), component.name


def test_redis_is_the_one_of_the_configuration():
    """Flags override gateway.yaml, so no component may say by a flag which Redis it is; one that is not said is refused."""
    text = build(HERE / "compositions/redis")
    assert not [flag for flag in gateway(objects(text))["containers"][0]["args"] if flag.startswith("--limits-redis-address")]
    address = "address: redis.example.com:6380"
    assert text.count(address) == 1
    done = check_config(filled_in(text).replace(address, "address: ''"))
    assert done.returncode == 2 and "limits.redis" in done.stderr and "address" in done.stderr, done.stderr


def readme_block(word):
    """The block of YAML in deploy/README.md that has `word`."""
    [block] = [block for block in re.findall(r"```yaml\n(.*?)```", (TOP / "deploy/README.md").read_text(), re.DOTALL) if word in block]
    return block


def build_outside(folder, kustomization):
    """What an overlay outside the repository builds, with the gateway.yaml of production."""
    (folder / "evalrun-gateway").symlink_to(TOP)
    (folder / "kustomization.yaml").write_text(kustomization.replace("sha256:...", f"sha256:{'0' * 64}"))
    (folder / "gateway.yaml").write_text((DEPLOY / "overlays/production/gateway.yaml").read_text())
    return build(folder)


def test_egress_of_the_readme(tmp_path):
    """The example of deploy/README.md adds one rule."""
    overlay = readme_block("kind: Kustomization")
    text = build_outside(tmp_path, overlay + readme_block("path: /spec/egress/-"))
    assert validate(text) == "" and not list(policy.violations(objects(text)))
    before = by_kind(objects(build(DEPLOY / "overlays/production")), "NetworkPolicy")["spec"]["egress"]
    *rest, added = by_kind(objects(text), "NetworkPolicy")["spec"]["egress"]
    assert rest == before and added["ports"] == [{"port": 4318, "protocol": "TCP"}]
    assert [added] == yaml.safe_load(readme_block("extraEgress:"))["networkPolicy"]["extraEgress"]


def test_another_namespace(tmp_path):
    """As deploy/README.md says: Prometheus looks for the pods there, and nothing is left in `evalrun`."""
    overlay = readme_block("kind: Kustomization").replace("namespace: evalrun\nresources:", "namespace: other\nresources:")
    overlay = overlay.replace("components/prometheus-operator", "components/plain-prometheus")
    text = build_outside(tmp_path, overlay + readme_block("replacements:"))
    built = objects(text)
    assert validate(text) == "" and not list(policy.violations(built))
    assert {o["metadata"]["name"] if o["kind"] == "Namespace" else o["metadata"]["namespace"] for o in built} == {"other"}
    scrape = next(o["data"]["scrape.yml"] for o in built if o["metadata"]["name"] == "evalrun-gateway-scrape")
    names = yaml.safe_load(scrape)["scrape_configs"][0]["dns_sd_configs"][0]["names"]
    assert names == ["_admin._tcp.evalrun-gateway-metrics.other.svc.cluster.local"]
