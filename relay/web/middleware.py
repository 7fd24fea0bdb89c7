"""What every request passes through: a refusal becomes a sentence in JSON and a line in the log."""

import logging
from collections.abc import Awaitable, Callable
from contextlib import nullcontext
from functools import partial
from typing import Final

from aiohttp import web

from relay.edge.drain import State
from relay.edge.gate import let_through
from relay.web.answers import error_response
from relay.web.context import CONTEXT, Context
from relay.web.http_protocol import ends_with_its_connection
from relay.web.refusals import Refusal

logger = logging.getLogger("relay")

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

# First segments of what pages of other origins may read; /ws only says why it refused an upgrade.
_CORS: Final = frozenset({"health", "live", "ready", "revoke", "rooms", "ws"})
_RETRY_AFTER: Final = "5"  # seconds, told with every 503


@web.middleware
async def answer_refusals(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer one request; what is refused is counted, logged and said in JSON."""
    context = request.app[CONTEXT]
    answer: web.StreamResponse
    # CONNECT names a host, not a path: there need not be a slash.
    first = request.rel_url.raw_path.removeprefix("/").partition("/")[0]
    is_json = first in _CORS
    if first != "ws":  # a handshake can be handed over until it is decided
        let_through(request.transport)
    if request.method == "OPTIONS" and is_json:
        answer = web.Response(status=204)
    else:
        busy, protocol = context.service.busy, request.protocol
        busy.add(protocol)
        try:
            with ends_with_its_connection(request) if first == "ws" else nullcontext():
                answer = await _answer(request, partial(handler, request))
        finally:
            busy.discard(protocol)
    let_through(request.transport)
    if context.drain.state is State.HANDED_OVER:  # the next request is for its successor
        answer.force_close()
    if context.service.non_members.is_crowded or answer.headers.get("Connection") == "close":
        answer.force_close()
    if answer.status >= 400:
        context.counters.refused[answer.status] += 1
    if answer.status == 503:
        answer.headers["Retry-After"] = _RETRY_AFTER
    if is_json:
        _allow_origin(request, answer, context)
    return answer


async def _answer(
    request: web.Request, handle: Callable[[], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """Return the handler's answer, or the refusal that it raised: one line in the log."""
    try:
        return await handle()
    except Refusal as refusal:
        status, error, headers = refusal.status, str(refusal), refusal.headers
    except web.HTTPMethodNotAllowed as refusal:
        status, error = 405, f"{request.method} is not allowed here"
        headers = {"Allow": refusal.headers["Allow"]}
    except web.HTTPException as refusal:
        if refusal.status < 400:
            raise
        status, error, headers = refusal.status, refusal.reason.lower(), {}
    except ConnectionError:
        status, error, headers = 400, "connection lost", {}
    except Exception:
        logger.exception("%s failed", request.method)
        status, error, headers = 500, "internal error", {}
    request.app[CONTEXT].refusals.write(request.method, status, error)
    return error_response(error, status, headers)


def _allow_origin(request: web.Request, answer: web.StreamResponse, context: Context) -> None:
    """Let pages of allowed origins read the answer (CORS)."""
    origin = request.headers.get("Origin")
    if "*" in context.settings.allowed_origins:
        answer.headers["Access-Control-Allow-Origin"] = "*"
    else:
        answer.headers["Vary"] = "Origin"
        if origin is None or not context.access.allows_origin(origin, ""):
            return
        answer.headers["Access-Control-Allow-Origin"] = origin
    if request.method == "OPTIONS":
        answer.headers["Access-Control-Allow-Methods"] = "GET, POST"
        answer.headers["Access-Control-Allow-Headers"] = "Authorization, Content-Type"
        answer.headers["Access-Control-Max-Age"] = "86400"
