# SPDX-License-Identifier: Apache-2.0
"""A server for a test that speaks for itself."""

import contextlib
import socket
import threading


@contextlib.contextmanager
def tcp_server(serve):
    """Calls `serve(connection)` for each connection, one after the other. Yields the address, `host:port`.

    At the end nothing accepts any more: the number of a socket that is closed meanwhile may be that of another one.
    """
    def accept():
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            serve(connection)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=accept)
        thread.start()
        try:
            yield f"127.0.0.1:{listener.getsockname()[1]}"
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join()
