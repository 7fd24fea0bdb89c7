"""What the stack serves, and what it keeps to itself."""

import json
import os
import re
import secrets
import socket
from pathlib import Path
from typing import Any

import pytest
from aioquic.asyncio.client import connect as quic
from aioquic.asyncio.protocol import QuicConnectionProtocol
from aioquic.h3.connection import H3_ALPN
from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.events import QuicEvent
from websockets.exceptions import InvalidStatus

from tests.lab import engine
from tests.lab.engine import run
from tests.lab.stack import Stack
from tests.node import Echo
from tests.stack.conftest import RunStack


def test_pages_are_served_by_http_on_any_name_and_by_https_on_localhost(stack: Stack) -> None:
    """With nothing set: a host reached by its address, and a developer's own machine."""
    authority = stack.root_file()
    for url in ("http://localhost/", "http://203.0.113.7/", "https://localhost/"):
        assert "<title>Relay" in stack.curl(url, "--cacert", str(authority)), url


def test_https_speaks_http_2_and_offers_http_3(stack: Stack) -> None:
    """The first by ALPN, the second by a header."""
    answer = stack.curl("https://localhost/ready", "-k", "-i")
    assert answer.startswith("HTTP/2 200")
    assert 'alt-svc: h3=":443"' in answer


async def test_http_3_is_spoken(stack: Stack) -> None:
    """A QUIC handshake with ALPN h3 by UDP, its chain verified."""
    authority = stack.root_file()
    configuration = QuicConfiguration(
        alpn_protocols=H3_ALPN, server_name="localhost", cafile=str(authority)
    )
    async with quic(
        *(stack.address, 443), configuration=configuration, create_protocol=_Handshake
    ) as client:
        await client.ping()


class _Handshake(QuicConnectionProtocol):
    """Speaks QUIC, and leaves aside what the server says by HTTP/3."""

    def quic_event_received(self, event: QuicEvent) -> None:
        pass


def test_answers_carry_security_headers(stack: Stack) -> None:
    """And no name of a server; HSTS is for domains, since localhost has many projects."""
    answer = stack.curl("https://localhost/", "-k", "-i").lower()
    for header in (
        *("x-content-type-options: nosniff", "referrer-policy: no-referrer"),
        *("x-frame-options: deny", "content-security-policy: default-src 'none'"),
    ):
        assert header in answer
    assert "\nserver:" not in answer
    assert "\nvia:" not in answer
    assert "strict-transport-security" not in answer


def test_pages_are_compressed(stack: Stack) -> None:
    """With zstd or gzip."""
    assert "content-encoding: gzip" in stack.curl(
        *("https://localhost/", "-k", "-s", "-o", "/dev/null", "-D", "-"),
        *("-H", "Accept-Encoding: gzip"),
    )


@pytest.mark.parametrize(
    "path",
    [
        *("/metrics", "//metrics", "/./metrics", "/x/../metrics", "/%6detrics", "/metrics/"),
        *("/METRICS", "/metrics?x", "/metrics%2f", "/%2e/metrics", "/rooms/../metrics"),
    ],
)
def test_metrics_are_not_reachable_through_caddy(stack: Stack, path: str) -> None:
    """However the path is written; on the relay's own address they are there."""
    answer = stack.curl(f"http://localhost{path}", "-i")
    assert answer.startswith("HTTP/1.1 404"), answer
    assert "relay_" not in answer
    (relay,) = stack.containers("relay")
    assert "relay_" in run("curl", "-s", f"http://{stack.address_of(relay)}:8080/metrics")


async def test_secrets_do_not_reach_caddys_log(stack: Stack) -> None:
    """Neither token nor session, in query, header, subprotocol or referrer."""
    secret = secrets.token_hex(16)
    async with stack.connect("secretive", token=secret, **_everywhere(secret)) as client:
        assert client.subprotocol == f"bearer.{secret}"
    with pytest.raises(InvalidStatus):
        async with stack.connect("refused", session=secret, **_everywhere(secret)):
            pass
    stack.curl(f"http://localhost/ws/marker-{secret[:4]}?t%6fken={secret}&room=a;token={secret}")
    log = stack.logged("caddy", f"marker-{secret[:4]}")
    assert "REDACTED" in log
    assert secret not in log
    assert secret not in stack.logs("relay")


async def test_secrets_do_not_reach_the_log_of_an_error(run_stack: RunStack) -> None:
    """What Caddy says of a handshake that no relay answered."""
    stack, secret = run_stack(), secrets.token_hex(16)
    await stack.composed("stop", "relay")
    with pytest.raises(InvalidStatus, match=r"50[23]"):
        async with stack.connect("unlucky", token=secret, **_everywhere(secret)):
            pass
    log = stack.logged("caddy", "/ws/unlucky")
    assert '"level":"error"' in log
    assert secret not in log


def _everywhere(secret: str) -> dict[str, Any]:
    """Return the arguments of a connection that carries the secret wherever one may stand."""
    return {
        "headers": {
            "Referer": f"http://localhost/?token={secret}",
            "Authorization": f"Bearer {secret}",
        },
        "subprotocol": f"bearer.{secret}",
    }


async def test_node_and_python_exchange_text_binary_and_ten_megabytes(
    stack: Stack, node: str
) -> None:
    """By wss://, both ways; each message comes back unchanged."""
    authority = stack.root_file()
    echo = await Echo.start(
        *(node, "wss://localhost/ws/node?room=exchange"),
        CONNECT_TO=stack.address,
        NODE_EXTRA_CA_CERTS=str(authority),
    )
    assert await echo.line() == "open"
    async with stack.connect("python", tls=stack.authority(), room="exchange") as python:
        for message in ("grüße 😀", "", b"", b"\x00\xff", os.urandom(10_000_000), "x" * 1_000_000):
            await python.send(message)
            assert await python.recv() == message
        await python.send("stop")
        assert await echo.line() == "close 1000 goodbye"
    assert await echo.wait() == 0


def test_a_post_of_ten_megabytes_passes_and_more_gets_a_sentence(
    stack: Stack, tmp_path: Path
) -> None:
    """Caddy's limit of bodies fits MAX_MESSAGE_SIZE; it is the relay that says what is wrong."""
    url, body = "http://localhost/rooms/posts/messages", tmp_path / "body"
    words = ("-H", "Content-Type: application/octet-stream", "--data-binary", f"@{body}")
    body.write_bytes(bytes(10_000_000))
    assert json.loads(stack.curl(url, *words))["bytes"] == 10_000_000
    body.write_bytes(bytes(10_000_001))
    assert "exceeds limit of 10000000" in json.loads(stack.curl(url, *words))["error"]


def test_a_strangers_broken_body_takes_the_relay_from_nobody(stack: Stack) -> None:
    """It is the client that failed: Caddy goes on asking the relay for everybody else."""
    broken = (
        b"POST /rooms/posts/messages HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/plain\r\n"
        b"Transfer-Encoding: chunked\r\nConnection: close\r\n\r\nno length\r\n"
    )
    with socket.create_connection((stack.address, 80)) as stranger:
        stranger.sendall(broken)
        assert b" 502 " in stranger.recv(4096)
    # A failure that is counted keeps Caddy from the relay: nothing is served until it is forgotten.
    upstreams = stack.admin("/reverse_proxy/upstreams")
    assert upstreams
    assert not any(upstream["fails"] for upstream in upstreams)


def test_caddys_configuration_is_no_port(stack: Stack) -> None:
    """On the host's network every user of the host could change what is served."""
    facts = stack.inspect(*stack.containers("caddy"))
    assert facts["HostConfig"]["NetworkMode"] == "host"
    assert "http" in stack.admin("/config/apps")
    listeners = run("ss", "-Hltnp").splitlines()
    own = [line.split()[3] for line in listeners if f"pid={facts['State']['Pid']}," in line]
    assert sorted(own) == [f"{stack.address}:443", f"{stack.address}:80"]


async def test_the_relay_sees_the_clients_address(run_stack: RunStack) -> None:
    """Not Caddy's, and not what a client claims: the limit per address counts real clients."""
    stack = run_stack(MAX_CONNECTIONS_PER_IP="1")
    claim = {"X-Forwarded-For": "203.0.113.1"}
    async with stack.connect("first", headers=claim):
        with pytest.raises(InvalidStatus) as refused:
            async with stack.connect("second", headers={"X-Forwarded-For": "203.0.113.2"}):
                pass
        answer = refused.value.response
        assert answer.status_code == 429
        assert b"203.0.113" not in (answer.body or b"")


def test_containers_have_no_more_rights_than_they_need(stack: Stack) -> None:
    """Read-only root, no capabilities but Caddy's one, nobody's user, bounded memory and logs."""
    expected: dict[str, list[str]] = {"relay": [], "caddy": ["NET_BIND_SERVICE"]}
    for service, capabilities in expected.items():
        (container,) = stack.containers(service)
        host = stack.inspect(container)["HostConfig"]
        assert host["ReadonlyRootfs"]
        assert host["CapDrop"] == ["ALL"]
        added = [name.removeprefix("CAP_") for name in host["CapAdd"] or ()]
        assert added == capabilities, service
        assert "no-new-privileges:true" in host["SecurityOpt"]
        assert host["Memory"] == {"relay": 1024, "caddy": 1536}[service] * 1024**2
        assert host["LogConfig"]["Config"] == {"max-size": "10m", "max-file": "3"}
    (relay,) = stack.containers("relay")
    facts = stack.inspect(relay)
    assert not facts["HostConfig"]["PortBindings"]
    status = run("docker", "exec", relay, "cat", "/proc/1/status")
    assert re.search(r"Uid:\s+10001\s+10001", status)
    assert re.search(r"CapEff:\s+0+\n", status)
    soft, hard = re.search(  # type: ignore[union-attr]
        r"Max open files\s+(\d+)\s+(\d+)", run("docker", "exec", relay, "cat", "/proc/1/limits")
    ).groups()
    assert soft == hard


def test_caddys_program_has_the_file_capability_of_the_real_image(stack: Stack) -> None:
    """Without it, dropped capabilities would be tested with a program that does not mind."""
    (caddy,) = stack.containers("caddy")
    pid = stack.inspect(caddy)["State"]["Pid"]
    if os.geteuid():
        engine.refuse("only root looks into a container's files")
    assert "cap_net_bind_service=ep" in run("getcap", f"/proc/{pid}/root/usr/bin/caddy")
    refused = f"{stack.project}-refused"
    try:
        with pytest.raises(AssertionError, match="operation not permitted"):
            run("docker", "run", "--name", refused, "--cap-drop=ALL", "caddy:2", "caddy", "version")
    finally:
        run("docker", "rm", "-f", refused)
