# SPDX-License-Identifier: Apache-2.0
"""evalrun-backend as a child process."""

import contextlib
import json
import pathlib
import sqlite3

from evalrun_testing.child_process import ChildProcess, clean_environment, program


class BackendProcess(ChildProcess):
    """The real backend. It is listening when the constructor returns.

    `directory` belongs to the caller and holds `runs.db` and `seed.json`: a second backend in the same
    directory continues with the data of the first. `seed` has the form that
    `rest_backend/server/README.md` describes, as `Seed.document` does; without it, the existing file
    is used, if there is one. `wrap` is a command that starts the backend. BACKEND_UNDER_TEST overrides
    the binary, which is otherwise that of the preset `dev`.
    """

    def __init__(self, directory, seed=None, *, listen="127.0.0.1:0",
                 admin_listen="127.0.0.1:0", flags=(), wrap=()):
        self.directory = pathlib.Path(directory)
        self.database = self.directory / "runs.db"
        seed_file = self.directory / "seed.json"
        if seed is not None:
            seed_file.write_text(json.dumps(seed), encoding="utf-8")
        command = [program("evalrun-backend", "BACKEND_UNDER_TEST"), "--listen", listen,
                   "--admin-listen", admin_listen, "--database", str(self.database)]
        if seed_file.exists():
            command += ["--seed", str(seed_file)]
        super().__init__([*wrap, *command, *flags], clean_environment())
        self.listening = self.wait_until_listening()

    def query(self, sql):
        """The rows of a query in its database, as tuples."""
        with contextlib.closing(sqlite3.connect(self.database)) as database:
            return database.execute(sql).fetchall()

    @property
    def address(self):
        """HOST:PORT"""
        return self.listening["http"]

    @property
    def admin_address(self):
        """HOST:PORT"""
        return self.listening["admin"]

    @property
    def url(self):
        """The base URL for the vendor's SDK, without `/v2`."""
        return f"http://{self.address}"
