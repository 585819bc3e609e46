#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What callers get from Envoy's gRPC-JSON reverse transcoder in place of the gateway.

    tests/python/venv python tests/platform/compare_with_envoy.py

Prints, for each situation, the response of Envoy and of the gateway to the same call in front of the same upstream: the
bundled backend, or one that answers 204 to every DELETE and records what it got. All on 127.0.0.1.
"""

import contextlib
import http.server
import sys
import tempfile
import threading

import grpc
from google.rpc import error_details_pb2, status_pb2

from aymara.evals.v1 import eval_run_service_pb2 as pb
from evalrun_testing.deployment import Deployment
from evalrun_testing.envoy import TranscodingEnvoyProcess

METHOD = "/aymara.evals.v1.EvalRunService/DeleteEvalRun"
RUN = "954d54bc-bd5f-4cb5-8d20-688f368b712e"


class Recorder(http.server.ThreadingHTTPServer):
    """An upstream that answers 204 to every DELETE."""

    def __init__(self):
        self.requests = []
        recorder = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_DELETE(self):
                recorder.requests.append((self.path, {key.lower(): value for key, value in self.headers.items()}))
                self.send_response(204)
                self.end_headers()

            def log_message(self, *_):
                pass

        super().__init__(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def address(self):
        return f"127.0.0.1:{self.server_address[1]}"


def call(address, request, metadata=(), method=METHOD):
    """The response in words: the code, what is certain about the run, when to retry."""
    with grpc.insecure_channel(address, [("grpc.use_local_subchannel_pool", 1), ("grpc.enable_http_proxy", 0)]) as channel:
        try:
            channel.unary_unary(method)(request, timeout=5, metadata=metadata)
            return "OK"
        except grpc.RpcError as error:
            words = [error.code().name]
            for key, value in error.trailing_metadata() or ():
                if key == "grpc-status-details-bin":
                    for detail in status_pb2.Status.FromString(value).details:
                        info, retry = error_details_pb2.ErrorInfo(), error_details_pb2.RetryInfo()
                        if detail.Unpack(info):
                            words.append(info.metadata.get("deletion", ""))
                        elif detail.Unpack(retry):
                            words.append(f"retry after {retry.retry_delay.seconds} s")
            return ", ".join(filter(None, words))


def message(run=RUN):
    return pb.DeleteEvalRunRequest(eval_run_uuid=run).SerializeToString()


def with_backend(directory):
    """Yields (situation, Envoy, gateway). Each has a run of its own to delete."""
    with Deployment(directory, runs=6) as deployment, \
            TranscodingEnvoyProcess(f"{directory}/envoy", deployment.backend.address, api_key=deployment.api_key) as proxy:
        runs = iter(deployment.runs)

        def both(situation, existing=True, **fault):
            responses = []
            for address in (proxy.address, deployment.gateway.grpc_address):
                if fault:
                    deployment.faults.set(**fault)
                responses.append(call(address, message(next(runs) if existing else RUN)))
                deployment.faults.set_rules()
            return situation, *responses

        yield both("the run is deleted")
        yield both("there is no such run", existing=False)
        yield both("the run is deleted, the response is lost", fault="drop_after_commit", reset=True, count=1)
        # The last one: it holds back the gateway's next calls.
        yield both("429 with `Retry-After: 7`", fault="respond", status=429, headers={"Retry-After": "7"})
        yield "`grpc.health.v1`", *(call(address, b"", method="/grpc.health.v1.Health/Check")
                                for address in (proxy.address, deployment.gateway.grpc_address))


def with_recorder(directory):
    """The same, with what the upstream got."""
    with contextlib.ExitStack() as stack:
        upstreams = [stack.enter_context(Recorder()) for _ in range(2)]
        for upstream in upstreams:
            stack.callback(upstream.shutdown)
        proxy = stack.enter_context(TranscodingEnvoyProcess(f"{directory}/envoy", upstreams[0].address, api_key="a-key"))
        deployment = stack.enter_context(Deployment(f"{directory}/gateway", upstream=f"http://{upstreams[1].address}/v2", api_key="a-key"))

        def both(situation, request, metadata=(), show=lambda path, headers: path):
            responses = []
            for address, upstream in ((proxy.address, upstreams[0]), (deployment.gateway.grpc_address, upstreams[1])):
                upstream.requests.clear()
                response = call(address, request, metadata)
                responses.append(f"{response}; sent: {'; '.join(show(*got) for got in upstream.requests) or 'nothing'}")
            return situation, *responses

        yield both("a message that does not parse (`0a ff ff`)", b"\x0a\xff\xff")
        yield both("the id is `..`", message(".."))
        yield both("the caller's metadata `authorization: secret`", message(), [("authorization", "secret")],
                   lambda path, headers: f"authorization: {headers.get('authorization', 'none')}")


def rows(directory):
    yield from with_backend(f"{directory}/backend")
    yield from with_recorder(f"{directory}/recorder")


def main():
    with tempfile.TemporaryDirectory() as directory:
        print("| | Envoy | gateway |\n|---|---|---|")
        for row in rows(directory):
            print("|", " | ".join(row), "|", flush=True)


if __name__ == "__main__":
    sys.exit(main())
