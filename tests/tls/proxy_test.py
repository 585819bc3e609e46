# SPDX-License-Identifier: Apache-2.0
"""The upstream through an HTTP proxy, which forwards, tunnels and refuses as RFC 9110 and 9112 say."""

import base64
import contextlib
import socket
import socketserver
import threading
import urllib.parse
import uuid

import pytest

from upstream_test import NAME, TlsUpstream

PASSWORD = "proxy-pass-w0rd"


class Proxy(socketserver.ThreadingTCPServer):
    """Connects to 127.0.0.1 whatever name it is told. `refusal`: a status that it answers instead."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), _Connection)
        self.refusal = None
        self.requests = []  # their heads
        self._thread = threading.Thread(target=self.serve_forever, daemon=True)
        self._thread.start()

    def __exit__(self, *_):
        self.shutdown()
        self.server_close()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_address[1]}"

    @property
    def url_with_credentials(self):
        return f"http://user:{PASSWORD}@127.0.0.1:{self.server_address[1]}"


class _Connection(socketserver.StreamRequestHandler):
    def handle(self):
        lines = []
        while (line := self.rfile.readline().decode("ascii").rstrip("\r\n")):
            lines.append(line)
        if not lines:
            return
        self.server.requests.append("\n".join(lines))
        if self.server.refusal is not None:
            self.wfile.write(f"HTTP/1.1 {self.server.refusal} X\r\ncontent-length: 0\r\n"
                             "connection: close\r\n\r\n".encode())
            return
        method, target, _ = lines[0].split(" ")
        if method == "CONNECT":
            port = int(target.rpartition(":")[2])
            with socket.create_connection(("127.0.0.1", port)) as upstream:
                self.wfile.write(b"HTTP/1.1 200 X\r\n\r\n")
                self._relay(upstream)
            return
        url = urllib.parse.urlsplit(target)
        if url.scheme != "http" or url.port is None:
            self.wfile.write(b"HTTP/1.1 400 X\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
            return
        kept = [line for line in lines[1:] if not line.lower().startswith("proxy-")]
        origin_form = target[len(f"http://{url.netloc}"):]
        head = "\r\n".join([f"{method} {origin_form} HTTP/1.1", *kept, "Connection: close", "", ""])
        with socket.create_connection(("127.0.0.1", url.port)) as upstream:
            upstream.sendall(head.encode())
            self._copy(upstream, self.connection)

    def _relay(self, upstream):
        back = threading.Thread(target=self._copy, args=(upstream, self.connection))
        back.start()
        self._copy(self.connection, upstream)
        back.join()

    @staticmethod
    def _copy(source, target):
        with contextlib.suppress(OSError):
            while (data := source.recv(65536)):
                target.sendall(data)
            target.shutdown(socket.SHUT_WR)


@pytest.fixture
def proxy():
    with Proxy() as server:
        yield server


@pytest.fixture
def tls_upstream(authority):
    with TlsUpstream(authority.issue("upstream", f"DNS:{NAME}")) as upstream:
        yield upstream


@pytest.fixture
def tunnelled(make_deployment, proxy, tls_upstream, authority):
    """A gateway that reaches `tls_upstream` through `proxy`."""
    return make_deployment(upstream=tls_upstream.url, flags=[
        "--upstream-proxy", proxy.url_with_credentials, "--upstream-ca-file", str(authority.certificate),
        "--retry-initial-backoff", "1ms"])


def call(deployment):
    """The status of a call, and its line in the access log."""
    request_id = str(uuid.uuid4())
    status = deployment.delete(request_id=request_id)
    return status, deployment.gateway.wait_for(lambda line: line.get("request_id") == request_id)


def test_plain_http_goes_out_in_absolute_form(make_deployment, proxy):
    deployment = make_deployment(runs=1, flags=["--upstream-proxy", proxy.url_with_credentials])
    assert deployment.delete(deployment.runs[0]) == "OK"
    head = proxy.requests[0].splitlines()
    address = deployment.backend.address
    assert head[0] == f"DELETE http://{address}/v2/eval-runs/{deployment.runs[0]} HTTP/1.1"
    assert f"Host: {address}" in head
    credentials = base64.b64encode(f"user:{PASSWORD}".encode()).decode()
    assert f"Proxy-Authorization: Basic {credentials}" in head


def test_probes_go_out_in_absolute_form(make_deployment, proxy):
    """The request that proves that the workspace of a 404 exists takes the same way."""
    deployment = make_deployment(flags=["--upstream-proxy", proxy.url])
    assert deployment.delete() == "NOT_FOUND"
    assert [request.split(" ")[0] for request in proxy.requests] == ["DELETE", "GET"]
    assert proxy.requests[1].split(" ")[1].startswith(f"http://{deployment.backend.address}/v2/")


def test_https_is_tunnelled(tunnelled, proxy, tls_upstream):
    assert call(tunnelled)[0] == "OK"
    assert call(tunnelled)[0] == "OK"
    [head] = proxy.requests
    assert head.startswith(f"CONNECT localhost:{tls_upstream.server_port} HTTP/1.1")
    assert "x-api-key" not in head.lower()
    assert len(tls_upstream.callers) == 2


@pytest.mark.parametrize("status", [403, 407])
def test_proxy_that_refuses_for_good_is_asked_once(tunnelled, proxy, tls_upstream, status):
    proxy.refusal = status
    code, line = call(tunnelled)
    assert code == "INTERNAL"
    assert line["level"] == "error"
    assert (line["reason"], line["deletion"]) == ("UPSTREAM_PROXY_REFUSED", "not_performed")
    assert (line["upstream.proxy_status"], line["sends"]) == (status, 1)
    assert len(proxy.requests) == 1
    event = tunnelled.gateway.wait_for_event("upstream_unreachable")
    assert event["what"] == "UPSTREAM_PROXY_REFUSED"
    assert event["reason"] == f"the proxy responded {status} to CONNECT"
    assert event["address"] == proxy.url.removeprefix("http://")
    proxy.refusal = None
    assert call(tunnelled)[0] == "OK"
    tunnelled.gateway.wait_for_event("upstream_reachable")
    assert not tls_upstream.reused[0]
    assert PASSWORD not in str(tunnelled.gateway.events)


@pytest.mark.parametrize("status", [429, 502, 503])
def test_proxy_that_fails_for_now_is_asked_again(tunnelled, proxy, tls_upstream, status):
    proxy.refusal = status
    code, line = call(tunnelled)
    assert code == "UNAVAILABLE"
    assert (line["reason"], line["deletion"]) == ("UPSTREAM_PROXY_REFUSED", "not_performed")
    assert (line["upstream.proxy_status"], line["sends"]) == (status, 3)
    assert len(proxy.requests) == 3
    assert tls_upstream.callers == []


def test_proxy_of_plain_http_that_wants_credentials_is_asked_once(make_deployment, proxy):
    proxy.refusal = 407
    deployment = make_deployment(flags=["--upstream-proxy", proxy.url])
    code, line = call(deployment)
    assert code == "INTERNAL"
    assert (line["reason"], line["deletion"]) == ("UPSTREAM_PROXY_REFUSED", "not_performed")
    assert (line["http.response.status_code"], line["sends"]) == (407, 1)


def test_connection_that_the_proxy_drops_is_not_a_refusal(make_deployment, tls_upstream):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        def drop():
            for _ in range(3):
                listener.accept()[0].close()
        thread = threading.Thread(target=drop)
        thread.start()
        deployment = make_deployment(upstream=tls_upstream.url, flags=[
            "--upstream-proxy", f"http://127.0.0.1:{listener.getsockname()[1]}"])
        code, line = call(deployment)
        thread.join()
    assert code == "UNAVAILABLE"
    assert (line["reason"], line["deletion"]) == ("UPSTREAM_CONNECTION_LOST", "not_performed")
    assert "upstream.proxy_status" not in line
