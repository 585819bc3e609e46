# SPDX-License-Identifier: Apache-2.0
"""The data that most tests of this folder use: an organization, its keys, and other organizations."""

from evalrun_testing.seed import Seed

EVAL = "7e1b6c3a-2f0d-4e58-b9a4-1c5d8f2e0001"  # without a run in this seed


class SampleData:
    """A seed with its ids and keys.

    `key` has access to `workspace`. `other_workspace` belongs to the same organization,
    `foreign_workspace` to another one. `run` is in `workspace`; the names of other runs say where
    they are.
    """

    def __init__(self):
        seed = Seed()
        organization = seed.organization()
        self.workspace = seed.workspace(organization)
        self.other_workspace = seed.workspace(organization)
        self.foreign_workspace = seed.workspace(seed.organization())

        self.key = seed.api_key(self.workspace)
        self.expired_key = seed.api_key(self.workspace, expires_at="2020-01-01T00:00:00Z")
        self.read_only_key = seed.api_key(self.workspace, permissions=["read"])
        self.one_a_minute_key = seed.api_key(self.workspace, requests_per_minute=1)
        self.twenty_a_minute_key = seed.api_key(self.workspace, requests_per_minute=20)
        self.orphan_key = seed.api_key(seed.workspace(seed.organization(deleted=True)))

        self.run = seed.eval_run(self.workspace, created_at="2025-03-01T00:00:00Z")
        self.processing_run = seed.eval_run(self.workspace, status="processing",
                                            created_at="2025-03-02T00:00:00Z")
        self.other_run = seed.eval_run(self.other_workspace, created_at="2025-03-03T00:00:00Z")
        self.foreign_run = seed.eval_run(self.foreign_workspace)
        self.seed = seed
