# SPDX-License-Identifier: Apache-2.0
"""The same calls with raw and with streaming responses."""

import contextlib

import pytest
from aymara_ai.types.evals import EvalRunResult

from calls import enter_any_context, maybe_await, uuids
from sample_data import EVAL


# By method: the resource, the arguments, the status, and whether the parsed response is correct.
CALLS = {
    "create": (lambda client: client.evals.runs, {"eval_uuid": EVAL, "responses": []}, 200,
               lambda parsed, data: parsed.eval_uuid == EVAL),
    "list": (lambda client: client.evals.runs, {}, 200,
             lambda parsed, data: uuids(parsed) == [data.processing_run, data.run]),
    "get": (lambda client: client.evals.runs, {"eval_run_uuid": "run"}, 200,
            lambda parsed, data: parsed.eval_run_uuid == data.run),
    "delete": (lambda client: client.evals.runs, {"eval_run_uuid": "run"}, 204,
               lambda parsed, data: parsed is None),
    "check": (lambda client: client.health, {}, 200, lambda parsed, data: parsed is None),
}
every_call = pytest.mark.parametrize("method", CALLS)


def prepare(method, client, data):
    resource, arguments, status, is_correct = CALLS[method]
    named = {name: getattr(data, value) if value == "run" else value
             for name, value in arguments.items()}
    return resource(client), named, status, lambda parsed: is_correct(parsed, data)


@every_call
async def test_raw_response(client, data, method):
    resource, arguments, status, is_correct = prepare(method, client, data)
    response = await maybe_await(getattr(resource.with_raw_response, method)(**arguments))
    assert (response.status_code, response.retries_taken) == (status, 0)
    assert response.headers["x-request-id"]
    assert is_correct(await maybe_await(response.parse()))


@every_call
async def test_streaming_response(client, data, method):
    resource, arguments, status, is_correct = prepare(method, client, data)
    async with contextlib.AsyncExitStack() as stack:
        response = await enter_any_context(
            stack, getattr(resource.with_streaming_response, method)(**arguments))
        assert response.status_code == status
        assert not response.is_closed
        assert is_correct(await maybe_await(response.parse()))
    assert response.is_closed


async def test_streamed_lines_form_the_json(client, data):
    async with contextlib.AsyncExitStack() as stack:
        response = await enter_any_context(
            stack, client.evals.runs.with_streaming_response.get(data.run))
        text = "".join([await maybe_await(response.text())])
    assert EvalRunResult.model_validate_json(text).eval_run_uuid == data.run
