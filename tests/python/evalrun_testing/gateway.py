"""evalrun-gateway as a child process."""

from evalrun_testing.child_process import ChildProcess, clean_environment, program


class GatewayProcess(ChildProcess):
    """The real gateway on free ports, which listens when the constructor returns.

    `upstream` is the REST API's base URL, with `/v2`. The key goes through the environment, as it
    should everywhere. GATEWAY_UNDER_TEST names another binary than that of the preset `dev`.
    """

    def __init__(self, upstream, *, api_key, flags=(), listen="127.0.0.1:0"):
        command = [program("evalrun-gateway", "GATEWAY_UNDER_TEST"), "--listen", listen,
                   "--admin-listen", "127.0.0.1:0", "--upstream", upstream, *flags]
        super().__init__(command, clean_environment(AYMARA_AI_API_KEY=api_key))
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
    def access_log(self):
        """The line of each call that was answered so far, oldest first."""
        return [event for event in self.events if event["event"] == "call"]
