"""The connection to NATS: one at a time, and another one when it is lost.

nats-py can reconnect by itself. It then waits for the end of the connection before, which a
network that drops packets holds up for minutes, and sends again what it had kept: here a log
decides what is sent again. So a lost connection is left to itself, and a new client takes its
place.
"""

import asyncio
import logging
import ssl
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Any, Final

import nats
import nats.errors
import orjson
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription

from relay.edge.nats.ending import end
from relay.edge.nats.errors import Away, NoResponders

logger = logging.getLogger("relay")

Handler = Callable[[Msg], Awaitable[None]]

ANSWER: Final = 2.0  # seconds for an answer of the server
_CONNECT: Final = 2  # seconds for a connection
_PAUSE: Final = 0.2  # seconds between two attempts
_PING: Final = 2  # seconds between two pings; the third that is not answered ends the connection
_NO_LIMIT: Final = -1  # a batch is never kept for a connection that is lost
_API: Final = "$JS.API."


class _NoTLS(nats.errors.Error):
    def __str__(self) -> str:
        return "it offers no TLS, and NATS_URL says tls://"


class _Client(Client):
    """Says nothing to a server that offers no TLS where NATS_URL has `tls://`.

    nats-py would send user, password and token in the clear: whoever is in between could ask for
    them by leaving TLS out of what the server offers.
    """

    def _connect_command(self) -> bytes:
        server = self._current_server
        wants_tls = server is not None and server.uri.scheme == "tls"
        if wants_tls and not self._server_info.get("tls_required"):
            raise _NoTLS
        return super()._connect_command()


class Link:
    """Connects to one of the servers; `on_up` is called for each new connection, `on_down` when it
    is lost. What has been subscribed then has to be subscribed again.
    """

    def __init__(
        self,
        servers: Sequence[str],
        name: str,
        on_up: Callable[[], Awaitable[None]],
        on_down: Callable[[], None],
    ) -> None:
        self.problem = ""  # why there is no connection
        self.max_payload = 0  # bytes of a message, as the server has told last
        self._servers = list(servers)
        self._name = name
        self._on_up = on_up
        self._on_down = on_down
        self._client: Client | None = None
        self._run_task: asyncio.Task[None] | None = None
        self._ends: set[asyncio.Task[None]] = set()

    @property
    def client(self) -> Client:
        """The connection that there is; raises `Away` if there is none."""
        client = self._client
        if client is None or not client.is_connected:
            raise Away(f"NATS is away: {self.problem or 'the connection is lost'}")
        return client

    @property
    def is_up(self) -> bool:
        return self._client is not None and self._client.is_connected

    @property
    def version(self) -> tuple[int, int, int]:
        version = self.client.connected_server_version
        return version.major, version.minor, version.patch

    async def connect(self) -> None:
        """Connect once; raise `Away` where that fails, with the reason."""
        client = _Client()
        lost = asyncio.Event()

        async def on_error(error: Exception) -> None:
            if not isinstance(error, nats.errors.SlowConsumerError):
                self.problem = _sentence(error)

        async def on_lost() -> None:
            lost.set()
            self._lose(client)

        try:
            async with asyncio.timeout(_CONNECT * 2):
                await client.connect(
                    self._servers,
                    name=f"relay {self._name}",
                    allow_reconnect=False,
                    connect_timeout=_CONNECT,
                    max_reconnect_attempts=1,  # then it gives up; 0 would be no limit
                    reconnect_time_wait=0.1,  # type: ignore[arg-type]  # it is slept for
                    ping_interval=_PING,
                    max_outstanding_pings=2,
                    error_cb=on_error,
                    disconnected_cb=on_lost,
                    closed_cb=on_lost,
                )
        except TimeoutError:
            self._abandon(client)
            raise Away(self.problem or "it does not answer") from None
        except (OSError, nats.errors.Error, ValueError) as error:
            self._abandon(client)
            is_told = self.problem and isinstance(error, nats.errors.NoServersError)
            raise Away(self.problem if is_told else _sentence(error)) from None
        if lost.is_set():
            raise Away(self.problem or "the connection is lost")
        self._client = client
        self.max_payload = client.max_payload

    def run(self) -> None:
        """From now on connect again whenever the connection is lost."""
        self._run_task = asyncio.create_task(self._run(), name="nats")

    def restart(self) -> None:
        """The connection is of no use: make another one."""
        if self._client is not None:
            self._lose(self._client)

    async def close(self) -> None:
        if self._run_task is not None:
            await end(self._run_task)
        client, self._client = self._client, None
        if client is not None:
            with suppress(Exception):  # nobody waits for it
                async with asyncio.timeout(ANSWER):
                    await client.flush()
                    await client.close()
        for each in tuple(self._ends):
            each.cancel()

    async def subscribe(self, subject: str, handler: Handler, queue: str = "") -> Subscription:
        try:
            return await self.client.subscribe(subject, queue, cb=handler)
        except nats.errors.Error as error:
            raise Away(_sentence(error)) from None

    async def publish(
        self, subject: str, data: bytes, reply: str = "", headers: dict[str, str] | None = None
    ) -> None:
        """Send a message; whether it has arrived, nobody knows."""
        try:
            await self.client.publish(subject, data, reply, headers)
        except (nats.errors.Error, OSError) as error:
            raise Away(_sentence(error)) from None

    async def request(
        self,
        subject: str,
        data: bytes = b"",
        timeout: float = ANSWER,
        headers: dict[str, str] | None = None,
    ) -> Msg:
        """Return the answer; raise `NoResponders` or `Away`."""
        try:
            return await self.client.request(subject, data, timeout, headers=headers)
        except nats.errors.NoRespondersError:
            raise NoResponders(f"nobody answers {subject}") from None
        except (nats.errors.Error, OSError, TimeoutError):
            raise Away(f"{subject} was not answered in {timeout:g} s") from None

    async def api(self, subject: str, body: Any = None) -> dict[str, Any]:
        """Ask JetStream; an answer that is an error has `error`."""
        data = orjson.dumps(body) if body is not None else b""
        answer = await self.request(_API + subject, data)
        found = orjson.loads(answer.data)
        assert isinstance(found, dict)
        return found

    async def flush(self) -> None:
        """Return when the server has seen all that was sent."""
        try:
            await self.client.flush(int(ANSWER))
        except (nats.errors.Error, OSError, TimeoutError) as error:
            raise Away(_sentence(error)) from None

    async def _run(self) -> None:
        while True:
            try:
                if not self.is_up:
                    await self.connect()
                    await self._on_up()
            except Away as away:
                self.problem = str(away)
                self.restart()
            except Exception:  # it is tried again
                logger.exception("a defect of the relay")
                self.restart()
            await asyncio.sleep(_PAUSE)

    def _lose(self, client: Client) -> None:
        if self._client is client:
            self._client = None
            self._abandon(client)
            self._on_down()

    def _abandon(self, client: Client) -> None:
        """Let a client end by itself, however long that takes."""

        async def close() -> None:
            with suppress(Exception):
                await client.close()

        task = asyncio.create_task(close())
        self._ends.add(task)
        task.add_done_callback(self._ends.discard)


def _sentence(error: Exception) -> str:
    """Return what is wrong, in words of this relay where they are known."""
    text = str(error).removeprefix("nats: ").strip("'\"").lower()
    if isinstance(error, ConnectionRefusedError) or "connect call failed" in text:
        return "the connection is refused"
    if "authorization" in text:
        return "it refuses the user, password or token of NATS_URL"
    if isinstance(error, _NoTLS):
        return str(error)
    if isinstance(error, ssl.SSLCertVerificationError):
        return (
            f"its certificate is not trusted ({error.verify_message}): SSL_CERT_FILE names the "
            "authorities to trust"
        )
    if isinstance(error, OSError) and error.strerror:
        return error.strerror.lower()
    if isinstance(error, nats.errors.NoServersError):
        return "no server is to be reached"
    return text or type(error).__name__.lower()
