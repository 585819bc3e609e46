# SPDX-License-Identifier: Apache-2.0
"""No part of a private key is in the output of the gateway, whatever is in the files."""

import json
import pathlib

import pytest

from evalrun_testing.certificates import Pair
from evalrun_testing.client import SERVER_NAME
from evalrun_testing.gateway import run_gateway

UPSTREAM = "https://localhost:1/v2"


def lines_of(*keys):
    """The lines of the base64 of each key."""
    return {line for key in keys for line in pathlib.Path(key).read_text().splitlines()
            if not line.startswith("-----")}


def assert_absent(secrets, *texts):
    for text in texts:
        assert text
        # JSON may escape slashes.
        assert not [secret for secret in secrets if secret in text.replace("\\/", "/")], text


def output_of(gateway):
    for path in ("/", "/status.json", "/metrics", "/config", "/readyz"):
        yield gateway.get(path)
    yield pathlib.Path(f"/proc/{gateway.pid}/cmdline").read_text(encoding="utf-8")


def test_secrets_are_not_leaked_while_running(make_deployment, authority):
    deployment = make_deployment(authority=authority, client_certificates="required",
                                 flags=("--log-level", "debug"))
    issue = authority.issue
    swapped, other = (issue("server", f"DNS:{SERVER_NAME}") for _ in range(2))
    batch = issue("batch", "DNS:batch.test")
    secrets = lines_of(deployment.pair.key, swapped.key, other.key, batch.key)
    assert deployment.connect(batch).delete() == "NOT_FOUND"

    # A key and a certificate in place of each other, and the key of another certificate.
    for count, pair in enumerate((Pair(swapped.key, swapped.certificate),
                                  Pair(swapped.certificate, other.key)), start=1):
        deployment.replace_certificates(pair)
        deployment.gateway.wait_for_credential_reload(result="failed", count=count)
    deployment.replace_certificates(other, ca_file=other.key)
    deployment.gateway.wait_for_credential_reload(result="failed", count=3)
    assert deployment.connect(batch).delete() == "NOT_FOUND"

    assert_absent(secrets, *output_of(deployment.gateway))
    assert deployment.gateway.stop() == 0
    assert_absent(secrets, json.dumps(deployment.gateway.events))
    assert_absent(secrets, deployment.gateway.stderr or "nothing")


@pytest.mark.parametrize("extra", [(), ("--check-config",), ("--print-config",)])
@pytest.mark.parametrize(("certificate_flag", "key_flag"), [
    ("--tls-certificate-file", "--tls-key-file"),
    ("--upstream-client-certificate-file", "--upstream-client-key-file")])
def test_secrets_are_not_leaked_on_startup_failure(authority, certificate_flag, key_flag, extra):
    pair, other = (authority.issue("server", f"DNS:{SERVER_NAME}") for _ in range(2))
    for certificate, key in ((pair.key, pair.certificate), (pair.certificate, other.key),
                             (pair.key, pair.key)):
        done = run_gateway("--upstream", UPSTREAM, certificate_flag, certificate, key_flag, key, *extra)
        assert (done.returncode == 0) == ("--print-config" in extra)
        assert_absent(lines_of(pair.key, other.key), done.stdout + done.stderr)
