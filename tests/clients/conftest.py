# SPDX-License-Identifier: Apache-2.0
"""The real gateway and backend, and a client of the gRPC library that CLIENT_UNDER_TEST names."""

import contextlib
import os
import uuid

import pytest

from aymara.evals.v1 import eval_run_service_pb2 as pb
from callers import CALLERS

# These tests depend on the number of the gateway's attempts, not on the time between them.
FAST_RETRIES = ("--retry-initial-backoff", "1ms", "--retry-max-backoff", "10ms")


@pytest.fixture
def deployment(make_deployment):
    """With one run."""
    return make_deployment(runs=1, flags=FAST_RETRIES)


@pytest.fixture
def connect():
    """`connect(address, ...)`: a caller of the servers at these addresses."""
    with contextlib.ExitStack() as stack:
        caller = CALLERS[os.environ.get("CLIENT_UNDER_TEST", "grpcio")]
        yield lambda *addresses: stack.enter_context(caller("ipv4:" + ",".join(addresses)))


@pytest.fixture
def any_run():
    """A request for a run that does not exist."""
    return pb.DeleteEvalRunRequest(eval_run_uuid=str(uuid.UUID(int=1)))
