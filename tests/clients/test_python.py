"""relay_client by itself: what it refuses, what it waits for, and how it is installed."""

import asyncio
import subprocess
import sys
import time
import zipfile
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from relay_client import (
    TERMINAL_CODES,
    Closed,
    Event,
    Fate,
    Gap,
    Message,
    QueueFull,
    RelayClient,
    State,
    StateChange,
    Undelivered,
    backoff,
)
from relay_client.inbox import LIMIT
from websockets.asyncio.client import ClientConnection

from relay.access.tokens import mint
from relay.names import RoomName, UserName
from relay.wire.closing import Reason
from tests.conftest import StartRelay
from tests.process import ROOT, Relay

SECRET = "0123456789abcdef0123456789abcdef"


async def test_messages_say_who_sent_them_and_when(relay: Relay, room: str) -> None:
    """Text and bytes, as what they are."""
    async with (
        RelayClient(relay.http, room=room, user="alice") as alice,
        relay.connect("bob", room=room) as bob,
    ):
        await bob.send("grüße")
        await bob.send(b"\0\1")
        messages = aiter(alice)
        first, second = await anext(messages), await anext(messages)
        assert (first.data, first.sender, second.data) == ("grüße", "bob", b"\0\1")
        assert first.at is not None
        assert abs(first.at.timestamp() - time.time()) < 3600
        await alice.send("held")
        assert alice.queued == 0
        assert await bob.recv() == "held"
        assert alice.members == ["alice", "bob"] and alice.count == 2
    assert alice.state is State.CLOSED
    with pytest.raises(Closed, match="not sent, the client is closed: closed by this client"):
        alice.send("late")


@pytest.mark.parametrize("value", [{"a": 1}, 7, None, ["x"]])
async def test_what_cannot_be_sent_is_refused(value: Any) -> None:
    """With what can."""
    client = RelayClient("http://localhost:1", user="alice")
    with pytest.raises(TypeError, match=r"expected str, bytes, bytearray or memoryview"):
        client.send(value)


async def test_full_queue_refuses_and_says_how_full_it_is() -> None:
    """And closing says what became of the rest."""
    client = RelayClient("http://localhost:1", user="alice", queue_limit=150)
    waiting = client.send("ä234567")
    with pytest.raises(QueueFull) as full:
        client.send(b"x" * 15)
    assert (full.value.size, full.value.queued, full.value.limit) == (15, 72, 150)
    client.send(b"x" * 14)
    assert client.queued == 150
    await client.close()
    with pytest.raises(Undelivered) as lost:
        await waiting
    assert lost.value.fate is Fate.UNSENT


async def test_empty_messages_are_bounded_too() -> None:
    """Each counts for what it takes to keep it."""
    client = RelayClient("http://localhost:1", user="alice", queue_limit=6400)
    for _ in range(100):
        client.send(b"")
    with pytest.raises(QueueFull, match="message of 0 bytes was not taken: 6400 bytes wait"):
        client.send("")
    await client.close()


@pytest.mark.parametrize("url", ["ftp://x", "relay.example", "http://"])
def test_addresses_that_are_none_are_refused(url: str) -> None:
    with pytest.raises(ValueError, match="expected an address that begins with http"):
        RelayClient(url)


async def test_refusal_for_good_is_raised(relay: Relay, room: str) -> None:
    """In the relay's own words."""
    async with relay.connect("alice", room=room):
        with pytest.raises(Closed, match="name 'alice' is in use in room"):
            async with RelayClient(relay.http, room=room, user="alice"):
                pass


async def test_token_is_asked_for_anew_after_it_expired(start_relay: StartRelay) -> None:
    """And nothing is lost by it; this server has no fresh one before."""
    guarded = await start_relay(JWT_SECRET=SECRET)
    seconds = 4
    while not await _comes_back(guarded, seconds):
        seconds *= 2
        assert seconds < 100


async def _comes_back(guarded: Relay, seconds: int) -> bool:
    """Return whether the machine was fast enough to connect before the token expired."""
    old = mint(UserName("alice"), [RoomName("lobby")], seconds, SECRET)
    is_in = False

    async def token() -> str:
        if not is_in or alice.state is State.OPEN:
            return old
        return mint(UserName("alice"), [RoomName("lobby")], 600, SECRET)

    alice = RelayClient(guarded.http, user="alice", token=token, echo=True)
    try:
        async with alice:
            is_in = True
            await alice.send("before")
            seen: list[tuple[State, str]] = []
            async for event in alice.events():
                if isinstance(event, StateChange):
                    seen.append((event.state, event.reason))
                    if event.state is State.OPEN and (State.WAITING, "token expired") in seen:
                        break
            await alice.send("after")
    except Closed as error:
        assert "token expired" in str(error)
        return False
    return True


async def test_fresh_token_is_given_before_the_old_one_expires(start_relay: StartRelay) -> None:
    """The connection stays; a function that fails once is asked again."""
    guarded = await start_relay(JWT_SECRET=SECRET)
    seconds = 8
    while not await _stays(guarded, seconds):
        seconds *= 2
        assert seconds < 100


async def _stays(guarded: Relay, seconds: int) -> bool:
    """Return whether the machine was fast enough: it never stood still for too long."""
    asked: list[float] = []

    async def token() -> str:
        asked.append(time.time())
        if len(asked) == 2:
            raise OSError("the login server is away")
        lifetime = seconds if len(asked) == 1 else 600
        return mint(UserName("alice"), [RoomName("lobby")], lifetime, SECRET)

    async with RelayClient(guarded.http, user="alice", token=token, echo=True) as alice:
        longest, last = 0.0, asked[0]
        while last < asked[0] + seconds + 2:  # until the first has expired
            await alice.send("still here")
            await asyncio.sleep(0.1)
            longest, last = max(longest, time.time() - last), time.time()
        if longest > seconds / 8:
            return False
        assert len(asked) == 3
        assert alice.state is State.OPEN
        states = [event async for event in _so_far(alice) if isinstance(event, StateChange)]
        assert [event.state for event in states] == [State.CONNECTING, State.OPEN]
    return True


async def _so_far(client: RelayClient) -> AsyncIterator[Event]:
    """Return the events that have come."""
    events = client.events()
    with suppress(TimeoutError):
        while True:
            yield await asyncio.wait_for(anext(events), 0.5)


async def test_what_nobody_read_is_told_as_a_gap(relay: Relay, room: str) -> None:
    """The latest are kept; whoever iterates in time misses nothing."""
    async with (
        RelayClient(relay.http, room=room, user="alice") as alice,
        relay.connect("bob", room=room) as bob,
    ):
        count = LIMIT + 100
        async with relay.connect("witness", room=room) as witness:
            await _say(bob, count)
            while await witness.recv() != str(count - 1):
                pass
        await alice.send("behind all of them")  # acknowledged where alice reads them, behind them
        events = alice.events()
        first = await anext(events)
        assert isinstance(first, Gap) and first.missed is not None
        kept = [event async for event in _until(events, str(count - 1))]
        assert first.missed + len(kept) == count
        say_task = asyncio.create_task(_say(bob, count))
        assert [event.data async for event in _until(events, str(count - 1))] == [
            str(number) for number in range(count)
        ]
        await say_task


async def _say(bob: ClientConnection, count: int) -> None:
    for number in range(count):
        await bob.send(str(number))


async def _until(events: Any, last: str) -> Any:
    async for event in events:
        if isinstance(event, Message):
            yield event
            if event.data == last:
                return


def test_delays_are_bounded() -> None:
    """As those of the other client."""
    longest = [backoff(failures, 0, lambda: 1.0) for failures in (0, 1, 2, 3, 4, 2000)]
    assert longest == [0.5, 1, 2, 4, 5, 5]
    assert backoff(60, 60, lambda: 1.0) == 30


def test_terminal_codes_are_those_of_the_relay() -> None:
    for reason in Reason:
        assert (reason.code in TERMINAL_CODES) is not reason.reconnect, reason


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A folder with its wheel unpacked, as pip does with a pure one, and nothing else of ours."""
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)],
        cwd=ROOT / "clients" / "python", check=True, capture_output=True,
    )  # fmt: skip
    wheel = next(tmp_path.glob("relay_client-*.whl"))
    assert "relay_client/py.typed" in zipfile.ZipFile(wheel).namelist()
    zipfile.ZipFile(wheel).extractall(tmp_path / "site")
    return tmp_path / "site"


async def test_installed_wheel_takes_part(site: Path, relay: Relay, room: str) -> None:
    """Its own documentation's example runs."""
    program = (
        "import asyncio\nfrom relay_client import RelayClient\nasync def main():\n"
        f"    async with RelayClient({relay.http!r}, room={room!r}, user='wheel') as relay:\n"
        "        await relay.send('hello')\nasyncio.run(main())\n"
    )
    async with relay.connect("host", room=room) as host:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", program), env={"PYTHONPATH": str(site)}, cwd=site
        )
        assert await host.recv() == "hello"
        assert await process.wait() == 0
