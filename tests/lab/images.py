"""The images that the project names, by pulling them, or built here under the same names.

Where no image registry can be reached, `python:3.13-slim` and `caddy:2` are made of Debian's and
PyPI's packages, so that the project's own Dockerfile and compose file stay as in production. A
stand-in carries a hash of all it was made of: it is built anew when that changes, never otherwise.
"""

import hashlib
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Final

from tests.lab import authority, engine
from tests.lab.engine import BIN, Unavailable, run

PYTHON: Final = "python:3.13-slim"
CADDY: Final = "caddy:2"
# The same, and it trusts the lab's authority: what servers of the lab pull as caddy:2.
LAB_CADDY: Final = "relay-lab/caddy:2"
VPS: Final = "relay-lab/vps:trixie"
_DEBIAN: Final = "relay-lab/debian:trixie"
_OFFICIAL_DEBIAN: Final = "debian:trixie-slim"
_RECIPES: Final = Path(__file__).parent / "images"
_LABEL: Final = "relay.lab.recipe"
_AUTHORITIES: Final = Path(
    "/usr/local/share/ca-certificates"
)  # of this machine: TLS may be re-signed
_BUNDLE: Final = Path("/etc/ssl/certs/ca-certificates.crt")


def require(*tags: str) -> None:
    """Return once the engine has these images; skip where they cannot be had, fail in CI."""
    engine.require()
    try:
        for tag in tags:
            ensure(tag)
    except Unavailable as reason:
        engine.refuse(str(reason))


def ensure(tag: str) -> None:
    """Pull the image or build what stands in for it."""
    with engine.alone("images"):
        found = _recipe_of(tag)
        if found == "":  # an image that is no stand-in: the real one
            return
        if found is None and tag not in (VPS, LAB_CADDY) and _pull(tag):
            return
        if not engine.MAY_START:
            raise Unavailable(f"{tag} cannot be pulled, and only root builds what stands in for it")
        with tempfile.TemporaryDirectory() as folder:
            _FILL[tag](Path(folder))
            recipe = _hash(Path(folder))
            if recipe != found:
                _ensure_debian()
                _build(tag, Path(folder), recipe)


def _recipe_of(tag: str) -> str | None:
    """Return the hash a stand-in was built from; "" for a real image; None if there is none."""
    answer = subprocess.run(
        ["docker", "image", "inspect", "--format", f'{{{{index .Config.Labels "{_LABEL}"}}}}', tag],
        capture_output=True,
        text=True,
    )
    return answer.stdout.strip() if answer.returncode == 0 else None


def _pull(tag: str) -> bool:
    try:
        return (
            subprocess.run(
                ["docker", "pull", "-q", tag], capture_output=True, timeout=300
            ).returncode
            == 0
        )
    except subprocess.TimeoutExpired:
        return False


def _build(tag: str, folder: Path, recipe: str) -> None:
    run("docker", "build", "-q", "-t", tag, "--label", f"{_LABEL}={recipe}", folder)


def _ensure_debian() -> None:
    """Debian 13: the official image, or as its packages make it, without documents."""
    if _recipe_of(_DEBIAN) == "":
        return
    if _recipe_of(_DEBIAN) is None and _pull(_OFFICIAL_DEBIAN):
        run("docker", "tag", _OFFICIAL_DEBIAN, _DEBIAN)
        return
    command = (
        *("mmdebstrap", "--quiet", "--variant=minbase", "--include=ca-certificates"),
        *(f"--dpkgopt=path-exclude=/usr/share/{part}/*" for part in ("doc", "man", "locale")),
        "trixie",
    )
    recipe = hashlib.sha256(" ".join(command).encode()).hexdigest()
    if _recipe_of(_DEBIAN) == recipe:
        return
    if shutil.which("mmdebstrap") is None:
        raise Unavailable("no image registry answers, and mmdebstrap is not installed")
    with tempfile.TemporaryDirectory() as folder:
        archive = Path(folder) / "debian.tar"
        run(*command, archive)
        run("docker", "import", "--change", f"LABEL {_LABEL}={recipe}", archive, _DEBIAN)


def _fill_python(folder: Path) -> None:
    shutil.copy(_RECIPES / "python.Dockerfile", folder / "Dockerfile")
    _add_authorities(folder)


def _fill_caddy(folder: Path) -> None:
    shutil.copy(_RECIPES / "caddy.Dockerfile", folder / "Dockerfile")
    shutil.copy(BIN / "caddy", folder / "caddy")
    shutil.copy(_BUNDLE, folder / "ca-certificates.crt")
    busybox = shutil.which("busybox")
    if busybox is None:
        raise Unavailable("no image registry answers, and busybox-static is not installed")
    shutil.copy(busybox, folder / "busybox")


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


def _add_authorities(folder: Path) -> None:
    target = folder / "authorities"
    target.mkdir()
    (target / "README").write_text("authorities that the machine which built this trusts\n")
    for found in sorted(_AUTHORITIES.glob("*.crt")):
        shutil.copy(found, target / found.name)


_FILL: Final[dict[str, Callable[[Path], None]]] = {
    PYTHON: _fill_python,
    CADDY: _fill_caddy,
    LAB_CADDY: _fill_lab_caddy,
    VPS: _fill_vps,
}


def _hash(folder: Path) -> str:
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            digest.update(f"{path.relative_to(folder)}\0{path.stat().st_mode}\0".encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()


def main() -> None:
    """Make everything ready, one line each: `python -m tests.lab.images`."""
    engine.ensure()
    for tag in _FILL:
        ensure(tag)
        print(f"{tag}: {'a stand-in' if _recipe_of(tag) else 'pulled'}")


if __name__ == "__main__":
    main()
