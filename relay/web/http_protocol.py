"""HTTP as aiohttp speaks it, with the relay's own words where a request cannot even be read."""

import asyncio
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from aiohttp import web
from aiohttp.http_exceptions import (
    BadHttpMethod,
    HttpProcessingError,
    InvalidHeader,
    InvalidURLError,
    LineTooLong,
    PayloadEncodingError,
)
from aiohttp.streams import EMPTY_PAYLOAD, StreamReader

from relay.edge.gate import MOST as MAX_HEAD
from relay.edge.kernel import unacknowledged
from relay.web.answers import error_response
from relay.web.context import Context

_IDLE: Final = 15.0  # seconds for a whole request head, and between requests of one connection
# A browser sends all cookies of a site, up to 4 KB each, and a proxy adds its own headers.
MAX_FIELD: Final = 64 * 1024  # bytes of a header
MAX_LINE: Final = 32 * 1024  # bytes of the request line, which may hold a token
_MAX_FIELDS: Final = 256
_BODY: Final = 64 * 1024  # bytes of a body; above twice that nothing is read until some are wanted
_SENTENCES: Final = (
    (BadHttpMethod, "not an HTTP request"),
    (InvalidURLError, "bad HTTP request: the URL has bytes that have to be percent-encoded"),
    (InvalidHeader, "bad HTTP request: a header is not valid"),
    (PayloadEncodingError, "bad HTTP request: the body is not as its headers say"),
)
_OTHER: Final = "bad HTTP request"
_LINGER: Final = 1.0  # seconds in which what still comes in is thrown away
_STALL: Final = 10.0  # seconds in which a client has to take some of its answer
_PATIENCE: Final = 60.0  # seconds in which it has to take all that there is to be taken


class _LastAnswer(web.Response):
    """An answer after which nothing is read, and the connection ends.

    Not at once: closing over unread input makes the kernel send RST, and the client lose it.
    """

    async def write_eof(self, data: bytes = b"") -> None:
        await super().write_eof(data)
        await asyncio.sleep(_LINGER)


@contextmanager
def ends_with_its_connection(request: web.Request) -> Iterator[None]:
    """Cancel what is done in here when the connection is lost: it would be for nobody."""
    protocol = request.protocol
    if not isinstance(protocol, HttpProtocol):
        yield
        return
    protocol.handshake = asyncio.current_task()
    try:
        yield
    finally:
        protocol.handshake = None


async def answer_expectation(request: web.Request) -> web.StreamResponse | None:
    """Let a client send its body that asks first (RFC 9110 §10.1.1)."""
    if request.headers.get("Expect", "").lower() != "100-continue":
        return error_response("only Expect: 100-continue is known here", 417)
    await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    request.writer.output_size = 0  # it is not part of the answer
    return None


def quieten_aiohttp() -> None:
    """Leave out aiohttp's tracebacks of connections that break off: strangers cause them."""

    def is_for_the_log(record: logging.LogRecord) -> bool:
        error = record.exc_info[1] if record.exc_info else None
        return not isinstance(error, web.RequestPayloadError | ConnectionError)

    logging.getLogger("aiohttp.server").addFilter(is_for_the_log)


class HttpProtocol(web.RequestHandler):
    """One HTTP connection, until it is upgraded."""

    __slots__ = ("_ahead", "_body", "_context", "_head", "_taking", "address", "handshake")

    def __init__(
        self, server: web.Server, context: Context, loop: asyncio.AbstractEventLoop
    ) -> None:
        # The path of a request can hold a token: there is no access log.
        super().__init__(
            server,
            loop=loop,
            access_log=None,  # type: ignore[arg-type]  # as its own runner does
            keepalive_timeout=_IDLE,
            max_line_size=MAX_LINE,
            max_field_size=MAX_FIELD,
            max_headers=_MAX_FIELDS,
            read_bufsize=_BODY,
            auto_decompress=False,  # a kilobyte can be a megabyte, and nobody asks for it
        )
        self._context = context
        self._head = 0  # bytes of a request head that has not ended
        self._ahead = 0  # bytes that have come, but for the body that is being received
        self._body: StreamReader = EMPTY_PAYLOAD  # of the last request whose head has ended
        self._taking: asyncio.TimerHandle | None = None
        self.address = ""
        self.handshake: asyncio.Task[object] | None = None  # that decides it

    @property
    def held(self) -> int:
        """Bytes of answers that the client has not taken, and of requests that wait."""
        transport = self.transport
        unsent = transport.get_write_buffer_size() if transport is not None else 0
        unread = 0 if self._body is EMPTY_PAYLOAD else self._body._size  # told by nothing else
        return self._ahead + unread + unsent

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._context.service.non_members.open(self)

    async def start(self) -> None:
        """Answer requests; none, where the connection has ended before its first turn."""
        if self._manager is not None:
            await super().start()

    def connection_lost(self, exc: BaseException | None) -> None:
        """It has ended, or has been upgraded."""
        self._stop_watching()
        self._context.service.non_members.leave(self)
        if self.handshake is not None and self.transport is not None:
            # What came behind the handshake is not wanted either.
            self.handshake.cancel()
            self._message_tail = b""
        super().connection_lost(exc)
        # A request under way may still wait for its room: what came behind it is for nobody.
        self._messages.clear()
        self._body = EMPTY_PAYLOAD

    def pause_writing(self) -> None:
        super().pause_writing()
        self._context.service.non_members.weigh(self)
        loop = asyncio.get_running_loop()
        until = loop.time() + _PATIENCE
        self._taking = loop.call_later(_STALL, self._look, self._untaken(), until)

    def resume_writing(self) -> None:
        self._stop_watching()
        super().resume_writing()

    def data_received(self, data: bytes) -> None:
        """Read on, and no more than is bounded: the parser bounds only parts of a head, and bodies.

        Of requests that come while another one is under way, some wait here; the rest is not read.
        """
        if self._close or self._force_close:  # input is thrown away
            return
        is_idle = self._waiter is not None or not self._request_count
        was_over, count = self._body.is_eof(), self._request_count
        super().data_received(data)
        if self._request_count != count:
            self._body, self._head = self._messages[-1][1], 0
        elif was_over:
            self._head += len(data)
        if is_idle or self._messages or self._body.is_eof():
            self._ahead += len(data)
        self._context.service.non_members.weigh(self)
        if not is_idle:
            if self._ahead > MAX_HEAD and (self._messages or self._body.is_eof()):
                self._pause_reading_for_buffer()
            return
        transport = self.transport
        if self._head > MAX_HEAD and transport is not None and not transport.is_closing():
            answer = self._refusal(431, f"the request's head exceeds limit of {MAX_HEAD} bytes")
            body = answer.body
            assert isinstance(body, bytes)
            lines = [f"HTTP/1.1 {answer.status} {answer.reason}"]
            lines += [f"{name}: {value}" for name, value in answer.headers.items()]
            lines += [f"Content-Length: {len(body)}", "Connection: close", "", ""]
            transport.write("\r\n".join(lines).encode() + body)
            self.close()  # from here on input is thrown away
            asyncio.get_running_loop().call_later(_LINGER, transport.close)

    async def finish_response(
        self, request: web.BaseRequest, resp: web.StreamResponse, start_time: float | None
    ) -> tuple[web.StreamResponse, bool]:
        """Send the answer; what has not been read can be, once nothing waits."""
        finished = await super().finish_response(request, resp, start_time)
        if not self._messages:
            self._ahead = self._head
            if self._buffer_paused:
                self._resume_reading_if_drained()
        self._context.service.non_members.weigh(self)
        return finished

    def _resume_reading_if_drained(self) -> None:
        if not self._messages or self._ahead <= MAX_HEAD:
            super()._resume_reading_if_drained()

    def _untaken(self) -> int:
        """Return how much of its answers the client has not acknowledged, at least."""
        transport = self.transport
        if transport is None:
            return 0
        return transport.get_write_buffer_size() + unacknowledged(transport)

    def _look(self, before: int, until: float) -> None:
        """Cut a client off that takes nothing, or takes too long for all of it."""
        loop, untaken = asyncio.get_running_loop(), self._untaken()
        transport = self.transport
        if transport is None:
            return
        if untaken < before and loop.time() < until:
            self._taking = loop.call_later(_STALL, self._look, untaken, until)
            return
        self._note(408, f"answer was not taken for {_STALL:g} s, or not within {_PATIENCE:g} s")
        transport.abort()

    def _stop_watching(self) -> None:
        if self._taking is not None:
            self._taking.cancel()

    def _note(self, status: int, error: str) -> None:
        self._context.counters.refused[status] += 1
        self._context.refusals.write("a request", status, error)

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Return the answer to what is no request, and note it in one line.

        The parser's own text would quote what a stranger sent, a token perhaps.
        """
        if isinstance(exc, ConnectionError):
            raise exc  # nobody is there to be answered; aiohttp then ends the connection
        if not isinstance(exc, HttpProcessingError):
            return super().handle_error(request, status, exc, message)
        answer = self._refusal(*_sentence(exc))
        answer.force_close()
        self.close()  # from here on input is thrown away
        return answer

    def _refusal(self, status: int, error: str) -> web.Response:
        self._note(status, error)
        plain = error_response(error, status)
        answer = _LastAnswer(body=plain.body, status=status, headers=plain.headers)
        if "*" in self._context.settings.allowed_origins:
            answer.headers["Access-Control-Allow-Origin"] = "*"
        return answer


def _sentence(error: HttpProcessingError) -> tuple[int, str]:
    if isinstance(error, LineTooLong):
        return 431, f"the URL exceeds limit of {MAX_LINE} bytes, or a header {MAX_FIELD}"
    return 400, next((own for kind, own in _SENTENCES if isinstance(error, kind)), _OTHER)
