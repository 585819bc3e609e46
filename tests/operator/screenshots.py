# SPDX-License-Identifier: Apache-2.0
"""Writes screenshots of the admin page of a gateway with callers: light, dark, and 390 pixels wide.

    cmake --build build/dev --target evalrun-gateway evalrun-backend
    tests/python/venv python tests/operator/screenshots.py [--seconds N] [FOLDER]

FOLDER is build/screenshots by default. The callers call for N seconds, by default ten minutes: the whole history.
Nothing is compared: look at them. page_test.py checks the page.
"""

import argparse
import asyncio
import itertools
import pathlib
import random
import tempfile
import threading
import time

from browser import browser
from evalrun_testing.deployment import Deployment

TOP = pathlib.Path(__file__).resolve().parents[2]
CONFIG = """
identity: {metadata_key: x-caller, trusted_networks: [127.0.0.1/32]}
retry: {max_attempts: 2}
limits:
  rules: [{name: per-caller, by: caller, rate: 15/s, burst: 30}]
"""
# Callers, and how long each waits between two calls, in seconds.
CALLERS = {
    "spiffe://prod.example/ns/retention/sa/nightly-cleanup": .05,
    "spiffe://prod.example/ns/evals/sa/dashboard": .2,
    "team-search": .35,
    "team-safety": .9,
    "spiffe://prod.example/ns/batch/sa/migration-of-the-runs-before-2024": 1.5,
}
# (share of the time that has passed, rules of the fault script) from then on.
SLOW = {"fault": "delay", "delay_ms": 700, "probability": .05}
PHASES = [
    (0, [SLOW]),
    (.45, [{"fault": "respond", "status": 503, "probability": .5}, SLOW]),
    (.52, [{"fault": "delay", "delay_ms": 1600, "probability": .1}]),
    (.6, [SLOW]),
    (.9, [{"fault": "drop_after_reading", "probability": .004}, SLOW]),
]
# Width, height, dark. The page is higher: NAME.png is what is visible at once, NAME-whole.png all of it.
SHOTS = {"page-light": (1080, 570, False), "page-dark": (1080, 570, True), "page-390": (390, 844, False)}


def call_until(stop, deployment, caller, pause, runs):
    """Every third run does not exist."""
    with deployment.connect() as client:
        for number in itertools.count():
            if stop.is_set():
                return
            run = next(runs) if number % 3 else None
            client.delete(run, metadata=[("x-caller", caller)], timeout=5)
            time.sleep(pause * random.uniform(.5, 1.5))


async def shoot(url, folder, profile):
    async with browser(profile) as running:
        for name, (width, height, dark) in SHOTS.items():
            tab = await running.open_tab(url, width=width, height=height, dark=dark)
            await tab.call("Emulation.setScrollbarsHidden", hidden=True)
            await tab.wait_until("document.getElementById('config').textContent.length > 0")
            for whole in (False, True):
                file = folder / f"{name}{'-whole' if whole else ''}.png"
                await tab.screenshot(file, whole=whole)
                print(file)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("folder", nargs="?", type=pathlib.Path, default=TOP / "build/screenshots")
    parser.add_argument("--seconds", type=float, default=600)
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as directory:
        config = pathlib.Path(directory, "gateway.yaml")
        config.write_text(CONFIG)
        with Deployment(pathlib.Path(directory, "deployment"), runs=20000,
                        flags=["--config", str(config)]) as deployment:
            stop, runs = threading.Event(), iter(deployment.runs)
            threads = [threading.Thread(target=call_until, args=(stop, deployment, caller, pause, runs))
                       for caller, pause in CALLERS.items()]
            for thread in threads:
                thread.start()
            try:
                start = time.monotonic()
                for share, rules in PHASES:
                    time.sleep(max(0, start + share * options.seconds - time.monotonic()))
                    deployment.faults.set_rules(*rules)
                time.sleep(max(0, start + options.seconds - time.monotonic()))
                asyncio.run(shoot(deployment.gateway.admin_url + "/", options.folder,
                                  pathlib.Path(directory, "profile")))
            finally:
                stop.set()
                for thread in threads:
                    thread.join()


if __name__ == "__main__":
    main()
