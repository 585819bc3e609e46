# SPDX-License-Identifier: Apache-2.0
"""All examples of proto/examples print the same for the same deletion. EXAMPLE_UNDER_TEST names one."""

import contextlib
import os
import pathlib
import re
import socket
import subprocess
import types

import pytest

from callers import SERVICE_CONFIG
from conftest import FAST_RETRIES
from evalrun_testing.certificates import Authority, Pair
from evalrun_testing.child_process import clean_environment
from examples import COMMANDS, TOP, Missing
from fault_rules import api_error

SETTLING_CALLS = 5
DELETED = (0, ["OK deletion=performed reason=- domain=- retry_after=0.000s"], "gone")
TLS_RECIPE = TOP / "service" / "config" / "README.md"


@pytest.fixture(scope="session")
def command():
    language = os.environ["EXAMPLE_UNDER_TEST"]
    directory = pathlib.Path(os.environ["EXAMPLE_DIRECTORY"])
    directory.mkdir(parents=True, exist_ok=True)
    try:
        return COMMANDS[language](directory)
    except Missing as missing:
        pytest.skip(str(missing))


def run_to_end(command, address, run, *more, timeout=120):
    return subprocess.run(
        command(address, str(SERVICE_CONFIG), run, *more), check=False, text=True,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, env=clean_environment(), timeout=timeout)


@pytest.fixture
def delete_at(command):
    """`delete_at(gateway, run, ...)`: exit status, the line of each call, and the last line.

    The lines are without their request ids, which are compared with those in the gateway's log: all
    calls for one run have the same one; and without their messages: only an OK has none.
    """
    def run_example(gateway, run, *more, address=None):
        done = run_to_end(command, address or gateway.grpc_address, run, *more)
        *calls, outcome = done.stdout.splitlines()
        printed = [re.fullmatch(r"(.*) request_id=(\S+) message=(.+)", call) for call in calls]
        assert all(printed), done.stdout
        assert all((call[3] == "-") == call[1].startswith("OK ") for call in printed), done.stdout
        for _ in calls:
            request_id = printed[0][2]
            gateway.wait_for(lambda event: event.get("request_id") == request_id)
        assert {call[2] for call in printed} == {call["request_id"] for call in gateway.access_log}
        return done.returncode, [call[1] for call in printed], outcome

    return run_example


@pytest.fixture
def delete(deployment, delete_at):
    return lambda run: delete_at(deployment.gateway, run)


def from_recipe(first, last, folder, before=""):
    """Runs lines of the documented recipe for TLS in a folder, after the line `before`."""
    lines = re.search(rf"^    {first}(?:.|\n)*?\n .*{last}.*\n", TLS_RECIPE.read_text(), re.M)
    return subprocess.run(["bash", "-euc", before + "\n" + lines[0]], cwd=folder, check=True, capture_output=True, text=True)


@pytest.fixture(scope="session")
def certificates(tmp_path_factory):
    """The folder of the files that the documented recipe makes, and an authority that it does not know."""
    folder = tmp_path_factory.mktemp("certificates")
    from_recipe("openssl req -x509", "issue batch ", folder)
    Authority(folder, "other")
    return folder


def all_addresses():
    """Where a client may look for `localhost`: some resolvers know ::1 for it though /etc/hosts does not."""
    with contextlib.suppress(OSError), socket.socket(socket.AF_INET6) as probe:
        probe.bind(("::1", 0))
        return "[::]:0"
    return "127.0.0.1:0"


@pytest.fixture
def tls_deployment(make_deployment, certificates):
    """`tls_deployment(client_certificates)`: with the certificates of the recipe, for `localhost`."""
    def make(client_certificates="off"):
        deployment = make_deployment(
            runs=1, flags=FAST_RETRIES, client_certificates=client_certificates, has_gateway=False,
            authority=types.SimpleNamespace(certificate=certificates / "ca.crt"),
            pair=Pair(certificates / "server.crt", certificates / "server.key"))
        deployment.start_gateway(listen=all_addresses())
        return deployment

    return make


def on_host(host, gateway):
    return host + ":" + gateway.grpc_address.rpartition(":")[2]


def on_localhost(gateway):
    return on_host("localhost", gateway)


@pytest.mark.usefixtures("command")
def test_gateway_of_the_recipe_has_a_valid_configuration(certificates):
    done = from_recipe("AYMARA_AI_API_KEY=", "--tls-client-certificates", certificates,
                       before='evalrun-gateway() { "$GATEWAY_UNDER_TEST" "$@" --check-config; }')
    assert "configuration OK" in done.stdout + done.stderr


def test_over_tls(tls_deployment, certificates, delete_at):
    deployment = tls_deployment()
    assert delete_at(deployment.gateway, deployment.runs[0], str(certificates / "ca.crt"),
                     address=on_localhost(deployment.gateway)) == DELETED


def test_over_mutual_tls(tls_deployment, certificates, delete_at):
    deployment = tls_deployment("required")
    files = [str(certificates / name) for name in ("ca.crt", "batch.crt", "batch.key")]
    assert delete_at(deployment.gateway, deployment.runs[0], *files,
                     address=on_localhost(deployment.gateway)) == DELETED
    [call] = deployment.gateway.access_log
    assert call["caller"] == "spiffe://example.org/ns/batch"


# The files that the example gets, whether it connects by the name in the certificate, what its message says, and
# the cause in the gateway's log. Where the gateway ends the connection, libraries know no more than that.
MISTAKES = {
    "plaintext to TLS": ([], True, ".+", "not_tls"),
    "another name": (["ca.crt"], False, "(?i)certificate|hostname", None),
    "another authority": (["other.pem"], True, "(?i)certificat|issuer", None),
    "no client certificate": (["ca.crt"], True, ".+", "no_client_certificate"),
}


def assert_not_connected(command, deployment, address, *files, message):
    """At once, although the service config says that a deletion waits until a gateway can be reached."""
    done = run_to_end(command, address, deployment.runs[0], *files, timeout=15)
    said = re.fullmatch(r"[A-Z_]+ before any deletion was requested: (.+)\nnot_performed\n", done.stdout)
    assert said, done.stdout
    assert re.search(message, said[1])
    assert done.returncode == 1
    assert deployment.gateway.access_log == []


@pytest.mark.parametrize("mistake", MISTAKES)
def test_connection_mistake_is_reported_at_once(mistake, tls_deployment, certificates, command):
    files, by_name, message, cause = MISTAKES[mistake]
    deployment = tls_deployment("required" if mistake == "no client certificate" else "off")
    address = on_localhost(deployment.gateway) if by_name else on_host("127.0.0.1", deployment.gateway)
    assert_not_connected(command, deployment, address, *(str(certificates / name) for name in files),
                         message=message)
    if cause:
        event = deployment.gateway.wait_for_event("tls_handshake_failed")
        assert event["cause"] == cause


def test_tls_to_a_plaintext_port_is_reported_at_once(deployment, certificates, command):
    assert_not_connected(command, deployment, deployment.gateway.grpc_address, str(certificates / "ca.crt"),
                         message="(?i)wrong.version.number|ssl|tls|InvalidContentType")


def test_wrong_port_is_reported_at_once(deployment, command):
    with socket.socket() as unused:  # bound, but nobody listens
        unused.bind(("127.0.0.1", 0))
        assert_not_connected(command, deployment, "127.0.0.1:%d" % unused.getsockname()[1],
                             message="(?i)refused")


def test_existing_run(deployment, delete):
    assert delete(deployment.runs[0]) == DELETED


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
