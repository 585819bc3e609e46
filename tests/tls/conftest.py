"""The real gateway with TLS, in front of the real backend, and its callers."""

import contextlib
import subprocess
import time
import urllib.request
import uuid

import grpc
import pytest

from aymara.evals.v1 import eval_run_service_pb2 as pb
from aymara.evals.v1 import eval_run_service_pb2_grpc as rpc
from evalrun_testing.backend import BackendProcess
from evalrun_testing.certificates import Authority, Mount
from evalrun_testing.child_process import clean_environment, program
from evalrun_testing.faults import FLAGS, Faults
from evalrun_testing.gateway import GatewayProcess
from evalrun_testing.seed import Seed

NAME = "gateway.test"  # whom the server's certificate is for


class Caller:
    """A channel over TLS. `trusting` is a file, `pair` the caller's own certificate, if any."""

    def __init__(self, address, trusting, pair=None, name=NAME):
        key, certificate = (None, None) if pair is None else (
            pair.key.read_bytes(), pair.certificate.read_bytes())
        self._channel = grpc.secure_channel(
            address, grpc.ssl_channel_credentials(trusting.read_bytes(), key, certificate),
            options=[("grpc.ssl_target_name_override", name),
                     ("grpc.use_local_subchannel_pool", 1), ("grpc.enable_http_proxy", 0)])
        self.stub = rpc.EvalRunServiceStub(self._channel)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._channel.close()

    def delete(self, run=None, timeout=10, **metadata):
        """The status code's name. A run that nobody knows is NOT_FOUND: the call was served."""
        return self.ask(run, timeout, **metadata)[0]

    def ask(self, run=None, timeout=10, **metadata):
        """The status code's name, and the message."""
        try:
            self.stub.DeleteEvalRun(
                pb.DeleteEvalRunRequest(eval_run_uuid=run or str(uuid.uuid4())), timeout=timeout,
                metadata=[(name.replace("_", "-"), value) for name, value in metadata.items()])
        except grpc.RpcError as error:
            return error.code().name, error.details()
        return "OK", ""


class House:
    """A backend with one workspace, and a gateway with the certificates of a Mount."""

    def __init__(self, folder, stack, authority, *, client_certificates="off", flags=(), runs=0,
                 pair=None):
        self.authority = authority
        self.pair = pair or authority.issue("server", f"DNS:{NAME}")
        files = {"tls.crt": self.pair.certificate, "tls.key": self.pair.key,
                 "ca.crt": authority.certificate}
        self.mount = Mount(folder / "mounted", **files)
        seed = Seed()
        workspace = seed.workspace(seed.organization())
        self.runs = [seed.eval_run(workspace) for _ in range(runs)]
        key = seed.api_key(workspace)
        self.backend = stack.enter_context(BackendProcess(folder, seed.document, flags=FLAGS))
        self.faults = Faults(self.backend)
        tls = ["--tls-certificate-file", str(self.mount.path("tls.crt")),
               "--tls-key-file", str(self.mount.path("tls.key")),
               "--tls-client-certificates", client_certificates]
        if client_certificates != "off":
            tls += ["--tls-client-ca-file", str(self.mount.path("ca.crt"))]
        self.gateway = stack.enter_context(
            GatewayProcess(f"{self.backend.url}/v2", api_key=key, flags=[*tls, *flags]))
        self._stack = stack

    def caller(self, pair=None, *, trusting=None, name=NAME):
        """A new connection."""
        return self._stack.enter_context(
            Caller(self.gateway.grpc_address, trusting or self.authority.certificate, pair, name))

    def replace(self, pair, authority=None):
        """Puts other files in place, in one step."""
        self.mount.put(**{"tls.crt": pair.certificate, "tls.key": pair.key,
                          "ca.crt": authority or self.authority.certificate})


def metric(gateway, series):
    """The value of a series, named as in the exposition."""
    with urllib.request.urlopen(f"http://{gateway.admin_address}/metrics", timeout=20) as answer:
        [line] = [line for line in answer.read().decode().splitlines()
                  if line.startswith(series + " ")]
    return float(line.rpartition(" ")[2])


def reloads(gateway, credential, result):
    return metric(gateway, "gateway_credential_reloads_total"
                           f'{{credential="{credential}",result="{result}"}}')


def wait_for_reload(gateway, credential="server", result="succeeded", count=1, timeout=20):
    """Until so many reloads of the credential have had this result."""
    end = time.monotonic() + timeout
    while reloads(gateway, credential, result) < count:
        assert time.monotonic() < end, f"no reload {result}: {gateway.events}"
        time.sleep(0.05)


def start(*flags):
    """What the gateway says when it does not start."""
    return subprocess.run(
        [program("evalrun-gateway", "GATEWAY_UNDER_TEST"), "--listen", "127.0.0.1:0",
         "--admin-listen", "127.0.0.1:0", *map(str, flags)],
        env=clean_environment(AYMARA_AI_API_KEY="a-key"), capture_output=True, text=True,
        timeout=60, check=False)


@pytest.fixture(scope="session")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("authority"), "authority")


@pytest.fixture(scope="session")
def untrusted_authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("untrusted_authority"), "untrusted_authority")


@pytest.fixture
def make_house(tmp_path, authority):
    with contextlib.ExitStack() as stack:
        yield lambda **options: House(tmp_path, stack, authority, **options)
