"""What the host says of itself before anything is touched: one pyinfra fact."""

import json
from dataclasses import dataclass
from typing import Any

from pyinfra.api import FactBase

from infra.tasks.layers import Chain

# Lines of key=value. Nothing here fails: what is missing is empty.
_COMMAND = r"""
say() { printf "%s=%s\n" "$1" "$2"; }
setting() { sed -n "s/^$1=//p" "$2" | tail -n 1 | tr -d "\"'"; }
labelled() {
    docker ps --quiet --filter label=com.docker.compose.project=relay \
        --filter label=com.docker.compose.service="$1" \
        --filter label=com.docker.compose.oneoff=False | head -n 1
}
exec 2>/dev/null
cd /opt/relay && say wrapper "$(test -x compose && test -r .env && echo yes)"
say user "$(id -un)"
say engine "$(docker version --format "{{.Server.Version}}")"
say architecture "$(docker version --format "{{.Server.Arch}}")"
say compose "$(docker compose version --short)"
say free "$(df --output=avail -B1 "$(docker info --format "{{.DockerRootDir}}")" | tail -n 1)"
say caddy "$(labelled caddy)"
say serving "$(labelled relay)"
say running "$(setting RELAY_IMAGE release.env | sed "s/^relay://")"
say predecessor "$(cat "releases/$(setting RELAY_IMAGE release.env | sed "s/^relay://")/predecessor")"
say committed "$(setting RELEASE_COMMITTED release.env)"
say domain "$(setting RELAY_DOMAIN .env)"
environment="{{range .Config.Env}}{{println .}}{{end}}"
say sites "$(docker inspect --format "$environment" "$(labelled caddy)" |
    sed -n "s/^RELAY_SITES=//p")"
say socket "$(docker inspect --format "{{range .Mounts}}{{println .Destination}}{{end}}" \
    "$(labelled caddy)" | grep -x /run/relay)"
say network "$(docker inspect --format "{{.HostConfig.NetworkMode}}" "$(labelled caddy)")"
say hold "$(cat hold)"
say served "$(ls -d releases/*/served | cut -d / -f 2 | tr "\n" " ")"
docker image ls --quiet --no-trunc | sort -u |
    xargs --no-run-if-empty docker image inspect --format "image={{.Id}} {{json .RootFS.Layers}}"
true
"""


@dataclass(frozen=True)
class Site:
    """One host as it is now; empty strings for what it does not have."""

    user: str
    is_provisioned: bool
    engine: str
    architecture: str  # as Docker calls it: amd64, arm64
    compose: str
    free: int  # bytes where Docker keeps its images
    has_caddy: bool
    running: str  # release on record
    running_committed: int | None  # seconds since 1970
    predecessor: str  # of the running release; "" where none is on record
    serving: str  # container, or "" for none
    domain: str  # as the settings have it
    sites: str  # as Caddy has it since its start
    caddy_has_socket: bool  # by which one relay takes over from another
    caddy_publishes: bool  # its ports through Docker, instead of having the host's network
    hold: str  # who holds deploys back, since when and why; "" for nobody
    served: tuple[str, ...]  # releases that can be gone back to, the oldest first
    images: dict[str, Chain]  # layers by id


class SiteFact(FactBase[Site]):
    """Ask all of it in one command."""

    def command(self) -> str:
        return _COMMAND

    def process(self, output: list[str]) -> Site:
        said: dict[str, str] = {}
        images: dict[str, Chain] = {}
        for line in output:
            key, _, value = line.partition("=")
            if key == "image":
                identity, _, layers = value.partition(" ")
                images[identity] = tuple(json.loads(layers) or ())
            else:
                said[key] = value.strip()
        return Site(
            user=said["user"],
            is_provisioned=bool(said.get("wrapper") and said["running"]),
            engine=said["engine"],
            architecture=said["architecture"],
            compose=said["compose"],
            free=int(said["free"] or 0),
            has_caddy=bool(said["caddy"]),
            running=said["running"],
            running_committed=int(said["committed"]) if said["committed"].isdigit() else None,
            predecessor=said["predecessor"],
            serving=said["serving"],
            domain=said["domain"],
            sites=said["sites"],
            caddy_has_socket=bool(said["socket"]),
            caddy_publishes=said["network"] not in ("", "host"),
            hold=said["hold"],
            served=tuple(sorted(said["served"].split())),
            images=images,
        )


def site_of(host: Any) -> Site:
    """Ask the host now."""
    site: Site = host.get_fact(SiteFact)
    return site
