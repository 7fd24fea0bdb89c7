"""The audio page: two browsers that beep at each other."""

import re

import pytest
from playwright.async_api import Page, expect

from tests.browser.conftest import Pages
from tests.browser.tools import FAKE_MICROPHONE, LaunchBrowser
from tests.conftest import StartRelay
from tests.process import Relay, drop


async def enter(page: Page, user: str, codec: str = "Opus") -> None:
    await page.get_by_label("Your name").fill(user)
    await page.get_by_label("Codec").select_option(codec)
    await page.get_by_role("button", name="Join and speak").click()
    await expect(page.locator("#state")).to_contain_text("Connected: ")


@pytest.mark.parametrize("codec", ["Opus", "PCM"])
async def test_a_speaker_is_heard_with_delay_and_loss_shown(
    pages: Pages, relay: Relay, room: str, codec: str
) -> None:
    """The listener's meter moves; muting ends it."""
    url = f"{relay.http}/audio?room={room}"
    speaker, listener = await pages.open(url), await pages.open(url)
    await enter(speaker, "speaker", codec)
    await enter(listener, "listener", codec)
    line = listener.locator("li[data-name=speaker]")
    await expect(line.locator(".badge")).to_have_text("speaking")
    meter = listener.get_by_role("meter", name="Level of speaker")
    await expect(meter).not_to_have_attribute("aria-valuenow", "0")
    heard = int(await meter.get_attribute("aria-valuenow") or 0)
    await expect(meter).not_to_have_attribute("aria-valuenow", str(heard))
    for fact in ("delay", "buffer"):
        await expect(line.locator(f"[data-fact={fact}]")).to_contain_text("ms")
    for fact in ("late", "lost"):
        assert re.fullmatch(r"[\d,]+", await line.locator(f"[data-fact={fact}]").inner_text())
    await expect(speaker.locator("#sending")).to_have_text(codec)
    await expect(listener.get_by_text("clock, give or take")).to_be_visible()

    await speaker.get_by_role("button", name="Mute").click()
    await expect(line.locator(".badge")).to_have_text("muted")
    await speaker.get_by_role("button", name="Unmute").click()
    await expect(line.locator(".badge")).to_have_text("speaking")
    await speaker.get_by_role("button", name="Leave").click()
    await expect(speaker.locator("#state")).to_have_text("Not connected: you left.")
    assert pages.errors == []


async def test_sound_that_waited_on_a_busy_device_is_left_out(
    pages: Pages, relay: Relay, room: str
) -> None:
    """Else the listener gets two seconds at once, all of them late."""
    url = f"{relay.http}/audio?room={room}"
    speaker, listener = await pages.open(url), await pages.open(url)
    await enter(speaker, "speaker", "PCM")
    await enter(listener, "listener")
    line = listener.locator("li[data-name=speaker]")
    await expect(line.locator(".badge")).to_have_text("speaking")
    await expect(speaker.locator("#unsent")).to_have_text(re.compile(r"\d"))
    before = int(await speaker.locator("#unsent").inner_text())
    await speaker.evaluate(
        "() => { const end = performance.now() + 2000; while (performance.now() < end); }"
    )
    await speaker.wait_for_function(
        "least => parseInt(document.querySelector('#unsent').textContent) >= least",
        arg=before + 50,  # of the hundred frames of two seconds
    )


async def test_without_permission_one_listens_and_is_told_why(
    pages: Pages, launch_browser: LaunchBrowser, relay: Relay, room: str
) -> None:
    """The other side is heard all the same."""
    url = f"{relay.http}/audio?room={room}"
    speaker = await pages.open(url)
    await enter(speaker, "speaker")
    blocked = await launch_browser(FAKE_MICROPHONE)  # nobody there to allow the microphone
    denied = Pages(blocked)
    listener = await denied.open(url)
    await enter(listener, "listener")
    said = "The microphone is blocked for this page. Allow it .* You still hear the others."
    await expect(listener.get_by_role("alert")).to_have_text(re.compile(said))
    badge = listener.locator("li[data-name=speaker] .badge")
    await expect(badge).to_have_text("speaking")
    await expect(listener.get_by_role("button", name="Mute")).to_be_hidden()
    assert denied.errors == []
    await blocked.close()


async def test_listening_only_asks_for_no_microphone(
    pages: Pages, launch_browser: LaunchBrowser, relay: Relay, room: str
) -> None:
    """Each speaker has a volume, and the delay over time; other loudspeakers can be chosen."""
    url = f"{relay.http}/audio?room={room}"
    speaker = await pages.open(url)
    await enter(speaker, "speaker")
    context = await pages.context()
    await context.add_init_script(
        "navigator.mediaDevices.getUserMedia = () => { throw new Error('asked for a microphone') }"
    )
    listener = await pages.open(url, context)
    await listener.get_by_label("Your name").fill("listener")
    await listener.get_by_label("Listen only").check()
    await listener.get_by_role("button", name="Join and listen").click()
    line = listener.locator("li[data-name=speaker]")
    await expect(line.locator(".badge")).to_have_text("speaking")
    await expect(listener.get_by_role("alert")).to_be_hidden()
    await expect(listener.locator("#own")).to_be_hidden()
    await expect(line.get_by_role("img")).to_have_attribute(
        "aria-label", re.compile(r"last minute: at most \d+ ms")
    )
    meter = listener.get_by_role("meter", name="Level of speaker")
    await listener.get_by_label("Volume of speaker").fill("0")
    await expect(meter).to_have_attribute("aria-valuenow", "0")
    await listener.get_by_label("Volume of speaker").fill("100")
    await expect(meter).not_to_have_attribute("aria-valuenow", "0")
    await expect(speaker.get_by_label("Microphone").locator("option")).not_to_have_count(1)
    assert pages.errors == []


async def test_an_audio_device_that_does_not_play_is_said(
    pages: Pages, relay: Relay, room: str
) -> None:
    """No output, or one that stands still: "Connected" alone would be a lie."""
    for script, said in (
        (
            "MediaDevices.prototype.enumerateDevices = async () => []",
            "This device has no audio output: you hear nothing.",
        ),
        (
            "Object.defineProperty(BaseAudioContext.prototype, 'currentTime', { get: () => 1 })",
            "The audio device does not play: you hear nothing.",
        ),
    ):
        context = await pages.context()
        await context.add_init_script(script)
        page = await pages.open(f"{relay.http}/audio?room={room}", context)
        await page.get_by_label("Listen only").check()
        await page.get_by_role("button", name="Join and listen").click()
        await expect(page.locator("#device")).to_contain_text(said)
        await page.get_by_role("button", name="Leave").click()
        await expect(page.locator("#device")).to_be_hidden()


async def test_nobody_is_called_muted_while_the_relay_is_away(
    pages: Pages, start_relay: StartRelay, room: str
) -> None:
    """The page does not know who speaks."""
    relay = await start_relay(DRAIN_WINDOW="0s")
    url = f"{relay.http}/audio?room={room}"
    speaker, listener = await pages.open(url), await pages.open(url)
    await enter(speaker, "speaker")
    await enter(listener, "listener")
    badge = listener.locator("li[data-name=speaker] .badge")
    await expect(badge).to_have_text("speaking")
    await relay.stop()
    await expect(listener.locator("#state")).to_contain_text("Reconnecting: ")
    await expect(badge).to_have_text("unknown")


async def test_the_relay_can_be_another_one(
    pages: Pages, relay: Relay, start_relay: StartRelay, room: str
) -> None:
    """Its clock and its members are asked across origins; what it refuses is said."""
    other = await start_relay()
    page = await pages.open(f"{relay.http}/audio?room={room}")
    await page.get_by_label("Relay’s address").fill(other.http)  # noqa: RUF001
    await enter(page, "alice")
    await expect(page.get_by_text("clock, give or take")).to_be_visible()
    bob = await other.connect("bob", room=room)
    await expect(page.locator("li[data-name=bob] .badge")).to_have_text("listening")
    await drop(bob)  # it has never read, so it could not say goodbye
    again = await pages.open(f"{relay.http}/audio?room={room}")
    await again.get_by_label("Relay’s address").fill(other.http)  # noqa: RUF001
    await again.get_by_label("Your name").fill("alice")
    await again.get_by_role("button", name="Join and speak").click()
    said = f"Not connected: name 'alice' is in use in room '{room}'."
    await expect(again.locator("#state")).to_have_text(said)


async def test_without_webcodecs_pcm_is_sent_and_opus_is_named_as_the_reason_for_silence(
    pages: Pages, relay: Relay, room: str
) -> None:
    """An older browser takes part as far as it can, and says what it cannot."""
    context = await pages.context()
    await context.add_init_script("delete window.AudioEncoder; delete window.AudioDecoder")
    url = f"{relay.http}/audio?room={room}"
    older, newer = await pages.open(url, context), await pages.open(url)
    await expect(older.get_by_label("Codec")).to_have_value("2")
    await older.get_by_role("button", name="Join and speak").click()
    await enter(newer, "newer", "Opus")
    await expect(older.locator("#sending")).to_have_text("PCM")
    badge = older.locator("li[data-name=newer] .badge")
    await expect(badge).to_have_text("sends Opus, which this browser cannot decode")
    await expect(newer.locator("#speakers .badge")).to_have_text("speaking")
    assert pages.errors == []


async def test_a_browser_without_audio_worklets_is_told_so(pages: Pages, relay: Relay) -> None:
    """Nothing is promised that cannot work."""
    context = await pages.context()
    await context.add_init_script("delete window.AudioWorkletNode")
    page = await pages.open(f"{relay.http}/audio", context)
    await page.get_by_role("button", name="Join and speak").click()
    await expect(page.get_by_role("alert")).to_contain_text("This browser has no AudioWorklet")
