# SPDX-License-Identifier: Apache-2.0
"""Lists: which runs, in which order, and the count.

Pages are requested one by one: the SDK's own iteration always ends after the first page (1.2.1 adds
the length of the page to `count`, not to the offset).
"""

import pytest

from calls import maybe_await, uuids
from sample_data import EVAL, SampleData

OLDEST, OLDER, NEWER, NEWEST = (f"00000000-0000-4000-8000-00000000000{n}" for n in range(1, 5))


@pytest.fixture
def data():
    """Four runs in the workspace, two of them of EVAL; one in the other workspace; one in the foreign one."""
    data = SampleData()
    add, data.seed.document["eval_runs"] = data.seed.eval_run, []
    for day, run in enumerate((OLDEST, OLDER, NEWER, NEWEST), start=1):
        of_eval = {"eval_uuid": EVAL} if run in (OLDEST, NEWER) else {}
        add(data.workspace, eval_run_uuid=run, created_at=f"2025-03-0{day}T00:00:00Z", **of_eval)
    data.other_run = add(data.other_workspace, eval_uuid=EVAL,
                          created_at="2025-03-05T00:00:00Z")
    add(data.foreign_workspace, eval_uuid=EVAL)
    return data


@pytest.mark.parametrize(("arguments", "expected", "count"), [
    pytest.param({}, [NEWEST, NEWER, OLDER, OLDEST], 4, id="the key's own workspace"),
    pytest.param({"eval_uuid": EVAL}, [NEWER, OLDEST], 2, id="one eval"),
    pytest.param({"eval_uuid": f"eval.{EVAL.upper()}"}, [NEWER, OLDEST], 2, id="by another spelling"),
    pytest.param({"eval_uuid": OLDEST}, [], 0, id="an eval without runs"),
    pytest.param({"limit": 3}, [NEWEST, NEWER, OLDER], 4, id="first page"),
    pytest.param({"limit": 3, "offset": 3}, [OLDEST], 4, id="second page"),
    pytest.param({"limit": 3, "offset": 4}, [], 4, id="past the end"),
    pytest.param({"offset": 1}, [NEWER, OLDER, OLDEST], 4, id="offset alone"),
    pytest.param({"eval_uuid": EVAL, "limit": 1, "offset": 1}, [OLDEST], 2, id="all at once"),
])
async def test_list(client, arguments, expected, count):
    page = await maybe_await(client.evals.runs.list(**arguments))
    assert (uuids(page), page.count) == (expected, count)


async def test_list_other_workspace(client, data):
    page = await maybe_await(client.evals.runs.list(workspace_uuid=data.other_workspace))
    assert (uuids(page), page.count) == ([data.other_run], 1)
    assert page.items[0].workspace_uuid == data.other_workspace


async def test_star_lists_all_workspaces_of_the_organization(client, data):
    page = await maybe_await(client.evals.runs.list(workspace_uuid="*"))
    assert (uuids(page), page.count) == ([data.other_run, NEWEST, NEWER, OLDER, OLDEST], 5)

    page = await maybe_await(client.evals.runs.list(workspace_uuid="*", eval_uuid=EVAL, limit=2))
    assert (uuids(page), page.count) == ([data.other_run, NEWER], 3)
