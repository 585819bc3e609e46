"""The examples of proto/examples, each built with its own language's tools.

`COMMANDS[language](directory)` builds one below `directory`, which may be kept from run to run, and
returns what makes a command of its arguments. What a machine lacks raises Missing.
"""

import os
import pathlib
import shutil
import subprocess
import sys

TOP = pathlib.Path(__file__).resolve().parents[2]
_JAVA_PLUGIN = pathlib.Path("/usr/bin/grpc_java_plugin")
_LEFT_BEHIND = ("bin", "evalsv1", "node_modules", "target")  # by whoever tries them in place


class Missing(Exception):
    """A tool that is not here, or is too old."""


def _need(*tools):
    for tool in tools:
        if shutil.which(tool) is None:
            raise Missing(f"there is no {tool}")


def _copy(directory, language):
    """proto/, so that nothing is built in the source tree; where the example is in it."""
    proto = directory / "proto"
    shutil.copytree(TOP / "proto", proto, dirs_exist_ok=True,
                    ignore=shutil.ignore_patterns(*_LEFT_BEHIND))
    return proto / "examples" / language


def _build(folder, *command, **environment):
    subprocess.run(command, cwd=folder, check=True, env=os.environ | environment)


def _cpp(_):
    return lambda *arguments: [os.environ["CPP_EXAMPLE"], *arguments]


def _python(_):
    script = TOP / "proto" / "examples" / "python" / "delete_run.py"
    return lambda *arguments: [sys.executable, str(script), *arguments]


def _go(directory):
    _need("go", "protoc")
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
    _need("mvn", "java", "javac", str(_JAVA_PLUGIN))
    folder = _copy(directory, "java")
    _build(folder, "mvn", "--batch-mode", "--quiet", "--no-transfer-progress", "package")
    classes = f"{folder}/target/classes:{folder}/target/dependency/*"
    return lambda *arguments: ["java", "-cp", classes, "DeleteRun", *arguments]


def _node(directory):
    _need("node", "npm")
    folder = _copy(directory, "node")
    _build(folder, "npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund")
    return lambda *arguments: ["node", str(folder / "delete_run.js"), *arguments]


COMMANDS = {"cpp": _cpp, "python": _python, "go": _go, "java": _java, "node": _node}
