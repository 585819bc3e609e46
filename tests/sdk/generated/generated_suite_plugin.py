# SPDX-License-Identifier: Apache-2.0
"""A pytest plugin that runs the SDK's own tests, unchanged on disk, with a real backend.

They were generated for a mock server: each is marked as skipped and has a placeholder such as
"eval_run_uuid" in place of an id. The plugin removes the mark, replaces placeholders with ids that
exist, and puts the backend into the initial state of each test.
"""

import collections

import aymara_ai
import pytest
from evalrun_testing.seed import Seed

# The one that the conftest.py of the SDK's tests gives to its clients.
API_KEY = "My API Key"

# Methods whose tests run, with the minimum number of passed tests: that of 1.2.1.
SERVED = {"create": 20, "list": 20, "get": 25, "delete": 25, "check": 15}

# Methods whose tests do not run, because the backend does not implement scoring and its results.
NOT_SERVED = {
    "get_response_history": "GET /v2/eval-runs/{id}/responses/{id}/history",
    "list_responses": "GET /v2/eval-runs/{id}/responses",
    "score_responses": "POST /v2/eval-runs/-/score-responses",
    "update_response": "PATCH /v2/eval-runs/{id}/responses/{id}",
}


def _method_of(test_name):
    """The method that a test calls: `get` for `test_raw_response_get[loose]`."""
    name = test_name.partition("[")[0].removesuffix("_with_all_params")
    for variant in ("method", "raw_response", "streaming_response", "path_params"):
        name = name.removeprefix(f"test_{variant}_")
    return name


class GeneratedSuitePlugin:
    """The plugin. After the session, `problems()` lists tests that should have run and did not."""

    def __init__(self):
        seed = Seed()
        workspace = seed.workspace(seed.organization())
        seed.api_key(workspace, key=API_KEY)
        self.seed = seed.document
        self._ids = {
            "workspace_uuid": workspace,
            "eval_uuid": "eval.7e1b6c3a-2f0d-4e58-b9a4-1c5d8f2e0001",
            "eval_run_uuid": "score_run.954d54bc-bd5f-4cb5-8d20-688f368b712e",
        }
        self._base_url = None
        self._excluded = collections.Counter()
        self._passed = collections.Counter()

    def serve_from(self, base_url):
        """Sets the URL of a backend with `seed`. Must be called before the session."""
        self._base_url = base_url

    def problems(self):
        return [f"only {passed} of at least {minimum} tests of `{method}` ran and passed"
                for method, minimum in SERVED.items() if (passed := self._passed[method]) < minimum]

    def pytest_pycollect_makeitem(self, obj):
        """Removes the mark `skip`, and replaces the placeholders among a test's constants, in memory."""
        if not hasattr(obj, "__code__"):
            return
        obj.pytestmark = [mark for mark in getattr(obj, "pytestmark", []) if mark.name != "skip"]
        constants = tuple(self._ids.get(value, value) if isinstance(value, str) else value
                          for value in obj.__code__.co_consts)
        obj.__code__ = obj.__code__.replace(co_consts=constants)

    def pytest_collection_modifyitems(self, config, items):
        excluded = [item for item in items if _method_of(item.name) in NOT_SERVED]
        self._excluded.update(_method_of(item.name) for item in excluded)
        config.hook.pytest_deselected(items=excluded)
        items[:] = [item for item in items if item not in excluded]

    @pytest.fixture(autouse=True)
    def start(self, request):
        """Deletes the run of the previous test, and creates the one that a test reads or deletes."""
        run = self._ids["eval_run_uuid"]
        with aymara_ai.AymaraAI(base_url=self._base_url, api_key=API_KEY, max_retries=0) as client:
            try:
                client.evals.runs.delete(run)
            except aymara_ai.NotFoundError:
                pass
            if _method_of(request.node.name) in ("get", "list", "delete"):
                client.evals.runs.create(eval_uuid=self._ids["eval_uuid"], eval_run_uuid=run,
                                         responses=[{"prompt_uuid": "prompt"}])

    def pytest_runtest_logreport(self, report):
        if report.when == "call" and report.passed:
            self._passed[_method_of(report.nodeid.rpartition("::")[2])] += 1

    def pytest_terminal_summary(self, terminalreporter):
        terminalreporter.section("the SDK's own tests")
        for method, count in sorted(self._passed.items()):
            terminalreporter.write_line(f"{method}: {count} passed")
        for method, endpoint in NOT_SERVED.items():
            terminalreporter.write_line(
                f"{method}: {self._excluded[method]} not run, the backend has no {endpoint}")
        for problem in self.problems():
            terminalreporter.write_line(f"FAILED: {problem}", red=True)
