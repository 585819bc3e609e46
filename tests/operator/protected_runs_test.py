# SPDX-License-Identifier: Apache-2.0
"""Protecting a run and undoing it, by the very commands of the runbook. kubectl is a stand-in that keeps one ConfigMap,
the list of the gateway."""

import json
import os
import subprocess
import time

import pytest

import kubectl
import runbook

EXAMPLE = "954d54bc-bd5f-4cb5-8d20-688f368b712e"


def commands():
    """The blocks of commands in the section, each as one script: on a machine, on Kubernetes, first, verify, who, undo."""
    return runbook.blocks("Protect and undo")


@pytest.fixture(name="mounted")
def _mounted(tmp_path):
    """The list, with a folder `home` and a stand-in for kubectl beside it."""
    mounted = tmp_path / "mounted/protected-runs.txt"
    for folder in ("mounted", "home"):
        (tmp_path / folder).mkdir()
    kubectl.write(tmp_path / "bin/kubectl", "evalrun-gateway-protected-runs", "ids.txt", mounted)
    return mounted


def run(script, folder, check=True):
    """Runs commands in a folder beside that of the stand-in for kubectl, and returns what they print."""
    return subprocess.run(["bash", "-c", script], cwd=folder, check=check, text=True, stdout=subprocess.PIPE,
                          env={**os.environ, "PATH": f"{folder.parent}/bin:{os.environ['PATH']}"}).stdout


@pytest.mark.parametrize("block, folder", [(0, "mounted"), (1, "home")], ids=["machine", "kubernetes"])
def test_protects_a_run_and_can_be_undone(make_deployment, mounted, tmp_path, block, folder):
    mounted.write_text("# none yet\n")
    deployment = make_deployment(runs=2, flags=["--protected-runs-file", str(mounted)])
    gateway = deployment.gateway
    protected, other = deployment.runs

    def adapt(script):
        return script.replace(EXAMPLE, protected.split(".")[-1]).replace("http://127.0.0.1:9090", gateway.admin_url)

    def wait_for(count):
        end = time.monotonic() + 60
        while gateway.metric("gateway_protected_runs") != count:
            assert time.monotonic() < end, gateway.events
            time.sleep(0.1)

    _, _, _, verify, who, undo = map(adapt, commands())
    run(adapt(commands()[block]), tmp_path / folder)
    wait_for(1)
    assert deployment.delete(protected) == "FAILED_PRECONDITION"
    assert deployment.delete(other) == "OK"
    assert run(verify, mounted.parent).split() == ["1", "gateway_protected_runs", "1"]
    (mounted.parent / "gateway.log").write_text("".join(json.dumps(line) + "\n" for line in gateway.access_log))
    assert run(who, mounted.parent).split()[-1] == protected

    run(undo, mounted.parent)
    assert mounted.read_text() == "# none yet\n"
    wait_for(0)
    assert deployment.delete(protected) == "OK"


def test_the_first_list_is_a_comment(mounted, tmp_path):
    run(commands()[2], tmp_path / "home")
    assert mounted.read_text() == "# none yet\n"


def test_a_list_that_could_not_be_read_is_not_replaced(mounted, tmp_path):
    run(commands()[1], tmp_path / "home", check=False)
    assert not mounted.exists()
