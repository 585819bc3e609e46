#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The counts of the closing line, and the exit status."""

import os
import re
import subprocess
import sys
import tempfile
import unittest

SUMMARIZE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "summarize.py")

# As ctest 3.25 writes them.
PASSED = '<testcase name="ok" status="run"/>'
FAILED = '<testcase name="bad" status="fail"><failure message=""/></testcase>'
SKIPPED_BY_CODE = \
    '<testcase name="s" status="notrun"><skipped message="SKIP_RETURN_CODE=77"/></testcase>'
DISABLED = '<testcase name="d" status="disabled"/>'
NOT_BUILT = \
    '<testcase name="n" status="notrun"><skipped message="Unable to find executable"/></testcase>'
NO_FIXTURE = \
    '<testcase name="n" status="notrun"><skipped message="Fixture dependency failed"/></testcase>'

# All ways to end that ctest distinguishes. gtest_discover_tests sets the regular expression for GTEST_SKIP.
CTEST_TESTS = r"""
add_test(passes true)
add_test(fails false)
add_test(by_status sh -c "exit 77")
set_tests_properties(by_status PROPERTIES SKIP_RETURN_CODE 77)
add_test(by_gtest echo "[  SKIPPED ] Example.Test (0 ms)")
set_tests_properties(by_gtest PROPERTIES SKIP_REGULAR_EXPRESSION "\\[  SKIPPED \\]")
add_test(disabled true)
set_tests_properties(disabled PROPERTIES DISABLED TRUE)
add_test(not_built /nonexistent/program)
set_tests_properties(fails PROPERTIES FIXTURES_SETUP fixture)
add_test(without_fixture true)
set_tests_properties(without_fixture PROPERTIES FIXTURES_REQUIRED fixture)
"""


class Test(unittest.TestCase):
    def run_summary(self, *suites, options=()):
        with tempfile.TemporaryDirectory() as folder:
            paths = []
            for suite in suites:
                paths.append(os.path.join(folder, str(len(paths))))
                with open(paths[-1], "w", encoding="utf-8") as stream:
                    stream.write(suite)
            done = subprocess.run([sys.executable, SUMMARIZE, *options, *paths],
                                  capture_output=True, text=True)
        return done

    def summarize(self, *suites, options=()):
        done = self.run_summary(*suites, options=options)
        return done.stdout.splitlines()[-1], done.returncode

    def test_counts(self):
        for cases, line, status in (
                ((PASSED,), "1 passed, 0 failed", 0),
                ((PASSED, PASSED, FAILED), "2 passed, 1 failed", 1),
                ((PASSED, SKIPPED_BY_CODE, DISABLED), "1 passed, 0 failed, 2 skipped", 0),
                ((PASSED, NOT_BUILT), "1 passed, 1 failed", 1),
                ((PASSED, NO_FIXTURE), "1 passed, 1 failed", 1),
                ((SKIPPED_BY_CODE,), "0 passed, 0 failed, 1 skipped", 1),
                ((), "0 passed, 0 failed", 1)):
            with self.subTest(line):
                suite = f"<testsuite>{''.join(cases)}</testsuite>"
                self.assertEqual(self.summarize(suite), (line, status))

    def test_counts_what_ctest_writes(self):
        with tempfile.TemporaryDirectory() as folder:
            with open(os.path.join(folder, "CTestTestfile.cmake"), "w", encoding="utf-8") as stream:
                stream.write(CTEST_TESTS)
            subprocess.run(["ctest", "--test-dir", folder, "--output-junit", "results.xml"], capture_output=True, check=False)
            with open(os.path.join(folder, "results.xml"), encoding="utf-8") as results:
                done = self.run_summary(results.read())
        self.assertEqual([line for line in done.stdout.splitlines() if re.match("skipped: |failed:  |[0-9]", line)],
                         ["skipped: by_status", "skipped: by_gtest", "skipped: disabled",
                          "failed:  fails", "failed:  not_built", "failed:  without_fixture", "1 passed, 3 failed, 3 skipped"])

    def test_counts_tests_of_pytest_that_skipped_themselves(self):
        for text, line in (("3 passed, 2 skipped in 0.12s", "1 passed, 0 failed, 2 skipped"),
                           ("noise 9 skipped in 1s\n== 1 passed, 2 skipped in 61.00s (0:01:01) ==", "1 passed, 0 failed, 2 skipped"),
                           ("3 passed in 0.12s", "1 passed, 0 failed"),
                           ("3 passed, 1 warning in 0.12s", "1 passed, 0 failed")):
            with self.subTest(text):
                case = f'<testcase name="p" status="run"><system-out>{text}</system-out></testcase>'
                self.assertEqual(self.summarize(f"<testsuite>{case}</testsuite>"), (line, 0))

    def test_is_skipped_if_all_its_tests_of_pytest_are(self):
        case = '<testcase name="p" status="run"><system-out>== 2 skipped in 0.10s ==</system-out></testcase>'
        self.assertEqual(self.summarize(f"<testsuite>{PASSED}{case}</testsuite>"), ("1 passed, 0 failed, 1 skipped", 0))

    def test_adds_up_files(self):
        one = f"<testsuite>{PASSED}</testsuite>"
        two = f"<testsuite>{PASSED}{FAILED}</testsuite>"
        self.assertEqual(self.summarize(one, two), ("2 passed, 1 failed", 1))

    def test_end_of_output_of_failed_tests(self):
        lines = "\n".join(f"line {number}" for number in range(100))
        done = self.run_summary(f"<testsuite><testcase name='good' status='run'><system-out>good</system-out></testcase>"
                                f"<testcase name='bad' status='fail'><system-out>{lines}</system-out></testcase></testsuite>")
        self.assertNotIn("line 39\n", done.stdout)
        self.assertIn("--- bad has failed. The end of its output:\nline 40\n", done.stdout)
        self.assertTrue(done.stdout.endswith("line 99\n\nfailed:  bad\n1 passed, 1 failed\n"))
        self.assertNotIn("good", done.stdout)

    def test_missing_results(self):
        one = f"<testsuite>{PASSED}</testsuite>"
        self.assertEqual(self.summarize(one, "<testsu"), ("1 passed, 1 failed", 1))
        self.assertEqual(self.summarize(), ("0 passed, 0 failed", 1))

    def test_results_unknown_to_ctest(self):
        one = f"<testsuite>{PASSED}</testsuite>"
        for options in (("--also-failed", "the build"), ("--ctest-failed",)):
            self.assertEqual(self.summarize(one, options=options), ("1 passed, 1 failed", 1))
        self.assertEqual(self.summarize(options=("--also-failed", "the build")),
                         ("0 passed, 1 failed", 1))


if __name__ == "__main__":
    unittest.main()
