"""What a host is like now, as lines for a terminal."""

from infra.host.survey import Survey

_GB = 1 << 30


def lines(found: Survey, certificate: float | None, now: float) -> list[str]:
    """`certificate`: days until it ends, where there is a domain. Nothing here judges."""
    health = found.health
    rows = [("release", f"{found.release}, deployed by {health.get('deployed_by', 'unknown')}")]
    if health:
        rows.append(("serves since", _ago(health["service_uptime_seconds"])))
        rows.append(("members", f"{health['count']:,} in {health['rooms']:,} rooms"))
        rows.append(("last handover", _handover(health, now)))
    else:
        rows.append(("serves since", "it does not answer"))
    if found.trouble:
        rows.append(("docker", f"cannot be asked: {found.trouble}"))
    for service in found.services:
        again = f", started again {service.restarts} times" if service.restarts else ""
        since = _ago(now - service.started)
        memory = f"{service.memory:.0%} of its memory" if service.status == "running" else ""
        rows.append(
            (service.name, ", ".join(filter(None, (service.status, since, memory))) + again)
        )
    available, size = found.memory
    rows.append(("memory", f"{available / _GB:.1f} of {size / _GB:.1f} GB available"))
    for path, (free, total) in found.disks.items():
        rows.append((f"disk {path}", f"{free / _GB:.1f} of {total / _GB:.0f} GB free"))
    if found.domain:
        days = "cannot be seen" if certificate is None else f"{certificate:.0f} days left"
        rows.append(("certificate", f"{found.domain}, {days}"))
    waits = ", and an update waits for the next" if found.waits_for_reboot else ""
    rows.append(("last boot", _ago(now - found.booted) + waits))
    rows.append(("deploys", f"held back by {found.hold}" if found.hold else "welcome"))
    rows += [("", f"{name} {state}, {_ago(now - since)}") for name, state, since in found.deploys]
    width = max(len(label) for label, _ in rows)
    return [f"{label:<{width}}  {value}".rstrip() for label, value in rows]


def _handover(health: dict[str, object], now: float) -> str:
    last = health.get("handover")
    if not isinstance(last, dict):
        return "none since the service started"
    frozen = f"frozen for {last['frozen_seconds'] * 1000:.0f} ms"
    return f"{_ago(now - last['at'])}, {last['connections']:,} connections, {frozen}"


def _ago(seconds: float) -> str:
    """Roughly, as people say it."""
    for size, name in ((86400, "days"), (3600, "hours"), (60, "minutes")):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {name} ago"
    return f"{max(0, round(seconds))} seconds ago"
