# SPDX-License-Identifier: Apache-2.0
"""A real Prometheus."""

import json
import socket
import subprocess
import time
import urllib.parse
import urllib.request


class Prometheus:
    """A Prometheus that scrapes `target` twice a second, and evaluates `rule_files` as often."""

    def __init__(self, directory, target, rule_files=()):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self._address = f"127.0.0.1:{free.getsockname()[1]}"
        config = directory / "prometheus.yml"
        config.write_text(json.dumps({
            "global": {"scrape_interval": "500ms", "scrape_timeout": "500ms",
                       "evaluation_interval": "500ms"},
            "rule_files": [str(file) for file in rule_files],
            "scrape_configs": [{"job_name": "evalrun-gateway",
                                "static_configs": [{"targets": [target]}]}]}))
        self._process = subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL", "--", "prometheus", f"--config.file={config}",
             f"--storage.tsdb.path={directory / 'data'}", f"--web.listen-address={self._address}"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def stop(self):
        self._process.kill()
        self._process.wait()

    def query(self, expression):
        """The value of each series of a query, by its labels."""
        url = f"http://{self._address}/api/v1/query?" + urllib.parse.urlencode({"query": expression})
        with urllib.request.urlopen(url, timeout=20) as response:
            return {json.dumps(series["metric"], sort_keys=True): float(series["value"][1])
                    for series in json.load(response)["data"]["result"]}

    def wait_until(self, condition, timeout=30):
        """Waits until `condition()` is true. Returns whether it is."""
        end = time.monotonic() + timeout
        while time.monotonic() < end:
            try:
                if condition():
                    return True
            except OSError:  # Prometheus does not listen yet
                pass
            time.sleep(0.2)
        return False
