# SPDX-License-Identifier: Apache-2.0
"""A name server that answers, fails and is silent as a test says."""

import socket
import struct
import threading

_A, _AAAA, _IN = 1, 28, 1
_NAME_ERROR = 3


class NameServer:
    """Answers on 127.0.0.1:53. `records`: {name: [IPv4 address]}; other names do not exist.

    `silent`: it answers nothing. `lost_aaaa`: so many of the next questions for IPv6 addresses get
    no answer. All may be changed at any time.
    """

    def __init__(self, records):
        self.records = records
        self.silent = False
        self.lost_aaaa = 0
        self._changed = threading.Condition()
        self._questions = 0  # guarded by _changed
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 53))
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def close(self):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            sender.sendto(b"", self._socket.getsockname())  # ends the thread
        self._thread.join()
        self._socket.close()

    @property
    def questions(self):
        """The number of questions so far."""
        with self._changed:
            return self._questions

    def wait_for_questions(self, count, timeout=20):
        """Waits until there were `count` more questions than now."""
        with self._changed:
            wanted = self._questions + count
            assert self._changed.wait_for(lambda: self._questions >= wanted, timeout)

    def _serve(self):
        while True:
            question, peer = self._socket.recvfrom(4096)
            if not question:
                return
            answer = self._answer(question)
            with self._changed:
                self._questions += 1
                self._changed.notify_all()
            if answer is not None:
                self._socket.sendto(answer, peer)

    def _answer(self, question):
        end, labels = 12, []
        while question[end] != 0:
            labels.append(question[end + 1:end + 1 + question[end]].decode("ascii").lower())
            end += 1 + question[end]
        end += 5
        kind = struct.unpack("!H", question[end - 4:end - 2])[0]
        if self.silent:
            return None
        if kind == _AAAA and self.lost_aaaa > 0:
            self.lost_aaaa -= 1
            return None
        addresses = self.records.get(".".join(labels))
        records = [socket.inet_aton(address) for address in addresses or []] if kind == _A else []
        code = _NAME_ERROR if addresses is None else 0
        head = question[:2] + struct.pack("!HHHHH", 0x8580 | code, 1, len(records), 0, 0)
        answers = b"".join(b"\xc0\x0c" + struct.pack("!HHIH", _A, _IN, 60, 4) + record
                           for record in records)
        return head + question[12:end] + answers
