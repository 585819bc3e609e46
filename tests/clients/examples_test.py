"""Each example of proto/examples says the same of the same deletion: EXAMPLE_UNDER_TEST is one."""

import os
import pathlib
import re
import subprocess

import pytest

from callers import SERVICE_CONFIG
from evalrun_testing.certificates import Authority, Mount
from evalrun_testing.child_process import clean_environment
from examples import COMMANDS, TOP, Missing
from replies import api_error

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
    """`delete_at(gateway, run, ...)`: exit status and what was said, less the request ids.

    Those are held against the gateway's log: every line has that of its call, and all are alike.
    """
    def run_example(gateway, run, *more):
        done = subprocess.run(
            command(gateway.grpc_address, str(SERVICE_CONFIG), run, *more), check=False, text=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, env=clean_environment(), timeout=120)
        *calls, outcome = done.stdout.splitlines()
        said = [re.fullmatch(r"(.*) request_id=(\S+)", call) for call in calls]
        assert all(said), done.stdout
        for _ in calls:
            request_id = said[0][2]
            gateway.wait_for(lambda event: event.get("request_id") == request_id)
        assert {call[2] for call in said} == {call["request_id"] for call in gateway.access_log}
        return done.returncode, [call[1] for call in said], outcome

    return run_example


@pytest.fixture
def delete(house, delete_at):
    gateway = house.gateway()
    return lambda run: delete_at(gateway, run)


def test_over_mutual_tls(house, delete_at, tmp_path):
    authority, spiffe = Authority(tmp_path, "authority"), "spiffe://test/ns/batch"
    server = authority.issue("server", "IP:127.0.0.1")
    batch = authority.issue("batch", f"URI:{spiffe}")
    secret = Mount(tmp_path / "secret", **{"ca.crt": authority.certificate,
                                           "tls.crt": batch.certificate, "tls.key": batch.key})
    gateway = house.gateway(
        "--tls-certificate-file", str(server.certificate), "--tls-key-file", str(server.key),
        "--tls-client-certificates", "required",
        "--tls-client-ca-file", str(authority.certificate))

    assert delete_at(gateway, house.run, str(secret.folder)) == (
        0, ["OK deletion=performed reason=- domain=- retry_after=0.000s"], "gone")
    [call] = gateway.access_log
    assert call["caller"] == spiffe


def test_existing_run(house, delete):
    assert delete(house.run) == (
        0, ["OK deletion=performed reason=- domain=- retry_after=0.000s"], "gone")


def test_missing_run(delete):
    assert delete("00000000-0000-0000-0000-000000000001") == (
        1, ["NOT_FOUND deletion=absent reason=RESOURCE_NOT_FOUND domain=api.aymara.ai "
            "retry_after=0.000s"], "absent")


def test_invalid_id(delete):
    assert delete("not-an-id") == (
        1, ["INVALID_ARGUMENT deletion=not_performed reason=INVALID_FIELD domain=evalrun-gateway "
            "retry_after=0.000s"], "not_performed")


def test_retry_after_is_honored(house, delete):
    house.faults.set(**api_error(429, **{"Retry-After": "60"}))
    assert delete(house.run) == (
        1, ["RESOURCE_EXHAUSTED deletion=not_performed reason=SERVER_SCRIPTED "
            "domain=api.aymara.ai retry_after=60.000s"], "not_performed")


LOST = ("UNAVAILABLE deletion=unknown reason=UPSTREAM_CONNECTION_LOST domain=evalrun-gateway "
        "retry_after=0.010s")


def test_unknown_resolved_by_retry(house, delete):
    house.faults.set(fault="drop_after_commit", count=3)  # all sends of the first call
    assert delete(house.run) == (
        0, [LOST, "OK deletion=absent reason=- domain=- retry_after=0.000s"], "gone")


def test_unknown_that_remains(house, delete):
    house.faults.set(fault="drop_after_reading")
    assert delete(house.run) == (1, [LOST] * (1 + SETTLING_CALLS), "unknown")


def test_python_example_requirements_are_pinned():
    wanted = TOP / "proto" / "examples" / "python" / "requirements.txt"
    here = TOP / "tests" / "python" / "requirements.txt"
    pins = [{line.split("#")[0].strip() for line in file.read_text().splitlines()}
            for file in (wanted, here)]
    assert pins[0] <= pins[1]
