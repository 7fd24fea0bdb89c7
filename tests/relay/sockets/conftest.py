"""Fixtures of the tests that speak to a relay over sockets."""

from collections.abc import AsyncIterator

import pytest_asyncio

from tests.process import Relay
from tests.relay.sockets.tokens import SECRET


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def guarded() -> AsyncIterator[Relay]:
    """A relay that asks for tokens, and logs none."""
    relay = await Relay.start(JWT_SECRET=SECRET)
    yield relay
    for line in relay.log:
        assert "eyJ" not in line, "a token was logged"
    await relay.kill()
