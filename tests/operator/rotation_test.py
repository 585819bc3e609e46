# SPDX-License-Identifier: Apache-2.0
"""The API key is replaced under continuous load, and the old one expires: no call fails."""

import datetime
import os
import threading
import time

from evalrun_testing.client import Client
from evalrun_testing.seed import Seed

CALLERS = 4


def replace(path, content):
    """Replaces a file in one step, as deployments do."""
    new_file = path.with_name("new")
    new_file.write_text(content)
    os.replace(new_file, path)


def test_key_rotation_fails_no_call(make_deployment, tmp_path):
    """The backend rejects the old key from `expires_at` on: a call that still used it would fail."""
    expires_at = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=12)
    seed = Seed()
    workspace = seed.workspace(seed.organization())
    old = seed.api_key(workspace, expires_at=expires_at.strftime("%Y-%m-%dT%H:%M:%SZ"))
    new = seed.api_key(workspace)
    runs = [seed.eval_run(workspace) for _ in range(4000)]
    key = tmp_path / "key"
    key.write_text(old)
    responses, responses_after_expiry = [], []
    stop = threading.Event()
    deployment = make_deployment(seed=seed, api_key="",
                                 flags=["--api-key-file", str(key), "--access-log=false"])
    gateway = deployment.gateway

    def call(runs_of_caller):
        with Client(gateway.grpc_address) as client:
            for run in runs_of_caller:
                if stop.is_set():
                    return
                has_expired = datetime.datetime.now(datetime.timezone.utc) > expires_at
                response = client.call(run)
                responses.append(response)
                if has_expired:
                    responses_after_expiry.append(response)
                time.sleep(0.02)

    threads = [threading.Thread(target=call, args=(runs[n::CALLERS],)) for n in range(CALLERS)]
    for thread in threads:
        thread.start()
    while len(responses) < 20:
        time.sleep(0.01)
    replace(key, new)
    gateway.wait_for_event("upstream_key_changed")
    while len(responses_after_expiry) < 50 and any(thread.is_alive() for thread in threads):
        time.sleep(0.1)
    stop.set()
    for thread in threads:
        thread.join()
    log = "\n".join(map(str, gateway.events))
    assert len(responses_after_expiry) >= 50, "the load ended before the old key expired"
    assert set(responses) == {("OK", "")}
    assert old not in log and new not in log


def test_expired_key_is_rejected(make_deployment):
    """The test above depends on this."""
    seed = Seed()
    workspace = seed.workspace(seed.organization())
    seed.api_key(workspace, expires_at="2020-01-01T00:00:00Z")
    run = seed.eval_run(workspace)
    assert make_deployment(seed=seed).delete(run) == "UNAUTHENTICATED"
