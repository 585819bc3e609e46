# SPDX-License-Identifier: Apache-2.0
"""The fault script of a backend, set while it runs (rest_backend/server/README.md)."""

import json
import time
import urllib.request

from evalrun_testing.child_process import TIMEOUT


class Faults:
    """Of one BackendProcess. Each `set()` replaces the rules set before."""

    def __init__(self, backend):
        self._url = f"http://{backend.admin_address}/faults"

    def set(self, **rule):
        """Sets one rule. Its members are those of the script; by default it matches deletions."""
        self.set_rules({"name": "the fault"} | rule)

    def set_rules(self, *rules):
        """Sets several, of which the first that applies to a request wins."""
        self._request("PUT", {"rules": [
            {"name": f"fault {i}", "method": "DELETE", "path": "/v2/eval-runs/*"} | rule
            for i, rule in enumerate(rules)]})

    def set_missing(self, *scopes):
        """Every request in these organizations and workspaces is answered with the 404 of a missing run."""
        self._request("PUT", {"missing": list(scopes), "rules": []})

    def applied(self):
        """The number of requests to which the rule was applied."""
        return self._request("GET")["rules"][0]["applied"]

    def wait_until_held(self):
        """Waits until the fault `hold` holds a request."""
        end = time.monotonic() + TIMEOUT
        while not self._request("GET")["held"]:
            if time.monotonic() > end:
                raise RuntimeError(f"no request was held within {TIMEOUT} s")

    def release(self):
        """Lets all held requests continue."""
        self._request("POST", path="/release")

    def _request(self, method, body=None, path=""):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self._url + path, data, method=method)
        with urllib.request.urlopen(request, timeout=TIMEOUT) as response:
            return json.load(response)
