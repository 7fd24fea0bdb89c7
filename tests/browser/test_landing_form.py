"""The form of the landing page and its samples: what is refused, and what runs as it stands."""

import asyncio
import os
import sys
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Page, Route, expect

from relay.access.tokens import mint
from relay.names import RoomName, UserName
from tests.browser.conftest import Pages
from tests.browser.tools import MODULES
from tests.conftest import StartRelay
from tests.process import Relay

SECRET = "0123456789abcdef0123456789abcdef"
SAMPLES = {
    "browser": "hello from a browser",
    "python": "hello from Python",
    "node": "hello from Node",
    "shell": "hello from a shell",
}


async def join(page: Page, user: str, room: str) -> None:
    await page.get_by_label("Your name").fill(user)
    await page.get_by_label("Room", exact=True).fill(room)
    await page.get_by_role("button", name="Join").click()


async def test_name_in_use_is_said_at_the_field_with_a_free_one(
    pages: Pages, relay: Relay, room: str
) -> None:
    """The focus stays there, and one click takes the free name."""
    async with relay.connect("alice", room=room), relay.connect("alice-2", room=room):
        page = await pages.open(f"{relay.http}/")
        await join(page, "alice", room)
        error = page.locator("#user-error")
        await expect(error).to_contain_text(f"Name 'alice' is in use in room '{room}'.")
        await expect(page.get_by_label("Your name")).to_be_focused()
        await expect(page.get_by_label("Your name")).to_have_attribute("aria-invalid", "true")
        await page.get_by_role("button", name="Use alice-3").click()
        await expect(page.get_by_role("status")).to_have_text(
            f"Connected: in room {room} as alice-3."
        )
        await expect(error).to_be_hidden()


async def test_who_types_before_the_scripts_are_there_joins_when_they_say_so(
    pages: Pages, relay: Relay, room: str
) -> None:
    """The page does not join with half a name, and "Join" is no "Leave" when they press it."""
    context = await pages.context()
    is_typed = asyncio.Event()

    async def hold(route: Route) -> None:
        await is_typed.wait()
        await route.continue_()

    await context.route("**/landing/form.js", hold)
    page = await context.new_page()
    await page.goto(f"{relay.http}/?room={room}", wait_until="commit")
    await page.get_by_label("Your name").fill("ali")
    is_typed.set()
    await expect(page.get_by_label("Room", exact=True)).to_have_value(room)
    await expect(page.get_by_role("status")).to_have_text("Not connected yet.")
    await page.get_by_label("Your name").press_sequentially("ce")
    await page.get_by_role("button", name="Join").dblclick()
    await expect(page.get_by_role("status")).to_have_text(f"Connected: in room {room} as alice.")
    await expect(page.get_by_role("button", name="Leave")).to_be_visible()


async def test_fields_that_are_filled_in_while_a_free_name_is_looked_for_are_left_alone(
    pages: Pages, relay: Relay, room: str
) -> None:
    """The button says "Leave" all the time, until somebody writes something else."""
    context = await pages.context()
    await context.add_init_script("localStorage.setItem('relay.name', 'alice')")
    is_asked, is_typed = asyncio.Event(), asyncio.Event()

    async def hold(route: Route) -> None:
        is_asked.set()
        await is_typed.wait()
        await route.continue_()

    await context.route("**/rooms/*", hold)
    async with relay.connect("alice", room=room):
        page = await pages.open(f"{relay.http}/?room={room}", context)
        await is_asked.wait()
        await expect(page.get_by_role("button", name="Leave")).to_be_visible()
        await page.get_by_label("Room", exact=True).press("End")
        await page.get_by_label("Room", exact=True).press_sequentially("-b")
        await expect(page.get_by_role("button", name="Join")).to_be_visible()
        async with page.expect_response("**/rooms/*"):
            is_typed.set()
        await expect(page.get_by_label("Room", exact=True)).to_have_value(f"{room}-b")
        await expect(page.get_by_label("Your name")).to_have_value("alice")
        await page.get_by_role("button", name="Join").click()
        await expect(page.get_by_role("status")).to_have_text(
            f"Connected: in room {room}-b as alice."
        )


@pytest.mark.parametrize(
    ("user", "room", "field", "said"),
    [
        ("a/b", "den", "user", "User name contains '/'; / \\ ? # are not allowed."),
        ("..", "den", "user", 'User "..": expected a name.'),
        ("alice", "d#n", "room", "Room name contains '#'; / \\ ? # are not allowed."),
        ("ä" * 64, "den", "user", ""),
        ("alice", "字" * 60, "room", "Room name of 180 bytes exceeds limit of 128."),
    ],
)
async def test_name_that_cannot_be_gets_its_sentence_at_the_field(
    pages: Pages, relay: Relay, user: str, room: str, field: str, said: str
) -> None:
    """In the relay's words; another one can be tried at once."""
    page = await pages.open(f"{relay.http}/")
    await expect(page.get_by_role("status")).to_contain_text("Connected: ")
    await join(page, user, room)
    if not said:
        await expect(page.get_by_role("status")).to_contain_text(f"as {user}")
        return
    await expect(page.locator(f"#{field}-error")).to_have_text(said)
    await expect(page.locator(f"#{field}")).to_be_focused()
    await join(page, f"zoe-{os.getpid()}", "den")
    await expect(page.get_by_role("status")).to_contain_text("Connected: in room den as zoe")


async def test_token_is_asked_for_hidden_and_kept(
    pages: Pages, start_relay: StartRelay, relay: Relay
) -> None:
    """It fills in the name and the room that it is for, and survives a reload of the tab."""
    guarded = await start_relay(JWT_SECRET=SECRET)
    page = await pages.open(f"{guarded.http}/?room=office")
    await expect(page.get_by_role("status")).to_have_text("Not connected yet.")
    await page.get_by_role("button", name="Join").click()
    await expect(page.locator("#token-error")).to_have_text("Token required.")
    token = mint(UserName("zoë"), [RoomName("büro")], 600, SECRET)
    field = page.get_by_label("Token", exact=True)
    await expect(field).to_have_attribute("type", "password")
    around = page.locator(".field.token")
    assert await around.evaluate("field => getComputedStyle(field).overflowX") == "visible"
    await field.fill(token)
    await page.get_by_role("button", name="Show").click()
    await expect(field).to_have_attribute("type", "text")
    await page.get_by_role("button", name="Join").click()
    await expect(page.get_by_role("status")).to_have_text("Connected: in room büro as zoë.")
    await expect(page.locator("#members .name")).to_have_text(["zoë"])
    await page.get_by_role("button", name="Leave").click()
    await expect(page.get_by_role("status")).to_have_text("Not connected: you left.")
    await expect(field).to_have_value(token)
    await page.reload()
    await expect(page.get_by_role("status")).to_have_text("Connected: in room büro as zoë.")
    page = await pages.open(f"{relay.http}/")
    await expect(page.get_by_label("Token", exact=True)).to_be_hidden()


@pytest.mark.parametrize("is_guarded", [False, True], ids=["open", "with a token"])
async def test_each_sample_runs_as_it_stands(
    pages: Pages, start_relay: StartRelay, tmp_path: Path, node: str, is_guarded: bool
) -> None:
    """With the address, the room and the token of the page; what it sends arrives."""
    relay = await start_relay(JWT_SECRET=SECRET) if is_guarded else await start_relay()
    room = RoomName("it's a room")
    page = await pages.open(f"{relay.http}/")
    options: dict[str, Any] = {}
    if is_guarded:
        token = mint(UserName("app"), [room], 600, SECRET)
        await page.get_by_label("Token", exact=True).fill(token)
        options = {"token": mint(UserName("witness"), [room], 600, SECRET)}
    await page.get_by_label("Room", exact=True).fill(room)
    await page.evaluate("navigator.clipboard.writeText = async (text) => { self.copied = text }")
    (tmp_path / "node_modules").symlink_to(MODULES)
    commands = {
        "python": (sys.executable, "hello.py"),
        "node": (node, "hello.mjs"),
        "shell": ("sh", "hello.sh"),
    }
    async with relay.connect("witness", room=room, **options) as witness:
        for name, said in SAMPLES.items():
            await page.evaluate("self.copied = ''")
            await page.locator(f"button[data-copy={name}]").click()
            text = await (await page.wait_for_function("() => self.copied")).json_value()
            shown = await page.locator(f"#{name}").text_content()
            assert (token not in (shown or "")) if is_guarded else shown == text
            if name == "browser":
                (tmp_path / "hello.html").write_text(text)
                opened = await pages.open((tmp_path / "hello.html").as_uri())
                assert await witness.recv() == said
                await opened.close()
                continue
            program, file = commands[name]
            (tmp_path / file).write_text(text)
            process = await asyncio.create_subprocess_exec(
                program, file, cwd=tmp_path, stdout=asyncio.subprocess.DEVNULL
            )
            try:
                assert await witness.recv() == said, name
            finally:
                if process.returncode is None and name != "shell":
                    process.terminate()
                await process.wait()


async def test_every_sample_names_what_installs_what_it_needs(pages: Pages, relay: Relay) -> None:
    """The browser needs nothing."""
    page = await pages.open(f"{relay.http}/")
    for name, line in {
        "python": "pip install websockets",
        "node": "npm install ws",
        "shell": "apt-get install curl",
    }.items():
        await expect(page.locator(f"#{name}")).to_contain_text(line)


async def test_qr_code_leads_to_the_room(pages: Pages, relay: Relay, node: str) -> None:
    """Read by a decoder that has nothing to do with the one who drew it."""
    page = await pages.open(f"{relay.http}/?room=Küche")
    decoder = (MODULES / "jsqr" / "dist" / "jsQR.js").read_text()
    await page.evaluate(f"{{ const module = undefined, exports = undefined; {decoder} }}")
    read = await page.evaluate(
        """() => {
          const path = new Path2D(document.querySelector("#qr path").getAttribute("d"));
          const side = document.querySelector("#qr svg").viewBox.baseVal.width;
          const canvas = new OffscreenCanvas(side * 8, side * 8);
          const context = canvas.getContext("2d");
          context.fillStyle = "white";
          context.fillRect(0, 0, side * 8, side * 8);
          context.scale(8, 8);
          context.translate(4, 4);
          context.fillStyle = "black";
          context.fill(path);
          const { data } = context.getImageData(0, 0, side * 8, side * 8);
          return self.jsQR(data, side * 8, side * 8).data;
        }"""
    )
    assert read == f"{relay.http}/?room=K%C3%BCche"
