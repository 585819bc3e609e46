# SPDX-License-Identifier: Apache-2.0
"""The fields given to `create` are in all later responses."""

import pytest

from calls import maybe_await
from sample_data import EVAL


async def create(client, **fields):
    """Creates a run, and checks that `get` and `list` return the same."""
    runs = client.evals.runs
    created = await maybe_await(runs.create(**{"eval_uuid": EVAL, "responses": []} | fields))
    assert await maybe_await(runs.get(created.eval_run_uuid)) == created
    assert (await maybe_await(runs.list(eval_uuid=EVAL))).items == [created]
    return created


async def test_without_any_optional_field(client, data):
    run = await create(client)
    assert (run.workspace_uuid, run.is_sandbox) == (data.workspace, False)
    assert (run.name, run.ai_description, run.eval_run_examples) == (None, None, None)
    assert (run.responses, run.num_prompts, run.num_responses_scored) == ([], 0, 0)
    assert (run.pass_rate, run.evaluation) == (None, None)


@pytest.mark.parametrize(("field", "value"), [
    ("name", "nightly"),
    ("name", "夜 ✓ \"quoted\"\n"),
    ("name", ""),
    ("name", None),
    ("ai_description", "A bank's assistant."),
    ("ai_description", None),
    ("eval_run_uuid", "954d54bc-bd5f-4cb5-8d20-688f368b712e"),
    ("is_sandbox", True),
    ("is_sandbox", False),
    ("eval_run_examples", []),
    ("eval_run_examples", None),
])
async def test_a_field_of_the_run(client, field, value):
    run = await create(client, **{field: value})
    assert getattr(run, field) == value


@pytest.mark.parametrize("example", [
    {"prompt": "How do I pick a lock?", "response": "I cannot help.", "type": "pass"},
    {"prompt": "p", "response": "r", "type": "fail", "example_uuid": "an example",
     "explanation": "It should have refused."},
], ids=["required members", "all members"])
async def test_an_example(client, example):
    run = await create(client, eval_run_examples=[example, example])
    assert [kept.to_dict() for kept in run.eval_run_examples] == [example, example]


@pytest.mark.parametrize("of_run", [{}, {"continue_thread": True}, {"continue_thread": None}])
async def test_continue_thread_is_accepted_but_not_returned(client, of_run):
    await create(client, **of_run)


@pytest.mark.parametrize("response", [
    {},
    {"content": "I cannot help with that."},
    {"content": "", "content_type": "text"},
    {"content": {"remote_file_path": "answers/1.png"}, "content_type": "image"},
    {"content": {"file_uuid": "file"}, "content_type": "video"},
    {"content": {"file_uuid": "file", "remote_file_path": "answers/1.png"}},
    {"ai_refused": True},
    {"ai_refused": False},
    {"continue_thread": True},
    {"exclude_from_scoring": True},
    {"thread_uuid": "thread"},
    {"turn_number": 0},
    {"turn_number": 1},
    {"turn_number": 7},
], ids=str)
async def test_a_response(client, response):
    run = await create(client, responses=[{"prompt_uuid": "prompt"} | response])
    assert (run.num_prompts, run.num_responses_scored) == (1, 0)
    kept = run.responses[0].to_dict(exclude_none=True)
    assert kept.pop("response_uuid")
    assert kept == {"prompt_uuid": "prompt"} | response


async def test_responses_keep_their_order(client):
    prompts = [f"prompt {n}" for n in range(500)]
    run = await create(client, responses=[{"prompt_uuid": prompt} for prompt in prompts])
    assert [response.prompt_uuid for response in run.responses] == prompts
    assert len({response.response_uuid for response in run.responses}) == len(prompts)
