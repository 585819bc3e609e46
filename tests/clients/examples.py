# SPDX-License-Identifier: Apache-2.0
"""The examples of proto/examples, each built with the tools of its language.

`COMMANDS[language](directory)` builds one below `directory`, which may be kept from run to run, and
returns a function from arguments to the command. Missing: a tool is not installed.
"""

import os
import pathlib
import shutil
import subprocess
import sys

TOP = pathlib.Path(__file__).resolve().parents[2]
_JAVA_PLUGIN = pathlib.Path("/usr/bin/grpc_java_plugin")
_BUILD_OUTPUT = ("bin", "evalsv1", "node_modules", "target")  # of examples built in the source tree


class Missing(Exception):
    """A tool is not installed, or is too old."""


def _require(*tools):
    for tool in tools:
        if shutil.which(tool) is None:
            raise Missing(f"there is no {tool}")


def _copy(directory, language):
    """Copies proto/, so that nothing is built in the source tree. Returns the example's folder."""
    proto = directory / "proto"
    shutil.copytree(TOP / "proto", proto, dirs_exist_ok=True,
                    ignore=shutil.ignore_patterns(*_BUILD_OUTPUT))
    return proto / "examples" / language


def _build(folder, *command, **environment):
    subprocess.run(command, cwd=folder, check=True, env=os.environ | environment)


def _cpp(_):
    return lambda *arguments: [os.environ["CPP_EXAMPLE"], *arguments]


def _python(_):
    script = TOP / "proto" / "examples" / "python" / "delete_run.py"
    return lambda *arguments: [sys.executable, str(script), *arguments]


def _go(directory):
    _require("go", "protoc")
    folder = _copy(directory, "go")
    os.environ["GOTOOLCHAIN"] = "local"
    if subprocess.run(["go", "list", "-m"], cwd=folder, capture_output=True).returncode:
        raise Missing("this go is older than go.mod says")
    binaries = str(folder / "bin")
    _build(folder, "go", "install", "tool", GOBIN=binaries)
    _build(folder, "go", "generate", PATH=f"{binaries}:{os.environ['PATH']}")
    _build(folder, "go", "vet", ".")
    _build(folder, "go", "build", "-o", "bin/delete_run")
    return lambda *arguments: [str(folder / "bin" / "delete_run"), *arguments]


def _java(directory):
    _require("mvn", "java", "javac", str(_JAVA_PLUGIN))
    folder = _copy(directory, "java")
    _build(folder, "mvn", "--batch-mode", "--quiet", "--no-transfer-progress", "package")
    classes = f"{folder}/target/classes:{folder}/target/dependency/*"
    return lambda *arguments: ["java", "-cp", classes, "DeleteRun", *arguments]


def _node(directory):
    _require("node", "npm")
    folder = _copy(directory, "node")
    _build(folder, "npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund")
    return lambda *arguments: ["node", str(folder / "delete_run.js"), *arguments]


COMMANDS = {"cpp": _cpp, "python": _python, "go": _go, "java": _java, "node": _node}
