"""The SDK's other two ways of making the same calls: raw and streaming responses."""

import contextlib

import pytest
from aymara_ai.types.evals import EvalRunResult

from calls import enter_any_context, maybe_await, uuids
from world import EVAL


# What is called, on what, with what; the status; and whether the parsed answer is right.
CALLS = {
    "create": (lambda client: client.evals.runs, {"eval_uuid": EVAL, "responses": []}, 200,
               lambda parsed, world: parsed.eval_uuid == EVAL),
    "list": (lambda client: client.evals.runs, {}, 200,
             lambda parsed, world: uuids(parsed) == [world.processing_run, world.run]),
    "get": (lambda client: client.evals.runs, {"eval_run_uuid": "run"}, 200,
            lambda parsed, world: parsed.eval_run_uuid == world.run),
    "delete": (lambda client: client.evals.runs, {"eval_run_uuid": "run"}, 204,
               lambda parsed, world: parsed is None),
    "check": (lambda client: client.health, {}, 200, lambda parsed, world: parsed is None),
}
every_call = pytest.mark.parametrize("method", CALLS)


def prepare(method, client, world):
    resource, arguments, status, is_right = CALLS[method]
    named = {name: getattr(world, value) if value == "run" else value
             for name, value in arguments.items()}
    return resource(client), named, status, lambda parsed: is_right(parsed, world)


@every_call
async def test_raw_response(client, world, method):
    resource, arguments, status, is_right = prepare(method, client, world)
    response = await maybe_await(getattr(resource.with_raw_response, method)(**arguments))
    assert (response.status_code, response.retries_taken) == (status, 0)
    assert response.headers["x-request-id"]
    assert is_right(await maybe_await(response.parse()))


@every_call
async def test_streaming_response(client, world, method):
    resource, arguments, status, is_right = prepare(method, client, world)
    async with contextlib.AsyncExitStack() as stack:
        response = await enter_any_context(
            stack, getattr(resource.with_streaming_response, method)(**arguments))
        assert response.status_code == status
        assert not response.is_closed
        assert is_right(await maybe_await(response.parse()))
    assert response.is_closed


async def test_streamed_lines_form_the_json(client, world):
    async with contextlib.AsyncExitStack() as stack:
        response = await enter_any_context(
            stack, client.evals.runs.with_streaming_response.get(world.run))
        text = "".join([await maybe_await(response.text())])
    assert EvalRunResult.model_validate_json(text).eval_run_uuid == world.run
