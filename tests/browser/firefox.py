"""Firefox by WebDriver BiDi (https://w3c.github.io/webdriver-bidi/): open a page, and run scripts.

Playwright drives a Firefox that it has changed; this one is Debian's. What the tests need of the
protocol is three commands.
"""

import asyncio
import json
import os
import re
import shutil
import signal
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from itertools import count
from pathlib import Path
from typing import Any, Final

from websockets.asyncio.client import ClientConnection, connect

from tests.browser.tools import missing

PROGRAMS: Final = ("firefox-esr", "firefox")
_LISTENS: Final = re.compile(r"WebDriver BiDi listening on (ws://\S+)")
_PREFERENCES: Final = {
    "media.navigator.permission.disabled": True,  # allow the microphone
    "media.navigator.streams.fake": True,  # which beeps
    "media.autoplay.default": 0,
    "app.update.enabled": False,
    "browser.shell.checkDefaultBrowser": False,
    "datareporting.policy.dataSubmissionEnabled": False,
    "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False,
    "toolkit.telemetry.enabled": False,
}
_PERIOD: Final = 0.1  # seconds between two looks for a condition


class ScriptFailed(Exception):
    """A script has thrown; `str()` says what."""


class Tab:
    """One page."""

    def __init__(self, firefox: "Firefox", context: str) -> None:
        self._firefox = firefox
        self._context = context

    async def open(self, url: str) -> None:
        await self._firefox.call(
            "browsingContext.navigate", context=self._context, url=url, wait="complete"
        )

    async def run(self, script: str) -> Any:
        """Return what the expression is, or the promise becomes; as JSON holds it."""
        result = await self._firefox.call(
            "script.evaluate",
            expression=f"(async () => JSON.stringify(await ({script})))()",
            target={"context": self._context},
            awaitPromise=True,
            userActivation=True,
        )
        if result["type"] == "exception":
            raise ScriptFailed(result["exceptionDetails"]["text"])
        text = result["result"].get("value")
        return None if text is None else json.loads(text)

    async def until(self, script: str) -> Any:
        """Wait until the expression is true; return it."""
        while not (value := await self.run(script)):
            await asyncio.sleep(_PERIOD)
        return value

    async def click(self, selector: str) -> None:
        await self.run(f"document.querySelector({json.dumps(selector)}).click()")

    async def fill(self, selector: str, text: str) -> None:
        """Write into a field, as somebody who types would."""
        await self.run(
            f"""(() => {{
              const field = document.querySelector({json.dumps(selector)});
              field.value = {json.dumps(text)};
              field.dispatchEvent(new Event("input", {{ bubbles: true }}));
            }})()"""
        )

    async def text(self, selector: str) -> str:
        found: str = await self.run(f"document.querySelector({json.dumps(selector)}).textContent")
        return found


class Firefox:
    """A browser that runs."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket
        self._numbers = count(1)
        self._waiting: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._read_task = asyncio.create_task(self._read())

    @classmethod
    @asynccontextmanager
    async def start(
        cls,
        program: str,
        profile: Path,
        *,
        preferences: Mapping[str, bool | int] | None = None,
        env: Mapping[str, str] | None = None,
    ) -> AsyncIterator["Firefox"]:
        """Start it with a profile of its own, without a window; both are added to its own."""
        preferred = {**_PREFERENCES, **(preferences or {})}
        lines = [f"user_pref({json.dumps(k)}, {json.dumps(v)});" for k, v in preferred.items()]
        await asyncio.to_thread((profile / "user.js").write_text, "\n".join(lines))
        process = await asyncio.create_subprocess_exec(
            *(program, "--headless", "--no-remote", "--remote-debugging-port=0"),
            *("--profile", str(profile), "about:blank"),
            env={**os.environ, "HOME": str(profile), **(env or {})},
            stderr=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            assert process.stderr is not None
            async for line in process.stderr:
                if found := _LISTENS.search(line.decode(errors="replace")):
                    break
            else:
                raise AssertionError("firefox ended before it listened")
            drain_task = asyncio.create_task(process.stderr.read())
            async with connect(f"{found[1]}/session", max_size=None, ping_interval=None) as socket:
                firefox = cls(socket)
                await firefox.call("session.new", capabilities={})
                yield firefox
                firefox._read_task.cancel()
            drain_task.cancel()
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            await process.wait()

    async def call(self, method: str, **params: Any) -> dict[str, Any]:
        number = next(self._numbers)
        waiting = self._waiting[number] = asyncio.get_running_loop().create_future()
        await self._socket.send(json.dumps({"id": number, "method": method, "params": params}))
        answer = await waiting
        del self._waiting[number]
        if answer["type"] == "error":
            raise AssertionError(f"{method}: {answer['message']}")
        result: dict[str, Any] = answer["result"]
        return result

    async def tab(self, url: str) -> Tab:
        """Open a page in a tab of its own."""
        created = await self.call("browsingContext.create", type="tab")
        tab = Tab(self, created["context"])
        await tab.open(url)
        return tab

    async def _read(self) -> None:
        async for message in self._socket:
            answer = json.loads(message)
            waiting = self._waiting.get(answer.get("id"))
            if waiting is not None and not waiting.done():
                waiting.set_result(answer)


def require() -> str:
    """Return its path; without one, skip the test, and fail it in CI."""
    return next(filter(None, map(shutil.which, PROGRAMS)), None) or missing("firefox-esr")
