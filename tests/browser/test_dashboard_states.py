"""The dashboard where it knows little, and where it has little room."""

import json

from playwright.async_api import Page, Route, ViewportSize, expect

from tests.browser.conftest import Pages
from tests.browser.tools import HERE
from tests.conftest import StartRelay
from tests.process import Relay
from tests.relay.sockets.tokens import SECRET, token

SMALL = ViewportSize(width=320, height=640)
TILES = HERE.parent.parent / "relay/static/dashboard/tiles.js"


def refusals(page: Page) -> list[str]:
    """Return the list in which the addresses of refused requests will be."""
    refused: list[str] = []
    page.on("response", lambda said: refused.append(said.url) if said.status == 401 else None)
    return refused


async def three_samples(page: Page) -> None:
    """Wait until the page has asked for three samples: one a second."""
    for _ in range(3):
        async with page.expect_response("**/live*"):
            pass


async def test_refused_token_is_sent_once(pages: Pages, start_relay: StartRelay) -> None:
    """Else the dashboard would count its own requests as refused, one each second."""
    relay = await start_relay(JWT_SECRET=SECRET)
    page = await pages.open(f"{relay.http}/dashboard")
    refused = refusals(page)
    await page.get_by_label("Token", exact=True).fill("nonsense")
    await expect(page.locator("#rooms")).to_have_text("Token is no JSON Web Token.")
    await three_samples(page)
    assert refused == [f"{relay.http}/rooms"]
    await page.get_by_label("Token", exact=True).fill(token("root", admin=True))
    await expect(page.locator("#rooms")).to_have_text("No room has members now.")


async def test_what_a_token_hides_is_not_said_to_be_nothing(
    pages: Pages, start_relay: StartRelay
) -> None:
    """No "Nobody is in it" beside "1 member"; and what was shown is hidden again."""
    relay = await start_relay(JWT_SECRET=SECRET)
    admin = token("root", admin=True)
    async with relay.connect("alice", room="den", token=token("alice", "den")) as alice:
        await alice.send("secret")
        page = await pages.open(f"{relay.http}/dashboard/room?room=den")
        enter = "Enter a token for this room to see who is in it."
        await expect(page.locator("#members")).to_have_text(enter)
        await page.set_viewport_size(SMALL)
        table = page.get_by_role("region", name="Table of members")
        assert await table.evaluate("view => view.scrollWidth <= view.clientWidth")
        await expect(page.locator("#count")).to_have_text("1")
        await expect(page.locator("#backlog")).to_have_text("–")  # noqa: RUF001
        await expect(page.locator("#ended")).to_contain_text("Not shown")
        await page.get_by_label("Token", exact=True).fill(admin)
        await expect(page.locator("#messages")).to_contain_text("secret")
        await expect(page.locator("#members")).to_contain_text("alice")
        await expect(page.locator("#backlog")).to_have_text("0 B")
        await page.get_by_label("Token", exact=True).fill("nonsense")
        await expect(page.locator("#members")).to_have_text(enter)
        await expect(page.locator("#messages")).to_have_text("")


async def test_room_without_a_log_says_so(pages: Pages, relay: Relay, room: str) -> None:
    """Not "the latest messages" above an empty list."""
    page = await pages.open(f"{relay.http}/dashboard/room?room={room}")
    said = "This relay holds no messages of this room."
    await expect(page.locator("#messages-note")).to_have_text(said)


async def test_room_whose_members_are_at_other_relays_says_where_its_messages_are(
    pages: Pages, relay: Relay, room: str
) -> None:
    """This relay follows the log of a room only while it has members here."""

    async def add_one_elsewhere(route: Route) -> None:
        answer = await route.fetch()
        known = {**await answer.json(), "users": ["alice"], "count": 1}
        await route.fulfill(response=answer, body=json.dumps(known))

    page = await pages.open("about:blank")
    await page.route(f"**/rooms/{room}", add_one_elsewhere)
    await page.goto(f"{relay.http}/dashboard/room?room={room}")
    await expect(page.locator("#members")).to_contain_text("at another relay")
    said = "This relay holds no messages of this room: its members are at other relays."
    await expect(page.locator("#messages-note")).to_contain_text(said)
    await page.unroute_all(behavior="wait")


async def test_every_reason_fits_a_small_phone(pages: Pages, relay: Relay) -> None:
    """The longest words beside the largest numbers."""
    meanings = TILES.read_text()

    async def count_all(route: Route) -> None:
        answer = await route.fetch()
        live = await answer.json()
        live["closed"] = {
            word.strip().split(":")[0]: 1_234_567
            for word in meanings.split("MEANINGS = {")[1].split("}")[0].split("\n")
            if ":" in word
        }
        live["refused"] = {"413": 1_234_567, "415": 1, "417": 1}
        await route.fulfill(response=answer, body=json.dumps(live))

    page = await pages.open("about:blank", await pages.context(viewport=SMALL))
    await page.route("**/live*", count_all)
    await page.goto(f"{relay.http}/dashboard")
    await expect(page.locator("#closed")).to_contain_text("too_slow")
    wider = await page.evaluate("document.documentElement.scrollWidth - innerWidth")
    assert wider <= 0
    heights = [
        (await label.bounding_box() or {"height": 0})["height"]
        for label in await page.locator("#windows span").all()
    ]
    assert max(heights) < 40  # pixels: one line each
    await page.unroute_all(behavior="wait")


async def test_message_takes_two_lines_on_a_phone(pages: Pages, relay: Relay, room: str) -> None:
    """Time, name and size; below them its text."""
    async with relay.connect("alice", room=room) as alice:
        await alice.send("some text")
        context = await pages.context(viewport=SMALL)
        page = await pages.open(f"{relay.http}/dashboard/room?room={room}", context)
        parts = page.locator("#messages summary > *")
        await expect(parts).to_have_count(4)
        time, name, preview, size = [await part.bounding_box() for part in await parts.all()]
        assert time and name and preview and size
        assert preview["y"] >= max(each["y"] + each["height"] for each in (time, name, size))
        assert abs(size["y"] - name["y"]) < name["height"]
