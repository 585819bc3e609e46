# SPDX-License-Identifier: Apache-2.0
"""TLS on the gRPC port: which clients are accepted, their identity, and replaced files."""

import concurrent.futures
import json
import signal
import socket
import ssl
import subprocess

import pytest

from evalrun_testing.certificates import Pair
from evalrun_testing.child_process import clean_environment, program
from evalrun_testing.client import SERVER_NAME, Client
from evalrun_testing.gateway import GatewayProcess, run_gateway

SERVED = "NOT_FOUND"  # the backend's response for a run that does not exist
SPIFFE = "spiffe://test/ns/batch"


def logged_caller(deployment, client):
    """The caller in the access log for a call of `client`."""
    assert client.delete(request_id="identity-1") == SERVED
    return deployment.gateway.wait_for(lambda line: line.get("request_id") == "identity-1")["caller"]


def handshake(deployment, **settings):
    """Connects by TLS. Returns the version, the ALPN protocol, and whether the server accepts the
    connection. `settings` are attributes of the SSLContext, and the offered protocols as `alpn`."""
    context = ssl.create_default_context(cafile=str(deployment.authority.certificate))
    for name, value in settings.items():
        if name != "alpn":
            setattr(context, name, value)
    if settings.get("alpn"):
        context.set_alpn_protocols(settings["alpn"])
    host, port = deployment.gateway.grpc_address.rsplit(":", 1)
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        with context.wrap_socket(connection, server_hostname=SERVER_NAME) as secured:
            # A server that accepts the connection sends its first HTTP/2 frame.
            frame = secured.recv(9)
            return secured.version(), secured.selected_alpn_protocol(), len(frame) == 9


def test_client_that_trusts_the_ca_is_served(make_deployment, authority):
    deployment = make_deployment(authority=authority, runs=1)
    assert deployment.connect().delete(deployment.runs[0]) == "OK"


def test_client_that_trusts_another_ca_sends_nothing(make_deployment, authority, untrusted_authority):
    deployment = make_deployment(authority=authority)
    assert deployment.connect(trusted_ca=untrusted_authority.certificate).delete() == "UNAVAILABLE"
    assert deployment.connect(server_name="other.test").delete() == "UNAVAILABLE"
    assert deployment.gateway.access_log == []


def test_plaintext_is_rejected(make_deployment, authority):
    deployment = make_deployment(authority=authority)
    with Client(deployment.gateway.grpc_address) as client:
        assert client.delete() == "UNAVAILABLE"
    assert deployment.gateway.access_log == []
    assert deployment.connect().delete() == SERVED


def test_alpn_h2_is_required(make_deployment, authority):
    deployment = make_deployment(authority=authority)
    assert handshake(deployment, alpn=["h2"]) == ("TLSv1.3", "h2", True)
    assert handshake(deployment, alpn=["http/1.1", "h2"])[1:] == ("h2", True)
    for alpn in (None, ["http/1.1"]):
        try:
            accepted = handshake(deployment, alpn=alpn)[2]
        except OSError:
            accepted = False
        assert not accepted, alpn


def test_tls_1_2_and_1_3(make_deployment, authority):
    deployment = make_deployment(authority=authority)
    for version, name in ((ssl.TLSVersion.TLSv1_2, "TLSv1.2"), (ssl.TLSVersion.TLSv1_3, "TLSv1.3")):
        assert handshake(deployment, alpn=["h2"], minimum_version=version,
                         maximum_version=version) == (name, "h2", True)
    for version, offered in (("-tls1_2", True), ("-tls1_1", False)):
        done = subprocess.run(
            ["openssl", "s_client", "-connect", deployment.gateway.grpc_address, version, "-alpn", "h2",
             "-cipher", "DEFAULT@SECLEVEL=0"],
            stdin=subprocess.DEVNULL, capture_output=True, check=False, timeout=20)
        assert (done.returncode == 0) == offered, version


@pytest.mark.parametrize(("wanted", "without"), [("required", "UNAVAILABLE"), ("optional", SERVED)])
def test_client_certificate_modes(make_deployment, authority, untrusted_authority, wanted, without):
    deployment = make_deployment(authority=authority, client_certificates=wanted)
    issue = authority.issue
    assert deployment.connect(issue("good", "DNS:batch.test")).delete() == SERVED
    assert deployment.connect().delete() == without
    for bad in (untrusted_authority.issue("untrusted_authority", "DNS:batch.test"),
                issue("expired", "DNS:batch.test", days=-1)):
        assert deployment.connect(bad).delete() == "UNAVAILABLE"


@pytest.mark.parametrize(("names", "expected"), [
    ((f"URI:{SPIFFE}", "DNS:batch.test"), SPIFFE),
    (("DNS:batch.test", "DNS:other.test"), "dns:batch.test"),
    ((), "ip:127.0.0.1"),  # the subject is not an identity
    # A certificate with two URIs has no SPIFFE id.
    ((f"URI:{SPIFFE}", "URI:spiffe://test/ns/other", "DNS:batch.test"), "dns:batch.test"),
])
def test_identity_is_from_the_certificate(make_deployment, authority, names, expected):
    deployment = make_deployment(authority=authority, client_certificates="required")
    assert logged_caller(deployment, deployment.connect(authority.issue("dns:root.test", *names))) == expected


@pytest.mark.parametrize("subject", ["/CN=proxy", "/"])
def test_certificate_that_names_nobody_is_no_trusted_proxy(make_deployment, authority, tmp_path, subject):
    """Although the network of its address is trusted."""
    config = tmp_path / "gateway.yaml"
    config.write_text("identity: {metadata_key: x-caller, trusted_networks: [127.0.0.0/8]}\n",
                      encoding="utf-8")
    deployment = make_deployment(authority=authority, client_certificates="optional",
                                 flags=["--config", config])
    proxy = deployment.connect(authority.issue("proxy", subject=subject))
    assert proxy.delete(metadata=[("x-caller", "team-a")]) == SERVED
    assert deployment.gateway.wait_for_event("call")["caller"] == "ip:127.0.0.1"
    without_certificate = deployment.connect()
    without_certificate.delete(metadata=[("x-caller", "team-a")])
    deployment.gateway.wait_for(lambda event: event.get("caller") == "metadata:team-a")


def test_failed_handshakes_are_counted_by_cause(make_deployment, authority):
    """With one event for each peer and cause, however often it happens. Whose it was is known with gRPC 1.51 only."""
    deployment = make_deployment(authority=authority, client_certificates="required")
    gateway = deployment.gateway
    host, port = gateway.grpc_address.rsplit(":", 1)
    for peer in ["127.0.0.1"] * 20 + ["127.0.0.2"]:
        with socket.create_connection((host, int(port)), timeout=20, source_address=(peer, 0)) as plain:
            plain.sendall(b"GET / HTTP/1.1\r\n\r\n")
            while plain.recv(1000):
                pass
    assert deployment.connect().delete() == "UNAVAILABLE"
    gateway.wait_for(lambda event: event.get("cause") == "no_client_certificate")
    failed = [event for event in gateway.events if event["event"] == "tls_handshake_failed"]
    not_tls = [event["peer"].rsplit(":", 1)[0] for event in failed if event["cause"] == "not_tls"]
    if gateway.has_grpc_1_51:
        assert not_tls == ["ipv4:127.0.0.1", "ipv4:127.0.0.2"]
        assert [event["peer"] for event in failed if not event["peer"].startswith("ipv4:127.0.0.")] == []
    else:
        assert not_tls == [""]
    assert {event["level"] for event in failed} == {"warning"}
    series = "gateway_tls_handshake_failures_total"
    assert gateway.metric(f'{series}{{cause="not_tls"}}') == 21
    assert gateway.metric(f'{series}{{cause="no_client_certificate"}}') >= 1
    assert gateway.stderr == ""


def test_unrequested_certificate_is_ignored(make_deployment, authority, untrusted_authority):
    deployment = make_deployment(authority=authority)
    caller = deployment.connect(untrusted_authority.issue("untrusted_authority", f"URI:{SPIFFE}"))
    assert logged_caller(deployment, caller) == "ip:127.0.0.1"


def test_evalrunctl(make_deployment, authority):
    deployment = make_deployment(authority=authority, client_certificates="required", runs=1)
    pair = authority.issue("operator", "DNS:operator.test")
    done = subprocess.run(
        [program("evalrunctl", "CLI_UNDER_TEST"), "delete", deployment.runs[0],
         "--server", deployment.gateway.grpc_address, "--tls", "--ca-file", authority.certificate,
         "--server-name", SERVER_NAME, "--cert-file", pair.certificate, "--key-file", pair.key],
        env=clean_environment(), capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert deployment.gateway.wait_for_event("call")["caller"] == "dns:operator.test"


def expiry_of(certificate):
    """The expiry of a certificate in a file, in seconds since 1970."""
    text = subprocess.run(["openssl", "x509", "-noout", "-enddate", "-in", certificate],
                          capture_output=True, text=True, check=True).stdout
    return ssl.cert_time_to_seconds(text.strip().removeprefix("notAfter="))


def test_reload_applies_to_new_connections(make_deployment, authority, untrusted_authority):
    deployment = make_deployment(authority=authority, client_certificates="required")
    old, new = authority.issue("old", "DNS:old.test"), untrusted_authority.issue("new", "DNS:new.test")
    before = deployment.connect(old)
    assert before.delete() == SERVED

    pair = untrusted_authority.issue("server", f"DNS:{SERVER_NAME}", days=9)
    deployment.replace_certificates(pair, untrusted_authority.certificate)
    deployment.gateway.wait_for_credential_reload()
    assert deployment.gateway.wait_for_event("certificates_reloaded")["set"] == "server"
    assert deployment.gateway.metric(
        'gateway_certificate_expiry_timestamp_seconds{certificate="server"}') == expiry_of(pair.certificate)
    assert deployment.connect(new, trusted_ca=untrusted_authority.certificate).delete() == SERVED
    assert before.delete() == SERVED  # on its open connection
    # The replaced authority is trusted for neither clients nor the server.
    assert deployment.connect(old, trusted_ca=untrusted_authority.certificate).delete() == "UNAVAILABLE"
    assert deployment.connect(new).delete() == "UNAVAILABLE"


def test_call_survives_reload(make_deployment, authority, untrusted_authority):
    deployment = make_deployment(authority=authority, runs=1)
    deployment.faults.set(fault="hold", count=1)
    with concurrent.futures.ThreadPoolExecutor() as pool:
        pending = pool.submit(deployment.connect().delete, deployment.runs[0], timeout=60)
        deployment.faults.wait_until_held()
        deployment.replace_certificates(untrusted_authority.issue("server", f"DNS:{SERVER_NAME}"))
        deployment.gateway.wait_for_credential_reload()
        assert deployment.connect(trusted_ca=untrusted_authority.certificate).delete() == SERVED
        deployment.faults.release()
        assert pending.result() == "OK"


@pytest.mark.parametrize(("broken", "reason"), [
    ("key", "it is not the key of"),
    ("expired", "has expired"),
    ("garbage", "there is no certificate in PEM"),
    ("missing", "No such file"),
])
def test_invalid_files_keep_the_old_certificate(make_deployment, authority, tmp_path, broken, reason):
    deployment = make_deployment(authority=authority)
    expiry = 'gateway_certificate_expiry_timestamp_seconds{certificate="server"}'
    before = deployment.gateway.metric(expiry)
    other, third = (authority.issue("server", f"DNS:{SERVER_NAME}", days=9) for _ in range(2))
    nothing = tmp_path / "nothing.pem"
    nothing.write_text("-----BEGIN CERTIFICATE-----\n????\n-----END CERTIFICATE-----\n")
    if broken == "missing":
        deployment.mount.put(**{"tls.crt": other.certificate})
    else:
        deployment.replace_certificates({
            "key": Pair(other.certificate, third.key),
            "expired": authority.issue("server", f"DNS:{SERVER_NAME}", days=-1),
            "garbage": Pair(nothing, third.key)}[broken])
    deployment.gateway.wait_for_credential_reload(result="failed")
    assert deployment.connect().delete() == SERVED
    event = deployment.gateway.wait_for_event("certificates_reload_failed")
    assert (event["level"], event["set"]) == ("error", "server")
    assert reason in event["reason"]
    assert deployment.gateway.metric(expiry) == before

    deployment.replace_certificates(other)
    deployment.gateway.wait_for_credential_reload()
    assert deployment.gateway.credential_reloads("server", "failed") == 1  # reported once
    assert deployment.gateway.metric(expiry) == expiry_of(other.certificate)


def test_invalid_configuration_does_not_block_certificate_reload(make_deployment, authority, tmp_path):
    config = tmp_path / "gateway.yaml"
    config.write_text("log: {level: info}\n")
    deployment = make_deployment(authority=authority, flags=("--config", str(config)))
    config.write_text("log: {level: loud}\n")
    deployment.gateway.wait_for_event("config_reload_failed")
    deployment.replace_certificates(authority.issue("server", f"DNS:{SERVER_NAME}"))
    deployment.gateway.wait_for_credential_reload()


def test_sighup_reloads_immediately(make_deployment, authority):
    deployment = make_deployment(authority=authority)
    deployment.gateway.signal(signal.SIGHUP)
    deployment.gateway.wait_for_credential_reload()


@pytest.mark.parametrize("extra", [(), ("--check-config",)])
def test_invalid_files_fail_startup(authority, extra):
    pair, other = (authority.issue("server", f"DNS:{SERVER_NAME}") for _ in range(2))
    done = run_gateway("--tls-certificate-file", pair.certificate, "--tls-key-file", other.key, *extra)
    assert done.returncode != 0
    assert f"{other.key}: it is not the key of {pair.certificate}" in done.stderr


def test_plaintext_on_public_address_needs_opt_in():
    refused = run_gateway("--listen", "0.0.0.0:0")
    assert refused.returncode == 2
    assert "server.insecure" in refused.stderr
    with GatewayProcess("http://127.0.0.1:1", api_key="a-key", listen="0.0.0.0:0",
                        flags=("--server-insecure",)) as gateway:
        [warning] = [line for line in gateway.events if line["level"] == "warning"]
        assert (warning["event"], warning["what"]) == ("insecure", "calls are served without TLS")


def test_page_shows_certificate_expiry(make_deployment, authority):
    deployment = make_deployment(authority=authority, client_certificates="required")
    metrics = json.loads(deployment.gateway.get("/status.json"))["metrics"]
    series = metrics["gateway_certificate_expiry_timestamp_seconds"]
    assert {each["labels"]["certificate"]: each["value"] for each in series} == {
        "server": expiry_of(deployment.pair.certificate),
        "server_ca": expiry_of(authority.certificate)}
