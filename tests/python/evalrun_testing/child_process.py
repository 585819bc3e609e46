"""A program under test, run as a child: what it logs, and its end with a deadline.

Nothing here sleeps: every wait ends with what it waits for, or with its deadline.
"""

import json
import os
import pathlib
import signal
import subprocess
import threading

_TOP = pathlib.Path(__file__).resolve().parents[3]
TIMEOUT = 20.0  # seconds; a wait that gets there has failed


def program(name, variable):
    """The path of a binary: the one that the environment names, or that of the preset `dev`."""
    return os.environ.get(variable) or str(_TOP / "build" / "dev" / name)


def clean_environment(**added):
    """This process's environment without what would configure a program under test, and `added`."""
    strange = ("EVALRUN_", "AYMARA_AI_", "GRPC_")
    kept = {name: value for name, value in os.environ.items()
            if not name.startswith(strange) and not name.lower().endswith("_proxy")}
    return kept | added


class ChildProcess:
    """A child that logs one JSON object a line, killed at the end of `with` and of its parent.

    The kernel kills it when the thread that made it ends, so make it in one that lives on.
    Everything but the constructor may be called from any thread.
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
        """What it has logged so far, oldest first."""
        with self._changed:
            self._raise_on_malformed_lines()
            return list(self._events)

    @property
    def stderr(self):
        with self._changed:
            return self._stderr.decode(errors="replace")

    def wait_for(self, wanted, timeout=TIMEOUT):
        """The first event for which `wanted(event)` holds. RuntimeError: there will be none."""
        def found():
            self._raise_on_malformed_lines()
            return next(filter(wanted, self._events), None)

        with self._changed:
            self._changed.wait_for(lambda: found() or self._output_ended, timeout)
            event = found()
            if event is not None:
                return event
            how = "ended" if self._output_ended else f"still runs after {timeout} s"
        if self._output_ended:
            self.wait(timeout)
        raise RuntimeError(f"{self._name} {how}; it has logged {self.events} and said "
                           f"{self.stderr!r}")

    def wait_for_event(self, name, timeout=TIMEOUT):
        """The first event of this name."""
        return self.wait_for(lambda event: event.get("event") == name, timeout)

    def wait_until_listening(self):
        """Its event `listening`. A child that does not get there is killed."""
        try:
            return self.wait_for_event("listening")
        except RuntimeError:
            self.kill()
            raise

    def signal(self, number):
        self._process.send_signal(number)

    def wait(self, timeout=TIMEOUT):
        """Its exit status, or minus the signal that ended it, once all it logged has been read."""
        status = self._process.wait(timeout)
        for reader in self._readers:
            reader.join(timeout)
        return status

    def stop(self, timeout=TIMEOUT):
        """SIGTERM, and its exit status."""
        self.signal(signal.SIGTERM)
        return self.wait(timeout)

    def kill(self):
        """SIGKILL, unless it has ended."""
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
            raise RuntimeError(f"{self._name} logged what is not one JSON object on one line: "
                               f"{self._malformed_lines}")
