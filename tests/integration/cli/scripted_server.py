# SPDX-License-Identifier: Apache-2.0
"""A gRPC server in this process whose DeleteEvalRun is a function of the test."""

import concurrent.futures
import threading

import grpc
from google.protobuf import duration_pb2, empty_pb2
from google.rpc import error_details_pb2, status_pb2

from aymara.evals.v1 import eval_run_service_pb2_grpc


class ScriptedError(Exception):
    """An error with the details that the gateway sends."""

    def __init__(self, code, reason="SCRIPTED", deletion="not_performed", retry_after=None,
                 quota=None):
        super().__init__(reason)
        info = error_details_pb2.ErrorInfo(reason=reason, domain="evalrun-gateway",
                                           metadata={"deletion": deletion})
        details = status_pb2.Status(code=code.value[0], message=reason)
        details.details.add().Pack(info)
        if retry_after is not None:
            delay = duration_pb2.Duration(nanos=int(retry_after * 1e9) % 10**9,
                                          seconds=int(retry_after))
            details.details.add().Pack(error_details_pb2.RetryInfo(retry_delay=delay))
        if quota is not None:
            failure = error_details_pb2.QuotaFailure()
            failure.violations.add(subject=quota[0], description=quota[1])
            details.details.add().Pack(failure)
        self.code = code
        self.details = details


class ScriptedServer(eval_run_service_pb2_grpc.EvalRunServiceServicer):
    """`handler(request, context)` returns for OK, or raises a ScriptedError. It may be replaced at any time.
    `requests` has all requests so far."""

    def __init__(self, handler=lambda request, context: None, credentials=None, port=0):
        self.requests = []
        self.handler = handler
        self._lock = threading.Lock()
        self._server = grpc.server(concurrent.futures.ThreadPoolExecutor(32))
        eval_run_service_pb2_grpc.add_EvalRunServiceServicer_to_server(self, self._server)
        if credentials is None:
            port = self._server.add_insecure_port(f"127.0.0.1:{port}")
        else:
            port = self._server.add_secure_port(f"127.0.0.1:{port}", credentials)
        self.port = port
        self.address = f"127.0.0.1:{port}"
        self._server.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def stop(self):
        self._server.stop(0).wait()

    def DeleteEvalRun(self, request, context):  # noqa: N802, the name is gRPC's
        with self._lock:
            self.requests.append(request)
        try:
            self.handler(request, context)
        except ScriptedError as scripted_error:
            context.set_trailing_metadata(
                (("grpc-status-details-bin", scripted_error.details.SerializeToString()),))
            context.set_code(scripted_error.code)
            context.set_details(str(scripted_error))
        return empty_pb2.Empty()

    @property
    def ids(self):
        """The ids of all requests so far, in no particular order."""
        with self._lock:
            return [request.eval_run_uuid for request in self.requests]
