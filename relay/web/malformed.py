"""Bytes that are no HTTP request: counted, and one line in the log."""

import logging
from functools import partial

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

from relay.edge.watch import Watch


def watch_malformed(watch: Watch) -> None:
    """Count what aiohttp cannot read as a request, and shorten what it logs of that."""
    logger = logging.getLogger("aiohttp.server")
    logger.setLevel(logging.DEBUG)  # it hides some of what strangers send
    logger.addFilter(partial(_note, watch))


def _note(watch: Watch, record: logging.LogRecord) -> bool:
    """Leave one line of aiohttp's traceback.

    Such bytes come from strangers, and could quote a token: their own text is left out.
    """
    error = record.exc_info[1] if record.exc_info else None
    if isinstance(error, web.RequestPayloadError):
        return False  # the rest of a body whose request has been refused, counted and logged
    if isinstance(error, HttpProcessingError):
        watch.refused[error.code] += 1
        record.levelno, record.levelname = logging.INFO, "INFO"
        record.msg, record.args = "refused a request: %d %s", (error.code, type(error).__name__)
        record.exc_info = None
    return record.levelno > logging.DEBUG
