"""The key set of JWKS_URL (RFC 7517): fetched at the start, every five minutes, and when asked.

Keys that were fetched once go on to count when their server is away, for `MAX_AGE` of
`relay.access.access`. What it answers is bounded, and so is how often it is asked: a token that
names an unknown key must not make the relay flood that server.
"""

import asyncio
import logging
import zlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Final
from urllib.parse import urlsplit

import aiohttp
import orjson

from relay.access.keys import BadKey, Key, key_set

logger = logging.getLogger("relay")

_PERIOD: Final = 300.0  # seconds between two fetches
_RETRY: Final = 15.0  # seconds until the next, after one that failed
PAUSE: Final = 10.0  # seconds between two fetches that tokens asked for
TIMEOUT: Final = aiohttp.ClientTimeout(total=5)  # seconds
_MAX_SIZE: Final = 256 * 1024  # bytes of the answer, as it comes and decompressed
_PLAIN: Final = {"Accept-Encoding": "identity"}  # some servers send what they keep: compressed
_GZIP: Final = 16 + zlib.MAX_WBITS  # RFC 1952, as zlib is told of it


class _NoKeySet(Exception):
    """The answer is none that can be used; `str()` says why."""


class KeySet:
    """Fetches keys and hands them to `take`."""

    def __init__(self, url: str, take: Callable[[tuple[Key, ...]], None]) -> None:
        self._url = url
        self._host = urlsplit(url).hostname  # all that is logged: a query could hold a secret
        self._take = take
        self._ids: frozenset[str] = frozenset()
        self._is_failing = False
        self._asked: float | None = None  # when the latest fetch began, event loop's clock
        self._fetch_task: asyncio.Task[bool] | None = None

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Fetch it now, then now and then for as long as the context is open."""
        await self.fetch()
        period_task = asyncio.create_task(self._run(), name="key set")
        try:
            yield
        finally:
            for task in (period_task, self._fetch_task):
                if task is not None:
                    task.cancel()
                    with suppress(asyncio.CancelledError):
                        await task

    async def refresh(self) -> bool:
        """Fetch it again, unless that was done just now; return whether there is a new answer."""
        loop = asyncio.get_running_loop()
        if self._fetch_task is None:
            if self._asked is not None and loop.time() - self._asked < PAUSE:
                return False
            self._fetch_task = asyncio.create_task(self.fetch(), name="key set on demand")
            self._fetch_task.add_done_callback(self._forget)
        return await asyncio.shield(self._fetch_task)

    def _forget(self, task: asyncio.Task[bool]) -> None:
        self._fetch_task = None

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(_RETRY if self._is_failing else _PERIOD)
            await self.fetch()

    async def fetch(self) -> bool:
        self._asked = asyncio.get_running_loop().time()
        try:
            keys, left_out = key_set(await self._load())
            if not keys:
                raise _NoKeySet(f"none of its {left_out} keys is for RS256, ES256 or EdDSA")
        except (BadKey, _NoKeySet) as error:
            self._fail(str(error))
            return False
        self._take(keys)
        ids = frozenset(key.id for key in keys)
        if self._is_failing or ids != self._ids:
            logger.info(
                "key set of %s: %d keys%s",
                self._host,
                len(keys),
                f", {left_out} left out that no token can use here" if left_out else "",
            )
        self._is_failing, self._ids = False, ids
        return True

    async def _load(self) -> object:
        try:
            async with (
                # Decompressed here: the library would do it before anybody has seen the size.
                aiohttp.ClientSession(timeout=TIMEOUT, auto_decompress=False) as session,
                session.get(self._url, allow_redirects=False, headers=_PLAIN) as answer,
            ):
                if answer.status != 200:
                    raise _NoKeySet(f"it answers {answer.status}")
                body = b""
                async for chunk in answer.content.iter_any():
                    body += chunk
                    _check_size(body)
                encoding = answer.headers.get("Content-Encoding", "").strip().lower()
                if encoding not in ("", "identity"):
                    body = _decompressed(body, encoding)
        except TimeoutError:
            raise _NoKeySet(f"no answer within {TIMEOUT.total:g} s") from None
        except (aiohttp.ClientError, OSError) as error:
            raise _NoKeySet(f"no connection to it ({type(error).__name__})") from None
        try:
            return orjson.loads(body)
        except orjson.JSONDecodeError:
            raise _NoKeySet("its answer is no JSON") from None

    def _fail(self, why: str) -> None:
        if not self._is_failing:  # told once, until it is there again
            self._is_failing = True
            logger.warning(
                "key set of %s: %s; %s",
                self._host,
                why,
                "the keys of the last answer go on to count for a day"
                if self._ids
                else "tokens that its keys would check are refused until it is there",
            )


def _check_size(body: bytes) -> None:
    if len(body) > _MAX_SIZE:
        raise _NoKeySet(f"its answer exceeds limit of {_MAX_SIZE} bytes")


def _decompressed(body: bytes, encoding: str) -> bytes:
    """Return what was compressed, of which no more than one byte too many is ever made."""
    if encoding not in ("gzip", "x-gzip"):
        raise _NoKeySet("its answer has a Content-Encoding that is not gzip")
    gzip = zlib.decompressobj(_GZIP)
    try:
        plain = gzip.decompress(body, _MAX_SIZE + 1)
    except zlib.error:
        raise _NoKeySet("its answer is not gzip, as it says") from None
    _check_size(plain)
    if not gzip.eof:
        raise _NoKeySet("its answer ends early")
    return plain
