"""`make up` as its user calls it, in a copy of the repository."""

import asyncio
import itertools
import os
import re
import shutil
import socket
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from infra.watch.witness import Swarm
from tests.lab import engine, images
from tests.lab import stack as lab
from tests.lab.engine import ROOT
from tests.lab.waiting import LIMIT, until

_ROOT_CERTIFICATE = "/data/caddy/pki/authorities/local/root.crt"

Make = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of what the images and the stack are made of."""
    for name in (
        *("Makefile", "Dockerfile.relay", ".dockerignore", "pyproject.toml", "Caddyfile.docker"),
        *("docker-compose.yml", "docker-compose.override.yml", "docker-compose.own-proxy.yml"),
        "Caddyfile.developer",
    ):
        shutil.copy(ROOT / name, tmp_path / name)
    for name in ("scripts", "relay", "requirements", "loadtest", "wsload"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path


@pytest.fixture
def make(copy: Path) -> Iterator[Make]:
    """Return `make`, run in the copy with `.env` on an address of its own."""
    lab.require_images()
    with ExitStack() as stack:
        address = stack.enter_context(lab.loopback_address())
        # This machine's own images keep their names, and its own stack its ports.
        override = copy / "docker-compose.override.yml"
        text = override.read_text().replace("relay-load:dev", images.LOAD)
        override.write_text(text.replace("127.0.0.1:", f"{address}:"))
        project = f"relay-lab-up-{address.replace('.', '-')}"

        def run(verb: str, **env: str) -> subprocess.CompletedProcess[str]:
            settings = {
                "COMPOSE_PROJECT_NAME": project,
                "HTTP_PORT": f"{address}:80",
                "HTTPS_PORT": f"{address}:443",
                "RELAY_IMAGE": "relay:lab-up",
                **env,
            }
            (copy / ".env").write_text("".join(f"{key}={settings[key]}\n" for key in settings))
            return subprocess.run(
                ["make", "--no-print-directory", verb],
                cwd=copy,
                env=engine.environment(),
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
            )

        def remove() -> None:
            subprocess.run(
                ["docker", "compose", "--profile", "load", "down", "--volumes", "--timeout", "0"],
                cwd=copy,
                env=engine.environment(),
                capture_output=True,
                check=True,
            )

        stack.callback(remove)
        yield run


def _address(copy: Path) -> str:
    found = re.search("^HTTP_PORT=(.+):80$", (copy / ".env").read_text(), re.MULTILINE)
    assert found is not None
    return found[1]


def test_make_up_serves_and_make_down_removes(make: Make, copy: Path) -> None:
    """From nothing to a relay behind Caddy, and a relay without it for a developer."""
    up = make("up")
    assert up.returncode == 0, up.stdout
    assert re.search(r"the relay serves https://localhost at [0-9.]+:443\n$", up.stdout)
    metrics = f"http://{_address(copy)}:8080/metrics"
    assert "relay_" in engine.run("curl", "-sS", "--noproxy", "*", metrics)
    down = make("down")
    assert down.returncode == 0, down.stdout


async def test_make_up_again_replaces_the_relay_and_no_client_notices(
    make: Make, copy: Path
) -> None:
    """200 clients by TLS and two who count each message, through a new image and a bad one."""
    assert (await asyncio.to_thread(make, "up")).returncode == 0
    address, before = _address(copy), _relays(copy)
    tls = lab.trusting(_compose(copy, "exec", "-T", "caddy", "cat", _ROOT_CERTIFICATE))
    relay = copy / "relay" / "__main__.py"
    async with (
        lab.session_at(address, tls) as session,
        connect(f"ws://{address}/ws/speaker?room=count", proxy=None) as speaker,
        connect(f"ws://{address}:8080/ws/listener?room=count", proxy=None) as listener,
    ):
        swarm = Swarm(
            *(session, "wss://localhost"),
            room="swarm",
            rooms=20,
            clients=10,
            rate=0.5,
            tokens={},
            patience=LIMIT,
        )
        async with swarm.connected():
            counting = asyncio.create_task(_count(speaker))
            hearing = asyncio.create_task(_until_end(listener))
            relay.write_text(relay.read_text() + "\n# another image\n")
            up = await asyncio.to_thread(make, "up")
            assert up.returncode == 0, up.stdout
            after = _relays(copy)
            assert len(after) == 1
            assert after != before
            assert _policy(after[0]) == "unless-stopped"
            up = await asyncio.to_thread(make, "up", WRITE_BUFFER_SIZE="lots")
            assert up.returncode
            assert "relay: WRITE_BUFFER_SIZE=lots: expected a size such as 64KB" in up.stdout
            assert "the relay that ran before goes on serving" in up.stdout
            assert _relays(copy) == after
            assert _policy(after[0]) == "unless-stopped"
            counting.cancel()
            with suppress(asyncio.CancelledError):
                await counting
            await speaker.send("end")
            heard = await hearing
            await swarm.hush()
            figures = swarm.figures()
    assert heard == [str(number) for number in range(len(heard))]
    assert len(heard) > 20
    assert (figures["closes"], figures["failure"]) == ({}, "")
    assert (figures["lost"], figures["repeated"], figures["reordered"]) == (0, 0, 0)


async def _count(speaker: ClientConnection) -> None:
    """Say 0, 1, 2 and so on."""
    for number in itertools.count():
        await speaker.send(str(number))
        await asyncio.sleep(0.02)


async def _until_end(listener: ClientConnection) -> list[str]:
    """Return all that is said before "end"."""
    heard = []
    while (message := await listener.recv()) != "end":
        heard.append(str(message))
    return heard


def _compose(copy: Path, *words: str) -> str:
    return engine.run("docker", "compose", "--project-directory", copy, *words)


def _policy(container: str) -> str:
    """Return when Docker starts it again."""
    policy = "{{.HostConfig.RestartPolicy.Name}}"
    return engine.run("docker", "inspect", "--format", policy, container).strip()


def _relays(copy: Path) -> list[str]:
    return _compose(copy, "ps", "--all", "--quiet", "relay").split()


async def test_make_down_tells_members_before_caddy_is_gone(make: Make, copy: Path) -> None:
    """1012, as at every stop: compose alone would stop Caddy first, and cut them off."""
    assert (await asyncio.to_thread(make, "up")).returncode == 0
    async with connect(f"ws://{_address(copy)}/ws/member", proxy=None) as member:
        down = asyncio.create_task(asyncio.to_thread(make, "down"))
        with pytest.raises(ConnectionClosed):
            await member.recv()
        assert member.close_code == 1012
        assert (await down).returncode == 0


def test_the_load_testers_page_runs_beside_the_stack(make: Make, copy: Path) -> None:
    """With profile `load`: Locust's page, all scenarios, and the relay filled in."""
    images.require(images.LOAD)
    assert make("up").returncode == 0
    compose = ("docker", "compose", "--project-directory", copy, "--profile", "load")
    engine.run(*compose, "up", "-d", "--build", "load")
    address = engine.run(*compose, "port", "load", "8089").strip()

    def page() -> str:
        return engine.run("curl", "-sS", "--noproxy", "*", f"http://{address}/", check=False)

    until(lambda: "ws://relay:8080" in page(), "Locust's page is there")
    assert "Broadcast" in page()


def test_a_wrong_setting_is_named(make: Make) -> None:
    """By the relay's own sentence."""
    up = make("up", WRITE_BUFFER_SIZE="lots")
    assert up.returncode
    assert "relay says:\nrelay: WRITE_BUFFER_SIZE=lots: expected a size such as 64KB" in up.stdout
    assert "the stack is not up" in up.stdout


@pytest.mark.parametrize(
    "domain",
    [
        "https://relay.example.org",
        "relay.example.org/chat",
        "relay.example.org:8443",
        "relay.example.org www.example.org",
        "203.0.113.7",
    ],
)
def test_what_is_no_domain_is_refused(make: Make, domain: str) -> None:
    """Before anything is built: Caddy would serve something else, or wait for a certificate."""
    up = make("up", RELAY_DOMAIN=domain)
    assert up.returncode
    expected = "expected a name such as relay.example.org, or nothing for localhost"
    assert up.stdout.startswith(f"RELAY_DOMAIN={domain}: {expected}\n")


def test_an_error_in_the_caddyfile_is_named(make: Make, copy: Path) -> None:
    """With its line; `make up` succeeds once it is mended."""
    caddyfile = copy / "Caddyfile.docker"
    good = caddyfile.read_text()
    caddyfile.write_text(good.replace("encode zstd", "enkode zstd"))
    up = make("up")
    assert up.returncode
    assert "caddy says:" in up.stdout
    assert "unrecognized directive: enkode" in up.stdout
    caddyfile.write_text(good)
    up = make("up")
    assert up.returncode == 0, up.stdout


def test_an_error_in_the_caddyfile_is_named_while_the_relay_is_not_healthy(
    make: Make, copy: Path
) -> None:
    """Caddy has not even started then: whoever mends the relay would find the next error later."""
    caddyfile = copy / "Caddyfile.docker"
    caddyfile.write_text(caddyfile.read_text().replace("encode zstd", "enkode zstd"))
    override = copy / "docker-compose.override.yml"
    fails = "{test: [CMD, 'false'], start_period: 1ms, interval: 1s, retries: 1}"
    healthcheck = "healthcheck:\n      start_period: 60s"
    assert healthcheck in override.read_text()
    override.write_text(override.read_text().replace(healthcheck, f"healthcheck: {fails}"))
    up = make("up")
    assert up.returncode
    assert "caddy says:\n" in up.stdout
    assert "unrecognized directive: enkode" in up.stdout


def test_a_missing_caddyfile_is_named(make: Make, copy: Path) -> None:
    """It does not become an empty directory of that name."""
    (copy / "Caddyfile.docker").unlink()
    up = make("up")
    assert up.returncode
    assert "Caddyfile.docker" in up.stdout
    assert not (copy / "Caddyfile.docker").exists()


def test_a_port_that_is_taken_is_named(make: Make) -> None:
    """By Docker's own sentence, with address and port."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        up = make("up", HTTP_PORT=f"127.0.0.1:{port}")
    assert up.returncode
    assert f"127.0.0.1:{port}: bind: address already in use" in up.stdout
    assert "the stack is not up" in up.stdout


def test_without_docker_the_reason_is_one_sentence(copy: Path) -> None:
    """And says what is missing."""
    tools = copy / "tools"
    tools.mkdir()
    for tool in ("sh", "make", "dirname", "env"):
        (tools / tool).symlink_to(str(shutil.which(tool)))
    up = subprocess.run(
        ["make", "up"], cwd=copy, env={"PATH": str(tools)}, capture_output=True, text=True
    )
    assert up.returncode
    assert "the stack needs Docker with compose v2" in up.stderr
    assert os.linesep not in up.stderr.splitlines()[0]
