"""Calls that read the same whether the client is synchronous or not."""

import inspect


async def maybe_await(result):
    """What a call of either client comes to."""
    return await result if inspect.isawaitable(result) else result


async def enter_any_context(stack, manager):
    """Enters a context manager of either kind; `stack` is an AsyncExitStack."""
    if hasattr(manager, "__aenter__"):
        return await stack.enter_async_context(manager)
    return stack.enter_context(manager)


def uuids(page):
    return [run.eval_run_uuid for run in page.items]
