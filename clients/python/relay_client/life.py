"""The life of a client: connecting, open, waiting, closed; and why."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from inspect import isawaitable
from typing import Any, Final, NoReturn
from urllib.parse import urlsplit

import aiohttp

from relay_client.address import Refusal, ask, url_of
from relay_client.delays import backoff
from relay_client.events import Gap, State, StateChange
from relay_client.inbox import Inbox
from relay_client.link import Link, Lost
from relay_client.notes import Stranger
from relay_client.outgoing import Outgoing
from relay_client.renewal import renew
from relay_client.session import Drain, Raw, Session, Welcome

logger = logging.getLogger("relay_client")

TERMINAL_CODES: Final = frozenset({1000, 1002, 1007, 1008, 1009, 4000, 4401, 4403})
"""Close codes after which the same client would only be closed again (docs/protocol.md)."""

_HANDSHAKE: Final = 10.0  # seconds until it is welcome
_STABLE: Final = 10.0  # seconds after which a connection counts as a success
_DRAINED: Final = 2.0  # seconds behind its time in which a relay that goes away closes by itself
_EXPIRED: Final = 4401

Token = str | Callable[[], str | Awaitable[str]]


class _Over(Exception):
    """It is closed for good."""


@dataclass(frozen=True, slots=True)
class Options:
    """Where to, and as whom."""

    url: str
    room: str
    user: str
    token: Token
    query: dict[str, str]
    history: int
    is_raw: bool


class Life:
    """Keeps a client connected; `live` lasts until it is closed for good."""

    def __init__(self, options: Options) -> None:
        self.state = State.CONNECTING
        self.reason = "not started yet"
        self.close_code: int | None = None
        self.outgoing = Outgoing()
        self.session: Session | Raw = Raw() if options.is_raw else Session(self.outgoing)
        self.inbox = Inbox()
        self.is_settled = asyncio.Event()  # open, or closed for good
        self.hurry = asyncio.Event()  # connect now
        self._options = options
        self._link: Link | None = None
        self._failures = 0  # in a row
        self._connected = 0.0  # when it was opened last, seconds of the event loop; 0: never
        self._left = 0.0  # when it began to be away
        self._drain = 0.0  # when the relay wants to be left; 0: it does not
        self._is_drained = asyncio.Event()
        self._closing_tasks: set[asyncio.Task[bool]] = set()

    async def live(self) -> None:
        self._left = _now()
        why = f"connecting to {urlsplit(self._options.url).netloc}"
        with suppress(_Over):
            async with aiohttp.ClientSession() as http:
                try:
                    while True:
                        self.hurry.clear()
                        self._become(State.CONNECTING, why)
                        why = await self._connect(http)
                finally:
                    await asyncio.gather(*self._closing_tasks, return_exceptions=True)

    def wake(self) -> None:
        """There is something to send."""
        if self._link is not None:
            self._link.wake()

    def end(self, code: int | None, reason: str) -> None:
        """Close it for good."""
        if self.state is not State.CLOSED:
            self.close_code = code
            self.outgoing.abandon(reason)
            self._become(State.CLOSED, reason)
            self.inbox.close()

    async def _connect(self, http: aiohttp.ClientSession) -> str:
        """One attempt, the connection that comes of it, and the wait for the next one.

        Returns why there is a next one; raises `_Over`.
        """
        options = self._options
        try:
            token = await self._token()
        except Exception as error:  # theirs; it may do better next time
            return await self._wait(f"no token: {error}")
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        query = options.query | self.session.connect()
        if options.history and not (options.is_raw and self._connected):
            query["history"] = str(options.history)
        url = url_of(options.url, options.user, query)
        protocols = () if options.is_raw else ("relay.v1",)
        socket: aiohttp.ClientWebSocketResponse | None = None
        try:
            async with asyncio.timeout(_HANDSHAKE):
                socket = await http.ws_connect(
                    url,
                    headers=headers,
                    protocols=protocols,
                    max_msg_size=0,
                    timeout=aiohttp.ClientWSTimeout(ws_close=1.0),
                )
        except (aiohttp.ClientError, TimeoutError, OSError):
            return await self._refused(await ask(http, url, headers))
        return await self._hold(socket, token)

    async def _token(self) -> str:
        token = self._options.token
        given = token() if callable(token) else token
        return await given if isawaitable(given) else given

    async def _hold(self, socket: aiohttp.ClientWebSocketResponse, token: str) -> str:
        """Stay connected for as long as it goes; return why to connect again, after the wait."""
        self._drain = 0.0
        self._is_drained.clear()
        self._link = link = Link(socket, self.session, self.outgoing, self._take)
        hold_task = asyncio.create_task(link.hold())
        hurry_task = asyncio.create_task(self.hurry.wait())
        limit_task = asyncio.create_task(self._limit())
        tasks: list[asyncio.Task[Any]] = [hold_task, hurry_task, limit_task]
        renew_task = asyncio.create_task(self._renew(link, token))
        try:
            if self._options.is_raw:
                self._welcome()
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._link = None
            tasks.append(renew_task)
            for task in tasks:
                task.cancel()
            results = await asyncio.gather(*tasks, return_exceptions=True)
            # Not waited for: a dead one does not answer.
            closing_task = asyncio.create_task(socket.close())
            self._closing_tasks.add(closing_task)
            closing_task.add_done_callback(self._closing_tasks.discard)
        if self.state is State.OPEN:
            self._left = _now()
        if self.hurry.is_set():
            return "reconnecting, as asked"
        end = results[0]
        if isinstance(end, asyncio.CancelledError):
            end = Lost(1006, str(results[2]))
        if isinstance(end, Stranger):
            self._stop(None, f"{urlsplit(self._options.url).netloc} does not speak relay.v1")
        if not isinstance(end, Lost):
            raise end
        return await self._lost(end)

    async def _renew(self, link: Link, token: str) -> None:
        """Keep the relay in fresh tokens, where there is a function that gives them."""
        if callable(self._options.token) and not self._options.is_raw:
            await self.is_settled.wait()  # nothing is sent before the welcome
            await renew(token, self._token, link.renew)

    async def _limit(self) -> str:
        """Return when the connection should not stay as it is: why."""
        await asyncio.sleep(_HANDSHAKE)
        if self.state is not State.OPEN:
            return "no welcome came"
        await self._is_drained.wait()
        await asyncio.sleep(max(0.0, self._drain - _now()) + _DRAINED)
        return "relay is going away"

    async def _take(self, frame: str | bytes) -> None:
        for happened in self.session.read(frame):
            match happened:
                case Welcome():
                    self._welcome()
                case Drain(after):
                    self._drain = _now() + after
                    self._is_drained.set()
                case event:
                    if isinstance(event, Gap):
                        logger.warning("%s messages are missing", event.missed or "some")
                    self.inbox.put(event)
        await self.inbox.wait_for_room()  # all of it is kept, whatever ends the connection now

    def _welcome(self) -> None:
        assert self._link is not None
        self._connected = _now()
        self._become(State.OPEN, f"in room {self._options.room} as {self._options.user}")
        self._link.begin()

    async def _lost(self, lost: Lost) -> str:
        is_renewed = lost.code == _EXPIRED and callable(self._options.token)
        if lost.code in TERMINAL_CODES and not is_renewed:
            self._stop(lost.code, lost.reason)
        now = _now()
        if self.state is State.OPEN and now - self._connected >= _STABLE:
            self._failures = 0
        if not self._is_drained.is_set():
            return await self._wait(lost.reason)
        # A relay that goes away has given each client a time of its own: it is spread already.
        return await self._sleep(lost.reason, max(0.0, self._drain - now))

    async def _refused(self, refusal: Refusal) -> str:
        # Somebody has the name. Who was here before keeps trying: it may be its own ghost.
        if refusal.is_final and not (refusal.status == 409 and self._connected):
            self._stop(None, refusal.reason)
        return await self._wait(refusal.reason, refusal.after)

    async def _wait(self, reason: str, after: float = 0.0) -> str:
        away = _now() - self._left
        self._failures += 1
        return await self._sleep(reason, after + backoff(self._failures - 1, away))

    async def _sleep(self, reason: str, delay: float) -> str:
        self._become(State.WAITING, reason, delay)
        with suppress(TimeoutError):
            async with asyncio.timeout(delay):
                await self.hurry.wait()
        return "trying again"

    def _stop(self, code: int | None, reason: str) -> NoReturn:
        self.end(code, reason)
        raise _Over

    def _become(self, state: State, reason: str, retry_in: float | None = None) -> None:
        self.state, self.reason = state, reason
        if state in (State.OPEN, State.CLOSED):
            self.is_settled.set()
        else:
            self.is_settled.clear()
        self.inbox.put(StateChange(state, reason, retry_in))


def _now() -> float:
    return asyncio.get_running_loop().time()
