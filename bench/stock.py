"""The baseline: what everybody writes first with aiohttp, a loop over `send_bytes`."""

import os
from contextlib import suppress

from aiohttp import WSMsgType, web

_peers: set[web.WebSocketResponse] = set()


async def connect(request: web.Request) -> web.WebSocketResponse:
    """Send each message to every other peer, one `await` after the other."""
    peer = web.WebSocketResponse(compress=False)
    await peer.prepare(request)
    _peers.add(peer)
    try:
        async for message in peer:
            if message.type is WSMsgType.BINARY:
                for other in tuple(_peers):
                    if other is not peer and not other.closed:
                        with suppress(ConnectionError):  # it leaves, others stay
                            await other.send_bytes(message.data)
    finally:
        _peers.discard(peer)
    return peer


def main() -> None:
    """Serve on PORT."""
    app = web.Application()
    app.router.add_get("/ws/{username}", connect)
    web.run_app(app, host="127.0.0.1", port=int(os.environ["PORT"]), access_log=None, print=None)


if __name__ == "__main__":
    main()
