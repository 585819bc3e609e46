# SPDX-License-Identifier: Apache-2.0
"""TLS and client certificates, with certificates that the tests make."""

import subprocess

import grpc
import pytest

from evalrunctl import run, uuid
from scripted_server import ScriptedServer


@pytest.fixture(name="server", scope="module")
def _server(authority):
    certificate, key = authority.issue("server", "DNS:gateway.test")
    with ScriptedServer(credentials=grpc.ssl_server_credentials(
            [(key.read_bytes(), certificate.read_bytes())])) as server:
        yield server


@pytest.fixture(name="mtls_server", scope="module")
def _mtls_server(authority):
    """A server that requires a client certificate."""
    certificate, key = authority.issue("mtls_server", "DNS:gateway.test")
    with ScriptedServer(credentials=grpc.ssl_server_credentials(
            [(key.read_bytes(), certificate.read_bytes())], authority.certificate.read_bytes(),
            require_client_auth=True)) as server:
        yield server


def delete(server, *flags):
    return run("delete", uuid(1), "--server", server.address, *flags)


def trusting(authority):
    return "--tls", "--ca-file", authority.certificate, "--server-name", "gateway.test"


def test_deletes_over_tls(server, authority):
    done = delete(server, *trusting(authority))
    assert done.returncode == 0, done.stderr


def test_deletes_with_a_client_certificate(mtls_server, authority):
    certificate, key = authority.issue("caller")
    done = delete(mtls_server, *trusting(authority), "--cert-file", certificate, "--key-file", key)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(("flags", "message"), [
    ((), "add --tls"),
    (("--tls",), "with --ca-file"),
    (("--tls", "--ca-file", "{untrusted_authority}"), "not signed by an authority in --ca-file"),
    (("--tls", "--ca-file", "{authority}"), "with --server-name"),
    (("--tls", "--ca-file", "{authority}", "--server-name", "other.test"), "with --server-name"),
])
def test_untrusted_server_is_sent_nothing(server, authority, untrusted_authority, flags, message):
    before = len(server.ids)
    done = delete(server, *(flag.format(untrusted_authority=untrusted_authority.certificate,
                                        authority=authority.certificate) for flag in flags))
    assert done.returncode == 1
    assert "Nothing was sent." in done.stderr
    assert message in done.stderr
    assert len(server.ids) == before


def test_missing_client_certificate(mtls_server, authority, untrusted_authority):
    without = delete(mtls_server, *trusting(authority))
    assert without.returncode == 1
    assert "--cert-file and --key-file" in without.stderr
    certificate, key = untrusted_authority.issue("caller")
    wrong = delete(mtls_server, *trusting(authority), "--cert-file", certificate, "--key-file", key)
    assert wrong.returncode == 1
    assert f"may not accept the certificate in --cert-file {certificate}" in wrong.stderr


def test_tls_to_a_plaintext_port():
    with ScriptedServer() as server:
        done = delete(server, "--tls")
    assert done.returncode == 1
    assert "leave out --tls" in done.stderr


def test_invalid_files_are_reported_before_connecting(authority, tmp_path):
    certificate, key = authority.issue("caller")
    _, other_key = authority.issue("other")
    locked = tmp_path / "locked.key"
    subprocess.run(["openssl", "ec", "-in", str(key), "-aes256", "-passout", "pass:secret", "-out",
                    str(locked)], check=True, capture_output=True)
    nothing = tmp_path / "empty.pem"
    nothing.write_text("no certificate")
    for flags, message in (
            (("--ca-file", nothing), f"--ca-file {nothing}: there is no certificate"),
            (("--cert-file", nothing, "--key-file", key), f"--cert-file {nothing}: there is no"),
            (("--cert-file", certificate, "--key-file", other_key), "it is not the key of"),
            (("--cert-file", certificate, "--key-file", certificate), "there is no private key"),
            (("--cert-file", certificate, "--key-file", locked), "without a password"),
            (("--cert-file", certificate, "--key-file", tmp_path / "none"), "No such file")):
        done = run("delete", uuid(1), "--server", "127.0.0.1:1", "--tls", *flags)
        assert done.returncode == 2, flags
        assert message in done.stderr
