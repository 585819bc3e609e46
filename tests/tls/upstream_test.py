# SPDX-License-Identifier: Apache-2.0
"""TLS to the upstream: verification of the upstream, and the gateway's client certificate."""

import contextlib
import http.server
import itertools
import os
import shutil
import ssl
import subprocess
import threading
import uuid

import pytest

from evalrun_testing.certificates import Mount
from evalrun_testing.gateway import run_gateway

NAME = "localhost"


class TlsUpstream(http.server.ThreadingHTTPServer):
    """Responds to every request that the run was deleted. With `client_ca`, a file, it requires a client
    certificate."""

    daemon_threads = True

    def __init__(self, pair, client_ca=None):
        super().__init__(("127.0.0.1", 0), _Handler)
        self.callers = []  # for each request, the common name of the client certificate, or None
        self.reused = []   # for each request, whether its connection had carried another one
        self.excess = b""  # sent after the first response on a connection
        self._context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self.present(pair)
        if client_ca is not None:
            self._context.load_verify_locations(client_ca)
            self._context.verify_mode = ssl.CERT_REQUIRED
        self._thread = threading.Thread(target=self.serve_forever, daemon=True)
        self._thread.start()

    def __exit__(self, *_):
        self.shutdown()
        self.server_close()

    @property
    def url(self):
        return f"https://{NAME}:{self.server_port}/v2"

    def present(self, pair):
        """Sets the certificate for new connections."""
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
        if self.is_first or not self.server.excess:
            self.wfile.write(b"HTTP/1.1 204 X\r\n\r\n" + self.server.excess)
        else:
            self.wfile.write(b"HTTP/1.1 403 X\r\ncontent-length: 0\r\n\r\n")
        self.is_first = False

    def log_message(self, *_):
        pass


class ConnectedGateway:
    """A gateway with an upstream over TLS, with the files that it needs for it in a Mount."""

    _FLAGS = {"ca.crt": "--upstream-ca-file", "tls.crt": "--upstream-client-certificate-file",
              "tls.key": "--upstream-client-key-file"}

    def __init__(self, make_deployment, folder, upstream, ca=None, pair=None, wrap=()):
        self._files = {} if ca is None else {"ca.crt": ca}
        if pair is not None:
            self._files |= {"tls.crt": pair.certificate, "tls.key": pair.key}
        self._mount = Mount(folder, **self._files)
        flags = [word for name in self._files
                 for word in (self._FLAGS[name], str(self._mount.path(name)))]
        self._deployment = make_deployment(upstream=upstream.url, wrap=wrap,
                                           flags=["--max-attempts", "1", *flags])
        self.process = self._deployment.gateway

    def delete(self):
        """OK, or the reason of the error and what is certain about the run."""
        request_id = str(uuid.uuid4())
        if self._deployment.delete(request_id=request_id) == "OK":
            return "OK"
        line = self.process.wait_for(lambda line: line.get("request_id") == request_id)
        return line["reason"], line["deletion"]

    def replace(self, **files):
        """Replaces files in one step, such as `ca_crt=path`."""
        self._files |= {name.replace("_", "."): path for name, path in files.items()}
        self._mount.put(**self._files)


@pytest.fixture
def make_gateway(make_deployment, tmp_path):
    """`make_gateway(upstream, ca, pair)`: a ConnectedGateway."""
    numbers = itertools.count()
    return lambda *arguments, **options: ConnectedGateway(
        make_deployment, tmp_path / f"upstream-files-{next(numbers)}", *arguments, **options)


@pytest.fixture
def make_upstream():
    with contextlib.ExitStack() as stack:
        yield lambda *arguments: stack.enter_context(TlsUpstream(*arguments))


TLS_FAILED = ("UPSTREAM_TLS_FAILED", "not_performed")


def test_trusted_upstream_is_used(make_gateway, make_upstream, authority):
    upstream = make_upstream(authority.issue("upstream", f"DNS:{NAME}"))
    assert make_gateway(upstream, authority.certificate).delete() == "OK"
    assert upstream.callers == [None]


@pytest.mark.parametrize("wrong", ["authority", "system", "name", "expired", "ip"])
def test_untrusted_upstream_is_sent_nothing(make_gateway, make_upstream, authority,
                                            untrusted_authority, wrong):
    pair = {"authority": untrusted_authority.issue("upstream", f"DNS:{NAME}"),
            "name": authority.issue(NAME, "DNS:other.test"),
            "ip": authority.issue(NAME, "IP:127.0.0.1"),
            "expired": authority.issue("upstream", f"DNS:{NAME}", days=-1)}.get(
                wrong, authority.issue("upstream", f"DNS:{NAME}"))
    upstream = make_upstream(pair)
    gateway = make_gateway(upstream, None if wrong == "system" else authority.certificate)
    assert gateway.delete() == TLS_FAILED
    assert upstream.callers == []
    event = gateway.process.wait_for_event("upstream_unreachable")
    assert event["what"] == "UPSTREAM_TLS_FAILED"
    assert event["address"] == f"127.0.0.1:{upstream.server_port}"
    assert {"authority": "unable to get local issuer certificate",
            "system": "unable to get local issuer certificate",
            "name": "no alternative certificate subject name", "expired": "certificate has expired",
            "ip": "no alternative certificate subject name"}[wrong] in event["reason"]


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to mount other authorities")
def test_system_cas_are_used_only_without_ca_file(
        make_gateway, make_upstream, authority, untrusted_authority, tmp_path):
    """The system trusts `untrusted_authority`, by its file and by its folder: libcurl reads both."""
    system = tmp_path / "system"
    system.mkdir()
    for name in ("ca-certificates.crt", "untrusted_authority.pem"):
        shutil.copy(untrusted_authority.certificate, system / name)
    subprocess.run(["openssl", "rehash", system], check=True, capture_output=True)
    wrap = ["unshare", "--mount", "sh", "-c", 'mount --bind "$0" /etc/ssl/certs && exec "$@"', str(system)]
    upstream = make_upstream(untrusted_authority.issue("upstream", f"DNS:{NAME}"))
    assert make_gateway(upstream, wrap=wrap).delete() == "OK"
    assert make_gateway(upstream, authority.certificate, wrap=wrap).delete() == TLS_FAILED


def test_client_certificate_is_presented(make_gateway, make_upstream, authority, untrusted_authority):
    upstream = make_upstream(authority.issue("upstream", f"DNS:{NAME}"), authority.certificate)
    gateway = make_gateway(upstream, authority.certificate, authority.issue("gateway", "DNS:gw.test"))
    assert gateway.delete() == "OK"
    assert upstream.callers == ["gateway"]


@pytest.mark.parametrize("has_one", [False, True])
def test_rejected_client_certificate_sends_no_request(make_gateway, make_upstream, authority,
                                                      untrusted_authority, has_one):
    upstream = make_upstream(authority.issue("upstream", f"DNS:{NAME}"), authority.certificate)
    pair = untrusted_authority.issue("gateway", "DNS:gw.test") if has_one else None
    reason, deletion = make_gateway(upstream, authority.certificate, pair).delete()
    # With TLS 1.3 the client's handshake ends before the server verifies its certificate.
    assert (reason, deletion) in (TLS_FAILED, ("UPSTREAM_CONNECTION_LOST", "unknown"))
    assert upstream.callers == []


def test_reload_applies_to_new_connections(make_gateway, make_upstream, tmp_path, authority,
                                             untrusted_authority):
    both = tmp_path / "both.pem"
    both.write_bytes(authority.certificate.read_bytes() + untrusted_authority.certificate.read_bytes())
    upstream = make_upstream(authority.issue("upstream", f"DNS:{NAME}"), both)
    gateway = make_gateway(upstream, authority.certificate, authority.issue("old", "DNS:gw.test"))
    assert gateway.delete() == "OK"

    pair = untrusted_authority.issue("new", "DNS:gw.test", days=9)
    gateway.replace(tls_crt=pair.certificate, tls_key=pair.key, ca_crt=both)
    gateway.process.wait_for_credential_reload("upstream")
    assert gateway.delete() == "OK"
    assert upstream.callers == ["old", "new"]

    # The removed authority is no longer trusted: neither on open connections, nor for resumed sessions.
    gateway.replace(ca_crt=untrusted_authority.certificate)
    gateway.process.wait_for_credential_reload("upstream", count=2)
    assert gateway.delete() == TLS_FAILED
    upstream.present(untrusted_authority.issue("upstream", f"DNS:{NAME}"))
    assert gateway.delete() == "OK"

    certificates = 'gateway_certificate_expiry_timestamp_seconds{certificate="%s"}'
    assert gateway.process.metric(certificates % "upstream") > gateway.process.metric(
        certificates % "upstream_ca")


@pytest.mark.parametrize("responses", [1, 100, 700, 5000])
def test_unexpected_bytes_are_not_the_next_response(make_gateway, make_upstream, authority, responses):
    """From less than one read to more than libcurl reads, and TLS decrypts, at a time."""
    upstream = make_upstream(authority.issue("upstream", f"DNS:{NAME}"))
    gateway = make_gateway(upstream, authority.certificate)
    upstream.excess = b"HTTP/1.1 204 Y\r\n\r\n" * responses
    assert gateway.delete() == "OK"
    result = gateway.delete()
    if len(upstream.reused) == 1:
        assert result == ("UPSTREAM_CONNECTION_LOST", "not_performed")
        assert gateway.delete() == "OK"  # on another connection
    elif upstream.reused[1]:
        assert result == ("UPSTREAM_PERMISSION_DENIED", "not_performed")
    else:
        assert result == "OK"


def test_mismatched_key_pair_keeps_the_old_one(make_gateway, make_upstream, authority):
    upstream = make_upstream(authority.issue("upstream", f"DNS:{NAME}"), authority.certificate)
    gateway = make_gateway(upstream, authority.certificate, authority.issue("old", "DNS:gw.test"))
    gateway.replace(tls_crt=authority.issue("new", "DNS:gw.test").certificate)
    gateway.process.wait_for_credential_reload("upstream", "failed")
    assert gateway.delete() == "OK"
    assert upstream.callers == ["old"]


@pytest.mark.parametrize("flags", [(), ("--check-config",)])
def test_invalid_files_fail_startup(authority, flags):
    expired = authority.issue("gateway", "DNS:gw.test", days=-1)
    done = run_gateway("--upstream", "https://localhost:1/v2", "--upstream-client-certificate-file",
                 expired.certificate, "--upstream-client-key-file", expired.key, *flags)
    assert done.returncode != 0
    assert f"{expired.certificate}: the certificate, or one of its intermediates, has expired" in \
        done.stderr


def test_tls_files_without_https_are_rejected(authority):
    done = run_gateway("--upstream", "http://localhost:1/v2", "--upstream-ca-file", authority.certificate)
    assert done.returncode == 2
    assert "must come with an upstream.url that begins with https://" in done.stderr
