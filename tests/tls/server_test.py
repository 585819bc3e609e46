"""TLS on the gRPC port: who gets in, as whom, and what a change of the files does."""

import concurrent.futures
import json
import signal
import socket
import ssl
import subprocess
import urllib.request

import grpc
import pytest

from aymara.evals.v1 import eval_run_service_pb2 as pb
from aymara.evals.v1 import eval_run_service_pb2_grpc as rpc
from conftest import NAME, metric, reloads, start, wait_for_reload
from evalrun_testing.certificates import Pair
from evalrun_testing.child_process import clean_environment, program
from evalrun_testing.gateway import GatewayProcess

SERVED = "NOT_FOUND"  # of a run that nobody knows, by the backend
SPIFFE = "spiffe://test/ns/batch"


def caller_of(house, caller):
    """Who the access log says that `caller` is."""
    assert caller.delete(x_request_id="who") == SERVED
    return house.gateway.wait_for(lambda line: line.get("request_id") == "who")["caller"]


def handshake(house, **settings):
    """A TLS connection to the port by hand: the version, and the protocol that ALPN chose."""
    context = ssl.create_default_context(cafile=str(house.authority.certificate))
    for name, value in settings.items():
        if name != "alpn":
            setattr(context, name, value)
    if settings.get("alpn"):
        context.set_alpn_protocols(settings["alpn"])
    host, port = house.gateway.grpc_address.rsplit(":", 1)
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        with context.wrap_socket(connection, server_hostname=NAME) as secured:
            # The server's first frame: only a connection that it accepts gets one.
            frame = secured.recv(9)
            return secured.version(), secured.selected_alpn_protocol(), len(frame) == 9


def test_client_that_trusts_the_ca_is_served(make_house):
    house = make_house(runs=1)
    assert house.caller().delete(house.runs[0]) == "OK"


def test_client_that_trusts_another_ca_sends_nothing(make_house, untrusted_authority):
    house = make_house()
    assert house.caller(trusting=untrusted_authority.certificate).delete() == "UNAVAILABLE"
    assert house.caller(name="other.test").delete() == "UNAVAILABLE"
    assert house.gateway.access_log == []


def test_plaintext_is_rejected(make_house):
    house = make_house()
    with grpc.insecure_channel(house.gateway.grpc_address) as channel:
        with pytest.raises(grpc.RpcError) as error:
            rpc.EvalRunServiceStub(channel).DeleteEvalRun(pb.DeleteEvalRunRequest(), timeout=10)
    assert error.value.code() == grpc.StatusCode.UNAVAILABLE
    assert house.gateway.access_log == []
    assert house.caller().delete() == SERVED


def test_alpn_h2_is_required(make_house):
    house = make_house()
    assert handshake(house, alpn=["h2"]) == ("TLSv1.3", "h2", True)
    assert handshake(house, alpn=["http/1.1", "h2"])[1:] == ("h2", True)
    for alpn in (None, ["http/1.1"]):
        try:
            accepted = handshake(house, alpn=alpn)[2]
        except OSError:
            accepted = False
        assert not accepted, alpn


def test_tls_1_2_and_1_3(make_house):
    house = make_house()
    for version, name in ((ssl.TLSVersion.TLSv1_2, "TLSv1.2"), (ssl.TLSVersion.TLSv1_3, "TLSv1.3")):
        assert handshake(house, alpn=["h2"], minimum_version=version,
                         maximum_version=version) == (name, "h2", True)
    for version, offered in (("-tls1_2", True), ("-tls1_1", False)):
        done = subprocess.run(
            ["openssl", "s_client", "-connect", house.gateway.grpc_address, version, "-alpn", "h2",
             "-cipher", "DEFAULT@SECLEVEL=0"],
            stdin=subprocess.DEVNULL, capture_output=True, check=False, timeout=20)
        assert (done.returncode == 0) == offered, version


@pytest.mark.parametrize(("wanted", "without"), [("required", "UNAVAILABLE"), ("optional", SERVED)])
def test_client_certificate_modes(make_house, untrusted_authority, wanted, without):
    house = make_house(client_certificates=wanted)
    issue = house.authority.issue
    assert house.caller(issue("good", "DNS:batch.test")).delete() == SERVED
    assert house.caller().delete() == without
    for bad in (untrusted_authority.issue("untrusted_authority", "DNS:batch.test"),
                issue("expired", "DNS:batch.test", days=-1)):
        assert house.caller(bad).delete() == "UNAVAILABLE"


@pytest.mark.parametrize(("names", "expected"), [
    ((f"URI:{SPIFFE}", "DNS:batch.test"), SPIFFE),
    (("DNS:batch.test", "DNS:other.test"), "dns:batch.test"),
    ((), "ip:127.0.0.1"),  # a subject alone names nobody
    # No SPIFFE id stands beside another URI.
    ((f"URI:{SPIFFE}", "URI:spiffe://test/ns/other", "DNS:batch.test"), "dns:batch.test"),
])
def test_identity_is_from_the_certificate(make_house, names, expected):
    house = make_house(client_certificates="required")
    assert caller_of(house, house.caller(house.authority.issue("dns:root.test", *names))) == expected


def test_unrequested_certificate_is_ignored(make_house, untrusted_authority):
    house = make_house()
    caller = house.caller(untrusted_authority.issue("untrusted_authority", f"URI:{SPIFFE}"))
    assert caller_of(house, caller) == "ip:127.0.0.1"


def test_evalrunctl(make_house):
    house = make_house(client_certificates="required", runs=1)
    pair = house.authority.issue("operator", "DNS:operator.test")
    done = subprocess.run(
        [program("evalrunctl", "CLI_UNDER_TEST"), "delete", house.runs[0],
         "--server", house.gateway.grpc_address, "--tls", "--ca-file", house.authority.certificate,
         "--server-name", NAME, "--cert-file", pair.certificate, "--key-file", pair.key],
        env=clean_environment(), capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert house.gateway.wait_for_event("call")["caller"] == "dns:operator.test"


def end_of(pair):
    """When the certificate ends, in seconds of Unix time."""
    text = subprocess.run(["openssl", "x509", "-noout", "-enddate", "-in", pair.certificate],
                          capture_output=True, text=True, check=True).stdout
    return ssl.cert_time_to_seconds(text.strip().removeprefix("notAfter="))


def test_reload_applies_to_new_connections(make_house, untrusted_authority):
    house = make_house(client_certificates="required")
    old, new = house.authority.issue("old", "DNS:old.test"), untrusted_authority.issue("new", "DNS:new.test")
    before = house.caller(old)
    assert before.delete() == SERVED

    pair = untrusted_authority.issue("server", f"DNS:{NAME}", days=9)
    house.replace(pair, untrusted_authority.certificate)
    wait_for_reload(house.gateway)
    assert house.gateway.wait_for_event("certificates_reloaded")["set"] == "server"
    assert metric(house.gateway, 'gateway_certificate_expiry_timestamp_seconds{certificate="server"}') == \
        end_of(pair)
    assert house.caller(new, trusting=untrusted_authority.certificate).delete() == SERVED
    assert before.delete() == SERVED  # its connection stands
    # The authority that was rotated out proves nobody any more, nor does it vouch for the server.
    assert house.caller(old, trusting=untrusted_authority.certificate).delete() == "UNAVAILABLE"
    assert house.caller(new).delete() == "UNAVAILABLE"


def test_call_survives_reload(make_house, untrusted_authority):
    house = make_house(runs=1)
    house.faults.set(fault="hold", count=1)
    with concurrent.futures.ThreadPoolExecutor() as pool:
        pending = pool.submit(house.caller().delete, house.runs[0], timeout=60)
        house.faults.wait_until_held()
        house.replace(untrusted_authority.issue("server", f"DNS:{NAME}"))
        wait_for_reload(house.gateway)
        assert house.caller(trusting=untrusted_authority.certificate).delete() == SERVED
        house.faults.release()
        assert pending.result() == "OK"


@pytest.mark.parametrize(("broken", "reason"), [
    ("key", "it is not the key of"),
    ("expired", "has expired"),
    ("garbage", "there is no certificate in PEM"),
    ("missing", "No such file"),
])
def test_invalid_files_keep_the_old_certificate(make_house, authority, tmp_path, broken,
                                                         reason):
    house = make_house()
    expiry = 'gateway_certificate_expiry_timestamp_seconds{certificate="server"}'
    before = metric(house.gateway, expiry)
    other, third = (authority.issue("server", f"DNS:{NAME}", days=9) for _ in range(2))
    nothing = tmp_path / "nothing.pem"
    nothing.write_text("-----BEGIN CERTIFICATE-----\n????\n-----END CERTIFICATE-----\n")
    if broken == "missing":
        house.mount.put(**{"tls.crt": other.certificate})
    else:
        house.replace({"key": Pair(other.certificate, third.key),
                       "expired": authority.issue("server", f"DNS:{NAME}", days=-1),
                       "garbage": Pair(nothing, third.key)}[broken])
    wait_for_reload(house.gateway, result="failed")
    assert house.caller().delete() == SERVED
    event = house.gateway.wait_for_event("certificates_reload_failed")
    assert (event["level"], event["set"]) == ("error", "server")
    assert reason in event["reason"]
    assert metric(house.gateway, expiry) == before

    house.replace(other)
    wait_for_reload(house.gateway)
    assert reloads(house.gateway, "server", "failed") == 1  # said once
    assert metric(house.gateway, expiry) == end_of(other)


def test_invalid_configuration_does_not_block_certificate_reload(make_house, authority,
                                                                        tmp_path):
    config = tmp_path / "gateway.yaml"
    config.write_text("log: {level: info}\n")
    house = make_house(flags=("--config", str(config)))
    config.write_text("log: {level: loud}\n")
    house.gateway.wait_for_event("config_reload_failed")
    house.replace(authority.issue("server", f"DNS:{NAME}"))
    wait_for_reload(house.gateway)


def test_sighup_reloads_immediately(make_house):
    house = make_house()
    house.gateway.signal(signal.SIGHUP)
    wait_for_reload(house.gateway)


@pytest.mark.parametrize("extra", [(), ("--check-config",)])
def test_invalid_files_fail_startup(authority, extra):
    pair, other = (authority.issue("server", f"DNS:{NAME}") for _ in range(2))
    done = start("--tls-certificate-file", pair.certificate, "--tls-key-file", other.key, *extra)
    assert done.returncode != 0
    assert f"{other.key}: it is not the key of {pair.certificate}" in done.stderr


def test_plaintext_on_public_address_needs_opt_in():
    refused = start("--listen", "0.0.0.0:0")
    assert refused.returncode == 2
    assert "server.insecure" in refused.stderr
    with GatewayProcess("http://127.0.0.1:1", api_key="a-key", listen="0.0.0.0:0",
                        flags=("--server-insecure",)) as gateway:
        [warning] = [line for line in gateway.events if line["level"] == "warning"]
        assert (warning["event"], warning["what"]) == ("insecure", "calls are served without TLS")


def test_page_shows_certificate_expiry(make_house):
    house = make_house(client_certificates="required")
    url = f"http://{house.gateway.admin_address}/status.json"
    with urllib.request.urlopen(url, timeout=20) as answer:
        series = json.load(answer)["metrics"]["gateway_certificate_expiry_timestamp_seconds"]
    assert {each["labels"]["certificate"]: each["value"] for each in series} == {
        "server": end_of(house.pair),
        "server_ca": end_of(Pair(house.authority.certificate, None))}
