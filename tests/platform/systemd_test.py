# SPDX-License-Identifier: Apache-2.0
"""deploy/systemd: the unit is valid, little exposed, and allows what a gateway that serves calls does."""

import os
import pathlib
import re
import shutil
import signal
import subprocess

import pytest

from evalrun_testing.child_process import program
from evalrun_testing.deployment import Deployment

TOP = pathlib.Path(__file__).resolve().parents[2]
UNIT = TOP / "deploy/systemd/evalrun-gateway.service"
# Tenths of the exposure level; deploy/systemd/README.md has the level itself.
MAX_EXPOSURE = 15

pytestmark = pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed")


def analyze(*arguments):
    return subprocess.run(["systemd-analyze", *map(str, arguments)], capture_output=True, text=True, timeout=60)


def settings(name):
    """The values of a setting, each line of it."""
    return re.findall(rf"^{name}=(.*)$", UNIT.read_text(), re.MULTILINE)


def install(tmp_path, text):
    unit = tmp_path / UNIT.name
    unit.write_text(text.replace("/usr/bin/evalrun-gateway", program("evalrun-gateway", "GATEWAY_UNDER_TEST")))
    return unit


def test_verify(tmp_path):
    done = analyze("verify", "--man=no", install(tmp_path, UNIT.read_text()))
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_verify_finds_an_unknown_setting(tmp_path):
    done = analyze("verify", "--man=no", install(tmp_path, UNIT.read_text().replace("ProtectHome=", "ProtectHoem=")))
    assert "ProtectHoem" in done.stderr


def test_exposure(tmp_path):
    unit = install(tmp_path, UNIT.read_text())
    done = analyze("security", "--offline=true", f"--threshold={MAX_EXPOSURE}", unit)
    assert done.returncode == 0, done.stdout
    unit.write_text(unit.read_text().replace("SystemCallFilter=@system-service\n", ""))
    assert analyze("security", "--offline=true", f"--threshold={MAX_EXPOSURE}", unit).returncode != 0


def call_groups():
    groups, current = {}, None
    for line in analyze("syscall-filter", "--no-pager").stdout.splitlines():
        if line.startswith("@"):
            current = groups.setdefault(line.strip(), [])
        elif line.strip() and not line.strip().startswith("#"):
            current.append(line.strip())
    return groups


def allowed_calls():
    groups = call_groups()

    def expand(name):
        return set().union(*map(expand, groups[name])) if name.startswith("@") else {name}
    allowed = set()
    for line in settings("SystemCallFilter"):
        named = set().union(*map(expand, line.removeprefix("~").split()))
        allowed = allowed - named if line.startswith("~") else allowed | named
    return allowed


def test_unit_allows_what_the_gateway_does(tmp_path):
    trace = tmp_path / "trace"
    with Deployment(tmp_path / "d", has_gateway=False, runs=3) as deployment:
        # By name, so that it is resolved.
        port = deployment.backend.address.rpartition(":")[2]
        with Deployment(tmp_path / "g", upstream=f"http://localhost:{port}/v2", api_key=deployment.api_key,
                        flags=("--audit", tmp_path / "audit"), wrap=("strace", "-f", "-o", trace)) as gateway:
            assert [gateway.delete(run) for run in deployment.runs] == ["OK"] * 3
            assert gateway.gateway.get("/metrics") and gateway.gateway.get("/")
            # strace ends with the program that it follows; alone, it would leave it running.
            os.kill(int(re.match(r"\d+", trace.read_text(errors="replace"))[0]), signal.SIGTERM)
            gateway.gateway.wait()
    text = trace.read_text(errors="replace")
    calls = set(re.findall(r"^\d+ +(?:<\.\.\. )?([a-z]\w*)(?:\(| resumed)", text, re.MULTILINE)) - {"execve"}
    assert len(calls) > 40 and "epoll_wait" in calls
    assert calls <= allowed_calls(), calls - allowed_calls()
    families = set(re.findall(r"\bsocket\((\w+)", text))
    assert families <= set(settings("RestrictAddressFamilies")[0].split()), families
    # MemoryDenyWriteExecute, ProtectProc=invisible, RestrictNamespaces.
    assert not re.search(r"PROT_\w*(WRITE\|PROT_EXEC)", text)
    assert not re.search(r'"/proc/\d', text)
    assert "CLONE_NEW" not in text
