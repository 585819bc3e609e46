# SPDX-License-Identifier: Apache-2.0
"""tests/chaos/run: see README.md."""

import argparse
import asyncio
import concurrent.futures
import contextlib
import json
import os
import pathlib
import sys
import tempfile
import time

from evalrun_chaos import report, schedule
from evalrun_chaos.account import Account, Evidence
from evalrun_chaos.callers import Callers
from evalrun_chaos.deployment import ChaosDeployment
from evalrun_chaos.journal import Journal

_SAMPLE_INTERVAL = 1.0  # seconds between samples of the gateway's memory


def _options(arguments):
    parser = argparse.ArgumentParser(
        prog="tests/chaos/run", description="Deletes runs under faults, and checks every response "
        "against the backend's journal. Exit status: 0 the account balances, 1 it does not.")
    parser.add_argument("--seed", type=int, required=True, help="determines the schedule")
    parser.add_argument("--calls", type=int, default=20000, help="minimum number of calls (%(default)s)")
    parser.add_argument("--concurrency", type=int, default=96,
                        help="number of concurrent stories (%(default)s)")
    parser.add_argument("--gateway", metavar="PATH", help="default: that of the preset dev")
    parser.add_argument("--backend", metavar="PATH", help="default: that of the preset dev")
    parser.add_argument("--gateway-flag", action="append", default=[], metavar="FLAG",
                        help="an option of evalrun-gateway; may be repeated")
    parser.add_argument("--memory-growth", type=float, default=24, metavar="MIB",
                        help="by which a gateway may grow after its start (%(default)s)")
    parser.add_argument("--json", metavar="FILE", help="also writes the account to this file")
    parser.add_argument("--keep", metavar="FOLDER",
                        help="new folder for the database and the fault script; default: a temporary one")
    return parser.parse_args(arguments)


async def _run_workload(deployment, in_thread, stories, events, concurrency):
    """Makes all calls and executes the events meanwhile. Returns the callers' records."""
    pending = []

    def on_story(number):
        if number in events:
            pending.append(in_thread(deployment.apply_event, events[number]))

    async def sample_memory():
        while True:
            await asyncio.sleep(_SAMPLE_INTERVAL)
            await in_thread(deployment.sample_memory)

    async with Callers(deployment.callers_address, concurrency=concurrency,
                       has_proxy=deployment.proxy is not None) as callers:
        sampling = asyncio.create_task(sample_memory())
        await callers.run_stories(stories, on_story)
        await asyncio.gather(*pending)
        sampling.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await sampling
        return callers.records


async def _run(options, directory):
    stories = schedule.stories(options.seed, options.calls)
    events = schedule.events(options.seed, len(stories))
    # One thread starts and stops all processes: it outlives them, and executes the events in order.
    with concurrent.futures.ThreadPoolExecutor(max_workers=1) as thread:
        def in_thread(function, *arguments):
            return asyncio.get_running_loop().run_in_executor(thread, function, *arguments)

        deployment = await in_thread(lambda: ChaosDeployment(
            directory, options.seed, stories, gateway_flags=options.gateway_flag))
        try:
            began = time.monotonic()
            records = await _run_workload(deployment, in_thread, stories, events, options.concurrency)
            seconds = time.monotonic() - began
            await in_thread(deployment.stop)
            proxy_retries = await in_thread(deployment.proxy_retries)
        finally:
            await in_thread(deployment.close)
    journal = Journal.read(deployment.backend.database)
    account = Account(Evidence(
        stories=stories, events=events, records=records, access_log=deployment.access_log(),
        journal=journal, windows=deployment.windows, fault_counts=deployment.fault_counts,
        failures=deployment.failures, memory=deployment.memory, memory_growth=options.memory_growth,
        proxy_retries=proxy_retries))
    return account, {
        "seed": options.seed, "calls": len(records), "runs": len(stories),
        "runs deleted": journal.deleted, "gateways": len(deployment.gateways),
        "seconds": round(seconds, 1), "max MiB of a gateway": round(max(map(max, deployment.memory)))}


def main(arguments):
    options = _options(arguments)
    for variable, path in (("GATEWAY_UNDER_TEST", options.gateway),
                           ("BACKEND_UNDER_TEST", options.backend)):
        if path is not None:
            os.environ[variable] = str(pathlib.Path(path).resolve())
    with contextlib.ExitStack() as stack:
        directory = pathlib.Path(
            options.keep or stack.enter_context(tempfile.TemporaryDirectory()))
        if options.keep:
            directory.mkdir(parents=True)  # an older database would be counted
        account, summary = asyncio.run(_run(options, directory))
    print("\n".join(report.text(account, summary)))
    if options.json:
        pathlib.Path(options.json).write_text(
            json.dumps(report.as_json(account, summary), indent=1) + "\n", encoding="utf-8")
    return 0 if account.balances else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
