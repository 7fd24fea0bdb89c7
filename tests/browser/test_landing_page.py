"""The landing page: a live room, as two people use it."""

import asyncio
import re
import time
from datetime import UTC, datetime, timedelta
from itertools import cycle

from playwright.async_api import Page, expect

from tests.browser.conftest import Pages
from tests.clients.proxy import Proxy
from tests.conftest import StartRelay
from tests.process import Relay


async def enter(pages: Pages, relay: Relay, user: str, room: str) -> Page:
    page = await pages.open(f"{relay.http}/?room=elsewhere")
    # What is typed before the page joins by itself is what it joins with, and then it can be left.
    await expect(page.get_by_role("status")).to_contain_text("Connected: in room elsewhere")
    await page.get_by_label("Your name").fill(user)
    await page.get_by_label("Room", exact=True).fill(room)
    await page.get_by_role("button", name="Join").click()
    await expect(page.get_by_role("status")).to_have_text(f"Connected: in room {room} as {user}.")
    return page


async def say(page: Page, text: str) -> None:
    await page.get_by_label("Message", exact=True).fill(text)
    await page.keyboard.press("Enter")


async def test_two_pages_talk_and_both_come_back_after_a_restart(
    pages: Pages, start_relay: StartRelay, port: str
) -> None:
    """Also: who is here is shown, and what is sent while the relay is away arrives later."""
    relay = await start_relay(DRAIN_WINDOW="0s", PORT=port)
    alice = await enter(pages, relay, "alice", "kitchen")
    bob = await enter(pages, relay, "bob", "kitchen")
    for page in (alice, bob):
        await expect(page.locator("#members .name")).to_have_text(
            ["alice", "bob"] if page is alice else ["bob", "alice"]
        )
    await say(alice, "is the soup on?")
    # Each page shows its own messages at once: an answer comes after what it answers.
    await expect(bob.locator(".text")).to_have_text(["is the soup on?"])
    await say(bob, "since ten minutes")
    for page in (alice, bob):
        await expect(page.locator(".text")).to_have_text(["is the soup on?", "since ten minutes"])
        await expect(page.locator(".who strong")).to_have_text(["alice", "bob"])
        await expect(page.locator(".message.unsure")).to_have_count(0)
    assert pages.errors == []

    await relay.stop()
    for page in (alice, bob):
        await expect(page.get_by_role("status")).to_contain_text("Reconnecting: ")
    said = alice.get_by_text("Reconnecting: relay is restarting.", exact=True)
    await expect(said).to_be_visible()
    await say(alice, "still there?")
    await expect(alice.locator(".unsure .text")).to_have_text("still there?")
    await start_relay(PORT=port)
    for page in (alice, bob):
        await expect(page.get_by_role("status")).to_contain_text("Connected: in room kitchen")
    await expect(alice.locator(".message.unsure")).to_have_count(0)
    await expect(alice.get_by_text("Messages sent meanwhile may be missing.")).to_be_visible()
    await expect(alice.get_by_text("perhaps not delivered")).to_have_count(0)
    await say(bob, "always")
    await expect(alice.locator(".text").last).to_have_text("always")


async def test_a_link_to_a_room_leads_into_it_and_shows_what_was_said(
    pages: Pages, relay: Relay, room: str
) -> None:
    """Who said it is what the relay says, whatever the text; binary is shown as what it is."""
    async with relay.connect("program", room=room) as program:
        await program.send("alice: I am not alice")
        await program.send(b"\0" * 1500)
        page = await pages.open(f"{relay.http}/?room={room}")
        shown = ["alice: I am not alice", "1,500 bytes of binary"]
        await expect(page.locator(".text")).to_have_text(shown)
        await expect(page.locator(".who strong")).to_have_text(["program"])
        await say(page, "hello program")
        assert await program.recv() == "hello program"
    href = await page.get_by_role("link", name="Open in another tab").get_attribute("href")
    assert href == f"{relay.http}/?room={room}"
    await expect(page.get_by_role("img", name=f"QR code of {href}")).to_be_visible()


async def test_nothing_is_missed_after_an_outage(pages: Pages, relay: Relay, room: str) -> None:
    """The page says so, and shows what was said meanwhile and by whom."""
    async with Proxy.open(relay.port) as proxy, relay.connect("bob", room=room) as bob:
        page = await pages.open(f"{proxy.url}/?room={room}")
        await expect(page.get_by_role("status")).to_contain_text("Connected: ")
        await expect(page.locator("#members li")).to_have_count(2)
        proxy.stall()
        proxy.cut()
        await expect(page.get_by_role("status")).not_to_contain_text("Connected: ")
        await bob.send("meanwhile")
        await say(page, "from here")
        await expect(page.locator(".unsure .text")).to_have_text("from here")
        proxy.cut()
        proxy.flow()
        await expect(page.get_by_text("Back. Nothing was missed.")).to_be_visible()
        await expect(page.locator(".text").last).to_have_text("meanwhile")
        await expect(page.locator(".who strong").last).to_have_text("bob")
        await expect(page.locator(".message.unsure")).to_have_count(0)
        assert await bob.recv() == "from here"


async def test_text_from_others_is_never_markup(pages: Pages, relay: Relay, room: str) -> None:
    """What looks like HTML is shown as text."""
    page = await pages.open(f"{relay.http}/?room={room}")
    await expect(page.get_by_role("status")).to_contain_text("Connected: ")
    text = f"<img src=x onerror=alert({time.time_ns()})>"
    async with relay.connect("eve", room=room) as eve:
        await eve.send(text)
        await expect(page.locator(".text")).to_have_text(text)
    assert pages.errors == []


async def test_room_is_alive_on_load_and_keeps_the_guests_name(
    pages: Pages, relay: Relay, room: str
) -> None:
    """Nobody has to press anything; a second tab of the same guest gets a free name."""
    context = await pages.context()
    page = await pages.open(f"{relay.http}/?room={room}", context)
    await expect(page.get_by_role("status")).to_contain_text(f"Connected: in room {room} as ")
    name = await page.get_by_label("Your name").input_value()
    assert await page.evaluate("localStorage.getItem('relay.name')") in (None, name)
    await page.get_by_label("Your name").fill("alice")
    await page.get_by_role("button", name="Join").click()
    await expect(page.get_by_role("status")).to_have_text(f"Connected: in room {room} as alice.")
    second = await pages.open(f"{relay.http}/?room={room}", context)
    await expect(second.get_by_role("status")).to_contain_text("as alice-2.")
    await page.close()
    await second.close()
    again = await pages.open(f"{relay.http}/", context)
    await expect(again.get_by_role("status")).to_have_text("Connected: in room lobby as alice.")


async def test_pointers_and_round_trips_of_everybody_are_shown(
    pages: Pages, relay: Relay, room: str
) -> None:
    """By name, and gone with who has left the room; text of strangers breaks nothing."""
    alice = await enter(pages, relay, "alice", room)
    bob = await enter(pages, relay, "bob", room)
    await expect(alice.locator("#members .name")).to_have_text(["alice", "bob"])
    for page in (alice, bob):
        await expect(page.locator("#delay")).to_have_text(re.compile(r"^\d+(\.\d)? ms$"))
        await expect(page.locator("#members small")).to_have_count(2)
    async with relay.connect("eve", room=f"cursors of {room}") as eve:
        await eve.send("no JSON")
        await eve.send('{"x":7,"y":"1"}')
        seen_task = asyncio.create_task(expect(alice.locator(".cursor")).to_have_text(["bob"]))
        # A page tells no more than twenty places a second, and a slow reader skips some.
        for x in cycle((900, 960, 1020)):
            await bob.mouse.move(x, 400)
            if (await asyncio.wait([seen_task], timeout=0.1))[0]:
                break
        await seen_task
    await bob.close()
    await expect(alice.locator(".cursor")).to_have_count(0)
    assert pages.errors == []


async def test_a_relay_that_is_silent_or_a_device_that_is_offline_is_said(
    pages: Pages, relay: Relay, room: str
) -> None:
    """Within seconds, and "Try now" is there while the page waits."""
    async with Proxy.open(relay.port) as proxy:
        context = await pages.context()
        page = await pages.open(f"{proxy.url}/?room={room}", context)
        await expect(page.get_by_role("status")).to_contain_text("Connected: ")
        await expect(page.locator("#delay")).to_contain_text(" ms")
        proxy.stall()
        await expect(page.locator("#delay")).to_have_text(re.compile(r"no answer for \d+ s"))
        # Until the network is back it is "waiting", or "connecting" at times.
        await expect(page.locator("#state")).not_to_have_attribute("data-state", "open")
        await say(page, "are you there?")
        await expect(page.locator(".unsure .text")).to_have_text("are you there?")
        proxy.flow()
        await expect(page.locator(".unsure")).to_have_count(0)
        await expect(page.locator("#state")).to_have_attribute("data-state", "open")
        await context.set_offline(True)
        await expect(page.get_by_role("status")).to_contain_text("offline")
        proxy.cut()
        await context.set_offline(False)
        await expect(page.get_by_role("status")).to_contain_text("Connected: ")


async def test_try_now_connects_at_once(pages: Pages, start_relay: StartRelay, port: str) -> None:
    """A person need not wait for the countdown, which stands still here."""
    relay = await start_relay(DRAIN_WINDOW="0s", PORT=port)
    context = await pages.context()
    await context.clock.install()
    page = await pages.open(f"{relay.http}/", context)
    await expect(page.get_by_role("status")).to_contain_text("Connected: ")
    await relay.stop()
    now = page.get_by_role("button", name="Try now")
    await expect(now).to_be_visible()
    await page.clock.pause_at(datetime.now(UTC) + timedelta(hours=1))
    await expect(now).to_be_visible()
    await start_relay(PORT=port)
    await now.click()
    await expect(page.get_by_role("status")).to_contain_text("Connected: ")
    await expect(now).to_be_hidden()
