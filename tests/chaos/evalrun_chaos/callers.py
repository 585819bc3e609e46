"""The callers: make the calls of a schedule, concurrently, and keep what each was told."""

import asyncio
import contextlib
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
            ("grpc.min_reconnect_backoff_ms", 5000)]  # that is how long a connection may take
# gRPC always ends a call at its deadline. A call that has not ended so long after it never will.
_HUNG_CALL_TIMEOUT = 20.0
# An application that calls again: after so long, or as long as RetryInfo says, but not for ever.
_MIN_RETRY_DELAY, _MAX_RETRY_DELAY = 0.02, 0.2
# What the .proto says about calling again. Everything else is settled, or no use.
_RETRYABLE_CODES = {"UNAVAILABLE", "DEADLINE_EXCEEDED", "RESOURCE_EXHAUSTED", "ABORTED", "UNKNOWN",
                 "INTERNAL"}


@dataclasses.dataclass(frozen=True)
class Record:
    """One call, as its caller saw it. Times in seconds since 1970."""

    story: schedule.Story
    call: schedule.Call
    answer: Response
    began: float
    ended: float
    cancelled: bool      # by the caller, before there was an answer
    rest: float = 0.0    # that RetryInfo asks for
    words: str = ""      # gRPC's message of an error


def _read_error(error, call):
    """(Response, seconds that RetryInfo asks for)"""
    code = error.code().name
    info, rest = None, 0.0
    for key, value in error.trailing_metadata() or ():
        if key != "grpc-status-details-bin":
            continue
        for detail in status_pb2.Status.FromString(value).details:
            if detail.Is(error_details_pb2.ErrorInfo.DESCRIPTOR):
                info = error_details_pb2.ErrorInfo.FromString(detail.value)
            if detail.Is(error_details_pb2.RetryInfo.DESCRIPTOR):
                retry = error_details_pb2.RetryInfo.FromString(detail.value)
                rest = retry.retry_delay.ToTimedelta().total_seconds()
    if info is None:
        return Response(Source.GRPC, code=code, allow_missing=call.allow_missing), rest
    return Response(Source.GATEWAY, code=code, deletion=info.metadata["deletion"], reason=info.reason,
                  allow_missing=call.allow_missing), rest


class Callers:
    """`async with Callers(address) as callers`: channels to the gateway, and all who use them."""

    def __init__(self, address, *, concurrency):
        self.records = []
        self.told = 0  # stories begun
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
        """All stories, so many at a time. `on_story(number)` is called as each begins."""
        waiting = iter(stories)

        async def work():
            for story in waiting:
                on_story(story.number)
                self.told += 1
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
                if record.answer.code not in _RETRYABLE_CODES:
                    return
                await asyncio.sleep(min(max(record.rest, _MIN_RETRY_DELAY), _MAX_RETRY_DELAY))

    async def _call(self, story, call):
        await asyncio.sleep(call.start_after)
        began = time.time()
        rpc_call = self._stubs[call.channel].DeleteEvalRun(
            pb.DeleteEvalRunRequest(eval_run_uuid=call.eval_run_uuid,
                                    workspace_uuid=call.workspace_uuid,
                                    allow_missing=call.allow_missing),
            timeout=call.timeout, metadata=(("x-request-id", call.request_id),),
            wait_for_ready=call.wait_for_ready)
        answer, rest, cancelled, words = None, 0.0, False, ""
        if call.cancel_after is not None:
            asyncio.get_running_loop().call_later(call.cancel_after, rpc_call.cancel)
        try:
            async with asyncio.timeout(call.timeout + _HUNG_CALL_TIMEOUT):
                await rpc_call
                metadata = dict(await rpc_call.trailing_metadata() or ())
            answer = Response(Source.GATEWAY, code="OK", allow_missing=call.allow_missing,
                            deletion=metadata.get("evalrun-deletion", "performed"))
        except grpc.aio.AioRpcError as error:
            answer, rest = _read_error(error, call)
            words = error.details() or ""
        except TimeoutError:
            answer = Response(Source.NOBODY)
        except asyncio.CancelledError:
            if not rpc_call.cancelled():
                raise
            cancelled = True
            answer = Response(Source.GRPC, code="CANCELLED", allow_missing=call.allow_missing)
        record = Record(story, call, answer, began, time.time(), cancelled, rest, words)
        self.records.append(record)
        if answer.source is Source.GRPC and not cancelled:
            await asyncio.sleep(_MIN_RETRY_DELAY)  # a gateway that is down refuses in no time
        return record
