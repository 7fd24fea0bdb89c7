"""A provisioned server as releases see it: what serves there, and what it remembers."""

import json
import urllib.request
from typing import Any, Final

from tests.lab.vps import Vps

ROOT: Final = "/opt/relay"
# Opens without a proxy that the machine may have.
_OPENER: Final = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class ReleaseHost:
    """One server with its relay."""

    def __init__(self, vps: Vps) -> None:
        self.vps = vps

    @property
    def address(self) -> str:
        return self.vps.address

    def health(self) -> dict[str, Any]:
        """What `/health` answers through Caddy."""
        with _OPENER.open(f"http://{self.address}/health", timeout=10) as answer:
            health: dict[str, Any] = json.load(answer)
        return health

    def answers(self) -> bool:
        """Whether `/health` is answered."""
        try:
            return bool(self.health())
        except OSError:
            return False

    def headers(self) -> dict[str, str]:
        with _OPENER.open(f"http://{self.address}/health", timeout=10) as answer:
            return dict(answer.headers)

    def containers(self) -> dict[str, str]:
        """Images of all relays, rehearsals included, by container."""
        lines = self.vps.run(
            "docker ps --all --no-trunc --filter label=com.docker.compose.project=relay"
            " --filter label=com.docker.compose.service=relay --format '{{.ID}} {{.Image}}'"
        )
        return dict(line.split() for line in lines.splitlines())

    def current(self) -> str:
        return self.vps.run(f"sed -n s/^RELAY_IMAGE=relay://p {ROOT}/release.env").strip()

    def releases(self) -> list[str]:
        """Those that have a directory, the oldest first."""
        return sorted(self.vps.run(f"ls {ROOT}/releases").split())

    def images(self) -> list[str]:
        """The releases that have an image."""
        return sorted(self.vps.run("docker image ls relay --format '{{.Tag}}'").split())

    def state(self, release: str) -> str:
        """How far a release has got; "" before its switch."""
        return self.vps.run(f"cat {ROOT}/releases/{release}/state || true", check=False).strip()

    def newest(self) -> str:
        return self.releases()[-1]


class Untouched:
    """What must still be so after a deploy that did not get through."""

    def __init__(self, host: ReleaseHost) -> None:
        self._host = host
        self._containers = host.containers()
        self._current = host.current()
        self._uptime = host.health()["uptime_seconds"]

    def check(self) -> None:
        """The same container serves the same release, never restarted, and alone."""
        assert self._host.containers() == self._containers
        assert self._host.current() == self._current
        assert self._host.health()["uptime_seconds"] > self._uptime
