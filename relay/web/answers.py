"""Answers in JSON."""

from collections.abc import Mapping
from typing import Any

import orjson
from aiohttp import web


def json_response(
    data: Any, status: int = 200, headers: Mapping[str, str] | None = None
) -> web.Response:
    """Return `data` as JSON that no cache keeps."""
    return web.Response(
        body=orjson.dumps(data),
        status=status,
        content_type="application/json",
        headers={"Cache-Control": "no-store", **(headers or {})},
    )


def error_response(
    error: str, status: int, headers: Mapping[str, str] | None = None
) -> web.Response:
    """Return a refusal; what a client sent may stand in it, and need not be valid Unicode."""
    return json_response({"error": error.encode(errors="replace").decode()}, status, headers)
