"""What is wrong with a host, each in a sentence that says what to do."""

import time

from infra.host.survey import Survey

_DISK_LEFT = 0.1  # of its size, the least that should be free
_MEMORY_LEFT = 0.08  # likewise
_MEMORY_TAKEN = 0.85  # of what a container may take; the relay refuses newcomers from 0.8 on
_CERTIFICATE_DAYS = 14  # Caddy renews a month before the end
_GB = 1 << 30


def of_host(found: Survey, now: float, hours: float) -> list[str]:
    """Findings, with restarts in the last so many hours; none where all is well."""
    if found.trouble:  # of its containers nothing is known: they may go on
        what_to_do = "if that lasts, ssh root@HOST systemctl restart docker"
        said = [f"Docker cannot be asked: {found.trouble}: {what_to_do}"]
    else:
        said = _services(found, now, hours)
    return [*said, *_room(found)]


def of_certificate(days: float | None) -> list[str]:
    """`days` until it ends; none where there is no domain."""
    if days is None or days >= _CERTIFICATE_DAYS:
        return []
    return [
        f"the certificate ends in {days:.0f} days, and Caddy should have renewed it: ask why,"
        " make logs HOST=… SERVICE=caddy"
    ]


def _services(found: Survey, now: float, hours: float) -> list[str]:
    said = []
    for name in ("relay", "caddy"):
        own = [service for service in found.services if service.name == name]
        if not any(service.name == name for service in found.running):
            said.append(f"no container of {name} runs: make logs HOST=… SERVICE={name}")
        for service in own:
            is_recent = service.started > now - hours * 3600
            when = time.strftime("%Y-%m-%d %H:%M", time.gmtime(service.started))
            if service.restarts and is_recent:
                why = ", for want of memory" if service.was_killed else ""
                said.append(
                    f"{name} ended by itself{why}, and Docker started it again at {when} UTC,"
                    f" restart {service.restarts} of this one: make logs HOST=… SERVICE={name}"
                )
            if service.memory > _MEMORY_TAKEN:
                said.append(
                    f"{name} has taken {service.memory:.0%} of its memory: give it more"
                    f" ({name.upper()}_MEMORY), or let fewer in (MAX_CONNECTIONS)"
                )
    return said


def _room(found: Survey) -> list[str]:
    said = []
    available, memory = found.memory
    if available < memory * _MEMORY_LEFT:
        said.append(
            f"the host has {available / _GB:.1f} of {memory / _GB:.1f} GB memory left: see who has"
            " it by docker stats, or take a bigger server"
        )
    seen = set()
    for path, (free, size) in found.disks.items():
        if free < size * _DISK_LEFT and (free, size) not in seen:
            said.append(
                f"{path} has {free / _GB:.1f} of {size / _GB:.0f} GB free: docker builder prune"
                " --all, journalctl --vacuum-size=50M, or a bigger disk"
            )
        seen.add((free, size))
    return said
