# SPDX-License-Identifier: Apache-2.0
"""TLS to the Redis in which limits are shared, with a real redis-server."""

import contextlib
import shutil
import socket
import subprocess
import threading
import time

import pytest

from evalrun_testing.certificates import Mount
from evalrun_testing.child_process import TIMEOUT
from evalrun_testing.gateway import GatewayProcess, run_gateway
from evalrun_testing.tcp_server import tcp_server

UPSTREAM = "http://127.0.0.1:1/v2"  # nothing is deleted here
TRIES = 5  # another process may take a free port

pytestmark = pytest.mark.skipif(shutil.which("redis-server") is None, reason="redis-server is not installed")


def _free_port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


@contextlib.contextmanager
def run_redis(folder, pair=None, client_ca=None):
    """A redis-server, of which the port is given. It serves TLS with `pair`, else plaintext; with `client_ca` it
    requires a client certificate."""
    for _ in range(TRIES):
        port = _free_port()
        command = ["redis-server", "--bind", "127.0.0.1", "--save", "", "--dir", folder]
        if pair is None:
            command += ["--port", port]
        else:
            command += ["--port", 0, "--tls-port", port, "--tls-cert-file", pair.certificate,
                        "--tls-key-file", pair.key, "--tls-ca-cert-file", client_ca or pair.certificate,
                        "--tls-auth-clients", "yes" if client_ca else "no"]
        with subprocess.Popen([*map(str, command)], stdout=subprocess.PIPE, text=True) as process:
            try:
                if any("Ready to accept connections" in line for line in process.stdout):
                    threading.Thread(target=process.stdout.read, daemon=True).start()
                    yield port
                    return
            finally:
                process.kill()
    raise AssertionError("redis-server does not start")


@pytest.fixture(name="make_redis")
def _make_redis(tmp_path):
    with contextlib.ExitStack() as stack:
        yield lambda *arguments: stack.enter_context(run_redis(tmp_path, *arguments))


@pytest.fixture(name="start_gateway")
def _start_gateway():
    """`start_gateway(address, ...)` starts a gateway that shares its limits there; nothing is started yet with it."""
    with contextlib.ExitStack() as stack:
        yield lambda *arguments, **options: stack.enter_context(
            GatewayProcess(UPSTREAM, api_key="a-key", flags=redis_flags(*arguments, **options)))


def redis_flags(address, ca=None, pair=None, tls=True, timeout="5s", server_name=None):
    flags = ["--limits-replicas", "2", "--limits-redis-address", address, "--limits-redis-timeout", timeout]
    if tls:
        flags += ["--limits-redis-tls"]
    if ca:
        flags += ["--limits-redis-ca-file", ca]
    if pair:
        flags += ["--limits-redis-client-certificate-file", pair.certificate, "--limits-redis-client-key-file", pair.key]
    if server_name:
        flags += ["--limits-redis-tls-server-name", server_name]
    return [*map(str, flags)]


def store_is_up(gateway):
    gateway.wait_for_event("limits_store_up")
    return gateway.metric("gateway_limiter_store_up") == 1


def down_reason(gateway):
    reason = gateway.wait_for_event("limits_store_down")["reason"]
    assert gateway.metric("gateway_limiter_store_up") == 0
    return reason


@pytest.mark.parametrize("host, name, server_name", [
    ("localhost", "DNS:localhost", None),
    ("127.0.0.1", "IP:127.0.0.1", None),
    ("127.0.0.1", "DNS:redis.test", "redis.test"),
    ("localhost", "IP:192.0.2.1", "192.0.2.1"),
])
def test_trusted_redis_is_used(make_redis, start_gateway, authority, host, name, server_name):
    port = make_redis(authority.issue("redis", name))
    assert store_is_up(start_gateway(f"{host}:{port}", authority.certificate, server_name=server_name))


@pytest.mark.parametrize("wrong, reason", [
    ("authority", "its certificate is not accepted for localhost: unable to get local issuer certificate"),
    ("system", "its certificate is not accepted for localhost: unable to get local issuer certificate"),
    ("name", "its certificate is not accepted for localhost: hostname mismatch"),
    ("common name", "its certificate is not accepted for localhost: hostname mismatch"),
    ("ip", "its certificate is not accepted for 127.0.0.1: IP address mismatch"),
    ("expired", "its certificate is not accepted for localhost: certificate has expired"),
])
def test_untrusted_redis_is_not_used(make_redis, start_gateway, authority, untrusted_authority, wrong, reason):
    pair = {"authority": untrusted_authority.issue("redis", "DNS:localhost"),
            "name": authority.issue("redis", "DNS:other.test"),
            "common name": authority.issue("localhost", "DNS:other.test"),
            "expired": authority.issue("redis", "DNS:localhost", days=-1)}.get(
                wrong, authority.issue("redis", "DNS:localhost"))
    host = "127.0.0.1" if wrong == "ip" else "localhost"
    gateway = start_gateway(f"{host}:{make_redis(pair)}", None if wrong == "system" else authority.certificate)
    assert down_reason(gateway) == reason


def test_client_certificate_is_presented(make_redis, start_gateway, authority, untrusted_authority):
    address = f"localhost:{make_redis(authority.issue('redis', 'DNS:localhost'), authority.certificate)}"
    assert store_is_up(start_gateway(address, authority.certificate, authority.issue("gateway")))
    assert "certificate required" in down_reason(start_gateway(address, authority.certificate))
    stranger = start_gateway(address, authority.certificate, untrusted_authority.issue("stranger"))
    assert "unknown ca" in down_reason(stranger)


def test_plaintext_to_tls_is_explained(make_redis, start_gateway, authority):
    address = f"localhost:{make_redis(authority.issue('redis', 'DNS:localhost'))}"
    assert "(it may expect TLS)" in down_reason(start_gateway(address, tls=False))


def test_tls_to_plaintext_is_explained(make_redis, start_gateway):
    address = f"localhost:{make_redis()}"
    assert down_reason(start_gateway(address, timeout="500ms")) in (
        "no TLS handshake in time", "TLS: wrong version number", "it closed the connection")


@pytest.mark.parametrize("drips", [False, True])
def test_handshake_has_a_timeout(start_gateway, drips):
    """Also where every read gets something."""
    def serve(connection):
        accepted.append(time.monotonic())
        threading.Thread(target=drip, args=[connection], daemon=True).start()

    def drip(connection):
        # The header of a handshake record of 16 KiB, and one byte of it at a time.
        with contextlib.suppress(OSError), connection:
            connection.sendall(b"\x16\x03\x03\x40\x00" if drips else b"")
            while drips:
                connection.sendall(b"\x02")
                time.sleep(0.05)
            time.sleep(TIMEOUT)

    accepted = []
    with tcp_server(serve) as address:
        reason = down_reason(start_gateway(address, timeout="300ms"))
        passed = time.monotonic() - accepted[0]
    assert reason == "no TLS handshake in time"
    assert passed < 5


def test_renewed_files_are_used_at_once(make_redis, start_gateway, authority, untrusted_authority, tmp_path):
    """Although the connection still works."""
    port = make_redis(authority.issue("redis", "DNS:localhost"), authority.certificate)
    pair, stranger = authority.issue("gateway"), untrusted_authority.issue("stranger")
    mount = Mount(tmp_path / "files", ca=authority.certificate, certificate=pair.certificate, key=pair.key)
    paths = type(pair)(mount.path("certificate"), mount.path("key"))
    gateway = start_gateway(f"localhost:{port}", mount.path("ca"), paths)
    assert store_is_up(gateway)

    mount.put(ca=authority.certificate, certificate=stranger.certificate, key=stranger.key)
    gateway.wait_for_credential_reload("redis", count=1)
    assert "unknown ca" in down_reason(gateway)

    # A key that is not the certificate's changes nothing.
    mount.put(ca=authority.certificate, certificate=pair.certificate, key=stranger.key)
    gateway.wait_for_credential_reload("redis", result="failed", count=1)
    assert "it is not the key of" in gateway.wait_for_event("certificates_reload_failed")["reason"]

    pair = authority.issue("gateway")
    mount.put(ca=authority.certificate, certificate=pair.certificate, key=pair.key)
    gateway.wait_for_credential_reload("redis", count=2)
    end = time.monotonic() + TIMEOUT
    while gateway.metric("gateway_limiter_store_up") == 0:
        assert time.monotonic() < end, gateway.events
        time.sleep(0.05)


@pytest.mark.parametrize("check", [True, False])
def test_files_are_checked_at_the_start(authority, untrusted_authority, tmp_path, check):
    flags = ["--check-config"] if check else []
    missing = run_gateway(*redis_flags("localhost:1", tmp_path / "missing.pem"), *flags)
    assert missing.returncode in (1, 2)
    assert "missing.pem" in missing.stderr
    pair = authority.issue("gateway")
    other_key = type(pair)(pair.certificate, untrusted_authority.issue("gateway").key)
    done = run_gateway(*redis_flags("localhost:1", authority.certificate, other_key), *flags)
    assert done.returncode in (1, 2)
    assert "it is not the key of" in done.stderr
    if check:
        assert run_gateway(*redis_flags("localhost:1", authority.certificate, pair), *flags).returncode == 0
