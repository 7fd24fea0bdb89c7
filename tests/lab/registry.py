"""Docker Hub for the servers of the lab: Debian's registry, with images of this engine."""

import shutil
import socket
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from tests.lab import engine
from tests.lab.engine import CACHE, Unavailable, run

_START: Final = 20.0  # seconds for a registry to listen


class Registry:
    """Serves images at `url`, to engines that name it as a mirror of Docker Hub.

    `served` gives the image of this engine for each official name.
    """

    def __init__(self, served: Mapping[str, str]) -> None:
        self._served = served
        self._process: subprocess.Popen[bytes] | None = None
        self.url = ""

    def __enter__(self) -> Self:
        folder = CACHE / "registry"
        with engine.alone("registry"):
            program = _program()
            for tag, image in self._served.items():
                _push(program, folder, tag, image)
        self._process, self.url = _serve(program, folder, engine.gateway())
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait()


def _push(program: str, folder: Path, tag: str, image: str) -> None:
    """Store an image, unless it is there already; the engine trusts plain HTTP on loopback only."""
    identity = run("docker", "image", "inspect", "--format", "{{.Id}}", image).strip()
    stored = folder / f"{tag.replace(':', '-')}.id"
    if stored.exists() and stored.read_text() == identity:
        return
    process, url = _serve(program, folder, "127.0.0.1")
    name = f"{url.removeprefix('http://')}/library/{tag}"
    try:
        run("docker", "tag", image, name)
        run("docker", "push", "--quiet", name)
        stored.write_text(identity)
    finally:
        run("docker", "rmi", name, check=False)
        process.terminate()
        process.wait()


def _serve(program: str, folder: Path, address: str) -> tuple[subprocess.Popen[bytes], str]:
    folder.mkdir(parents=True, exist_ok=True)
    with socket.socket() as probe:
        probe.bind((address, 0))
        port = probe.getsockname()[1]
    settings = folder / f"{address}-{port}.yml"
    settings.write_text(
        f"version: 0.1\nlog: {{level: error}}\nhttp: {{addr: '{address}:{port}'}}\n"
        f"storage: {{filesystem: {{rootdirectory: '{folder / 'data'}'}}}}\n"
    )
    process = subprocess.Popen(
        [program, "serve", settings], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    deadline = time.monotonic() + _START
    while True:
        try:
            socket.create_connection((address, port), timeout=1).close()
        except OSError:
            if process.poll() is not None or time.monotonic() > deadline:
                process.kill()
                process.wait()
                raise AssertionError(f"the registry does not listen on {address}:{port}") from None
            time.sleep(0.05)
        else:
            settings.unlink()
            return process, f"http://{address}:{port}"


def _program() -> str:
    """Return the registry's path: installed, or unpacked from Debian's package."""
    if found := shutil.which("docker-registry"):
        return found
    unpacked = CACHE / "docker-registry"
    program = unpacked / "usr/bin/docker-registry"
    if not program.exists():
        if shutil.which("apt-get") is None:
            raise Unavailable("no docker-registry here: install Debian's package of that name")
        download = CACHE / "download"
        shutil.rmtree(download, ignore_errors=True)
        download.mkdir(parents=True)
        # Not installed: the package would start a registry of its own.
        subprocess.run(
            ["apt-get", "download", "-qq", "docker-registry"],
            check=True,
            cwd=download,
            capture_output=True,
        )
        run("dpkg-deb", "-x", next(download.glob("*.deb")), unpacked)
    return str(program)
