# SPDX-License-Identifier: Apache-2.0
"""A proxy that delays the rest of a request."""

import contextlib
import socket
import threading


class PartialRequestProxy:
    """Accepts one connection and forwards the first bytes of its request, and the rest after `release()`.

    It runs until the end of `with`. Clients connect to `url`. `begun` is set when the first bytes have
    been sent to the server. The response is forwarded without delay.
    """

    _FIRST_BYTES = 20  # within the request line

    def __init__(self, server_address):
        host, port = server_address.rsplit(":", 1)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._server = socket.create_connection((host, int(port)))
        self.url = "http://127.0.0.1:{}".format(self._listener.getsockname()[1])
        self.begun = threading.Event()
        self._released = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._released.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)  # ends accept()
        self._thread.join()
        self._listener.close()
        self._server.close()

    def release(self):
        self._released.set()

    def _run(self):
        with contextlib.suppress(OSError):
            client, _ = self._listener.accept()
            with client:
                client.settimeout(20)
                self._server.settimeout(20)
                request = b""
                while not request.endswith(b"\r\n\r\n"):
                    request += client.recv(65536)
                self._server.sendall(request[:self._FIRST_BYTES])
                self.begun.set()
                self._released.wait()
                self._server.sendall(request[self._FIRST_BYTES:])
                while response := self._server.recv(65536):
                    client.sendall(response)
