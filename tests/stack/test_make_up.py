"""`make up` as its user calls it, in a copy of the repository."""

import asyncio
import os
import re
import shutil
import socket
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from tests.lab import engine, images
from tests.lab import stack as lab
from tests.lab.engine import ROOT
from tests.lab.waiting import until

Make = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of what the images and the stack are made of."""
    for name in (
        *("Makefile", "Dockerfile.relay", ".dockerignore", "pyproject.toml", "Caddyfile.docker"),
        *("docker-compose.yml", "docker-compose.override.yml"),
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
