# SPDX-License-Identifier: Apache-2.0
"""The response that a caller receives, whichever gRPC library it uses."""

import dataclasses

from google.rpc import error_details_pb2, status_pb2


@dataclasses.dataclass(frozen=True)
class Response:
    code: str                   # as google.rpc.Code spells it
    deletion: str | None        # None: an error without our details, so not from a gateway
    reason: str | None
    retry_after: float | None   # seconds
    pushback: str | None        # `grpc-retry-pushback-ms`

    @classmethod
    def parse(cls, code, details, trailers):
        """From a code, a serialized google.rpc.Status, which may be empty, and trailing metadata."""
        info, retry = error_details_pb2.ErrorInfo(), error_details_pb2.RetryInfo()
        packed = status_pb2.Status.FromString(details).details
        has_info = any([each.Unpack(info) for each in packed])
        has_retry = any([each.Unpack(retry) for each in packed])
        if code == "OK":
            deletion = trailers.get("evalrun-deletion", "performed")
        else:
            deletion = info.metadata["deletion"] if has_info else None
        return cls(code, deletion, info.reason or None,
                   retry.retry_delay.ToTimedelta().total_seconds() if has_retry else None,
                   trailers.get("grpc-retry-pushback-ms"))
