"""What the upstream may be told to answer."""

import json


def api_error(status, **headers):
    """The API's own refusal, as members of a fault rule."""
    body = {"error": {"code": "server.scripted", "message": "scripted", "details": {}},
            "request_id": ""}
    return {"fault": "respond", "status": status, "body": json.dumps(body),
            "headers": {"Content-Type": "application/json"} | headers}
