# SPDX-License-Identifier: Apache-2.0
"""An eval run from creation to deletion, by every spelling of its id."""

import aymara_ai
import pytest

from calls import maybe_await
from sample_data import EVAL

RUN = "954d54bc-bd5f-4cb5-8d20-688f368b712e"

SPELLINGS = {
    "bare": RUN,
    "upper case": RUN.upper(),
    "with its type": f"score_run.{RUN}",
    "with its type, upper case": f"score_run.{RUN.upper()}",
}
every_spelling = pytest.mark.parametrize("spelling", SPELLINGS.values(), ids=SPELLINGS.keys())


async def test_run_lifecycle(client):
    runs = client.evals.runs
    created = await maybe_await(runs.create(
        eval_uuid=EVAL, responses=[{"prompt_uuid": "prompt"}], name="nightly"))
    assert (created.eval_uuid, created.name, created.status) == (EVAL, "nightly", "created")
    assert created.created_at == created.updated_at
    assert created.created_at.tzinfo is not None

    listed = await maybe_await(runs.list(eval_uuid=EVAL))
    assert (listed.items, listed.count) == ([created], 1)
    assert await maybe_await(runs.get(created.eval_run_uuid)) == created

    assert await maybe_await(runs.delete(created.eval_run_uuid)) is None

    with pytest.raises(aymara_ai.NotFoundError):
        await maybe_await(runs.get(created.eval_run_uuid))
    with pytest.raises(aymara_ai.NotFoundError):
        await maybe_await(runs.delete(created.eval_run_uuid))
    listed = await maybe_await(runs.list(eval_uuid=EVAL))
    assert (listed.items, listed.count) == ([], 0)


@every_spelling
async def test_all_spellings_identify_the_run(client, spelling):
    runs = client.evals.runs
    created = await maybe_await(runs.create(eval_uuid=EVAL, responses=[], eval_run_uuid=RUN))
    assert await maybe_await(runs.get(spelling)) == created
    await maybe_await(runs.delete(spelling))
    with pytest.raises(aymara_ai.NotFoundError):
        await maybe_await(runs.get(RUN))


@every_spelling
async def test_run_can_be_created_with_any_spelling(client, spelling):
    runs = client.evals.runs
    created = await maybe_await(runs.create(eval_uuid=EVAL, responses=[], eval_run_uuid=spelling))
    assert await maybe_await(runs.get(RUN)) == created
    with pytest.raises(aymara_ai.ConflictError):
        await maybe_await(runs.create(eval_uuid=EVAL, responses=[], eval_run_uuid=RUN))


@pytest.mark.parametrize("spell", [str, str.upper, "workspace.{}".format],
                         ids=["bare", "upper case", "with its type"])
async def test_other_workspace_by_any_spelling(
        client, data, spell):
    runs, workspace = client.evals.runs, spell(data.other_workspace)
    created = await maybe_await(runs.create(
        eval_uuid=EVAL, responses=[], workspace_uuid=workspace))
    assert created.workspace_uuid == data.other_workspace
    assert await maybe_await(runs.get(created.eval_run_uuid, workspace_uuid=workspace)) == created
    await maybe_await(runs.delete(created.eval_run_uuid, workspace_uuid=workspace))
    with pytest.raises(aymara_ai.NotFoundError):
        await maybe_await(runs.get(created.eval_run_uuid, workspace_uuid=workspace))


async def test_health_needs_no_api_key(connect):
    assert await maybe_await(connect("no such key").health.check()) is None
