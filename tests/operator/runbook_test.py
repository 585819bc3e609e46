# SPDX-License-Identifier: Apache-2.0
"""The commands of the runbook, as they stand there, on the logs and ports of a real gateway. emergency_stop_test.py and
protected_runs_test.py have those of their sections."""

import concurrent.futures
import json
import pathlib
import re
import shutil
import subprocess

import pytest
import yaml

import runbook
from evalrun_testing.seed import Seed
from evalrun_testing.wait_until import wait_until

TOP = pathlib.Path(__file__).resolve().parents[2]
BASE = TOP / "deploy/kubernetes/base"
CONFIG = """
identity: {metadata_key: x-caller, trusted_networks: [127.0.0.0/8]}
server: {max_connections_per_peer: 5}
retry: {max_attempts: 1}
audit: {on_failure: refuse}
"""
pytestmark = pytest.mark.skipif(not shutil.which("jq"), reason="jq (Debian package)")


def commands(section):
    """The commands of a section, one per line; lines that end with `|` or `\\` are joined to the next."""
    lines = "\n".join(re.findall(r"^    (.*)$", runbook.section(section), re.MULTILINE))
    return re.sub(r"(\||\\)\n\s*", lambda end: "| " if end[1] == "|" else "", lines).splitlines()


def shell(command, folder, **replaced):
    """What a command prints in `folder`, after texts in it were replaced."""
    for old, new in replaced.items():
        command = command.replace(old, new)
    return subprocess.run(["bash", "-euo", "pipefail", "-c", command], cwd=folder, check=True, text=True,
                          capture_output=True).stdout


@pytest.fixture
def deployment(make_deployment, tmp_path):
    config = tmp_path / "gateway.yaml"
    config.write_text(CONFIG)
    return make_deployment(runs=4, flags=["--config", str(config), "--audit", str(tmp_path / "audit.log")])


def call(deployment, code, run=None, caller="team-a", **options):
    assert deployment.delete(run, metadata=[("x-caller", caller)], **options) == code


def test_intents_without_a_result(deployment, tmp_path):
    """The one call of which nobody knows the result is found, and no other: not those that have one, nor those that were
    rejected before an attempt, nor another call with the same request id."""
    [command] = [line for line in commands("EvalrunAuditLinesLost") if line.startswith("jq ")]
    lost, *others = deployment.runs
    call(deployment, "OK", others[0], request_id="same")
    call(deployment, "NOT_FOUND", request_id="missing")
    call(deployment, "INVALID_ARGUMENT", "not an id", request_id="malformed")
    deployment.faults.set(fault="hold", commit=True)
    call(deployment, "DEADLINE_EXCEEDED", others[1], timeout=1, request_id="slow")
    wait_until(lambda: '"request_id":"slow"' in (tmp_path / "audit.log").read_text().splitlines()[-1]
               and shell(command, tmp_path) == "")
    deployment.faults.release()

    with concurrent.futures.ThreadPoolExecutor() as pool:
        held = pool.submit(deployment.connect().delete, lost, request_id="same", metadata=[("x-caller", "team-b")])
        deployment.faults.wait_until_held()
        deployment.gateway.kill()
        assert held.result() == "UNAVAILABLE"
    with open(tmp_path / "audit.log", "a", encoding="utf-8") as audit:
        audit.write('{"time":"2026-01-01T00:00:00Z","level":"info","event":"audit","request_id":"sa\n')

    [line] = shell(command, tmp_path).splitlines()
    assert line.split("\t")[1:] == ["same", "metadata:team-b", lost]
    # The caller calls again, with the same id: there are two intents, and one result.
    deployment.faults.set(fault="delay", delay_ms=1)
    deployment.start_gateway()
    with deployment.connect() as client:
        client.delete(lost, request_id="same", metadata=[("x-caller", "team-b")])
    deployment.gateway.stop()
    [line] = shell(command, tmp_path).splitlines()
    assert line.split("\t")[1:] == ["same", "metadata:team-b", lost]


def test_commands_on_the_log_and_the_page(deployment, tmp_path):
    """All commands with jq and curl, after calls of each kind that they look for."""
    gateway = deployment.gateway
    call(deployment, "OK", deployment.runs[0], caller="CALLER")
    call(deployment, "FAILED_PRECONDITION", workspace_uuid="5c0d9a52-13c7-4b1e-8f0a-7b9e4d2c0001")
    deployment.faults.set(fault="respond", status=403)
    call(deployment, "PERMISSION_DENIED", request_id="ID")
    deployment.faults.set(fault="respond", status=401)
    call(deployment, "UNAUTHENTICATED")
    others = [deployment.connect() for _ in range(6)]
    for other in others:
        other.call(timeout=2)
    gateway.wait_for_event("connection_rejected")
    (tmp_path / "gateway.log").write_text("".join(json.dumps(event) + "\n" for event in gateway.events))

    found = {}
    for section in [None, *re.findall(r"^## (.*)", runbook.RUNBOOK, re.MULTILINE)]:
        for command in commands(section):
            if command.startswith(("jq ", "curl ")) and section not in (
                    "Protect and undo", "EvalrunAuditLinesLost", "EvalrunUnrecognized404"):
                found[command] = shell(command, tmp_path, **{
                    "http://127.0.0.1:9090": gateway.admin_url, '"CALLER"': '"metadata:CALLER"'})
    quiet = [command for command, output in found.items() if not output and "-X PUT" not in command]
    assert len(found) >= 9 and not quiet
    by_id = "jq 'select(.request_id == \"ID\")' gateway.log"
    assert by_id in runbook.RUNBOOK and json.loads(shell(by_id, tmp_path))["reason"] == "UPSTREAM_PERMISSION_DENIED"


def test_request_by_hand_says_what_the_api_answers(make_deployment, tmp_path):
    """With the key from its file, as on a machine."""
    seed = Seed()
    key = seed.api_key(seed.workspace(seed.organization()))
    (tmp_path / "key").write_text(key)
    deployment = make_deployment(seed=seed)
    [command] = [line for line in commands("EvalrunUnrecognized404") if "KEY_FILE" in line]
    output = shell(command, tmp_path, KEY_FILE="key", **{"https://api.aymara.ai": deployment.backend.url})
    assert output.startswith("HTTP/1.1 404")
    assert '"resource.not_found"' in output


def test_rows_and_panels_that_it_names_are_on_the_dashboard():
    """They are in italics. Where several panels begin with the same words, these words name all of them."""
    titles = [panel["title"] for panel in json.loads((TOP / "deploy/grafana/evalrun-gateway.json").read_text())["panels"]]
    named = re.findall(r"(?<!\*)\*(\w[^*]*)\*(?!\*)", re.sub(r"^    .*", "", runbook.RUNBOOK, flags=re.MULTILINE))
    assert len(named) > 5
    missing = [name for name in named if not any(title.startswith(" ".join(name.split())) for title in titles)]
    assert not missing


def test_kubernetes_commands_name_what_the_manifests_have():
    """kubectl itself needs a cluster: what its commands name is that of deploy/kubernetes."""
    manifests = [document for file in BASE.glob("*.yaml") for document in yaml.safe_load_all(file.read_text()) if document]
    [deployment] = [one for one in manifests if one.get("kind") == "Deployment"]
    pod = deployment["spec"]["template"]
    [container] = pod["spec"]["containers"]
    [labels] = [entry["pairs"] for entry in yaml.safe_load((BASE / "kustomization.yaml").read_text())["labels"]]
    lines = [line for section in [None, *re.findall(r"^## (.*)", runbook.RUNBOOK, re.MULTILINE)] for line in commands(section)
             if "kubectl" in line]
    text = "\n".join(lines)
    assert len(lines) >= 10
    assert set(re.findall(r"-n (\S+)", text.replace("-n -", ""))) <= {"evalrun"}
    assert set(re.findall(r" -c (\S+)", text)) - {"curl"} <= {container["name"]}
    selected = re.findall(r" -l (\S+)=(\S+)", text)
    assert selected and set(selected) <= set(labels.items())
    image = (TOP / "deploy/Containerfile").read_text()
    programs = re.findall(r"-- (/usr/bin/\S+) --config (\S+)", text)
    secrets = re.findall(r"get secret (\S+) -o jsonpath='\{\.data\.([\w-]+)", text)
    assert programs and secrets
    for program, config in programs:
        assert program in image
        assert any(config.startswith(mount["mountPath"]) for mount in container["volumeMounts"])
    mounted = yaml.safe_dump(pod) + (TOP / "deploy/README.md").read_text()
    for secret, name in secrets:
        assert secret in mounted and name in mounted
    # The image has no shell: only the gateway's own program is run in it.
    assert all("/usr/bin/evalrun-gateway" in line for line in lines if " exec " in line)
