# SPDX-License-Identifier: Apache-2.0
"""Helpers for tests that run with synchronous and asynchronous clients."""

import inspect


async def maybe_await(result):
    """The result of a call of either kind of client."""
    return await result if inspect.isawaitable(result) else result


async def enter_any_context(stack, manager):
    """Enters a synchronous or asynchronous context manager. `stack` is an AsyncExitStack."""
    if hasattr(manager, "__aenter__"):
        return await stack.enter_async_context(manager)
    return stack.enter_context(manager)


def uuids(page):
    return [run.eval_run_uuid for run in page.items]
