# SPDX-License-Identifier: Apache-2.0
"""The namespaces and the name server of these tests."""

import contextlib
import tempfile

import pytest

import namespaces
from fake_name_server import NameServer

# A lookup that gets no answer takes three seconds.
_RESOLV_CONF = "nameserver 127.0.0.1\noptions timeout:3 attempts:1\n"


@pytest.fixture(scope="session", autouse=True)
def _namespaces():
    with tempfile.TemporaryDirectory() as directory:
        try:
            namespaces.enter(directory, _RESOLV_CONF)
        except OSError as error:
            pytest.skip(f"no namespaces for a name server: {error}")
        yield


@pytest.fixture
def name_server():
    """Knows `upstream.test`, 127.0.0.2."""
    with contextlib.closing(NameServer({"upstream.test": ["127.0.0.2"]})) as server:
        yield server
