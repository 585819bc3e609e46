# SPDX-License-Identifier: Apache-2.0
"""What callers get of proto/ is complete and agrees with itself: files, documents and commands.

Tests with `download` in their name fetch the tool that they run.
"""

import importlib.metadata
import os
import re
import shutil
import subprocess

import pytest

from examples import COMMANDS, EXAMPLES, TOP

PROTO = TOP / "proto"
SERVICE = "aymara/evals/v1/eval_run_service.proto"
LOCAL_GO = {"GOTOOLCHAIN": "local"}
BUF = "github.com/bufbuild/buf/cmd/buf@v1.75.0"
_PARAGRAPHS = (PROTO / "README.md").read_text(encoding="utf-8").split("\n\n")
# The commands of proto/README.md by language, the first word of the paragraph above.
COMPILE = {re.match(r"\S*?(?=,? )", text)[0]: command.strip()
           for text, command in zip(_PARAGRAPHS, _PARAGRAPHS[1:]) if command.startswith("    ")}


def require(*tools):
    for tool in tools:
        if not shutil.which(tool):
            pytest.skip(f"there is no {tool}")
    if "go" in tools and subprocess.run(["go", "list", "-m"], cwd=EXAMPLES / "go", capture_output=True,
                                        env=os.environ | LOCAL_GO).returncode:
        pytest.skip("this go is older than go.mod says")


def committed(folder):
    """The files of git's index below a folder, relative to it."""
    require("git")
    listed = subprocess.run(["git", "ls-files", "-z", "."], cwd=folder, capture_output=True, text=True)
    if listed.returncode:
        pytest.skip("not a git checkout: which files belong to the project is not known")
    return [name for name in listed.stdout.split("\0") if name]


def test_imports_are_those_of_the_pinned_package():
    files = [name for name in committed(PROTO / "googleapis") if name.endswith(".proto")]
    assert files
    package = importlib.metadata.distribution("googleapis-common-protos")
    for name in files:
        assert (PROTO / "googleapis" / name).read_bytes() == package.locate_file(name).read_bytes(), name


def test_every_example_is_run_and_documented():
    folders = {name.split("/")[0] for name in committed(EXAMPLES) if "/" in name}
    assert folders == {language.removesuffix("_alone") for language in COMMANDS}
    table = (EXAMPLES / "README.md").read_text(encoding="utf-8")
    assert set(re.findall(r"^\| \[(\w+)/\]\(", table, re.M)) == folders
    registered = (TOP / "tests" / "clients" / "CMakeLists.txt").read_text(encoding="utf-8")
    alone = re.search(r"set\(alone (.*?)\)", registered)[1].split()
    assert {"cpp", "python", *alone} == set(COMMANDS)


@pytest.mark.parametrize("document", ["README.md", "CALLERS.md", "examples/README.md"])
def test_linked_files_exist(document):
    path = PROTO / document
    links = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", path.read_text(encoding="utf-8"))
    assert links
    for link in links:
        assert (path.parent / link).exists(), link


def test_go_package_is_importable():
    [package, name] = re.search(
        r'option go_package = "(.*);(.*)";', (PROTO / SERVICE).read_text(encoding="utf-8")).groups()
    module = re.search(r"^module (\S+)", (EXAMPLES / "go" / "go.mod").read_text(encoding="utf-8"), re.M)[1]
    assert "." in package.split("/")[0]  # others are the standard library's
    assert package == f"{module}/{SERVICE.rpartition('/')[0]}"
    assert name.isidentifier()
    assert f'pb "{package}"' in (EXAMPLES / "go" / "main.go").read_text(encoding="utf-8")
    assert f"--go_opt=module={module} " in (EXAMPLES / "go" / "generate.go").read_text(encoding="utf-8")


def test_requirements_of_the_python_example_are_those_tested_here():
    pins = [{line.split("#")[0].strip() for line in file.read_text(encoding="utf-8").splitlines()}
            for file in (EXAMPLES / "python" / "requirements.txt",
                         TOP / "tests" / "python" / "requirements.txt")]
    assert pins[0] <= pins[1]


def test_buf_modules_are_folders():
    text = (PROTO / "buf.yaml").read_text(encoding="utf-8")
    modules = [PROTO / path for path in re.findall(r"- path: (.*)", text)]
    excluded = [PROTO / path.strip() for path in re.search(r"excludes: \[(.*)\]", text)[1].split(",")]
    assert all(folder.is_dir() for folder in modules + excluded)
    for name in committed(PROTO):
        if name.endswith(".proto"):
            assert any((PROTO / name).is_relative_to(folder) for folder in modules), name


def run_documented(language, folder, **environment):
    """Runs the command of proto/README.md in a copy of what it needs, as if in the top of a clone."""
    shutil.copytree(PROTO, folder / "proto", ignore=shutil.ignore_patterns("examples"))
    (folder / "gen").mkdir()
    subprocess.run(["bash", "-euc", COMPILE[language]], cwd=folder, check=True,
                   env=os.environ | environment)
    return {path.name for path in folder.glob("gen/**/*") if path.is_file()}


@pytest.mark.parametrize("language, tools, generated", [
    ("C++", ["protoc", "grpc_cpp_plugin"], {"eval_run_service.grpc.pb.cc", "annotations.pb.cc"}),
    ("C#", ["protoc"], {"EvalRunService.cs"}),
    ("Python", [], {"eval_run_service_pb2.py", "eval_run_service_pb2_grpc.py"}),
])
def test_documented_command_compiles_the_service(language, tools, generated, tmp_path):
    require(*tools)
    assert generated <= run_documented(language, tmp_path)


@pytest.mark.parametrize("language, tools, generated", [
    ("Go", ["go", "protoc"], {"eval_run_service.pb.go", "eval_run_service_grpc.pb.go"}),
    ("TypeScript", ["npx"], {"eval_run_service.ts", "EvalRunService.ts"}),
])
def test_documented_command_with_a_download_compiles_the_service(language, tools, generated, tmp_path):
    require(*tools)
    path = os.environ["PATH"]
    if language == "Go":  # the plugins, in the versions of the example
        subprocess.run(["go", "build", "-o", f"{tmp_path}/bin/", "google.golang.org/protobuf/cmd/protoc-gen-go",
                        "google.golang.org/grpc/cmd/protoc-gen-go-grpc"],
                       cwd=EXAMPLES / "go", check=True, env=os.environ | LOCAL_GO)
        path = f"{tmp_path}/bin:{path}"
    assert generated <= run_documented(language, tmp_path, PATH=path)


@pytest.mark.parametrize("command", [["build", "-o", os.devnull], ["lint"]])
def test_download_of_buf_accepts_the_module(command):
    require("go")
    subprocess.run(["go", "run", BUF, *command], cwd=PROTO, check=True, env=os.environ | LOCAL_GO)
