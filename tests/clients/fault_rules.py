# SPDX-License-Identifier: Apache-2.0
"""Rules for the backend's fault script."""

import json


def api_error(status, **headers):
    """A rule that responds with an error in the API's own form."""
    body = {"error": {"code": "server.scripted", "message": "scripted", "details": {}},
            "request_id": ""}
    return {"fault": "respond", "status": status, "body": json.dumps(body),
            "headers": {"Content-Type": "application/json"} | headers}
