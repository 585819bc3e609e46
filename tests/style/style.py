#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Checks the formatting and style of the code, of C++ above all.

    style.py format              clang-format would change nothing
    style.py licenses            every source file names its license in the form of SPDX
    style.py headers BUILD_DIR   include guards follow the path, and every header compiles alone
    style.py tidy BUILD_DIR      clang-tidy reports nothing for the files that it checks quickly
    style.py tidy-all BUILD_DIR  clang-tidy reports nothing for any file

BUILD_DIR has CMake's compile_commands.json, and generated code has been built. Exit status:
0 passed, 1 failed, 77 the tool is not installed, or in another version.
"""

import concurrent.futures
import json
import os
import pathlib
import re
import shlex
import shutil
import subprocess
import sys

TOP = pathlib.Path(__file__).resolve().parent.parent.parent
FOLDERS = ("proto/examples/cpp", "rest_backend", "service", "tests")
SKIPPED = 77

# clang-format and clang-tidy of other versions judge otherwise.
CLANG_TOOLS_VERSION = 14

# What every source file says in one of its first lines, https://spdx.dev/learn/handling-license-info/
LICENSE = "SPDX-License-Identifier: Apache-2.0"
SOURCE_SUFFIXES = {".cc", ".cs", ".go", ".h", ".java", ".js", ".proto", ".py", ".rs"}

# Folders whose files clang-tidy checks in a few seconds, because they include neither gRPC nor a
# large header-only library.
FAST = ("rest_backend/deletion",)


def sources(suffix):
    files = sorted(path for folder in FOLDERS for path in (TOP / folder).rglob(f"*{suffix}"))
    if not files:
        sys.exit(f"no *{suffix} files: this check would check nothing")
    return files


def require(tool):
    """Ends the check if the tool is not there in the version whose judgement is the project's."""
    if not shutil.which(tool):
        print(f"{tool} is not installed: deploy/install-packages test")
        sys.exit(SKIPPED)
    version = subprocess.run([tool, "--version"], capture_output=True, text=True).stdout
    if f"version {CLANG_TOOLS_VERSION}." not in version:
        print(f"the style is that of {tool} {CLANG_TOOLS_VERSION}, of Debian 12; this is {version.strip()}")
        sys.exit(SKIPPED)


def short(path):
    return str(path.relative_to(TOP))


def run_all(commands):
    """Runs {name: arguments} in parallel and prints the output of failures. Returns whether all passed."""

    def run(command):
        return subprocess.run(command, cwd=TOP, text=True, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT)

    passed = True
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        results = {name: pool.submit(run, command) for name, command in commands.items()}
        for name, future in results.items():
            result = future.result()
            if result.returncode:
                passed = False
                print(f"--- {name}\n{result.stdout}")
    print(f"{len(commands)} files checked")
    return passed


def compile_commands(build_dir):
    """{file: its compiler command}."""
    path = pathlib.Path(build_dir) / "compile_commands.json"
    entries = json.loads(path.read_text(encoding="utf-8"))
    commands = {}
    for entry in entries:
        commands[pathlib.Path(entry["file"]).resolve()] = shlex.split(entry["command"])
    return commands


def check_format():
    require("clang-format")
    return run_all({short(path): ["clang-format", "--dry-run", "-Werror", str(path)]
                    for path in sources(".cc") + sources(".h")})


def is_source(path):
    """A program, a script, or part of a build. Not: the files of Google in proto/googleapis."""
    if path.is_symlink() or not path.is_file() or {"corpus", "googleapis"} & set(path.parts):
        return False
    if path.suffix in SOURCE_SUFFIXES or path.name == "CMakeLists.txt":
        return True
    with path.open("rb") as file:
        return not path.suffix and file.read(2) == b"#!"


def check_licenses():
    if not shutil.which("git"):
        print("there is no git: which files belong to the project is not known")
        sys.exit(SKIPPED)
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=TOP, capture_output=True)
    if listed.returncode:
        print("not a git checkout: which files belong to the project is not known")
        sys.exit(SKIPPED)
    files = [path for path in (TOP / name for name in listed.stdout.decode().split("\0") if name)
             if is_source(path)]
    without = [path for path in files
               if LICENSE not in "".join(path.read_text(encoding="utf-8").splitlines(True)[:3])]
    for path in without:
        print(f"{short(path)}: no line {LICENSE!r}")
    print(f"{len(files)} files checked")
    return bool(files) and not without


def check_tidy(build_dir, everything):
    require("clang-tidy")
    commands = compile_commands(build_dir)
    files = [path for path in sources(".cc")
             if everything or short(path.parent).startswith(FAST)]
    if not files:
        sys.exit(f"no *.cc files in {FAST}: this check would check nothing")
    # clang-tidy would guess the flags of a file that is not built.
    not_built = [short(path) for path in files if path not in commands]
    if not_built:
        print("In no CMake target:", *not_built)
    # The compiler is GCC, and clang does not know all of its warnings.
    tidy = ["clang-tidy", "--quiet", "--extra-arg=-Wno-unknown-warning-option", "-p", build_dir]
    return run_all({short(path): tidy + [str(path)]
                    for path in files if path in commands}) and not not_built


def check_headers(build_dir):
    passed = True
    for path in sources(".h"):
        guard = "EVALRUN_" + re.sub(r"[^A-Z0-9]", "_", short(path).upper()) + "_"
        text = path.read_text(encoding="utf-8")
        if f"#ifndef {guard}\n#define {guard}\n" not in text or \
                not text.endswith(f"\n#endif  // {guard}\n"):
            passed = False
            print(f"{short(path)}: the include guard is not {guard}")

    # A header with a .cc is the first include of it, so that it compiles alone if the .cc compiles.
    # The others are compiled here, with the flags of a file in the same folder.
    commands = compile_commands(build_dir)
    alone = {}
    for path in sources(".h"):
        own = path.with_suffix(".cc")
        if own in commands:
            include = f'#include "{short(path)}"'
            first = re.search(r"^#include .*", own.read_text(encoding="utf-8"), re.MULTILINE)
            if not first or first.group() != include:
                passed = False
                print(f"{short(own)}: the first include is not {include}")
            continue
        neighbours = sorted(file for file in commands if file.parent == path.parent)
        if not neighbours:
            neighbours = sorted(file for file in commands if TOP / "tests" in file.parents
                                or path.parent in file.parents)
        if not neighbours:
            passed = False
            print(f"{short(path)}: no built file is near it")
            continue
        alone[short(path)] = flags_of(commands[neighbours[0]]) + [
            "-fsyntax-only", "-x", "c++", "-include", str(path), "/dev/null"]
    return run_all(alone) and passed


def flags_of(command):
    """A compiler command without its launcher, its input and its outputs."""
    while os.path.basename(command[0]) == "ccache":
        command = command[1:]
    kept = []
    arguments = iter(command)
    for argument in arguments:
        if argument in ("-o", "-MT", "-MF", "-MQ", "-c"):
            next(arguments)
        elif argument not in ("-MD", "-MMD"):
            kept.append(argument)
    return kept


def main():
    arguments = sys.argv[1:]
    if len(arguments) == 1 and arguments[0] == "format":
        passed = check_format()
    elif len(arguments) == 1 and arguments[0] == "licenses":
        passed = check_licenses()
    elif len(arguments) == 2 and arguments[0] in ("tidy", "tidy-all"):
        passed = check_tidy(arguments[1], arguments[0] == "tidy-all")
    elif len(arguments) == 2 and arguments[0] == "headers":
        passed = check_headers(arguments[1])
    else:
        sys.exit(__doc__)
    return 0 if passed else 1


if __name__ == "__main__":
    sys.exit(main())
