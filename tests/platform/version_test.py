# SPDX-License-Identifier: Apache-2.0
"""The version has one place, project(VERSION) of CMakeLists.txt; deploy/set-version copies it to where tools need it."""

import pathlib
import shutil
import subprocess

from evalrun_testing.child_process import program

TOP = pathlib.Path(__file__).resolve().parents[2]


def set_version(top, *options):
    return subprocess.run([top / "deploy/set-version", *options], capture_output=True, text=True)


def test_every_copy_of_the_version_is_current():
    done = set_version(TOP, "--check")
    assert done.returncode == 0, done.stdout
    version = subprocess.run([program("evalrun-gateway", "GATEWAY_UNDER_TEST"), "--version"], capture_output=True, text=True)
    assert version.stdout.split()[-1] == set_version(TOP, "--print").stdout.strip()


def test_set_version_changes_every_copy(tmp_path):
    shutil.copytree(TOP / "deploy", tmp_path / "deploy", symlinks=True)
    cmake = (TOP / "CMakeLists.txt").read_text()
    version = set_version(TOP, "--print").stdout.strip()
    (tmp_path / "CMakeLists.txt").write_text(cmake.replace(f"VERSION {version}", "VERSION 7.8.9", 1))
    stale = set_version(tmp_path, "--check")
    assert stale.returncode == 1 and len(stale.stdout.splitlines()) >= 5, stale.stdout
    assert set_version(tmp_path).returncode == 0
    assert set_version(tmp_path, "--check").returncode == 0
    left = subprocess.run(["grep", "-rnwF", "--exclude=go.sum", version, tmp_path / "deploy"], capture_output=True, text=True)
    assert left.stdout == ""
