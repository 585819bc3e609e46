"""No part of a private key is in anything that the gateway writes or shows, whatever becomes of
its files."""

import json
import pathlib
import urllib.request

import pytest

from conftest import NAME, start, wait_for_reload
from evalrun_testing.certificates import Pair

UPSTREAM = "https://localhost:1/v2"


def lines_of(*keys):
    """What would be recognised anywhere: the lines of each key's base64."""
    return {line for key in keys for line in pathlib.Path(key).read_text().splitlines()
            if not line.startswith("-----")}


def expect_none(secrets, *texts):
    for text in texts:
        assert text
        # JSON would escape slashes, or not.
        assert not [secret for secret in secrets if secret in text.replace("\\/", "/")], text


def shown(gateway):
    for path in ("/", "/status.json", "/metrics", "/config", "/readyz"):
        with urllib.request.urlopen(f"http://{gateway.admin_address}{path}", timeout=20) as answer:
            yield answer.read().decode()
    yield pathlib.Path(f"/proc/{gateway.pid}/cmdline").read_text(encoding="utf-8")


def test_secrets_are_not_leaked_while_running(make_house):
    house = make_house(client_certificates="required", flags=("--log-level", "debug"))
    issue = house.authority.issue
    swapped, other = (issue("server", f"DNS:{NAME}") for _ in range(2))
    batch = issue("batch", "DNS:batch.test")
    secrets = lines_of(house.pair.key, swapped.key, other.key, batch.key)
    assert house.caller(batch).delete() == "NOT_FOUND"

    # A key where a certificate should be, and that of another certificate.
    for count, pair in enumerate((Pair(swapped.key, swapped.certificate),
                                  Pair(swapped.certificate, other.key)), start=1):
        house.replace(pair)
        wait_for_reload(house.gateway, result="failed", count=count)
    house.replace(other, authority=other.key)
    wait_for_reload(house.gateway, result="failed", count=3)
    assert house.caller(batch).delete() == "NOT_FOUND"

    expect_none(secrets, *shown(house.gateway))
    assert house.gateway.stop() == 0
    expect_none(secrets, json.dumps(house.gateway.events))
    expect_none(secrets, house.gateway.stderr or "nothing")


@pytest.mark.parametrize("extra", [(), ("--check-config",), ("--print-config",)])
@pytest.mark.parametrize(("certificate_flag", "key_flag"), [
    ("--tls-certificate-file", "--tls-key-file"),
    ("--upstream-client-certificate-file", "--upstream-client-key-file")])
def test_secrets_are_not_leaked_on_startup_failure(authority, certificate_flag, key_flag, extra):
    pair, other = (authority.issue("server", f"DNS:{NAME}") for _ in range(2))
    for certificate, key in ((pair.key, pair.certificate), (pair.certificate, other.key),
                             (pair.key, pair.key)):
        done = start("--upstream", UPSTREAM, certificate_flag, certificate, key_flag, key, *extra)
        assert (done.returncode == 0) == ("--print-config" in extra)
        expect_none(lines_of(pair.key, other.key), done.stdout + done.stderr)
