# SPDX-License-Identifier: Apache-2.0
"""All examples of proto/examples print the same for the same deletion. EXAMPLE_UNDER_TEST names one."""

import os
import pathlib
import re
import subprocess

import pytest

from callers import SERVICE_CONFIG
from conftest import FAST_RETRIES
from evalrun_testing.certificates import Mount
from evalrun_testing.child_process import clean_environment
from examples import COMMANDS, TOP, Missing
from fault_rules import api_error

SETTLING_CALLS = 5


@pytest.fixture(scope="session")
def command():
    language = os.environ["EXAMPLE_UNDER_TEST"]
    directory = pathlib.Path(os.environ["EXAMPLE_DIRECTORY"])
    directory.mkdir(parents=True, exist_ok=True)
    try:
        return COMMANDS[language](directory)
    except Missing as missing:
        pytest.exit(f"skipped: {missing}", returncode=77)


@pytest.fixture
def delete_at(command):
    """`delete_at(gateway, run, ...)`: exit status, the line of each call, and the last line.

    The lines are without their request ids, which are compared with those in the gateway's log: all
    calls for one run have the same one.
    """
    def run_example(gateway, run, *more):
        done = subprocess.run(
            command(gateway.grpc_address, str(SERVICE_CONFIG), run, *more), check=False, text=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, env=clean_environment(), timeout=120)
        *calls, outcome = done.stdout.splitlines()
        printed = [re.fullmatch(r"(.*) request_id=(\S+)", call) for call in calls]
        assert all(printed), done.stdout
        for _ in calls:
            request_id = printed[0][2]
            gateway.wait_for(lambda event: event.get("request_id") == request_id)
        assert {call[2] for call in printed} == {call["request_id"] for call in gateway.access_log}
        return done.returncode, [call[1] for call in printed], outcome

    return run_example


@pytest.fixture
def delete(deployment, delete_at):
    return lambda run: delete_at(deployment.gateway, run)


def test_over_mutual_tls(make_deployment, delete_at, authority, tmp_path):
    spiffe = "spiffe://test/ns/batch"
    deployment = make_deployment(runs=1, flags=FAST_RETRIES, authority=authority,
                                 pair=authority.issue("server", "IP:127.0.0.1"),
                                 client_certificates="required")
    batch = authority.issue("batch", f"URI:{spiffe}")
    secret = Mount(tmp_path / "secret", **{"ca.crt": authority.certificate,
                                           "tls.crt": batch.certificate, "tls.key": batch.key})

    assert delete_at(deployment.gateway, deployment.runs[0], str(secret.folder)) == (
        0, ["OK deletion=performed reason=- domain=- retry_after=0.000s"], "gone")
    [call] = deployment.gateway.access_log
    assert call["caller"] == spiffe


def test_existing_run(deployment, delete):
    assert delete(deployment.runs[0]) == (
        0, ["OK deletion=performed reason=- domain=- retry_after=0.000s"], "gone")


def test_missing_run(delete):
    assert delete("00000000-0000-0000-0000-000000000001") == (
        1, ["NOT_FOUND deletion=absent reason=RESOURCE_NOT_FOUND domain=api.aymara.ai "
            "retry_after=0.000s"], "absent")


def test_invalid_id(delete):
    assert delete("not-an-id") == (
        1, ["INVALID_ARGUMENT deletion=not_performed reason=INVALID_FIELD domain=evalrun-gateway "
            "retry_after=0.000s"], "not_performed")


def test_retry_after_is_honored(deployment, delete):
    deployment.faults.set(**api_error(429, **{"Retry-After": "60"}))
    assert delete(deployment.runs[0]) == (
        1, ["RESOURCE_EXHAUSTED deletion=not_performed reason=SERVER_SCRIPTED "
            "domain=api.aymara.ai retry_after=60.000s"], "not_performed")


LOST = ("UNAVAILABLE deletion=unknown reason=UPSTREAM_CONNECTION_LOST domain=evalrun-gateway "
        "retry_after=0.010s")


def test_unknown_resolved_by_retry(deployment, delete):
    deployment.faults.set(fault="drop_after_commit", count=3)  # all attempts of the first call
    assert delete(deployment.runs[0]) == (
        0, [LOST, "OK deletion=absent reason=- domain=- retry_after=0.000s"], "gone")


def test_unknown_that_remains(deployment, delete):
    deployment.faults.set(fault="drop_after_reading")
    assert delete(deployment.runs[0]) == (1, [LOST] * (1 + SETTLING_CALLS), "unknown")


def test_python_example_requirements_are_pinned():
    wanted = TOP / "proto" / "examples" / "python" / "requirements.txt"
    here = TOP / "tests" / "python" / "requirements.txt"
    pins = [{line.split("#")[0].strip() for line in file.read_text().splitlines()}
            for file in (wanted, here)]
    assert pins[0] <= pins[1]
