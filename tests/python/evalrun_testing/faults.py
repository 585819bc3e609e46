"""The backend's fault script, set while it runs (rest_backend/server/README.md)."""

import json
import time
import urllib.request

FLAGS = ("--admin-listen", "127.0.0.1:0")  # the backend's, for this


class Faults:
    """Of one backend, a BackendProcess. `set()` replaces what was set before."""

    def __init__(self, backend):
        self._url = f"http://{backend.listening['admin']}/faults"

    def set(self, **rule):
        """One rule, for deletions: its members are the script's."""
        rule = {"name": "the fault", "method": "DELETE", "path": "/v2/eval-runs/*"} | rule
        self._ask("PUT", {"rules": [rule]})

    def applied(self):
        """How many requests it has met."""
        return self._ask("GET")["rules"][0]["applied"]

    def wait_until_held(self, timeout=20.0):
        """Until a request is in the hands of the fault `hold`."""
        end = time.monotonic() + timeout
        while not self._ask("GET")["held"]:
            if time.monotonic() > end:
                raise RuntimeError(f"no request was held within {timeout} s")

    def release(self):
        """Lets all requests go on that are held."""
        self._ask("POST", path="/release")

    def _ask(self, method, body=None, path=""):
        data = None if body is None else json.dumps(body).encode()
        with urllib.request.urlopen(
                urllib.request.Request(self._url + path, data, method=method),
                timeout=20) as answer:
            return json.load(answer)
