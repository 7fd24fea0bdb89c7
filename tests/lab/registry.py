"""Docker Hub for the servers of the lab: Debian's registry, with images of this engine."""

import shutil
import subprocess
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from tests.lab import engine, images
from tests.lab.engine import CACHE, Unavailable, run
from tests.lab.ports import free_ports, until_listening

# The images of this engine that stand for the official ones.
SERVED: Final = {images.CADDY: images.LAB_CADDY, images.PYTHON: images.PYTHON}
_FOLDER: Final = CACHE / "registry"


class Registry:
    """Serves images at `url`, to engines that name it as a mirror of Docker Hub."""

    def __init__(self, address: str = "") -> None:
        """Listen at this address; left out, at the one by which containers reach this machine."""
        self._address = address
        self._process: subprocess.Popen[bytes] | None = None
        self.url = ""

    def __enter__(self) -> Self:
        """Start it; `fill` has to have been called since the images were built."""
        if not all(_is_stored(tag, _identity(image)) for tag, image in SERVED.items()):
            engine.refuse("the lab's registry has not these images: run make images")
        self._process, self.url = _serve(_program(), self._address or engine.gateway())
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


def fill() -> bool:
    """Store all that is served; return whether anything was not there yet."""
    program, changed = _program(), False
    for tag, image in SERVED.items():
        if not _is_stored(tag, identity := _identity(image)):
            _push(program, tag, image)
            _record(tag).write_text(identity)
            changed = True
    return changed


def _record(tag: str) -> Path:
    return _FOLDER / f"{tag.replace(':', '-')}.id"


def _is_stored(tag: str, identity: str) -> bool:
    return _record(tag).exists() and _record(tag).read_text() == identity


def _identity(image: str) -> str:
    return run("docker", "image", "inspect", "--format", "{{.Id}}", image).strip()


def _push(program: str, tag: str, image: str) -> None:
    """Store an image; the engine trusts plain HTTP on loopback only."""
    process, url = _serve(program, "127.0.0.1")
    name = f"{url.removeprefix('http://')}/library/{tag}"
    try:
        run("docker", "tag", image, name)
        run("docker", "push", "--quiet", name)
    finally:
        run("docker", "rmi", name, check=False)
        process.terminate()
        process.wait()


def _serve(program: str, address: str) -> tuple[subprocess.Popen[bytes], str]:
    _FOLDER.mkdir(parents=True, exist_ok=True)
    (port,) = free_ports(address, 1)
    settings = _FOLDER / f"{address}-{port}.yml"
    settings.write_text(
        f"version: 0.1\nlog: {{level: error}}\nhttp: {{addr: '{address}:{port}'}}\n"
        f"storage: {{filesystem: {{rootdirectory: '{_FOLDER / 'data'}'}}}}\n"
    )
    process = subprocess.Popen(
        [program, "serve", settings], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        until_listening(process, address, port)
    except BaseException:
        process.kill()
        process.wait()
        raise
    finally:
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
        done = subprocess.run(
            ["apt-get", "download", "-qq", "docker-registry"],
            cwd=download,
            capture_output=True,
            text=True,
        )
        if done.returncode:
            raise Unavailable(f"apt-get download docker-registry: {done.stderr.strip()}")
        run("dpkg-deb", "-x", next(download.glob("*.deb")), unpacked)
    return str(program)
