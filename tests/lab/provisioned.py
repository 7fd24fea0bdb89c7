"""A server that provision.yml has made: by a run of it, or as a copy of one that such a run made.

A run takes minutes on a busy machine, and a copy seconds. Both serve under an address of their own
and hold nothing of each other.
"""

import hashlib
from typing import Final

from tests.lab import engine, images
from tests.lab.engine import ROOT, run
from tests.lab.playbook import provision
from tests.lab.registry import Registry
from tests.lab.vps import RESTART_DOCKER, Vps, public_key

_REPOSITORY: Final = "relay-lab/provisioned"
_LABEL: Final = "relay.lab.provisioned"
_KEPT: Final = "12h"  # how long a copy is kept: then Debian may have newer packages
# What the playbook reads of this checkout.
_SOURCES: Final = ("ansible", "docker-compose.yml", "Caddyfile.docker")


def boot(registry: Registry, lab: tuple[str, ...], *, disk: int | None = None) -> Vps:
    """Start a server that is ready for releases and has none.

    `lab` are the arguments that the playbook needs here; `disk` is as for `Vps.boot`.
    """
    images.require(images.VPS)
    with engine.alone("provisioned"):
        old = ("--filter", f"label={_LABEL}", "--filter", f"until={_KEPT}")
        run("docker", "image", "prune", "--all", "--force", *old)
        tag = _tag()
        if images.recipe_of(tag) is None:
            return _make(tag, lab, disk)
    return _copy(tag, registry, disk)


def _tag() -> str:
    """Of a copy; other sources have another one."""
    image = run("docker", "image", "inspect", "--format", "{{.Id}}", images.VPS)
    digest = hashlib.sha256(f"{image}{public_key()}".encode())
    for name in _SOURCES:
        digest.update(images.hash_of(ROOT / name).encode())
    return f"{_REPOSITORY}:{digest.hexdigest()[:12]}"


def _make(tag: str, lab: tuple[str, ...], disk: int | None) -> Vps:
    vps = Vps.boot(disk=disk)
    try:
        provision(vps, *lab).succeeded()
        run("docker", "commit", "--change", f"LABEL {_LABEL}=", vps.name, tag)
    except BaseException:
        vps.destroy()
        raise
    return vps


def _copy(tag: str, registry: Registry, disk: int | None) -> Vps:
    """It has all but what Docker held, which is a volume: that is fetched anew."""
    vps = Vps.boot(image=tag, disk=disk)
    try:
        mirror = f'sed -i \'s|"http://[^"]*"|"{registry.url}"|\' /etc/docker/daemon.json'
        vps.run(f"{mirror}; {RESTART_DOCKER}")
        vps.run("/opt/relay/compose up --detach --no-deps --wait --quiet-pull caddy 2>&1")
    except BaseException:
        vps.destroy()
        raise
    return vps
