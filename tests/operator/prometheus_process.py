# SPDX-License-Identifier: Apache-2.0
"""A real Prometheus: PROMETHEUS_UNDER_TEST, or Debian's."""

import json
import os
import pathlib
import re
import shutil
import socket
import subprocess
import time
import urllib.parse
import urllib.request

PROMETHEUS = os.environ.get("PROMETHEUS_UNDER_TEST", "prometheus")
IS_MISSING = not shutil.which(PROMETHEUS)
PROMETHEUS_VERSION = None if IS_MISSING else int(re.search(r"version (\d+)\.", subprocess.run(
    [PROMETHEUS, "--version"], capture_output=True, text=True, check=True).stdout)[1])
RULES = pathlib.Path(__file__).resolve().parents[2] / "deploy/prometheus"


def copy_rules(directory, wait, window="5m"):
    """Copies the rules to `directory`, with `for: {wait}` in place of each alert's own, and `window` in place of 5 minutes in
    the alerts. Returns the files."""
    files = []
    for name in ("recording.rules.yml", "alerts.rules.yml"):
        text = (RULES / name).read_text(encoding="utf-8")
        files.append(directory / name)
        if name.startswith("alerts"):
            text = text.replace("[5m]", f"[{window}]")
        files[-1].write_text(re.sub(r"^( *for: ).*", rf"\g<1>{wait}", text, flags=re.MULTILINE), encoding="utf-8")
    return files


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
            ["setpriv", "--pdeathsig", "KILL", "--", PROMETHEUS, f"--config.file={config}",
             f"--storage.tsdb.path={directory / 'data'}", f"--web.listen-address={self._address}"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def stop(self):
        self._process.kill()
        self._process.wait()

    def get(self, path, **parameters):
        """The data that the API has at this path."""
        url = f"http://{self._address}/api/v1/{path}?{urllib.parse.urlencode(parameters)}"
        with urllib.request.urlopen(url, timeout=20) as response:
            return json.load(response)["data"]

    def query(self, expression):
        """The value of each series of a query, by its labels."""
        return {json.dumps(series["metric"], sort_keys=True): float(series["value"][1])
                for series in self.get("query", query=expression)["result"]}

    def alerts(self):
        """The state of each alert that is `pending` or `firing`, by its name; of several, the later state."""
        return {alert["labels"]["alertname"]: alert["state"]
                for alert in sorted(self.get("alerts")["alerts"], key=lambda alert: alert["state"], reverse=True)}

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
