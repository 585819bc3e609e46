"""The vendor's SDK, as it is, connected to a backend of the test's own."""

import contextlib

import aymara_ai
import pytest
from evalrun_testing.backend import BackendProcess

from calls import maybe_await
from world import World

pytest.register_assert_rewrite("error_shape")

# The SDK's class and its transport.
KINDS = {
    "sync": (aymara_ai.AymaraAI, aymara_ai.DefaultHttpxClient),
    "async": (aymara_ai.AsyncAymaraAI, aymara_ai.DefaultAsyncHttpxClient),
    "async-over-aiohttp": (aymara_ai.AsyncAymaraAI, aymara_ai.DefaultAioHttpClient),
}


@pytest.fixture
def world():
    return World()


@pytest.fixture
def start_backend(world, tmp_path):
    """`start_backend(flags)`: with the seed of `world`, and few of the threads that take long to
    start."""
    with contextlib.ExitStack() as stack:
        yield lambda flags=(): stack.enter_context(BackendProcess(
            tmp_path, world.seed.document, flags=["--max-connections", "8", *flags]))


@pytest.fixture
def backend(start_backend):
    return start_backend()


@pytest.fixture(scope="session", params=KINDS)
async def kind(request):
    """Which of the SDK's clients, and one transport for all of them: reading the machine's
    certificates takes longer than a test."""
    sdk_class, transport_class = KINDS[request.param]
    transport = transport_class()
    yield sdk_class, transport
    await maybe_await(transport.aclose() if hasattr(transport, "aclose") else transport.close())


@pytest.fixture
def connect(kind, backend):
    """`connect(api_key)`: a client that refuses answers which are not exactly as documented.

    It sends once, unless `max_retries` says otherwise.
    """
    sdk_class, transport = kind

    def make(api_key, **options):
        options = {"base_url": backend.url, "max_retries": 0} | options
        return sdk_class(api_key=api_key, http_client=transport, _strict_response_validation=True,
                         **options)

    return make


@pytest.fixture
def client(connect, world):
    return connect(world.key)
