"""The images that the tests use: which there have to be, and what each is made of.

Where no image registry can be reached, the official images are made of Debian's and PyPI's
packages, so that the project's own Dockerfile and compose file stay as in production. Tests
build none of them, for a time limit runs meanwhile: `make images` does (tests/lab/prepare.py).
"""

import hashlib
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Final

from tests.lab import authority, engine
from tests.lab.engine import BIN, ROOT, Unavailable, run

PYTHON: Final = "python:3.13-slim"
CADDY: Final = "caddy:2"
NATS: Final = "nats:2-alpine"
# The same, and it trusts the lab's authority: what servers of the lab pull as caddy:2.
LAB_CADDY: Final = "relay-lab/caddy:2"
VPS: Final = "relay-lab/vps:trixie"
LOAD: Final = "relay-load:lab"
LABEL: Final = "relay.lab.recipe"  # of a stand-in: a hash of all it was made of
_RECIPES: Final = Path(__file__).parent / "images"
# Build arguments of the relay's image: what it says of itself.
RELEASE: Final = {
    "RELEASE_COMMIT": "0123456789abcdef",
    "RELEASE_TIME": "2026-01-02T03:04:05Z",
    "RELEASE_ACTOR": "somebody",
}
# What Dockerfile.relay takes from this checkout.
_SOURCES: Final = ("Dockerfile.relay", ".dockerignore", "requirements/relay.txt", "relay")
# Of this machine: TLS may be re-signed.
_AUTHORITIES: Final = Path("/usr/local/share/ca-certificates")
_BUNDLE: Final = Path("/etc/ssl/certs/ca-certificates.crt")


@cache
def require(*tags: str) -> None:
    """Return if the engine has these images, made of what they are to be made of now.

    Else skip the test and say what to run; fail in CI.
    """
    engine.require()
    for tag in tags:
        if not is_ready(tag):
            engine.refuse(f"the image {tag} is missing or out of date: run make images")


@cache
def relay() -> str:
    """Return the tag of the relay's image; checkouts with other sources have another one."""
    base = run("docker", "image", "inspect", "--format", "{{.Id}}", PYTHON)
    digest = hashlib.sha256(f"{base}{RELEASE}".encode())
    for name in _SOURCES:
        digest.update(hash_of(ROOT / name).encode())
    return f"relay:lab-{digest.hexdigest()[:12]}"


def is_ready(tag: str) -> bool:
    """Whether the engine has this image, and would not get another one if it was built anew."""
    found = recipe_of(tag)
    if tag not in _FILL or not found:
        return found is not None
    with tempfile.TemporaryDirectory() as folder:
        return fill(tag, Path(folder)) == found


def recipe_of(tag: str) -> str | None:
    """Return the hash a stand-in was built from; "" for a real image; None if there is none."""
    answer = subprocess.run(
        ["docker", "image", "inspect", "--format", f'{{{{index .Config.Labels "{LABEL}"}}}}', tag],
        capture_output=True,
        text=True,
    )
    return answer.stdout.strip() if answer.returncode == 0 else None


def fill(tag: str, folder: Path) -> str:
    """Put what a stand-in is built from into an empty folder; return the hash of that."""
    _FILL[tag](folder)
    return hash_of(folder)


def hash_of(root: Path) -> str:
    """Return a hash of a file, or of all files below a folder: names, modes and contents."""
    digest = hashlib.sha256()
    for path in sorted(root.rglob("*")) if root.is_dir() else [root]:
        if path.is_file() and "__pycache__" not in path.parts:
            digest.update(f"{path.relative_to(root)}\0{path.stat().st_mode}\0".encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()


def _fill_python(folder: Path) -> None:
    shutil.copy(_RECIPES / "python.Dockerfile", folder / "Dockerfile")
    _add_authorities(folder)


def _fill_caddy(folder: Path) -> None:
    shutil.copy(_RECIPES / "caddy.Dockerfile", folder / "Dockerfile")
    shutil.copy(BIN / "caddy", folder / "caddy")
    shutil.copy(_BUNDLE, folder / "ca-certificates.crt")
    _add_busybox(folder)


def _fill_nats(folder: Path) -> None:
    shutil.copy(_RECIPES / "nats.Dockerfile", folder / "Dockerfile")
    shutil.copy(BIN / "nats-server", folder / "nats-server")
    _add_busybox(folder)


def _fill_lab_caddy(folder: Path) -> None:
    (folder / "Dockerfile").write_text(
        f"FROM {CADDY}\n"
        "COPY ca-certificates.crt /etc/ssl/certs/ca-certificates.crt\n"
        f"# {run('docker', 'image', 'inspect', '--format', '{{.Id}}', CADDY)}"
    )
    (folder / "ca-certificates.crt").write_bytes(
        _BUNDLE.read_bytes() + authority.certificate().read_bytes()
    )


def _fill_vps(folder: Path) -> None:
    shutil.copy(_RECIPES / "vps.Dockerfile", folder / "Dockerfile")
    shutil.copy(_RECIPES / "vps-entry.sh", folder / "vps-entry.sh")
    _add_authorities(folder)


def _add_busybox(folder: Path) -> None:
    busybox = shutil.which("busybox")
    if busybox is None:
        raise Unavailable("no image registry answers, and busybox-static is not installed")
    shutil.copy(busybox, folder / "busybox")


def _add_authorities(folder: Path) -> None:
    target = folder / "authorities"
    target.mkdir()
    (target / "README").write_text("authorities that the machine which built this trusts\n")
    for found in sorted(_AUTHORITIES.glob("*.crt")):
        shutil.copy(found, target / found.name)


_FILL: Final[dict[str, Callable[[Path], None]]] = {
    PYTHON: _fill_python,
    CADDY: _fill_caddy,
    NATS: _fill_nats,
    LAB_CADDY: _fill_lab_caddy,
    VPS: _fill_vps,
}
