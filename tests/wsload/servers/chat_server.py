"""A chat that is not a relay of ours: a subprotocol, a login message, rooms by message, JSON.

    python -m tests.wsload.servers.chat_server

It says {"port": PORT} when it listens.
"""

import asyncio
import json
import sys

from aiohttp import WSMsgType, web

_rooms: dict[str, set[web.WebSocketResponse]] = {}


async def chat(request: web.Request) -> web.WebSocketResponse:
    socket = web.WebSocketResponse(protocols=["chat.v1"], compress=True, max_msg_size=0)
    await socket.prepare(request)
    if socket.ws_protocol is None:
        await socket.close(code=1002, message=b"speak chat.v1")
    name, room = "", ""
    try:
        async for message in socket:
            if message.type is not WSMsgType.TEXT:
                continue
            told = json.loads(message.data)
            match told["type"]:
                case "login":
                    name = told["name"]
                    await socket.send_json({"type": "welcome", "cookie": dict(request.cookies)})
                case _ if not name:
                    await socket.close(code=4003, message=b"log in first")
                case "join":
                    room = told["room"]
                    _rooms.setdefault(room, set()).add(socket)
                    await socket.send_json({"type": "joined", "room": room})
                case "who":
                    await socket.send_json({"type": "members", "count": len(_rooms[room])})
                case "say":
                    for member in _rooms[room] - {socket}:
                        await member.send_json({"type": "said", "by": name, "data": told["data"]})
    finally:
        _rooms.get(room, set()).discard(socket)
    return socket


async def main() -> None:
    app = web.Application()
    app.add_routes([web.get("/socket", chat)])
    runner = web.AppRunner(app, shutdown_timeout=1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    sys.stdout.write(json.dumps({"port": runner.addresses[0][1]}) + "\n")
    sys.stdout.flush()
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main())
