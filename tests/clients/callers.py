# SPDX-License-Identifier: Apache-2.0
"""Callers: a channel with the recommended service config, for each gRPC library.

A caller is a context manager. `start(request, timeout)` starts a call with a timeout in seconds and
returns a future of its Response. `target` is `ipv4:HOST:PORT[,HOST:PORT...]`.
"""

import base64
import concurrent.futures
import itertools
import json
import os
import pathlib
import subprocess
import threading

import grpc

from aymara.evals.v1 import eval_run_service_pb2_grpc as rpc
from evalrun_testing.child_process import clean_environment
from response import Response

SERVICE_CONFIG = (pathlib.Path(__file__).resolve().parents[2] / "proto" / "aymara" / "evals" / "v1"
                  / "eval_run_service.service_config.json")
_DETAILS = "grpc-status-details-bin"


class GrpcioCaller:
    """gRPC for Python, which has the same core as gRPC for C++."""

    def __init__(self, target):
        self._channel = grpc.insecure_channel(target, options=[
            ("grpc.service_config", SERVICE_CONFIG.read_text(encoding="utf-8"))])
        self._stub = rpc.EvalRunServiceStub(self._channel)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._channel.close()

    def start(self, request, timeout):
        response = concurrent.futures.Future()
        call = self._stub.DeleteEvalRun.future(request, timeout=timeout)
        call.add_done_callback(lambda done: response.set_result(self._parse(done)))
        return response

    @staticmethod
    def _parse(call):
        trailers = dict(call.trailing_metadata())
        return Response.parse(call.code().name, trailers.pop(_DETAILS, b""), trailers)


class GrpcGoCaller:
    """grpc-go: the program in go/. GRPC_GO_CALLER is the path of its binary."""

    def __init__(self, target):
        self._process = subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL", "--", os.environ["GRPC_GO_CALLER"], target,
             str(SERVICE_CONFIG)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=clean_environment())
        self._ids = itertools.count()
        self._pending = {}  # futures by id
        self._writing = threading.Lock()
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._process.stdin.close()
        self._reader.join()
        assert self._process.wait() == 0

    def start(self, request, timeout):
        number, response = next(self._ids), concurrent.futures.Future()
        self._pending[number] = response
        line = {"id": number, "timeout": timeout,
                "request": base64.b64encode(request.SerializeToString()).decode()}
        with self._writing:
            self._process.stdin.write(json.dumps(line).encode() + b"\n")
            self._process.stdin.flush()
        return response

    def _read(self):
        with self._process.stdout as output:
            for line in map(json.loads, output):
                trailers = {name: values[0] for name, values in (line["trailers"] or {}).items()}
                self._pending.pop(line["id"]).set_result(
                    Response.parse(line["code"], base64.b64decode(line["details"] or ""), trailers))
        for response in self._pending.values():
            response.set_exception(RuntimeError("the caller has ended"))


CALLERS = {"grpcio": GrpcioCaller, "grpc-go": GrpcGoCaller}
