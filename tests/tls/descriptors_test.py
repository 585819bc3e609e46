# SPDX-License-Identifier: Apache-2.0
"""Certificates are renewed while the gateway has no descriptors left."""

import contextlib
import http.client
import http.server
import os
import resource
import socket
import ssl
import time

import pytest

from evalrun_testing.certificates import Mount
from evalrun_testing.client import SERVER_NAME, Client
from evalrun_testing.gateway import GatewayProcess
from upstream_test import TlsUpstream


class _Handler(http.server.BaseHTTPRequestHandler):
    """Responds to every deletion with success, and closes the connection if the server asks for it."""

    protocol_version = "HTTP/1.1"

    def do_DELETE(self):  # pylint: disable=invalid-name
        subject = dict(part[0] for part in self.request.getpeercert()["subject"])
        self.server.callers.append(subject["commonName"])
        self.close_connection = self.server.closes
        self.wfile.write(b"HTTP/1.1 204 X\r\n" +
                         (b"connection: close\r\n\r\n" if self.server.closes else b"\r\n"))

    def log_message(self, *_):
        pass


class LimitedGateway:
    """A gateway with TLS on both sides, and one connection each of a caller and to its admin port.

    No other connection is needed while no descriptor is left.
    """

    def __init__(self, folder, stack, authority):
        self._authority = authority
        self.upstream = stack.enter_context(TlsUpstream(
            authority.issue("upstream", "DNS:localhost"), authority.certificate))
        self.upstream.RequestHandlerClass = _Handler
        self.upstream.closes = False
        self.mount = Mount(folder / "mounted", **self._issue("old"))
        self.gateway = stack.enter_context(GatewayProcess(self.upstream.url, api_key="a-key", flags=[
            "--max-attempts", "1", "--upstream-idle-connection-age", "300s",
            "--core-dumps",  # so that others than root can read its descriptors
            "--upstream-ca-file", str(self.mount.path("ca.crt")),
            "--upstream-client-certificate-file", str(self.mount.path("client.crt")),
            "--upstream-client-key-file", str(self.mount.path("client.key")),
            "--tls-certificate-file", str(self.mount.path("tls.crt")),
            "--tls-key-file", str(self.mount.path("tls.key"))]))
        self._caller = stack.enter_context(
            Client(self.gateway.grpc_address, trusted_ca=authority.certificate))
        host, port = self.gateway.admin_address.rsplit(":", 1)
        self._admin = http.client.HTTPConnection(host, int(port), timeout=20)
        stack.callback(self._admin.close)
        self._limits = resource.prlimit(self.gateway.pid, resource.RLIMIT_NOFILE)
        assert self.delete() == "OK"
        assert self.get("/readyz") == "ok\n"

    def _issue(self, name):
        client = self._authority.issue(name, "DNS:gw.test")
        server = self._authority.issue(name, f"DNS:{SERVER_NAME}")
        return {"ca.crt": self._authority.certificate,
                "client.crt": client.certificate, "client.key": client.key,
                "tls.crt": server.certificate, "tls.key": server.key}

    def renew(self):
        """New certificates for both sides, in one step."""
        self.mount.put(**self._issue("new"))

    def limit_descriptors(self, left):
        """The gateway can open `left` more descriptors; None: as many as at its start."""
        limit = self._limits[0]
        if left is not None:
            # Those that are open all the time: the gateway opens files to see whether they changed.
            samples = []
            for _ in range(20):
                samples.append(set(os.listdir(f"/proc/{self.gateway.pid}/fd")))
                time.sleep(0.005)
            is_open = set.intersection(*samples)
            free = [fd for fd in range(len(is_open) + left + 1) if str(fd) not in is_open]
            limit = free[left]
        resource.prlimit(self.gateway.pid, resource.RLIMIT_NOFILE, (limit, self._limits[1]))

    def delete(self):
        """The status code's name."""
        return self._caller.delete()

    def get(self, path):
        """What the admin port responds, on the one connection."""
        self._admin.request("GET", path)
        return self._admin.getresponse().read().decode()

    def reloads(self, credential, result):
        series = f'gateway_credential_reloads_total{{credential="{credential}",result="{result}"}} '
        [line] = [line for line in self.get("/metrics").splitlines() if line.startswith(series)]
        return int(line.removeprefix(series))

    def wait_for_reload(self, credential, result, timeout=20):
        end = time.monotonic() + timeout
        while self.reloads(credential, result) == 0:
            assert time.monotonic() < end, self.gateway.events
            time.sleep(0.05)

    def wait_for_failure(self, credential, reason):
        """Until an event reports that the reload failed, for this reason."""
        self.gateway.wait_for(
            lambda event: event["event"] == "certificates_reload_failed" and
            event["set"] == credential and reason in event["reason"])
        self.wait_for_reload(credential, "failed")

    def server_name(self):
        """The common name in the certificate that a new connection is shown."""
        context = ssl.create_default_context(cafile=str(self._authority.certificate))
        context.set_alpn_protocols(["h2"])
        host, port = self.gateway.grpc_address.rsplit(":", 1)
        with socket.create_connection((host, int(port)), timeout=20) as connection:
            with context.wrap_socket(connection, server_hostname=SERVER_NAME) as secured:
                return dict(part[0] for part in secured.getpeercert()["subject"])["commonName"]


@pytest.fixture
def limited_gateway(tmp_path, authority):
    with contextlib.ExitStack() as stack:
        yield LimitedGateway(tmp_path, stack, authority)


def test_without_descriptors_old_certificates_stay_in_use(limited_gateway):
    limited_gateway.limit_descriptors(0)
    limited_gateway.renew()
    for credential in ("server", "upstream"):
        limited_gateway.wait_for_failure(credential, "Too many open files")
        assert limited_gateway.reloads(credential, "succeeded") == 0
    assert limited_gateway.get("/healthz") == "ok\n"
    assert limited_gateway.delete() == "OK"  # on the connection that it has

    limited_gateway.limit_descriptors(None)
    while True:
        name = limited_gateway.server_name()
        if limited_gateway.reloads("server", "succeeded") > 0:
            break
        assert name == "old"
    assert limited_gateway.server_name() == "new"
    limited_gateway.wait_for_reload("upstream", "succeeded")
    assert limited_gateway.delete() == "OK"
    assert limited_gateway.upstream.callers == ["old", "old", "new"]
    assert limited_gateway.gateway.stop() == 0


def test_too_few_descriptors_for_the_client_certificate(limited_gateway):
    """Its files can be read, one after the other, but not be kept open for libcurl, all three."""
    limited_gateway.upstream.closes = True
    assert limited_gateway.delete() == "OK"
    limited_gateway.limit_descriptors(2)
    limited_gateway.renew()
    limited_gateway.wait_for_failure("upstream", "cannot create a file in memory: Too many open files")
    limited_gateway.wait_for_reload("server", "succeeded")  # which needs none

    # New connections to the upstream are made as before. They need both descriptors, and so does,
    # for a moment of each second, the attempt to renew.
    for _ in range(3):
        while limited_gateway.delete() != "OK":
            pass
    assert set(limited_gateway.upstream.callers) == {"old"}
    failures = [event for event in limited_gateway.gateway.events
                if event["event"] == "certificates_reload_failed"]
    assert len(failures) == 1
    assert limited_gateway.reloads("upstream", "succeeded") == 0

    limited_gateway.limit_descriptors(None)
    limited_gateway.wait_for_reload("upstream", "succeeded")
    assert limited_gateway.delete() == "OK"
    assert limited_gateway.upstream.callers[-1] == "new"
    assert limited_gateway.gateway.stop() == 0
