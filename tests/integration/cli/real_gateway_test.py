# SPDX-License-Identifier: Apache-2.0
"""evalrunctl with the real gateway and backend."""

import json

import pytest

from evalrun_testing.seed import Seed
from evalrunctl import run

RUNS = 400


@pytest.fixture
def seed():
    """One of the runs is still processing."""
    seed = Seed()
    workspace = seed.workspace(seed.organization())
    seed.api_key(workspace)
    for number in range(RUNS):
        seed.eval_run(workspace, status="processing" if number == 5 else "finished")
    return seed


@pytest.fixture
def ids(seed, tmp_path, monkeypatch):
    """The ids of all runs, which are also in ids.txt in the current folder."""
    monkeypatch.chdir(tmp_path)
    ids = [run["eval_run_uuid"] for run in seed.document["eval_runs"]]
    (tmp_path / "ids.txt").write_text("\n".join(ids), encoding="utf-8")
    return ids


@pytest.fixture
def deployment(make_deployment, seed):
    return make_deployment(seed=seed)


def test_list_is_deleted_and_reported(deployment, ids):
    done = run("delete", "--server", deployment.gateway.grpc_address, "--from-file", "ids.txt", "--json",
               "--done-file", "done.txt")
    assert done.returncode == 1
    results = {one["eval_run_uuid"]: one for one in map(json.loads, done.stdout.splitlines())}
    assert sorted(results) == sorted(ids)
    assert [one for one in ids if not results[one]["gone"]] == [ids[5]]
    assert results[ids[5]]["reason"] == "RESOURCE_CONFLICT"
    assert dict(deployment.backend.query("SELECT outcome, COUNT(*) FROM journal GROUP BY outcome")) == {
        "deleted": RUNS - 1, "still_processing": 1}

    again = run("delete", "--server", deployment.gateway.grpc_address, "--from-file", "ids.txt",
                "--done-file", "done.txt")
    assert again.returncode == 1
    assert f"{RUNS - 1} skipped: done already" in again.stderr


def test_health_reports_serving_status(deployment):
    serving = run("health", "--server", deployment.gateway.grpc_address)
    assert (serving.returncode, serving.stdout) == (0, f"{deployment.gateway.grpc_address} is serving.\n")
    deployment.gateway.stop()
    assert run("health", "--server", deployment.gateway.grpc_address).returncode == 1


def test_missing_workspace_is_not_a_missing_run(deployment, ids):
    server = deployment.gateway.grpc_address
    nowhere = "00000000-0000-4000-8000-00000000dead"
    for number in (1, 2):
        done = run("delete", "--server", server, *ids[:number], "--allow-missing",
                   "--workspace", nowhere)
        assert done.returncode == 1
        assert "SCOPE_NOT_FOUND" in done.stderr
        assert "The workspace, or the organization of the gateway's API key, is missing" in done.stderr
        assert number == 2 or nowhere in done.stderr  # a summary names no resource
        assert "gone" not in done.stderr + done.stdout
    one = run("delete", "--server", server, ids[0], "--workspace", nowhere)
    assert "resource             aymara.evals.v1.Workspace " + nowhere in one.stderr
    assert "--allow-missing" not in one.stderr
    assert deployment.backend.query("SELECT COUNT(*) FROM eval_runs") == [(RUNS,)]


def test_single_run_reports_details(deployment, ids):
    arguments = ("delete", "--server", deployment.gateway.grpc_address, ids[0], "--request-id", "me-1")
    first = run(*arguments)
    assert (first.returncode, first.stdout) == (
        0, f"deleted {ids[0]} (performed, request id me-1)\n")
    second = run(*arguments)
    assert second.returncode == 1
    assert second.stderr.startswith(f"not found: {ids[0]}\n  NOT_FOUND: ")
    assert "request id           me-1" in second.stderr


def test_run_that_an_earlier_call_deleted_is_presumed(make_deployment):
    deployment = make_deployment(runs=1, flags=["--max-attempts", "1"])
    deployment.faults.set(fault="drop_after_commit", count=1)
    done = run("delete", "--server", deployment.gateway.grpc_address, deployment.runs[0], "--retry-unknown")
    journal = deployment.backend.query("SELECT outcome FROM journal ORDER BY rowid")
    assert journal == [("deleted",), ("not_found",)]
    assert done.returncode == 0
    assert done.stdout.startswith(f"not in this workspace: {deployment.runs[0]} (presumed, ")
    gateway = deployment.gateway
    first, second = (gateway.wait_for(lambda event, word=word: event.get("deletion") == word)
                     for word in ("unknown", "absent"))
    assert first["request_id"] == second["request_id"]
