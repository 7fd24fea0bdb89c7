"""Makes ready what the tests of stack and servers use: `make images`, before their time limits run.

It starts the engine, pulls images or builds what stands in for them, builds the relay's, and fills
the registry. What is up to date is left as it is: a second run takes seconds.
"""

import hashlib
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from tests.lab import engine, images, registry
from tests.lab.engine import ROOT, Unavailable, run
from tests.lab.images import CADDY, LAB_CADDY, LABEL, LOAD, NATS, PYTHON, VPS

_DEBIAN: Final = "relay-lab/debian:trixie"
_OFFICIAL_DEBIAN: Final = "debian:trixie-slim"
_PULL: Final = 300.0  # seconds after which a registry that hangs counts as one that is not there
_SOURCES: Final = "relay.lab.sources"  # the label of the relay's images, which are many in time
_KEPT: Final = "24h"  # how long one is kept: another checkout may be testing it


def main() -> int:
    """Return the exit code: what cannot be had is an error in CI, and said elsewhere."""
    complete = _report("Docker engine", _engine)
    if complete:
        with engine.alone("images"):
            for name, step in _STEPS.items():
                complete &= _report(name, step)
    return int(engine.IN_CI and not complete)


def _report(name: str, step: Callable[[], str]) -> bool:
    """Print how a step went, and how long it took; return whether tests have what it makes."""
    print(f"{name}: ", end="", flush=True)
    started = time.monotonic()
    try:
        done, complete = step(), True
    except Unavailable as reason:
        done, complete = f"not here: {reason}", False
    print(f"{done} ({time.monotonic() - started:.0f} s)", flush=True)
    return complete


def _need(tag: str) -> None:
    if images.recipe_of(tag) is None:
        raise Unavailable(f"it is made of {tag}")


def _engine() -> str:
    engine.ensure()
    return run("docker", "version", "--format", "{{.Server.Version}}").strip()


def _official(tag: str) -> str:
    if (found := images.recipe_of(tag)) == "":
        return "there"
    if found is None and _pull(tag):
        return "pulled"
    return _stand_in(tag)


def _stand_in(tag: str) -> str:
    found = images.recipe_of(tag)
    if not engine.MAY_START:
        raise Unavailable("it cannot be pulled, and only root builds what stands in for it")
    with tempfile.TemporaryDirectory() as folder:
        recipe = images.fill(tag, Path(folder))
        if recipe == found:
            return "there"
        _ensure_debian()
        run("docker", "build", "-q", "-t", tag, "--label", f"{LABEL}={recipe}", folder)
    return "built"


def _pull(tag: str) -> bool:
    try:
        pulled = subprocess.run(["docker", "pull", "-q", tag], capture_output=True, timeout=_PULL)
    except subprocess.TimeoutExpired:
        return False
    return pulled.returncode == 0


def _ensure_debian() -> None:
    """Debian 13: the official image, or as its packages make it, without documents."""
    if (found := images.recipe_of(_DEBIAN)) == "":
        return
    if found is None and _pull(_OFFICIAL_DEBIAN):
        run("docker", "tag", _OFFICIAL_DEBIAN, _DEBIAN)
        return
    command = (
        *("mmdebstrap", "--quiet", "--variant=minbase", "--include=ca-certificates"),
        *(f"--dpkgopt=path-exclude=/usr/share/{part}/*" for part in ("doc", "man", "locale")),
        "trixie",
    )
    recipe = hashlib.sha256(" ".join(command).encode()).hexdigest()
    if found == recipe:
        return
    if shutil.which("mmdebstrap") is None:
        raise Unavailable("no image registry answers, and mmdebstrap is not installed")
    with tempfile.TemporaryDirectory() as folder:
        archive = Path(folder) / "debian.tar"
        run(*command, archive)
        run("docker", "import", "--change", f"LABEL {LABEL}={recipe}", archive, _DEBIAN)


def _relay() -> str:
    _need(PYTHON)
    tag = images.relay()
    if images.is_ready(tag):
        return f"there, as {tag}"
    old = ("--filter", f"label={_SOURCES}", "--filter", f"until={_KEPT}")
    run("docker", "image", "prune", "--all", "--force", *old)
    arguments = (f"--build-arg={name}={value}" for name, value in images.RELEASE.items())
    command = ("docker", "build", "-q", "-t", tag, "--label", f"{_SOURCES}=", *arguments)
    run(*command, "-f", ROOT / "Dockerfile.relay", ROOT)
    return f"built, as {tag}"


def _load() -> str:
    _need(PYTHON)
    run("docker", "build", "-q", "-f", ROOT / "loadtest" / "Dockerfile", "-t", LOAD, ROOT)
    return "built, from layers that did not change"


def _lab_caddy() -> str:
    _need(CADDY)
    return _stand_in(LAB_CADDY)


def _registry() -> str:
    for image in registry.SERVED.values():
        _need(image)
    return "filled" if registry.fill() else "there"


_STEPS: Final[dict[str, Callable[[], str]]] = {
    PYTHON: lambda: _official(PYTHON),
    CADDY: lambda: _official(CADDY),
    NATS: lambda: _official(NATS),
    "the relay's image": _relay,
    "the load tester's image": _load,
    LAB_CADDY: _lab_caddy,
    VPS: lambda: _stand_in(VPS),
    "the registry of the lab": _registry,
}


if __name__ == "__main__":
    sys.exit(main())
