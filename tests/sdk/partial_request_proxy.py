"""A request of which the server has only the beginning."""

import contextlib
import socket
import threading


class PartialRequestProxy:
    """Takes one connection, passes on its first bytes, and the rest once `release()` is called.

    For the length of `with`. `url` is where to connect; `begun` is set when the server has been
    sent the beginning. What the server answers is passed back as it comes.
    """

    _BEGINNING = 20  # bytes: within the request line

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
                self._server.sendall(request[:self._BEGINNING])
                self.begun.set()
                self._released.wait()
                self._server.sendall(request[self._BEGINNING:])
                while answer := self._server.recv(65536):
                    client.sendall(answer)
