#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Every breaking change, made to a copy of the .proto, must be reported.

    compatibility_test.py ROOT GOOGLEAPIS    folders of the public .proto and of google/api
"""

import os
import subprocess
import sys
import tempfile
import unittest

import compatibility

ROOT, GOOGLEAPIS = sys.argv[1:3]
CHECK = os.path.join(os.path.dirname(os.path.abspath(__file__)), "check.py")

# (description, text of the public .proto, replacement). Each change breaks some callers.
BREAKING = (
    ("field removed", "  bool allow_missing = 3;", ""),
    ("field removed, its number reserved", "  bool allow_missing = 3;",
     "  reserved 3; reserved \"allow_missing\";"),
    ("number changed", "bool allow_missing = 3;", "bool allow_missing = 4;"),
    ("type changed", "bool allow_missing = 3;", "int32 allow_missing = 3;"),
    ("type changed, same bytes on the wire", "string eval_run_uuid", "bytes eval_run_uuid"),
    ("field renamed", "bool allow_missing = 3;", "bool missing_allowed = 3;"),
    ("JSON name changed", "bool allow_missing = 3;", "bool allow_missing = 3 [json_name = \"a\"];"),
    ("repeated", "string eval_run_uuid", "repeated string eval_run_uuid"),
    ("no longer optional", "optional string workspace_uuid", "string workspace_uuid"),
    ("now optional", "  string eval_run_uuid", "  optional string eval_run_uuid"),
    ("moved into a oneof", "  bool allow_missing = 3;", "  oneof x { bool allow_missing = 3; }"),
    ("method removed and renamed", "rpc DeleteEvalRun(", "rpc RemoveEvalRun("),
    ("service renamed", "service EvalRunService ", "service EvalRuns "),
    ("message renamed", "DeleteEvalRunRequest", "DeleteRequest"),
    ("client streaming", "(DeleteEvalRunRequest) returns", "(stream DeleteEvalRunRequest) returns"),
    ("server streaming", "returns (google.", "returns (stream google."),
    ("response changed", "returns (google.protobuf.Empty)", "returns (DeleteEvalRunRequest)"),
    ("path changed", "\"/v2/eval-runs/{eval_run_uuid}\"", "\"/v3/eval-runs/{eval_run_uuid}\""),
    ("verb changed", "delete: \"/v2", "post: \"/v2"),
    ("body added", "      delete: \"/v2", "      body: \"*\" delete: \"/v2"),
    ("package changed", "package aymara.evals.v1;", "package aymara.evals.v2;"),
    ("Go package changed", "go_package = \"evalrun.example/", "go_package = \"other.example/"),
    ("Java package changed", "java_package = \"ai.", "java_package = \"com."),
    ("generated code renamed", "option java_multiple_files = true;", ""),
    ("generated code renamed by an addition", "option java_multiple_files = true;",
     "option java_multiple_files = true; option php_namespace = \"X\";"),
)

COMPATIBLE = (
    ("field added", "  bool allow_missing = 3;",
     "  bool allow_missing = 3;\n  string reason = 4;"),
    ("optional field added", "  bool allow_missing = 3;",
     "  bool allow_missing = 3;\n  optional string reason = 4;"),
    ("message added", "// The request of DeleteEvalRun.",
     "message Other { string name = 1; }\n// The request of DeleteEvalRun."),
    ("method added", "  // Deletes one eval run, for good.",
     "  rpc Other(google.protobuf.Empty) returns (google.protobuf.Empty);\n"
     "  // Deletes one eval run, for good."),
    ("second path added", "      delete: \"/v2",
     "      additional_bindings { delete: \"/v3/{eval_run_uuid}\" } delete: \"/v2"),
    ("field deprecated", "bool allow_missing = 3;", "bool allow_missing = 3 [deprecated = true];"),
    ("number reserved", "  bool allow_missing = 3;", "  bool allow_missing = 3; reserved 9;"),
    ("comment changed", "// Optional.", "// Not required."),
)

# Elements that the public .proto does not have yet: enums, oneofs, nested messages, maps, reserved numbers.
RICH = """
syntax = "proto3";
package rich;
import "google/api/annotations.proto";
enum Color { RED = 0; BLUE = 1; }
message Outer {
  message Inner { repeated string names = 1; }
  oneof choice { string a = 1; Inner b = 2; }
  map<string, int32> counts = 3;
  reserved 8; reserved "old";
  enum Kind { NONE = 0; SOME = 1; }
  Kind kind = 4;
}
"""
RICH_BREAKING = (
    ("enum value removed", " BLUE = 1;", ""),
    ("enum value renamed", "BLUE", "GREEN"),
    ("enum value renumbered", "BLUE = 1", "BLUE = 2"),
    ("enum removed", "enum Color { RED = 0; BLUE = 1; }", ""),
    ("nested enum value removed", " SOME = 1;", ""),
    ("nested field removed", "repeated string names = 1;", ""),
    ("nested field no longer repeated", "repeated string names", "string names"),
    ("moved out of a oneof", "oneof choice { string a = 1;", "string a = 1; oneof choice {"),
    ("oneof renamed", "choice", "alternative"),
    ("map's value changed", "map<string, int32>", "map<string, int64>"),
    ("type exchanged for another", "  Kind kind", "  Color kind"),
    ("reserved number freed", "reserved 8; ", ""),
    ("reserved name freed", "reserved \"old\";", ""),
)
RICH_COMPATIBLE = (
    ("enum value added", "BLUE = 1;", "BLUE = 1; GREEN = 2;"),
    ("choice added", "Inner b = 2;", "Inner b = 2; bool c = 5;"),
    ("nested field added", "names = 1;", "names = 1; bool x = 2;"),
)


def changed(text, before, after):
    assert before in text, f"{before!r} is no longer in the .proto: correct this test"
    return text.replace(before, after)


class Test(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        with open(os.path.join(ROOT, compatibility.FILE), encoding="utf-8") as stream:
            self.public = stream.read()

    def describe(self, text, file):
        path = os.path.join(self.folder, file)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as stream:
            stream.write(text)
        return compatibility.describe(self.folder, GOOGLEAPIS, file)

    def expect(self, changes, original, file, breaks):
        old = self.describe(original, file)
        for name, before, after in changes:
            with self.subTest(name):
                new = self.describe(changed(original, before, after), file)
                breaking, _ = compatibility.compare(old, new)
                self.assertEqual(bool(breaking), breaks, breaking)

    def test_breaking(self):
        self.expect(BREAKING, self.public, compatibility.FILE, True)

    def test_compatible(self):
        self.expect(COMPATIBLE, self.public, compatibility.FILE, False)

    def test_rich_breaking(self):
        self.expect(RICH_BREAKING, RICH, "rich.proto", True)

    def test_rich_compatible(self):
        self.expect(RICH_COMPATIBLE, RICH, "rich.proto", False)

    def test_required_field_added(self):
        two = 'syntax = "proto2"; package p; import "google/api/annotations.proto"; message M {%s}'
        old = self.describe(two % "", "two.proto")
        for field, breaks in (("required int32 x = 1;", True), ("optional int32 x = 1;", False)):
            breaking, added = compatibility.compare(old, self.describe(two % field, "two.proto"))
            self.assertEqual((bool(breaking), bool(added)), (breaks, not breaks))

    def test_syntax_changed(self):
        text = 'syntax = "%s"; package p; import "google/api/annotations.proto";'
        old = self.describe(text % "proto3", "syntax.proto")
        breaking, _ = compatibility.compare(old, self.describe(text % "proto2", "syntax.proto"))
        self.assertTrue(breaking)

    def check(self, *arguments):
        return subprocess.run(
            [sys.executable, CHECK, "--googleapis", GOOGLEAPIS, "--root", self.folder,
             "--baseline", os.path.join(self.folder, "baseline.json"), *arguments],
            capture_output=True, text=True)

    def test_the_command(self):
        self.describe(self.public, compatibility.FILE)
        self.assertEqual(self.check("--update").returncode, 0)
        self.assertEqual(self.check().returncode, 0)

        more = changed(self.public, "allow_missing = 3;", "allow_missing = 3; bool more = 4;")
        self.describe(more, compatibility.FILE)
        stale = self.check()
        self.assertEqual(stale.returncode, 2)
        self.assertIn("fields/4 is new: more", stale.stdout)
        self.assertEqual(self.check("--update").returncode, 0)
        self.assertEqual(self.check().returncode, 0)

        # The addition is protected now, and --update does not permit its removal.
        self.describe(self.public, compatibility.FILE)
        for arguments in ((), ("--update",)):
            refused = self.check(*arguments)
            self.assertEqual(refused.returncode, 1)
            self.assertIn("fields/4 is gone (it was more)", refused.stdout)

    def test_not_even_a_proto(self):
        self.describe(self.public, compatibility.FILE)
        self.check("--update")
        with open(os.path.join(self.folder, compatibility.FILE), "a", encoding="utf-8") as stream:
            stream.write("message {")
        self.assertEqual(self.check().returncode, 1)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=1)
