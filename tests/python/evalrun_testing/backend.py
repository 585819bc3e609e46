"""evalrun-backend as a child process."""

import json
import pathlib

from evalrun_testing.child_process import ChildProcess, clean_environment, program


class BackendProcess(ChildProcess):
    """The real backend, which listens when the constructor returns.

    `directory`, the caller's, holds `runs.db` and `seed.json`: a second backend in the same one
    goes on where the first ended. `seed` is what `rest_backend/server/README.md` describes, such
    as `Seed.document` (seed.py); None takes the file that is there, if any. `wrap` is a command
    that starts it. BACKEND_UNDER_TEST
    names another binary than that of the preset `dev`.
    """

    def __init__(self, directory, seed=None, *, listen="127.0.0.1:0", flags=(),
                 wrap=()):
        self.directory = pathlib.Path(directory)
        self.database = self.directory / "runs.db"
        seed_file = self.directory / "seed.json"
        if seed is not None:
            seed_file.write_text(json.dumps(seed), encoding="utf-8")
        command = [program("evalrun-backend", "BACKEND_UNDER_TEST"), "--listen", listen,
                   "--database", str(self.database)]
        if seed_file.exists():
            command += ["--seed", str(seed_file)]
        super().__init__([*wrap, *command, *flags], clean_environment())
        self.listening = self.wait_until_listening()

    @property
    def address(self):
        """HOST:PORT"""
        return self.listening["http"]

    @property
    def url(self):
        """What the vendor's SDK calls the base URL: without `/v2`."""
        return f"http://{self.address}"
