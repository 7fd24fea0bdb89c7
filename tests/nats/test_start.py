"""What stops the start: one sentence each, and exit code 2."""

import asyncio
import json
from contextlib import suppress
from pathlib import Path

import pytest

from relay.edge.nats.errors import Unusable
from relay.edge.nats.link import Link
from relay.settings import Settings, SettingsError
from tests.conftest import StartRelay
from tests.nats.server import NatsServer
from tests.nats.site import Site
from tests.process import NotStarted


async def _refusal(**settings: str) -> str:
    with pytest.raises(Unusable) as refusal:
        async with Site("relay", **settings):
            raise AssertionError("it has started")
    return str(refusal.value)


@pytest.mark.parametrize("url", ["localhost", "http://localhost", "nats://", "nats://a:b:c"])
def test_wrong_url(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is not shown: there may be a password in it."""
    monkeypatch.setenv("NATS_URL", url)
    with pytest.raises(SettingsError) as error:
        Settings.load()
    expected = "expected servers such as nats://127.0.0.1:4222 or tls://TOKEN@host"
    assert str(error.value) == f"NATS_URL=...: {expected}"


async def test_nobody_listens(start_relay: StartRelay) -> None:
    """By a relay as its user runs it."""
    with pytest.raises(NotStarted) as error:
        await start_relay(NATS_URL="nats://127.0.0.1:1")
    assert error.value.code == 2
    assert error.value.log[-1] == "relay: cannot use NATS: the connection is refused"


async def test_wrong_token(tmp_path: Path) -> None:
    """One sentence, without the token."""
    async with NatsServer(tmp_path / "store", "authorization { token: right }") as server:
        url = server.url.replace("//", "//wrong@")
        assert await _refusal(nats_url=url) == (
            "cannot use NATS: it refuses the user, password or token of NATS_URL"
        )
        async with Site("relay", nats_url=server.url.replace("//", "//right@")):
            pass


async def test_no_jetstream(tmp_path: Path) -> None:
    """What to do is told."""
    async with NatsServer(tmp_path / "store", jetstream=False) as server:
        assert await _refusal(nats_url=server.url) == (
            "cannot use NATS: JetStream is not enabled: start nats-server with -js"
        )


async def test_stream_with_other_settings(server: NatsServer) -> None:
    """All relays have to have the same."""
    async with Site("relay", nats_url=server.url):
        pass
    assert await _refusal(nats_url=server.url, history_age="5m") == (
        "cannot use NATS: its stream RELAY has max_age 120s, and this relay's settings say 300s: "
        "use the same settings for all relays, or delete the stream"
    )


async def test_message_size_above_max_payload(tmp_path: Path) -> None:
    """With both numbers."""
    async with NatsServer(tmp_path / "store", max_payload="1MB") as server:
        assert await _refusal(nats_url=server.url) == (
            "cannot use NATS: MAX_MESSAGE_SIZE is 10000000 bytes, and max_payload of NATS 1048576: "
            "an entry needs 1280 bytes more than its message; lower the one, or raise the other"
        )


async def test_old_server() -> None:
    """Before 2.9 there was no way to be told what a stream has taken."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        info = {"server_id": "X", "version": "2.8.4", "max_payload": 1048576, "headers": True}
        writer.write(f"INFO {json.dumps(info)}\r\n".encode())
        while line := await reader.readline():
            if line.startswith(b"PING"):
                writer.write(b"PONG\r\n")
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    try:
        assert await _refusal(nats_url=f"nats://127.0.0.1:{port}") == (
            "cannot use NATS: nats-server 2.8.4 is too old: expected 2.9 or newer"
        )
    finally:
        server.close()


async def test_link_ends_where_its_library_takes_a_cancellation_for_its_own(
    server: NatsServer,
) -> None:
    """nats-py catches one where it flushes; who stops a relay then waited for ever."""
    is_up = asyncio.Event()

    async def on_up() -> None:
        is_up.set()
        with suppress(asyncio.CancelledError):
            await asyncio.Event().wait()

    link = Link([server.url], "relay", on_up, lambda: None)
    link.run()
    await is_up.wait()
    done, _ = await asyncio.wait((asyncio.create_task(link.close()),), timeout=30)
    assert done
