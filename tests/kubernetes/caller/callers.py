# SPDX-License-Identifier: Apache-2.0
"""Callers of the gateway, each at a fixed rate that does not depend on the responses.

headless        one channel with the recommended service config, over all addresses of a headless Service
cluster-ip      one channel with the recommended service config, without load balancing and health checks, which need
                several addresses
cluster-ip-health   the recommended service config, whole; CHANNELS channels, so that each pod has some of them
plain           a new connection for each call, without a service config: no retries, no waiting
"""

import asyncio
import itertools
import json
import pathlib
import random
import time
import uuid

import grpc
from google.rpc import error_details_pb2, status_pb2

from aymara.evals.v1 import eval_run_service_pb2 as pb
from aymara.evals.v1 import eval_run_service_pb2_grpc as rpc

KINDS = ("headless", "cluster-ip", "cluster-ip-health", "plain")
CHANNELS = 8
SERVICE_CONFIG = json.loads((pathlib.Path(__file__).resolve().parents[3] / "proto" / "aymara" / "evals" / "v1"
                             / "eval_run_service.service_config.json").read_text(encoding="utf-8"))
DEADLINE = 30  # seconds
MISSING_RUN = 0.05  # share of the calls for a run that never existed


class Tls:
    """Credentials of the channels, or None for plaintext."""

    @staticmethod
    def read(ca_file, cert_file, key_file):
        if not ca_file:
            return None
        read = lambda path: pathlib.Path(path).read_bytes() if path else None
        return grpc.ssl_channel_credentials(read(ca_file), read(key_file), read(cert_file))


def service_config(kind):
    config = dict(SERVICE_CONFIG)
    if kind == "cluster-ip":
        del config["loadBalancingConfig"], config["healthCheckConfig"]
    return None if kind == "plain" else config


def deletion_of(code, trailers):
    """The `deletion` of the response; "" if it did not come from the gateway."""
    if code == "OK":
        return trailers.get("evalrun-deletion", "performed")
    status = status_pb2.Status.FromString(trailers.get("grpc-status-details-bin", b""))
    for detail in status.details:
        info = error_details_pb2.ErrorInfo()
        if detail.Unpack(info):
            return info.metadata.get("deletion", "")
    return ""


class Caller:
    def __init__(self, kind, target, rate, prefix, tls):
        assert kind in KINDS, kind
        self._kind, self._target, self._rate, self._prefix, self._tls = kind, target, rate, prefix, tls
        self._config = service_config(kind)
        self._chance = random.Random(kind)
        self._numbers = itertools.count()
        self._channels = []
        self.calls = []
        self.finished = 0

    @classmethod
    def parse(cls, text, prefix, tls):
        kind, rest = text.split("=", 1)
        target, rate = rest.rsplit("@", 1)
        return cls(kind, target, float(rate), prefix, tls)

    def _connect(self):
        arguments = [("grpc.use_local_subchannel_pool", 1)]
        if self._config:
            arguments.append(("grpc.service_config", json.dumps(self._config)))
        if self._tls:
            return grpc.aio.secure_channel(self._target, self._tls, options=arguments)
        return grpc.aio.insecure_channel(self._target, options=arguments)

    async def call_until(self, stopped, runs):
        """Starts calls at the rate until `stopped`, and returns when all have ended."""
        if self._kind != "plain":
            self._channels = [self._connect() for _ in range(CHANNELS if self._kind == "cluster-ip-health" else 1)]
        in_flight = set()
        due = time.monotonic()
        while not stopped.is_set():
            exists = self._chance.random() >= MISSING_RUN
            run = await runs.take() if exists else str(uuid.uuid4())
            call = asyncio.create_task(self._call(run, exists))
            in_flight.add(call)
            call.add_done_callback(in_flight.discard)
            # If runs were not created fast enough, late calls are skipped.
            due = max(due + 1 / self._rate, time.monotonic() - 0.5)
            await asyncio.sleep(max(0, due - time.monotonic()))
        await asyncio.gather(*in_flight)
        for channel in self._channels:
            await channel.close()

    async def _call(self, run, exists):
        number = next(self._numbers)
        request_id = f"{self._prefix}{self._kind}-{number}"
        channel = self._channels[number % len(self._channels)] if self._channels else self._connect()
        began = time.monotonic()
        # Without wait_for_ready, which is the default, a plain caller fails if it cannot connect at once.
        call = rpc.EvalRunServiceStub(channel).DeleteEvalRun(
            pb.DeleteEvalRunRequest(eval_run_uuid=run), timeout=DEADLINE, metadata=[("x-request-id", request_id)])
        code = (await call.code()).name
        trailers = {key: value for key, value in (await call.trailing_metadata() or ())}
        seconds = time.monotonic() - began
        if not self._channels:
            await channel.close()
        self.finished += 1
        self.calls.append({"caller": self._kind, "request_id": request_id, "run": run, "exists": exists, "code": code,
                           "deletion": deletion_of(code, trailers), "seconds": seconds, "at": time.time(),
                           "details": "" if code == "OK" else (await call.details() or "")[:200]})
