"""A small stock-loop relay with faults to order, run as a process of its own.

    python -m tests.wsload.servers.faulty_relay --port 0 --lose-every 1000

It says {"port": PORT} when it listens, and answers GET /faults with how often it did each thing to
a delivery. Without faults it is correct. It stands in for relays that are not, never for ours.
"""

import argparse
import asyncio
import json
import os
import ssl
import sys
from collections import Counter
from contextlib import suppress
from time import monotonic

from aiohttp import WSMsgType, web

from .delivery_faults import FAULTS

_WELCOME = "\0" + json.dumps({"type": "welcome", "gap": False, "cursor": "1-0", "received": 0})


class FaultyRelay:
    """Rooms of WebSockets; every message goes to everyone else in its room."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.rooms: dict[str, dict[str, web.WebSocketResponse]] = {}
        self.deliveries = 0
        self.messages = 0
        self.faults: Counter[str] = Counter()
        self.held: dict[web.WebSocketResponse, bytes] = {}
        self.crossed: dict[web.WebSocketResponse, bytes] = {}
        self.firsts: dict[web.WebSocketResponse, bytes] = {}
        self.stalled_until = 0.0
        self.free_at = 0.0  # when it can relay the next message
        self.tasks: set[asyncio.Task[None]] = set()
        self.joins = 0
        self.closed_at = 0.0  # when it told everybody to go; 0: not yet

    async def join(self, request: web.Request) -> web.StreamResponse:
        name = request.match_info["name"]
        room = self.rooms.setdefault(request.query.get("room", "lobby"), {})
        if self.options.refuse:
            headers = {"Location": "https://me:s3cret@relay.example/ws?token=s3cret"}
            return web.json_response(
                {"error": "said no"}, status=self.options.refuse, headers=headers
            )
        if self.closed_at:
            if monotonic() < self.closed_at + self.options.refuse_returns:
                return web.json_response({"error": "not yet"}, status=503)
            await asyncio.sleep(self.options.slow_returns)
        if name in room:
            return web.json_response({"error": f"{name} is here already"}, status=409)
        socket = web.WebSocketResponse(
            compress=False, max_msg_size=0, protocols=["relay.v1"] if self.options.welcome else []
        )
        room[name] = socket
        echo = request.query.get("echo") == "1"
        try:
            await socket.prepare(request)
            self.joins += 1
            if self.joins == self.options.close_at_join:
                self.send_away(room)
            elif self.options.welcome:
                await socket.send_str(_WELCOME)
            async for message in socket:
                if message.type is WSMsgType.BINARY:
                    await self.relay(room, name, message.data, echo=echo)
        finally:
            del room[name]
            self.faults["lost"] += self.held.pop(socket, None) is not None
            self.faults["lost"] += self.crossed.pop(socket, None) is not None
        return socket

    async def relay(
        self, room: dict[str, web.WebSocketResponse], sender: str, data: bytes, *, echo: bool
    ) -> None:
        self.messages += 1
        if self.messages == self.options.die_after:
            os._exit(1)  # as a crash would: nothing is flushed, nothing is closed
        if self.messages == self.options.close_after:
            self.send_away(room)
            return
        if self.options.deaf_after and self.messages >= self.options.deaf_after:
            await asyncio.Event().wait()
        if self.options.garbage_after and self.messages >= self.options.garbage_after:
            for member in room.values():
                transport = member._writer.transport  # type: ignore[union-attr]
                transport.write(b"\xff\xff\xff\xff")
            return
        if self.options.slowest:
            # One after the other; what comes faster waits in the sender's socket.
            self.free_at = max(self.free_at, monotonic()) + 1 / self.options.slowest
            await asyncio.sleep(self.free_at - monotonic())
        targets = list(room.items())
        every = self.options.delay_message_every
        if every and self.messages % every == 0:
            for name, member in targets:
                if name != sender:
                    self.spawn(self.later(member, data))
            return
        if self.options.leak:
            targets = [pair for members in self.rooms.values() for pair in members.items()]
        for name, member in targets:
            if (name != sender or echo or self.options.echo_always) and not member.closed:
                with suppress(ConnectionError):  # it is just closing
                    await self.deliver(member, data)

    def send_away(self, room: dict[str, web.WebSocketResponse]) -> None:
        self.closed_at = monotonic()
        for member in list(room.values())[self.options.keep :]:
            reason = self.options.close_reason.encode()
            # The frame alone: the member answers it, and is gone by that.
            assert member._writer is not None
            self.spawn(member._writer.close(self.options.close_code, reason))

    async def deliver(self, member: web.WebSocketResponse, data: bytes) -> None:
        """One delivery, with the fault whose turn it is."""
        self.deliveries += 1
        options, number = self.options, self.deliveries
        if options.stall_at and number >= options.stall_at and not self.stalled_until:
            self.stalled_until = monotonic() + 2.0
        while (left := self.stalled_until - monotonic()) > 0:
            await asyncio.sleep(left)
        if member in self.held:
            # Swapped with the next message that this member gets from the same sender.
            held = self.held[member]
            await member.send_bytes(data)
            if held[:8] == data[:8]:
                self.faults["swapped"] += 1
                await member.send_bytes(self.held.pop(member))
            return
        if options.fault and number % options.every == 0:
            self.faults[options.fault] += 1
            for message in FAULTS[options.fault](data):
                await member._writer.send_frame(  # type: ignore[union-attr]
                    message.encode() if isinstance(message, str) else message,
                    WSMsgType.TEXT if isinstance(message, str) else WSMsgType.BINARY,
                )
            return
        if options.lose_every and number % options.lose_every == 0:
            self.faults["lost"] += 1
            return
        if options.cross_every and member in self.crossed:
            # Two senders change places for this member alone.
            held = self.crossed.pop(member)
            crossing = held[:8] != data[:8]
            self.faults["crossed"] += crossing
            for message in (data, held) if crossing else (held, data):
                await member.send_bytes(message)
            return
        if options.cross_every and number % options.cross_every == 0:
            self.crossed[member] = data
            return
        if options.replay_every and number % options.replay_every == 0:
            # What came long ago comes again.
            self.faults["replayed"] += member in self.firsts
            if member in self.firsts:
                await member.send_bytes(self.firsts[member])
        self.firsts.setdefault(member, data)
        if options.swap_every and number % options.swap_every == 0:
            self.held[member] = data
            return
        if options.delay_every and number % options.delay_every == 0:
            self.faults["delayed"] += 1
            self.spawn(self.later(member, data))
            return
        await member.send_bytes(data)
        if options.repeat_every and number % options.repeat_every == 0:
            self.faults["repeated"] += 1
            await member.send_bytes(data)

    async def later(self, member: web.WebSocketResponse, data: bytes) -> None:
        await asyncio.sleep(self.options.delay)
        if not member.closed:
            await member.send_bytes(data)

    def spawn(self, work: object) -> None:
        task = asyncio.ensure_future(work)  # type: ignore[call-overload]
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def health(self, _: web.Request) -> web.Response:
        users = [name for room in self.rooms.values() for name in room]
        return web.json_response(
            {"status": "healthy", "users": users, "count": len(users),
             "version": "faulty", "commit": "0000000"}
        )  # fmt: skip

    async def report(self, _: web.Request) -> web.Response:
        return web.json_response({**self.faults, "messages": self.messages})


async def serve(options: argparse.Namespace) -> None:
    relay = FaultyRelay(options)
    app = web.Application()
    app.add_routes(
        [
            web.get("/ws/{name}", relay.join),
            web.get("/health", relay.health),
            web.get("/faults", relay.report),
        ]
    )
    context = None
    if options.certificate:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(options.certificate)
        if options.trust:
            context.verify_mode = ssl.CERT_REQUIRED
            context.load_verify_locations(options.trust)
    runner = web.AppRunner(app, shutdown_timeout=1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", options.port, ssl_context=context)
    await site.start()
    sys.stdout.write(json.dumps({"port": runner.addresses[0][1]}) + "\n")
    sys.stdout.flush()
    await asyncio.Event().wait()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--fault", default="", choices=["", *FAULTS])
    parser.add_argument("--every", type=int, default=100, help="deliveries, for --fault")
    parser.add_argument("--stall-at", type=int, default=0, help="delivery, for two seconds")
    parser.add_argument("--deaf-after", type=int, default=0, help="messages; then it reads nothing")
    parser.add_argument("--garbage-after", type=int, default=0, help="messages; then no frames")
    parser.add_argument("--close-reason", default="go")
    parser.add_argument("--slowest", type=float, default=0, help="messages a second that it does")
    parser.add_argument("--delay-message-every", type=int, default=0, help="for all receivers")
    parser.add_argument("--keep", type=int, default=0, help="members that are not sent away")
    parser.add_argument("--echo-always", action="store_true", help="own messages, unasked")
    for fault in ("lose", "repeat", "swap", "delay", "cross", "replay"):
        parser.add_argument(f"--{fault}-every", type=int, default=0, help="every n-th delivery")
    parser.add_argument("--delay", type=float, default=1.5, help="seconds")
    parser.add_argument("--die-after", type=int, default=0, help="messages")
    parser.add_argument("--close-after", type=int, default=0, help="messages")
    parser.add_argument("--close-at-join", type=int, default=0, help="members, all in one room")
    parser.add_argument("--close-code", type=int, default=1012)
    parser.add_argument("--refuse-returns", type=float, default=0, help="seconds after the close")
    parser.add_argument("--slow-returns", type=float, default=0, help="seconds of a handshake")
    parser.add_argument("--refuse", type=int, default=0, help="HTTP status")
    parser.add_argument("--welcome", action="store_true", help="greet as relay.v1 does, no more")
    parser.add_argument("--leak", action="store_true", help="deliver into all rooms")
    parser.add_argument("--certificate", default="", help="PEM file with key: speak TLS")
    parser.add_argument("--trust", default="", help="PEM file: ask clients for a certificate")
    asyncio.run(serve(parser.parse_args()))


if __name__ == "__main__":
    main()
