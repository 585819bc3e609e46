"""The API key is changed under continuous load, and the old one ends: no call fails."""

import datetime
import os
import threading
import time

from evalrun_testing.backend import BackendProcess
from evalrun_testing.gateway import GatewayProcess
from evalrun_testing.seed import Seed

import grpc
import pytest

from aymara.evals.v1 import eval_run_service_pb2 as pb
from aymara.evals.v1 import eval_run_service_pb2_grpc as rpc

CALLERS = 4


def replace(path, content):
    """In one step, as deployments do."""
    following = path.with_name("next")
    following.write_text(content)
    os.replace(following, path)


def test_key_rotation_fails_no_call(tmp_path):
    """The backend refuses the old key from `ends` on: a call that still used it would fail."""
    ends = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=12)
    seed = Seed()
    workspace = seed.workspace(seed.organization())
    old = seed.api_key(workspace, expires_at=ends.strftime("%Y-%m-%dT%H:%M:%SZ"))
    new = seed.api_key(workspace)
    runs = [seed.eval_run(workspace) for _ in range(4000)]
    key = tmp_path / "key"
    key.write_text(old)
    answers, after_the_end = [], []
    stop = threading.Event()

    with (BackendProcess(tmp_path, seed.document) as backend,
          GatewayProcess(f"{backend.url}/v2", api_key="", flags=["--api-key-file", str(key), "--access-log=false"])
          as gateway):

        def call(mine):
            with grpc.insecure_channel(gateway.grpc_address) as channel:
                stub = rpc.EvalRunServiceStub(channel)
                for run in mine:
                    if stop.is_set():
                        return
                    late = datetime.datetime.now(datetime.timezone.utc) > ends
                    try:
                        stub.DeleteEvalRun(pb.DeleteEvalRunRequest(eval_run_uuid=run), timeout=20)
                        answer = "OK"
                    except grpc.RpcError as error:
                        answer = f"{error.code().name} {error.details()}"
                    answers.append(answer)
                    if late:
                        after_the_end.append(answer)
                    time.sleep(0.02)

        threads = [threading.Thread(target=call, args=(runs[n::CALLERS],)) for n in range(CALLERS)]
        for thread in threads:
            thread.start()
        while len(answers) < 20:
            time.sleep(0.01)
        replace(key, new)
        gateway.wait_for_event("upstream_key_changed")
        while len(after_the_end) < 50 and any(thread.is_alive() for thread in threads):
            time.sleep(0.1)
        stop.set()
        for thread in threads:
            thread.join()
        everything = "\n".join(map(str, gateway.events))
    assert len(after_the_end) >= 50, "the load ended before the old key did"
    assert set(answers) == {"OK"}
    assert old not in everything and new not in everything


def test_old_key_is_revoked(tmp_path):
    """What the test above relies on."""
    seed = Seed()
    workspace = seed.workspace(seed.organization())
    old = seed.api_key(workspace, expires_at="2020-01-01T00:00:00Z")
    run = seed.eval_run(workspace)
    with (BackendProcess(tmp_path, seed.document) as backend,
          GatewayProcess(f"{backend.url}/v2", api_key=old) as gateway,
          grpc.insecure_channel(gateway.grpc_address) as channel,
          pytest.raises(grpc.RpcError) as refused):
        rpc.EvalRunServiceStub(channel).DeleteEvalRun(
            pb.DeleteEvalRunRequest(eval_run_uuid=run), timeout=20)
    assert refused.value.code() == grpc.StatusCode.UNAUTHENTICATED
