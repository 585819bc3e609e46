#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Counts the results that ctest wrote (--output-junit), and prints the closing line of tests/run.

    summarize.py [--ctest-failed] [--also-failed WHAT] FILE...

Before it, the end of what each failed test has printed. Exit status 0 if at least one test passed and none failed. A test that could not be started counts as
failed. A test that skipped itself counts as skipped, never as passed, and so does each test of pytest that did, which one
test of ctest runs: if all of them did, that one is skipped.
"""

import argparse
import re
import sys
import xml.etree.ElementTree as ElementTree

# ctest's messages for tests that are skipped on purpose: by their exit status, by GTEST_SKIP
# (gtest_discover_tests sets SKIP_REGULAR_EXPRESSION), or by DISABLED. It also reports tests as skipped
# that it could not run.
SKIPPED_ON_PURPOSE = ("SKIP_RETURN_CODE", "SKIP_REGULAR_EXPRESSION", "Disabled")

MAX_OUTPUT_LINES = 60  # of each failed test


def outcome(case):
    status = case.get("status")
    skipped = case.find("skipped")
    if case.find("failure") is not None or status == "fail":
        return "failed"
    if skipped is not None or status in ("notrun", "disabled"):
        reason = skipped.get("message", "") if skipped is not None else ""
        on_purpose = status == "disabled" or reason.startswith(SKIPPED_ON_PURPOSE)
        return "skipped" if on_purpose else "failed"
    if status != "run":
        return "failed"
    return "skipped" if count_within(case, "skipped") and not count_within(case, "passed") else "passed"


def count_within(case, result):
    """How many tests of pytest, which one test of ctest runs, had this result, by pytest's closing line."""
    closing = re.findall(r"^=* ?((?:\d+ [a-z]+, )*\d+ [a-z]+) in [\d.]+s", case.findtext("system-out") or "", re.MULTILINE)
    return sum(int(count) for line in closing for count in re.findall(rf"(\d+) {result}", line))


def print_output(case):
    lines = (case.findtext("system-out") or "").splitlines()
    print(f"\n--- {case.get('name')} has failed. The end of its output:")
    print("\n".join(lines[-MAX_OUTPUT_LINES:]))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--ctest-failed", action="store_true", help="ctest's exit status was not 0")
    parser.add_argument("--also-failed", metavar="WHAT", help="a failure outside of ctest")
    parser.add_argument("files", nargs="*")
    arguments = parser.parse_args()

    names, failed_cases = {"passed": [], "failed": [], "skipped": []}, []
    if arguments.also_failed:
        names["failed"].append(arguments.also_failed)
    for path in arguments.files:
        try:
            cases = ElementTree.parse(path).getroot().iter("testcase")
        except (OSError, ElementTree.ParseError) as error:
            names["failed"].append(f"ctest, which did not write its results: {error}")
            continue
        for case in cases:
            result = outcome(case)
            names[result].append(case.get("name"))
            if result != "skipped":
                names["skipped"] += [f"{case.get('name')}, a test of it"] * count_within(case, "skipped")
            if result == "failed":
                failed_cases.append(case)

    if arguments.ctest_failed and not names["failed"] and names["passed"]:
        names["failed"].append("ctest, for a reason that is not in its results: see above")

    for case in failed_cases:
        print_output(case)
    if failed_cases:
        print()
    for name in names["skipped"]:
        print(f"skipped: {name}")
    for name in names["failed"]:
        print(f"failed:  {name}")
    if not names["passed"] and not names["failed"]:
        print("No test ran at all, which counts as a failure.")
    counts = f"{len(names['passed'])} passed, {len(names['failed'])} failed"
    if names["skipped"]:
        counts += f", {len(names['skipped'])} skipped"
    print(counts)
    return 0 if names["passed"] and not names["failed"] else 1


if __name__ == "__main__":
    sys.exit(main())
