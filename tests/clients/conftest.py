"""The real gateway and backend, and the gRPC library that CLIENT_UNDER_TEST names."""

import contextlib
import os
import uuid

import pytest

from aymara.evals.v1 import eval_run_service_pb2 as pb
from callers import CALLERS
from evalrun_testing.backend import BackendProcess
from evalrun_testing.gateway import GatewayProcess
from evalrun_testing.seed import Seed
from evalrun_testing.faults import FLAGS, Faults

# Between its sends the gateway waits for milliseconds: what counts here is how many there are.
FAST_RETRIES = ("--retry-initial-backoff", "1ms", "--retry-max-backoff", "10ms")


class House:
    """A backend with one workspace and one run, and gateways in front of it."""

    def __init__(self, directory, stack):
        self._stack = stack
        seed = Seed()
        workspace = seed.workspace(seed.organization())
        self._key, self.run = seed.api_key(workspace), seed.eval_run(workspace)
        self.backend = stack.enter_context(BackendProcess(directory, seed.document, flags=FLAGS))
        self.faults = Faults(self.backend)

    def gateway(self, *flags, listen="127.0.0.1:0"):
        return self._stack.enter_context(GatewayProcess(
            f"{self.backend.url}/v2", api_key=self._key, flags=(*FAST_RETRIES, *flags), listen=listen))


@pytest.fixture
def house(tmp_path):
    with contextlib.ExitStack() as stack:
        yield House(tmp_path, stack)


@pytest.fixture
def connect():
    """`connect(address, ...)`: a caller of the servers at these addresses."""
    with contextlib.ExitStack() as stack:
        caller = CALLERS[os.environ.get("CLIENT_UNDER_TEST", "grpcio")]
        yield lambda *addresses: stack.enter_context(caller("ipv4:" + ",".join(addresses)))


@pytest.fixture
def any_run():
    """A request for a run that nobody knows."""
    return pb.DeleteEvalRunRequest(eval_run_uuid=str(uuid.UUID(int=1)))
