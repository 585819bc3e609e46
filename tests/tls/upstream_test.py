"""TLS to the upstream: it is verified, and shown who we are."""

import contextlib
import http.server
import os
import shutil
import ssl
import subprocess
import threading
import uuid

import grpc
import pytest

from aymara.evals.v1 import eval_run_service_pb2 as pb
from aymara.evals.v1 import eval_run_service_pb2_grpc as rpc
from conftest import metric, start, wait_for_reload
from evalrun_testing.certificates import Mount
from evalrun_testing.child_process import program
from evalrun_testing.gateway import GatewayProcess

NAME = "localhost"


class TlsUpstream(http.server.ThreadingHTTPServer):
    """Deletes whatever it is asked to. With `clients`, a file, it wants a certificate of theirs."""

    daemon_threads = True

    def __init__(self, pair, clients=None):
        super().__init__(("127.0.0.1", 0), _Handler)
        self.callers = []  # for each request, the common name in the client's certificate, or None
        self.reused = []   # for each request, whether it came on a connection of another one
        self.beyond = b""  # what the first answer on a connection is followed by
        self._context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self.show(pair)
        if clients is not None:
            self._context.load_verify_locations(clients)
            self._context.verify_mode = ssl.CERT_REQUIRED
        self._thread = threading.Thread(target=self.serve_forever, daemon=True)
        self._thread.start()

    def __exit__(self, *_):
        self.shutdown()
        self.server_close()

    @property
    def url(self):
        return f"https://{NAME}:{self.server_port}/v2"

    def show(self, pair):
        """To connections that are made from now on."""
        self._context.load_cert_chain(pair.certificate, pair.key)

    def finish_request(self, request, client_address):
        with contextlib.suppress(OSError), self._context.wrap_socket(request, server_side=True) as s:
            super().finish_request(s, client_address)

    def shutdown_request(self, request):
        self.close_request(request)


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    is_first = True

    def do_DELETE(self):  # pylint: disable=invalid-name
        subject = dict(part[0] for part in (self.request.getpeercert() or {}).get("subject", ()))
        self.server.callers.append(subject.get("commonName"))
        self.server.reused.append(not self.is_first)
        if self.is_first or not self.server.beyond:
            self.wfile.write(b"HTTP/1.1 204 X\r\n\r\n" + self.server.beyond)
        else:
            self.wfile.write(b"HTTP/1.1 403 X\r\ncontent-length: 0\r\n\r\n")
        self.is_first = False

    def log_message(self, *_):
        pass


class House:
    """A gateway in front of an upstream over TLS."""

    def __init__(self, folder, stack, upstream, ca=None, pair=None):
        self.files = {} if ca is None else {"ca.crt": ca}
        if pair is not None:
            self.files |= {"tls.crt": pair.certificate, "tls.key": pair.key}
        self.mount = Mount(folder / "mounted", **self.files)
        flags = {"ca.crt": "--upstream-ca-file", "tls.crt": "--upstream-client-certificate-file",
                 "tls.key": "--upstream-client-key-file"}
        self.gateway = stack.enter_context(GatewayProcess(
            upstream.url, api_key="a-key", flags=[
                "--max-attempts", "1",
                *(word for name in self.files for word in (flags[name], str(self.mount.path(name))))]))
        channel = stack.enter_context(grpc.insecure_channel(self.gateway.grpc_address))
        self._stub = rpc.EvalRunServiceStub(channel)

    def delete(self):
        """OK, or the reason why not and what is certain."""
        request_id = str(uuid.uuid4())
        try:
            self._stub.DeleteEvalRun(pb.DeleteEvalRunRequest(eval_run_uuid=str(uuid.uuid4())),
                                     timeout=20, metadata=[("x-request-id", request_id)])
        except grpc.RpcError:
            line = self.gateway.wait_for(lambda line: line.get("request_id") == request_id)
            return line["reason"], line["deletion"]
        return "OK"

    def replace(self, **files):
        self.files |= {name.replace("_", "."): path for name, path in files.items()}
        self.mount.put(**self.files)


@pytest.fixture
def make_house(tmp_path):
    with contextlib.ExitStack() as stack:
        yield lambda *arguments, **options: House(tmp_path, stack, *arguments, **options)


@pytest.fixture
def make_upstream():
    with contextlib.ExitStack() as stack:
        yield lambda *arguments: stack.enter_context(TlsUpstream(*arguments))


REFUSED = ("UPSTREAM_TLS_FAILED", "not_performed")


def test_trusted_upstream_is_used(make_house, make_upstream, authority):
    upstream = make_upstream(authority.issue("upstream", f"DNS:{NAME}"))
    assert make_house(upstream, authority.certificate).delete() == "OK"
    assert upstream.callers == [None]


@pytest.mark.parametrize("wrong", ["authority", "system", "name", "expired", "ip"])
def test_untrusted_upstream_is_sent_nothing(make_house, make_upstream, authority, untrusted_authority, wrong):
    pair = {"authority": untrusted_authority.issue("upstream", f"DNS:{NAME}"),
            "name": authority.issue(NAME, "DNS:other.test"),
            "ip": authority.issue(NAME, "IP:127.0.0.1"),
            "expired": authority.issue("upstream", f"DNS:{NAME}", days=-1)}.get(
                wrong, authority.issue("upstream", f"DNS:{NAME}"))
    upstream = make_upstream(pair)
    house = make_house(upstream, None if wrong == "system" else authority.certificate)
    assert house.delete() == REFUSED
    assert upstream.callers == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives a process other authorities")
def test_system_cas_are_used_only_without_ca_file(
        make_house, make_upstream, authority, untrusted_authority, tmp_path, monkeypatch):
    """The system trusts `untrusted_authority`, by its one file and by its folder, as libcurl looks at both."""
    system = tmp_path / "system"
    system.mkdir()
    for name in ("ca-certificates.crt", "untrusted_authority.pem"):
        shutil.copy(untrusted_authority.certificate, system / name)
    subprocess.run(["openssl", "rehash", system], check=True, capture_output=True)
    wrapped = tmp_path / "gateway"
    wrapped.write_text('#!/bin/sh\nexec unshare --mount sh -c '
                       """'mount --bind "$0" /etc/ssl/certs && exec "$@"' """
                       f'{system} {program("evalrun-gateway", "GATEWAY_UNDER_TEST")} "$@"\n')
    wrapped.chmod(0o755)
    monkeypatch.setenv("GATEWAY_UNDER_TEST", str(wrapped))
    upstream = make_upstream(untrusted_authority.issue("upstream", f"DNS:{NAME}"))
    assert make_house(upstream).delete() == "OK"
    shutil.rmtree(tmp_path / "mounted")
    assert make_house(upstream, authority.certificate).delete() == REFUSED


def test_client_certificate_is_presented(make_house, make_upstream, authority, untrusted_authority):
    upstream = make_upstream(authority.issue("upstream", f"DNS:{NAME}"), authority.certificate)
    house = make_house(upstream, authority.certificate, authority.issue("gateway", "DNS:gw.test"))
    assert house.delete() == "OK"
    assert upstream.callers == ["gateway"]


@pytest.mark.parametrize("has_one", [False, True])
def test_rejected_client_certificate_sends_no_request(make_house, make_upstream, authority, untrusted_authority,
                                                     has_one):
    upstream = make_upstream(authority.issue("upstream", f"DNS:{NAME}"), authority.certificate)
    pair = untrusted_authority.issue("gateway", "DNS:gw.test") if has_one else None
    reason, deletion = make_house(upstream, authority.certificate, pair).delete()
    # With TLS 1.3 our side is done before the other one has looked at our certificate.
    assert (reason, deletion) in (REFUSED, ("UPSTREAM_CONNECTION_LOST", "unknown"))
    assert upstream.callers == []


def test_reload_applies_to_new_connections(make_house, make_upstream, tmp_path, authority,
                                             untrusted_authority):
    both = tmp_path / "both.pem"
    both.write_bytes(authority.certificate.read_bytes() + untrusted_authority.certificate.read_bytes())
    upstream = make_upstream(authority.issue("upstream", f"DNS:{NAME}"), both)
    house = make_house(upstream, authority.certificate, authority.issue("old", "DNS:gw.test"))
    assert house.delete() == "OK"

    pair = untrusted_authority.issue("new", "DNS:gw.test", days=9)
    house.replace(tls_crt=pair.certificate, tls_key=pair.key, ca_crt=both)
    wait_for_reload(house.gateway, "upstream")
    assert house.delete() == "OK"
    assert upstream.callers == ["old", "new"]

    # The authority that is taken out vouches for nobody: not by a connection that was made before,
    # nor by a session of one.
    house.replace(ca_crt=untrusted_authority.certificate)
    wait_for_reload(house.gateway, "upstream", count=2)
    assert house.delete() == REFUSED
    upstream.show(untrusted_authority.issue("upstream", f"DNS:{NAME}"))
    assert house.delete() == "OK"

    certificates = 'gateway_certificate_expiry_timestamp_seconds{certificate="%s"}'
    assert metric(house.gateway, certificates % "upstream") > metric(
        house.gateway, certificates % "upstream_ca")


@pytest.mark.parametrize("answers", [1, 100, 700, 5000])
def test_unexpected_bytes_are_not_the_next_response(make_house, make_upstream,
                                                                 authority, answers):
    """More than libcurl reads at a time, and more than TLS decrypts at a time."""
    upstream = make_upstream(authority.issue("upstream", f"DNS:{NAME}"))
    house = make_house(upstream, authority.certificate)
    upstream.beyond = b"HTTP/1.1 204 Y\r\n\r\n" * answers
    assert house.delete() == "OK"
    outcome = house.delete()
    if len(upstream.reused) == 1:
        assert outcome == ("UPSTREAM_CONNECTION_LOST", "not_performed")
        assert house.delete() == "OK"  # on another connection
    elif upstream.reused[1]:
        assert outcome == ("UPSTREAM_PERMISSION_DENIED", "not_performed")
    else:
        assert outcome == "OK"


def test_mismatched_key_pair_keeps_the_old_one(make_house, make_upstream, authority):
    upstream = make_upstream(authority.issue("upstream", f"DNS:{NAME}"), authority.certificate)
    house = make_house(upstream, authority.certificate, authority.issue("old", "DNS:gw.test"))
    house.replace(tls_crt=authority.issue("new", "DNS:gw.test").certificate)
    wait_for_reload(house.gateway, "upstream", "failed")
    assert house.delete() == "OK"
    assert upstream.callers == ["old"]


@pytest.mark.parametrize("flags", [(), ("--check-config",)])
def test_invalid_files_fail_startup(authority, flags):
    expired = authority.issue("gateway", "DNS:gw.test", days=-1)
    done = start("--upstream", "https://localhost:1/v2", "--upstream-client-certificate-file",
                 expired.certificate, "--upstream-client-key-file", expired.key, *flags)
    assert done.returncode != 0
    assert f"{expired.certificate}: the certificate, or one of its intermediates, has expired" in \
        done.stderr


def test_tls_files_without_https_are_rejected(authority):
    done = start("--upstream", "http://localhost:1/v2", "--upstream-ca-file", authority.certificate)
    assert done.returncode == 2
    assert "must come with an upstream.url that begins with https://" in done.stderr
