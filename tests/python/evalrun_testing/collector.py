# SPDX-License-Identifier: Apache-2.0
"""A stand-in for a collector of OpenTelemetry, which decodes what it gets by OpenTelemetry's own messages."""

import dataclasses
import http.server
import ssl
import threading

from opentelemetry.proto.collector.trace.v1 import trace_service_pb2 as service

from evalrun_testing.child_process import TIMEOUT


@dataclasses.dataclass
class Export:
    """One request."""
    path: str
    headers: dict
    body: bytes
    request: service.ExportTraceServiceRequest


def attributes(message):
    """The attributes of a resource, span or event: {key: value}."""
    return {attribute.key: getattr(attribute.value, attribute.value.WhichOneof("value"))
            for attribute in message.attributes}


class Collector:
    """Serves OTLP/HTTP on a free port until `close()`, or the end of `with`.

    `status` and `rejected_spans` are those of the responses. While `hold` is true there is none. With
    `pair`, a certificate, it serves TLS.
    """

    def __init__(self, pair=None):
        self.status, self.rejected_spans, self.hold = 200, 0, False
        self._changed = threading.Condition()  # reentrant
        self._exports = []  # guarded by _changed
        self._closed = threading.Event()
        collector = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):  # pylint: disable=invalid-name
                body = self.rfile.read(int(self.headers["Content-Length"]))
                collector._add(Export(self.path, dict(self.headers), body,
                                      service.ExportTraceServiceRequest.FromString(body)))
                if collector.hold:
                    collector._closed.wait()
                    return
                response = service.ExportTraceServiceResponse()
                if collector.rejected_spans:
                    response.partial_success.rejected_spans = collector.rejected_spans
                payload = response.SerializeToString()
                self.send_response(collector.status)
                self.send_header("Content-Type", "application/x-protobuf")
                self.send_header("Content-Length", str(len(payload)))
                self.end_headers()
                self.wfile.write(payload)

            def log_message(self, *_):
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._server.handle_error = lambda *_: None  # a connection that the gateway closes
        scheme = "http"
        if pair is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(pair.certificate, pair.key)
            self._server.socket = context.wrap_socket(
                self._server.socket, server_side=True, do_handshake_on_connect=False)
            scheme = "https"
        self.port = self._server.server_address[1]
        self.url = f"{scheme}://127.0.0.1:{self.port}"
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self._closed.set()
        self._server.shutdown()
        self._server.server_close()

    @property
    def exports(self):
        """All requests so far."""
        with self._changed:
            return list(self._exports)

    @property
    def spans(self):
        """The spans of all requests so far."""
        return [span for export in self.exports for resource in export.request.resource_spans
                for scope in resource.scope_spans for span in scope.spans]

    def wait_for_spans(self, count):
        """Waits for so many, and returns all."""
        with self._changed:
            if not self._changed.wait_for(lambda: len(self.spans) >= count, TIMEOUT):
                raise RuntimeError(f"{len(self.spans)} spans within {TIMEOUT} s, not {count}")
        return self.spans

    def wait_for_exports(self, count):
        """Waits for so many requests."""
        with self._changed:
            if not self._changed.wait_for(lambda: len(self._exports) >= count, TIMEOUT):
                raise RuntimeError(f"{len(self._exports)} requests within {TIMEOUT} s, not {count}")

    def _add(self, export):
        with self._changed:
            self._exports.append(export)
            self._changed.notify_all()
