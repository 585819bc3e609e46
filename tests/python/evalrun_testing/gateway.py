# SPDX-License-Identifier: Apache-2.0
"""evalrun-gateway as a child process."""

import contextlib
import http.client
import json
import subprocess
import time

from evalrun_testing.child_process import TIMEOUT, ChildProcess, clean_environment, program


def gateway_command(*flags, hooks=False):
    """The command that starts the gateway on free ports; with `hooks` the build that has the gRPC hooks.
    GATEWAY_UNDER_TEST and GATEWAY_WITH_HOOKS override the binaries, which are otherwise those of the
    preset `dev`."""
    binary = (program("evalrun-gateway-hooks", "GATEWAY_WITH_HOOKS") if hooks else
              program("evalrun-gateway", "GATEWAY_UNDER_TEST"))
    return [binary, "--listen", "127.0.0.1:0",
            "--admin-listen", "127.0.0.1:0", *map(str, flags)]


def run_gateway(*flags):
    """Runs the gateway to its end, for flags with which it does not serve: a completed process."""
    return subprocess.run(gateway_command(*flags), env=clean_environment(AYMARA_AI_API_KEY="a-key"),
                          capture_output=True, text=True, timeout=60, check=False)


class GatewayProcess(ChildProcess):
    """The real gateway. It is listening when the constructor returns.

    `upstream` is the base URL of the REST API, with `/v2`. The API key is passed in the environment.
    `wrap` is a command that starts the gateway. `hooks`: see gateway_command().
    """

    def __init__(self, upstream, *, api_key, flags=(), listen="127.0.0.1:0", wrap=(), hooks=False):
        command = gateway_command("--listen", listen, "--upstream", upstream, *flags, hooks=hooks)
        super().__init__([*wrap, *command], clean_environment(AYMARA_AI_API_KEY=api_key))
        self.listening = self.wait_until_listening()

    @property
    def grpc_address(self):
        """HOST:PORT"""
        return self.listening["grpc"]

    @property
    def admin_address(self):
        """HOST:PORT"""
        return self.listening["admin"]

    @property
    def admin_url(self):
        return f"http://{self.admin_address}"

    @property
    def access_log(self):
        """The lines of all finished calls so far, oldest first."""
        return [event for event in self.events if event["event"] == "call"]

    def request(self, method, path, body=None):
        """Sends a request to the admin port. Returns (status, body)."""
        connection = http.client.HTTPConnection(self.admin_address, timeout=20)
        with contextlib.closing(connection):
            connection.request(method, path, body)
            response = connection.getresponse()
            return response.status, response.read().decode()

    def get(self, path):
        """The body at a path of the admin port. AssertionError: the status is not 200."""
        status, body = self.request("GET", path)
        assert status == 200, (path, status, body)
        return body

    def metric(self, series):
        """The value of a series, written as in the exposition format."""
        [line] = [line for line in self.get("/metrics").splitlines()
                  if line.startswith(series + " ")]
        return float(line.rpartition(" ")[2])

    @property
    def has_grpc_1_51(self):
        """Whether its gRPC is 1.51, and not a newer one."""
        [build] = json.loads(self.get("/status.json"))["metrics"]["gateway_build_info"]
        return build["labels"]["grpc_version"].startswith("1.51.")

    def credential_reloads(self, credential, result):
        """How often a set of certificates was loaded anew with this result."""
        return self.metric("gateway_credential_reloads_total"
                           f'{{credential="{credential}",result="{result}"}}')

    def wait_for_credential_reload(self, credential="server", result="succeeded", count=1):
        """Waits until `count` reloads of a set of certificates have had this result."""
        end = time.monotonic() + TIMEOUT
        while self.credential_reloads(credential, result) < count:
            assert time.monotonic() < end, f"no reload {result}: {self.events}"
            time.sleep(0.05)
