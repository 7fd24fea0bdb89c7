"""What comes out of the loudspeaker when somebody speaks on the audio page: in both browsers."""

from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path
from typing import Final

import pytest
import pytest_asyncio
from playwright.async_api import expect

from tests.browser.firefox import Firefox, require
from tests.browser.pulse import TONE, Pulse
from tests.browser.tools import ALLOW_MICROPHONE, LaunchBrowser
from tests.process import Relay

_OTHERS: Final = (730, 1_370)  # Hz, neither in the tone nor above it
_HEARD: Final = 0.01  # of the range: a browser takes a tone for noise, and turns it down
_CLEARER: Final = 5  # times as loud as what is not there
_SECONDS: Final = 2  # that it is heard
# In some runs Firefox 153 stood still when its sandboxed tabs played through its main process.
_SOUND: Final = {
    "media.navigator.streams.fake": False,
    "media.cubeb.sandbox": False,
    "security.sandbox.content.level": 0,
}
_CONNECTED: Final = "document.querySelector('#state').textContent.startsWith('Connected: ')"


@pytest_asyncio.fixture
async def pulse() -> AsyncIterator[Pulse]:
    async with Pulse.start() as server:
        yield server


@pytest.mark.parametrize("speaks", ["firefox", "chromium"])
async def test_a_voice_is_heard_in_the_other_browser(
    pulse: Pulse,
    launch_browser: LaunchBrowser,
    relay: Relay,
    room: str,
    tmp_path: Path,
    speaks: str,
) -> None:
    """The tone that the microphone hears comes out of the loudspeaker, and no other one."""
    url = f"{relay.http}/audio?room={room}"
    chromium = await launch_browser(
        ALLOW_MICROPHONE, env=pulse.env, ignore_default_args=["--mute-audio"]
    )
    async with Firefox.start(require(), tmp_path, preferences=_SOUND, env=pulse.env) as firefox:
        tab = await firefox.tab(url)
        page = await chromium.new_page()
        await page.goto(url)
        if speaks == "firefox":
            await page.get_by_label("Listen only").check()
        else:
            await tab.click("#listen")
        await page.locator("#enter").click()
        await tab.click("#enter")
        await tab.until(_CONNECTED)
        await expect(page.locator("#state")).to_contain_text("Connected: ")
        heard = 0
        async with aclosing(pulse.loudness((TONE, *_OTHERS))) as loudness:
            async for tone, *others in loudness:
                print(f"{tone:.4f}", *(f"{other:.4f}" for other in others))
                heard += tone > _HEARD and tone > _CLEARER * max(others)
                if heard == _SECONDS:
                    break
        if speaks == "chromium":
            delay = await tab.text("[data-fact=delay]")
            assert int(delay.removesuffix(" ms")) >= 0
    await chromium.close()


async def test_firefox_says_that_there_is_no_loudspeaker(
    relay: Relay, room: str, tmp_path: Path
) -> None:
    """It plays nothing, also after a click: "Connected" is not all there is to say."""
    said = "document.querySelector('#device-text').textContent"
    async with (
        Pulse.start(has_devices=False) as pulse,
        Firefox.start(require(), tmp_path, preferences=_SOUND, env=pulse.env) as firefox,
    ):
        tab = await firefox.tab(f"{relay.http}/audio?room={room}")
        await tab.click("#listen")
        await tab.click("#enter")
        await tab.until(f"{said}.includes('press Play')")
        await tab.click("#play")
        await tab.until(f"{said}.startsWith('The audio device does not play: you hear nothing.')")
        assert await tab.run(_CONNECTED)
