# SPDX-License-Identifier: Apache-2.0
"""Fixtures for all Python tests: tests/pytest.ini loads this module as a plugin."""

import contextlib
import itertools

import pytest

from evalrun_testing.certificates import Authority
from evalrun_testing.deployment import Deployment


@pytest.fixture
def make_deployment(tmp_path):
    """`make_deployment(**options)` starts a Deployment, which ends with the test."""
    numbers = itertools.count()
    with contextlib.ExitStack() as stack:
        yield lambda **options: stack.enter_context(
            Deployment(tmp_path / f"deployment-{next(numbers)}", **options))


@pytest.fixture
def deployment(make_deployment):
    """A backend with one workspace and no runs, and a gateway."""
    return make_deployment()


@pytest.fixture(scope="session")
def authority(tmp_path_factory):
    """The certificate authority that everybody trusts."""
    return Authority(tmp_path_factory.mktemp("authority"), "authority")


@pytest.fixture(scope="session")
def untrusted_authority(tmp_path_factory):
    """A certificate authority that is trusted only where a test configures it."""
    return Authority(tmp_path_factory.mktemp("untrusted_authority"), "untrusted_authority")
