"""Tokens for relays that ask for them, and how a client is told that its own counts no longer."""

import pytest
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from relay.access import tokens
from relay.names import UserName

SECRET = "a secret of at least thirty-two bytes"


def token(user: str, *rooms: str, lifetime: float = 3600, **claims: object) -> str:
    """Return a token for these rooms, or for all."""
    return tokens.mint(UserName(user), rooms or ("*",), lifetime, SECRET, **claims)


async def closed(client: ClientConnection) -> tuple[int, str]:
    """Return the code and the reason with which a client is closed, whatever comes before."""
    with pytest.raises(ConnectionClosed) as error:
        while True:
            await client.recv()
    assert error.value.rcvd is not None
    return error.value.rcvd.code, error.value.rcvd.reason
