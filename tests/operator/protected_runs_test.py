# SPDX-License-Identifier: Apache-2.0
"""Protecting a run and undoing it, by the very commands of the runbook. kubectl is a stand-in that keeps one ConfigMap,
the list of the gateway."""

import json
import os
import pathlib
import re
import subprocess
import textwrap
import time

import pytest

TOP = pathlib.Path(__file__).resolve().parents[2]
RUNBOOK = TOP / "deploy/prometheus/RUNBOOK.md"
EXAMPLE = "954d54bc-bd5f-4cb5-8d20-688f368b712e"

KUBECTL = """#!/bin/bash
set -euo pipefail
readonly mounted={mounted}
case "$*" in
  "-n evalrun get configmap evalrun-gateway-protected-runs -o jsonpath={{.data.ids\\.txt}}") cat "$mounted" ;;
  "-n evalrun create configmap evalrun-gateway-protected-runs --from-file=ids.txt --dry-run=client -o yaml") cat ids.txt ;;
  "apply --server-side --force-conflicts -f -") cat > "$mounted.next"; mv "$mounted.next" "$mounted" ;;
  "-n evalrun annotate pods -l app.kubernetes.io/name=evalrun-gateway evalrun-gateway/reloaded="*" --overwrite") ;;
  *) echo "unexpected: $*" >&2; exit 1 ;;
esac
"""


def commands():
    """The blocks of commands in the section, each as one script: on a machine, on Kubernetes, verify, who, undo."""
    section = RUNBOOK.read_text().split("\n## Protect and undo\n")[1].split("\n## ")[0]
    return [textwrap.dedent(block) for block in re.findall(r"(?:^    .*\n)+", section, re.MULTILINE)]


@pytest.mark.parametrize("block, folder", [(0, "mounted"), (1, "home")], ids=["machine", "kubernetes"])
def test_protects_a_run_and_can_be_undone(make_deployment, tmp_path, block, folder):
    mounted = tmp_path / "mounted/protected-runs.txt"
    kubectl = tmp_path / "bin/kubectl"
    for path in (mounted, kubectl, tmp_path / "home/x"):
        path.parent.mkdir()
    mounted.write_text("# none yet\n")
    kubectl.write_text(KUBECTL.format(mounted=mounted))
    kubectl.chmod(0o755)

    deployment = make_deployment(runs=2, flags=["--protected-runs-file", str(mounted)])
    gateway = deployment.gateway
    protected, other = deployment.runs
    bare_id = protected.split(".")[-1]

    def run(script, where=folder):
        script = script.replace(EXAMPLE, bare_id).replace("http://127.0.0.1:9090", gateway.admin_url)
        return subprocess.run(["bash", "-euo", "pipefail", "-c", script], cwd=tmp_path / where, check=True, text=True,
                              capture_output=True, env={**os.environ, "PATH": f"{kubectl.parent}:{os.environ['PATH']}"})

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
