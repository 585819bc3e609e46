# SPDX-License-Identifier: Apache-2.0
"""Deletes one eval run for good, and says what became of it.

    delete_run.py ADDRESS SERVICE_CONFIG RUN_ID [CA_FILE [CERTIFICATE_FILE KEY_FILE]]

CA_FILE verifies the server; CERTIFICATE_FILE and KEY_FILE are the caller's. Without any: plaintext.
Prints one line for each call and one for the outcome. Exit status 0: the run is gone.
"""

import pathlib
import random
import sys
import time
import uuid

import grpc
from google.protobuf import empty_pb2
from google.rpc import error_details_pb2
from grpc_status import rpc_status

from aymara.evals.v1 import eval_run_service_pb2 as pb
from aymara.evals.v1 import eval_run_service_pb2_grpc as pb_grpc

CONNECTION_DEADLINE = 5.0  # seconds
DEADLINE = 20.0  # seconds, of one call with all its attempts
SETTLING_CALLS = 5
LONGEST_WAIT = 10.0  # seconds


def check_connection(channel):
    """A call that deletes nothing and, unlike a deletion, does not wait until a gateway can be reached.

    Its request, for the service "", is empty; its response is not used. None, or what it failed with.
    """
    check = channel.unary_unary("/grpc.health.v1.Health/Check", empty_pb2.Empty.SerializeToString,
                                empty_pb2.Empty.FromString)
    try:
        check(empty_pb2.Empty(), timeout=CONNECTION_DEADLINE)
    except grpc.RpcError as error:
        return error
    return None


def detail(error, kind):
    """The detail of this type, empty when there is none: gRPC itself fails calls without details."""
    found, status = kind(), rpc_status.from_call(error)
    for packed in status.details if status else ():
        if packed.Unpack(found):
            break
    return found


def delete(stub, run, request_id, allow_missing=False):
    """One call: its code, what is certain about the run, and for how many seconds to wait."""
    info, wait, message = error_details_pb2.ErrorInfo(), 0.0, ""
    try:
        _, call = stub.DeleteEvalRun.with_call(
            pb.DeleteEvalRunRequest(eval_run_uuid=run, allow_missing=allow_missing),
            timeout=DEADLINE, metadata=(("x-request-id", request_id),))
        code = "OK"
        deletion = dict(call.trailing_metadata()).get("evalrun-deletion", "performed")
    except grpc.RpcError as error:
        code, message = error.code().name, error.details()
        info = detail(error, error_details_pb2.ErrorInfo)
        # An error without details did not come from the gateway: the result is unknown.
        deletion = info.metadata.get("deletion", "unknown")
        delay = detail(error, error_details_pb2.RetryInfo).retry_delay
        wait = delay.seconds + delay.nanos / 1e9
        request_id = detail(error, error_details_pb2.RequestInfo).request_id or request_id
    print(f"{code} deletion={deletion} reason={info.reason or '-'} domain={info.domain or '-'} "
          f"retry_after={wait:.3f}s request_id={request_id} message={message or '-'}", flush=True)
    return code, deletion, wait


def connect(address, service_config, *tls_files):
    options = [("grpc.service_config", pathlib.Path(service_config).read_text(encoding="utf-8"))]
    if not tls_files:
        return grpc.insecure_channel(address, options)
    authority, *own = (pathlib.Path(file).read_bytes() for file in tls_files)
    certificate, key = own or (None, None)
    return grpc.secure_channel(
        address, grpc.ssl_channel_credentials(authority, key, certificate), options)


def main(address, service_config, run, *tls_files):
    with connect(address, service_config, *tls_files) as channel:
        if error := check_connection(channel):
            print(f"{error.code().name} before any deletion was requested: {error.details()}")
            print("not_performed")
            return 1
        stub, request_id = pb_grpc.EvalRunServiceStub(channel), str(uuid.uuid4())
        code, deletion, wait = delete(stub, run, request_id)
        # Unknown: call again. With `allow_missing`, OK means that the run is not in this workspace;
        # any other response says nothing about the first call, so the question stays open.
        for call in range(SETTLING_CALLS if deletion == "unknown" else 0):
            time.sleep(max(wait, random.uniform(0, min(LONGEST_WAIT, 0.2 * 2**call))))
            code, _, wait = delete(stub, run, request_id, allow_missing=True)
            if code == "OK":
                break
    print("gone" if code == "OK" else deletion)
    return 0 if code == "OK" else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
