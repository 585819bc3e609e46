# SPDX-License-Identifier: Apache-2.0
"""The examples of proto/examples, each built with the tools of its language.

`COMMANDS[language](directory)` builds one below `directory`, which may be kept from run to run, and
returns a function from arguments to the command. Missing: a tool is not installed.
"""

import os
import pathlib
import re
import shutil
import subprocess
import sys

TOP = pathlib.Path(__file__).resolve().parents[2]
EXAMPLES = TOP / "proto" / "examples"
# Of examples built in the source tree. All of these are in proto/examples/.gitignore.
_BUILD_OUTPUT = ("bin", "build", "node_modules", "obj", "target", "venv")


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
    for stubs in (proto / "examples").glob("*/aymara"):
        shutil.rmtree(stubs)
    return proto / "examples" / language


def _build(folder, *command, **environment):
    subprocess.run(command, cwd=folder, check=True, env=os.environ | environment)


def _cpp(_):
    return lambda *arguments: [os.environ["CPP_EXAMPLE"], *arguments]


def _cpp_alone(directory):
    _require("cmake", "c++", "protoc", "grpc_cpp_plugin")
    folder = _copy(directory, "cpp")
    _build(folder, "cmake", "-B", "build")
    _build(folder, "cmake", "--build", "build", "--parallel", "2")
    return lambda *arguments: [str(folder / "build" / "delete_run"), *arguments]


def _python(_):
    script = EXAMPLES / "python" / "delete_run.py"
    return lambda *arguments: [sys.executable, str(script), *arguments]


def _python_alone(directory):
    folder = _copy(directory, "python")
    python = str(folder / "venv" / "bin" / "python")
    _build(folder, sys.executable, "-m", "venv", "--clear", "venv")
    _build(folder, python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check",
           "--requirement", "requirements.txt")
    _build(folder, python, "-m", "grpc_tools.protoc", "-I../..", "-I../../googleapis",
           "--python_out=.", "--grpc_python_out=.", "aymara/evals/v1/eval_run_service.proto")
    # -E: without the packages and the stubs of tests/python/venv.
    return lambda *arguments: [python, "-E", str(folder / "delete_run.py"), *arguments]


def _go(directory):
    _require("go", "protoc")
    folder = _copy(directory, "go")
    os.environ["GOTOOLCHAIN"] = "local"
    if subprocess.run(["go", "list", "-m"], cwd=folder, capture_output=True).returncode:
        raise Missing("this go is older than go.mod says")
    _build(folder, "go", "generate")
    _build(folder, "go", "vet", ".")
    _build(folder, "go", "build", "-o", "bin/delete_run")
    return lambda *arguments: [str(folder / "bin" / "delete_run"), *arguments]


def _java(directory):
    _require("mvn", "java", "javac")
    folder = _copy(directory, "java")
    _build(folder, "mvn", "--batch-mode", "--quiet", "--no-transfer-progress", "package")
    classes = f"{folder}/target/classes:{folder}/target/dependency/*"
    return lambda *arguments: ["java", "-cp", classes, "DeleteRun", *arguments]


def _node(directory):
    _require("node", "npm")
    folder = _copy(directory, "node")
    _build(folder, "npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund")
    return lambda *arguments: ["node", str(folder / "delete_run.js"), *arguments]


def _rust(directory):
    _require("cargo")
    wanted = re.search(r'rust-version = "(.*)"', (EXAMPLES / "rust" / "Cargo.toml").read_text())[1]
    there = subprocess.run(["cargo", "--version"], check=True, capture_output=True, text=True).stdout
    if _numbers(there) < _numbers(wanted):
        raise Missing(f"this is {there.strip()}; the example requires {wanted}")
    folder = _copy(directory, "rust")
    _build(folder, "cargo", "build", "--quiet", "--locked")
    return lambda *arguments: [str(folder / "target" / "debug" / "delete_run"), *arguments]


def _csharp(directory):
    _require("dotnet")
    wanted = re.search(r"<TargetFramework>net(.*)<", (EXAMPLES / "csharp" / "DeleteRun.csproj").read_text())[1]
    # With a runtime only there is no version of the SDK.
    there = subprocess.run(["dotnet", "--version"], capture_output=True, text=True).stdout.strip()
    if _numbers(there) < _numbers(wanted):
        raise Missing(f"the .NET SDK is {there or 'missing'}; the example requires {wanted}")
    folder = _copy(directory, "csharp")
    restored = subprocess.run(["dotnet", "restore"], cwd=folder, capture_output=True, text=True)
    if "NU1301" in restored.stdout:
        raise Missing("NuGet cannot be reached")
    assert restored.returncode == 0, restored.stdout
    _build(folder, "dotnet", "build", "--no-restore", "--nologo", "--verbosity", "quiet", "--output", "bin")
    return lambda *arguments: ["dotnet", str(folder / "bin" / "DeleteRun.dll"), *arguments]


def _numbers(version):
    return [int(number) for number in re.findall(r"\d+", version)[:2]]


# `…_alone`: the examples that this project's build and tests/python/venv provide, without either.
COMMANDS = {"cpp": _cpp, "cpp_alone": _cpp_alone, "python": _python, "python_alone": _python_alone,
            "go": _go, "java": _java, "node": _node, "rust": _rust, "csharp": _csharp}
