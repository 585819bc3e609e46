"""The whole way: evalrunctl, the gateway, the backend."""

import json
import sqlite3

import pytest

from evalrun_testing.backend import BackendProcess
from evalrun_testing.gateway import GatewayProcess
from evalrun_testing.seed import Seed
from evalrunctl import run

RUNS = 400


@pytest.fixture(name="system")
def _system(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    seed = Seed()
    workspace = seed.workspace(seed.organization())
    key = seed.api_key(workspace)
    ids = [seed.eval_run(workspace, status="processing" if number == 5 else "finished")
           for number in range(RUNS)]
    (tmp_path / "ids.txt").write_text("\n".join(ids), encoding="utf-8")
    with BackendProcess(tmp_path, seed.document) as backend, \
            GatewayProcess(f"{backend.url}/v2", api_key=key) as gateway:
        yield backend, gateway, ids


def test_list_is_deleted_and_reported(system):
    backend, gateway, ids = system
    done = run("delete", "--server", gateway.grpc_address, "--from-file", "ids.txt", "--json",
               "--done-file", "done.txt")
    assert done.returncode == 1
    answers = {one["eval_run_uuid"]: one for one in map(json.loads, done.stdout.splitlines())}
    assert sorted(answers) == sorted(ids)
    assert [one for one in ids if not answers[one]["gone"]] == [ids[5]]
    assert answers[ids[5]]["reason"] == "RESOURCE_CONFLICT"
    with sqlite3.connect(backend.database) as database:
        journal = database.execute("SELECT outcome, COUNT(*) FROM journal GROUP BY outcome")
        assert dict(journal.fetchall()) == {"deleted": RUNS - 1, "still_processing": 1}

    again = run("delete", "--server", gateway.grpc_address, "--from-file", "ids.txt",
                "--done-file", "done.txt")
    assert again.returncode == 1
    assert f"{RUNS - 1} skipped: done already" in again.stderr


def test_health_reports_serving_status(system):
    _, gateway, _ = system
    serving = run("health", "--server", gateway.grpc_address)
    assert (serving.returncode, serving.stdout) == (0, f"{gateway.grpc_address} is serving.\n")
    gateway.stop()
    assert run("health", "--server", gateway.grpc_address).returncode == 1


def test_missing_workspace_is_not_a_missing_run(system):
    backend, gateway, ids = system
    nowhere = "00000000-0000-4000-8000-00000000dead"
    for number in (1, 2):
        done = run("delete", "--server", gateway.grpc_address, *ids[:number], "--allow-missing",
                   "--workspace", nowhere)
        assert done.returncode == 1
        assert "SCOPE_NOT_FOUND" in done.stderr
        assert "The workspace, or the organization of the gateway's API key, is missing" in done.stderr
        assert nowhere in done.stderr
        assert "gone" not in done.stderr + done.stdout
    one = run("delete", "--server", gateway.grpc_address, ids[0], "--workspace", nowhere)
    assert "resource             aymara.evals.v1.Workspace " + nowhere in one.stderr
    assert "--allow-missing" not in one.stderr
    with sqlite3.connect(backend.database) as database:
        assert database.execute("SELECT COUNT(*) FROM eval_runs").fetchone() == (RUNS,)


def test_single_run_reports_details(system):
    _, gateway, ids = system
    arguments = ("delete", "--server", gateway.grpc_address, ids[0], "--request-id", "me-1")
    first = run(*arguments)
    assert (first.returncode, first.stdout) == (
        0, f"deleted {ids[0]} (performed, request id me-1)\n")
    second = run(*arguments)
    assert second.returncode == 1
    assert second.stderr.startswith(f"not found: {ids[0]}\n  NOT_FOUND: ")
    assert "request id           me-1" in second.stderr
