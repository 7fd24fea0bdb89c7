"""What a host is like now: asked by whoever looks after it, from a laptop or by schedule."""

import calendar
import shutil
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from infra.host.failure import Failure
from infra.host.host import Host

_LISTED = 5  # deploys
_DOCKER = Path("/var/lib/docker")


@dataclass(frozen=True)
class Service:
    """One container of the stack. Times are seconds since 1970."""

    name: str  # relay or caddy
    release: str  # the tag of its image
    status: str
    started: float  # last, by whomever
    restarts: int  # by Docker, after it had ended by itself, since the container was made
    was_killed: bool  # the kernel ended it for want of memory
    memory: float  # its part of the most that it may take, 0 to 1


@dataclass(frozen=True)
class Survey:
    """All of it."""

    release: str  # on record
    hold: str  # who holds deploys back, since when and why; "" for nobody
    trouble: str  # why Docker cannot be asked; "" if it can
    services: tuple[Service, ...]
    health: dict[str, Any]  # what the relay's /health answers; {} if it does not
    domain: str  # "" for none
    booted: float  # seconds since 1970
    waits_for_reboot: bool
    memory: tuple[int, int]  # bytes available, and in all
    disks: dict[str, tuple[int, int]]  # bytes free, and in all, by directory
    deploys: tuple[tuple[str, str, float], ...]  # release, its state and since when; newest first

    @property
    def running(self) -> list[Service]:
        return [service for service in self.services if service.status == "running"]

    @classmethod
    def parse(cls, said: dict[str, Any]) -> Self:
        """From JSON."""
        return cls(
            **{
                **said,
                "services": tuple(Service(**service) for service in said["services"]),
                "memory": tuple(said["memory"]),
                "disks": {path: tuple(sizes) for path, sizes in said["disks"].items()},
                "deploys": tuple(tuple(deploy) for deploy in said["deploys"]),
            }
        )


def survey(host: Host) -> Survey:
    """Look at everything. What cannot be seen is empty."""
    memory = _memory(Path("/proc/meminfo").read_text())
    services, health, trouble = _stack(host)
    return Survey(
        release=host.record.current,
        hold=host.record.hold,
        trouble=trouble,
        services=services,
        health=health,
        domain=host.record.setting("RELAY_DOMAIN"),
        booted=time.time() - float(Path("/proc/uptime").read_text().split()[0]),
        waits_for_reboot=Path("/run/reboot-required").exists(),
        memory=(memory["MemAvailable"], memory["MemTotal"]),
        disks={str(path): _disk(path) for path in (Path("/"), _DOCKER) if path.is_dir()},
        deploys=tuple(_deploys(host)),
    )


def _stack(host: Host) -> tuple[tuple[Service, ...], dict[str, Any], str]:
    """Its containers, what `/health` answers, and why Docker cannot be asked, if so."""
    try:
        return tuple(_services(host)), host.docker.health(), ""
    except Failure as failure:
        return (), {}, str(failure)


def _services(host: Host) -> list[Service]:
    parts = host.docker.memory()
    return [
        Service(
            name=facts["Config"]["Labels"]["com.docker.compose.service"],
            release=facts["Config"]["Image"].rpartition(":")[2],
            status=facts["State"]["Status"],
            started=_seconds(facts["State"]["StartedAt"]),
            restarts=facts["RestartCount"],
            was_killed=facts["State"]["OOMKilled"],
            memory=parts.get(facts["Id"], 0.0),
        )
        for facts in host.docker.stack()
    ]


def _deploys(host: Host) -> list[tuple[str, str, float]]:
    found = []
    for release in reversed(host.record.releases()[-_LISTED:]):
        file = release.path / "state"
        try:
            found.append((release.name, file.read_text().strip(), file.stat().st_mtime))
        except OSError:  # its switch has not begun
            continue
    return found


def _memory(text: str) -> dict[str, int]:
    """Bytes by name, from lines such as `MemTotal: 4010000 kB`."""
    lines = (line.split() for line in text.splitlines())
    return {words[0].rstrip(":"): int(words[1]) * 1024 for words in lines if len(words) > 1}


def _disk(path: Path) -> tuple[int, int]:
    usage = shutil.disk_usage(path)
    return usage.free, usage.total


def _seconds(stamp: str) -> float:
    """Of a time as Docker writes it, 2026-11-25T10:15:00.123456789Z; always UTC."""
    return float(calendar.timegm(time.strptime(stamp[:19], "%Y-%m-%dT%H:%M:%S")))
