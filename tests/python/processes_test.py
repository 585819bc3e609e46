"""The real programs as evalrun_testing runs them."""

import grpc
import pytest

from aymara.evals.v1 import eval_run_service_pb2 as pb
from aymara.evals.v1 import eval_run_service_pb2_grpc as rpc
from evalrun_testing.backend import BackendProcess
from evalrun_testing.gateway import GatewayProcess
from evalrun_testing.seed import Seed


def test_delete_through_gateway_and_clean_stop(tmp_path):
    seed = Seed()
    workspace = seed.workspace(seed.organization())
    key, run = seed.api_key(workspace), seed.eval_run(workspace)
    with (BackendProcess(tmp_path, seed.document) as backend,
          GatewayProcess(f"{backend.url}/v2", api_key=key) as gateway,
          grpc.insecure_channel(gateway.grpc_address) as channel):
        rpc.EvalRunServiceStub(channel).DeleteEvalRun(
            pb.DeleteEvalRunRequest(eval_run_uuid=run), timeout=20)
        logged = gateway.wait_for_event("call")
        assert (logged["eval_run_uuid"], logged["deletion"]) == (run, "performed")
        assert (gateway.stop(), backend.stop()) == (0, 0)
        assert gateway.access_log == [logged]


def test_backend_recovers_its_state_after_kill(tmp_path):
    seed = Seed()
    seed.organization()
    with BackendProcess(tmp_path, seed.document) as backend:
        address = backend.address
        assert backend.kill() == -9
    with BackendProcess(tmp_path, listen=address) as backend:
        assert backend.address == address


def test_startup_failure_is_reported(tmp_path):
    with pytest.raises(RuntimeError, match="seed file .*: `organizations` must be an array"):
        BackendProcess(tmp_path, {"organizations": 1})
