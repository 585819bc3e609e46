# SPDX-License-Identifier: Apache-2.0
"""A gRPC server that fails each attempt with a given code, and by default without a retry pushback."""

import concurrent.futures

import grpc

from aymara.evals.v1 import eval_run_service_pb2_grpc as rpc


class ScriptedServer(rpc.EvalRunServiceServicer):
    """Serves on a free port, `address`, until the end of `with`."""

    def __init__(self, code, trailers=()):
        self._code, self._trailers = code, trailers
        self.previous_attempts = []  # `grpc-previous-rpc-attempts` of each attempt
        self._server = grpc.server(concurrent.futures.ThreadPoolExecutor(2))
        rpc.add_EvalRunServiceServicer_to_server(self, self._server)
        self.address = f"127.0.0.1:{self._server.add_insecure_port('127.0.0.1:0')}"

    def __enter__(self):
        self._server.start()
        return self

    def __exit__(self, *_):
        self._server.stop(None).wait()

    def DeleteEvalRun(self, request, context):
        metadata = dict(context.invocation_metadata())
        self.previous_attempts.append(metadata.get("grpc-previous-rpc-attempts"))
        context.set_trailing_metadata(self._trailers)
        context.abort(self._code, "scripted")
