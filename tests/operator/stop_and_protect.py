# SPDX-License-Identifier: Apache-2.0
"""Prints a transcript of the emergency stop and of a protected run: the commands of the runbook for a machine, with a real
gateway and backend.

    tests/python/venv python tests/operator/stop_and_protect.py > tests/operator/STOP_AND_PROTECT.md

The programs are those of the preset dev.
"""

import json
import os
import pathlib
import re
import subprocess
import tempfile
import time

import emergency_stop_test
import protected_runs_test
from evalrun_testing.deployment import Deployment

TOP = pathlib.Path(__file__).resolve().parents[2]
HEAD = """# Stop, protect and undo

Written by `tests/python/venv python tests/operator/stop_and_protect.py > tests/operator/STOP_AND_PROTECT.md`: the commands
of the [runbook](../../deploy/prometheus/RUNBOOK.md#emergency-stop) for a machine, with the real gateway and backend. The
folder is that of `gateway.yaml`. Ids differ from run to run."""


class Shell:
    """Runs commands in a folder and prints them with their output and exit status."""

    def __init__(self, folder, gateway):
        self._folder, self.gateway = folder, gateway

    def run(self, command):
        done = subprocess.run(
            ["bash", "-c", command.replace("http://127.0.0.1:9090", self.gateway.admin_url)], cwd=self._folder,
            text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False,
            env=os.environ | {"PATH": f"{TOP}/build/dev:{os.environ['PATH']}",
                              "EVALRUNCTL_SERVER": self.gateway.grpc_address})
        print(f"    $ {command}")
        for line in done.stdout.splitlines():
            print(f"    {line}".rstrip())
        if done.returncode != 0:
            print(f"    [exit status {done.returncode}]")

    def event(self, name, **fields):
        """Waits for an event of the gateway with these fields and prints its line."""
        line = self.gateway.wait_for(lambda event: event["event"] == name and fields.items() <= event.items())
        print(f"    log: {json.dumps({key: line[key] for key in line if key not in ('time', 'timestamp')})}")

    def metric(self, name):
        self.run(f"curl -s http://127.0.0.1:9090/metrics | grep '^{name} '")


def begin(title):
    print(f"\n## {title}\n")


def main():
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        (folder / "protected-runs.txt").write_text("# none yet\n")
        (folder / "gateway.yaml").write_text(f"protected_runs_file: {folder}/protected-runs.txt\n")
        with Deployment(folder / "deployment", runs=3, has_gateway=False) as deployment:
            shell = Shell(folder, deployment.start_gateway("--config", str(folder / "gateway.yaml")))
            one, two, three = deployment.runs
            stop = emergency_stop_test.commands()[1].strip()
            protect, _, _, verify, _, undo = (block.strip() for block in protected_runs_test.commands())
            bare_id = re.sub(r"^[a-z_]+\.", "", two)

            print(HEAD)
            begin("Before")
            shell.run(f"evalrunctl delete {one}")
            begin("Emergency stop")
            shell.run(stop)
            shell.event("deletions_stopped")
            shell.run(f"evalrunctl delete {two}")
            shell.metric("gateway_deletions_enabled")
            shell.run("curl -s -o /dev/null -w '%{http_code}\\n' http://127.0.0.1:9090/readyz")
            begin("Undo")
            shell.run(stop.replace("deletions_enabled: false", "deletions_enabled: true"))
            shell.event("deletions_resumed")
            shell.metric("gateway_deletions_enabled")
            begin("Protect")
            shell.run(protect.replace(protected_runs_test.EXAMPLE, bare_id))
            shell.event("protected_runs_loaded", runs="1")
            for command in verify.splitlines():
                shell.run(command)
            shell.run(f"evalrunctl delete {two}")
            shell.run(f"evalrunctl delete {three}")
            begin("Undo the protection")
            for command in undo.splitlines():
                shell.run(command.replace(protected_runs_test.EXAMPLE, bare_id))
            while shell.gateway.metric("gateway_protected_runs") != 0:
                time.sleep(0.1)
            shell.metric("gateway_protected_runs")
            shell.run(f"evalrunctl delete {two}")


if __name__ == "__main__":
    main()
