# SPDX-License-Identifier: Apache-2.0
"""A program under test as a child process: its log, and its end.

Nothing here polls: a wait ends with the event that it waits for, or with its deadline.
"""

import contextlib
import json
import os
import pathlib
import signal
import subprocess
import threading

_TOP = pathlib.Path(__file__).resolve().parents[3]
TIMEOUT = 20.0  # seconds after which a wait fails


def program(name, variable):
    """The path of a binary: the value of an environment variable, or that of the preset `dev`."""
    return os.environ.get(variable) or str(_TOP / "build" / "dev" / name)


def clean_environment(**added):
    """This process's environment without variables that configure a program under test, plus `added`."""
    removed = ("EVALRUN_", "AYMARA_AI_", "GRPC_")
    kept = {name: value for name, value in os.environ.items()
            if not name.startswith(removed) and not name.lower().endswith("_proxy")}
    return kept | added


class ChildProcess:
    """A child process that logs one JSON object per line.

    It is killed at the end of `with`, and by the kernel when the thread that called the constructor
    ends: that thread must outlive it. All other methods may be called from any thread.
    """

    def __init__(self, command, environment):
        self._name = os.path.basename(command[0])
        self._changed = threading.Condition()
        self._events = []          # guarded by _changed, as are the next three
        self._malformed_lines = []
        self._stderr = b""
        self._output_ended = False
        self._process = subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL", "--", *command], stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment)
        self._readers = [threading.Thread(target=read, daemon=True)
                         for read in (self._read_stdout, self._read_stderr)]
        for reader in self._readers:
            reader.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.kill()

    @property
    def pid(self):
        return self._process.pid

    @property
    def events(self):
        """The events that it has logged so far, oldest first."""
        with self._changed:
            self._raise_on_malformed_lines()
            return list(self._events)

    @property
    def stderr(self):
        with self._changed:
            return self._stderr.decode(errors="replace")

    def wait_for(self, wanted, timeout=TIMEOUT):
        """Waits for the first event for which `wanted(event)` is true, and returns it.

        RuntimeError: the process has ended without such an event, or the timeout has expired.
        """
        def found():
            self._raise_on_malformed_lines()
            return next(filter(wanted, self._events), None)

        with self._changed:
            self._changed.wait_for(lambda: found() or self._output_ended, timeout)
            event = found()
            if event is not None:
                return event
            state = "ended" if self._output_ended else f"still runs after {timeout} s"
        if self._output_ended:
            self.wait(timeout)
        raise RuntimeError(f"{self._name} {state}; it has logged {self.events} and written "
                           f"{self.stderr!r} to standard error")

    def wait_for_event(self, name, timeout=TIMEOUT):
        """Waits for the first event of this name."""
        return self.wait_for(lambda event: event.get("event") == name, timeout)

    def wait_until_listening(self):
        """Waits for the event `listening`. A process without one is killed."""
        try:
            return self.wait_for_event("listening")
        except RuntimeError:
            self.kill()
            raise

    @property
    def resident_bytes(self):
        """Memory in use. OSError: the process has ended."""
        statm = pathlib.Path(f"/proc/{self.pid}/statm").read_text(encoding="ascii")
        return int(statm.split()[1]) * os.sysconf("SC_PAGE_SIZE")

    @property
    def descriptor_count(self):
        return len(os.listdir(f"/proc/{self.pid}/fd"))

    @contextlib.contextmanager
    def unread_output(self):
        """Until the end of `with` nobody reads its standard output, and no method that waits for events may be called."""
        with self._changed:
            yield

    def signal(self, number):
        self._process.send_signal(number)

    def wait(self, timeout=TIMEOUT):
        """Waits for its end. Returns the exit status, or the negated number of the signal that ended it.

        All events have been read by then.
        """
        status = self._process.wait(timeout)
        for reader in self._readers:
            reader.join(timeout)
        return status

    def stop(self, timeout=TIMEOUT):
        """Sends SIGTERM, and returns the exit status."""
        self.signal(signal.SIGTERM)
        return self.wait(timeout)

    def kill(self):
        """Sends SIGKILL, unless the process has ended, and returns the exit status."""
        self._process.kill()
        return self.wait()

    def _read_stdout(self):
        with self._process.stdout as output:
            for line in output:
                with self._changed:
                    try:
                        self._events.append(json.loads(line))
                    except ValueError:
                        self._malformed_lines.append(line)
                    self._changed.notify_all()
        with self._changed:
            self._output_ended = True
            self._changed.notify_all()

    def _read_stderr(self):
        with self._process.stderr as output:
            for line in output:
                with self._changed:
                    self._stderr += line

    def _raise_on_malformed_lines(self):
        if self._malformed_lines:
            raise RuntimeError(f"{self._name} logged lines that are not JSON objects: "
                               f"{self._malformed_lines}")
