"""The relay's own pages: files of `relay/static/`, under a strict Content-Security-Policy."""

from importlib.resources import files
from typing import Final

from aiohttp import web

from relay.web.context import Refusal, quoted

_TYPES: Final = {
    "html": "text/html",
    "css": "text/css",
    "js": "text/javascript",
    "svg": "image/svg+xml",
}
_HEADERS: Final = {
    # connect-src names ws: and wss: because Safari before 15.4 does not count them as 'self'.
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
        "connect-src 'self' ws: wss:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",
}


def _load() -> dict[str, tuple[bytes, str]]:
    found = {}
    for file in files("relay").joinpath("static").iterdir():
        content_type = _TYPES.get(file.name.rpartition(".")[2])
        if content_type is not None:
            found[file.name] = (file.read_bytes(), content_type)
    return found


_FILES: Final = _load()


async def index(request: web.Request) -> web.Response:
    """The landing page."""
    return _page("index.html")


async def static(request: web.Request) -> web.Response:
    """A file that a page needs."""
    name = request.match_info["name"]
    if name not in _FILES:
        raise Refusal(404, f"no such file: {quoted(name)}")
    return _page(name)


def _page(name: str) -> web.Response:
    body, content_type = _FILES[name]
    return web.Response(body=body, content_type=content_type, charset="utf-8", headers=_HEADERS)
