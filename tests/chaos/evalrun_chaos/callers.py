# SPDX-License-Identifier: Apache-2.0
"""The callers: they make the calls of a schedule concurrently and record the responses."""

import asyncio
import dataclasses
import json
import time

import grpc
from aymara.evals.v1 import eval_run_service_pb2 as pb
from aymara.evals.v1 import eval_run_service_pb2_grpc as rpc
from google.rpc import error_details_pb2, status_pb2

from evalrun_chaos import schedule
from evalrun_chaos.response_rules import Response, Source

_SERVICE = "aymara.evals.v1.EvalRunService"
_RETRY_POLICY = {"methodConfig": [{"name": [{"service": _SERVICE}], "retryPolicy": {
    "maxAttempts": 4, "initialBackoff": "0.02s", "maxBackoff": "0.2s", "backoffMultiplier": 2,
    "retryableStatusCodes": ["UNAVAILABLE", "RESOURCE_EXHAUSTED"]}}]}
_CHANNEL = [("grpc.use_local_subchannel_pool", 1), ("grpc.initial_reconnect_backoff_ms", 50),
            ("grpc.max_reconnect_backoff_ms", 200),
            ("grpc.min_reconnect_backoff_ms", 5000)]  # this is also the timeout of a connection attempt
# gRPC ends a call at its deadline. A call that runs this much longer hangs.
_HUNG_CALL_TIMEOUT = 20.0
# The delay before an application's retry is that of RetryInfo, within these bounds.
_MIN_RETRY_DELAY, _MAX_RETRY_DELAY = 0.02, 0.2
# The delay after an error without a gateway. A call does not wait for one behind a proxy, which is always
# there, so without a long delay most calls of a run would fail during the restarts.
_GATEWAY_AWAY_DELAY, _PROXY_AWAY_DELAY = _MIN_RETRY_DELAY, 0.3
# The codes that the .proto says to retry.
_RETRYABLE_CODES = {"UNAVAILABLE", "DEADLINE_EXCEEDED", "RESOURCE_EXHAUSTED", "ABORTED", "UNKNOWN",
                 "INTERNAL"}


@dataclasses.dataclass(frozen=True)
class Record:
    """One call and its response. Times in seconds since 1970."""

    story: schedule.Story
    call: schedule.Call
    response: Response
    began: float
    ended: float
    cancelled: bool      # by the caller, before the response
    retry_delay: float = 0.0  # seconds, from RetryInfo
    message: str = ""    # of an error


def _read_error(error, call):
    """Returns (Response, retry delay of RetryInfo in seconds)."""
    code = error.code().name
    info, retry_delay = None, 0.0
    for key, value in error.trailing_metadata() or ():
        if key != "grpc-status-details-bin":
            continue
        for detail in status_pb2.Status.FromString(value).details:
            if detail.Is(error_details_pb2.ErrorInfo.DESCRIPTOR):
                info = error_details_pb2.ErrorInfo.FromString(detail.value)
            if detail.Is(error_details_pb2.RetryInfo.DESCRIPTOR):
                retry = error_details_pb2.RetryInfo.FromString(detail.value)
                retry_delay = retry.retry_delay.ToTimedelta().total_seconds()
    if info is None:
        return Response(Source.GRPC, code=code, allow_missing=call.allow_missing), retry_delay
    return Response(Source.GATEWAY, code=code, deletion=info.metadata["deletion"], reason=info.reason,
                    allow_missing=call.allow_missing), retry_delay


class Callers:
    """Channels to the gateway, or to the proxy in front of it, with all their callers, until the end of `async with`."""

    def __init__(self, address, *, concurrency, has_proxy):
        self.records = []
        self._away_delay = _PROXY_AWAY_DELAY if has_proxy else _GATEWAY_AWAY_DELAY
        self._concurrency = concurrency
        with_policy = [*_CHANNEL, ("grpc.service_config", json.dumps(_RETRY_POLICY))]
        options = ([_CHANNEL] * schedule.PLAIN_CHANNELS + [with_policy] * schedule.RETRY_CHANNELS)
        self._channels = [grpc.aio.insecure_channel(address, options=each) for each in options]
        self._stubs = [rpc.EvalRunServiceStub(channel) for channel in self._channels]

    async def __aenter__(self):
        await asyncio.gather(*(channel.channel_ready() for channel in self._channels))
        return self

    async def __aexit__(self, *_):
        for channel in self._channels:
            await channel.close()

    async def run_stories(self, stories, on_story):
        """Runs all stories, `concurrency` at a time. Calls `on_story(number)` before each of them."""
        waiting = iter(stories)

        async def work():
            for story in waiting:
                on_story(story.number)
                await self._run_story(story)

        async with asyncio.TaskGroup() as workers:
            for _ in range(self._concurrency):
                workers.create_task(work())

    async def _run_story(self, story):
        if story.kind == "together":
            await asyncio.gather(*(self._call(story, call) for call in story.calls))
            return
        for call in story.calls:
            record = await self._call(story, call)
            if story.kind == "own retry":
                if record.response.code not in _RETRYABLE_CODES:
                    return
                await asyncio.sleep(min(max(record.retry_delay, _MIN_RETRY_DELAY), _MAX_RETRY_DELAY))

    async def _call(self, story, call):
        await asyncio.sleep(call.start_after)
        began = time.time()
        rpc_call = self._stubs[call.channel].DeleteEvalRun(
            pb.DeleteEvalRunRequest(eval_run_uuid=call.eval_run_uuid,
                                    workspace_uuid=call.workspace_uuid,
                                    allow_missing=call.allow_missing),
            timeout=call.timeout, metadata=(("x-request-id", call.request_id),),
            wait_for_ready=call.wait_for_ready)
        response, retry_delay, cancelled, message = None, 0.0, False, ""
        if call.cancel_after is not None:
            asyncio.get_running_loop().call_later(call.cancel_after, rpc_call.cancel)
        try:
            async with asyncio.timeout(call.timeout + _HUNG_CALL_TIMEOUT):
                await rpc_call
                metadata = dict(await rpc_call.trailing_metadata() or ())
            response = Response(Source.GATEWAY, code="OK", allow_missing=call.allow_missing,
                                deletion=metadata.get("evalrun-deletion", "performed"))
        except grpc.aio.AioRpcError as error:
            response, retry_delay = _read_error(error, call)
            message = error.details() or ""
        except TimeoutError:
            response = Response(Source.NOBODY)
        except asyncio.CancelledError:
            if not rpc_call.cancelled():
                raise
            cancelled = True
            response = Response(Source.GRPC, code="CANCELLED", allow_missing=call.allow_missing)
        record = Record(story, call, response, began, time.time(), cancelled, retry_delay, message)
        self.records.append(record)
        if response.source is Source.GRPC and not cancelled:
            await asyncio.sleep(self._away_delay)  # without a gateway, calls fail at once
        return record
