# SPDX-License-Identifier: Apache-2.0
"""Deployment and its processes."""

import pytest

from evalrun_testing.backend import BackendProcess


def test_delete_through_gateway_and_clean_stop(make_deployment):
    deployment = make_deployment(runs=1)
    [run] = deployment.runs
    assert deployment.delete(run) == "OK"
    logged = deployment.gateway.wait_for_event("call")
    assert (logged["eval_run_uuid"], logged["deletion"]) == (run, "performed")
    assert (deployment.gateway.stop(), deployment.backend.stop()) == (0, 0)
    assert deployment.gateway.access_log == [logged]


def test_backend_recovers_its_state_after_kill(make_deployment):
    deployment = make_deployment(runs=2)
    first, second = deployment.runs
    assert deployment.delete(first) == "OK"
    address = deployment.backend.address
    assert deployment.backend.kill() == -9
    assert deployment.restart_backend().address == address
    assert (deployment.delete(first), deployment.delete(second)) == ("NOT_FOUND", "OK")


def test_gateway_restarts_on_the_same_port(deployment):
    address = deployment.gateway.grpc_address
    assert deployment.gateway.stop() == 0
    assert deployment.restart_gateway("--log-level", "debug").grpc_address == address
    assert deployment.connect().delete() == "NOT_FOUND"


def test_gateway_with_tls(make_deployment, authority, untrusted_authority):
    deployment = make_deployment(authority=authority, client_certificates="required")
    assert deployment.connect(authority.issue("client", "DNS:client.test")).delete() == "NOT_FOUND"
    assert deployment.delete() == "UNAVAILABLE"
    other = deployment.connect(trusted_ca=untrusted_authority.certificate)
    assert other.delete() == "UNAVAILABLE"


def test_processes_end_with_the_deployment(make_deployment):
    with make_deployment() as deployment:
        assert deployment.delete() == "NOT_FOUND"
    assert (deployment.gateway.wait(), deployment.backend.wait()) == (-9, -9)


def test_startup_failure_is_reported(tmp_path):
    with pytest.raises(RuntimeError, match="seed file .*: `organizations` must be an array"):
        BackendProcess(tmp_path, {"organizations": 1})
