"""What a switch has left that was killed, or that the host's power ended."""

from contextlib import suppress

from infra.host.docker import Container
from infra.host.failure import Failure
from infra.host.host import Host
from infra.host.takeover import adopt, take_over

_SETTLE_WAIT = 20.0  # seconds until nothing more is expected of a relay that is not ready


def mend(host: Host) -> None:
    """Have one relay serve, and have it on record, where a switch was cut off.

    Whatever serves stays, so that no client notices. Where nobody does, the release on record is
    started.
    """
    relays = host.docker.relays()
    running = [relay for relay in relays if relay.status == "running"]
    if host.record.under_way is None and len(running) <= 1:
        return
    print("an earlier deploy was cut off on this host: mending", flush=True)
    for relay in running:
        with suppress(Failure):  # one that has just been started takes over before it is ready
            host.relays.await_ready(relay, _SETTLE_WAIT)
    serving = _serving(host, running) or _revive(host, relays)
    if serving is None:
        host.record.end()
        return
    for relay in running:
        if relay.id != serving.id:
            print(f"stopping a second relay, of release {relay.release}", flush=True)
    adopt(host, serving, host.record.release(serving.release))


def _serving(host: Host, running: list[Container]) -> Container | None:
    """The relay that serves by files that are still there; the one on record before any other."""
    whole = [relay for relay in running if host.record.release(relay.release).is_whole]
    on_record = [relay for relay in whole if relay.release == host.record.current]
    ready = [relay for relay in whole if host.relays.is_ready(relay)]
    found = [relay for relay in ready if relay in on_record] or ready
    return next(iter(found or filter(host.relays.answers, on_record)), None)


def _revive(host: Host, relays: list[Container]) -> Container | None:
    """Nobody serves: start the release on record, which takes over from whoever else runs."""
    release = host.record.release(host.record.current)
    if not release.is_whole:
        return None
    print(f"nobody serves: starting release {release.name}", flush=True)
    own = [relay for relay in relays if relay.release == release.name]
    others = [relay for relay in relays if relay not in own and relay.status == "running"]
    try:
        container = own[0] if own else host.docker.create(release.path)
        host.docker.stop(container)  # it may have handed over
        host.docker.let_restart(container, True)
        take_over(host, container, others)
    except Failure as failure:
        print(f"release {release.name}: {failure}", flush=True)
        return None
    return container


def tidy(host: Host) -> None:
    """Remove relays that do not run, and wake those that are paused.

    Compose would start the first and count them; the others it cannot start.
    """
    for relay in host.docker.relays():
        if relay.status in ("created", "exited", "dead"):
            host.docker.remove(relay)
        elif relay.status == "paused":
            host.docker.wake(relay)
