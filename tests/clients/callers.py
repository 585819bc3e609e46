"""Clients under test: a channel with the recommended service config, in one gRPC library each.

A caller is a context manager; `start(request, timeout)` begins a call, `timeout` in seconds, and
returns a future of its Answer. TARGET is `ipv4:HOST:PORT[,HOST:PORT...]`.
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

from answer import Answer
from aymara.evals.v1 import eval_run_service_pb2_grpc as rpc
from evalrun_testing.child_process import clean_environment

SERVICE_CONFIG = (pathlib.Path(__file__).resolve().parents[2] / "proto" / "aymara" / "evals" / "v1"
                  / "eval_run_service.service_config.json")
_DETAILS = "grpc-status-details-bin"


class GrpcioCaller:
    """gRPC for Python, which is C-core underneath, as for C++."""

    def __init__(self, target):
        self._channel = grpc.insecure_channel(target, options=[
            ("grpc.service_config", SERVICE_CONFIG.read_text(encoding="utf-8"))])
        self._stub = rpc.EvalRunServiceStub(self._channel)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._channel.close()

    def start(self, request, timeout):
        answer = concurrent.futures.Future()
        call = self._stub.DeleteEvalRun.future(request, timeout=timeout)
        call.add_done_callback(lambda done: answer.set_result(self._answer(done)))
        return answer

    @staticmethod
    def _answer(call):
        trailers = dict(call.trailing_metadata())
        return Answer.of(call.code().name, trailers.pop(_DETAILS, b""), trailers)


class GrpcGoCaller:
    """grpc-go: the program in go/, which GRPC_GO_CALLER names."""

    def __init__(self, target):
        self._process = subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL", "--", os.environ["GRPC_GO_CALLER"], target,
             str(SERVICE_CONFIG)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=clean_environment())
        self._ids = itertools.count()
        self._waiting = {}  # futures by id
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
        number, answer = next(self._ids), concurrent.futures.Future()
        self._waiting[number] = answer
        line = {"id": number, "timeout": timeout,
                "request": base64.b64encode(request.SerializeToString()).decode()}
        with self._writing:
            self._process.stdin.write(json.dumps(line).encode() + b"\n")
            self._process.stdin.flush()
        return answer

    def _read(self):
        with self._process.stdout as output:
            for line in map(json.loads, output):
                trailers = {name: values[0] for name, values in (line["trailers"] or {}).items()}
                self._waiting.pop(line["id"]).set_result(
                    Answer.of(line["code"], base64.b64decode(line["details"] or ""), trailers))
        for answer in self._waiting.values():
            answer.set_exception(RuntimeError("the caller has ended"))


CALLERS = {"grpcio": GrpcioCaller, "grpc-go": GrpcGoCaller}
