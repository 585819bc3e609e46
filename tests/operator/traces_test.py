# SPDX-License-Identifier: Apache-2.0
"""The traces that the real gateway exports, decoded by OpenTelemetry's own messages, and calls that it serves while the
collector is down, slow or rejects them."""

import contextlib
import http.server
import socket
import threading
import time
import uuid

import pytest
from opentelemetry.proto.trace.v1 import trace_pb2

from evalrun_testing.child_process import TIMEOUT
from evalrun_testing.collector import Collector, attributes

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
PARENT = "00f067aa0ba902b7"
SAMPLED = ("traceparent", f"00-{TRACE}-{PARENT}-01")
UNSAMPLED = ("traceparent", f"00-{TRACE}-{PARENT}-00")
METHOD = "aymara.evals.v1.EvalRunService/DeleteEvalRun"


class Upstream:
    """Answers each DELETE with the next status, the last one again and again, and keeps its headers."""

    def __init__(self, *statuses):
        self.requests = []
        upstream = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_DELETE(self):  # pylint: disable=invalid-name
                upstream.requests.append(dict(self.headers))
                self.send_response(statuses[min(len(upstream.requests), len(statuses)) - 1])
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def close(self):
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def upstream():
    """`upstream(*statuses)` starts an Upstream, which ends with the test."""
    with contextlib.ExitStack() as stack:
        def start(*statuses):
            started = Upstream(*statuses)
            stack.callback(started.close)
            return started
        yield start


@pytest.fixture
def collector():
    with Collector() as collector:
        yield collector


@pytest.fixture
def start(make_deployment, upstream):
    """`start(collector, *flags)` starts a gateway, by default before an upstream that answers 204."""
    def start(collector, *flags, before=None):
        before = before or upstream(204)
        return make_deployment(upstream=f"http://127.0.0.1:{before.port}/v2", api_key="very-secret",
                               flags=["--tracing-otlp-endpoint", collector.url, *flags])
    return start


def wait_for_metric(gateway, series, value):
    end = time.monotonic() + TIMEOUT
    while gateway.metric(series) != value:
        assert time.monotonic() < end, (series, gateway.metric(series))
        time.sleep(0.05)


def dropped(cause):
    return f'gateway_trace_spans_dropped_total{{cause="{cause}"}}'


def test_trace_of_a_retried_deletion(start, upstream, collector):
    before = upstream(503, 204)
    deployment = start(collector, "--tracing-service-instance-id", "pod-7", before=before)
    run = str(uuid.uuid4())
    assert deployment.delete(run, metadata=[SAMPLED, ("tracestate", "a=1")], request_id="r-1") == "OK"
    server, first, second = collector.wait_for_spans(3)

    assert server.name == METHOD
    assert server.kind == trace_pb2.Span.SPAN_KIND_SERVER
    assert {span.trace_id.hex() for span in (server, first, second)} == {TRACE}
    assert server.parent_span_id.hex() == PARENT
    assert server.trace_state == "a=1"
    assert server.status.code == trace_pb2.Status.STATUS_CODE_UNSET
    shown = attributes(server)
    assert shown["rpc.system.name"] == "grpc"
    assert shown["rpc.method"] == METHOD
    assert shown["rpc.status_code"] == "OK"
    assert shown["evalrun.request_id"] == "r-1"
    assert shown["evalrun.eval_run_uuid"] == run
    assert shown["evalrun.deletion"] == "performed"
    assert shown["evalrun.attempts"] == 2
    assert "error.type" not in shown
    [backoff] = server.events
    assert backoff.name == "evalrun.backoff"
    assert first.end_time_unix_nano <= backoff.time_unix_nano <= second.start_time_unix_nano

    for number, (client, status) in enumerate(((first, 503), (second, 204))):
        assert client.name == "DELETE"
        assert client.kind == trace_pb2.Span.SPAN_KIND_CLIENT
        assert client.parent_span_id == server.span_id
        assert server.start_time_unix_nano <= client.start_time_unix_nano
        assert client.start_time_unix_nano <= client.end_time_unix_nano <= server.end_time_unix_nano
        shown = attributes(client)
        assert shown["http.request.method"] == "DELETE"
        assert shown["http.response.status_code"] == status
        assert shown["server.address"] == "127.0.0.1"
        assert shown["server.port"] == before.port
        assert shown["url.full"] == f"http://127.0.0.1:{before.port}/v2/eval-runs/{run}"
        assert shown.get("http.request.resend_count") == (number or None)
        assert before.requests[number]["traceparent"] == f"00-{TRACE}-{client.span_id.hex()}-01"
        assert before.requests[number]["tracestate"] == "a=1"
    assert first.status.code == trace_pb2.Status.STATUS_CODE_ERROR
    assert attributes(first)["error.type"] == "503"
    assert second.status.code == trace_pb2.Status.STATUS_CODE_UNSET

    for export in collector.exports:
        assert export.path == "/v1/traces"
        assert export.headers["Content-Type"] == "application/x-protobuf"
        assert b"very-secret" not in export.body
        [resource] = export.request.resource_spans
        assert attributes(resource.resource) == {
            "service.name": "evalrun-gateway", "service.instance.id": "pod-7",
            "service.version": deployment.gateway.listening["version"]}
    [line] = deployment.gateway.access_log
    assert line["trace_id"] == TRACE
    wait_for_metric(deployment.gateway, "gateway_trace_spans_exported_total", 3)


def test_only_sampled_calls_are_traced(start, upstream, collector):
    before = upstream(204)
    deployment = start(collector, before=before)
    assert deployment.delete(metadata=[UNSAMPLED]) == "OK"
    assert deployment.delete() == "OK"
    assert deployment.delete(metadata=[SAMPLED], request_id="the-sampled-one") == "OK"
    server, _ = collector.wait_for_spans(2)
    assert attributes(server)["evalrun.request_id"] == "the-sampled-one"
    assert deployment.gateway.stop() == 0
    assert len(collector.spans) == 2
    assert before.requests[0]["traceparent"] == UNSAMPLED[1]
    assert "traceparent" not in before.requests[1]


def test_calls_without_a_trace_may_begin_one(start, upstream, collector):
    before = upstream(204)
    deployment = start(collector, "--tracing-root-samples-per-million", "1000000", before=before)
    assert deployment.delete() == "OK"
    assert deployment.delete(metadata=[UNSAMPLED]) == "OK"
    server, client = collector.wait_for_spans(2)
    assert server.parent_span_id == b""
    assert before.requests[0]["traceparent"] == f"00-{server.trace_id.hex()}-{client.span_id.hex()}-01"
    assert deployment.gateway.stop() == 0
    assert deployment.gateway.access_log[0]["trace_id"] == server.trace_id.hex()
    assert len(collector.spans) == 2


def test_invalid_utf8_and_long_values_do_not_spoil_a_batch(start, collector):
    """A collector rejects a whole request for one such value."""
    deployment = start(collector)
    assert deployment.delete("é" * 150, metadata=[SAMPLED]) == "INVALID_ARGUMENT"
    [server] = collector.wait_for_spans(1)
    assert attributes(server)["evalrun.eval_run_uuid"] == "é" * 100, "cut to 200 bytes, as in the log"


def test_tls(start, authority, untrusted_authority):
    with Collector(authority.issue("collector", "IP:127.0.0.1")) as collector:
        trusting = start(collector, "--tracing-ca-file", authority.certificate)
        assert trusting.delete(metadata=[SAMPLED]) == "OK"
        collector.wait_for_spans(2)
        distrusting = start(collector, "--tracing-ca-file", untrusted_authority.certificate)
        assert distrusting.delete(metadata=[SAMPLED]) == "OK"
        failed = distrusting.gateway.wait_for_event("trace_export_failed")
        assert failed["address"] == collector.url + "/v1/traces"
        assert "certificate" in failed["reason"]
        assert distrusting.gateway.stop() == 0
        assert len(collector.spans) == 2


def test_collector_that_rejects(start, collector):
    collector.status = 400
    deployment = start(collector)
    assert deployment.delete(metadata=[SAMPLED]) == "OK"
    wait_for_metric(deployment.gateway, dropped("rejected"), 2)
    collector.status, collector.rejected_spans = 200, 1
    assert deployment.delete(metadata=[SAMPLED]) == "OK"
    wait_for_metric(deployment.gateway, dropped("rejected"), 3)
    wait_for_metric(deployment.gateway, "gateway_trace_spans_exported_total", 1)
    assert len(collector.exports) == 2, "what is rejected is not sent again"


def test_collector_that_is_unavailable_for_a_moment(start, collector):
    collector.status = 503
    deployment = start(collector)
    assert deployment.delete(metadata=[SAMPLED]) == "OK"
    assert deployment.gateway.wait_for_event("trace_export_failed")["reason"] == "HTTP status 503"
    collector.status = 200
    deployment.gateway.wait_for_event("trace_export_succeeded")
    wait_for_metric(deployment.gateway, "gateway_trace_spans_exported_total", 2)
    assert collector.exports[0].body == collector.exports[1].body


def test_collector_that_is_down_delays_no_call(start):
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]

    class Down:
        url = f"http://127.0.0.1:{port}"

    deployment = start(Down, "--tracing-max-queue-spans", "64")
    for _ in range(60):
        assert deployment.delete(metadata=[SAMPLED]) == "OK"
    deployment.gateway.wait_for_event("trace_export_failed")
    assert deployment.gateway.metric(dropped("queue_full")) > 0
    assert deployment.gateway.metric("gateway_trace_spans_exported_total") == 0
    assert deployment.gateway.stop() == 0


def test_collector_that_does_not_respond_delays_neither_calls_nor_the_end(start, collector):
    collector.hold = True
    deployment = start(collector, "--tracing-max-queue-spans", "64", "--tracing-timeout", "1m")
    assert deployment.delete(metadata=[SAMPLED]) == "OK"
    collector.wait_for_exports(1)
    for _ in range(40):
        assert deployment.delete(metadata=[SAMPLED]) == "OK"
    wait_for_metric(deployment.gateway, dropped("queue_full"), 2 * 8)
    assert deployment.gateway.stop(TIMEOUT) == 0, "long before the timeout of a request"


def test_last_spans_are_flushed(start, collector):
    deployment = start(collector)
    assert deployment.delete(metadata=[SAMPLED]) == "OK"
    assert deployment.gateway.stop() == 0
    assert len(collector.spans) == 2


def test_nothing_is_traced_by_default(make_deployment, upstream):
    before = upstream(204)
    deployment = make_deployment(upstream=f"http://127.0.0.1:{before.port}/v2", api_key="a-key")
    assert deployment.delete(metadata=[SAMPLED]) == "OK"
    assert before.requests[0]["traceparent"] == SAMPLED[1]
    assert deployment.gateway.metric("gateway_trace_spans_exported_total") == 0
