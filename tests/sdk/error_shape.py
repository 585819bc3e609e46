# SPDX-License-Identifier: Apache-2.0
"""The form of the API's errors."""


def assert_documented_shape(error):
    """The body is exactly as documented, with the request id of the header."""
    body, headers = error.body, error.response.headers
    assert headers["content-type"] == "application/json"
    assert body.keys() == {"error", "request_id"}
    assert body["error"].keys() == {"code", "message", "details"}
    assert isinstance(body["error"]["details"], dict)
    assert body["error"]["message"] != ""
    assert body["request_id"] != ""
    assert body["request_id"] == headers["x-request-id"]
