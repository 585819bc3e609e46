#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""dependencies.py over small trees: each rule is broken once, and the violation is reported."""

import pathlib
import tempfile
import unittest

import dependencies

ALLOWED = {
    "rest_backend/deletion": (),
    "service": dependencies.EVERYTHING,
    "service/grpc_hooks": (),
    "service/handler": ("rest_backend/deletion",),
}
TABLE = """<!-- dependencies -->
| folder | may use |
|---|---|
| [`rest_backend/deletion`](rest_backend/deletion/) | nothing |
| `service` | everything |
| `service/grpc_hooks` | nothing |
| `service/handler` | `rest_backend/deletion` |
<!-- /dependencies -->
"""
GOOD = {
    "ARCHITECTURE.md": TABLE,
    "rest_backend/deletion/deletion.h": "#include <string>\n",
    "service/grpc_hooks/hooks.h": "",
    "service/handler/handler.h": '#include "rest_backend/deletion/deletion.h"\n',
    "service/handler/handler.cc": '#include "service/handler/handler.h"\n',
    "service/main.cc": '#include "service/handler/handler.h"\n#include "service/grpc_hooks/hooks.h"\n',
}


class DependenciesTest(unittest.TestCase):
    def setUp(self):
        self._allowed, dependencies.ALLOWED = dependencies.ALLOWED, ALLOWED

    def tearDown(self):
        dependencies.ALLOWED = self._allowed

    def find(self, **changes):
        """All violations of GOOD with more text at the end of some files."""
        files = dict(GOOD)
        for file, text in changes.items():
            files[file] = files.get(file, "") + text
        with tempfile.TemporaryDirectory() as folder:
            for file, text in files.items():
                path = pathlib.Path(folder, file)
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text, encoding="utf-8")
            return list(dependencies.violations(pathlib.Path(folder)))

    def expect(self, message, **changes):
        found = self.find(**changes)
        self.assertTrue(any(message in violation for violation in found), found)

    def test_allowed_tree_passes(self):
        self.assertEqual(self.find(), [])

    def test_added_edge_is_reported(self):
        self.expect("service/handler may not use service/grpc_hooks",
                    **{"service/handler/handler.cc": '#include "service/grpc_hooks/hooks.h"\n'})
        self.expect("rest_backend/deletion may not use service/handler",
                    **{"rest_backend/deletion/deletion.h": '#include "service/handler/handler.h"\n'})
        self.expect("service/handler may not use service",
                    **{"service/handler/handler.h": '#include "service/helper.h"\n', "service/helper.h": ""})

    def test_folder_without_a_row_is_reported(self):
        self.expect("service/new is not in the table", **{"service/new/new.h": ""})

    def test_relative_and_generated_includes(self):
        self.expect("neither a path from the top nor generated",
                    **{"service/handler/handler.cc": '#include "handler.h"\n'})
        proto = '#include "aymara/evals/v1/eval_run_service.pb.h"\n'
        self.assertEqual(self.find(**{"service/handler/handler.cc": proto}), [])
        self.expect("neither a path from the top nor generated", **{"rest_backend/deletion/deletion.h": proto})

    def test_transport_headers_in_pure_folders_are_reported(self):
        for header in ("<grpcpp/support/status.h>", "<curl/curl.h>", "<sys/socket.h>", '"aymara/a.grpc.pb.h"'):
            with self.subTest(header):
                self.expect("service/handler knows no gRPC, libcurl or sockets",
                            **{"service/handler/handler.h": f"#include {header}\n"})

    def test_second_user_of_the_hooks_is_reported(self):
        self.expect("only one file may include service/grpc_hooks",
                    **{"service/wiring.cc": '#include "service/grpc_hooks/hooks.h"\n'})

    def test_cycle_of_folders_is_reported(self):
        self.expect("a cycle of folders: service/handler -> service/handler/inner -> service/handler",
                    **{"service/handler/handler.h": '#include "service/handler/inner/inner.h"\n',
                       "service/handler/inner/inner.h": "",
                       "service/handler/inner/other.h": '#include "service/handler/handler.h"\n'})

    def test_cycle_of_a_header_and_another_source_is_reported(self):
        self.expect("a cycle of files: service/handler/call -> service/handler/handler -> service/handler/call",
                    **{"service/handler/handler.cc": '#include "service/handler/call.h"\n',
                       "service/handler/call.h": '#include "service/handler/handler.h"\n'})

    def test_difference_to_the_documentation_is_reported(self):
        dependencies.ALLOWED = ALLOWED | {"service/handler": ()}
        self.expect("service/handler: ARCHITECTURE.md says")

    def test_missing_table_in_the_documentation_is_reported(self):
        with self.assertRaisesRegex(ValueError, "there is no table"):
            dependencies.read_documented_table("| folder | may use |")


if __name__ == "__main__":
    unittest.main()
