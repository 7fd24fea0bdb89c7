"""relay-client.js and the pages' own modules, outside of a page."""

import json

import pytest

from relay.wire.closing import Reason
from tests.browser.conftest import Pages
from tests.browser.tools import HERE, MODULES, PATIENCE, RunNode
from tests.process import Relay

CLIENT = HERE.parent.parent / "relay" / "static" / "relay-client.js"


@pytest.mark.parametrize("name", ["client", "session", "jitter"])
async def test_in_node(run_node: RunNode, name: str) -> None:
    """Runs the tests in {name}.test.mjs; those of the client start relays of their own."""
    # Node 20 has a WebSocket behind this flag, newer ones have it anyway.
    code, output = await run_node(
        *("--experimental-websocket", "--test", f"--test-timeout={PATIENCE}"),
        HERE / f"{name}.test.mjs",
    )
    assert code == 0, output
    assert "# fail 0" in output or "fail 0" in output


async def test_one_script_line_is_enough(pages: Pages, relay: Relay, room: str) -> None:
    """The classic build, in a page that has no modules."""
    page = await pages.open(f"{relay.http}/audio?room={room}")
    await page.add_script_tag(url="/static/relay-client.classic.js")
    async with relay.connect("bob", room=room) as bob:
        await page.evaluate(
            """async (room) => {
              const relay = new RelayClient("/", { room, user: "alice" });
              await relay.send("from a classic script");
              return [typeof QueueFull, typeof Undelivered];
            }""",
            room,
        )
        assert await bob.recv() == "from a classic script"
    assert pages.errors == []


async def test_types_are_sound(run_node: RunNode) -> None:
    """`tsc --checkJs --strict` has nothing to say about any module of the pages."""
    tsc = MODULES / "typescript" / "bin" / "tsc"
    code, output = await run_node(tsc, "--project", HERE)
    assert (code, output) == (0, "")


async def test_terminal_close_codes_are_those_of_the_relay(run_node: RunNode) -> None:
    """A client must not come back where the catalogue says so, and has to everywhere else."""
    script = (
        f"import('{CLIENT.as_uri()}').then(m => console.log(JSON.stringify([...m.TERMINAL_CODES])))"
    )
    _, output = await run_node("-e", script)
    terminal = set(json.loads(output))
    for reason in Reason:
        assert (reason.code in terminal) is not reason.reconnect, reason
