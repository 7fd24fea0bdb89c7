"""`tls://`: what relays and NATS say to each other, a token included, is for nobody else."""

import asyncio
import shutil
from pathlib import Path

import pytest

from tests.conftest import StartRelay
from tests.lab import authority, engine
from tests.nats.server import NatsServer
from tests.process import NotStarted

_TOKEN = "a-token-of-nobody"


@pytest.fixture
def tls(tmp_path: Path) -> str:
    """What the configuration of a server has for TLS."""
    if shutil.which("openssl") is None:
        engine.refuse("openssl is missing: it makes the certificate")
    certificate, key = authority.sign("IP:127.0.0.1", tmp_path)
    return f'tls {{ cert_file: "{certificate}", key_file: "{key}" }}'


async def test_relays_meet_by_tls(tmp_path: Path, tls: str, start_relay: StartRelay) -> None:
    """With an authority that SSL_CERT_FILE names, and a token."""
    config = f"{tls}\nauthorization {{ token: {_TOKEN} }}"
    async with NatsServer(tmp_path / "store", config) as server:
        url = f"tls://{_TOKEN}@127.0.0.1:{server.port}"
        env = {"NATS_URL": url, "SSL_CERT_FILE": str(authority.certificate())}
        one, two = [await start_relay(**env) for _ in range(2)]
        async with one.connect("alice") as alice, two.connect("bob") as bob:
            await two.count("lobby", 2)
            await alice.send("hi")
            assert await bob.recv() == "hi"


async def test_unknown_authority_stops_the_start(
    tmp_path: Path, tls: str, start_relay: StartRelay
) -> None:
    """One sentence, which says what to do."""
    async with NatsServer(tmp_path / "store", tls) as server:
        with pytest.raises(NotStarted) as error:
            await start_relay(NATS_URL=f"tls://127.0.0.1:{server.port}")
        assert error.value.code == 2
        last = error.value.log[-1]
        assert last.startswith("relay: cannot use NATS: its certificate is not trusted (")
        assert last.endswith("): SSL_CERT_FILE names the authorities to trust")


async def test_no_token_goes_to_a_server_without_tls(start_relay: StartRelay) -> None:
    """Whoever is in between could leave TLS out of what the server offers."""
    heard = b""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal heard
        writer.write(b'INFO {"server_id":"X","version":"2.9.10","max_payload":99999999}\r\n')
        heard += await reader.read()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server:
        with pytest.raises(NotStarted) as error:
            await start_relay(NATS_URL=f"tls://{_TOKEN}@127.0.0.1:{port}")
    assert error.value.code == 2
    said = "relay: cannot use NATS: it offers no TLS, and NATS_URL says tls://"
    assert error.value.log[-1] == said
    assert heard == b""
