# SPDX-License-Identifier: Apache-2.0
"""Waits for what cannot announce itself."""

import time


def wait_until(condition, timeout=60):
    """Until `condition()` is true. Fails after `timeout` seconds."""
    end = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < end, f"not within {timeout} seconds"
        time.sleep(0.02)
