# SPDX-License-Identifier: Apache-2.0
"""The vendor's unmodified SDK, with a real backend for each test."""

import aymara_ai
import pytest

from calls import maybe_await
from sample_data import SampleData

pytest.register_assert_rewrite("error_shape")

# The class of the SDK and its transport.
KINDS = {
    "sync": (aymara_ai.AymaraAI, aymara_ai.DefaultHttpxClient),
    "async": (aymara_ai.AsyncAymaraAI, aymara_ai.DefaultAsyncHttpxClient),
    "async-over-aiohttp": (aymara_ai.AsyncAymaraAI, aymara_ai.DefaultAioHttpClient),
}


@pytest.fixture
def data():
    return SampleData()


@pytest.fixture
def deployment(data, make_deployment):
    """A backend with `data`, and few threads, because it takes long to start many."""
    return make_deployment(seed=data.seed, has_gateway=False,
                           backend_flags=["--max-connections", "8"])


@pytest.fixture
def backend(deployment):
    return deployment.backend


@pytest.fixture(scope="session", params=KINDS)
async def kind(request):
    """A class of the SDK, and one transport for all its clients: loading the system's certificates for
    each client would take longer than a test."""
    sdk_class, transport_class = KINDS[request.param]
    transport = transport_class()
    yield sdk_class, transport
    await maybe_await(transport.aclose() if hasattr(transport, "aclose") else transport.close())


@pytest.fixture
def connect(kind, backend):
    """`connect(api_key)`: a client that rejects responses which differ from the documentation.

    It does not retry, unless `max_retries` is given.
    """
    sdk_class, transport = kind

    def make(api_key, **options):
        options = {"base_url": backend.url, "max_retries": 0} | options
        return sdk_class(api_key=api_key, http_client=transport, _strict_response_validation=True,
                         **options)

    return make


@pytest.fixture
def client(connect, data):
    return connect(data.key)
