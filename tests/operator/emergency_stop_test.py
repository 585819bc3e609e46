# SPDX-License-Identifier: Apache-2.0
"""The emergency stop, by the very commands of the runbook. kubectl is a stand-in that keeps one ConfigMap, the file
of the gateway."""

import os
import pathlib
import subprocess
import time

import pytest

import kubectl
import runbook

TOP = pathlib.Path(__file__).resolve().parents[2]


def commands():
    """The blocks of commands in the section, each as one script: for Kubernetes, for a machine, and a query."""
    return runbook.blocks("Emergency stop")


@pytest.fixture
def run(tmp_path):
    """Runs commands in a folder that is not that of the gateway, where kubectl is the stand-in."""
    mounted = tmp_path / "mounted/gateway.yaml"
    mounted.parent.mkdir()
    mounted.write_text((TOP / "deploy/kubernetes/base/gateway.yaml").read_text())
    program = tmp_path / "bin/kubectl"
    kubectl.write(program, "evalrun-gateway", "gateway.yaml", mounted)

    def run(script, folder):
        (tmp_path / folder).mkdir(exist_ok=True)
        subprocess.run(["bash", "-euo", "pipefail", "-c", script], cwd=tmp_path / folder, check=True,
                       env={**os.environ, "PATH": f"{program.parent}:{os.environ['PATH']}"})
    run.mounted = mounted
    return run


@pytest.mark.parametrize("block, folder", [(0, "home"), (1, "mounted")],
                         ids=["kubernetes", "machine"])
def test_stops_within_a_minute_and_can_be_undone(make_deployment, run, tmp_path, block, folder):
    key = tmp_path / "api-key"
    deployment = make_deployment(runs=2, has_gateway=False)
    key.write_text(deployment.api_key)
    # What differs from a pod: the addresses and the key.
    gateway = deployment.start_gateway(
        "--config", str(run.mounted), "--api-key-file", str(key), "--drain-delay", "0s",
        "--admin-listen", "127.0.0.1:0")
    first, second = deployment.runs
    assert deployment.delete(first) == "OK"

    stop = commands()[block]
    began = time.monotonic()
    run(stop, folder)
    assert gateway.wait_for_event("deletions_stopped")
    assert time.monotonic() - began < 60
    assert deployment.delete(second) == "FAILED_PRECONDITION"
    assert gateway.metric("gateway_deletions_enabled") == 0
    assert gateway.metric("gateway_config_restart_needed") == 0, "nothing else has changed"
    assert "gateway_deletions_enabled" in commands()[2]

    run(stop.replace("deletions_enabled: false", "deletions_enabled: true"), folder)
    assert gateway.wait_for_event("deletions_resumed")
    assert deployment.delete(second) == "OK"


@pytest.mark.parametrize("end", ["", "\n", "\ndeletions_enabled: true", "\ndeletions_enabled: true\n",
                                 "\ndeletions_enabled: false\n"])
@pytest.mark.parametrize("block, folder", [(0, "home"), (1, "mounted")], ids=["kubernetes", "machine"])
def test_the_file_says_it_once_whatever_it_said_before(run, block, folder, end):
    before = run.mounted.read_text().rstrip("\n")
    assert "deletions_enabled" not in before
    run.mounted.write_text(before + end)
    for _ in range(2):  # two operators, one after the other
        run(commands()[block], folder)
        assert run.mounted.read_text() == before + "\ndeletions_enabled: false\n"
