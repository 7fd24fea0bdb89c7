"""A certificate authority of the lab's own, made at its first use: it signs for Pebble's directory.

Whoever asks Pebble for certificates has to trust it: the stack by a mounted file, a server by the
image of Caddy that the lab's registry serves.
"""

from pathlib import Path
from typing import Final

from tests.lab import engine
from tests.lab.engine import CACHE, run

_NEW: Final = (
    *("openssl", "req", "-x509", "-nodes", "-days", "3650"),
    *("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"),
)


def certificate() -> Path:
    """Return the authority's certificate (PEM)."""
    found, key = CACHE / "authority.pem", CACHE / "authority.key"
    with engine.alone("authority"):
        if not (found.exists() and key.exists()):
            run(*_NEW, "-subj", "/CN=Relay lab", "-keyout", key, "-out", found)
    return found


def sign(name: str, folder: Path) -> tuple[Path, Path]:
    """Return certificate and key of a server, for a name such as IP:127.0.0.1 or DNS:localhost."""
    authority, key, found = certificate(), folder / "server.key", folder / "server.pem"
    run(
        *(*_NEW, "-subj", "/CN=lab", "-keyout", key, "-out", found),
        *("-CA", authority, "-CAkey", authority.with_suffix(".key")),
        *("-addext", f"subjectAltName={name}", "-addext", "basicConstraints=critical,CA:FALSE"),
    )
    return found, key
