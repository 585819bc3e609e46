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
    """The blocks of commands in the section, each as one script: on a machine, on Kubernetes, verify, who, undo."""
    return runbook.blocks("Protect and undo")


@pytest.mark.parametrize("block, folder", [(0, "mounted"), (1, "home")], ids=["machine", "kubernetes"])
def test_protects_a_run_and_can_be_undone(make_deployment, tmp_path, block, folder):
    mounted = tmp_path / "mounted/protected-runs.txt"
    program = tmp_path / "bin/kubectl"
    for path in (mounted, tmp_path / "home/x"):
        path.parent.mkdir()
    mounted.write_text("# none yet\n")
    kubectl.write(program, "evalrun-gateway-protected-runs", "ids.txt", mounted)

    deployment = make_deployment(runs=2, flags=["--protected-runs-file", str(mounted)])
    gateway = deployment.gateway
    protected, other = deployment.runs
    bare_id = protected.split(".")[-1]

    def run(script, where=folder):
        script = script.replace(EXAMPLE, bare_id).replace("http://127.0.0.1:9090", gateway.admin_url)
        return subprocess.run(["bash", "-euo", "pipefail", "-c", script], cwd=tmp_path / where, check=True, text=True,
                              capture_output=True, env={**os.environ, "PATH": f"{program.parent}:{os.environ['PATH']}"})

    def wait_for(count):
        end = time.monotonic() + 60
        while gateway.metric("gateway_protected_runs") != count:
            assert time.monotonic() < end, gateway.events
            time.sleep(0.1)

    _, _, verify, who, undo = commands()
    run(commands()[block])
    wait_for(1)
    assert deployment.delete(protected) == "FAILED_PRECONDITION"
    assert deployment.delete(other) == "OK"
    assert run(verify, "mounted").stdout.split() == ["1", "gateway_protected_runs", "1"]
    (tmp_path / "mounted/gateway.log").write_text("".join(json.dumps(line) + "\n" for line in gateway.access_log))
    assert run(who, "mounted").stdout.split()[-1] == protected

    run(undo, "mounted")
    assert mounted.read_text() == "# none yet\n"
    wait_for(0)
    assert deployment.delete(protected) == "OK"
