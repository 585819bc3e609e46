#!/usr/bin/python3
"""Refuses a change of the public .proto that breaks those who call it.

    check.py [--googleapis DIR]            compares the .proto with the baseline
    check.py [--googleapis DIR] --update   takes what is new in the .proto into the baseline

Exit status: 0 nothing changed, 1 the change breaks callers, 2 it does not, but the baseline must be
updated, so that the next check protects what is new.
"""

import argparse
import glob
import json
import os
import sys

import compatibility

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))
BASELINE = os.path.join(HERE, "eval_run_service.baseline.json")


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--googleapis", help="where google/api/annotations.proto is "
                        "(default: where CMake unpacked it)")
    parser.add_argument("--root", default=os.path.join(TOP, "proto"), help="where the .proto is")
    parser.add_argument("--baseline", default=BASELINE)
    parser.add_argument("--update", action="store_true")
    arguments = parser.parse_args()

    googleapis = arguments.googleapis
    if not googleapis:
        found = [path for path in glob.glob(os.path.join(TOP, "build", "googleapis-*"))
                 if os.path.isdir(os.path.join(path, "google"))]
        if not found:
            sys.exit("build/googleapis-* is not there: run `cmake --preset dev` first")
        googleapis = max(found, key=os.path.getmtime)

    try:
        new = compatibility.describe(arguments.root, googleapis)
    except compatibility.BadProto as error:
        sys.exit(str(error))
    if arguments.update and not os.path.exists(arguments.baseline):
        write(arguments.baseline, new)
        return 0
    with open(arguments.baseline, encoding="utf-8") as stream:
        breaking, added = compatibility.compare(json.load(stream), new)

    if breaking:
        print("This change breaks those who call the API:")
        print(*(f"  {line}" for line in breaking), sep="\n")
        print("A field or method that is no longer wanted stays, marked `deprecated = true`; "
              "what has to\nbe different belongs into a new field, method or package version.")
        return 1
    if not added:
        return 0
    print("Compatible with the baseline; new are:")
    print(*(f"  {line}" for line in added), sep="\n")
    if not arguments.update:
        print("Commit the baseline with it: tests/proto/check.py --update")
        return 2
    write(arguments.baseline, new)
    return 0


def write(path, described):
    with open(path, "w", encoding="utf-8") as stream:
        json.dump(described, stream, indent=2, sort_keys=True)
        stream.write("\n")
    print(f"Written: {os.path.relpath(path)}")


if __name__ == "__main__":
    sys.exit(main())
