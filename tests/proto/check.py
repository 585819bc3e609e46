#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Rejects changes of the public .proto that break callers.

    check.py [--googleapis DIR]            compares the .proto with the baseline
    check.py [--googleapis DIR] --update   adds the additions in the .proto to the baseline

Exit status: 0 no change, 1 the change breaks callers, 2 the change is compatible and must be added to the
baseline, which protects it from then on, 77 Debian's python3-protobuf is missing or broken.
"""

import argparse
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
    parser.add_argument("--googleapis", default=os.path.join(TOP, "proto", "googleapis"),
                        help="folder of google/api/annotations.proto")
    parser.add_argument("--root", default=os.path.join(TOP, "proto"), help="folder of the .proto")
    parser.add_argument("--baseline", default=BASELINE)
    parser.add_argument("--update", action="store_true")
    arguments = parser.parse_args()

    try:
        new = compatibility.describe(arguments.root, arguments.googleapis)
    except compatibility.BadProto as error:
        sys.exit(str(error))
    if arguments.update and not os.path.exists(arguments.baseline):
        write(arguments.baseline, new)
        return 0
    with open(arguments.baseline, encoding="utf-8") as stream:
        breaking, added = compatibility.compare(json.load(stream), new)

    if breaking:
        print("This change breaks callers of the API:")
        print(*(f"  {line}" for line in breaking), sep="\n")
        print("Mark a field or method as `deprecated = true` instead of removing it. "
              "An incompatible\nchange needs a new field, method or package version.")
        return 1
    if not added:
        return 0
    print("Compatible with the baseline, with these additions:")
    print(*(f"  {line}" for line in added), sep="\n")
    if not arguments.update:
        print("Add them to the baseline: tests/proto/check.py --update")
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
