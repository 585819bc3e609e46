# SPDX-License-Identifier: Apache-2.0
"""A REST backend and gateways in front of it, as child processes."""

import contextlib
import pathlib
import threading

from evalrun_testing.backend import BackendProcess
from evalrun_testing.certificates import Mount
from evalrun_testing.client import SERVER_NAME, Client
from evalrun_testing.faults import Faults
from evalrun_testing.gateway import GatewayProcess
from evalrun_testing.seed import Seed


class Deployment:
    """A backend and a gateway on free ports, both listening when the constructor returns.

    All processes and connections end with `close()`, or at the end of `with`. The thread that calls the
    constructor and the `start_…` methods must outlive the processes (see ChildProcess).

    Options:
      flags                of every gateway
      runs                 number of runs to begin with, in the one workspace of a default seed
      seed                 a Seed to use instead; the gateway has its first API key
      api_key              of the gateway, where it is not that one
      upstream             base URL, with `/v2`, of an upstream to use instead of a backend
      upstream_host        a name by which the gateways know the backend's address
      backend_flags        of every backend
      has_gateway          False: the constructor starts no gateway
      wrap                 a command that starts the gateways, such as strace
      authority            an Authority: the gateway serves TLS with `pair`, a certificate that by default
                           the authority issues for SERVER_NAME; its files are those of `mount`
      client_certificates  value of `--tls-client-certificates`, with TLS
    """

    def __init__(self, directory, *, flags=(), runs=0, seed=None, api_key=None, upstream=None, upstream_host=None,
                 backend_flags=(), has_gateway=True, wrap=(), authority=None, pair=None,
                 client_certificates="off"):
        self.directory = pathlib.Path(directory)
        self.directory.mkdir(parents=True, exist_ok=True)
        self.backends, self.gateways = [], []  # all that were started, oldest first
        self._stack = contextlib.ExitStack()
        self._default_client, self._default_client_lock = None, threading.Lock()
        self._wrap, self._backend_flags = wrap, tuple(backend_flags)
        self.seed = seed or Seed()
        self.runs = []
        if seed is None:
            workspace = self.seed.workspace(self.seed.organization())
            self.seed.api_key(workspace)
            self.runs = [self.seed.eval_run(workspace) for _ in range(runs)]
        self.api_key = self.seed.document["api_keys"][0]["key"] if api_key is None else api_key
        self.authority, self.pair, self.mount = authority, pair, None
        self._flags = (*self._make_tls_flags(client_certificates), *flags)
        self._upstream, self._upstream_host = upstream, upstream_host
        with contextlib.ExitStack() as on_failure:
            on_failure.callback(self.close)
            if upstream is None:
                self.start_backend(seed=self.seed.document)
            if has_gateway:
                self.start_gateway()
            on_failure.pop_all()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        """Closes all connections and kills all processes."""
        self._stack.close()

    @property
    def backend(self):
        """The backend that was started last."""
        return self.backends[-1]

    @property
    def gateway(self):
        """The gateway that was started last."""
        return self.gateways[-1]

    @property
    def faults(self):
        """The fault script of the backend."""
        return Faults(self.backend)

    def start_backend(self, **options):
        """Starts another backend, with the data of the previous one. `options`: see BackendProcess."""
        self.backends.append(self._stack.enter_context(
            BackendProcess(self.directory, flags=self._backend_flags, **options)))
        return self.backend

    def restart_backend(self):
        """Starts another backend on the ports of the previous one, which must have ended."""
        return self.start_backend(listen=self.backend.address,
                                  admin_listen=self.backend.admin_address)

    def start_gateway(self, *flags, listen="127.0.0.1:0", hooks=False):
        """Starts another gateway, with these flags besides those of all gateways. `hooks`: see GatewayProcess."""
        upstream = self._upstream
        if upstream is None:
            host, _, port = self.backend.address.rpartition(":")
            upstream = f"http://{self._upstream_host or host}:{port}/v2"
        self.gateways.append(self._stack.enter_context(
            GatewayProcess(upstream, api_key=self.api_key, flags=(*self._flags, *flags),
                           listen=listen, wrap=self._wrap, hooks=hooks)))
        return self.gateway

    def restart_gateway(self, *flags, hooks=False):
        """Starts another gateway on the gRPC port of the previous one, which must have ended."""
        return self.start_gateway(*flags, listen=self.gateway.grpc_address, hooks=hooks)

    def connect(self, pair=None, *, trusted_ca=None, server_name=SERVER_NAME):
        """A Client with a new connection to the gateway, by TLS if the gateway serves it."""
        if trusted_ca is None and self.authority is not None:
            trusted_ca = self.authority.certificate
        return self._stack.enter_context(Client(
            self.gateway.grpc_address, trusted_ca=trusted_ca, pair=pair, server_name=server_name))

    def delete(self, run=None, **options):
        """`Client.delete()` by a connection that all these calls share."""
        with self._default_client_lock:
            if self._default_client is None:
                self._default_client = self.connect()
        return self._default_client.delete(run, **options)

    def replace_certificates(self, pair, ca_file=None):
        """Replaces the gateway's certificate, and the authorities that it trusts, in one step."""
        self.mount.put(**{"tls.crt": pair.certificate, "tls.key": pair.key,
                          "ca.crt": ca_file or self.authority.certificate})

    def _make_tls_flags(self, client_certificates):
        if self.authority is None:
            return ()
        self.pair = self.pair or self.authority.issue("server", f"DNS:{SERVER_NAME}")
        self.mount = Mount(self.directory / "certificates", **{
            "tls.crt": self.pair.certificate, "tls.key": self.pair.key,
            "ca.crt": self.authority.certificate})
        flags = ("--tls-certificate-file", str(self.mount.path("tls.crt")),
                 "--tls-key-file", str(self.mount.path("tls.key")),
                 "--tls-client-certificates", client_certificates)
        if client_certificates != "off":
            flags += ("--tls-client-ca-file", str(self.mount.path("ca.crt")))
        return flags
