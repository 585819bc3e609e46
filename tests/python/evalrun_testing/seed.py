# SPDX-License-Identifier: Apache-2.0
"""Organizations, workspaces, API keys and runs with which a backend starts."""

import uuid

_NAMESPACE = uuid.UUID("6d3f9f0e-2c55-4c5e-9a53-0d6c5b0e7a11")


class Seed:
    """Builds a seed file. Ids and keys follow from the order of the calls, so they never vary.

    `fields` are further fields that `rest_backend/server/README.md` allows.
    """

    def __init__(self):
        self.document = {"organizations": [], "workspaces": [], "api_keys": [], "eval_runs": []}

    def organization(self, **fields):
        """Adds an organization and returns its id."""
        return self._add("organizations", "organization_uuid", {"name": "organization"} | fields)

    def workspace(self, organization, **fields):
        """Adds a workspace and returns its id."""
        fields = {"name": "workspace", "organization_uuid": organization} | fields
        return self._add("workspaces", "workspace_uuid", fields)

    def api_key(self, workspace, **fields):
        """Adds an API key for this workspace and its organization, and returns the key itself."""
        number = len(self.document["api_keys"]) + 1
        owner = next(entry["organization_uuid"] for entry in self.document["workspaces"]
                     if entry["workspace_uuid"] == workspace)
        entry = {"name": f"key-{number}", "key": f"test-key-{number}-not-a-secret",
                 "organization_uuid": owner, "workspace_uuid": workspace} | fields
        self.document["api_keys"].append(entry)
        return entry["key"]

    def eval_run(self, workspace, **fields):
        """Adds a run and returns its id. It is the only run of its eval, unless `fields` name the eval."""
        fields = {"workspace_uuid": workspace, "eval_uuid": self._new_id("eval_runs", "eval"),
                  "created_at": "2025-03-04T05:06:07Z"} | fields
        return self._add("eval_runs", "eval_run_uuid", fields)

    def _new_id(self, collection, kind):
        return str(uuid.uuid5(_NAMESPACE, f"{kind} {len(self.document[collection]) + 1}"))

    def _add(self, collection, id_field, fields):
        entry = {id_field: self._new_id(collection, id_field)} | fields
        self.document[collection].append(entry)
        return entry[id_field]
