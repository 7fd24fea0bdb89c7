"""What is no successor is refused in a sentence, and the relay that serves goes on."""

import asyncio
import contextlib
import os
import signal
import socket
import stat
from pathlib import Path
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed

from relay.edge.handover.channel import Channel
from relay.edge.handover.format import FORMAT, READABLE
from tests.process import NotStarted, Relay
from tests.raw import RawClient
from tests.relay.handover.succession import Succession, say_and_hear, succession

FOREIGN = "tests.relay.handover.foreign"


def _call(relays: Succession) -> Channel:
    sock = socket.socket(socket.AF_UNIX)
    sock.settimeout(30)
    sock.connect(relays.handover)
    return Channel(sock)


async def _hello(channel: Channel, *formats: int) -> str:
    """Greet, and return why not."""
    await asyncio.to_thread(channel.send, "HELO", {"formats": formats, "network": 0})
    answer = await asyncio.to_thread(channel.receive)
    assert answer.kind == "NO"
    return str(answer.head["reason"])


async def test_sockets_are_for_those_who_may(tmp_path: Path) -> None:
    """Taking over is for the same user, connecting for the group too."""
    async with succession(tmp_path) as relays:
        modes = [stat.S_IMODE(os.lstat(path).st_mode) for path in (relays.handover, relays.listen)]
        assert modes == [0o600, 0o660]


async def test_garbage_is_refused(tmp_path: Path) -> None:
    """In a sentence of the log; clients notice nothing."""
    async with succession(tmp_path) as relays, relays.unix("alice") as alice:
        for garbage in (b"GET / HTTP/1.1\r\n\r\n", b"HELO\0\0\0\x03\0\0\0\0\0\0\0\0{,}", b""):
            channel = _call(relays)
            channel.socket.sendall(garbage)
            channel.socket.shutdown(socket.SHUT_WR)
            with contextlib.suppress(ConnectionResetError):  # closed over what it had not read
                assert await asyncio.to_thread(channel.socket.recv, 1) == b""
            channel.close()
        await relays.relay.logged("refused a successor: the other side sends what is no message")
        await relays.relay.logged("refused a successor: the other side has gone")
        async with relays.unix("bob") as bob:
            await say_and_hear(alice, bob, "hello")
            await relays.next()
            await say_and_hear(alice, bob, "again")


async def test_second_successor_is_refused_while_one_is_at_work(tmp_path: Path) -> None:
    """It ends with exit code 2 and a sentence."""
    async with succession(tmp_path) as relays:
        first = _call(relays)
        await asyncio.to_thread(first.send, "HELO", {"formats": [FORMAT], "network": 0})
        assert (await asyncio.to_thread(first.receive)).kind == "OKAY"
        with pytest.raises(NotStarted) as ended:
            await relays.next()
        assert ended.value.code == 2
        assert "cannot take over: another successor is taking over" in ended.value.log[-1]
        first.close()
        await relays.relay.logged("handing over failed, and this relay goes on serving")
        await relays.next()


@pytest.mark.skipif(os.getuid() != 0, reason="only root can be another user")
async def test_another_user_is_refused(tmp_path: Path) -> None:
    """Even one who may write to the socket, and what it says then changes nothing."""
    for folder in (tmp_path, *tmp_path.parents[:3]):
        os.chmod(folder, 0o755)  # noqa: PTH101
    async with succession(tmp_path) as relays, relays.unix("alice") as alice:
        os.chmod(relays.handover, 0o666)  # noqa: PTH101
        program = (
            "import socket, sys; s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1]);"
            "print(s.recv(1000)); s.sendall(b'DRAN' + bytes([0, 0, 0, 4, *8 * [0]]) + b'null');"
            "s.recv(1)"
        )
        process = await asyncio.create_subprocess_exec(
            *("python3", "-c", program, relays.handover),
            user=65534,
            stdout=asyncio.subprocess.PIPE,
        )
        answer, _ = await process.communicate()
        assert b"user 65534 may not take over from user 0" in answer
        await relays.relay.logged("refused a successor: user 65534 may not take over from user 0")
        async with relays.relay.connect("bob") as bob:
            await say_and_hear(alice, bob, "it goes on")
        channel = _call(relays)  # it still takes calls
        assert "this relay writes" in await _hello(channel, 99)
        channel.close()


async def test_path_that_is_no_socket_is_left_alone(tmp_path: Path) -> None:
    """Somebody's file is not ours to replace."""
    (tmp_path / "notes").write_text("do not lose this")
    for setting in ("HANDOVER_SOCKET", "LISTEN_SOCKET"):
        with pytest.raises(NotStarted, match="is not a socket: remove it, or choose another path"):
            env: dict[str, Any] = {setting: str(tmp_path / "notes")}
            await Relay.start(**env)
    assert (tmp_path / "notes").read_text() == "do not lose this"


async def test_stale_socket_is_replaced_and_a_live_one_never(tmp_path: Path) -> None:
    """A relay that was killed leaves both sockets behind."""
    async with succession(tmp_path) as relays:
        await relays.relay.kill()
        await relays.next()
        with pytest.raises(NotStarted, match="another relay listens on"):
            await Relay.start(LISTEN_SOCKET=relays.listen)
        async with relays.unix("alice") as alice, relays.unix("bob") as bob:
            await say_and_hear(alice, bob, "hello")


async def test_address_that_is_not_to_be_had_ends_the_successor(tmp_path: Path) -> None:
    """Before anything has been decided: the one that serves goes on."""
    async with succession(tmp_path) as relays, relays.unix("alice") as alice:
        with pytest.raises(NotStarted, match=r"cannot listen on 192\.0\.2\.1 port 8080"):
            await relays.next(LISTEN_ADDRESS="192.0.2.1", PORT="8080")
        async with relays.relay.connect("bob") as bob:
            await say_and_hear(alice, bob, "still here")


async def test_formats_without_overlap_are_refused(tmp_path: Path) -> None:
    """The relay drains when another serves in its place, and only then; handshakes never fail."""
    async with succession(tmp_path, DRAIN_WINDOW="1s", DRAIN_TIMEOUT="5s") as relays:
        old = relays.relay
        channel = _call(relays)
        reason = await _hello(channel, 98, 99)
        own = list(READABLE)
        assert reason == f"the successor reads formats [98, 99], this relay writes {own}"
        channel.close()
        async with relays.unix("alice") as alice, relays.relay.connect("bob") as bob:
            await say_and_hear(alice, bob, "it goes on")
            # It has a network of its own, as a container has: the port is free there.
            is_over = asyncio.Event()
            newcomers = asyncio.create_task(_come_and_go(relays, is_over))
            await relays.next(PORT="0", module=FOREIGN, FORMAT="99")
            await old.logged("a successor that could not take over serves in this relay's place")
            for client in (alice, bob):
                with pytest.raises(ConnectionClosed) as closed:
                    await client.recv()
                assert closed.value.rcvd is not None
                assert closed.value.rcvd.code == 1012
            await old.logged("draining → drained")
            is_over.set()
            assert await newcomers > 3
            with pytest.raises(NotStarted, match="stop the relay that serves there"):
                await relays.next(module=FOREIGN, FORMAT="98")
            assert await old.stop() == 0


async def test_relay_that_hangs_is_replaced(tmp_path: Path) -> None:
    """It drains when it wakes up."""
    async with succession(tmp_path, DRAIN_WINDOW="0s", DRAIN_TIMEOUT="5s") as relays:
        old = relays.relay
        async with relays.unix("alice") as alice:
            old.process.send_signal(signal.SIGSTOP)
            await relays.next(PORT="0")
            async with relays.unix("bob") as bob, relays.unix("carol") as carol:
                await say_and_hear(bob, carol, "hello")
            old.process.send_signal(signal.SIGCONT)
            with pytest.raises(ConnectionClosed) as closed:
                await alice.recv()
            assert closed.value.rcvd is not None
            assert closed.value.rcvd.code == 1012


async def _come_and_go(relays: Succession, is_over: asyncio.Event) -> int:
    """Join on the Unix socket again and again; return how often."""
    count = 0
    while not is_over.is_set():
        client = await RawClient.connect(relays.listen, f"/ws/guest-{count}")
        client.close()
        count += 1
        await asyncio.sleep(0.02)
    return count
