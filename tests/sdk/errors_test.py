# SPDX-License-Identifier: Apache-2.0
"""Every exception class of the SDK is raised for its reason."""

import aymara_ai
import pytest

from calls import maybe_await
from error_shape import assert_documented_shape
from sample_data import EVAL

MISSING_RUN = "ffffffff-ffff-4fff-8fff-ffffffffffff"


def delete(run, **arguments):
    return lambda client, data: client.evals.runs.delete(getattr(data, run, run), **arguments)


def get(run, workspace=None):
    def call(client, data):
        where = {"workspace_uuid": getattr(data, workspace, workspace)} if workspace else {}
        return client.evals.runs.get(getattr(data, run, run), **where)
    return call


def lists(**arguments):
    return lambda client, data: client.evals.runs.list(**arguments)


def create(**fields):
    return lambda client, data: client.evals.runs.create(
        **{"eval_uuid": EVAL, "responses": []} | fields)


def posts(body):
    """Sends a body that no method of the SDK sends."""
    return lambda client, data: client.post("/v2/eval-runs", cast_to=object, body=body)


RESPONSE = {"prompt_uuid": "prompt"}
EXAMPLE = {"prompt": "p", "response": "r", "type": "pass"}


@pytest.mark.parametrize(("key", "call", "exception", "code"), [
    pytest.param("key", posts([]), aymara_ai.BadRequestError, "validation.invalid_request",
                 id="a body that is no object"),
    pytest.param("no such key", delete("run"), aymara_ai.AuthenticationError, "auth.invalid_key",
                 id="an unknown key"),
    pytest.param("", delete("run"), aymara_ai.AuthenticationError, "auth.invalid_key",
                 id="an empty key"),
    pytest.param("expired_key", delete("run"), aymara_ai.AuthenticationError, "auth.expired_key",
                 id="an expired key"),
    pytest.param("read_only_key", delete("run"), aymara_ai.PermissionDeniedError,
                 "auth.insufficient_permissions", id="a key that may not delete"),
    pytest.param("read_only_key", create(), aymara_ai.PermissionDeniedError,
                 "auth.insufficient_permissions", id="a key that may not create"),
    pytest.param("key", delete(MISSING_RUN), aymara_ai.NotFoundError, "resource.not_found",
                 id="no run to delete"),
    pytest.param("key", get(MISSING_RUN), aymara_ai.NotFoundError, "resource.not_found",
                 id="no run to read"),
    pytest.param("key", delete("other_run"), aymara_ai.NotFoundError, "resource.not_found",
                 id="a run of another workspace"),
    pytest.param("key", get("foreign_run", "foreign_workspace"), aymara_ai.NotFoundError,
                 "resource.not_found", id="a run of another organization"),
    pytest.param("key", get("run", "other_workspace"), aymara_ai.NotFoundError,
                 "resource.not_found", id="a run in the wrong workspace"),
    pytest.param("key", get("run", MISSING_RUN), aymara_ai.NotFoundError, "resource.not_found",
                 id="no such workspace"),
    pytest.param("orphan_key", lists(), aymara_ai.NotFoundError, "resource.not_found",
                 id="the organization is gone"),
    pytest.param("key", delete("processing_run"), aymara_ai.ConflictError, "resource.conflict",
                 id="a run that is still processing"),
])
async def test_rejected_request(connect, data, key, call, exception, code):
    client = connect(getattr(data, key, key))
    with pytest.raises(exception) as raised:
        await maybe_await(call(client, data))
    assert raised.value.body["error"]["code"] == code
    assert_documented_shape(raised.value)


@pytest.mark.parametrize(("call", "field"), [
    pytest.param(delete("1"), "path.eval_run_uuid", id="the id of a run to delete"),
    pytest.param(get("%20"), "path.eval_run_uuid", id="the id of a run to read"),
    pytest.param(delete("run", workspace_uuid="1"), "query.workspace_uuid", id="of a workspace"),
    pytest.param(delete("run", workspace_uuid="*"), "query.workspace_uuid",
                 id="every workspace, in a deletion"),
    pytest.param(lists(eval_uuid="1"), "query.eval_uuid", id="of an eval"),
    pytest.param(lists(limit=0), "query.limit", id="an empty page"),
    pytest.param(lists(limit=1001), "query.limit", id="too large a page"),
    pytest.param(lists(offset=-1), "query.offset", id="before the first"),
    pytest.param(create(eval_uuid="1"), "body.eval_uuid", id="the eval of a new run"),
    pytest.param(create(eval_run_uuid="1"), "body.eval_run_uuid", id="the id of a new run"),
    pytest.param(create(name=1), "body.name", id="a name that is no string"),
    pytest.param(create(continue_thread="yes"), "body.continue_thread",
                 id="neither true nor false"),
    pytest.param(create(responses=[RESPONSE, {}]), "body.responses[1].prompt_uuid",
                 id="a response without its prompt"),
    pytest.param(create(responses=[RESPONSE | {"content_type": "smell"}]),
                 "body.responses[0].content_type", id="an unknown type of content"),
    pytest.param(create(responses=[RESPONSE | {"turn_number": -1}]),
                 "body.responses[0].turn_number", id="a negative turn"),
    pytest.param(create(eval_run_examples=[EXAMPLE | {"type": "maybe"}]),
                 "body.eval_run_examples[0].type", id="an example that neither passes nor fails"),
    pytest.param(create(eval_run_examples=[EXAMPLE, {"prompt": "p", "type": "pass"}]),
                 "body.eval_run_examples[1].response", id="an example without its response"),
])
async def test_malformed_field_is_reported(client, data, call, field):
    with pytest.raises(aymara_ai.UnprocessableEntityError) as raised:
        await maybe_await(call(client, data))
    assert raised.value.body["error"]["code"] == "validation.invalid_format"
    assert raised.value.body["error"]["details"] == {"field": field}
    assert_documented_shape(raised.value)


async def test_missing_api_key(client):
    with pytest.raises(aymara_ai.AuthenticationError) as raised:
        await maybe_await(client.evals.runs.list(extra_headers={"x-api-key": aymara_ai.Omit()}))
    assert "x-api-key" not in raised.value.request.headers
    assert raised.value.body["error"]["code"] == "auth.invalid_key"
    assert_documented_shape(raised.value)


async def test_requests_per_minute_quota(connect, data):
    client = connect(data.one_a_minute_key)
    await maybe_await(client.evals.runs.list())
    with pytest.raises(aymara_ai.RateLimitError) as raised:
        await maybe_await(client.evals.runs.list())
    assert raised.value.body["error"]["code"] == "quota.limit_exceeded"
    assert 1 <= int(raised.value.response.headers["retry-after"]) <= 60
    assert_documented_shape(raised.value)


# The quota permits a request every 3 s, and the SDK's default backoff is half a second.
@pytest.mark.parametrize("kind", ["sync"], indirect=True)
async def test_call_succeeds_after_retry_after(connect, data):
    runs = connect(data.twenty_a_minute_key).evals.runs
    with pytest.raises(aymara_ai.RateLimitError):
        for _ in range(100):
            runs.list()
    patient = connect(data.twenty_a_minute_key, max_retries=1)
    response = patient.evals.runs.with_raw_response.list()
    assert (response.status_code, response.retries_taken) == (200, 1)
