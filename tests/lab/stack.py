"""The stack as a host runs it: compose file and Caddyfile in a folder, on an address of its own."""

import asyncio
import fcntl
import json
import os
import shutil
import socket
import ssl
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode

import aiohttp
from aiohttp.abc import ResolveResult
from aiohttp.resolver import ThreadedResolver
from websockets.asyncio.client import connect
from websockets.typing import Subprotocol

from tests.lab import engine, images
from tests.lab.engine import CACHE, ROOT, run
from tests.lab.waiting import LIMIT, until

FILES: Final = ("docker-compose.yml", "Caddyfile.docker")


def require_images() -> None:
    """Skip the test unless all images of the stack are there; fail in CI."""
    images.require(images.PYTHON, images.CADDY)
    images.require(images.relay())


@contextmanager
def loopback_address(network: str = "127.0.11") -> Iterator[str]:
    """Lend an address of this machine, so that ports 80 and 443 are free on it."""
    folder = CACHE / "addresses"
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(1, 255):
        address = f"{network}.{number}"
        with (folder / address).open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue
            yield address
            return
    raise AssertionError(f"no address of {network}.0/24 is free")


class Stack:
    """One `docker compose` project. `env` is what `.env` holds on a host."""

    def __init__(self, folder: Path, address: str, **env: str) -> None:
        self.folder = folder
        self.address = address
        self.project = f"relay-lab-{address.replace('.', '-')}"
        self.env = {
            "RELAY_IMAGE": images.relay(),
            "CADDY_BIND": address,
            **env,
        }
        for name in FILES:
            shutil.copy(ROOT / name, folder / name)

    def compose(self, *words: str | Path, text: str | None = None, check: bool = True) -> str:
        """Run `docker compose` on this project; return what it printed."""
        settings = self.folder / ".env"
        settings.write_text("".join(f"{name}='{value}'\n" for name, value in self.env.items()))
        return run(
            *("docker", "compose", "--project-name", self.project),
            *("--project-directory", self.folder, "--progress", "quiet"),
            *words,
            text=text,
            check=check,
        )

    async def composed(self, *words: str | Path, text: str | None = None) -> str:
        """Run it while the event loop goes on."""
        return await asyncio.to_thread(self.compose, *words, text=text)

    def up(self, *services: str) -> None:
        """Start everything and wait until it is healthy."""
        self.down()  # what a test left that was killed
        errors = [""]

        def is_up() -> bool:
            # On a busy machine health checks may fail for a while: compose gives up too early.
            try:
                self.compose("up", "-d", "--wait", "--wait-timeout", f"{LIMIT:.0f}", *services)
            except AssertionError as error:
                errors[0] = str(error)
                return False
            return True

        try:
            until(is_up, "the stack is healthy")
        except AssertionError as error:
            said = self.compose("logs", "--tail", "20")
            raise AssertionError(f"{error}\n{errors[0]}\n{said}") from None

    def down(self) -> None:
        self.compose("down", "--volumes", "--timeout", "0", "--remove-orphans")

    def containers(self, service: str) -> list[str]:
        return self.compose("ps", "-q", service).split()

    def inspect(self, container: str) -> Any:
        return json.loads(run("docker", "inspect", container))[0]

    def address_of(self, container: str) -> str:
        """Return the container's own address, on which nothing stands between."""
        (network,) = self.inspect(container)["NetworkSettings"]["Networks"].values()
        return str(network["IPAddress"])

    def logs(self, service: str) -> str:
        return self.compose("logs", "--no-log-prefix", "--no-color", service)

    def logged(self, service: str, text: str) -> str:
        """Return what the service said once this text is in it."""
        log = [""]

        def is_there() -> bool:
            log[0] = self.logs(service)
            return text in log[0]

        try:
            until(is_there, f"{service} says {text!r}")
        except AssertionError as error:
            raise AssertionError(f"{error}\n{log[0][-5000:]}") from None
        return log[0]

    def authority(self) -> ssl.SSLContext:
        """Return a context that trusts only Caddy's own authority, which signs for localhost."""
        return trusting(self.root_certificate())

    def root_certificate(self) -> str:
        """Return the certificate (PEM) of Caddy's own authority."""
        path = "/data/caddy/pki/authorities/local/root.crt"
        return self.compose("exec", "-T", "caddy", "cat", path)

    def root_file(self) -> Path:
        """Return a file with that certificate."""
        path = self.folder / "root.pem"
        path.write_text(self.root_certificate())
        return path

    def connect(
        self,
        user: str,
        *,
        tls: ssl.SSLContext | None = None,
        host: str = "localhost",
        headers: dict[str, str] | None = None,
        subprotocol: str | None = None,
        **options: Any,
    ) -> connect:
        """Open a WebSocket through Caddy, with a client that nobody here wrote."""
        query = f"?{urlencode(options)}" if options else ""
        return connect(
            f"{'wss' if tls else 'ws'}://{host}/ws/{user}{query}",
            host=self.address,
            port=443 if tls else 80,
            ssl=tls,
            additional_headers=headers,
            subprotocols=[Subprotocol(subprotocol)] if subprotocol else None,
            max_size=None,
            compression=None,
            ping_interval=None,
            open_timeout=LIMIT,
            proxy=None,
        )

    def session(self) -> aiohttp.ClientSession:
        """Open a session of clients by TLS; every name leads to the stack's address."""
        return session_at(self.address, self.authority())

    def curl(self, url: str, *words: str) -> str:
        """Ask as a browser on this host would; every name leads to the stack's address."""
        return run(
            *("curl", "-sS", "--noproxy", "*", "--path-as-is", "--max-time", f"{LIMIT:.0f}"),
            *("--connect-to", f"::{self.address}:"),
            *words,
            url,
        )

    def admin(self, path: str) -> Any:
        """Ask Caddy's admin endpoint, a socket that only its container has."""
        if os.geteuid():
            engine.refuse("only root looks into a container's files")
        (caddy,) = self.containers("caddy")
        root = Path(f"/proc/{self.inspect(caddy)['State']['Pid']}/root")
        words = ("curl", "-sS", "--unix-socket", root / "run/caddy/admin.sock")
        return json.loads(run(*words, f"http://localhost{path}"))

    def reload(self) -> None:
        """Reload Caddy's configuration as a release does."""
        self.compose(
            *("exec", "-T", "caddy", "caddy", "reload", "--config", "-", "--adapter", "caddyfile"),
            text=(self.folder / "Caddyfile.docker").read_text(),
        )


def session_at(address: str, tls: ssl.SSLContext) -> aiohttp.ClientSession:
    """Open a session of clients by TLS for whom every name leads to this address."""
    connector = aiohttp.TCPConnector(resolver=_Everywhere(address), ssl=tls, limit=0)
    return aiohttp.ClientSession(connector=connector)


class _Everywhere(ThreadedResolver):
    """Every name leads to one address."""

    def __init__(self, address: str) -> None:
        super().__init__()
        self._address = address

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        return await super().resolve(self._address, port, family)


def trusting(*authorities: str) -> ssl.SSLContext:
    """Return a context that trusts these authorities (PEM) and no other."""
    return ssl.create_default_context(cadata="".join(authorities))


def kill_process(container: str) -> None:
    """Kill the container's process 1, as the kernel would: Docker is not told."""
    if os.geteuid():
        engine.refuse("only root kills a process in a container")
    pid = run("docker", "inspect", "--format", "{{.State.Pid}}", container).strip()
    subprocess.run(["kill", "-9", pid], check=True)


@contextmanager
def running(folder: Path, *services: str, **env: str) -> Iterator[Stack]:
    """Run a stack of one's own, and leave nothing behind."""
    if os.uname().sysname != "Linux":
        engine.refuse("the stack's tests reach containers by their address: Linux only")
    require_images()
    with loopback_address() as address:
        stack = Stack(folder, address, **env)
        try:
            stack.up(*services)
            yield stack
        finally:
            stack.down()
