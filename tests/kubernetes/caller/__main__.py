# SPDX-License-Identifier: Apache-2.0
"""caller OPTION...: deletes runs through the gateway at a steady rate until SIGTERM, then checks every response against the
backend's journal and prints the account as one line of JSON.

Runs in a pod. It prints a line "calling" once each caller has received responses.
"""

import argparse
import asyncio
import json
import os
import signal
import uuid

import account
import backend
import callers


def options():
    parser = argparse.ArgumentParser()
    parser.add_argument("--caller", action="append", required=True, metavar="KIND=TARGET@RATE",
                        help="KIND is one of " + ", ".join(callers.KINDS) + "; RATE in calls per second")
    parser.add_argument("--backend", required=True, help="URL of the backend's API")
    parser.add_argument("--journal", required=True, help="URL of the backend's admin port")
    parser.add_argument("--ca-file", help="use TLS, and trust these authorities")
    parser.add_argument("--cert-file")
    parser.add_argument("--key-file")
    parser.add_argument("--seconds", type=float, default=900, help="maximum time until the calls end")
    return parser.parse_args()


async def main(given):
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for signum in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(signum, stopped.set)
    loop.call_later(given.seconds, stopped.set)

    prefix = f"k8s-{uuid.uuid4().hex[:8]}-"
    tls = callers.Tls.read(given.ca_file, given.cert_file, given.key_file)
    async with backend.Backend(given.backend, given.journal, os.environ["AYMARA_AI_API_KEY"]) as runs:
        start = await runs.last_journal_row()
        groups = [callers.Caller.parse(text, prefix, tls) for text in given.caller]
        making = asyncio.create_task(runs.create_continuously(200))
        calling = [asyncio.create_task(group.call_until(stopped, runs)) for group in groups]
        while not stopped.is_set() and not all(group.finished >= 10 for group in groups):
            await asyncio.sleep(0.1)
        print("calling")
        await asyncio.gather(*calling)
        making.cancel()
        journal = await runs.journal_after(start, prefix)
    calls = [call for group in groups for call in group.calls]
    print(json.dumps({"account": account.of(calls, journal)}))


asyncio.run(main(options()))
