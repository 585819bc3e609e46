# SPDX-License-Identifier: Apache-2.0
"""The journal in the backend's database, read after the backend has stopped."""

import collections
import contextlib
import dataclasses
import sqlite3

from evalrun_chaos.response_rules import Facts


@dataclasses.dataclass(frozen=True)
class Row:
    eval_run_uuid: str
    request_id: str
    at: int  # ms since 1970
    outcome: str  # deleted, not_found, still_processing


class Journal:
    """`rows` are in the order of the journal, `remaining` are the ids of the runs that exist."""

    def __init__(self, rows, remaining):
        self.remaining = set(remaining)
        self._deleted = collections.defaultdict(list)
        self._by_request = collections.defaultdict(list)
        for row in rows:
            self._by_request[row.request_id].append(row)
            if row.outcome == "deleted":
                self._deleted[row.eval_run_uuid].append(row)

    @classmethod
    def read(cls, database):
        with contextlib.closing(sqlite3.connect(database)) as connection:
            rows = [Row(*row) for row in connection.execute(
                "SELECT eval_run_uuid, request_id, at, outcome FROM journal ORDER BY id")]
            return cls(rows, (uuid for uuid, in connection.execute("SELECT uuid FROM eval_runs")))

    @property
    def deleted(self):
        """The number of deleted runs."""
        return len(self._deleted)

    def facts(self, request_id, eval_run_uuid, *, was_there, sent):
        """The Facts about a call and its run."""
        deletion = next(iter(self._deleted.get(eval_run_uuid, ())), None)
        of_call = self._by_request.get(request_id, ())
        return Facts(
            was_there=was_there,
            deleted_by_this_call=any(row.outcome == "deleted" for row in of_call),
            deleted_at=deletion.at if deletion else None,
            found_absent_at=next((row.at for row in of_call if row.outcome == "not_found"), None),
            carried_out=len(of_call), sent=sent)

    def contradictions(self, there_at_first):
        """Yields a sentence for each inconsistency of the journal."""
        for run, rows in self._deleted.items():
            if len(rows) > 1:
                yield f"run {run} was deleted {len(rows)} times: {rows}"
            if run in self.remaining:
                yield f"run {run} was deleted and is still there"
        lost = set(there_at_first) - self.remaining - set(self._deleted)
        yield from (f"run {run} is gone without a deletion" for run in lost)
