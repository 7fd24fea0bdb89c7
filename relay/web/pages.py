"""The relay's own pages: files of `relay/static/`, under a strict Content-Security-Policy."""

import hashlib
from collections.abc import Awaitable, Callable, Iterator
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Final, NamedTuple

from aiohttp import web

from relay.web.context import CONTEXT
from relay.web.refusals import Refusal, quoted
from relay.web.target import rest_of

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

_TYPES: Final = {
    "html": "text/html",
    "css": "text/css",
    "js": "text/javascript",
    "svg": "image/svg+xml",
    "yaml": "application/yaml",
}
_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "connect-src {connect}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
# ws: and wss: are named because Safari before 15.4 does not count them as 'self'.
_CONNECT: Final = "'self' ws: wss:"
# The audio page has a field for the address of another relay.
_CONNECT_ANYWHERE: Final = "'self' ws: wss: http: https:"
_HEADERS: Final = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",
}
# What a page shows at once, before any script runs; see `page`.
_TOKENS_OFF: Final = b'<html lang="en" data-tokens="off">'
_TOKENS_ON: Final = b'<html lang="en" data-tokens="on">'


class _File(NamedTuple):
    body: bytes
    content_type: str
    etag: str


def _walk(folder: Traversable, prefix: str = "") -> Iterator[tuple[str, Traversable]]:
    for entry in folder.iterdir():
        if entry.is_dir():
            yield from _walk(entry, f"{prefix}{entry.name}/")
        else:
            yield prefix + entry.name, entry


def _load() -> dict[str, _File]:
    found = {}
    for path, entry in _walk(files("relay").joinpath("static")):
        content_type = _TYPES.get(path.rpartition(".")[2])
        if content_type is not None:
            body = entry.read_bytes()
            found[path] = _File(body, content_type, hashlib.sha256(body).hexdigest()[:16])
    return found


_FILES: Final = _load()


def page(name: str, *, microphone: bool = False) -> Handler:
    """Return the handler of one page; only one with a microphone may ask for it."""
    connect, speaker = (_CONNECT_ANYWHERE, "self") if microphone else (_CONNECT, "")
    headers = {
        **_HEADERS,
        "Content-Security-Policy": _POLICY.format(connect=connect),
        "Permissions-Policy": f"camera=(), geolocation=(), microphone=({speaker})",
    }
    body = _FILES[name].body
    assert _TOKENS_OFF in body, name

    async def handler(request: web.Request) -> web.Response:
        """The page, with a field for a token where the relay asks for one."""
        asks = request.app[CONTEXT].access.asks_for_tokens
        shown = body.replace(_TOKENS_OFF, _TOKENS_ON) if asks else body
        return web.Response(body=shown, content_type="text/html", charset="utf-8", headers=headers)

    return handler


async def static(request: web.Request) -> web.Response:
    """A file that a page needs; 304 where the browser has it already."""
    path = rest_of(request, "/static/")
    file = _FILES.get(path)
    if file is None or file.content_type == "text/html":
        raise Refusal(404, f"no such file: {quoted(path)}")
    headers = {
        **_HEADERS,
        "Content-Security-Policy": "default-src 'none'",
        "Access-Control-Allow-Origin": "*",  # so that any page can import relay-client.js
    }
    etags = request.if_none_match or ()
    response = web.Response(
        status=304 if any(etag.value == file.etag for etag in etags) else 200, headers=headers
    )
    if response.status == 200:
        response.body = file.body
        response.content_type, response.charset = file.content_type, "utf-8"
    response.etag = file.etag
    return response
