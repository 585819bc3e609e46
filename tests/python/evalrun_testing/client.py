# SPDX-License-Identifier: Apache-2.0
"""A gRPC client of the gateway."""

import uuid

import grpc

from aymara.evals.v1 import eval_run_service_pb2 as pb
from aymara.evals.v1 import eval_run_service_pb2_grpc as rpc

SERVER_NAME = "gateway.test"  # in the gateway's certificate, unless a test issues another one


class Client:
    """A connection of its own to one gateway, in plaintext or over TLS.

    `trusted_ca`, a file in PEM, turns TLS on; `pair` is then the client's own certificate, if it
    has one, and `server_name` the name that the server's certificate must have. May be used by
    several threads at a time.
    """

    def __init__(self, address, *, trusted_ca=None, pair=None, server_name=SERVER_NAME):
        options = [("grpc.use_local_subchannel_pool", 1), ("grpc.enable_http_proxy", 0)]
        if trusted_ca is None:
            self._channel = grpc.insecure_channel(address, options)
        else:
            key, certificate = (None, None) if pair is None else (
                pair.key.read_bytes(), pair.certificate.read_bytes())
            self._channel = grpc.secure_channel(
                address, grpc.ssl_channel_credentials(trusted_ca.read_bytes(), key, certificate),
                [*options, ("grpc.ssl_target_name_override", server_name)])
        self._stub = rpc.EvalRunServiceStub(self._channel)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._channel.close()

    def delete(self, run=None, **options):
        """The name of the status code of `call()`."""
        return self.call(run, **options)[0]

    def call(self, run=None, *, timeout=20, request_id=None, metadata=(), **fields):
        """Deletes a run. Returns the name of the status code, and the message ("" for OK).

        By default the run does not exist, so that NOT_FOUND means that the backend has answered.
        `fields` are further fields of the request.
        """
        metadata = [*metadata, *([("x-request-id", request_id)] if request_id else [])]
        try:
            self._stub.DeleteEvalRun(
                pb.DeleteEvalRunRequest(eval_run_uuid=run or str(uuid.uuid4()), **fields),
                timeout=timeout, metadata=metadata)
        except grpc.RpcError as error:
            return error.code().name, error.details()
        return "OK", ""
