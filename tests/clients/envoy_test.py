# SPDX-License-Identifier: Apache-2.0
"""Callers behind a real Envoy that retries on another gateway, with Istio's policy or another one.

Envoy knows nothing of `grpc-retry-pushback-ms` and `grpc-previous-rpc-attempts`. A run that a call has
deleted must never be NOT_FOUND for it because Envoy made another attempt.
"""

import concurrent.futures
import contextlib

import pytest

from aymara.evals.v1 import eval_run_service_pb2 as pb
from evalrun_testing.client import SERVER_NAME, Client
from evalrun_testing.envoy import ISTIO_RETRY_ON, EnvoyProcess
from fault_rules import api_error

TIMEOUT = 20.0
GATEWAY_ATTEMPTS = 3  # retry.max_attempts
# The first response is lost after the commit, and the gateway's other attempts find the API busy.
LOST_THEN_BUSY = ({"fault": "drop_after_commit", "count": 1},
                  {**api_error(503), "count": GATEWAY_ATTEMPTS - 1})


@pytest.fixture
def make_call(deployment, tmp_path, connect):
    """`make_call(*gateways, **options)` starts an Envoy in front of two gateways, or of these addresses.

    It returns a function that deletes the one run through it, and the Envoy.
    """
    with contextlib.ExitStack() as stack:
        def start(*gateways, **options):
            gateways = gateways or (deployment.gateway.grpc_address,
                                    deployment.start_gateway().grpc_address)
            proxy = stack.enter_context(EnvoyProcess(tmp_path / "envoy", gateways, **options))
            caller = connect(proxy.address)

            def call(**fields):
                request = pb.DeleteEvalRunRequest(eval_run_uuid=deployment.runs[0], **fields)
                return caller.start(request, TIMEOUT).result()
            return call, proxy
        yield start


def logged_calls(deployment):
    """(code, deletion) of all calls that the gateways have had, which are stopped, sorted."""
    for gateway in deployment.gateways:
        gateway.stop()
    return sorted((line["rpc.response.status_code"], line["deletion"])
                  for gateway in deployment.gateways for line in gateway.access_log)


@pytest.mark.parametrize("counts_attempts", [True, False])
def test_envoy_does_not_retry_a_lost_response(deployment, make_call, counts_attempts):
    deployment.faults.set_rules(*LOST_THEN_BUSY)
    call, proxy = make_call(counts_attempts=counts_attempts)
    response = call()
    assert (response.code, response.deletion) == ("UNAVAILABLE", "unknown")
    assert response.pushback == "-1"
    assert proxy.counter("cluster.gateways.upstream_rq_retry") == 0
    assert call(allow_missing=True).code == "OK"  # the caller's next step, by the .proto
    assert logged_calls(deployment) == [("OK", "absent"), ("UNAVAILABLE", "unknown")]


def test_no_envoy_in_a_row_retries(deployment, tmp_path, make_call):
    """Such as an ingress gateway in front of a sidecar: each sees the header."""
    deployment.faults.set_rules(*LOST_THEN_BUSY)
    with EnvoyProcess(tmp_path / "inner", [deployment.gateway.grpc_address],
                      counts_attempts=False) as inner:
        call, outer = make_call(inner.address, counts_attempts=False)
        assert call().deletion == "unknown"
        assert [proxy.counter("cluster.gateways.upstream_rq_retry")
                for proxy in (inner, outer)] == [0, 0]
    assert logged_calls(deployment) == [("UNAVAILABLE", "unknown")]


@pytest.mark.parametrize("counts_attempts", [True, False])
def test_envoy_does_not_retry_an_unknown_that_asks_for_a_pause(
        deployment, make_call, counts_attempts):
    """gRPC clients may retry it, because they wait and say that they retry. Envoy does neither."""
    deployment.faults.set(fault="respond", status=503, commit=True, count=1,
                          headers={"retry-after-ms": "20"}, body="<h1>busy</h1>")
    gateways = [deployment.start_gateway("--max-attempts", "1").grpc_address for _ in range(2)]
    call, proxy = make_call(*gateways, counts_attempts=counts_attempts)
    response = call()
    # gRPC's own retry, which Envoy does not see.
    assert (response.code, response.deletion) == ("OK", "presumed")
    assert proxy.counter("cluster.gateways.upstream_rq_retry") == 0
    assert logged_calls(deployment) == [("OK", "presumed"), ("UNAVAILABLE", "unknown")]


def test_attempt_count_makes_the_response_presumed(deployment, make_call):
    """An Envoy that retries whatever the gateway says, and counts."""
    deployment.faults.set_rules(*LOST_THEN_BUSY)
    call, proxy = make_call(retry_on=f"{ISTIO_RETRY_ON},envoy-ratelimited")
    response = call()
    assert (response.code, response.deletion) == ("OK", "presumed")
    assert proxy.counter("cluster.gateways.upstream_rq_retry") == 1
    assert logged_calls(deployment) == [("OK", "presumed"), ("UNAVAILABLE", "unknown")]


def test_attempt_count_after_a_gateway_was_killed(deployment, make_call):
    """No response, so nothing keeps an Envoy whose policy has `reset` from retrying."""
    deployment.faults.set(fault="hold", commit=True, count=1)
    gateways = [deployment.gateway, deployment.start_gateway()]
    call, proxy = make_call(*(each.grpc_address for each in gateways),
                            retry_on=f"{ISTIO_RETRY_ON},reset")
    with concurrent.futures.ThreadPoolExecutor() as threads:
        pending = threads.submit(call)
        deployment.faults.wait_until_held()
        next(each for each in gateways if each.metric("gateway_calls_in_flight") == 1).kill()
        response = pending.result()
    assert (response.code, response.deletion) == ("OK", "presumed")
    assert proxy.counter("cluster.gateways.upstream_rq_retry") == 1


@pytest.mark.parametrize("counts_attempts", [True, False])
def test_envoy_does_not_retry_a_call_that_a_shutdown_cuts_off(
        deployment, make_call, counts_attempts):
    """The gateway answers it. gRPC's own UNAVAILABLE is one of Istio's reasons to retry."""
    deployment.faults.set(fault="hold", commit=True, count=1)
    flags = ("--drain-timeout", "200ms", "--upstream-timeout", "10s")
    gateways = [deployment.start_gateway(*flags) for _ in range(2)]
    _, proxy = make_call(*(each.grpc_address for each in gateways), counts_attempts=counts_attempts)
    with Client(proxy.address) as client, concurrent.futures.ThreadPoolExecutor() as threads:
        pending = threads.submit(client.call, deployment.runs[0])
        deployment.faults.wait_until_held()
        cut_off = next(each for each in gateways if each.metric("gateway_calls_in_flight") == 1)
        assert cut_off.stop() == 0
        code, message = pending.result()
    assert code == "UNAVAILABLE" and message.startswith("the run may or may not be deleted")
    assert logged_calls(deployment) == [("UNAVAILABLE", "unknown")]


def test_envoy_retries_what_certainly_did_nothing(deployment, make_call):
    """The API refused and named a time, and this gateway made no other attempt: another one may."""
    deployment.faults.set(count=1, **api_error(503, **{"retry-after-ms": "20"}))
    gateways = [deployment.start_gateway("--max-attempts", "1").grpc_address for _ in range(2)]
    call, proxy = make_call(*gateways)
    response = call()
    assert (response.code, response.deletion) == ("OK", "performed")
    assert proxy.counter("cluster.gateways.upstream_rq_retry") == 1
    assert logged_calls(deployment) == [("OK", "performed"), ("UNAVAILABLE", "not_performed")]


def test_envoy_retries_when_a_gateway_is_gone(deployment, make_call):
    gone = deployment.start_gateway()
    call, _ = make_call(gone.grpc_address, deployment.gateways[0].grpc_address)
    assert gone.stop() == 0
    # Envoy takes gateways by turns, so one of the two meets the gateway that is gone first.
    assert call().deletion == "performed"
    assert call(allow_missing=True).code == "OK"


def test_identity_is_the_one_in_the_certificate_that_envoy_has_seen(
        make_deployment, tmp_path, authority):
    config = tmp_path / "gateway.yaml"
    config.write_text("identity: {metadata_key: x-forwarded-client-cert, "
                      "trusted_networks: [127.0.0.1]}\n", encoding="utf-8")
    deployment = make_deployment(flags=["--config", str(config)])
    forged = [("x-forwarded-client-cert", "URI=spiffe://test/admin")]
    server = authority.issue("server", f"DNS:{SERVER_NAME}")
    with EnvoyProcess(tmp_path / "envoy", [deployment.gateway.grpc_address],
                      authority=authority, pair=server) as proxy:
        for names, metadata in ((["URI:spiffe://test/a"], ()),
                                (["URI:spiffe://test/a"], ()),  # another certificate
                                (["DNS:b.test", "URI:spiffe://test/b", "DNS:c.test"], forged),
                                (["URI:spiffe://test/a", "URI:spiffe://test/b"], ()),
                                (["DNS:b.test"], forged)):
            with Client(proxy.address, trusted_ca=authority.certificate,
                        pair=authority.issue("CN=,;\\\"", *names)) as client:
                assert client.delete(metadata=metadata) == "NOT_FOUND"
    deployment.gateway.stop()
    assert [line["caller"] for line in deployment.gateway.access_log] == [
        "metadata:spiffe://test/a", "metadata:spiffe://test/a", "metadata:spiffe://test/b",
        "ip:127.0.0.1", "ip:127.0.0.1"]
