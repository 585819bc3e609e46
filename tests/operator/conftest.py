"""The real backend with a fault script, the real gateway in front of it, and its callers."""

import contextlib
import http.client
import urllib.request
import uuid

import grpc
import pytest

from aymara.evals.v1 import eval_run_service_pb2 as pb
from aymara.evals.v1 import eval_run_service_pb2_grpc as rpc
from evalrun_testing.backend import BackendProcess
from evalrun_testing.faults import FLAGS, Faults
from evalrun_testing.gateway import GatewayProcess
from evalrun_testing.seed import Seed


class House:
    """A backend with one workspace, and one gateway in front of it."""

    def __init__(self, directory, stack, *, flags=(), runs=0):
        seed = Seed()
        workspace = seed.workspace(seed.organization())
        self.key = seed.api_key(workspace)
        self.runs = [seed.eval_run(workspace) for _ in range(runs)]
        self.backend = stack.enter_context(BackendProcess(directory, seed.document, flags=FLAGS))
        self.faults = Faults(self.backend)
        self.gateway = stack.enter_context(
            GatewayProcess(f"{self.backend.url}/v2", api_key=self.key, flags=flags))
        channel = stack.enter_context(grpc.insecure_channel(self.gateway.grpc_address))
        self._stub = rpc.EvalRunServiceStub(channel)

    @property
    def url(self):
        """Of the admin port."""
        return f"http://{self.gateway.admin_address}"

    def delete(self, run=None, *, timeout=20, request_id=None, metadata=(), **fields):
        """The status code of a call, by default for a run that nobody knows."""
        metadata = [*metadata, *([("x-request-id", request_id)] if request_id else [])]
        try:
            self._stub.DeleteEvalRun(
                pb.DeleteEvalRunRequest(eval_run_uuid=run or str(uuid.uuid4()), **fields),
                timeout=timeout, metadata=metadata)
        except grpc.RpcError as error:
            return error.code().name
        return "OK"

    def get(self, path):
        """The body."""
        with urllib.request.urlopen(self.url + path, timeout=20) as answer:
            return answer.read().decode()

    def ask(self, method, path, body=None):
        """(status, body), whatever the status."""
        connection = http.client.HTTPConnection(self.gateway.admin_address, timeout=20)
        with contextlib.closing(connection):
            connection.request(method, path, body)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()

    def metric(self, series):
        """The value of a series, named as in the exposition."""
        [line] = [line for line in self.get("/metrics").splitlines()
                  if line.startswith(series + " ")]
        return float(line.rpartition(" ")[2])


@pytest.fixture
def make_house(tmp_path):
    """`make_house(flags=..., runs=...)`"""
    with contextlib.ExitStack() as stack:
        yield lambda **options: House(tmp_path, stack, **options)


@pytest.fixture
def house(make_house):
    return make_house()
